//! Finds the line of a key in a TOML file.

use toml::de::{DeTable, DeValue};

/// One-based line of the deepest existing part of `key` (such as `samples[2].verdict`). For a missing key, the line of
/// its table.
pub(crate) fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?.into_inner();
    let mut found = None;
    let mut inner = Inner::Table(&root);
    for part in key.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let (start, value) = match inner {
            Inner::Table(table) => {
                let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref().as_ref() == part) else { break };
                (key.span().start, value.get_ref())
            }
            Inner::Value(DeValue::Table(table)) => {
                let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref().as_ref() == part) else { break };
                (key.span().start, value.get_ref())
            }
            Inner::Value(DeValue::Array(array)) => {
                let Some(value) = part.parse().ok().and_then(|index: usize| array.get(index)) else { break };
                (value.span().start, value.get_ref())
            }
            Inner::Value(_) => break,
        };
        found = Some(line_at(text, start));
        inner = Inner::Value(value);
    }
    found
}

enum Inner<'a> {
    Table(&'a DeTable<'a>),
    Value(&'a DeValue<'a>),
}

/// One-based line of a byte offset.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The key on a line of text that is not valid TOML; the whole line if it has no key.
pub(crate) fn key_in_line(text: &str, line: usize) -> String {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
    let key = line.split_once('=').map_or(line, |(key, _)| key).trim().trim_matches(['[', ']']);
    key.chars().take(KEY_CHARS_MAX).collect()
}

/// Maximum number of characters of the key or line that are shown.
const KEY_CHARS_MAX: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = 'x'\nlimits = { cpu_time_ms = 1 }\n[packages]\ndebian = [\n  'a',\n  'b',\n]\n\
                        [[samples]]\nname = 'one'\n[[samples]]\nname = 'two'\n";

    #[test]
    fn every_key_has_its_line() {
        for (key, line) in [
            ("name", 1),
            ("limits.cpu_time_ms", 2),
            ("packages", 3),
            ("packages.debian", 4),
            ("packages.debian[1]", 6),
            ("samples[1].name", 11),
        ] {
            assert_eq!(line_of_key(TEXT, key), Some(line), "{key}");
        }
        // A missing key is reported at its table.
        assert_eq!(line_of_key(TEXT, "samples[1].source"), line_of_key(TEXT, "samples[1]"));
        assert_eq!(line_of_key(TEXT, "samples[1]"), Some(10));
        assert_eq!(line_of_key(TEXT, "(file name)"), None);
        assert_eq!(line_of_key("name = ", "name"), None);
    }

    #[test]
    fn the_key_is_found_in_a_line_that_is_not_valid_toml() {
        assert_eq!(key_in_line("\n  name = \n", 2), "name");
        assert_eq!(key_in_line("[limits\n", 1), "limits");
        assert_eq!(key_in_line("", 7), "");
    }
}
