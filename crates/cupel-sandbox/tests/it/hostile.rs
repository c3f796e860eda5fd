//! The hostile table: each row is a hostile program, the output it must print, and its outcome. After each row, another
//! run on the same lane (or its replacement) must be unharmed and measured correctly.
//!
//! A row names an `ATTACK` of `hostile/*.c`. The program prints what it observed. Arguments in braces stand for host
//! resources that the attack targets.

use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use cupel_types::{Bytes, Limits, Outcome, Signal};
use libtest_mimic::Trial;

use crate::kit::{Ended, Program, World, is_near, repeatedly};
use crate::machine::{as_on_a_new_kernel, patient};
use crate::{Shared, trial};

pub(crate) const OK: Outcome = Outcome::Exited(0);

/// One hostile program.
pub(crate) struct Row {
    pub(crate) attack: &'static str,
    arguments: &'static [&'static str],
    says: String,
    ends: Outcome,
    with: fn(Program) -> Program,
    also: fn(&Ended),
    /// CPU time beyond the limit in which the program is ended.
    overrun: Duration,
}

/// Maximum CPU time in which one process is ended.
const OVERRUN: Duration = Duration::from_millis(50);
/// Maximum CPU time in which many processes are ended: each must be signalled, and exiting also takes CPU time.
const OVERRUN_OF_MANY: Duration = Duration::from_millis(250);

/// A row from a program, its outcome, and the output it must print.
pub(crate) fn row(attack: &'static str, ends: Outcome, says: impl Into<String>) -> Row {
    Row { attack, arguments: &[], says: says.into(), ends, with: |p| p, also: |_| {}, overrun: OVERRUN }
}

impl Row {
    pub(crate) fn given(mut self, arguments: &'static [&'static str]) -> Row {
        self.arguments = arguments;
        self
    }
    pub(crate) fn with(mut self, with: fn(Program) -> Program) -> Row {
        self.with = with;
        self
    }
    /// The program consists of many processes.
    fn of_many(mut self) -> Row {
        self.overrun = OVERRUN_OF_MANY;
        self
    }
    pub(crate) fn also(mut self, also: fn(&Ended)) -> Row {
        self.also = also;
        self
    }
}

/// One output line for each of many probes, all with the same result.
pub(crate) fn each(answer: &str, questions: &[&str]) -> String {
    questions.iter().map(|q| format!("{q}: {answer}\n")).collect()
}

fn brief(limits: &mut Limits) {
    limits.cpu_time = Duration::from_millis(150);
}

/// Limits for processes that use more memory together than one program does, so that they reach the time limit first.
fn many_processes(limits: &mut Limits) {
    brief(limits);
    limits.memory = Bytes::mib(256);
}

/// Limits for many processes with many open files each.
fn many_locks(limits: &mut Limits) {
    brief(limits);
    limits.processes = 50;
    limits.open_files = 256;
    limits.memory = Bytes::mib(256);
}

#[rustfmt::skip] // A table.
pub(crate) fn table() -> Vec<Row> {
    use Outcome::{Exited, IdleLimit, MemoryLimit, OutputLimit, Signalled, TimeLimit, WallLimit};
    vec![
        // Processes.
        row("fork_bomb", TimeLimit, "").with(|p| p.limits(many_processes)).of_many(),
        row("fork_to_the_limit", OK, "fork: EAGAIN\nchildren: 31\n"),
        row("thread_bomb", OK, "pthread_create: EAGAIN\nthreads: 31\n"),
        row("vfork_exec_bomb", TimeLimit, "").with(|p| p.limits(many_processes)).of_many(),
        row("exec_loop", TimeLimit, "").with(|p| p.limits(brief)),
        row("lock_storm", TimeLimit, "").given(&["1"]).with(|p| p.limits(many_locks)).of_many(),
        row("lock_storm", TimeLimit, "").given(&["6"]).with(|p| p.limits(many_locks)).of_many(),
        row("lock_storm", TimeLimit, "").given(&["96"]).with(|p| p.limits(many_locks)).of_many(),
        row("lock_queue", TimeLimit, "").with(|p| p.limits(many_locks)).of_many(),
        row("locked_sum", OK, "sum: 2000\nan unknown lock operation: EINVAL\nshared: OK\nanother: OK\n").given(&["1000"]),
        row("zombies", OK, "fork: EAGAIN\nzombies: 31\n"),
        row("daemons", OK, "daemons started\n"),
        row("comet", OK, "running\n"),
        // The kernel frees dead processes with a delay, and charges for them until it frees them. The delay is longer
        // on a busy machine.
        row("comet_and_sleep", TimeLimit, "").with(|p| p.limits(|l| { brief(l); l.memory = Bytes::mib(512); })),
        row("siblings", Exited(3), each("OK", &["clone(CLONE_PARENT)"; 3])),
        row("main_thread_exits", Exited(7), ""),
        row("detached_threads", Exited(9), "exiting\n"),
        row("subreaper", OK, "PR_SET_CHILD_SUBREAPER: OK\n"),
        row("vfork_and_sleep", IdleLimit, "").with(|p| p.limits(|l| l.idle_time = Duration::from_millis(200))),
        row("stop_itself", IdleLimit, "").with(|p| p.limits(|l| l.idle_time = Duration::from_millis(200))),
        row("stopped_child", IdleLimit, "").with(|p| p.limits(|l| l.idle_time = Duration::from_millis(200))),
        row("sleeper_that_ignores_signals", WallLimit, "").with(|p| p.limits(|l| l.wall_time = Duration::from_millis(200))),
        row("sleeper", IdleLimit, "asleep\n").with(|p| p.limits(|l| l.idle_time = Duration::from_secs(1))),
        row("ticker", WallLimit, "").with(|p| p.limits(|l| {
            l.wall_time = Duration::from_secs(3);
            l.idle_time = Duration::from_millis(1500);
        })),
        row("busy", TimeLimit, "begun\n").with(|p| p.limits(brief)),
        row("busy_children", TimeLimit, "").with(|p| p.limits(brief)),
        row("busy_threads", TimeLimit, "").with(|p| p.limits(brief)),
        row("busy_orphans", TimeLimit, "").with(|p| p.limits(brief)),
        row("relay", TimeLimit, "").with(|p| p.limits(brief)),
        row("busy_kernel", TimeLimit, "").with(|p| p.limits(brief)),

        // Memory.
        row("malloc_bomb", MemoryLimit, ""),
        row("mmap_private_bomb", MemoryLimit, ""),
        row("mmap_shared_bomb", MemoryLimit, ""),
        row("mmap_populate_bomb", MemoryLimit, ""),
        row("thread_stacks", MemoryLimit, ""),
        row("memory_of_children", MemoryLimit, ""),
        row("child_bursts", MemoryLimit, ""),
        row("memfd_bomb", MemoryLimit, ""),
        row("sysv_shm_bomb", MemoryLimit, ""),
        row("socket_buffer_bomb", MemoryLimit, ""),
        // All pipes of a user together have at most 64 MiB (pipe(7), pipe-user-pages-soft).
        row("pipe_buffer_bomb", MemoryLimit, "").with(|p| p.limits(|limits| limits.memory = Bytes::mib(16))),
        row("page_cache_read", OK, "read 192 MiB\n").given(&["{large}"]),
        row("page_cache_mmap", OK, "mapped 192 MiB, sum 0\n").given(&["{large}"]),
        row("reserve_a_terabyte", OK, "mmap: OK\n").also(|e| assert!(e.report.usage.memory < Bytes::mib(4), "{e}")),
        row("lock_memory", OK, "mlockall: ENOMEM\nmlock of 1 MiB: ENOMEM\nMAP_LOCKED: EAGAIN\nMAP_HUGETLB: ENOMEM\n"),
        row("endless_recursion", Signalled(Signal(11)), ""),

        row("negative_dentries", OK, "stat: ENOENT\n").given(&["{large}"]),
        row("page_table_bomb", MemoryLimit, ""),
        row("mapping_bomb", OK, "mprotect: ENOMEM\nfewer than 70000: yes\n"),
        row("message_bomb", MemoryLimit, ""),
        row("semaphore_bomb", MemoryLimit, ""),

        // Disk: the box is a tmpfs, so its files are also charged as memory.
        row("disk_fill", OK, "/dev/shm/c: ENOSPC\n/box/d: ENOSPC\nMiB in total: 32\n"),
        row("disk_fill_at_once", OK, "fallocate: OK\nfallocate: OK\nfallocate: ENOSPC\n"),
        row("deleted_files", OK, "write: ENOSPC\nMiB in total: 32\n"),
        row("inode_fill", OK, "make: ENOSPC\nmade: 500\n"),
        row("file_too_large", Signalled(Signal(25)), ""),
        row("file_too_large_ignored", OK,
            "ftruncate to 1 TiB: EFBIG\nftruncate to 16 MiB: OK\npwrite at 16 MiB: EFBIG\npwrite at 1 TiB: EFBIG\nfallocate: EFBIG\n"),

        // Output.
        row("flood", OutputLimit, "x".repeat(64 * 1024)).given(&["1"])
            .also(|e| assert!(e.report.stdout_truncated && !e.report.stderr_truncated && e.stdout.len() == 64 * 1024, "{e}")),
        row("flood", OutputLimit, "").given(&["2"])
            .also(|e| assert!(!e.report.stdout_truncated && e.report.stderr_truncated && e.stderr.len() == 64 * 1024, "{e}")),
        row("flood_both_by_daemons", OutputLimit, "\0".repeat(64 * 1024)),
        row("flood_by_splice", OutputLimit, "\0".repeat(64 * 1024)),

        // Kernel gates.
        row("mounting", OK, each("EPERM", &["mount", "mount", "mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount",
            "fspick", "open_tree", "move_mount", "mount_setattr", "swapon", "quotactl"])),
        row("namespaces_by_unshare", OK, each("EPERM", &["unshare user", "unshare pid", "unshare mount", "unshare net", "unshare ipc",
            "unshare uts", "unshare cgroup", "unshare time", "unshare user and mount"])),
        row("namespaces_by_clone", OK, each("EPERM", &["clone user", "clone pid", "clone mount", "clone net", "clone ipc", "clone uts",
            "clone cgroup", "clone user, upper bits set", "clone with exit signal 128"]) + &each("ENOSYS", &["clone3"; 2])),
        row("namespaces_by_setns", OK, ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"]
            .map(|kind| format!("/proc/1/ns/{kind}: ENOENT\nsetns: EPERM\n")).concat() + "setns to pid 1: EPERM\n"),
        row("tracing", OK, each("EPERM", &["PTRACE_ATTACH 1", "PTRACE_SEIZE 1", "PTRACE_TRACEME", "PTRACE_ATTACH child", "process_vm_readv 1",
            "process_vm_readv child", "process_vm_writev child", "kcmp", "pidfd_getfd", "process_madvise", "move_pages", "migrate_pages"])),
        row("keyrings", OK, each("EPERM", &["keyctl", "add_key", "request_key"])),
        row("watch_shared_files", OK, "inotify_init: ENOSYS\ninotify_init1: ENOSYS\nfanotify_init: EPERM\n\
                                       F_NOTIFY: EPERM\nF_SETLEASE: EPERM\n"),
        row("kernel_programs", OK, each("EPERM", &["bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
            "io_uring_register", "io_setup", "init_module", "finit_module", "delete_module", "kexec_load"])
            + &each("ENOSYS", &["seccomp", "landlock_create_ruleset"])
            + &each("EPERM", &["vmsplice", "fanotify_init", "open_by_handle_at", "name_to_handle_at", "modify_ldt", "iopl", "ioperm",
                "syslog", "acct", "reboot", "vhangup"])
            + &each("ENOSYS", &["system call 1000", "system call -1", "x32 getpid"])),
        row("int_0x80", Signalled(Signal(31)), "trying\n"),
        row("clocks_and_names", OK, each("EPERM", &["clock_settime", "settimeofday", "adjtimex", "clock_adjtime", "sethostname", "setdomainname"])
            + "host name: cupel\n"),
        row("identities", OK, "uids: 1000 1000 1000, groups: 0\n".to_owned()
            + &each("EPERM", &["setuid 0", "setresuid 0", "setgid 0", "setgroups"])
            + "setfsuid: OK\nopen as fsuid 0: ENOENT\nchown to root: EPERM\nno new privileges: 1\nfilter mode: 2\n"),
        row("capabilities", OK, "capget: OK\nhas: 0, bounding: 0\n".to_owned()
            + &each("EPERM", &["capset", "capset inheritable", "ambient", "bounding drop", "securebits"])
            + "clear no_new_privs: EINVAL\nPR_SET_MM: EPERM\nuser xattr: EPERM\n"),
        row("set_uid_programs", OK, "uids: 1000 1000 1000\nmake one: OK\nowner: 1000\nsu succeeded: no\n").given(&["{set_uid}"]),
        row("personalities", OK, "READ_IMPLIES_EXEC: EPERM\nMMAP_PAGE_ZERO: EPERM\nADDR_NO_RANDOMIZE: OK\nmap page zero: EPERM\n"),
        row("scheduling", OK, each("EPERM", &["SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"])
            + "nice -20: EACCES\nrenice init: EPERM\nionice: ENOSYS\nall processors: OK\nprocessors: 1\naffinity of init: EPERM\n"),
        row("raise_limits", OK, each("EPERM", &["core", "file size", "open files", "processes", "stack", "cpu", "locked", "queues", "nice",
            "real time", "signals", "prlimit 1", "prlimit 1, read only"])),
        row("lower_limits", Exited(11), "processes: OK\nfork: EAGAIN\nfile size: OK\nwrite: EFBIG\nopen files: OK\nopen: EMFILE\nstack: OK\n\
            memory: OK\nmmap: ENOMEM\nsignals: OK\n"),
        row("own_cpu_limit", Signalled(Signal(9)), ""),
        row("terminals", OK, "TIOCSTI: ENOTTY\nTIOCLINUX: ENOTTY\nTIOCSCTTY: ENOTTY\nTIOCSTI, upper bits set: ENOTTY\n/dev/tty: ENOENT\n\
            /dev/ptmx: ENOENT\n/dev/console: ENOENT\nsession leader: no\n"),

        // Paths.
        row("read_paths", OK, each("ENOENT", &["/etc/shadow", "/root", "/home", "/var/log", "/root/.ssh/id_rsa", "/boot", "/srv", "/mnt",
            "/etc/ssh", "/etc/hostname", "/etc/machine-id", "/var/lib/cupel", "/etc/resolv.conf", "/lost+found"]))
            .given(&["/etc/shadow", "/root", "/home", "/var/log", "/root/.ssh/id_rsa", "/boot", "/srv", "/mnt",
            "/etc/ssh", "/etc/hostname", "/etc/machine-id", "/var/lib/cupel", "/etc/resolv.conf", "/lost+found"]),
        row("indirect_paths", OK, "openat2 without RESOLVE flags: ENOENT\nrelative to /: ENOENT\n").given(&["{secret}"]),
        row("write_paths", OK, each("EROFS", &["/usr", "/etc", "/", "/usr/lib", "/dev", "/opt", "/var"])
            + "/proc: ENOENT\noverwrite: EACCES\ntruncate: EACCES\n"
            + &each("EROFS", &["unlink", "chmod", "chmod passwd", "rename", "utimes"]) + "device: OK\n")
            .given(&["/usr", "/etc", "/", "/usr/lib", "/dev", "/opt", "/var", "/proc"]),
        row("proc_of_init", OK, each("ENOENT", &["environ", "mem", "maps", "smaps", "auxv", "stack", "syscall", "io", "fd", "fdinfo/0",
            "task/1/environ", "cwd", "root", "exe", "ns/user", "map_files", "personality", "pagemap", "clear_refs", "timers", "cmdline",
            "status", "comm", "cgroup", "mountinfo", "wchan", "write mem", "write oom_score_adj"])),
        row("kernel_files", OK, "write own oom_score_adj: EROFS\nwrite own coredump_filter: EROFS\nwrite own uid_map: EROFS\n\
            write own timerslack: EROFS\nwrite own mem: EROFS\nown groups name the lane: no\n"),
        row("descriptors", OK, "0: pipe\n1: pipe\n2: pipe\nwrite standard input: EBADF\nread standard output: EBADF\n\
            env PATH=/usr/local/bin:/usr/bin:/bin\n"),
        row("device_nodes", OK, each("EACCES", &["char device", "block device", "whiteout", "in /tmp", "in /dev/shm"]) + "in /dev: EROFS\n"),
        row("box_itself", OK, "rename /box: EXDEV\nrename a directory over /box: EXDEV\nrmdir /box: EROFS\nrmdir /tmp: EROFS\n\
            rmdir /cell/box: EACCES\nrename /cell/box: EACCES\nwrite in /cell: EACCES\nwrite in /: EROFS\nchmod /tmp: EPERM\n\
            chmod /box: OK\nwrite in /box: EACCES\n"),
        row("hard_links", OK, each("EXDEV", &["/etc/passwd", "/usr/bin/env", "own executable"]) + "directory: EPERM\nacross: EXDEV\n"),

        // Files left in the box to attack the process that collects them.
        row("leave_link", OK, "").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.collected() == "honest" && !e.report.files_truncated, "{e}")),
        row("leave_special", OK, "").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.collected() == "honest" && !e.report.files_truncated, "{e}")),
        row("leave_names", OK, "256 bytes: ENAMETOOLONG\n").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.collected() == format!("-rf ... a bü {}", "n".repeat(255)) && !e.report.files_truncated, "{e}")),
        row("leave_many", OK, "").given(&["10000"]).with(|p| p.limits(|l| { l.inodes = 20_000; l.disk = Bytes::mib(48); }).collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.report.files.len() == 100 && e.report.files_truncated, "{e}")),
        row("leave_sparse", OK, "ftruncate: OK\n").with(|p| p.limits(|l| l.file_size = Bytes::mib(2 << 20)).collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.report.files.is_empty() && e.report.files_truncated, "{e}")),
        row("leave_deep", OK, "depth: 400\n").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.report.files.is_empty() && e.report.files_truncated, "{e}")),
        row("leave_locked", OK, "").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.collected() == "dir/secret", "{e}")),
        row("leave_hard_links", OK, "").with(|p| p.collect(100, Bytes::new(10)))
            .also(|e| assert!(e.report.files.len() == 2 && e.report.files_truncated, "{e}")),
        row("leave_writer", OK, "").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.collected() == "main", "{e}")),

        // Networks and messages.
        row("families", OK, "INET pair: EAFNOSUPPORT\nUNIX pair: OK\n"),
        row("own_abstract_socket", OK, "bind: OK\nlisten: OK\nconnect: OK\n"),
        row("output_in_flight", OK, "in flight\n"),
        row("memory_in_flight", OK, ""),
        row("leave_ipc", OK, each("OK", &["shmget", "semget", "msgsnd"]) + "mq_open: refused\n"),

        // Signals and timers.
        row("signals_to_others", OK, each("EPERM", &["kill(1, KILL)", "kill(1, STOP)", "kill(1, 0)", "tgkill(1, 1)", "sigqueue(1)",
            "kill(parent)", "pidfd_send_signal"])
            + &each("ESRCH", &["kill(host process)", "kill(host process group)", "pidfd_open(host process)"]).repeat(2)
            + "F_SETOWN 1: OK\nkill(-1, KILL): ESRCH\nstill here\n").given(&["{owner}", "{launcher}"]),
        row("kill_all_processes", Signalled(Signal(9)), "kill(-1, KILL): OK\nchildren killed: 20\n"),
        row("timers", Signalled(Signal(14)), ""),
        row("timer_storm", TimeLimit, "").with(|p| p.limits(brief)),
        row("signal_storm", OK, "sigqueue: EAGAIN\nsent: 512\n"),

        // Execution, descriptors, dumps, input.
        row("endless_arguments", OK, "100 KiB: OK\n60 MiB of arguments: E2BIG\n60 MiB of environment: E2BIG\n"),
        row("exec_memfd", OK, "uids: 1000 1000 1000\n"),
        row("exec_deleted", Exited(12), ""),
        row("exec_from_thread", Exited(12), ""),
        row("flush_storm", OK, each("OK", &["fsync of a host file", "fdatasync of a host file", "syncfs of the host's disk",
            "fsync of a bad descriptor", "fdatasync of a bad descriptor", "syncfs of a bad descriptor", "sync_file_range of a bad descriptor", "MS_SYNC of unmapped memory"])
            + "MS_ASYNC of unmapped memory: ENOMEM\nwrite: OK\nfsync: OK\n"),
        row("close_everything", Exited(5), ""),
        row("descriptors_to_the_limit", OK, "open: EMFILE\nopen: 64\n"),
        row("core_dump", OK, "raise: EPERM\nlower: EPERM\nlower directly: EPERM\nread: OK\nlimit: 1, 1\ndumpable: OK\n\
            signal: 6, dumped: no\nfiles: 0\n"),
        row("ignore_input", OK, "").with(|p| p.stdin(&vec![7; 16 << 20])),
        row("close_input", OK, "").with(|p| p.stdin(&vec![7; 16 << 20])),
        row("count_input", OK, "16777216 bytes, sum 117440512\n").with(|p| p.stdin(&vec![7; 16 << 20])),
    ]
}

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    let mut trials = trials_of(world, "hostile", table());
    trials.push(trial(
        world,
        "hostile::listeners_of_the_host_are_never_reached",
        listeners_of_the_host_are_never_reached,
    ));
    trials.push(trial(world, "hostile::locks_take_no_time_beyond_the_limit", locks_take_no_time_beyond_the_limit));
    trials.push(trial(world, "hostile::the_table_has_at_least_45_rows", |_| {
        assert!(table().len() >= 45);
    }));
    trials
}

/// The trials of a table, named after its attacks.
pub(crate) fn trials_of(world: &Shared, file: &str, table: Vec<Row>) -> Vec<Trial> {
    table
        .into_iter()
        .map(|row| {
            let name = row
                .arguments
                .iter()
                .filter(|a| a.bytes().all(|b| b.is_ascii_digit()))
                .fold(row.attack.to_owned(), |name, a| format!("{name}_{a}"));
            trial(world, format!("{file}::{name}"), move |world| prove(world, &row))
        })
        .collect()
}

fn prove(world: &World, row: &Row) {
    let arguments: Vec<String> = row
        .arguments
        .iter()
        .map(|a| match *a {
            "{large}" => world.fixtures.large.clone(),
            "{secret}" => world.fixtures.secret.clone(),
            "{attacks}" => world.fixtures.attacks.clone(),
            "{set_uid}" => world.fixtures.set_uid.clone(),
            "{owner}" => std::process::id().to_string(),
            "{launcher}" => world.sandbox.launcher_pid().to_string(),
            other => other.to_owned(),
        })
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = (row.with)(world.attack(row.attack, &arguments));
    let reader = row.arguments.contains(&"{large}");
    if reader {
        world.fixtures.forget_large();
    }
    let slack = if reader { 6 << 20 } else { 2 << 20 };
    let mut slot = world.slot();
    let mut attack = || {
        let ended = program.run(&mut slot);
        let after = unharmed(world, &mut slot, slack);
        assert_eq!(as_on_a_new_kernel(&ended.text()), row.says, "what the program printed; {ended}");
        assert_eq!(ended.report.outcome, row.ends, "{ended}");
        (row.also)(&ended);
        let limits = limits_were_kept(&program.command.limits, row.overrun, &ended);
        let next = after.unwrap_or_else(|harm| panic!("the next run: {harm}"));
        limits.and(next.map_err(|harm| format!("the next run: {harm}")))
    };
    // On a busy machine, a program is sometimes charged for CPU time that it did not use, even without an attack. So
    // the median counts: after a bad run, the attack is repeated until most runs are good.
    let (mut good, mut bad) = (0, Vec::new());
    while good <= bad.len() {
        match attack() {
            Ok(()) => good += 1,
            Err(again) => bad.push(again),
        }
        assert!(bad.len() < 15, "{} of {} runs: {bad:?}", bad.len(), bad.len() + good);
    }
}

/// Asserts that the program used no more than its limits, plus the delay of detection (the kernel charges allocations
/// that it cannot refuse even beyond a limit). `overrun` is the CPU time in which an idle machine ends the program; the
/// error says that it took longer.
fn limits_were_kept(limits: &Limits, overrun: Duration, ended: &Ended) -> Result<(), String> {
    let usage = &ended.report.usage;
    assert!(usage.memory <= limits.memory.saturating_add(Bytes::mib(2)), "memory: {ended}");
    if ended.report.outcome == Outcome::TimeLimit {
        assert!(usage.cpu_time >= limits.cpu_time, "CPU time below the limit: {ended}");
        let most = limits.cpu_time + 10 * (patient(overrun) + ended.noise);
        assert!(usage.cpu_time <= most, "CPU time many times over the limit: {ended}");
        if usage.cpu_time > limits.cpu_time + patient(overrun) + ended.noise {
            return Err(format!("CPU time far over the limit: {ended}"));
        }
    }
    if ended.report.outcome == Outcome::MemoryLimit {
        assert!(usage.memory.get() >= limits.memory.get() / 100 * 90, "killed below the memory limit: {ended}");
    }
    Ok(())
}

/// Runs the next program on this slot. The outer error says how the attack harmed it. The inner error says that it was
/// charged for CPU time that it did not use, which also happens without an attack. `slack` is the tolerance of its
/// memory figure, in bytes. After a program that read large files, the kernel reclaims page cache in batches. So it is
/// unknown which part of the last batch the program needed.
fn unharmed(world: &World, slot: &mut cupel_sandbox::Slot, slack: u64) -> Result<Result<(), String>, String> {
    let victim = world.attack("victim", &[]).stdin(b"ping");
    let ended = victim.try_run(slot).map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
    if ended.report.outcome != Outcome::Exited(3) || !ended.text().starts_with("unharmed ") || !ended.stderr.is_empty()
    {
        return Err(ended.to_string());
    }
    let usage = &ended.report.usage;
    is_near("memory, bytes", usage.memory.get(), 17 << 20, 0, slack)?;
    let charged = u64::try_from(usage.cpu_time.as_nanos()).unwrap_or(u64::MAX);
    Ok(is_near("CPU time, ns", charged, ended.number(), 5, 10_000_000))
}

/// The bound on CPU time beyond the limit also holds for programs that must release thousands of locks when they end.
/// A busy machine sometimes detects a limit late. So the program and a plain loop alternate until their smallest
/// figures agree. Time for the locks would be part of each figure, also of the smallest.
fn locks_take_no_time_beyond_the_limit(world: &World) {
    for lock in ["1", "5", "6", "96"] {
        let attack = world.attack("lock_storm", &[lock]).limits(many_locks);
        let spin = world.attack("busy", &[]).limits(|l| l.cpu_time = attack.command.limits.cpu_time);
        let cpu_time =
            |program: &Program, says: &str| world.check(program, Outcome::TimeLimit, says).report.usage.cpu_time;
        let mut least = [Duration::MAX; 2];
        let mut round = 0;
        repeatedly(|| {
            round += 1;
            let pair = [cpu_time(&attack, ""), cpu_time(&spin, "begun\n")];
            least = std::array::from_fn(|of| least[of].min(pair[of]));
            let most = least[1] + patient(Duration::from_millis(20));
            // In the first rounds, the figure of the loop may be too large.
            if least[0] <= most && round >= 5 {
                return Ok(());
            }
            Err(format!("lock {lock}: {least:?}, at most {most:?}"))
        });
    }
}

fn listeners_of_the_host_are_never_reached(world: &World) {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("cupel-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let stream = UnixListener::bind_addr(&address).unwrap();
    let datagrams = std::os::unix::net::UnixDatagram::bind_addr(&address).unwrap();
    let path = format!("{}-{name}", world.fixtures.secret);
    let _ = std::fs::remove_file(&path);
    let by_path = UnixListener::bind(&path).unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();

    // The listeners can be reached from outside the sandbox.
    TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    tcp.accept().unwrap();
    UnixStream::connect_addr(&address).unwrap();
    stream.accept().unwrap();

    let ended = world.run(&world.attack("reach_the_host", &[&port, &name, &path]));
    tcp.set_nonblocking(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    datagrams.set_nonblocking(true).unwrap();
    by_path.set_nonblocking(true).unwrap();
    assert!(
        tcp.accept().is_err() && stream.accept().is_err() && by_path.accept().is_err(),
        "a listener of the host was reached; {ended}"
    );
    assert!(datagrams.recv(&mut [0]).is_err(), "a datagram reached the host; {ended}");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        ended.text(),
        "loopback: EBADF\nabstract stream: ECONNREFUSED\nabstract datagram: ECONNREFUSED\nsocket file: ENOENT\n"
    );
}
