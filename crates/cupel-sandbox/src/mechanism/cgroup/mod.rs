//! Control groups: what a lane may use, and what its cells used.
//!
//! The launcher makes a lane's groups and hands the lane's init descriptors to exactly the files it needs;
//! no control group file system is mounted inside. A lane's init joins once, everything it forks is born
//! there: on v1, moving a process costs 10 to 16 ms after idleness, so nothing is ever moved for a run.
//!
//! v1: one group a lane in each hierarchy; a cell's figures are differences, its peak a counter that is
//! reset. v2: the lane's init sits in `init`, and every cell gets a new sibling group by
//! `CLONE_INTO_CGROUP`, made with the cell ahead of need and removed when nobody waits any more; its figures are the
//! group's own, and its end is one write to `cgroup.kill`.
//! Sources: the kernel's Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.

mod cell;
mod hierarchies;
mod lane;
mod launcher;
mod place;

pub(crate) use hierarchies::Hierarchies;
pub(crate) use lane::{Beside, Counted, CpuTimes, Known, LaneGroup, LaneGroupFiles, Settled};
pub(crate) use launcher::LauncherGroups;
