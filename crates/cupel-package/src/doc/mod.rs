//! Structured texts of packages as one kind of tree, whatever they are written in, and a reader that tells faults by key.

pub(crate) mod ini;
mod node;
mod reader;
mod toml;
mod yaml;

pub(crate) use node::{Node, Value};
pub(crate) use reader::{Reader, Source, Unknown, seconds as reader_seconds};
pub(crate) use toml::parse_toml;
pub(crate) use yaml::parse_yaml;

/// Most bytes of a text that is read whole: configuration, never test data.
pub(crate) const TEXT_BYTES_MAX: u64 = 1 << 20;
