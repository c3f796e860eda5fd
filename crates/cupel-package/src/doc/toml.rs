//! TOML parser that builds the document tree, with bounds.

use toml::de::{DeTable, DeValue};

use super::node::{Node, Scalar, Value};
use super::{NODES_MAX, check_key};
use crate::finding::Position;

/// A fault and its position.
type Fault = (Position, String);

/// Parses a document.
///
/// # Errors
/// The position and the fault.
pub(crate) fn parse_toml(text: &str) -> Result<Node, Fault> {
    let mut builder = Builder { places: Places::new(text), nodes: 0 };
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { at: Position { line: 1, column: 1 }, value: builder.map(table.get_ref())? }),
        Err(error) => Err((builder.places.of(error.span().map_or(0, |span| span.start)), error.message().to_owned())),
    }
}

struct Builder<'a> {
    places: Places<'a>,
    nodes: usize,
}

impl Builder<'_> {
    fn map(&mut self, table: &DeTable<'_>) -> Result<Value, Fault> {
        let mut entries: Vec<(usize, String, Node)> = Vec::new();
        for (key, value) in table.iter() {
            let (start, key) = (key.span().start, key.get_ref());
            check_key(key, entries.len()).map_err(|fault| (self.places.of(start), fault))?;
            entries.push((start, key.to_string(), self.node(value.span().start, value.get_ref())?));
        }
        entries.sort_by_key(|(start, ..)| *start);
        Ok(Value::Map(entries.into_iter().map(|(_, key, node)| (key, node)).collect()))
    }

    /// Returns the node of a value that begins at the offset `start`.
    fn node(&mut self, start: usize, value: &DeValue<'_>) -> Result<Node, Fault> {
        let at = self.places.of(start);
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err((at, format!("there are more than {NODES_MAX} values")));
        }
        let plain = |text: String| Value::Scalar(Scalar { text, quoted: false });
        let value = match value {
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
            DeValue::Array(items) => {
                let mut nodes = Vec::new();
                for item in items.iter() {
                    nodes.push(self.node(item.span().start, item.get_ref())?);
                }
                Value::Seq(nodes)
            }
            DeValue::Table(table) => self.map(table)?,
        };
        Ok(Node { at, value })
    }
}

/// Converts offsets to lines and columns, each in constant time, because a document may have all values in one line.
struct Places<'a> {
    text: &'a [u8],
    line_starts: Vec<usize>,
    /// Number of characters before each block of [`BLOCK`] bytes.
    before_blocks: Vec<usize>,
}

/// Number of bytes of a block.
const BLOCK: usize = 64;

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Places<'a> {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let text = text.as_bytes();
        let mut before_blocks = vec![0];
        let mut characters = 0;
        for block in text.chunks(BLOCK) {
            characters += beginnings(block);
            before_blocks.push(characters);
        }
        Places { text, line_starts, before_blocks }
    }

    fn of(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let column = self.characters_before(offset) - self.characters_before(self.line_starts[line - 1]) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(line), column: number(column) }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.before_blocks[block] + beginnings(&self.text[block * BLOCK..offset])
    }
}

/// Returns the number of characters that begin in these bytes. Source: RFC 3629, section 3.
fn beginnings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
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
    fn columns_of_a_long_line_count_characters() {
        let text = format!("a = [{}]\nb = 'ç'\n", "'ç', ".repeat(100));
        let node = parse_toml(&text).unwrap();
        let Value::Map(entries) = node.value else { panic!("not a map") };
        let Value::Seq(items) = &entries[0].1.value else { panic!("not a list") };
        for (n, item) in (0..).zip(items) {
            assert_eq!(item.at, Position { line: 1, column: 6 + 5 * n });
        }
        assert_eq!(entries[1].1.at, Position { line: 2, column: 5 });
    }

    #[test]
    fn the_numbers_of_values_and_keys_are_bounded() {
        let list = |count: usize| format!("a = [{}]\n", "1,".repeat(count));
        assert!(parse_toml(&list(99_999)).is_ok());
        let (at, fault) = parse_toml(&list(100_000)).unwrap_err();
        assert_eq!((at.line, fault.as_str()), (1, "there are more than 100000 values"));
        let keys = |count: usize| (0..count).map(|n| format!("k{n} = 1\n")).collect::<String>();
        assert!(parse_toml(&keys(2_000)).is_ok());
        assert_eq!(parse_toml(&keys(2_001)).unwrap_err().1, "a map has more than 2000 keys");
    }

    #[test]
    fn faults_have_a_position() {
        let (at, fault) = parse_toml("a = 1\na = 2\n").unwrap_err();
        assert_eq!((at.line, fault.contains("duplicate")), (2, true), "{fault}");
        assert!(parse_toml(&("a = ".to_owned() + &"[".repeat(100_000))).is_err());
        assert!(parse_toml(&(vec!["a"; 50_000].join(".") + " = 1")).is_err());
    }
}
