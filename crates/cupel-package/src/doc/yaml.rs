//! YAML parser that builds the document tree, with bounds. Every alias counts as a copy of its nodes, so an alias bomb
//! is refused before it expands.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Node, Scalar, Value};
use crate::finding::Position;

/// Maximum number of nodes of a document, including the copies that aliases cause.
const NODES_MAX: usize = 100_000;
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
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    /// Complete nodes with an anchor, and the number of nodes in each.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
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
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err("an alias is inside the node it refers to".to_owned());
                };
                if self.aliases > ALIASES_MAX || self.nodes + size > NODES_MAX {
                    return Err("the aliases expand to too many values".to_owned());
                }
                let (node, size) = (node.clone(), *size);
                self.nodes += size;
                self.finished(node, 0)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count()?;
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

    fn count(&mut self) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX { Err(format!("there are more than {NODES_MAX} values")) } else { Ok(()) }
    }

    fn opened(
        &mut self,
        at: Position,
        value: Value,
        anchor: usize,
        tag: Option<&saphyr_parser::Tag>,
    ) -> Result<(), String> {
        self.count()?;
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("the nesting is deeper than {DEPTH_MAX}"));
        }
        self.open.push(Open { node: Node { at, value }, anchor, key: None });
        Ok(())
    }

    fn finished(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if anchor != 0 {
            let size = size(&node);
            // The bound covers the copies stored for anchors as well as the copies that aliases cause.
            self.nodes += size;
            if self.nodes > NODES_MAX {
                return Err(format!("there are more than {NODES_MAX} values"));
            }
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { node: Node { value: Value::Seq(items), .. }, .. }) => items.push(node),
            Some(Open { node: Node { value: Value::Map(entries), .. }, key, .. }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let Value::Scalar(scalar) = node.value else {
                        return Err("a key is a list or a map".to_owned());
                    };
                    if scalar.text == "<<" && !scalar.quoted {
                        return Err("merge keys (`<<`) are not part of YAML 1.2".to_owned());
                    }
                    if entries.iter().any(|(known, _)| *known == scalar.text) {
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

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::Seq(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
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

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[\\[\\]{}:,&*!|>'\"#a \\n?-]{0,200}") {
            let _ = parse_yaml(&text);
        }
    }
}
