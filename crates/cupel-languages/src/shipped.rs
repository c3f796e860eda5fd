//! The language files of the repository, compiled into the binary.

/// File name and contents of each, sorted by name. Made by `build.rs`.
pub(crate) const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
