//! Parses configuration files of any syntax into one kind of tree. A reader of the tree reports faults with their key.

pub(crate) mod ini;
mod node;
mod reader;
mod toml;
mod yaml;

pub(crate) use node::{Node, Value};
pub(crate) use reader::{Reader, Source, Unknown, seconds as reader_seconds, split_words};
pub(crate) use toml::parse_toml;
pub(crate) use yaml::parse_yaml;

/// Maximum size of a configuration file in bytes. Configuration files are read into memory; test data is not.
pub(crate) const TEXT_BYTES_MAX: u64 = 1 << 20;
