//! The doctor: every wall holds on this machine, and the doctor names each wall that is off.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use cupel_sandbox::{SandboxConfig, Wall, WallSet, doctor};
use libtest_mimic::{Failed, Trial};

use crate::cgroup2::DOCTOR;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("doctor::every_wall_holds_here", every_wall_holds_here),
        Trial::test("doctor::every_wall_holds_while_ldconfig_replaces_its_cache", every_wall_holds_beside_ldconfig),
        Trial::test("doctor::names_the_sockets_of_the_host_that_programs_can_reach", names_reachable_sockets),
    ];
    trials.extend(Wall::ALL.iter().map(|wall| {
        Trial::test(format!("doctor::names_the_wall_that_is_off::{wall}"), move || names_the_wall_that_is_off(*wall))
    }));
    trials
}

fn examine(walls_off: WallSet) -> Result<doctor::Examination, Failed> {
    Ok(doctor::examine(&SandboxConfig { walls_off, ..SandboxConfig::default() })?)
}

fn every_wall_holds_here() -> Result<(), Failed> {
    let examination = examine(WallSet::NONE)?;
    assert_eq!(examination.findings.len(), Wall::ALL.len(), "one finding for each wall");
    let missing: Vec<_> = examination.missing().collect();
    assert!(missing.is_empty(), "walls missing on this machine: {missing:?}");
    Ok(())
}

fn every_wall_holds_beside_ldconfig() -> Result<(), Failed> {
    // In a mount namespace with a copy of `/etc`, so that the host's files do not change.
    let script = r#"set -e
        mount -t tmpfs none "$1"
        cp -a /etc/. "$1"
        mount --bind "$1" /etc
        perl -e '
            my ($parent, $cache) = (getppid(), "/etc/ld.so.cache");
            open F, $cache; my $content = join "", <F>;
            while (getppid() == $parent) { open F, ">$cache~"; print F $content; close F; rename "$cache~", $cache; }' &
        "$2" "$3"
        kill $!"#;
    let etc = tempfile::tempdir()?;
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(etc.path())
        .arg(std::env::current_exe()?)
        .arg(DOCTOR)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("walls: {}, missing: []\n", Wall::ALL.len()));
    Ok(())
}

fn names_reachable_sockets() -> Result<(), Failed> {
    let folder = tempfile::tempdir_in("/usr/local")?;
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let [open, closed] = ["open", "closed"].map(|name| folder.path().join(name));
    let _listeners = [UnixListener::bind(&open)?, UnixListener::bind(&closed)?];
    std::fs::set_permissions(&open, Permissions::from_mode(0o777))?;
    std::fs::set_permissions(&closed, Permissions::from_mode(0o755))?;
    let reachable = examine(WallSet::NONE)?.reachable_sockets;
    assert!(reachable.contains(&open) && !reachable.contains(&closed), "{reachable:?}");
    Ok(())
}

fn names_the_wall_that_is_off(wall: Wall) -> Result<(), Failed> {
    // The marks of a run are found only if the next run is on the same lane. A busy machine often replaces a lane.
    let attempts = if wall == Wall::FreshBox { 5 } else { 1 };
    let mut missing: Vec<Wall> = Vec::new();
    for _ in 0..attempts {
        missing = examine(WallSet::NONE.with(wall))?.missing().map(|finding| finding.wall).collect();
        if missing.contains(&wall) {
            break;
        }
    }
    assert!(missing.contains(&wall), "{wall} was off, but the doctor named only {missing:?}");
    // Some walls depend on others: if `wall` is off, the walls that depend on it are also missing.
    let stands_on = |other: Wall| match wall {
        Wall::NoNewPrivs => matches!(other, Wall::Seccomp | Wall::Landlock),
        Wall::FreshBox => other == Wall::DiskLimit,
        _ => false,
    };
    let others: Vec<&Wall> = missing.iter().filter(|other| **other != wall && !stands_on(**other)).collect();
    assert!(others.is_empty(), "only {wall} was off, but the doctor also named {others:?}");
    Ok(())
}
