//! TOML parser that builds the document tree.

use toml::de::{DeTable, DeValue};

use super::node::{Node, Scalar, Value};
use crate::finding::Position;

/// Parses a document.
///
/// # Errors
/// The position and the fault.
pub(crate) fn parse_toml(text: &str) -> Result<Node, (Position, String)> {
    let places = Places::new(text);
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { at: Position { line: 1, column: 1 }, value: map(table.get_ref(), &places) }),
        Err(error) => Err((places.of(error.span().map_or(0, |span| span.start)), error.message().to_owned())),
    }
}

fn map(table: &DeTable<'_>, places: &Places<'_>) -> Value {
    let mut entries: Vec<(usize, String, Node)> = table
        .iter()
        .map(|(key, value)| {
            let node = Node { at: places.of(value.span().start), value: value_of(value.get_ref(), places) };
            (key.span().start, key.get_ref().to_string(), node)
        })
        .collect();
    entries.sort_by_key(|(start, ..)| *start);
    Value::Map(entries.into_iter().map(|(_, key, node)| (key, node)).collect())
}

fn value_of(value: &DeValue<'_>, places: &Places<'_>) -> Value {
    let plain = |text: String| Value::Scalar(Scalar { text, quoted: false });
    match value {
        DeValue::String(text) => Value::Scalar(Scalar { text: text.to_string(), quoted: true }),
        DeValue::Integer(number) if number.radix() == 10 => plain(number.as_str().to_owned()),
        // The digits of a number in another base are not its value, so the number is converted to decimal.
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) => plain(value.to_string()),
            Err(_) => plain(format!("0?{}", number.as_str())),
        },
        DeValue::Float(number) => plain(number.as_str().to_owned()),
        DeValue::Boolean(value) => plain(value.to_string()),
        DeValue::Datetime(time) => plain(time.to_string()),
        DeValue::Array(items) => Value::Seq(
            items
                .iter()
                .map(|item| Node { at: places.of(item.span().start), value: value_of(item.get_ref(), places) })
                .collect(),
        ),
        DeValue::Table(table) => map(table, places),
    }
}

/// Converts offsets to lines and columns.
struct Places<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Places<'a> {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Places { text, line_starts }
    }

    fn of(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(line), column: number(column) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_values() {
        let node = parse_toml("a = 1\n[b]\n\"ç\" = 'x' # y\nd = 0x10\n").unwrap();
        let Value::Map(entries) = node.value else { panic!("not a map") };
        assert_eq!(entries[0].1.at, Position { line: 1, column: 5 });
        let Value::Map(inner) = &entries[1].1.value else { panic!("not a map") };
        assert_eq!(inner[0].1.at, Position { line: 3, column: 7 });
        assert_eq!(inner[1].1.value, Value::Scalar(Scalar { text: "16".to_owned(), quoted: false }));
    }

    #[test]
    fn faults_have_a_position() {
        let (at, fault) = parse_toml("a = 1\na = 2\n").unwrap_err();
        assert_eq!((at.line, fault.contains("duplicate")), (2, true), "{fault}");
        assert!(parse_toml(&("a = ".to_owned() + &"[".repeat(100_000))).is_err());
        assert!(parse_toml(&(vec!["a"; 50_000].join(".") + " = 1")).is_err());
    }
}
