//! Privileges of the processes of a running server, read from `/proc`, and ownership of its files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Server, cupel, end, eventually};

/// First user id of lanes, two per lane. Source: `SandboxConfig::uid_base`.
const LANES_FROM: u32 = 0x7000_0000;

/// CHOWN, DAC_OVERRIDE, SETGID, SETUID, SYS_ADMIN, SYS_NICE: bits 0, 1, 6, 7, 21 and 23 of capabilities(7).
const LAUNCHERS: &str = "0000000000a000c3";
/// SETGID, SETUID, SYS_CHROOT, SYS_PTRACE, SYS_ADMIN: bits 6, 7, 18, 19 and 21.
const ZYGOTES: &str = "00000000002c00c0";
const NONE: &str = "0000000000000000";

const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// A process in `/proc`.
#[derive(Debug)]
struct Process {
    pid: u32,
    parent: u32,
}

impl Process {
    fn path(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join(file)
    }

    /// Returns a field of the main thread's `status`.
    fn status(&self, field: &str) -> String {
        field_of(&fs::read_to_string(self.path("status")).unwrap(), field)
    }

    /// Returns the user ids: real, effective, saved, file system.
    fn uids(&self) -> Vec<u32> {
        self.status("Uid").split_whitespace().map(|id| id.parse().unwrap()).collect()
    }

    fn capabilities(&self) -> [String; 5] {
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|set| self.status(set))
    }

    fn namespace(&self, kind: &str) -> PathBuf {
        fs::read_link(self.path("ns").join(kind)).unwrap()
    }

    /// Returns the namespaces that differ from those of this test.
    fn own_namespaces(&self) -> Vec<&'static str> {
        let ours = Process { pid: std::process::id(), parent: 0 };
        NAMESPACES.into_iter().filter(|kind| self.namespace(kind) != ours.namespace(kind)).collect()
    }

    fn descriptors(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("fd")).unwrap();
        // A descriptor may be closed during the iteration.
        entries
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .map(|to| to.to_string_lossy().into())
            .collect()
    }

    fn command(&self) -> String {
        fs::read_to_string(self.path("cmdline")).unwrap_or_default().replace('\0', " ")
    }
}

fn field_of(status: &str, field: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field} in {status}")).trim().to_owned()
}

/// Returns all descendants of a process, nearest first.
fn below(root: u32) -> Vec<Process> {
    let parent_of = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        field_of(&status, "PPid").parse().ok()
    };
    let pids = fs::read_dir("/proc").unwrap().filter_map(|e| e.unwrap().file_name().to_str()?.parse::<u32>().ok());
    let all: Vec<Process> = pids.filter_map(|pid| Some(Process { pid, parent: parent_of(pid)? })).collect();
    let mut found: Vec<Process> = Vec::new();
    let mut known = BTreeSet::from([root]);
    let mut all = all;
    loop {
        let (next, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|process| known.contains(&process.parent));
        if next.is_empty() {
            return found;
        }
        known.extend(next.iter().map(|process| process.pid));
        found.extend(next);
        all = rest;
    }
}

/// Returns the owner of the data directory after a start as root.
fn service(data: &Path) -> u32 {
    let owner = fs::metadata(data).unwrap().uid();
    assert_ne!(owner, 0);
    owner
}

#[test]
fn every_process_of_a_server_has_only_the_privileges_it_needs() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_WORKER__SLOTS", "2")]);
    let limits = json!({ "wall_time_ms": 170_000, "idle_time_ms": 115_000 });
    server.submit(&json!({ "language": "bash", "source_code": "exec sleep 600", "limits": limits }));
    // When the program begins, spare lanes and the lanes of compile services are still being created. The set of
    // processes is considered stable if many successive checks find the same set, in which each lane has performed the
    // last step of its setup: the installation of the filter. On a busy machine, a step may take seconds.
    let (mut tree, mut looks_alike) = (Vec::new(), 0);
    eventually(|| {
        let pids = |tree: &[Process]| tree.iter().map(|process| process.pid).collect::<BTreeSet<_>>();
        let is_filtered = |process: &Process| {
            fs::read_to_string(process.path("status")).is_ok_and(|status| status.contains("\nSeccomp:\t2\n"))
        };
        let now = below(server.pid());
        let launcher = now.iter().find(|process| process.parent == server.pid()).map(|process| process.pid);
        let are_set_up =
            launcher.is_some() && now.iter().filter(|process| Some(process.parent) == launcher).all(is_filtered);
        looks_alike = if are_set_up && pids(&now) == pids(&tree) { looks_alike + 1 } else { 0 };
        tree = now;
        (looks_alike >= 30 && tree.iter().any(|p| p.command().starts_with("sleep 600"))).then_some(())
    });
    let user = service(data.path());

    // The main process with all its threads.
    let main = Process { pid: server.pid(), parent: 0 };
    assert_eq!(main.uids(), [user; 4]);
    let threads: Vec<_> = fs::read_dir(main.path("task")).unwrap().map(|thread| thread.unwrap().path()).collect();
    assert!(threads.len() > 3, "{threads:?}");
    for thread in &threads {
        // A thread that waits for work may have ended.
        let Ok(status) = fs::read_to_string(thread.join("status")) else { continue };
        let of = |field| field_of(&status, field);
        assert_eq!(of("Uid").split_whitespace().collect::<BTreeSet<_>>(), BTreeSet::from([&*user.to_string()]));
        assert_eq!((of("Groups").as_str(), of("NoNewPrivs").as_str(), of("Seccomp").as_str()), ("", "1", "2"));
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(of(set), NONE, "{set} of {}", thread.display());
        }
    }
    assert!(main.own_namespaces().iter().all(|kind| *kind == "mnt"), "{:?}", main.own_namespaces());
    let ours = data.path().to_str().unwrap();
    for descriptor in main.descriptors() {
        let known = ["/dev/null", "pipe:", "socket:", "anon_inode:[event", "anon_inode:[pidfd]", "/memfd:cupel"];
        assert!(descriptor.starts_with(ours) || known.iter().any(|kind| descriptor.starts_with(kind)), "{descriptor}");
    }

    // The launcher is the only child.
    let children: Vec<&Process> = tree.iter().filter(|process| process.parent == server.pid()).collect();
    let [launcher] = children[..] else { panic!("{children:?}") };
    assert_eq!((launcher.uids(), launcher.status("Groups").as_str()), (vec![0; 4], ""));
    assert_eq!(launcher.capabilities(), [NONE, LAUNCHERS, LAUNCHERS, LAUNCHERS, NONE]);
    assert_eq!((launcher.status("NoNewPrivs"), launcher.status("Threads")), ("1".into(), "1".into()));
    assert_eq!(launcher.own_namespaces(), ["net"]);
    assert_eq!(interfaces(launcher), ["lo"]);
    let log = format!("{ours}/serve.log");
    for descriptor in launcher.descriptors() {
        let known = ["/dev/null", "socket:", "anon_inode:[pidfd]"];
        // The directory mounted into lanes, that of images, and the executable of the zygotes.
        let held =
            [format!("{ours}/cache/prepared"), format!("{ours}/images/roots"), env!("CARGO_BIN_EXE_cupel").to_owned()]
                .contains(&descriptor);
        assert!(descriptor == log || held || known.iter().any(|kind| descriptor.starts_with(kind)), "{descriptor}");
    }

    // Lanes: each has its own namespaces and ids.
    let lanes: Vec<&Process> = tree.iter().filter(|process| process.parent == launcher.pid).collect();
    assert!(lanes.len() >= 2, "{lanes:?}");
    for lane in &lanes {
        let uid = lane.uids()[0];
        assert!(uid >= LANES_FROM && uid != user, "{uid}");
        assert_eq!(lane.uids(), [uid; 4]);
        assert_eq!(
            (lane.status("Groups"), lane.status("NoNewPrivs"), lane.status("Seccomp")),
            ("".into(), "1".into(), "2".into())
        );
        assert_eq!(lane.status("CapBnd"), NONE, "its other sets have an effect only in its own user namespace");
        assert_eq!(lane.own_namespaces(), NAMESPACES);
        assert_eq!(interfaces(lane), ["lo"]);
        let leaks: Vec<_> = lane.descriptors().into_iter().filter(|to| to.starts_with(ours)).collect();
        assert!(leaks.is_empty(), "a lane holds files of the main process: {leaks:?}");
    }
    for kind in NAMESPACES {
        let different: BTreeSet<_> = lanes.iter().map(|lane| lane.namespace(kind)).collect();
        assert_eq!(different.len(), lanes.len(), "two lanes share a {kind} namespace");
    }

    // The program, its init, and the lane above them.
    let program = tree.iter().find(|process| process.command().starts_with("sleep 600")).unwrap();
    let init = tree.iter().find(|process| process.pid == program.parent).unwrap();
    let lane = lanes.iter().find(|lane| lane.pid == init.parent).unwrap();
    assert_eq!(init.uids(), lane.uids());
    assert_eq!(program.uids(), [lane.uids()[0] + 1; 4]);
    assert_eq!(program.capabilities(), [NONE; 5]);
    assert_eq!((program.status("NoNewPrivs"), program.status("Seccomp")), ("1".into(), "2".into()));
    for (kind, shared) in [("pid", false), ("mnt", false), ("ipc", false), ("user", true), ("net", true), ("uts", true)]
    {
        assert_eq!(program.namespace(kind) == lane.namespace(kind), shared, "{kind}");
    }
    let descriptors = program.descriptors();
    assert!(descriptors.len() == 3 && descriptors.iter().all(|to| to.starts_with("pipe:")), "{descriptors:?}");

    // Each zygote belongs to a lane and has the capabilities that put a program into a cell. They are effective only
    // inside the lane.
    let is_zygote = |process: &Process| process.status("Name") == "cupel-zygote";
    let zygotes: Vec<&Process> = tree.iter().filter(|process| is_zygote(process)).collect();
    assert!(!zygotes.is_empty(), "there is a zygote for Python");
    for zygote in zygotes {
        let lane = lanes.iter().find(|lane| lane.pid == zygote.parent).unwrap();
        assert_eq!(zygote.uids(), lane.uids());
        assert_eq!(zygote.capabilities(), [ZYGOTES, ZYGOTES, ZYGOTES, NONE, NONE]);
        assert_eq!((zygote.status("NoNewPrivs"), zygote.status("Seccomp")), ("1".into(), "2".into()));
        for kind in NAMESPACES {
            assert_eq!(zygote.namespace(kind), lane.namespace(kind));
        }
        let descriptors = zygote.descriptors();
        let known = ["/dev/null", "socket:", "/proc/", "pid:[", &log];
        let strange: Vec<_> = descriptors.iter().filter(|to| !known.iter().any(|kind| to.starts_with(kind))).collect();
        assert!(strange.is_empty(), "{descriptors:?}");
    }

    // Only the main process is reachable from outside: all other processes are in an empty network namespace.
    for process in &tree {
        assert_ne!(process.namespace("net"), main.namespace("net"), "{process:?}");
    }
}

#[test]
fn a_link_in_place_of_the_prepared_directory_is_not_followed_for_later_lanes() {
    let (data, closed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    // The files are readable, but the directory above is closed: only its owner can reach them.
    let inner = closed.path().join("inner");
    for dir in ["", "prepared"] {
        fs::create_dir(inner.join(dir)).unwrap();
        fs::set_permissions(inner.join(dir), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(inner.join(dir).join("name"), "closed").unwrap();
    }
    let few_lanes = [
        ("CUPEL_WORKER__SLOTS", "1"),
        ("CUPEL_WORKER__WARM_INTERPRETERS", "false"),
        ("CUPEL_WORKER__WARM_COMPILERS", "off"),
    ];
    let server = Server::start(data.path(), &few_lanes);
    let lanes = || {
        let tree = below(server.pid());
        let launcher = tree.iter().find(|process| process.parent == server.pid()).unwrap().pid;
        tree.iter().filter(|process| process.parent == launcher).map(|lane| lane.pid).collect::<BTreeSet<_>>()
    };
    let prepared = data.path().join("cache/prepared");
    assert_eq!(fs::metadata(&prepared).unwrap().uid(), service(data.path()));
    fs::write(prepared.join("name"), "prepared").unwrap();
    fs::set_permissions(prepared.join("name"), fs::Permissions::from_mode(0o644)).unwrap();
    // Returns the mounted content as seen by a run that exceeds its time limit. The lane of such a run is retired, so
    // the next run gets another lane.
    let shown = || {
        let source = "cat /opt/cupel/prepared/name; while :; do :; done";
        let limits = json!({ "cpu_time_ms": 50 });
        let run = json!({ "language": "bash", "source_code": source, "limits": limits });
        let result = server.result(&server.submit(&run));
        result["stdout"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
    };
    // Uses more lanes than existed before, so the last of them were created after this call.
    let run_in_later_lanes = || {
        let before = lanes();
        let mut later = BTreeSet::<u32>::new();
        eventually(|| {
            assert_eq!(shown(), "prepared");
            later.extend(lanes().difference(&before));
            (later.len() > before.len() + 1).then_some(())
        });
    };
    let cache = data.path().join("cache");
    fs::rename(&prepared, cache.join("moved")).unwrap();
    symlink(&inner, &prepared).unwrap();
    run_in_later_lanes();
    fs::rename(&cache, data.path().join("moved")).unwrap();
    symlink(&inner, &cache).unwrap();
    run_in_later_lanes();
    // The link still exists at the next start, which works without the artefacts.
    drop(server);
    fs::remove_file(&cache).unwrap();
    fs::rename(data.path().join("moved"), &cache).unwrap();
    assert!(fs::symlink_metadata(&prepared).unwrap().is_symlink());
    let server = Server::start(data.path(), &[]);
    let looks = json!({ "language": "bash", "source_code": "ls /opt/cupel/prepared 2>&1 | grep -c name" });
    let result = server.result(&server.submit(&looks));
    assert_eq!(result["stdout"], "0\n", "{result}");
}

/// In a directory that other users may write to, an attacker can place a link under any predictable name, for example a
/// name with a process id. The user who starts Cupel would overwrite the link's target. So start and doctor must not
/// write there.
#[test]
fn start_and_doctor_do_not_write_to_world_writable_directories() {
    let data = tempfile::tempdir().unwrap();
    let nowhere = data.path().join("nowhere").to_str().unwrap().to_owned();
    let mut doctor = cupel(["doctor"]);
    doctor.env("TMPDIR", &nowhere);
    let ended = end(doctor, b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let server = Server::start(data.path(), &[("TMPDIR", &nowhere)]);
    let result = server.result(&server.submit(&json!({ "language": "bash", "source_code": "echo yes" })));
    assert_eq!(result["stdout"], "yes\n", "{result}\n{}", server.log());
    assert!(!Path::new(&nowhere).exists());
}

/// The path of the directory may contain a space, contain a link, or be a path at which a cell has its own directory.
#[test]
fn a_data_directory_may_be_anywhere_and_is_invisible_to_programs() {
    for place in ["/tmp", "/srv", "/home"] {
        fs::create_dir_all(place).unwrap();
        let dir = tempfile::Builder::new().prefix("cupel of mine ").tempdir_in(place).unwrap();
        let (data, link) = (dir.path().join("the data"), dir.path().join("link"));
        fs::create_dir(&data).unwrap();
        symlink("the data", &link).unwrap();
        let server = Server::start(&link, &[]);
        let look = format!(
            "for p in '{}' '{}' /srv /home /opt/cupel/prepared; do test -e \"$p\"; echo $?; done",
            dir.path().display(),
            data.display()
        );
        let result = server.result(&server.submit(&json!({ "language": "bash", "source_code": look })));
        assert_eq!(result["stdout"], "1\n1\n1\n1\n0\n", "{place}: {result}\n{}", server.log());
    }
}

fn interfaces(process: &Process) -> Vec<String> {
    let devices = fs::read_to_string(process.path("net/dev")).unwrap();
    devices.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

#[test]
fn files_of_a_start_as_root_belong_to_the_service_user_also_below_a_closed_directory() {
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let data = closed.path().join("some/data");
    let add = |data: &Path| {
        end(cupel(["user", "add", "admin", "admin@example.org", "--admin", "--data", data.to_str().unwrap()]), b"")
    };
    let added = add(&data);
    assert_eq!(added.code, Some(0), "{added:?}");
    let server = Server::start(&data, &[]);
    let result = server.result(&server.submit(&json!({ "language": "bash", "source_code": "echo yes" })));
    assert_eq!(result["stdout"], "yes\n", "{result}\n{}", server.log());
    let user = service(&data);
    for entry in fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        let owner = entry.metadata().unwrap().uid();
        assert!(owner == user || entry.file_name() == "serve.log", "{:?} belongs to {owner}", entry.file_name());
    }
    // A directory with other files is refused.
    let refused = add(closed.path());
    assert_eq!(refused.code, Some(7));
    assert!(refused.stderr.contains("contains other files, such as some"), "{}", refused.stderr);
    assert_eq!(fs::metadata(closed.path()).unwrap().uid(), 0);
}

/// Runs the remaining arguments as an ordinary user with subordinate ids, in control groups delegated to that user, as
/// a service manager does. A mount namespace covers `/etc/passwd` and the lists of ids, so the host is not changed.
const AS_AN_ORDINARY_USER: &str = r#"
set -e
name=cupel-rootless-$$; made=
tidy() { for group in $made; do while ! rmdir "$group" 2>/dev/null; do [ -d "$group" ] || break; sleep 0.1; done; done; }
groups=$(cat /proc/self/cgroup)
for line in $groups; do
    controllers=${line#*:}; path=${controllers#*:}; controllers=${controllers%%:*}
    case ",$controllers," in
        ,,) [ -f /sys/fs/cgroup/cgroup.controllers ] || continue; base=/sys/fs/cgroup$path ;;
        *,memory,*|*,pids,*|*,cpuacct,*|*,cpuset,*) base=/sys/fs/cgroup/$controllers$path; [ -d "$base" ] || base=/sys/fs/cgroup/$controllers ;;
        *) continue ;;
    esac
    mkdir "$base/$name"; made="$made $base/$name"
    for file in cpuset.cpus cpuset.mems; do
        case ",$controllers," in *,cpuset,*) cat "$base/$file" >"$base/$name/$file" ;; esac
    done
    chown -R 12345:12345 "$base/$name"
done
(
    for group in $made; do sh -c 'echo $PPID' >"$group/cgroup.procs"; done
    exec unshare --mount sh -c 'mount --bind "$0/passwd" /etc/passwd
        mount --bind "$0/ids" /etc/subuid; mount --bind "$0/ids" /etc/subgid
        exec setpriv --reuid 12345 --regid 12345 --clear-groups "$@"' "$@"
) && code=0 || code=$?
tidy
exit $code
"#;

/// Creates the lists of users and ids for an ordinary user, and a copy of the binary that this user can reach.
fn ordinary(ids: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(dir.path().join("passwd"), "root:x:0:0::/:/bin/sh\nordinary:x:12345:12345::/:/bin/sh\n").unwrap();
    fs::write(dir.path().join("ids"), ids).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_cupel"), dir.path().join("cupel")).unwrap();
    dir
}

fn doctor_of_an_ordinary_user(ids: &str, wrap: &[&str]) -> crate::support::Ended {
    let dir = ordinary(ids);
    let mut command = Command::new("sh");
    command.args(["-c", AS_AN_ORDINARY_USER, "sh"]).arg(dir.path()).args(wrap);
    command.arg(dir.path().join("cupel")).args(["doctor", "--json"]).current_dir("/");
    end(command, b"")
}

#[test]
fn an_ordinary_user_gets_the_same_walls() {
    let ended = doctor_of_an_ordinary_user("ordinary:200000:65536\n", &[]);
    assert_eq!(ended.code, Some(0), "needs newuidmap (apt-get install uidmap): {ended:?}");
    let found: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found["ok"], true);
    assert!(found["walls"].as_array().unwrap().len() >= 23, "{found}");
}

#[test]
fn an_ordinary_user_gets_a_remedy_for_each_missing_requirement() {
    let explains = |ended: crate::support::Ended, parts: &[&str]| {
        assert_eq!(ended.code, Some(7), "{ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "no `{part}` in: {}", ended.stderr);
        }
    };
    explains(
        doctor_of_an_ordinary_user("", &[]),
        &["the wall user-namespace", "CONFIG_USER_NS", "ordinary has no range of 1024 ids", "usermod --add-subuids"],
    );
    explains(
        doctor_of_an_ordinary_user("ordinary:200000:65536\n", &["setpriv", "--no-new-privs"]),
        &["the wall user-namespace", "newuidmap", "without NoNewPrivileges"],
    );
    // There is no delegated control group.
    let dir = ordinary("ordinary:200000:65536\n");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c"]).arg(
        "mount --bind $0/passwd /etc/passwd; mount --bind $0/ids /etc/subuid; mount --bind $0/ids /etc/subgid
        exec setpriv --reuid 12345 --regid 12345 --clear-groups $0/cupel doctor",
    );
    command.arg(dir.path()).current_dir("/");
    explains(end(command, b""), &["the wall memory-limit", "CONFIG_MEMCG", "cannot be created", "Delegate=yes"]);
}

/// Regression: the directory counted as one in which no server has started, so its languages and images were absent,
/// and an image was added for the user alone.
#[test]
fn a_named_data_directory_that_may_not_be_entered_is_an_error_and_not_an_absent_one() {
    let dir = ordinary("");
    let closed = dir.path().join("closed");
    fs::create_dir_all(closed.join("languages")).unwrap();
    fs::write(closed.join("cupel.db"), "").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let as_user = |args: &[&str], data: &Path| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "12345", "--regid", "12345", "--clear-groups"]).arg(dir.path().join("cupel"));
        command.args(args).arg("--data").arg(data).env("HOME", dir.path()).current_dir("/");
        end(command, b"")
    };
    let list: [&[&str]; 4] =
        [&["images"], &["images", "add", "one", "/nowhere.tar"], &["languages"], &["languages", "test", "bash"]];
    for args in list {
        let ended = as_user(args, &closed);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        let cause = format!("cannot look into {}: Permission denied", closed.display());
        assert!(ended.stderr.contains(&cause), "{args:?}: {}", ended.stderr);
    }
    let ended = as_user(&["admin", "backup", "/nowhere/copy.db"], &closed.join("data"));
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.contains("/closed/data: Permission denied"), "{}", ended.stderr);
    // The language files alone may be unreachable.
    let open = dir.path().join("open");
    fs::create_dir(&open).unwrap();
    symlink(closed.join("languages"), open.join("languages")).unwrap();
    let ended = as_user(&["languages"], &open);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains(&format!("cannot read {}", open.join("languages").display())), "{}", ended.stderr);
    assert_eq!(as_user(&["languages"], &dir.path().join("absent")).code, Some(0));
}

#[test]
fn a_host_that_forbids_user_namespaces_is_named_with_the_sysctl() {
    // The limit is set in a new namespace, so that the host's limit does not change.
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.args(["echo 0 >/proc/sys/user/max_user_namespaces; exec \"$0\" doctor", env!("CARGO_BIN_EXE_cupel")]);
    let ended = end(command, b"");
    assert_eq!(ended.code, Some(7), "{ended:?}");
    for part in [
        "the wall user-namespace",
        "CONFIG_USER_NS",
        "user.max_user_namespaces is 0",
        "sysctl user.max_user_namespaces=",
    ] {
        assert!(ended.stderr.contains(part), "no `{part}` in: {}", ended.stderr);
    }
}
