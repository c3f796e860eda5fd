//! Parser for DOMjudge's `domjudge-problem.ini`: `key = value`. Quoted values may span several lines.
//!
//! Source: DOMjudge reads the file with PHP's `parse_ini_string`. This parser supports only the syntax that occurs in
//! problem packages: comments with `;` or `#`, sections, which are ignored, and quotes of either kind.

use std::collections::HashSet;

use crate::finding::Position;

/// A key, its value, and its position.
type Entry = (String, String, Position);

/// Parses the file and returns keys and values in order, with their positions.
///
/// # Errors
/// The position and the fault.
pub(crate) fn parse_ini(text: &str) -> Result<Vec<Entry>, (Position, String)> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut keys = HashSet::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let at = Position { line: u32::try_from(number + 1).unwrap_or(u32::MAX), column: 1 };
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#', '[']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            return Err((at, "the line is not `key = value`".to_owned()));
        };
        let (key, value) = (key.trim().to_owned(), value.trim());
        let value = match value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            None => value.split(" ;").next().unwrap_or_default().trim().to_owned(),
            Some(quote) => {
                let mut whole = value[1..].to_owned();
                let mut is_closed = whole.contains(quote);
                while !is_closed {
                    let Some((_, more)) = lines.next() else {
                        return Err((at, format!("the value of `{key}` has no closing quote")));
                    };
                    whole.push('\n');
                    whole.push_str(more);
                    is_closed = more.contains(quote);
                }
                whole.split(quote).next().unwrap_or_default().to_owned()
            }
        };
        if !keys.insert(key.clone()) {
            return Err((at, format!("the key `{key}` occurs twice")));
        }
        entries.push((key, value, at));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_quoted_and_span_lines() {
        let text = "; c\nname='Two\nlines' ; x\ntimelimit = 2.5 ; s\ncolor = \"#ff0000\"\n[x]\n";
        let read: Vec<(String, String)> = parse_ini(text).unwrap().into_iter().map(|(k, v, _)| (k, v)).collect();
        let expected = [("name", "Two\nlines"), ("timelimit", "2.5"), ("color", "#ff0000")];
        assert_eq!(read, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
        for (text, line) in [("a\n", 1), ("a=1\na=2\n", 2), ("\nb='x\n", 2)] {
            assert_eq!(parse_ini(text).unwrap_err().0.line, line, "{text:?}");
        }
    }
}
