//! Parser for DOMjudge's `domjudge-problem.ini`: `key = value`. Quoted values may span several lines.
//!
//! Source: DOMjudge reads the file with PHP's `parse_ini_string`. This parser reads the syntax that occurs in problem
//! packages as PHP 8.2 does: `;` outside quotes starts a comment, with or without a space before it; quotes of either
//! kind may begin and end within a value; a single quote without a second one ends the value and the file. Sections are
//! ignored, and lines that start with `#`. More lenient than PHP: an unquoted value may contain `(`, `!`, `&` and the
//! other operators of PHP, and words such as `yes` are text. Stricter: a key must have a value, and occur once.

use std::collections::HashSet;

use crate::finding::Position;

/// A key and its value.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) at: Position,
    /// A single quote without a second one ended the value: the rest of the file is not read.
    pub(crate) is_cut: bool,
}

/// Parses the file and returns its entries in order.
///
/// # Errors
/// The position and the fault.
pub(crate) fn parse_ini(text: &str) -> Result<Vec<Entry>, (Position, String)> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut keys = HashSet::new();
    let mut rest = text;
    let mut number = 1_u32;
    while !rest.is_empty() {
        let at = Position { line: number, column: 1 };
        let (line, next) = rest.split_once('\n').unwrap_or((rest, ""));
        if line.trim().is_empty() || line.trim_start().starts_with([';', '#', '[']) {
            rest = next;
            number = number.saturating_add(1);
            continue;
        }
        let Some((key, _)) = line.split_once('=') else {
            return Err((at, "the line is not `key = value`".to_owned()));
        };
        let after_key = &rest[key.len() + 1..];
        let key = key.trim().to_owned();
        let Some(Value { text: value, rest: next, is_cut }) = value(after_key) else {
            return Err((at, format!("the value of `{key}` has no closing quote")));
        };
        if !keys.insert(key.clone()) {
            return Err((at, format!("the key `{key}` occurs twice")));
        }
        entries.push(Entry { key, value, at, is_cut });
        let lines = rest[..rest.len() - next.len()].matches('\n').count();
        number = number.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        rest = next;
    }
    Ok(entries)
}

struct Value<'a> {
    text: String,
    /// The lines after the value.
    rest: &'a str,
    is_cut: bool,
}

/// Reads the value at the start of a text, up to the end of its last line. `None`: a closing quote is missing.
fn value(text: &str) -> Option<Value<'_>> {
    let mut value = String::new();
    let mut rest = text.trim_start_matches([' ', '\t']);
    loop {
        let end = rest.find([';', '"', '\'', '\n']).unwrap_or(rest.len());
        let (plain, tail) = rest.split_at(end);
        if let Some(tail) = tail.strip_prefix('\'') {
            value.push_str(plain);
            match tail.split_once('\'') {
                Some((quoted, tail)) => {
                    value.push_str(quoted);
                    rest = tail;
                }
                None if value.is_empty() => return None,
                None => return Some(Value { text: value.trim_end().to_owned(), rest: "", is_cut: true }),
            }
        } else if let Some(tail) = tail.strip_prefix('"') {
            value.push_str(plain.trim_end());
            rest = double_quoted(tail, &mut value)?.trim_start_matches([' ', '\t']);
        } else {
            value.push_str(plain.trim_end());
            let rest = tail.split_once('\n').map_or("", |(_, next)| next);
            return Some(Value { text: value, rest, is_cut: false });
        }
    }
}

/// Appends the text up to the closing double quote, and returns what follows the quote. `\"` and `\\` are escapes.
fn double_quoted<'a>(text: &'a str, value: &mut String) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (plain, tail) = rest.split_at(rest.find(['"', '\\'])?);
        value.push_str(plain);
        if let Some(tail) = tail.strip_prefix('"') {
            return Some(tail);
        }
        let escaped = tail[1..].starts_with(['"', '\\']);
        let length = if escaped { 2 } else { 1 };
        value.push_str(&tail[length - 1..length]);
        rest = &tail[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse_ini(text).unwrap().into_iter().map(|entry| (entry.key, entry.value)).collect()
    }

    #[test]
    fn values_may_be_quoted_and_span_lines() {
        let text = "; c\nname='Two\nlines' ; x\ntimelimit = 2.5 ; s\ncolor = \"#ff0000\"\n[x]\n";
        let expected = [("name", "Two\nlines"), ("timelimit", "2.5"), ("color", "#ff0000")];
        assert_eq!(read(text), expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
        for (text, line) in
            [("a\n", 1), ("a=1\na=2\n", 2), ("\nb='x\n", 2), ("a='1\n2'\nb\n", 3), ("a=1\"\n", 1), ("a=\"1\\\"", 1)]
        {
            assert_eq!(parse_ini(text).err().map(|(at, _)| at.line), Some(line), "{text:?}");
        }
    }

    /// The expected values are the ones of PHP 8.2.
    #[test]
    fn comments_and_quotes_within_a_value_are_read_as_in_php() {
        for (value, expected) in [
            ("2.5;s", "2.5"),
            (" 2.5 ; s", "2.5"),
            ("2.5;", "2.5"),
            ("2.5;'s", "2.5"),
            ("2.5 # s", "2.5 # s"),
            ("2.5'", "2.5"),
            ("'2.5';s", "2.5"),
            ("\"2.5\"s", "2.5s"),
            ("\"2.5\" # s ; c", "2.5# s"),
            ("\"2.5;s\"", "2.5;s"),
            ("\"\"", ""),
            ("", ""),
            ("a  b", "a  b"),
            ("a \"b\" c", "abc"),
            ("a 'b' c", "a b c"),
            ("'a''b'", "ab"),
            ("'a\"b'", "a\"b"),
            ("'a\\'", "a\\"),
            ("\"a\\\"b\\\\\\c\"", "a\"b\\\\c"),
            ("a\"b\n;c\"d", "ab\n;cd"),
            ("  \" a \"  ", " a "),
            ("x\\", "x\\"),
        ] {
            let expected = vec![("k".to_owned(), expected.to_owned())];
            assert_eq!(read(&format!("k={value}")), expected, "{value:?}");
            assert_eq!(read(&format!("k ={value}\r\n")), expected, "{value:?}");
        }
    }

    #[test]
    fn a_single_quote_without_a_second_one_ends_the_value_and_the_file() {
        let entries = parse_ini("name=O'Brien ; s\ntimelimit=3\n").unwrap();
        let read: Vec<_> =
            entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str(), entry.is_cut)).collect();
        assert_eq!(read, [("name", "O", true)]);
    }
}
