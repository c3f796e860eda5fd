//! `constants` of 2025-09: the importer replaces `{{name}}` in texts and sources with its value. Constants within
//! values are not replaced.
//!
//! The new size of a file is computed before the file is written. It has the bounds of a text, and counts as unpacked
//! bytes: a small package could otherwise expand to any size.

use std::collections::BTreeMap;

use cupel_types::Bytes;

use super::super::{ByteOrderMark, Tree};
use super::config::Version;
use crate::doc::{Reader, Source, TEXT_BYTES_MAX, parse_yaml};
use crate::finding::{Code, Findings, ImportError};
use crate::unpack::{self, Sink};
use cupel_problem::PackagePath;

/// Beginning of the fault of a file that becomes too large.
const CAUSE: &str = "with the values of the constants, ";

/// Whether constants are replaced in this file. They are not replaced in test data and in `problem.yaml`.
fn is_filled_in(path: &str) -> bool {
    let directory = path.split('/').next().unwrap_or_default();
    let directories = [
        "statement",
        "solution",
        "include",
        "input_validators",
        "output_validator",
        "static_validator",
        "submissions",
        "input_visualizer",
        "output_visualizer",
    ];
    directories.contains(&directory) || path.starts_with("data/") && path.ends_with("test_group.yaml")
}

/// Replaces the constants in the unpacked files of a package of 2025-09 or a draft, which may have DOMjudge's files.
/// Returns whether any file was changed. Reports files that become too large.
pub(crate) fn fill_in_constants(tree: &Tree, top: &str, sink: &mut Sink<'_>) -> Result<bool, ImportError> {
    // The importer reads the file again later and reports its faults.
    let quiet = Findings::default();
    let Some(text) = tree.text("problem.yaml", ByteOrderMark::Warned, &quiet)? else { return Ok(false) };
    let Ok(node) = parse_yaml(&text) else { return Ok(false) };
    // Legacy packages have no constants.
    if Version::of(&Reader::new(Source { file: "problem.yaml", findings: &quiet }, &node)) == Version::Legacy {
        return Ok(false);
    }
    let reader = Reader::new(Source { file: "problem.yaml", findings: sink.findings() }, &node).get("constants");
    if !reader.is_some() {
        return Ok(false);
    }
    let constants = read(&reader);
    let mut changed = false;
    for (path, stored) in tree.iter().filter(|(path, _)| is_filled_in(path.as_str())) {
        if stored.size.get() > TEXT_BYTES_MAX {
            continue;
        }
        let Some(text) = tree.text(path.as_str(), ByteOrderMark::Warned, &quiet)? else { continue };
        let filled = fill_in(&text, &constants, |name| {
            let fault = format!("`{{{{{name}}}}}` is not a constant in problem.yaml");
            sink.findings().file(Code::KeyIgnored, path.as_str(), fault, "Add it to `constants`, or correct the name");
        });
        let Some(filled) = filled else { continue };
        let Ok(place) = PackagePath::new(&format!("{top}{path}")) else { continue };
        if filled.bytes > TEXT_BYTES_MAX {
            let fault = format!("{CAUSE}the text has {}; the maximum is 1 MiB", Bytes::new(filled.bytes));
            sink.findings().file(Code::Text, path.as_str(), fault, "Shorten the text or the constants");
            continue;
        }
        if !unpack::replace(&place, &filled.pieces, CAUSE, sink)? {
            return Ok(changed);
        }
        changed = true;
    }
    Ok(changed)
}

/// Returns the constants by name. A constant is a text or a map of variants. The variant `value` has the name of the
/// constant; each other variant adds a suffix to it.
fn read(reader: &Reader<'_>) -> BTreeMap<String, String> {
    let mut constants = BTreeMap::new();
    for (name, value) in reader.map() {
        if !is_name(name) {
            value.fault(
                Code::KeyType,
                format!("`{name}` is not a valid name of a constant"),
                "Use letters, digits, `_` and `-`",
            );
        } else if value.is_map() {
            for (variant, value) in value.entries() {
                let key = if variant == "value" { name.to_owned() } else { format!("{name}.{variant}") };
                constants.extend(value.text().map(|text| (key, text.to_owned())));
            }
        } else {
            constants.extend(value.text().map(|text| (name.to_owned(), text.to_owned())));
        }
    }
    constants
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_of_name)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

/// Commands in a Markdown statement that place the samples.
const COMMANDS: [&str; 2] = ["nextsample", "remainingsamples"];

/// A text with all constants replaced.
struct Filled<'t> {
    /// The text is the concatenation of these.
    pieces: Vec<&'t str>,
    /// Length in bytes.
    bytes: u64,
}

/// Replaces all constants in a text. `None` if it contains none. Braces around text that is not a name are kept. Reads
/// each character at most twice.
fn fill_in<'t>(text: &'t str, constants: &'t BTreeMap<String, String>, unknown: impl Fn(&str)) -> Option<Filled<'t>> {
    let mut pieces = Vec::new();
    // The text up to `taken` is in `pieces`. The text up to `at` has been searched.
    let (mut taken, mut at) = (0, 0);
    while let Some(found) = text[at..].find("{{") {
        let open = at + found;
        at = open + 2;
        let Some((name, length)) = name_in_braces(&text[at..]) else { continue };
        match constants.get(name) {
            Some(value) => {
                pieces.extend([&text[taken..open], value.as_str()]);
                at += length;
                taken = at;
            }
            None if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !COMMANDS.contains(&name) => unknown(name),
            None => {}
        }
    }
    if pieces.is_empty() {
        return None;
    }
    pieces.push(&text[taken..]);
    let bytes = pieces.iter().fold(0_u64, |sum, piece| sum.saturating_add(piece.len() as u64));
    Some(Filled { pieces, bytes })
}

/// Reads a name, with white space around it, and `}}`. Returns the name, and the length of all of this in bytes.
fn name_in_braces(text: &str) -> Option<(&str, usize)> {
    let rest = text.trim_start();
    let (name, rest) = rest.split_at(rest.bytes().position(|byte| !is_of_name(byte))?);
    let rest = rest.trim_start().strip_prefix("}}")?;
    (!name.is_empty()).then_some((name, text.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_double_braces_are_replaced() {
        let constants = BTreeMap::from([("n".to_owned(), "10".to_owned()), ("n.tex".to_owned(), "$10$".to_owned())]);
        let filled = |text| fill_in(text, &constants, |_| {}).map(|filled| filled.pieces.concat());
        assert_eq!(filled("a {{n}} {{ n.tex }}").as_deref(), Some("a 10 $10$"));
        assert_eq!(filled("int a[2][1] = {{1}, {2}};"), None);
        assert_eq!(filled("{{{{n}}").as_deref(), Some("{{10"));
        assert_eq!(filled("{{n}}}{{\n n\t}}é").as_deref(), Some("10}10é"));
        for text in ["{{}}", "{{ }}", "{{n}", "{{n", "{{n m}}", "{{n} }", "{{é}}", "{{"] {
            assert_eq!(filled(text), None, "{text}");
        }

        let reported = std::cell::RefCell::new(Vec::new());
        fill_in("{{m}} {{nextsample}} {{remainingsamples}}", &constants, |name| {
            reported.borrow_mut().push(name.to_owned())
        });
        assert_eq!(reported.into_inner(), ["m"]);
    }

    /// The text would have 6 GiB.
    #[test]
    fn the_size_of_a_text_is_computed_before_it_is_filled_in() {
        let constants = BTreeMap::from([("n".to_owned(), "x".repeat(64 << 10))]);
        let text = "{{n}}".repeat(100_000);
        let filled = fill_in(&text, &constants, |_| {}).unwrap();
        assert_eq!(filled.bytes, 100_000 * (64 << 10));
    }

    /// If the rest of the text was searched for each opening brace, this would take an hour.
    #[test]
    fn braces_that_are_not_closed_are_read_once() {
        let constants = BTreeMap::from([("n".to_owned(), String::new())]);
        for text in ["{".repeat(8 << 20), "{{n".repeat(2 << 20), "{{ ".repeat(2 << 20)] {
            assert!(fill_in(&text, &constants, |_| {}).is_none());
        }
    }
}
