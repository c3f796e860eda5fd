//! Control groups, version 2: the parent of the launcher's groups, and the diagnosis if groups cannot be created there.
//!
//! ```text
//!  the group this process was started in   (a service's, a session's, a container's)
//!    ├─ cupel-main        its processes, moved here: a group with controllers for its children has no processes
//!    └─ cupel-PID         the launcher's group, named after its process id
//!         └─ lane-N
//!              ├─ init    the lane's init
//!              └─ cell-M  a cell, while there is one
//! ```
//!
//! Nothing outside the group in which this process was started is changed. Source: cgroup-v2.rst, "No Internal Process
//! Constraint", "Delegation", "Controlling Controllers".

use std::io;
use std::path::{Path, PathBuf};

use super::Hierarchies;
use super::launcher::{create_dir, write_at};
use crate::mechanism::host::{self, Lack};
use crate::{Wall, WallSet};

/// The group to which the processes of the parent group are moved.
const LEAF: &str = "cupel-main";
/// Maximum number of attempts to move these processes, which may fork in the meantime.
const MOVES_MAX: usize = 20;

/// Controllers that walls need in the groups inside a lane. CPU time is counted without a controller. `cpu` is not
/// enabled there, because it would divide processor time between a lane's init and its programs, while the init must
/// have priority.
pub(super) const IN_LANES: &[&str] = &["memory", "pids", "cpuset"];
/// Controllers for the groups down to the lanes. `cpu` makes the scheduler treat a lane as a unit: without `cpu`, a
/// child that starts a new session would get as much processor time as all lanes together. Source: sched(7), "The
/// autogroup feature".
pub(super) const DOWN_TO_LANES: &[&str] = &["memory", "pids", "cpuset", "cpu"];

/// A wall, the controller that it needs, and the kernel feature.
const NEEDED: [(Wall, &str, &str); 2] = [
    (Wall::MemoryLimit, "memory", "the memory controller (CONFIG_MEMCG)"),
    (Wall::ProcessLimit, "pids", "the pids controller (CONFIG_CGROUP_PIDS)"),
];

/// The group in which a launcher creates its group. This is the group of this process or, if an earlier launcher moved
/// the process to the leaf, the group above the leaf.
pub(super) fn parent(own: PathBuf) -> PathBuf {
    match own.parent() {
        Some(above) if own.file_name().is_some_and(|name| name == LEAF) => above.to_owned(),
        _ => own,
    }
}

/// What this machine lacks for the walls that need control groups; `None` if it lacks nothing. Walls in `off` need
/// nothing.
pub(super) fn lacking(hierarchies: &Hierarchies, off: WallSet) -> Option<Lack> {
    match hierarchies {
        Hierarchies::V2(own) => {
            let there = std::fs::read_to_string(own.join("cgroup.controllers"));
            lacking_v2(own, there, off)
        }
        Hierarchies::V1 { memory, pids, cpuacct, .. } => {
            let cpuacct = (Wall::CpuAccounting, "cpuacct", "the cpuacct controller (CONFIG_CGROUP_CPUACCT)", cpuacct);
            let [(memory_wall, memory_name, memory_kernel), (pids_wall, pids_name, pids_kernel)] = NEEDED;
            let controllers =
                [(memory_wall, memory_name, memory_kernel, memory), (pids_wall, pids_name, pids_kernel, pids), cpuacct];
            controllers.into_iter().find(|(wall, _, _, found)| found.is_none() && !off.contains(*wall)).map(
                |(wall, name, feature, _)| Lack {
                    wall,
                    feature,
                    setting: format!("no mounted control group hierarchy has the controller `{name}`"),
                    remedy: format!(
                        "mount -t cgroup2 none /sys/fs/cgroup; or boot with systemd.unified_cgroup_hierarchy=1; or boot \
                         with cgroup_enable={name}, if /proc/cgroups lists it as disabled"
                    ),
                },
            )
        }
    }
}

fn lacking_v2(own: &Path, controllers: io::Result<String>, off: WallSet) -> Option<Lack> {
    let kernels = |wall| NEEDED.iter().find(|(w, ..)| *w == wall).map_or("", |(_, _, feature)| feature);
    let controllers = match controllers {
        Ok(controllers) => controllers,
        Err(error) => {
            return Some(Lack {
                wall: Wall::MemoryLimit,
                feature: kernels(Wall::MemoryLimit),
                setting: format!("the group of this process, {}, cannot be read: {error}", own.display()),
                remedy:
                    "make this process's group visible to it: in a container, use a private control group namespace \
                         (docker: --cgroupns=private); otherwise mount -t cgroup2 none /sys/fs/cgroup"
                        .into(),
            });
        }
    };
    let (wall, name, feature) = NEEDED
        .into_iter()
        .find(|(wall, name, _)| !off.contains(*wall) && !controllers.split_whitespace().any(|c| c == *name))?;
    let above = own.parent().unwrap_or(own);
    Some(Lack {
        wall,
        feature,
        setting: format!(
            "{} has no `{name}` (it has: {})",
            own.join("cgroup.controllers").display(),
            controllers.trim()
        ),
        remedy: format!(
            "delegate it: set Delegate=yes in the service's unit, or run `echo +{name} >{}` and the same in all groups \
             above; if the root group lacks it, too, boot with cgroup_enable={name}",
            above.join("cgroup.subtree_control").display()
        ),
    })
}

/// The reason why groups could not be created below the group of this process.
pub(super) fn refused(error: &io::Error, hierarchies: &Hierarchies, is_root: bool) -> Lack {
    let Hierarchies::V2(own) = hierarchies else {
        return host::control_groups_refused(error, &format!("{hierarchies:?}"), is_root);
    };
    let kind = std::fs::read_to_string(own.join("cgroup.type")).unwrap_or_default();
    refused_v2(error, own, kind.trim(), is_root)
}

fn refused_v2(error: &io::Error, own: &Path, kind: &str, is_root: bool) -> Lack {
    let group = own.display();
    let general = host::control_groups_refused(error, &group.to_string(), is_root);
    let (setting, remedy) = match error.raw_os_error() {
        Some(libc::EROFS) => (
            format!("{group} is mounted read-only"),
            "in a container, mount the control groups writable (docker: --privileged with --cgroupns=private; podman: \
             --cgroups=split)"
                .into(),
        ),
        Some(libc::EOPNOTSUPP) if kind.contains("thread") || kind.contains("invalid") => (
            format!("{group} is of type `{kind}`, which has no memory controller"),
            "start Cupel in a group of type `domain`".into(),
        ),
        Some(libc::EBUSY) => (
            format!("{group} has processes that cannot be moved to {LEAF}"),
            "start Cupel in a separate group: as a service, or with systemd-run --scope -p Delegate=yes".into(),
        ),
        Some(libc::EAGAIN | libc::ENOSPC) => (
            format!("{group} may not have more groups below it (cgroup.max.descendants, cgroup.max.depth)"),
            format!("raise cgroup.max.descendants and cgroup.max.depth of {group} and the groups above"),
        ),
        _ => (general.setting.clone(), general.remedy.clone()),
    };
    Lack { setting, remedy, ..general }
}

/// Enables these controllers for a group's children, as far as the group has them. With `may_move`, the group's
/// processes are moved to the leaf first if the kernel requires that.
pub(super) fn enable_controllers(dir: &Path, controllers: &[&str], may_move: bool) -> io::Result<()> {
    let there = std::fs::read_to_string(dir.join("cgroup.controllers"))?;
    let control = dir.join("cgroup.subtree_control");
    let enabled = std::fs::read_to_string(&control)?;
    let has = |text: &str, name: &str| text.split_whitespace().any(|c| c == name);
    for controller in controllers.iter().filter(|c| has(&there, c) && !has(&enabled, c)) {
        let enable = format!("+{controller}");
        let mut moves = 0;
        loop {
            match write_at(&control, &enable) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) && may_move && moves < MOVES_MAX => {
                    moves += 1;
                    move_to_leaf(dir)?;
                }
                other => break other?,
            }
        }
    }
    Ok(())
}

/// Moves all processes in `dir` to its leaf.
fn move_to_leaf(dir: &Path) -> io::Result<()> {
    let leaf = dir.join(LEAF);
    create_dir(&leaf)?;
    for pid in std::fs::read_to_string(dir.join("cgroup.procs"))?.lines() {
        match write_at(&leaf.join("cgroup.procs"), pid) {
            // The process has ended in the meantime.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            other => other?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_launcher_uses_the_same_parent_group() {
        assert_eq!(parent("/sys/fs/cgroup/a.service/cupel-main".into()), Path::new("/sys/fs/cgroup/a.service"));
        assert_eq!(parent("/sys/fs/cgroup/a.service".into()), Path::new("/sys/fs/cgroup/a.service"));
        assert_eq!(parent("/".into()), Path::new("/"));
    }

    #[test]
    fn a_missing_controller_is_named_with_the_file_that_enables_it() {
        let own = Path::new("/sys/fs/cgroup/user.slice/me");
        let lack = lacking_v2(own, Ok("cpu pids\n".into()), WallSet::NONE).unwrap();
        assert_eq!((lack.wall, lack.feature), (Wall::MemoryLimit, "the memory controller (CONFIG_MEMCG)"));
        assert!(lack.setting.contains("/sys/fs/cgroup/user.slice/me/cgroup.controllers has no `memory`"), "{lack}");
        assert!(lack.remedy.contains("echo +memory >/sys/fs/cgroup/user.slice/cgroup.subtree_control"), "{lack}");
        let off = WallSet::NONE.with(Wall::MemoryLimit);
        assert_eq!(lacking_v2(own, Ok("cpu pids\n".into()), off), None, "a wall that is off needs nothing");
        let lack = lacking_v2(own, Ok("memory\n".into()), WallSet::NONE).unwrap();
        assert_eq!(lack.wall, Wall::ProcessLimit);
    }

    #[test]
    fn a_machine_without_any_hierarchy_is_refused() {
        let none = Hierarchies::V1 { memory: None, pids: None, cpuacct: None, cpuset: None, cpu: None };
        let lack = lacking(&none, WallSet::NONE).unwrap();
        assert!(lack.wall == Wall::MemoryLimit && lack.remedy.contains("mount -t cgroup2"), "{lack}");
        let off = WallSet::NONE.with(Wall::MemoryLimit).with(Wall::ProcessLimit);
        assert_eq!(lacking(&none, off).unwrap().wall, Wall::CpuAccounting);
    }

    #[test]
    fn every_kernel_refusal_names_the_setting() {
        for (errno, kind, setting) in [
            (libc::EROFS, "domain", "is mounted read-only"),
            (libc::EOPNOTSUPP, "threaded", "is of type `threaded`"),
            (libc::EBUSY, "domain", "processes that cannot be moved"),
            (libc::EAGAIN, "domain", "cgroup.max.descendants"),
        ] {
            let lack = refused_v2(&io::Error::from_raw_os_error(errno), Path::new("/sys/fs/cgroup/x"), kind, true);
            assert!(lack.setting.contains(setting) && lack.setting.contains("/sys/fs/cgroup/x"), "{lack}");
            assert!(!lack.remedy.is_empty());
        }
    }
}
