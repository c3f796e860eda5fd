//! One file per process of the fork sequence; the crate's documentation describes which process starts which.

pub(crate) mod collect;
pub(crate) mod init;
pub(crate) mod lane;
pub(crate) mod launcher;
mod linked;
mod live;
pub(crate) mod payload;
pub(crate) mod zygote;
