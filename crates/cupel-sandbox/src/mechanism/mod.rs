//! One file per kernel mechanism.

pub(crate) mod capabilities;
pub(crate) mod cgroup;
pub(crate) mod host;
pub(crate) mod ids;
pub(crate) mod instructions;
pub(crate) mod landlock;
pub(crate) mod mounts;
pub(crate) mod namespaces;
pub(crate) mod oom;
pub(crate) mod rlimits;
pub(crate) mod rootless;
pub(crate) mod seccomp;
