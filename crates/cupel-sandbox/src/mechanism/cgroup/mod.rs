//! Control groups: limits on the resources of a lane, and accounting of what its cells used.
//!
//! The launcher creates a lane's groups, and passes descriptors of the required files to the lane's init. No control
//! group file system is mounted inside a lane. A lane's init joins the groups once. A cell's processes start in these
//! groups (v1) or in a new group of the cell (v2). A run moves no process, because on v1 a move takes 10 to 16 ms after
//! idle time.
//!
//! v1: one group per lane in each hierarchy. A cell's figures are differences of two readings; its peak is read from a
//! counter that is reset for each cell. v2: the lane's init is in the group `init`, and every cell starts in a new
//! sibling group by `CLONE_INTO_CGROUP`. That group is created in advance, together with the cell, and removed after
//! the result has been sent. The group's figures are those of the cell, and one write to `cgroup.kill` ends the cell.
//! Sources: the kernel's Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.

mod cell;
mod control_files;
mod exact;
mod hierarchies;
mod known;
mod lane;
mod launcher;
mod place;

pub(crate) use cell::CpuTimes;
pub(crate) use control_files::LaneGroupFiles;
pub(crate) use exact::ExactBase;
pub(crate) use hierarchies::Hierarchies;
pub(crate) use known::Known;
pub(crate) use lane::{Beside, Counted, LaneGroup, OomKill, Settled};
pub(crate) use launcher::LauncherGroups;
