//! From fork to exec: the last steps in the child that becomes the tenant's program.
//!
//! The child shares its parent's memory until `exec`, so nothing here allocates, locks, logs or panics: it executes a
//! [`Plan`] whose strings were created before the fork. The order matters: capabilities are needed to change ids,
//! `no_new_privs` precedes the two walls that require it, and the filter is last, because afterwards only the system
//! calls of programs are allowed. The lane's init has already done the steps that are the same for every program (the
//! inherited part of the filter, the empty bounding set).

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
use crate::sys::shared::SharedNotes;
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
    pub(crate) notes: &'a SharedNotes,
    /// Whether the standard streams are a terminal, which becomes the controlling one.
    pub(crate) has_terminal: bool,
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
            candidates: c_strings(&candidates(name))?,
            argv: c_strings(&request.argv)?,
            env: c_strings(&request.env)?,
        })
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call { candidates: &self.candidates, argv: StringArray::new(&self.argv), envp: StringArray::new(&self.env) }
    }
}

/// Directories of the toolchains, which are searched regardless of the tenant's `PATH`.
const TOOLCHAINS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// Paths to try for the program: `name` itself if it is a path, otherwise `name` in each directory of the toolchains.
fn candidates(name: &str) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_owned()];
    }
    TOOLCHAINS.iter().map(|dir| format!("{dir}/{name}")).collect()
}

/// Becomes the program. Returns only on failure, with the exit code for the child, which is not used.
pub(crate) fn enter(plan: &Plan<'_>) -> i32 {
    if let Err((step, errno)) = prepare(plan) {
        plan.notes.fail(step, errno);
        return 127;
    }
    execute(plan)
}

/// Becomes the program by running it in the warm interpreter of which this process is a copy, or by exec if the
/// interpreter cannot run it identically. Unlike [`enter`], this runs in separate memory, so it may allocate.
pub(crate) fn enter_warm(plan: &Plan<'_>, parent: &WarmParent, texts: &Texts) -> ! {
    let code = match prepare(plan) {
        Ok(()) => match parent.make_ready(&texts.argv, &texts.env) {
            Ok(program) => {
                plan.notes.cpu_own.fetch_add(own_cpu_ns(), Relaxed);
                plan.notes.warm.store(1, Relaxed);
                plan.notes.copy_runs();
                // From here on, the program can change this memory, so it must not keep the shared notes.
                plan.notes.forget();
                program.run()
            }
            Err(_) => {
                plan.notes.copy_asks_for_memory();
                execute(plan)
            }
        },
        Err((step, errno)) => {
            plan.notes.fail(step, errno);
            127
        }
    };
    exit_now(code)
}

fn execute(plan: &Plan<'_>) -> i32 {
    // The CPU time used so far does not belong to the program.
    plan.notes.cpu_own.fetch_add(own_cpu_ns(), Relaxed);
    let mut worst = libc::ENOENT;
    let Call { candidates, argv, envp } = &plan.call;
    for path in *candidates {
        let errno = execve(path, argv, envp);
        // As in a shell: after "not found", the next path is tried, and any other error takes precedence in the report.
        if errno != libc::ENOENT && errno != libc::ENOTDIR {
            worst = errno;
        }
    }
    plan.notes.fail(SetupStep::Exec, worst);
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

    // A new process group in the lane's session, which has no terminal. A new session would make the kernel create a
    // scheduling group each time (sched(7), autogroup). A program with a terminal needs one.
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
        // Without a user namespace, the user is a user of the host, and may have other processes.
        let counted = !off.contains(Wall::ProcessLimit) && !off.contains(Wall::UserNamespace);
        let processes = if counted { u64::from(plan.limits.processes.max(1)) } else { 1 << 20 };
        rlimits::apply(plan.limits, processes).map_err(at(SetupStep::Rlimits))?;
    }
    if !off.contains(Wall::Capabilities) {
        ids::become_tenant().map_err(at(SetupStep::Credentials))?;
        capabilities::drop_all().map_err(at(SetupStep::Capabilities))?;
    }
    // Landlock and the filter require `no_new_privs`, so turning it off turns them off, too.
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
    // A descriptor that was number 3 before is no longer needed.
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
