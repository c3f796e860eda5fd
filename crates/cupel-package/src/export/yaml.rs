//! Writer for the subset of YAML that packages need: maps, lists, quoted texts and plain scalars. It writes texts as
//! JSON strings, which are valid YAML strings.

use std::fmt::Write;

/// A value to write.
#[derive(Clone)]
pub(super) enum Yaml {
    /// Written unquoted: a number, a boolean or a plain word.
    Plain(String),
    /// Written in quotes.
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub(super) fn plain(value: impl ToString) -> Yaml {
        Yaml::Plain(value.to_string())
    }

    pub(super) fn text(value: &str) -> Yaml {
        Yaml::Text(value.to_owned())
    }

    pub(super) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Yaml {
        Yaml::List(values.into_iter().map(Yaml::text).collect())
    }
}

/// Returns a document with these keys.
pub(super) fn document(entries: &[(String, Yaml)]) -> String {
    let mut out = String::new();
    for (key, value) in entries {
        entry(&mut out, key, value, 0);
    }
    out
}

fn entry(out: &mut String, key: &str, value: &Yaml, depth: usize) {
    out.push_str(&"  ".repeat(depth));
    let plain = !key.is_empty()
        && key.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-".contains(&c))
        && !key.starts_with('-');
    if plain {
        out.push_str(key)
    } else {
        quoted(out, key)
    }
    match value {
        Yaml::Map(entries) if !entries.is_empty() => {
            out.push_str(":\n");
            for (key, value) in entries {
                entry(out, key, value, depth + 1);
            }
        }
        value => {
            out.push_str(": ");
            inline(out, value);
            out.push('\n');
        }
    }
}

fn inline(out: &mut String, value: &Yaml) {
    match value {
        Yaml::Plain(text) => out.push_str(text),
        Yaml::Text(text) => quoted(out, text),
        Yaml::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                inline(out, item);
            }
            out.push(']');
        }
        Yaml::Map(entries) => {
            out.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                quoted(out, key);
                out.push_str(": ");
                inline(out, value);
            }
            out.push('}');
        }
    }
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::doc::{Value, parse_yaml};

    proptest! {
        #[test]
        fn written_documents_are_parsed_back_unchanged(key in "\\PC{1,20}", text in "(\\PC|[\\n\\t\\x01\\x7f\\u{85}]){0,60}") {
            let written = document(&[(key.clone(), Yaml::Map(vec![("a".to_owned(), Yaml::List(vec![Yaml::text(&text)]))]))]);
            let node = parse_yaml(&written).expect("the document is valid YAML");
            let Value::Map(entries) = node.value else { panic!("not a map") };
            prop_assert_eq!(&entries[0].0, &key);
            let Value::Map(inner) = &entries[0].1.value else { panic!("not a map") };
            let Value::Seq(items) = &inner[0].1.value else { panic!("not a list") };
            let Value::Scalar(scalar) = &items[0].value else { panic!("not a text") };
            prop_assert_eq!(&scalar.text, &text);
            prop_assert!(scalar.quoted);
        }
    }
}
