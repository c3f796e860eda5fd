//! The walls that stop each attack of the tables: first the wall designed to stop it, then those that would stop it if
//! the first failed. `docs/attacks.md` is generated from these tables.

use std::fmt::Write;
use std::path::Path;

use cupel_sandbox::Wall;
use libtest_mimic::Trial;

use crate::{compilers, escapes, hostile};

use Wall::{
    Capabilities, CgroupNamespace, CpuAccounting, Descriptors, DiskLimit, FreshBox, IdleLimit, IpcNamespace, Landlock,
    MemoryLimit, NetNamespace, NoNewPrivs, OutputLimit, PidNamespace, PrivateProc, PrivateRoot, ProcessLimit,
    ReadOnlyRoot, Rlimits, Seccomp, UserNamespace, UtsNamespace, WallClockLimit,
};

/// Attacks, grouped by the walls that stop them.
#[rustfmt::skip] // A table.
const STOPPED_BY: &[(&[Wall], &[&str])] = &[
    (&[ProcessLimit, CpuAccounting, MemoryLimit], &["fork_bomb", "vfork_exec_bomb"]),
    (&[ProcessLimit, MemoryLimit], &["fork_to_the_limit", "thread_bomb", "zombies", "forks_of_every_kind"]),
    (&[PidNamespace], &["daemons", "comet", "siblings", "main_thread_exits", "detached_threads", "subreaper", "kill_all_processes", "exec_from_thread"]),
    (&[CpuAccounting, WallClockLimit], &["exec_loop", "comet_and_sleep", "busy", "busy_children", "busy_threads", "busy_orphans", "relay", "busy_kernel",
        "timer_storm", "lock_queue"]),
    (&[IdleLimit, WallClockLimit], &["vfork_and_sleep", "stop_itself", "stopped_child", "sleeper"]),
    (&[WallClockLimit, IdleLimit], &["sleeper_that_ignores_signals", "ticker"]),
    (&[MemoryLimit], &["malloc_bomb", "mmap_private_bomb", "mmap_shared_bomb", "mmap_populate_bomb", "thread_stacks", "memory_of_children", "child_bursts",
        "memfd_bomb", "sysv_shm_bomb", "socket_buffer_bomb", "pipe_buffer_bomb", "page_cache_read", "page_cache_mmap", "reserve_a_terabyte",
        "negative_dentries", "page_table_bomb", "message_bomb", "semaphore_bomb", "memory_in_flight", "mapping_bomb"]),
    (&[Rlimits, MemoryLimit], &["lock_memory", "endless_recursion", "signal_storm", "descriptors_to_the_limit", "timer_flood", "descriptors_in_flight",
        "endless_arguments"]),
    (&[Rlimits], &["own_cpu_limit", "lower_limits", "core_dump"]),
    (&[Rlimits, UserNamespace, Capabilities], &["raise_limits"]),
    (&[MemoryLimit, Rlimits], &["nested_epoll"]),
    (&[DiskLimit, MemoryLimit], &["disk_fill", "disk_fill_at_once", "deleted_files", "inode_fill", "name_flood"]),
    (&[Rlimits, DiskLimit, MemoryLimit], &["file_too_large", "file_too_large_ignored"]),
    (&[OutputLimit, CpuAccounting], &["flood", "flood_both_by_daemons", "flood_by_splice"]),
    (&[PidNamespace, OutputLimit], &["output_in_flight"]),
    (&[Seccomp, Landlock, Capabilities], &["mounting"]),
    (&[Seccomp, UserNamespace], &["namespaces_by_unshare", "namespaces_by_clone"]),
    (&[Seccomp, PrivateProc, Capabilities], &["namespaces_by_setns"]),
    (&[Seccomp, Landlock, PrivateProc, Capabilities], &["tracing", "memory_through_proc"]),
    (&[Seccomp], &["keyrings", "int_0x80", "abi_32_bit", "own_bpf_filters", "out_of_band_data", "core_scheduling", "uncharged_kernel_records", "flush_storm", "personalities", "timers", "special_memory", "file_requests", "lock_storm", "locked_sum"]),
    (&[Seccomp, UserNamespace], &["watch_shared_files"]),
    (&[Seccomp, Capabilities, UserNamespace], &["kernel_programs", "scheduling", "device_requests"]),
    (&[UtsNamespace, Seccomp, Capabilities, UserNamespace], &["clocks_and_names"]),
    (&[Capabilities, UserNamespace], &["identities", "capabilities"]),
    (&[NoNewPrivs, UserNamespace], &["set_uid_programs"]),
    (&[Seccomp, PrivateRoot], &["terminals"]),
    (&[PrivateRoot, Landlock], &["read_paths", "indirect_paths", "interpreters", "leaked_directories"]),
    (&[ReadOnlyRoot, Landlock, UserNamespace], &["write_paths", "hard_links", "overwrite_the_runner", "box_itself", "write_the_page_cache"]),
    (&[PrivateProc, Landlock, Capabilities], &["proc_of_init"]),
    (&[PrivateProc, PrivateRoot, Landlock, UserNamespace, Capabilities], &["kernel_files", "kernel_helpers"]),
    (&[Descriptors], &["descriptors"]),
    (&[Landlock, Capabilities, UserNamespace], &["device_nodes"]),
    (&[FreshBox, PrivateRoot], &["links_by_every_name", "leave_link", "leave_special", "leave_names", "leave_many", "leave_sparse", "leave_deep",
        "leave_locked", "leave_hard_links", "leave_very_deep_tree", "leave_whiteout"]),
    (&[PidNamespace, FreshBox], &["leave_writer", "swap_directory_and_link"]),
    (&[Seccomp, NetNamespace], &["families", "every_family"]),
    (&[NetNamespace, Landlock], &["own_abstract_socket"]),
    (&[Seccomp, Capabilities, NetNamespace, UserNamespace], &["packet_filters"]),
    (&[IpcNamespace], &["leave_ipc"]),
    (&[PidNamespace, Landlock, UserNamespace], &["signals_to_others"]),
    (&[Seccomp, Capabilities, UserNamespace, PrivateProc], &["interfaces_to_other_users"]),
    (&[Seccomp, Landlock, Capabilities, UserNamespace, CgroupNamespace], &["release_agent"]),
    (&[NoNewPrivs, PrivateRoot, FreshBox], &["exec_memfd", "exec_deleted"]),
    (&[Descriptors, PidNamespace], &["close_everything", "ignore_input", "close_input", "count_input"]),
];

/// Where an attack was published, and the software it was published against.
const PUBLISHED: &[(&str, &str)] = &[
    ("links_by_every_name", "Judge0 CVE-2024-28185; CMS issue 376; go-judge issue 176; Compiler Explorer issue 6026"),
    ("removing_a_box_does_not_change_host_files", "Judge0 CVE-2024-28189"),
    ("listeners_of_the_host_are_never_reached", "Judge0 CVE-2024-29021"),
    ("swap_directory_and_link", "runc CVE-2021-30465; Firejail CVE-2021-26910"),
    ("overwrite_the_runner", "runc CVE-2019-5736"),
    ("a_program_cannot_execute_the_runner", "runc CVE-2019-5736"),
    ("leaked_directories", "runc CVE-2024-21626"),
    ("release_agent", "container engines, CVE-2022-0492"),
    ("write_the_page_cache", "Linux CVE-2022-0847, CVE-2016-5195"),
    ("packet_filters", "Linux CVE-2022-1015, CVE-2023-32233, CVE-2024-1086"),
    ("out_of_band_data", "Linux CVE-2025-38236"),
    ("mounting", "Linux CVE-2022-0185"),
    ("kernel_programs", "Docker's `shocker`; Linux CVE-2021-3490, CVE-2022-2602"),
    ("keyrings", "Linux CVE-2016-0728"),
    ("terminals", "bubblewrap CVE-2017-5226"),
    ("set_uid_programs", "Piston issues 62 and 206; CVE-2021-3156, CVE-2021-4034"),
    ("interfaces_to_other_users", "Firejail CVE-2022-31214; gVisor's `shmctl`"),
    ("kernel_helpers", "nsjail issue 199"),
    ("include_a_host_file", "kjudge issue 82"),
    ("run_at_compile_time", "DMOJ issue 318"),
];

/// Attacks that are separate trials, not rows of a table.
const ALONE: &[(&str, &[Wall])] = &[
    ("removing_a_box_does_not_change_host_files", &[FreshBox, PrivateRoot]),
    ("a_program_cannot_execute_the_runner", &[Landlock, UserNamespace]),
    ("the_environment_affects_only_the_program", &[Descriptors]),
    ("listeners_of_the_host_are_never_reached", &[NetNamespace, Seccomp, Landlock]),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("walls::every_attack_names_the_wall_that_stops_it", || {
        every_attack_names_the_wall_that_stops_it();
        Ok(())
    })]
}

fn every_attack_names_the_wall_that_stops_it() {
    let tables = [("Hostile programs", hostile::table()), ("Published escapes", escapes::table())];
    let mut page = String::from(
        "# Attacks, and the walls that stop them\n\n\
         Each attack is a program that the test suite runs (`crates/cupel-sandbox/tests/it/hostile/*.c`). The suite asserts what the program \
         observes and how it ends. The first wall listed is the one designed to stop the attack; the others would stop it if the first failed. \
         The matrix in [SECURITY.md](../SECURITY.md#defence-in-depth) shows what each wall does alone.\n\n\
         This page is generated from `crates/cupel-sandbox/tests/it/walls.rs`; `UPDATE_DOCS=1 cargo test -p cupel-sandbox --test it -- walls` writes it.\n",
    );
    let published = |attack: &str| PUBLISHED.iter().find(|(name, _)| *name == attack).map_or("", |(_, source)| source);
    let line = |page: &mut String, attack: &str, walls: &[Wall]| {
        let walls: Vec<&str> = walls.iter().map(|wall| wall.slug()).collect();
        assert!(!walls.is_empty(), "{attack} has no wall: add it to STOPPED_BY");
        writeln!(page, "| `{attack}` | {} | {} |", walls.join(", "), published(attack)).unwrap();
    };
    const HEAD: &str = "| attack | stopped by | published |\n|---|---|---|\n";
    let mut named: Vec<&str> = STOPPED_BY.iter().flat_map(|(_, attacks)| attacks.iter().copied()).collect();
    let mut tried: Vec<&str> = Vec::new();
    for (title, rows) in &tables {
        write!(page, "\n## {title}\n\n{HEAD}").unwrap();
        for row in rows {
            if !tried.contains(&row.attack) {
                tried.push(row.attack);
                let walls = STOPPED_BY
                    .iter()
                    .find(|(_, attacks)| attacks.contains(&row.attack))
                    .map_or(&[][..], |(walls, _)| walls);
                line(&mut page, row.attack, walls);
            }
        }
    }
    ALONE.iter().for_each(|(attack, walls)| line(&mut page, attack, walls));
    write!(page, "\n## Sources that attack through a compiler\n\n{HEAD}").unwrap();
    compilers::walls().iter().for_each(|(attack, walls)| line(&mut page, attack, walls));
    for (attack, _) in PUBLISHED {
        assert!(page.contains(&format!("| `{attack}` |")), "{attack} is in PUBLISHED, but no table has it");
    }
    named.sort_unstable();
    tried.sort_unstable();
    assert_eq!(named, tried, "STOPPED_BY must list exactly the attacks of the tables");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/attacks.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    // If the suite runs without its sources, there is no page to compare with.
    if path.parent().is_some_and(Path::exists) {
        assert!(
            std::fs::read_to_string(&path).is_ok_and(|now| now == page),
            "docs/attacks.md differs from these tables: run with UPDATE_DOCS=1 to write it"
        );
    }
}
