//! Published escapes: attacks used against judges, runners, container engines and sandboxes. Here, a program tries each
//! attack. The attacks are rows of the hostile table (see `hostile.rs`), or separate trials if they need something
//! outside a cell.
//!
//! Sources: the advisories and issues named beside each attack in `hostile/escapes.c`.

use std::os::unix::fs::MetadataExt;

use cupel_sandbox::{RunError, SetupStep};
use cupel_types::{Bytes, Outcome};
use libtest_mimic::Trial;

use crate::hostile::{OK, Row, each, row, trials_of};
use crate::kit::{Program, World, file};
use crate::{Shared, rules};

#[rustfmt::skip] // A table.
pub(crate) fn table() -> Vec<Row> {
    vec![
        // The program leaves files in the box to attack the process that collects or removes them, or the next run.
        row("links_by_every_name", OK, "").given(&["{secret}"]).with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.collected() == "honest" && !e.report.files_truncated, "{e}")),
        row("swap_directory_and_link", OK, "").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(matches!(e.collected().as_str(), "d/passwd" | "l/passwd") && e.report.files.iter().all(|f| &*f.data == b"honest\n"), "{e}")),
        row("leave_whiteout", OK, "").with(|p| p.collect(100, Bytes::mib(1)))
            .also(|e| assert!(e.collected() == "honest" && !e.report.files_truncated, "{e}")),
        row("leave_very_deep_tree", OK, "depth: 5000\n").with(|p| p.limits(|l| { l.inodes = 20_000; l.disk = Bytes::mib(48); }).collect(1000, Bytes::mib(1)))
            .also(|e| assert!(e.report.files.is_empty() && e.report.files_truncated, "{e}")),
        row("name_flood", OK, "make: ENOSPC\nmade: 500\n"),

        // The host's files and programs.
        row("overwrite_the_runner", OK, "/proc/self/exe: EACCES\n/proc/self/exe, truncated: EROFS\nexecutables of others: 0\nagain by descriptor: EACCES\n"),
        row("leaked_directories", OK, "directories by descriptor: 0\nworking directory: /box\nparent's working directory: ENOENT\nown root's parent: ENOENT\n"),
        row("interpreters", OK, "format 0: ENOEXEC\nformat 1: ENOENT\nformat 2: ENOENT\nformat 3: EACCES\nformat 4: ELOOP\nformat 5: EACCES\n\
            format 6: EACCES\nformat 7: ENOEXEC\nformat 8: ENOEXEC\nformat 9: ENOEXEC\nformat 10: ENOENT\n").given(&["{secret}"]),
        row("write_the_page_cache", OK, "splice: OK\nwrite after it: OK\nvmsplice: EPERM\nwritable afterwards: EACCES\nown memory by name: EROFS\nchanged: no\n").given(&["{attacks}"]),

        // Interfaces of the kernel.
        row("release_agent", OK, each("EPERM", &["mount cgroup", "mount a new hierarchy", "mount cgroup2", "fsopen", "user and cgroup namespace"])
            + &each("ENOENT", &["/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "g/release_agent",
                "/sys/fs/cgroup/cgroup.procs", "/proc/1/cgroup", "/proc/cgroups"])),
        row("kernel_helpers", OK, "files found: 0\n"),
        row("memory_through_proc", OK, each("EROFS", &["write a child's memory", "write its own memory", "write its own memory by thread"]) + "read the parent's memory: ENOENT\n"
            + &each("EPERM", &["process_vm_writev to init", "process_vm_writev to a child", "robust list of init"])),
        row("packet_filters", OK, "user and net namespace: EPERM\n".to_owned()
            + &each("EAFNOSUPPORT", &["netfilter socket", "route socket", "raw socket", "packet socket"])
            + "iptables by another socket: EOPNOTSUPP\nloopback up: ENOTTY\nbridge: ENOTTY\nvirtual network: ENOTTY\n"),
        row("every_family", OK, "not refused: 0\n"),
        row("interfaces_to_other_users", OK, "type into init's terminal: ENOENT\njoin init's namespaces: EPERM\ndescriptor of init: EPERM\n\
            scheduling of init: EPERM\npriority of all processes of a user: OK\nsession of init: ESRCH\nend of init's memory: ENOSYS\n\
            credentials of root: EPERM\nlarger buffers than allowed: EPERM\na BPF program on a socket: EPERM\n"),
        row("device_requests", OK, each("ENOTTY", &["freeze the host's disk", "trim the host's disk", "immutable host's file", "immutable own file",
            "add entropy", "clear entropy", "parent of the user namespace", "parent of the pid namespace"])),
        row("file_requests", OK, each("ENOTTY", &["FIEMAP", "GETFSMAP", "FIBMAP", "FIGETBSZ", "FS_IOC_GETFLAGS", "FS_IOC_GETVERSION",
            "FS_IOC_FSGETXATTR", "FS_IOC_GETFSUUID", "FS_IOC_GETFSSYSFSPATH", "BTRFS_IOC_FS_INFO", "FICLONE", "GETFSMAP, upper bits set",
            "TCGETS", "TIOCGWINSZ"]) + &each("OK", &["FIONREAD", "FIONBIO", "FIOCLEX", "FIONCLEX"])).given(&["{large}"]),
        row("abi_32_bit", OK, "it ran: no\nrefused: yes\n"),
        row("own_bpf_filters", OK, each("EINVAL", &["filter by prctl", "strict mode by prctl"]) + &each("ENOSYS", &["filter by seccomp", "listener by seccomp"])
            + &each("EPERM", &["filter on a socket"; 4]) + "other options: OK\n"),
        row("special_memory", OK, "huge pages: ENOMEM\nhuge memory file: ENOSYS\nhuge segment: EPERM\nmerge equal pages: EINVAL\n\
            merge all memory: EINVAL\nsecret memory: ENOSYS\npoison: refused\n"),
        row("out_of_band_data", OK, each("EOPNOTSUPP", &["send", "sendmsg", "receive"])),
        row("uncharged_kernel_records", OK, "mbind: EPERM\nF_SETLK: OK\nF_OFD_SETLK: OK\nF_OFD_GETLK: OK\nheld: no\n"),
        row("core_scheduling", OK, "PR_SCHED_CORE_CREATE: EINVAL\n"),

        // Floods of kernel objects.
        row("descriptors_in_flight", OK, "sendmsg: ETOOMANYREFS\nmessages of 16 descriptors in flight, at most 5: yes\n"),
        row("nested_epoll", OK, "nest deeper: ELOOP\ndepth at most 6: yes\na cycle: ELOOP\n"),
        row("forks_of_every_kind", OK, ["fork", "without a signal", "sharing memory", "sharing all", "as a sibling"]
            .map(|kind| format!("{kind}: EAGAIN\nmade: 31\n")).concat() + "threads: 31\n"),
        row("timer_flood", OK, "a timer that wakes the machine: refused\ntimer_create: EAGAIN\nmade: 512\n"),
    ]
}

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    let mut trials = trials_of(world, "escapes", table());
    trials.extend(rules(
        world,
        "escapes",
        &[
            ("removing_a_box_does_not_change_host_files", removing_a_box_does_not_change_host_files),
            ("a_program_cannot_execute_the_runner", a_program_cannot_execute_the_runner),
            ("the_environment_affects_only_the_program", the_environment_affects_only_the_program),
        ],
    ));
    trials
}

/// Judge0, CVE-2024-28189: removing a box full of links to a host file changes neither owner, mode nor content of that
/// file.
fn removing_a_box_does_not_change_host_files(world: &World) {
    let look = || {
        let stat = std::fs::metadata(&world.fixtures.secret).unwrap();
        (
            stat.uid(),
            stat.gid(),
            stat.mode(),
            stat.nlink(),
            stat.mtime_nsec(),
            stat.ctime_nsec(),
            std::fs::read(&world.fixtures.secret).unwrap(),
        )
    };
    let before = look();
    let program = world.attack("links_for_the_sweeper", &[&world.fixtures.secret]).collect(100, Bytes::mib(1));
    let ended = world.run(&program);
    assert_eq!(
        ended.text(),
        "hard link: ENOENT\nchown through a link: ENOENT\nchmod through a link: ENOENT\nrename /box: EXDEV\n",
        "{ended}"
    );
    assert_eq!(look(), before, "{ended}");
}

/// runc, CVE-2019-5736: a program makes the runner execute itself inside the container, and so gets a descriptor of the
/// runner's executable.
fn a_program_cannot_execute_the_runner(world: &World) {
    let script = file("main", b"#!/proc/self/exe exit\n", true);
    let by_interpreter = Program::new(vec!["./main".into()]).files(vec![script]);
    let by_name = Program::new(vec!["/proc/self/exe".into(), "--list".into()]);
    let by_descriptor = Program::new(vec!["/proc/self/fd/3".into()]);
    for program in [by_interpreter, by_name, by_descriptor] {
        match program.try_run(&mut world.slot()) {
            // If the tenant's file cannot be executed, the exit code is the one that a shell returns.
            Ok(ended) => assert!(
                matches!(ended.report.outcome, Outcome::Exited(126 | 127))
                    && ended.stdout.is_empty()
                    && ended.stderr.is_empty(),
                "{:?}: {ended}",
                program.command.argv
            ),
            Err(RunError::Setup { step: SetupStep::Exec, .. }) => {}
            Err(other) => panic!("{:?}: {other:?}", program.command.argv),
        }
    }
}

/// Variables that preload libraries or make shells read files affect only the program, not the processes that start it.
fn the_environment_affects_only_the_program(world: &World) {
    let mut program = world.attack("exit", &["3"]);
    for name in [
        "LD_PRELOAD",
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "GCONV_PATH",
        "BASH_ENV",
        "ENV",
        "PYTHONSTARTUP",
        "RUST_BACKTRACE",
        "TMPDIR",
    ] {
        program.command.env.push((name.into(), "/box/evil".into()));
    }
    let ended = world.check(&program, Outcome::Exited(3), "");
    assert!(ended.stderr.is_empty(), "{ended}");
}
