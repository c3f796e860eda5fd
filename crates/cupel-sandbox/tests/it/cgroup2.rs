//! Control groups version 2: in any group, the sandbox either sets up its groups or reports what is missing.
//!
//! On a machine with version 1 these trials are ignored; `make test-cgroup2` runs them on a machine with version 2.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cupel_sandbox::{Sandbox, SandboxConfig, Wall, doctor};
use cupel_types::Bytes;
use libtest_mimic::Trial;

use crate::kit::{Fixtures, Program};
use crate::machine::patient;

const IN_A_GROUP: &str = "__sandbox-in-group";
pub(crate) const DOCTOR: &str = "__doctor";
const ROOT: &str = "/sys/fs/cgroup";

pub(crate) fn trials() -> Vec<Trial> {
    let rules: &[(&str, fn())] = &[
        ("a_sandbox_starts_beside_other_processes_in_its_group", a_sandbox_starts_beside_other_processes_in_its_group),
        ("consecutive_sandboxes_do_not_nest_deeper", consecutive_sandboxes_do_not_nest_deeper),
        ("a_sandbox_starts_in_a_cgroup_namespace", a_sandbox_starts_in_a_cgroup_namespace),
        ("a_group_without_controllers_is_refused_with_the_remedy", a_group_without_controllers_is_refused),
        ("read_only_groups_are_refused_with_the_remedy", read_only_groups_are_refused),
        ("a_group_that_may_have_no_children_is_refused_with_the_remedy", a_group_that_may_have_no_children_is_refused),
        ("unmounted_groups_are_refused_with_the_remedy", unmounted_groups_are_refused),
        ("a_memory_limit_of_a_parent_group_is_our_failure", a_memory_limit_of_a_parent_group_is_our_failure),
        ("an_ordinary_user_has_all_walls_in_a_delegated_group", an_ordinary_user_has_all_walls_in_a_delegated_group),
    ];
    let here = Path::new(ROOT).join("cgroup.controllers").exists();
    let wrap = |rule: fn()| {
        move || {
            rule();
            Ok(())
        }
    };
    rules
        .iter()
        .map(|(name, rule)| Trial::test(format!("cgroup2::{name}"), wrap(*rule)).with_ignored_flag(!here))
        .collect()
}

/// Two other modes of this executable. The doctor mode prints the missing walls. The other mode starts a sandbox in the
/// given group, runs a program that uses 100 MiB, and prints the outcome.
pub(crate) fn sandbox_in_a_group_if_asked() {
    let arguments: Vec<String> = std::env::args().collect();
    let group = match arguments.as_slice() {
        [_, argument] if argument == DOCTOR => {
            match doctor::examine(&SandboxConfig::default()) {
                Err(refused) => println!("refused: {refused}"),
                Ok(examination) => {
                    let missing: Vec<String> = examination.missing().map(|found| format!("{found:?}")).collect();
                    println!("walls: {}, missing: {missing:?}", examination.findings.len());
                }
            }
            std::process::exit(0);
        }
        [_, argument, group] if argument == IN_A_GROUP => group,
        _ => return,
    };
    if !group.is_empty() {
        fs::write(Path::new(group).join("cgroup.procs"), std::process::id().to_string())
            .expect("the process can join the group");
    }
    let fixtures = Fixtures::make();
    match Sandbox::start(SandboxConfig { slots: 1, ..fixtures.config() }) {
        Err(refused) => println!("refused: {refused}"),
        Ok(sandbox) => {
            let touch = vec![fixtures.attacks.clone(), "touch".into(), "private".into(), "100".into()];
            let program = Program::new(touch).limits(|l| l.memory = Bytes::mib(256));
            match program.try_run(&mut sandbox.slot(0)) {
                Ok(ended) => println!("ran: {:?}", ended.report.outcome),
                Err(error) => println!("failed: {error}"),
            }
            let again = Sandbox::start(SandboxConfig { slots: 1, ..fixtures.config() });
            println!("again: {}", again.is_ok());
            println!("group: {}", own_group(std::process::id()));
        }
    }
    std::process::exit(0);
}

fn own_group(pid: u32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("0::")).unwrap().to_owned()
}

/// A control group for one trial; removed with its subtree on drop.
struct Group(PathBuf);

impl Group {
    /// `controllers`: the controllers that are enabled for the group's children.
    fn new(name: &str, controllers: &str) -> Group {
        let group = Group(Path::new(ROOT).join(format!("trial-{name}-{}", std::process::id())));
        fs::create_dir(&group.0).unwrap();
        group.set("cgroup.subtree_control", controllers);
        group
    }

    fn below(&self, name: &str) -> PathBuf {
        let below = self.0.join(name);
        fs::create_dir(&below).unwrap();
        below
    }

    fn set(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fn remove(dir: &Path) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|t| t.is_dir()) {
                    remove(&entry.path());
                }
            }
            let _ = fs::remove_dir(dir);
        }
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        let deadline = Instant::now() + patient(Duration::from_secs(5));
        while self.0.exists() && Instant::now() < deadline {
            remove(&self.0);
            std::thread::yield_now();
        }
    }
}

/// Standard output of this executable when it starts a sandbox in this group; `wrapper` is the command that executes
/// this executable.
fn output_of(wrapper: &[&str], group: &Path) -> String {
    let own = std::env::current_exe().unwrap();
    let mut words: Vec<&str> = wrapper.to_vec();
    words.extend([own.to_str().unwrap(), IN_A_GROUP, group.to_str().unwrap()]);
    let output = Command::new(words[0]).args(&words[1..]).stderr(Stdio::inherit()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in the output: {text}");
    }
}

const WORKS: [&str; 2] = ["ran: Exited(0)", "again: true"];

fn a_sandbox_starts_beside_other_processes_in_its_group() {
    struct Other(Child);
    impl Drop for Other {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let above = Group::new("others", "+memory +pids");
    let group = above.below("session");
    let other = Other(Command::new("sleep").arg("3600").spawn().unwrap());
    fs::write(group.join("cgroup.procs"), other.0.id().to_string()).unwrap();
    assert_contains(&output_of(&[], &group), &WORKS);
    assert!(own_group(other.0.id()).ends_with("/session/cupel-main"), "the other process was not moved to cupel-main");
}

fn consecutive_sandboxes_do_not_nest_deeper() {
    let above = Group::new("again", "+memory +pids");
    let group = above.below("service");
    let printed = output_of(&[], &group);
    assert_contains(&printed, &WORKS);
    assert_contains(&printed, &["/service/cupel-main\n"]);
}

fn a_sandbox_starts_in_a_cgroup_namespace() {
    let above = Group::new("namespace", "+memory +pids");
    let group = above.below("container");
    let join = format!(
        "echo $$ >{}/cgroup.procs && exec unshare --cgroup --mount sh -c 'umount -l {ROOT} && mount -t cgroup2 none {ROOT} && exec \"$@\"' - \"$@\"",
        group.display()
    );
    assert_contains(&output_of(&["sh", "-c", &join, "-"], Path::new("")), &WORKS);
}

fn a_group_without_controllers_is_refused() {
    let above = Group::new("bare", "");
    let group = above.below("session");
    let printed = output_of(&[], &group);
    assert_contains(&printed, &["refused:", "memory-limit", "CONFIG_MEMCG", "has no `memory`", "Delegate=yes"]);
    assert_contains(&printed, &[&format!("echo +memory >{}/cgroup.subtree_control", above.0.display())]);
    above.set("cgroup.subtree_control", "+memory");
    assert_contains(&output_of(&[], &group), &["refused:", "process-limit", "CONFIG_CGROUP_PIDS", "has no `pids`"]);
    above.set("cgroup.subtree_control", "+pids");
    assert_contains(&output_of(&[], &group), &WORKS);
}

fn read_only_groups_are_refused() {
    let mount = format!("mount -o remount,bind,ro {ROOT} && exec \"$@\"");
    let printed = output_of(&["unshare", "--mount", "sh", "-c", &mount, "-"], Path::new(""));
    assert_contains(&printed, &["refused:", "memory-limit", "is mounted read-only", "writable"]);
}

fn a_group_that_may_have_no_children_is_refused() {
    let above = Group::new("full", "+memory +pids");
    let group = above.below("session");
    fs::write(group.join("cgroup.max.descendants"), "0").unwrap();
    assert_contains(&output_of(&[], &group), &["refused:", "cgroup.max.descendants", "raise"]);
}

fn unmounted_groups_are_refused() {
    let unmount = format!("umount -l {ROOT} && exec \"$@\"");
    let printed = output_of(&["unshare", "--mount", "sh", "-c", &unmount, "-"], Path::new(""));
    assert_contains(&printed, &["refused:", "memory-limit", "no mounted control group hierarchy", "mount -t cgroup2"]);
}

fn a_memory_limit_of_a_parent_group_is_our_failure() {
    let above = Group::new("small", "+memory +pids");
    let group = above.below("service");
    fs::write(group.join("memory.max"), Bytes::mib(80).get().to_string()).unwrap();
    let _ = fs::write(group.join("memory.swap.max"), "0");
    let printed = output_of(&[], &group);
    assert_contains(&printed, &["failed:"]);
}

/// The setup of systemd's `User=` with `Delegate=yes`: the user owns the group and three of its files, but no group
/// above it. Source: systemd.resource-control(5); cgroup-v2.rst, "Delegation".
fn an_ordinary_user_has_all_walls_in_a_delegated_group() {
    const USER: u32 = 12345;
    let above = Group::new("delegated", "+memory +pids");
    let group = above.below("job.service");
    for name in ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
        chown(group.join(name), Some(USER), Some(USER)).unwrap();
    }
    // The user needs a name, subordinate ids, and an executable that it can reach. Nothing on the host changes.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(dir.path().join("passwd"), format!("root:x:0:0::/:/bin/sh\nordinary:x:{USER}:{USER}::/:/bin/sh\n"))
        .unwrap();
    fs::write(dir.path().join("ids"), "ordinary:200000:65536\n").unwrap();
    fs::copy(std::env::current_exe().unwrap(), dir.path().join("suite")).unwrap();
    let script = format!(
        r#"set -e
        echo $$ >{group}/cgroup.procs
        mount --bind "$1/passwd" /etc/passwd
        mount --bind "$1/ids" /etc/subuid
        mount --bind "$1/ids" /etc/subgid
        exec setpriv --reuid {USER} --regid {USER} --clear-groups --inh-caps=-all "$1/suite" {DOCTOR}"#,
        group = group.display()
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(dir.path())
        .current_dir("/")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        printed,
        format!("walls: {}, missing: []\n", Wall::ALL.len()),
        "needs newuidmap (apt-get install uidmap)"
    );
}
