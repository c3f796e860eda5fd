//! A program can use the files and processes of its own cell. Of the host, it can reach only the files that are mounted
//! in the cell.

use std::os::linux::net::SocketAddrExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_sandbox::{Mount, Observer, Sandbox, SandboxConfig, Stdin, Wall, WallSet};
use cupel_types::Outcome;
use libtest_mimic::Trial;

use crate::kit::{Program, SHOWN, World, assert_near, eventually, showing_at};
use crate::machine::patient;
use crate::{Shared, rules};

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    rules(
        world,
        "isolation",
        &[
            ("standard_streams_can_be_opened_by_name", standard_streams_can_be_opened_by_name),
            ("a_file_as_standard_input_is_a_pipe", a_file_as_standard_input_is_a_pipe),
            ("the_environment_is_exactly_the_given_one", the_environment_is_exactly_the_given_one),
            ("the_root_shows_the_system_and_nothing_else", the_root_shows_the_system_and_nothing_else),
            ("a_mount_shows_later_files_and_nothing_outside_it", a_mount_shows_later_files_and_nothing_outside_it),
            ("a_mount_stays_the_directory_of_the_start", a_mount_stays_the_directory_of_the_start),
            ("a_mount_is_seen_at_its_target_only_whatever_its_host_path", a_mount_is_seen_at_its_target_only),
            ("the_sandbox_starts_from_any_directory", the_sandbox_starts_from_any_directory),
            ("ordinary_programs_work", ordinary_programs_work),
            ("neighbours_share_nothing", neighbours_share_nothing),
            ("each_lane_has_separate_users", each_lane_has_separate_users),
            (
                "a_lane_has_one_share_of_the_processor_however_many_sessions_it_creates",
                every_lane_is_in_a_separate_scheduling_group,
            ),
            ("the_host_is_protected_without_any_one_wall", the_host_is_protected_without_any_one_wall),
        ],
    )
}

fn standard_streams_can_be_opened_by_name(world: &World) {
    world.check(
        &world.attack("streams_by_name", &[]).stdin(b"x"),
        Outcome::Exited(0),
        "/dev/stdin: OK\n/dev/stdout: OK\n/dev/stderr: OK\n/proc/self/fd/1: OK\n",
    );
    let ended = world.check(
        &Program::shell("cat /dev/stdin; echo bad > /dev/stderr").stdin(b"good"),
        Outcome::Exited(0),
        "good",
    );
    assert_eq!(ended.stderr, b"bad\n");
}

/// The caller's file has a path and could be locked, so the program gets a pipe. The program reads the same data, and
/// its memory usage is the same, as with bytes as input.
fn a_file_as_standard_input_is_a_pipe(world: &World) {
    use std::io::{Seek, SeekFrom, Write};
    let data = vec![7; 16 << 20];
    let from_file = |program: Program, skipped: u64| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&data).unwrap();
        file.seek(SeekFrom::Start(skipped)).unwrap();
        let mut program = program;
        program.command.stdin = Stdin::Descriptor(Arc::new(file.into()));
        program
    };
    let look = Program::shell("readlink /proc/self/fd/0 | cut -d: -f1; stat -L -c %F /dev/stdin; wc -c");
    let seen = |skipped: usize| format!("pipe\nfifo\n{}\n", data.len() - skipped);
    world.check(&look.clone().stdin(&data), Outcome::Exited(0), &seen(0));
    for skipped in [0, 1, data.len()] {
        world.check(&from_file(look.clone(), skipped as u64), Outcome::Exited(0), &seen(skipped));
    }
    let count = world.attack("count_input", &[]);
    let printed = "16777216 bytes, sum 117440512\n";
    let memory = |program: &Program| world.check(program, Outcome::Exited(0), printed).report.usage.memory.get();
    // The kernel charges in steps of up to 256 KiB.
    assert_near("memory", memory(&from_file(count.clone(), 0)), memory(&count.stdin(&data)), 0, 512 << 10);
    for reader in ["close_input", "ignore_input"] {
        world.check(&from_file(world.attack(reader, &[]), 0), Outcome::Exited(0), "");
    }
}

fn the_environment_is_exactly_the_given_one(world: &World) {
    let mut program = Program::new(vec!["/usr/bin/env".into()]);
    program.command.env = vec![("A".into(), "one two".into()), ("B".into(), String::new())];
    world.check(&program, Outcome::Exited(0), "A=one two\nB=\n");
    program.command.env.clear();
    world.check(&program, Outcome::Exited(0), "");
}

fn the_root_shows_the_system_and_nothing_else(world: &World) {
    let script = "for d in / /etc /var /opt /home /root /sys /work /dev; do ls -A $d 2>/dev/null | grep -v '^lib\\|^bin$\\|^sbin$' | \
                  tr '\\n' ' '; echo; done; pwd; id -u; id -g; id -G; umask; hostname; echo $$; ps 2>/dev/null | wc -l";
    let ended = world.run(&Program::shell(script));
    let text = ended.text();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert_eq!(lines[1], "alternatives group hosts ld.so.cache nsswitch.conf passwd", "/etc; {ended}");
    assert_eq!(lines[2..8], ["", "", "", "", "", ""], "/var /opt /home /root /sys and others; {ended}");
    assert_eq!(lines[8], "fd full null random shm stderr stdin stdout urandom zero", "/dev; {ended}");
    assert_eq!(lines[9..15], ["/box", "1000", "1000", "1000", "0022", "cupel"], "{ended}");
}

fn a_mount_shows_later_files_and_nothing_outside_it(world: &World) {
    use std::os::unix::fs::PermissionsExt;
    let closed = tempfile::tempdir().unwrap();
    let source = closed.path().join("kept");
    std::fs::create_dir(&source).unwrap();
    std::fs::set_permissions(&source, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(closed.path().join("secret"), "what the judge knows\n").unwrap();
    // Only this process may enter the parent directory.
    std::fs::set_permissions(closed.path(), PermissionsExt::from_mode(0o700)).unwrap();

    let mut config = SandboxConfig { slots: 1, ..world.fixtures.config() };
    config.mounts.push(Mount { source: source.clone(), target: "/opt/some/where".into() });
    config.mounts.push(Mount { source: closed.path().join("missing"), target: "/opt/missing".into() });
    let sandbox = Sandbox::start(config).unwrap();
    let mut slot = sandbox.slot(0);
    let program = Program::shell(
        "cat /opt/some/where/later /opt/some/where/../secret /opt/some/secret; ls /opt/some/where; \
         echo x > /opt/some/where/mine",
    );
    let ended = program.run(&mut slot);
    assert_eq!(ended.text(), "", "{ended}");
    std::fs::write(source.join("later"), "put there later\n").unwrap();
    let ended = program.run(&mut slot);
    assert_eq!(ended.text(), "put there later\nlater\n", "{ended}");
    assert_eq!(std::fs::read_dir(&source).unwrap().count(), 1, "the program wrote into the mount");
}

fn a_mount_stays_the_directory_of_the_start(world: &World) {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let (source, closed) = (dir.path().join("kept"), dir.path().join("closed"));
    for path in [&source, &closed] {
        std::fs::create_dir(path).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::fs::write(source.join("name"), "kept\n").unwrap();
    std::fs::write(closed.join("name"), "closed\n").unwrap();
    let mount = Mount { source: source.clone(), target: "/opt/some/where".into() };
    let config = |mount: &Mount| SandboxConfig {
        slots: 1,
        lane_runs_max: 1,
        mounts: vec![mount.clone()],
        ..world.fixtures.config()
    };
    let sandbox = Sandbox::start(config(&mount)).unwrap();
    let mut slot = sandbox.slot(0);
    std::fs::rename(&source, dir.path().join("moved")).unwrap();
    symlink(&closed, &source).unwrap();
    // Each run has a new lane; the lanes of the first two runs may have been created before the change.
    for _ in 0..4 {
        let ended = Program::shell("cat /opt/some/where/name").run(&mut slot);
        assert_eq!(ended.text(), "kept\n", "{ended}");
    }
    // At the start, a symbolic link in any component of the path is refused.
    for source in [source.clone(), source.join("name")] {
        let refused = Sandbox::start(config(&Mount { source, target: "/opt/some/where".into() })).unwrap_err();
        assert!(refused.to_string().contains("kept"), "{refused}");
    }
}

/// Host directories that often contain checkouts and data. `/tmp` is private to each cell; programs must not see the
/// other directories.
const PLACES: [&str; 4] = ["/tmp", "/srv", "/home", "/root"];

/// Creates a directory in `place`. Its path contains spaces, and only this process may enter it.
fn directory_in(place: &str) -> tempfile::TempDir {
    std::fs::create_dir_all(place).unwrap();
    tempfile::Builder::new().prefix("cupel with spaces ").tempdir_in(place).unwrap()
}

fn a_mount_is_seen_at_its_target_only(world: &World) {
    for place in PLACES {
        let dir = directory_in(place);
        let (shown, link) = (dir.path().join("shown"), dir.path().join("link"));
        std::fs::create_dir(&shown).unwrap();
        std::fs::copy(world.fixtures.on_the_host("attacks"), shown.join("attacks")).unwrap();
        std::os::unix::fs::symlink("shown", &link).unwrap();
        for source in [&shown, &link] {
            let mounts = vec![showing_at(source, SHOWN)];
            let sandbox = Sandbox::start(SandboxConfig { mounts, slots: 1, ..SandboxConfig::default() }).unwrap();
            let inside = shown.to_str().unwrap();
            let parent = dir.path().to_str().unwrap();
            let ended =
                world.attack("read_paths", &["/srv", "/home", "/root", inside, parent]).run(&mut sandbox.slot(0));
            let none = ["/srv", "/home", "/root", inside, parent].map(|path| format!("{path}: ENOENT\n")).concat();
            assert_eq!((ended.text(), ended.report.outcome), (none, Outcome::Exited(0)), "{place}: {ended}");
        }
    }
}

fn the_sandbox_starts_from_any_directory(_: &World) {
    for place in PLACES {
        let dir = directory_in(place);
        let suite = dir.path().join("suite");
        std::fs::copy("/proc/self/exe", &suite).unwrap();
        for trial in ["doctor::every_wall_holds_here", "warm::the_executable_has_no_name"] {
            let ended = std::process::Command::new(&suite).args(["--exact", trial]).output().unwrap();
            let printed = String::from_utf8_lossy(&ended.stdout);
            assert!(ended.status.success() && printed.contains("1 passed"), "{place}: {printed}");
        }
    }
}

fn ordinary_programs_work(world: &World) {
    let script = "set -e; mkdir -p a/b; echo hi > a/b/c; cp a/b/c /tmp/c; mv /tmp/c d; ln -s d e; cat e; rm -r a; \
                  mkfifo p; (echo through > p) & cat p; wait; head -c 4 /dev/zero | wc -c; head -c 16 /dev/urandom | wc -c; \
                  echo b | sort; echo x > /dev/null; touch /dev/shm/y; date +%Y > /dev/null; \
                  test -w /tmp; test -d /proc/self/task; sleep 0.01; kill -0 $$; echo done";
    let ended = world.run(&Program::shell(script));
    assert_eq!(ended.text(), "hi\nthrough\n4\n16\nb\ndone\n", "{ended}");
}

/// Calls the function at the program's first output, then cancels the program. The flag is set by that output.
struct WhenItSpeaks<F: FnMut()>(F, bool);

impl<F: FnMut()> Observer for WhenItSpeaks<F> {
    fn stdout(&mut self, _: &[u8]) {
        if !self.1 {
            self.1 = true;
            (self.0)();
        }
    }
    fn stderr(&mut self, _: &[u8]) {}
    fn cancelled(&mut self) -> bool {
        self.1
    }
}

fn neighbours_share_nothing(world: &World) {
    let (mut one, mut other) = world.both_slots();
    // The first program leaves marks everywhere and keeps running. The second one, the victim, looks for all of them.
    let mut seen = String::new();
    let victim = world.attack("victim", &[]).stdin(b"ping");
    let resident = world.attack("stay_everywhere", &[]);
    let report = one.run(&resident.command, &mut WhenItSpeaks(|| seen = victim.run(&mut other).text(), false)).unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(seen.starts_with("unharmed"), "{seen}");
}

/// The host user ids of all processes with this text in their command line.
fn users_of(marker: &str) -> Vec<u32> {
    let Ok(proc) = std::fs::read_dir("/proc") else { return Vec::new() };
    proc.flatten()
        .filter(|entry| {
            std::fs::read(entry.path().join("cmdline")).is_ok_and(|c| String::from_utf8_lossy(&c).contains(marker))
        })
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("status")).ok())
        .filter_map(|status| {
            status.lines().find_map(|l| l.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
        })
        .collect()
}

fn each_lane_has_separate_users(world: &World) {
    let (mut one, mut other) = world.both_slots();
    let marker = |n: u32| format!("marker-{n}-{}", std::process::id());
    let mut users = Vec::new();
    let inner = &mut |users: &mut Vec<u32>| users.extend(users_of(&marker(2)));
    let report = one
        .run(
            &world.attack("sleeper", &[&marker(1)]).command,
            &mut WhenItSpeaks(
                || {
                    users.extend(users_of(&marker(1)));
                    let second = world.attack("sleeper", &[&marker(2)]);
                    other.run(&second.command, &mut WhenItSpeaks(|| inner(&mut users), false)).unwrap();
                },
                false,
            ),
        )
        .unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    let base = SandboxConfig::default().uid_base;
    assert_eq!(users.len(), 2, "{users:?}");
    assert!(users[0] != users[1] && users.iter().all(|u| (base..base + 1000).contains(u)), "{users:?}");
}

/// If any one of these walls is off, the other walls still protect the host.
fn the_host_is_protected_without_any_one_wall(world: &World) {
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    let name = format!("cupel-wall-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let stream = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut bystander = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let bystander_pid = bystander.id().to_string();
    let host_name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();

    for wall in [
        Wall::Seccomp,
        Wall::Landlock,
        Wall::Capabilities,
        Wall::NoNewPrivs,
        Wall::IpcNamespace,
        Wall::UtsNamespace,
        Wall::PrivateProc,
    ] {
        let config = SandboxConfig { walls_off: WallSet::NONE.with(wall), slots: 1, ..world.fixtures.config() };
        let sandbox = Sandbox::start(config).unwrap();
        let mut slot = sandbox.slot(0);
        let mut run = |attack: &str, arguments: &[&str]| world.attack(attack, arguments).run(&mut slot);
        let ended = run("indirect_paths", &[&world.fixtures.secret]);
        assert!(!ended.text().contains(": OK"), "without {wall}: the host's files: {ended}");
        run("reach_the_host", &[&port, &name, "/nowhere"]);
        assert!(tcp.accept().is_err() && stream.accept().is_err(), "without {wall}: the host's network");
        run("signals_to_others", &[&bystander_pid]);
        assert!(bystander.try_wait().unwrap().is_none(), "without {wall}: the host's processes");
        run("clocks_and_names", &[]);
        assert_eq!(
            std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(),
            host_name,
            "without {wall}: the host's name"
        );
        let ended = run("write_paths", &["/usr", "/usr/lib"]);
        assert!(
            !ended.text().contains("/usr: OK") && !ended.text().contains("overwrite: OK"),
            "without {wall}: {ended}"
        );
        let ended = run("device_nodes", &[]);
        assert!(!ended.text().contains("device: OK"), "without {wall}: {ended}");
        run("set_uid_programs", &[&world.fixtures.set_uid]);
        for attack in ["mounting", "namespaces_by_clone", "namespaces_by_unshare", "kernel_programs", "tracing"] {
            run(attack, &[]);
        }
        let begun = Instant::now();
        drop(slot);
        drop(sandbox);
        assert!(begun.elapsed() < patient(Duration::from_secs(30)), "without {wall}: ending the sandbox took too long");
    }
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

/// A task outside the scheduler's root group is in no autogroup, so a program gains no CPU time by creating sessions.
/// Source: sched(7), "The autogroup feature".
fn every_lane_is_in_a_separate_scheduling_group(world: &World) {
    world.check(&Program::shell("true"), Outcome::Exited(0), "");
    let launcher = world.sandbox.launcher_pid();
    let children = || std::fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children")).unwrap();
    // A lane that has ended has no cgroup file. A lane that is being created is not in its group yet, so the trial
    // waits.
    let outside = || -> Vec<String> {
        let lanes = children();
        let groups =
            lanes.split_whitespace().filter_map(|lane| std::fs::read_to_string(format!("/proc/{lane}/cgroup")).ok());
        groups.filter(|groups| !has_separate_scheduling_group(groups)).collect()
    };
    assert!(!children().is_empty());
    eventually("every lane is in its own group", || outside().is_empty());
}

fn has_separate_scheduling_group(groups: &str) -> bool {
    let has_cpu = |line: &&str| line.split(':').nth(1).is_some_and(|names| names.split(',').any(|name| name == "cpu"));
    match groups.lines().find(has_cpu) {
        Some(version_1) => version_1.contains("/lane-"),
        None => {
            let path = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
            let group = path.rsplit_once("/init").map_or(path, |(lane, _)| lane);
            std::fs::read_to_string(format!("/sys/fs/cgroup{group}/cgroup.controllers"))
                .is_ok_and(|controllers| controllers.split_whitespace().any(|c| c == "cpu"))
        }
    }
}
