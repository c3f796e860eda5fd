//! `constants` of 2025-09: the importer replaces `{{name}}` in texts and sources with its value. Constants within
//! values are not replaced.

use std::collections::BTreeMap;

use super::super::{ByteOrderMark, Tree};
use crate::doc::{Reader, Source, TEXT_BYTES_MAX, parse_yaml};
use crate::finding::{Code, Findings, ImportError};
use crate::unpack::Sink;
use cupel_problem::PackagePath;

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

/// Replaces the constants in the unpacked files. Returns whether any file was changed.
pub(crate) fn fill_in_constants(tree: &Tree, top: &str, sink: &mut Sink<'_>) -> Result<bool, ImportError> {
    // The importer reads the file again later and reports its faults.
    let quiet = Findings::default();
    let Some(text) = tree.text("problem.yaml", ByteOrderMark::Warned, &quiet)? else { return Ok(false) };
    let Ok(node) = parse_yaml(&text) else { return Ok(false) };
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
        if let Some(filled) = filled
            && let Ok(place) = PackagePath::new(&format!("{top}{path}"))
        {
            sink.replace(&place, &filled)?;
            changed = true;
        }
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
    !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(&c))
}

/// Commands in a Markdown statement that place the samples.
const COMMANDS: [&str; 2] = ["nextsample", "remainingsamples"];

/// Returns the text with all constants replaced. `None` if it contains none. Braces around text that is not a name are
/// kept.
fn fill_in(text: &str, constants: &BTreeMap<String, String>, unknown: impl Fn(&str)) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let name = after.split_once("}}").map(|(name, _)| name).filter(|name| is_name(name.trim()));
        match name.and_then(|name| constants.get(name.trim()).map(|value| (name, value))) {
            Some((name, value)) => {
                filled.push_str(value);
                rest = &after[name.len() + 2..];
                changed = true;
            }
            None => {
                let is_constant = |name: &&str| {
                    name.bytes().next().is_some_and(|c| c.is_ascii_alphabetic()) && !COMMANDS.contains(name)
                };
                if let Some(name) = name.map(str::trim).filter(is_constant) {
                    unknown(name);
                }
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    changed.then_some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_double_braces_are_replaced() {
        let constants = BTreeMap::from([("n".to_owned(), "10".to_owned()), ("n.tex".to_owned(), "$10$".to_owned())]);
        let filled = |text| fill_in(text, &constants, |_| {});
        assert_eq!(filled("a {{n}} {{ n.tex }}").as_deref(), Some("a 10 $10$"));
        assert_eq!(filled("int a[2][1] = {{1}, {2}};"), None);
        assert_eq!(filled("{{{{n}}").as_deref(), Some("{{10"));

        let reported = std::cell::RefCell::new(Vec::new());
        fill_in("{{m}} {{nextsample}} {{remainingsamples}}", &constants, |name| {
            reported.borrow_mut().push(name.to_owned())
        });
        assert_eq!(reported.into_inner(), ["m"]);
    }
}
