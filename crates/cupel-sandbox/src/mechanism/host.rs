//! What a host lacks for a wall, in words an operator can act upon: the wall, the kernel's feature, the setting in
//! force, and the remedy.
//!
//! Sources: namespaces(7), user_namespaces(7); the kernel's Documentation/admin-guide/sysctl/user.rst; Debian's
//! patch for `kernel.unprivileged_userns_clone`; Ubuntu, "Restricted unprivileged user namespaces".

use std::fmt;
use std::io;

use crate::{Wall, WallSet};

/// A wall that cannot be built here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    pub(crate) wall: Wall,
    /// What the kernel would have to give.
    pub(crate) feature: &'static str,
    /// What was found.
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

/// Reads a setting of the kernel's by its path below `/proc/sys`; `None` where there is no such setting.
pub(crate) fn sysctl(path: &str) -> Option<String> {
    std::fs::read_to_string(format!("/proc/sys/{path}")).ok().map(|text| text.trim().to_owned())
}

/// The first wall for which this host does not give the namespace. `attempt` makes a process in new namespaces,
/// or says why it cannot.
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

/// Why a user namespace was refused: the setting in force, and the remedy.
pub(crate) fn user_namespace_refused(error: &io::Error, sysctl: &impl Fn(&str) -> Option<String>) -> (String, String) {
    let is = |path: &str, value: &str| sysctl(path).as_deref() == Some(value);
    if is("user/max_user_namespaces", "0") {
        return (
            "the sysctl user.max_user_namespaces is 0".into(),
            "sysctl user.max_user_namespaces=15000, and a file in /etc/sysctl.d to keep it".into(),
        );
    }
    if is("kernel/unprivileged_userns_clone", "0") {
        return (
            "the sysctl kernel.unprivileged_userns_clone is 0".into(),
            "start Cupel as root, or sysctl kernel.unprivileged_userns_clone=1".into(),
        );
    }
    if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        return (
            "the sysctl kernel.apparmor_restrict_unprivileged_userns is 1".into(),
            "start Cupel as root, or give its executable an AppArmor profile with the rule `userns,` (flags=(unconfined)), \
             or sysctl kernel.apparmor_restrict_unprivileged_userns=0"
                .into(),
        );
    }
    match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EUSERS) => (
            "there are as many of them as user.max_user_namespaces allows, or they are nested too deeply".into(),
            "raise the sysctl user.max_user_namespaces".into(),
        ),
        Some(libc::EINVAL) => {
            ("this kernel was built without them".into(), "boot a kernel with CONFIG_USER_NS=y".into())
        }
        Some(libc::EAGAIN | libc::ENOMEM) => (
            "the machine has no room for another process".into(),
            "look at the number of processes, kernel.pid_max, pids.max of the control group, and free memory".into(),
        ),
        _ => (
            format!("the kernel answered: {error}"),
            "in a container, let its seccomp and AppArmor profiles permit clone and unshare with CLONE_NEWUSER \
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
            format!("sysctl user.max_{name}_namespaces=15000, and a file in /etc/sysctl.d to keep it"),
        ),
        (Some(libc::EINVAL), _) => (
            "this kernel was built without them".into(),
            "boot a kernel with CONFIG_NAMESPACES and all below it".into(),
        ),
        (Some(libc::EAGAIN | libc::ENOMEM), _) => (
            "the machine has no room for another process".into(),
            "look at the number of processes, kernel.pid_max, pids.max of the control group, and free memory".into(),
        ),
        _ => (
            format!("the kernel answered: {error}"),
            "in a container, let its seccomp profile permit clone with all CLONE_NEW flags".into(),
        ),
    }
}

/// Why our control groups could not be made.
pub(crate) fn control_groups_refused(error: &io::Error, directory: &str, is_root: bool) -> Lack {
    let remedy = match (error.kind(), is_root) {
        (io::ErrorKind::NotFound, _) => {
            "mount the control groups: with version 2, mount -t cgroup2 none /sys/fs/cgroup".to_owned()
        }
        (_, false) => format!(
            "delegate a group: `systemd-run --user --scope -p Delegate=yes cupel serve`, or Delegate=yes in the unit; without \
             systemd, make a group and chown its directory and the files in it to the user (now {directory})"
        ),
        (_, true) => {
            "in a container, mount the control groups writable (docker: --cgroupns=private --privileged, or a \
                      delegated group; podman: --cgroups=split); in a service, Delegate=yes"
                .to_owned()
        }
    };
    Lack {
        wall: Wall::MemoryLimit,
        feature: "a control group of its own to write in (CONFIG_MEMCG, CONFIG_CGROUP_PIDS)",
        setting: format!("it cannot be made: {error}"),
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
    fn a_host_that_forbids_user_namespaces_is_told_which_setting_does_so() {
        for (path, value, errno) in [
            ("user/max_user_namespaces", "0", libc::ENOSPC),
            ("kernel/unprivileged_userns_clone", "0", libc::EPERM),
            ("kernel/apparmor_restrict_unprivileged_userns", "1", libc::EACCES),
        ] {
            let lack = missing_namespace(WallSet::NONE, refuse(libc::CLONE_NEWUSER, errno), set(path, value)).unwrap();
            assert_eq!(lack.wall, Wall::UserNamespace);
            let (told, name) = (lack.to_string(), path.replace('/', "."));
            assert!(told.contains("user-namespace") && told.contains("CONFIG_USER_NS"), "{told}");
            assert!(lack.setting.contains(&format!("{name} is {value}")) && lack.remedy.contains(&name), "{told}");
        }
    }

    #[test]
    fn every_other_namespace_names_its_own_wall_and_sysctl() {
        let attempt = refuse(libc::CLONE_NEWNET, libc::ENOSPC);
        let lack = missing_namespace(WallSet::NONE, attempt, set("user/max_net_namespaces", "0")).unwrap();
        assert_eq!((lack.wall, lack.feature), (Wall::NetNamespace, "network namespaces (CONFIG_NET_NS)"));
        assert!(lack.setting.contains("user.max_net_namespaces is 0"), "{lack}");
        let attempt = refuse(libc::CLONE_NEWNET, libc::ENOSPC);
        let off = WallSet::NONE.with(Wall::NetNamespace);
        assert_eq!(missing_namespace(off, attempt, |_| None), None, "a wall that is off is not asked for");
    }

    #[test]
    fn a_full_process_table_is_no_missing_feature() {
        let lack = missing_namespace(WallSet::NONE, refuse(libc::CLONE_NEWUSER, libc::EAGAIN), |_| None).unwrap();
        assert!(lack.setting.contains("no room for another process"), "{lack}");
    }

    #[test]
    fn an_ordinary_user_without_a_group_hears_of_delegation() {
        let error = io::Error::from_raw_os_error(libc::EACCES);
        let lack = control_groups_refused(&error, "/sys/fs/cgroup/user.slice", false);
        assert!(lack.remedy.contains("Delegate=yes") && lack.remedy.contains("/sys/fs/cgroup/user.slice"), "{lack}");
    }
}
