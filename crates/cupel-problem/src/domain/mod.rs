//! The nouns, a file each. Nothing here reads a package format.

pub(crate) mod calibration;
pub(crate) mod case;
pub(crate) mod check;
pub(crate) mod example;
pub(crate) mod flags;
pub(crate) mod glob;
pub(crate) mod group;
pub(crate) mod limits;
pub(crate) mod package;
pub(crate) mod problem;
pub(crate) mod program;
pub(crate) mod score;
pub(crate) mod signature;
