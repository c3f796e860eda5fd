//! Parses configuration files of any syntax into one kind of tree. A reader of the tree reports faults with their key.

pub(crate) mod ini;
mod node;
mod reader;
mod toml;
mod yaml;

pub(crate) use node::{Node, Value};
pub(crate) use reader::{Reader, Source, Unknown, excess_of_arguments, seconds as reader_seconds, split_words};
pub(crate) use toml::parse_toml;
pub(crate) use yaml::parse_yaml;

/// Maximum size of a configuration file in bytes. Configuration files are read into memory; test data is not.
pub(crate) const TEXT_BYTES_MAX: u64 = 1 << 20;
/// Maximum number of values of a document, including the copies that aliases cause.
const NODES_MAX: usize = 100_000;
/// Maximum number of keys of a map. A value is found by comparing its key with the keys of its map.
const KEYS_MAX: usize = 2_000;
/// Maximum length of a key, in bytes. Keys may be paths, which have at most this length.
const KEY_BYTES_MAX: usize = 1_024;

/// Checks the next key of a map that has `count` keys so far.
///
/// # Errors
/// The fault.
fn check_key(key: &str, count: usize) -> Result<(), String> {
    if key.len() > KEY_BYTES_MAX {
        return Err(format!("a key has {} bytes; the maximum is {KEY_BYTES_MAX}", key.len()));
    }
    if count >= KEYS_MAX {
        return Err(format!("a map has more than {KEYS_MAX} keys"));
    }
    Ok(())
}
