//! Diagnosis of a host that lacks a requirement of a wall. The message names the wall, the kernel feature, the current
//! setting, and the remedy.
//!
//! Sources: namespaces(7), user_namespaces(7); the kernel's Documentation/admin-guide/sysctl/user.rst; Debian's
//! patch for `kernel.unprivileged_userns_clone`; Ubuntu, "Restricted unprivileged user namespaces".

use std::fmt;
use std::io;

use crate::{Wall, WallSet};

/// A wall that cannot be built on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    pub(crate) wall: Wall,
    /// The kernel feature that the wall needs.
    pub(crate) feature: &'static str,
    /// The setting that prevents the wall.
    pub(crate) setting: String,
    pub(crate) remedy: String,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lack { wall, feature, setting, remedy } = self;
        write!(f, "the wall {wall} cannot be built here: it needs {feature}, but {setting}; remedy: {remedy}")
    }
}

/// The namespaces of a lane: their wall, flag and name in `user.max_NAME_namespaces`.
const NAMESPACES: [(Wall, i32, &str); 5] = [
    (Wall::UserNamespace, libc::CLONE_NEWUSER, "user"),
    (Wall::PidNamespace, libc::CLONE_NEWPID, "pid"),
    (Wall::NetNamespace, libc::CLONE_NEWNET, "net"),
    (Wall::IpcNamespace, libc::CLONE_NEWIPC, "ipc"),
    (Wall::UtsNamespace, libc::CLONE_NEWUTS, "uts"),
];

/// Reads a kernel setting by its path below `/proc/sys`; `None` if it does not exist.
pub(crate) fn sysctl(path: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/sys/{path}")).ok().map(|text| text.trim().to_owned())
}

/// The first wall for which this host does not allow the namespace. `attempt` creates a process in new namespaces,
/// or returns the error.
pub(crate) fn missing_namespace(
    off: WallSet,
    attempt: impl Fn(u64) -> io::Result<()>,
    sysctl: impl Fn(&str) -> Option<String>,
) -> Option<Lack> {
    let user = if off.contains(Wall::UserNamespace) { 0 } else { libc::CLONE_NEWUSER };
    NAMESPACES.iter().filter(|(wall, ..)| !off.contains(*wall)).find_map(|(wall, flag, name)| {
        let error = attempt((user | flag) as u64).err()?;
        let (setting, remedy) = if *wall == Wall::UserNamespace {
            user_namespace_refused(&error, &sysctl)
        } else {
            namespace_refused(name, &error, &sysctl)
        };
        Some(Lack { wall: *wall, feature: feature(name), setting, remedy })
    })
}

fn feature(name: &str) -> &'static str {
    match name {
        "user" => "user namespaces (CONFIG_USER_NS)",
        "pid" => "pid namespaces (CONFIG_PID_NS)",
        "net" => "network namespaces (CONFIG_NET_NS)",
        "ipc" => "ipc namespaces (CONFIG_IPC_NS)",
        _ => "uts namespaces (CONFIG_UTS_NS)",
    }
}

/// The reason why a user namespace was refused: the current setting, and the remedy.
pub(crate) fn user_namespace_refused(error: &io::Error, sysctl: &impl Fn(&str) -> Option<String>) -> (String, String) {
    let is = |path: &str, value: &str| sysctl(path).as_deref() == Some(value);
    if is("user/max_user_namespaces", "0") {
        return (
            "the sysctl user.max_user_namespaces is 0".into(),
            "set sysctl user.max_user_namespaces=15000, and make it permanent with a file in /etc/sysctl.d".into(),
        );
    }
    if is("kernel/unprivileged_userns_clone", "0") {
        return (
            "the sysctl kernel.unprivileged_userns_clone is 0".into(),
            "start Cupel as root, or set sysctl kernel.unprivileged_userns_clone=1".into(),
        );
    }
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        return (
            "the sysctl kernel.apparmor_restrict_unprivileged_userns is 1".into(),
            "start Cupel as root, or give its executable an AppArmor profile with the rule `userns,` (flags=(unconfined)), \
             or set sysctl kernel.apparmor_restrict_unprivileged_userns=0"
                .into(),
        );
    }
    match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EUSERS) => (
            "the limit user.max_user_namespaces is reached, or the namespaces are nested too deeply".into(),
            "raise the sysctl user.max_user_namespaces".into(),
        ),
        Some(libc::EINVAL) => {
            ("this kernel was built without them".into(), "boot a kernel with CONFIG_USER_NS=y".into())
        }
        Some(libc::EAGAIN | libc::ENOMEM) => (
            "the machine cannot create another process".into(),
            "check the number of processes, kernel.pid_max, pids.max of the control group, and free memory".into(),
        ),
        _ => (
            format!("the kernel returned: {error}"),
            "in a container, use seccomp and AppArmor profiles that permit clone and unshare with CLONE_NEWUSER \
             (docker: --security-opt seccomp=FILE --security-opt apparmor=unconfined)"
                .into(),
        ),
    }
}

fn namespace_refused(name: &str, error: &io::Error, sysctl: &impl Fn(&str) -> Option<String>) -> (String, String) {
    let most = format!("user/max_{name}_namespaces");
    match (error.raw_os_error(), sysctl(&most)) {
        (Some(libc::ENOSPC | libc::EUSERS), Some(value)) => (
            format!("the sysctl user.max_{name}_namespaces is {value}"),
            format!("set sysctl user.max_{name}_namespaces=15000, and make it permanent with a file in /etc/sysctl.d"),
        ),
        (Some(libc::EINVAL), _) => (
            "this kernel was built without them".into(),
            "boot a kernel with CONFIG_NAMESPACES and all its suboptions".into(),
        ),
        (Some(libc::EAGAIN | libc::ENOMEM), _) => (
            "the machine cannot create another process".into(),
            "check the number of processes, kernel.pid_max, pids.max of the control group, and free memory".into(),
        ),
        _ => (
            format!("the kernel returned: {error}"),
            "in a container, use a seccomp profile that permits clone with all CLONE_NEW flags".into(),
        ),
    }
}

/// The reason why the launcher's control groups could not be created.
pub(crate) fn control_groups_refused(error: &io::Error, directory: &str, is_root: bool) -> Lack {
    let remedy = match (error.kind(), is_root) {
        (io::ErrorKind::NotFound, _) => {
            "mount the control groups; for version 2: mount -t cgroup2 none /sys/fs/cgroup".to_owned()
        }
        (_, false) => format!(
            "delegate a group: `systemd-run --user --scope -p Delegate=yes cupel serve`, or Delegate=yes in the unit; without \
             systemd, create a group and chown its directory and the files in it to the user (the current group is \
             {directory})"
        ),
        (_, true) => {
            "in a container, mount the control groups writable (docker: --cgroupns=private --privileged, or a \
                      delegated group; podman: --cgroups=split); in a service, Delegate=yes"
                .to_owned()
        }
    };
    Lack {
        wall: Wall::MemoryLimit,
        feature: "a control group that Cupel can write to (CONFIG_MEMCG, CONFIG_CGROUP_PIDS)",
        setting: format!("the group cannot be created: {error}"),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(wanted: i32, errno: i32) -> impl Fn(u64) -> io::Result<()> {
        move |flags| if flags & wanted as u64 == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
    }

    fn set(path: &'static str, value: &'static str) -> impl Fn(&str) -> Option<String> {
        move |asked| (asked == path).then(|| value.to_owned())
    }

    #[test]
    fn a_refused_user_namespace_names_the_setting_and_the_remedy() {
        for (path, value, errno) in [
            ("user/max_user_namespaces", "0", libc::ENOSPC),
            ("kernel/unprivileged_userns_clone", "0", libc::EPERM),
            ("kernel/apparmor_restrict_unprivileged_userns", "1", libc::EACCES),
        ] {
            let lack = missing_namespace(WallSet::NONE, refuse(libc::CLONE_NEWUSER, errno), set(path, value)).unwrap();
            assert_eq!(lack.wall, Wall::UserNamespace);
            let (message, name) = (lack.to_string(), path.replace('/', "."));
            assert!(message.contains("user-namespace") && message.contains("CONFIG_USER_NS"), "{message}");
            assert!(lack.setting.contains(&format!("{name} is {value}")) && lack.remedy.contains(&name), "{message}");
        }
    }

    #[test]
    fn a_refused_network_namespace_names_its_wall_and_sysctl() {
        let attempt = refuse(libc::CLONE_NEWNET, libc::ENOSPC);
        let lack = missing_namespace(WallSet::NONE, attempt, set("user/max_net_namespaces", "0")).unwrap();
        assert_eq!((lack.wall, lack.feature), (Wall::NetNamespace, "network namespaces (CONFIG_NET_NS)"));
        assert!(lack.setting.contains("user.max_net_namespaces is 0"), "{lack}");
        let attempt = refuse(libc::CLONE_NEWNET, libc::ENOSPC);
        let off = WallSet::NONE.with(Wall::NetNamespace);
        assert_eq!(missing_namespace(off, attempt, |_| None), None, "a wall that is off needs no namespace");
    }

    #[test]
    fn a_full_process_table_is_not_reported_as_a_missing_feature() {
        let lack = missing_namespace(WallSet::NONE, refuse(libc::CLONE_NEWUSER, libc::EAGAIN), |_| None).unwrap();
        assert!(lack.setting.contains("cannot create another process"), "{lack}");
    }

    #[test]
    fn the_remedy_for_an_ordinary_user_without_a_group_is_delegation() {
        let error = io::Error::from_raw_os_error(libc::EACCES);
        let lack = control_groups_refused(&error, "/sys/fs/cgroup/user.slice", false);
        assert!(lack.remedy.contains("Delegate=yes") && lack.remedy.contains("/sys/fs/cgroup/user.slice"), "{lack}");
    }
}
