//! Detection of the machine's control group version, and of this process's group in it.

use std::io;
use std::path::{Path, PathBuf};

/// The available controllers, and the parents of the launcher's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hierarchies {
    /// Version 1: the directory of this process's group in each hierarchy.
    V1 {
        memory: Option<PathBuf>,
        pids: Option<PathBuf>,
        cpuacct: Option<PathBuf>,
        cpuset: Option<PathBuf>,
        /// Nothing is configured in this group. The group makes the scheduler treat a lane as a unit: without the
        /// group, a child that starts a new session would get as much processor time as all lanes together. Source:
        /// sched(7), "The autogroup feature".
        cpu: Option<PathBuf>,
    },
    /// Version 2: the directory of this process's group.
    V2(PathBuf),
}

impl Hierarchies {
    /// Reads `/proc/self/cgroup` and `/proc/self/mountinfo`. Version 2 is used if it is mounted and the memory
    /// controller is not on version 1; otherwise only version 1.
    pub(crate) fn detect() -> io::Result<Hierarchies> {
        let groups = std::fs::read_to_string("/proc/self/cgroup")?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        Ok(Hierarchies::from_texts(&groups, &mounts))
    }

    fn from_texts(groups: &str, mounts: &str) -> Hierarchies {
        let v1 = |controller: &str| -> Option<PathBuf> {
            let own = groups.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':');
                let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
                names.split(',').any(|n| n == controller).then_some(path)
            })?;
            let (root, point) =
                mount_of(mounts, |kind, options| kind == "cgroup" && options.split(',').any(|o| o == controller))?;
            Some(below(&point, &root, own))
        };
        let memory = v1("memory");
        let unified = groups.lines().find_map(|line| line.strip_prefix("0::"));
        if let (None, Some(own), Some((root, point))) =
            (&memory, unified, mount_of(mounts, |kind, _| kind == "cgroup2"))
        {
            return Hierarchies::V2(below(&point, &root, own));
        }
        Hierarchies::V1 { memory, pids: v1("pids"), cpuacct: v1("cpuacct"), cpuset: v1("cpuset"), cpu: v1("cpu") }
    }
}

/// The first mount accepted by `fits`: (root within the file system, mount point). Source: proc_pid_mountinfo(5).
fn mount_of(mounts: &str, fits: impl Fn(&str, &str) -> bool) -> Option<(String, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let front: Vec<&str> = front.split(' ').collect();
        let mut back = back.split(' ');
        let (kind, _source, options) = (back.next()?, back.next()?, back.next()?);
        fits(kind, options).then(|| (front[3].to_owned(), PathBuf::from(front[4])))
    })
}

/// The directory of group `own` under a mount whose root is `root`.
fn below(point: &Path, root: &str, own: &str) -> PathBuf {
    let rest = own.strip_prefix(root.trim_end_matches('/')).unwrap_or(own);
    let rest = rest.trim_start_matches('/');
    if rest.is_empty() { point.to_owned() } else { point.join(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID_GROUPS: &str = "8:pids:/\n4:memory:/outer/me\n3:cpuset:/\n2:cpu,cpuacct:/a\n0::/\n";
    const HYBRID_MOUNTS: &str = "\
30 20 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
31 20 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
32 20 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 20 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 20 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

    #[test]
    fn a_hybrid_machine_uses_version_1_below_the_groups_of_this_process() {
        let found = Hierarchies::from_texts(HYBRID_GROUPS, HYBRID_MOUNTS);
        assert_eq!(
            found,
            Hierarchies::V1 {
                memory: Some("/sys/fs/cgroup/memory/outer/me".into()),
                pids: Some("/sys/fs/cgroup/pids".into()),
                cpuacct: Some("/sys/fs/cgroup/cpu,cpuacct/a".into()),
                cpuset: Some("/sys/fs/cgroup/cpuset".into()),
                cpu: Some("/sys/fs/cgroup/cpu,cpuacct/a".into()),
            }
        );
    }

    #[test]
    fn a_unified_machine_uses_version_2() {
        let mounts = "25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = Hierarchies::from_texts("0::/system.slice/cupel.service\n", mounts);
        assert_eq!(found, Hierarchies::V2("/sys/fs/cgroup/system.slice/cupel.service".into()));
    }

    #[test]
    fn the_root_of_a_partial_mount_is_removed_from_the_path() {
        let mounts = "30 20 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let Hierarchies::V1 { memory, .. } = Hierarchies::from_texts("4:memory:/docker/abc/x\n", mounts) else {
            panic!("version 1")
        };
        assert_eq!(memory, Some("/sys/fs/cgroup/memory/x".into()));
    }
}
