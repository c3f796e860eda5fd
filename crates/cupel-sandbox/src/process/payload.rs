//! From fork to exec: the last steps in the child that becomes the tenant's program.
//!
//! A child that calls [`enter`] shares its parent's memory until `exec`, so `enter` does not allocate, lock, log or
//! panic. The child executes a [`Plan`] whose strings were created before the fork. The order matters. Capabilities are
//! needed to change ids, so they are dropped after that. `no_new_privs` precedes Landlock and the filter, which require
//! it. The filter is last, because afterwards only the system calls of programs are allowed. The lane's init has
//! already done the steps that are the same for every program (the inherited part of the filter, the empty bounding
//! set).

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;

use cupel_types::Limits;

use crate::mechanism::{capabilities, ids, rlimits};
use crate::process::lane::own_cpu_ns;
use crate::step::SetupStep;
use crate::sys::process::{StringArray, close_from, dup_to, execve, exit_now};
use crate::sys::seccomp::Instruction;
use crate::sys::shared::SharedPage;
use crate::warm::WarmParent;
use crate::wire::CellRequest;
use crate::{Wall, WallSet};

/// Everything that the child needs, created before the fork.
pub(crate) struct Plan<'a> {
    pub(crate) streams: Streams<'a>,
    pub(crate) limits: &'a Limits,
    pub(crate) walls_off: WallSet,
    pub(crate) landlock: Option<i32>,
    pub(crate) filter: &'a [Instruction],
    pub(crate) call: Call<'a>,
    pub(crate) shared: &'a SharedPage,
    /// Whether the standard streams are a terminal, which becomes the controlling one.
    pub(crate) has_terminal: bool,
    /// The tenant's user and group id in this lane.
    pub(crate) tenant: u32,
}

/// The program's descriptors.
#[derive(Clone, Copy)]
pub(crate) struct Streams<'a> {
    /// Descriptors 0 to 2.
    pub(crate) standard: [BorrowedFd<'a>; 3],
    /// Descriptor 3, if requested.
    pub(crate) result: Option<BorrowedFd<'a>>,
}

/// The strings of a request, as C strings.
pub(crate) struct Texts {
    /// Paths to try for the program.
    candidates: Vec<CString>,
    argv: Vec<CString>,
    env: Vec<CString>,
}

/// The arguments of `execve`.
pub(crate) struct Call<'a> {
    candidates: &'a [CString],
    argv: StringArray<'a>,
    envp: StringArray<'a>,
}

impl Texts {
    pub(crate) fn of(request: &CellRequest) -> io::Result<Texts> {
        let c_strings = |texts: &[String]| -> io::Result<Vec<CString>> {
            let c_string = |text: &String| CString::new(text.as_str());
            texts.iter().map(c_string).collect::<Result<_, _>>().map_err(|_| io::ErrorKind::InvalidInput.into())
        };
        let name = request.argv.first().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Texts {
            candidates: c_strings(&candidates(name, &request.search))?,
            argv: c_strings(&request.argv)?,
            env: c_strings(&request.env)?,
        })
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call { candidates: &self.candidates, argv: StringArray::new(&self.argv), envp: StringArray::new(&self.env) }
    }
}

/// Directories of the host's toolchains. They are searched for programs regardless of the tenant's `PATH`.
const TOOLCHAINS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// Candidate paths of the program. If `name` is a path, it is the only candidate. Otherwise, the candidates are `name`
/// in each directory of `search` or, if `search` is empty, in each directory of the host's toolchains.
fn candidates(name: &str, search: &[String]) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_owned()];
    }
    match search {
        [] => TOOLCHAINS.iter().map(|dir| format!("{dir}/{name}")).collect(),
        search => search.iter().map(|dir| format!("{dir}/{name}")).collect(),
    }
}

/// Becomes the program. Returns only on failure, with the exit code of the child; callers ignore this code.
pub(crate) fn enter(plan: &Plan<'_>) -> i32 {
    if let Err((step, errno)) = prepare(plan) {
        plan.shared.fail(step, errno);
        return 127;
    }
    execute(plan)
}

/// Becomes the program. This process is a copy of a warm interpreter and runs the program in it, or calls exec if the
/// interpreter cannot run the program identically. Unlike [`enter`], this runs in separate memory, so it may allocate.
pub(crate) fn enter_warm(plan: &Plan<'_>, parent: &WarmParent, texts: &Texts) -> ! {
    let code = match prepare(plan) {
        Ok(()) => match parent.make_ready(&texts.argv, &texts.env) {
            Ok(program) => {
                plan.shared.cpu_own.fetch_add(own_cpu_ns(), Relaxed);
                plan.shared.warm.store(1, Relaxed);
                plan.shared.copy_runs();
                // From here on, the program can change this process's memory, so the shared page must not stay mapped.
                plan.shared.forget();
                program.run()
            }
            Err(_) => {
                plan.shared.copy_asks_for_memory();
                execute(plan)
            }
        },
        Err((step, errno)) => {
            plan.shared.fail(step, errno);
            127
        }
    };
    exit_now(code)
}

fn execute(plan: &Plan<'_>) -> i32 {
    // The CPU time used so far does not belong to the program.
    plan.shared.cpu_own.fetch_add(own_cpu_ns(), Relaxed);
    let mut worst = libc::ENOENT;
    let Call { candidates, argv, envp } = &plan.call;
    for path in *candidates {
        let errno = execve(path, argv, envp);
        // The next path is tried after any error. As in a shell, an error other than "not found" takes precedence in
        // the report.
        if errno != libc::ENOENT && errno != libc::ENOTDIR {
            worst = errno;
        }
    }
    plan.shared.fail(SetupStep::Exec, worst);
    127
}

/// The descriptor number of the result pipe.
const RESULT: i32 = 3;

/// Duplicates `source` to [`RESULT`], without close-on-exec. Returns an errno or 0.
fn become_result(source: i32) -> i32 {
    if source != RESULT {
        return dup_to(source, RESULT);
    }
    // Duplicating a descriptor to itself would keep its close-on-exec flag.
    match dup_to(RESULT, RESULT + 1) {
        0 => dup_to(RESULT + 1, RESULT),
        errno => errno,
    }
}

fn prepare(plan: &Plan<'_>) -> Result<(), (SetupStep, i32)> {
    let off = plan.walls_off;
    let at = |step: SetupStep| move |errno: rustix::io::Errno| (step, errno.raw_os_error());
    let raw = |step: SetupStep, errno: i32| if errno == 0 { Ok(()) } else { Err((step, errno)) };

    // The program gets a new process group in the lane's session, which has no terminal. For a new session, the kernel
    // would create a scheduling group each time (sched(7), autogroup). Only a program with a terminal needs a session.
    match plan.has_terminal {
        false => rustix::process::setpgid(None, None).map_err(at(SetupStep::Session))?,
        true => drop(rustix::process::setsid().map_err(at(SetupStep::Session))?),
    }
    for (target, source) in plan.streams.standard.iter().enumerate() {
        raw(SetupStep::Descriptors, dup_to(source.as_raw_fd(), target as i32))?;
    }
    if plan.has_terminal {
        raw(SetupStep::Terminal, crate::sys::terminal::control())?;
    }
    if !off.contains(Wall::Rlimits) {
        // Without a user namespace, the program's user is a user of the host and may have other processes, so this
        // limit is not applied.
        let counted = !off.contains(Wall::ProcessLimit) && !off.contains(Wall::UserNamespace);
        let processes = if counted { u64::from(plan.limits.processes.max(1)) } else { 1 << 20 };
        rlimits::apply(plan.limits, processes).map_err(at(SetupStep::Rlimits))?;
    }
    if !off.contains(Wall::Capabilities) {
        ids::become_tenant(plan.tenant).map_err(at(SetupStep::Credentials))?;
        capabilities::drop_all().map_err(at(SetupStep::Capabilities))?;
    }
    // Landlock and the filter require `no_new_privs`, so without it, neither is applied.
    let restrained = !off.contains(Wall::NoNewPrivs);
    if restrained {
        rustix::thread::set_no_new_privs(true).map_err(at(SetupStep::NoNewPrivs))?;
    }
    rustix::process::chdir(c"/box").map_err(at(SetupStep::Session))?;
    if let Some(ruleset) = plan.landlock
        && restrained
    {
        raw(SetupStep::LandlockApply, crate::sys::landlock::restrict_self(ruleset))?;
    }
    // The descriptor that had the number 3 before is no longer needed.
    let first_foreign = match plan.streams.result {
        None => RESULT,
        Some(source) => {
            raw(SetupStep::Descriptors, become_result(source.as_raw_fd()))?;
            RESULT + 1
        }
    };
    if off.contains(Wall::Descriptors) {
        raw(SetupStep::Descriptors, dup_to(2, 9))?;
    } else if close_from(first_foreign as u32).is_err() {
        return Err((SetupStep::Descriptors, libc::EBADF));
    }
    if restrained && !off.contains(Wall::Seccomp) {
        raw(SetupStep::SeccompApply, crate::sys::seccomp::install(plan.filter))?;
    }
    Ok(())
}
