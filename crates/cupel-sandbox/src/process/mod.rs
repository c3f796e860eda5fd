//! One file per process of the fork dance; see the crate's header for who makes whom.

pub(crate) mod collect;
pub(crate) mod init;
pub(crate) mod lane;
pub(crate) mod launcher;
pub(crate) mod payload;
pub(crate) mod zygote;
