//! YAML parser that builds the document tree, with bounds. Every alias counts as a copy of its nodes and texts, so an
//! alias bomb is refused before it expands.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Node, Scalar, Value};
use super::{NODES_MAX, TEXT_BYTES_MAX, check_key};
use crate::finding::Position;

/// Maximum number of bytes of all texts of a document, including the copies that anchors and aliases cause.
const BYTES_MAX: usize = 4 * TEXT_BYTES_MAX as usize;
/// Maximum number of aliases.
const ALIASES_MAX: usize = 1_000;
/// Maximum nesting depth.
const DEPTH_MAX: usize = 64;

/// Parses one document. An empty text is null.
///
/// # Errors
/// The position and the fault.
pub(crate) fn parse_yaml(text: &str) -> Result<Node, (Position, String)> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| (position(error.marker()), error.info().to_owned()))?;
        if matches!(event, Event::StreamEnd) {
            break;
        }
        builder.event(event, span).map_err(|fault| (position(&span.start), fault))?;
    }
    let null = Node {
        at: Position { line: 1, column: 1 },
        value: Value::Scalar(Scalar { text: String::new(), quoted: false }),
    };
    Ok(builder.root.unwrap_or(null))
}

fn position(marker: &saphyr_parser::Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(marker.line().max(1)), column: number(marker.col() + 1) }
}

/// A collection whose end has not been read yet.
struct Open {
    node: Node,
    anchor: usize,
    /// In a map, the key whose value has not been read yet.
    key: Option<String>,
    /// In a map, all keys that have been read.
    keys: HashSet<String>,
}

/// Number of nodes, and of bytes of their texts.
#[derive(Clone, Copy, Default)]
struct Extent {
    nodes: usize,
    bytes: usize,
}

impl Extent {
    fn of(node: &Node) -> Extent {
        let one = Extent { nodes: 1, bytes: 0 };
        match &node.value {
            Value::Scalar(scalar) => Extent { bytes: scalar.text.len(), ..one },
            Value::Seq(items) => items.iter().fold(one, |sum, item| sum.plus(Extent::of(item))),
            Value::Map(entries) => entries.iter().fold(one, |sum, (key, node)| {
                let key = Extent { nodes: 0, bytes: key.len() };
                sum.plus(key).plus(Extent::of(node))
            }),
        }
    }

    fn plus(self, other: Extent) -> Extent {
        Extent { nodes: self.nodes + other.nodes, bytes: self.bytes + other.bytes }
    }
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    /// Complete nodes with an anchor, and the extent of each.
    anchors: HashMap<usize, (Node, Extent)>,
    extent: Extent,
    aliases: usize,
    documents: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        let at = position(&span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("the file has a second document".to_owned());
                }
            }
            Event::Alias(anchor) => {
                self.aliases += 1;
                let Some((node, extent)) = self.anchors.get(&anchor) else {
                    return Err("an alias is inside the node it refers to".to_owned());
                };
                let sum = self.extent.plus(*extent);
                if self.aliases > ALIASES_MAX || sum.nodes > NODES_MAX || sum.bytes > BYTES_MAX {
                    return Err("the aliases expand to too many or too long values".to_owned());
                }
                let node = node.clone();
                self.extent = sum;
                self.finished(node, 0)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.add(Extent { nodes: 1, bytes: text.len() })?;
                let mut quoted = style != ScalarStyle::Plain;
                if let Some(tag) = tag {
                    check_tag(&tag)?;
                    quoted = quoted || tag.suffix == "str";
                }
                let value = Value::Scalar(Scalar { text: text.into_owned(), quoted });
                self.finished(Node { at, value }, anchor)?;
            }
            Event::SequenceStart(anchor, tag) => self.opened(at, Value::Seq(Vec::new()), anchor, tag.as_deref())?,
            Event::MappingStart(anchor, tag) => self.opened(at, Value::Map(Vec::new()), anchor, tag.as_deref())?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.finished(open.node, open.anchor)?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, more: Extent) -> Result<(), String> {
        self.extent = self.extent.plus(more);
        match self.extent {
            Extent { nodes, .. } if nodes > NODES_MAX => Err(format!("there are more than {NODES_MAX} values")),
            Extent { bytes, .. } if bytes > BYTES_MAX => Err(format!("the texts have more than {BYTES_MAX} bytes")),
            _ => Ok(()),
        }
    }

    fn opened(
        &mut self,
        at: Position,
        value: Value,
        anchor: usize,
        tag: Option<&saphyr_parser::Tag>,
    ) -> Result<(), String> {
        self.add(Extent { nodes: 1, bytes: 0 })?;
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("the nesting is deeper than {DEPTH_MAX}"));
        }
        self.open.push(Open { node: Node { at, value }, anchor, key: None, keys: HashSet::new() });
        Ok(())
    }

    fn finished(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if anchor != 0 {
            let extent = Extent::of(&node);
            // The bounds cover the copies stored for anchors as well as the copies that aliases cause.
            self.add(extent)?;
            self.anchors.insert(anchor, (node.clone(), extent));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { node: Node { value: Value::Seq(items), .. }, .. }) => items.push(node),
            Some(Open { node: Node { value: Value::Map(entries), .. }, key, keys, .. }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let Value::Scalar(scalar) = node.value else {
                        return Err("a key is a list or a map".to_owned());
                    };
                    if scalar.text == "<<" && !scalar.quoted {
                        return Err("merge keys (`<<`) are not part of YAML 1.2".to_owned());
                    }
                    check_key(&scalar.text, keys.len())?;
                    if !keys.insert(scalar.text.clone()) {
                        return Err(format!("the key `{}` occurs twice", scalar.text));
                    }
                    *key = Some(scalar.text);
                }
            },
            Some(Open { node: Node { value: Value::Scalar(_), .. }, .. }) => {}
        }
        Ok(())
    }
}

/// Accepts only the tags of the core schema.
fn check_tag(tag: &saphyr_parser::Tag) -> Result<(), String> {
    let core = ["str", "int", "float", "bool", "null", "seq", "map"];
    if tag.is_yaml_core_schema() && core.contains(&tag.suffix.as_str()) || tag.handle == "!" && tag.suffix.is_empty() {
        Ok(())
    } else {
        Err(format!("the tag `{}{}` is not allowed", tag.handle, tag.suffix))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => scalar.text.clone(),
            Value::Seq(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
            Value::Map(entries) => {
                format!(
                    "{{{}}}",
                    entries.iter().map(|(k, v)| format!("{k}:{}", shown(v))).collect::<Vec<_>>().join(",")
                )
            }
        }
    }

    #[test]
    fn documents_become_trees() {
        for (text, expected) in [
            ("a: 1\nb: [x, 'y']\n", "{a:1,b:[x,y]}"),
            ("", ""),
            ("# only a comment\n", ""),
            ("a: &x [1, 2]\nb: *x\n", "{a:[1,2],b:[1,2]}"),
            ("a: |\n  two\n  lines\n", "{a:two\nlines\n}"),
            ("a:\nb: ~\n", "{a:,b:~}"),
        ] {
            assert_eq!(parse_yaml(text).map(|node| shown(&node)).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn faults_have_a_position() {
        for (text, line, word) in [
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: [1\nb: 2\n", 2, ""),
            ("a: !!python/object x\n", 1, "tag"),
            ("a: !include x\n", 1, "tag"),
            ("a: &x [*x]\n", 1, "inside"),
            ("a: 1\n---\nb: 2\n", 2, "second"),
            ("? [1]\n: 2\n", 1, "key"),
        ] {
            let (at, fault) = parse_yaml(text).unwrap_err();
            assert!(at.line == line && fault.contains(word), "{text:?}: {at:?} {fault}");
        }
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let ten = vec![format!("*a{}", i - 1); 10].join(", ");
            text += &format!("a{i}: &a{i} [{ten}]\n");
        }
        assert!(parse_yaml(&text).is_err());
        assert!(parse_yaml(&"[".repeat(100_000)).is_err());
        assert!(parse_yaml(&"- ".repeat(100_000)).is_err());
        assert!(parse_yaml(&format!("[{}]", "x,".repeat(200_000))).is_err());
        assert!(parse_yaml(&("&a ".to_owned() + &"? ".repeat(50_000))).is_err());
    }

    /// 1,000 aliases of a text of 512 KiB would need 500 MiB.
    #[test]
    fn aliases_of_a_long_text_are_refused() {
        let aliases = "*a, ".repeat(1_000);
        let text = |length: usize| format!("a: &a {}\nb: [{aliases}]\n", "x".repeat(length));
        let (at, fault) = parse_yaml(&text(512 << 10)).unwrap_err();
        assert!(at.line == 2 && fault.contains("too long"), "{at:?} {fault}");
        assert!(parse_yaml(&text(1_000)).is_ok());
    }

    #[test]
    fn the_number_and_the_length_of_keys_are_bounded() {
        let keys = |count: usize| (0..count).map(|n| format!("k{n}: 1\n")).collect::<String>();
        assert!(parse_yaml(&keys(2_000)).is_ok());
        let (at, fault) = parse_yaml(&keys(2_001)).unwrap_err();
        assert_eq!((at.line, fault.as_str()), (2_001, "a map has more than 2000 keys"));
        assert!(parse_yaml(&format!("? {}\n: 1\n", "k".repeat(1_024))).is_ok());
        let (_, fault) = parse_yaml(&format!("? {}\n: 1\n", "k".repeat(1_025))).unwrap_err();
        assert_eq!(fault, "a key has 1025 bytes; the maximum is 1024");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[\\[\\]{}:,&*!|>'\"#a \\n?-]{0,200}") {
            let _ = parse_yaml(&text);
        }
    }
}
