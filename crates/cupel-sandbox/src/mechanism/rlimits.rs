//! Resource limits: a second wall behind the control groups, and the only wall for some resources that control groups
//! do not count, such as open files. Source: getrlimit(2).

use cupel_types::Limits;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids core dumps of this process and of all that it starts. One byte is less than any core file. Only the value 1
/// also prevents the kernel from piping the dump to a program of the host (`|` in core_pattern); 0 does not. The filter
/// refuses to change this limit, so this function is called before the filter is installed. Source: core(5),
/// fs/coredump.c.
pub(crate) fn forbid_core_dumps() -> rustix::io::Result<()> {
    set(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) })
}

/// Applies the limits to this process, except the one of [`forbid_core_dumps`]. `processes` is the limit for all
/// processes of this process's user. Called between vfork and exec, so it must not allocate.
pub(crate) fn apply(limits: &Limits, processes: u64) -> rustix::io::Result<()> {
    let &Limits {
        cpu_time,
        open_files,
        file_size,
        stack,
        address_space,
        // Enforced in `cgroup/lane.rs`. The parameter `processes` is the number for the user.
        memory: _,
        processes: _,
        // Enforced in `process/lane/supervise.rs` and, for the output, in `slot/conversation.rs`.
        wall_time: _,
        idle_time: _,
        instructions: _,
        output: _,
        // Enforced in `mounts.rs` by the size of the cell's tmpfs.
        disk: _,
        inodes: _,
    } = limits;
    let both = |n: u64| Rlimit { current: Some(n), maximum: Some(n) };
    // This is a fallback, well above the limit that the lane enforces with the control group's exact CPU time. The
    // kernel compares this limit with the number of timer ticks. If a hypervisor delays the machine, the ticks exceed
    // the exact time: 11 % more was measured in emulation. A program that reaches this limit is killed by SIGKILL
    // without a recorded reason. The kernel accepts only whole seconds.
    let cpu_seconds = cpu_time.as_secs().saturating_mul(2).saturating_add(2);
    for (resource, limit) in [
        (Resource::Fsize, both(file_size.get())),
        (Resource::Nofile, both(u64::from(open_files))),
        // The kernel counts processes per user, and each lane has a separate user. A second wall behind the pids group.
        (Resource::Nproc, both(processes)),
        (Resource::Stack, both(stack.get())),
        (Resource::Cpu, both(cpu_seconds)),
        (Resource::Memlock, both(64 * 1024)),
        (Resource::Msgqueue, both(800 * 1024)),
        (Resource::Nice, both(0)),
        (Resource::Rtprio, both(0)),
        // The kernel counts pending signals for the lane's user and also, for all lanes together, for the host's user.
        (Resource::Sigpending, both(512)),
    ] {
        set(resource, limit)?;
    }
    match address_space {
        Some(size) => set(Resource::As, both(size.get())),
        None => Ok(()),
    }
}

fn set(resource: Resource, limit: Rlimit) -> rustix::io::Result<()> {
    match setrlimit(resource, limit) {
        // The host's hard limit is already lower.
        Err(rustix::io::Errno::PERM) => lower_soft(resource, limit),
        other => other,
    }
}

fn lower_soft(resource: Resource, wanted: Rlimit) -> rustix::io::Result<()> {
    let hard = rustix::process::getrlimit(resource).maximum;
    let lower = match (hard, wanted.maximum) {
        (Some(h), Some(w)) => Some(h.min(w)),
        (h, w) => h.or(w),
    };
    setrlimit(resource, Rlimit { current: lower, maximum: lower })
}
