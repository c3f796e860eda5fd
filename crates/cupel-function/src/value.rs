//! Values of the types of a signature: arguments and results in files, drivers and comparisons.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use cupel_problem::{CompareResult, Type};

/// A value. Its type determines the variant.
#[derive(Clone, Debug)]
pub enum Value {
    /// A signed integer of 32 or 64 bits.
    Int(i64),
    /// A double, including NaN and infinities.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// A string or a character.
    Text(String),
    /// A list, a linked list, or a tree in level order, where [`Value::Null`] is a missing node.
    List(Vec<Value>),
    /// A map with string keys.
    Map(BTreeMap<String, Value>),
    /// Null.
    Null,
}

/// Maximum length of a value in a message, in characters.
const SHOWN_MAX: usize = 64;

impl Value {
    /// The value as short JSON, for a message.
    pub(crate) fn shown(&self) -> String {
        let whole = self.to_string();
        match whole.char_indices().nth(SHOWN_MAX) {
            Some((cut, _)) => format!("{}…", &whole[..cut]),
            None => whole,
        }
    }

    /// A total order in which values that are equal as JSON are equal.
    fn order(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) if a == b => Ordering::Equal,
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::List(a), Value::List(b)) => {
                let first = a.iter().zip(b).map(|(a, b)| a.order(b)).find(|order| order.is_ne());
                first.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Value::Map(a), Value::Map(b)) => {
                let both = a.iter().zip(b);
                let first = both.map(|((k, v), (l, w))| k.cmp(l).then_with(|| v.order(w))).find(|order| order.is_ne());
                first.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            _ => self.kind().cmp(&other.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Int(_) => 2,
            Value::Float(_) => 3,
            Value::Text(_) => 4,
            Value::List(_) => 5,
            Value::Map(_) => 6,
        }
    }
}

impl PartialEq for Value {
    /// Equality as JSON values; NaN equals NaN, and 0.0 equals -0.0.
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            _ => self.order(other).is_eq(),
        }
    }
}

impl fmt::Display for Value {
    /// JSON on one line. Numbers that JSON cannot represent are strings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(n) => write!(f, "{n}"),
            Value::Float(x) if x.is_nan() => f.write_str("\"NaN\""),
            Value::Float(x) if x.is_infinite() => f.write_str(if *x > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Text(text) => quote(text, f),
            Value::List(items) => {
                f.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    item.fmt(f)?;
                }
                f.write_char(']')
            }
            Value::Map(entries) => {
                f.write_char('{')?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    quote(key, f)?;
                    f.write_char(':')?;
                    value.fmt(f)?;
                }
                f.write_char('}')
            }
            Value::Null => f.write_str("null"),
        }
    }
}

fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if (c as u32) < 0x20 || c as u32 == 0x7f => write!(f, "\\u{:04x}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// The first difference between a result of a type and the expected one. `None` if they are equal. Treats
/// [`CompareResult::Checker`] like `Exact`; the caller runs the checker instead.
pub(crate) fn difference(expected: &Value, got: &Value, kind: &Type, compare: CompareResult) -> Option<String> {
    let tolerance = match compare {
        CompareResult::Float(tolerance) => tolerance.get(),
        CompareResult::Exact | CompareResult::Unordered | CompareResult::Checker => 0.0,
    };
    match (expected, got, compare) {
        (Value::List(a), Value::List(b), CompareResult::Unordered) if kind.is_list() && a.len() == b.len() => {
            let sorted = |items: &[Value]| {
                let mut items = items.to_vec();
                items.sort_by(Value::order);
                items
            };
            let (a, b) = (sorted(a), sorted(b));
            let at = a.iter().zip(&b).position(|(a, b)| a != b)?;
            // At the first difference between two sorted lists, the smaller element occurs more often in its own list
            // than in the other.
            Some(match a[at].order(&b[at]) {
                Ordering::Less => format!("{} is missing", a[at].shown()),
                _ => format!("{} is unexpected", b[at].shown()),
            })
        }
        _ => differs(expected, got, tolerance, &mut String::new()),
    }
}

fn differs(expected: &Value, got: &Value, tolerance: f64, path: &mut String) -> Option<String> {
    let within = |a: f64, b: f64| a == b || (a - b).abs() <= tolerance || (a - b).abs() <= tolerance * a.abs();
    let here = |path: &str| {
        let place = if path.is_empty() { String::new() } else { format!("at {path}: ") };
        Some(format!("{place}expected {}, got {}", expected.shown(), got.shown()))
    };
    match (expected, got) {
        (Value::Float(a), Value::Float(b)) if a.is_finite() && b.is_finite() && within(*a, *b) => None,
        (Value::List(a), Value::List(b)) => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                let length = path.len();
                let _ = write!(path, "[{at}]");
                if let Some(found) = differs(a, b, tolerance, path) {
                    return Some(found);
                }
                path.truncate(length);
            }
            if a.len() == b.len() {
                return None;
            }
            let found = here(path)?;
            Some(format!("{found} ({} elements instead of {})", b.len(), a.len()))
        }
        (Value::Map(a), Value::Map(b)) => {
            if !a.keys().eq(b.keys()) {
                return here(path);
            }
            for ((key, a), b) in a.iter().zip(b.values()) {
                let length = path.len();
                let _ = write!(path, "[{}]", Value::Text(key.clone()).shown());
                if let Some(found) = differs(a, b, tolerance, path) {
                    return Some(found);
                }
                path.truncate(length);
            }
            None
        }
        _ if expected == got => None,
        _ => here(path),
    }
}

/// Validates a tree in level order and removes missing nodes at its end. Only existing nodes may have children.
///
/// # Errors
/// The reason why the values are not a tree.
pub(super) fn level_order(mut slots: Vec<Value>) -> Result<Vec<Value>, &'static str> {
    while matches!(slots.last(), Some(Value::Null)) {
        slots.pop();
    }
    // The root and the two children of each node are places. Places are filled in the order of the nodes.
    let (mut places, mut used) = (1_usize, 0_usize);
    for slot in &slots {
        if used == places {
            return Err("a node of the tree has no parent");
        }
        used += 1;
        places += if matches!(slot, Value::Null) { 0 } else { 2 };
    }
    Ok(slots)
}

/// Approximate memory of a key of a map, in bytes.
pub(super) const KEY_BYTES: u64 = 128;

/// Approximate memory of a value in bytes, without its contents.
pub(super) fn bytes_of(kind: &Type) -> u64 {
    match kind {
        Type::Map(_) => 640,
        Type::List(_) | Type::ListNode(_) | Type::TreeNode(_) => 128,
        Type::Char | Type::String => 64,
        Type::Int | Type::Int32 | Type::Float | Type::Bool | Type::Optional(_) | Type::Void => 32,
    }
}

#[cfg(test)]
mod tests {
    use cupel_problem::{Tolerance, Type};

    use super::super::json::read;
    use super::*;

    fn differs(kind: &str, expected: &str, got: &str, compare: CompareResult) -> Option<String> {
        let kind = Type::parse(kind).unwrap();
        let value = |text: &str| read(text.as_bytes(), &kind).unwrap();
        difference(&value(expected), &value(got), &kind, compare)
    }

    #[test]
    fn a_difference_names_its_position() {
        let exact = |kind, expected, got| differs(kind, expected, got, CompareResult::Exact);
        assert_eq!(exact("list<list<int>>", "[[1],[2,3]]", "[[1],[2,3]]"), None);
        assert_eq!(exact("list<list<int>>", "[[1],[2,3]]", "[[1],[2,4]]").unwrap(), "at [1][1]: expected 3, got 4");
        assert_eq!(exact("int", "1", "2").unwrap(), "expected 1, got 2");
        let longer = exact("list<int>", "[1]", "[1,2]").unwrap();
        assert_eq!(longer, "expected [1], got [1,2] (2 elements instead of 1)");
        assert_eq!(exact("map<string,int>", r#"{"a":1}"#, r#"{"a":2}"#).unwrap(), r#"at ["a"]: expected 1, got 2"#);
        assert!(exact("map<string,int>", r#"{"a":1}"#, r#"{"b":1}"#).is_some());
        assert_eq!(exact("float", r#""NaN""#, r#""NaN""#), None);
        assert_eq!(exact("float", "0.0", "-0.0"), None);
        assert!(exact("float", r#""Infinity""#, "1e308").is_some());
    }

    #[test]
    fn unordered_compares_multisets_at_the_outermost_level() {
        let unordered = |expected, got| differs("list<list<int>>", expected, got, CompareResult::Unordered);
        assert_eq!(unordered("[[1,2],[3]]", "[[3],[1,2]]"), None);
        assert_eq!(unordered("[[1,2],[3]]", "[[3],[2,1]]").unwrap(), "[1,2] is missing");
        assert_eq!(unordered("[[1],[1],[2]]", "[[1],[2],[2]]").unwrap(), "[1] is missing");
        assert_eq!(unordered("[[2],[2]]", "[[1],[2]]").unwrap(), "[1] is unexpected");
        assert!(unordered("[[1]]", "[[1],[1]]").is_some());
    }

    #[test]
    fn unordered_applies_to_lists_and_linked_lists_but_not_to_trees() {
        let unordered = |kind, expected, got| differs(kind, expected, got, CompareResult::Unordered);
        assert!(unordered("TreeNode<int>", "[1,2,3]", "[3,1,2]").is_some());
        assert!(unordered("TreeNode<int>", "[1,null,2]", "[1,2]").is_some());
        assert_eq!(unordered("TreeNode<int>", "[1,2,3]", "[1,2,3]"), None);
        assert_eq!(unordered("list<TreeNode<int>>", "[[1,2],[3]]", "[[3],[1,2]]"), None);
        assert!(unordered("list<TreeNode<int>>", "[[1,2],[3]]", "[[3],[2,1]]").is_some());
        assert_eq!(unordered("ListNode<int>", "[1,2,3]", "[3,1,2]"), None);
        assert_eq!(unordered("optional<list<int>>", "[1,2,3]", "[3,1,2]"), None);
    }

    #[test]
    fn float_tolerance_is_absolute_or_relative_and_excludes_infinity() {
        let near = |expected, got| {
            differs("list<float>", expected, got, CompareResult::Float(Tolerance::new(1e-3).unwrap())).is_none()
        };
        assert!(near("[1.0, 1e9]", "[1.0009, 1000900000.0]"));
        assert!(!near("[1.0]", "[1.002]"));
        assert!(!near(r#"["Infinity"]"#, "[1e308]"));
        assert!(near(r#"["-Infinity", "NaN"]"#, r#"["-Infinity", "NaN"]"#));
        assert!(!near(r#"["NaN"]"#, "[0.0]"));
    }
}
