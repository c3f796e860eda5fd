//! Typed JSON reader: parses the text of a test into values of its signature, or fails with position and reason.
//!
//! The expected type drives the parser. So the type bounds the nesting, integers keep all 64 bits, and the parser
//! creates no value that a driver cannot receive. Source: RFC 8259. Extension: NaN and infinities are the strings
//! `"NaN"`, `"Infinity"` and `"-Infinity"`. Not accepted: lone surrogates, U+0000, which terminates strings in C, and
//! an object with the same key twice.

use std::collections::BTreeMap;

use cupel_types::Bytes;

use cupel_problem::Type;

use super::value::{KEY_BYTES, Value, bytes_of, level_order};

/// Error for a text that is not a value of the expected type.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct JsonError {
    /// Line number, from 1.
    line: usize,
    /// Column in bytes, from 1.
    column: usize,
    why: String,
}

/// Parses exactly one value.
#[cfg(test)]
pub(super) fn read(text: &[u8], kind: &Type) -> Result<Value, JsonError> {
    let mut reader = Reader::new(text);
    let value = reader.value(kind)?;
    reader.end()?;
    Ok(value)
}

/// Parses a sequence of values.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// Approximate memory left for values. An empty map takes hundreds of times the size of its text.
    room: u64,
}

impl<'a> Reader<'a> {
    /// A reader whose values may need any amount of memory.
    #[cfg(test)]
    pub(super) fn new(text: &'a [u8]) -> Reader<'a> {
        Reader { text, at: 0, room: u64::MAX }
    }

    /// A reader whose values may need approximately `room` bytes of memory in total.
    pub(super) fn within(text: &'a [u8], room: Bytes) -> Reader<'a> {
        Reader { text, at: 0, room: room.get() }
    }

    fn take(&mut self, bytes: u64) -> Result<(), JsonError> {
        let left = self.room.checked_sub(bytes);
        self.room = left.ok_or_else(|| self.here("the values up to here need more memory than is allowed"))?;
        Ok(())
    }

    /// Parses the next value.
    pub(super) fn value(&mut self, kind: &Type) -> Result<Value, JsonError> {
        self.space();
        let begin = self.at;
        self.take(bytes_of(kind))?;
        let expected = |reader: &Reader<'_>| reader.fault(begin, format!("expected {kind}"));
        match kind {
            Type::Int | Type::Int32 => {
                let n: i64 = self.number().and_then(|text| text.parse().ok()).ok_or_else(|| expected(self))?;
                let fits = *kind == Type::Int || i32::try_from(n).is_ok();
                if fits { Ok(Value::Int(n)) } else { Err(expected(self)) }
            }
            Type::Float if self.peek() == Some(b'"') => match self.string()?.as_str() {
                "NaN" => Ok(Value::Float(f64::NAN)),
                "Infinity" => Ok(Value::Float(f64::INFINITY)),
                "-Infinity" => Ok(Value::Float(f64::NEG_INFINITY)),
                _ => Err(expected(self)),
            },
            Type::Float => {
                let x: f64 = self.number().and_then(|text| text.parse().ok()).ok_or_else(|| expected(self))?;
                if x.is_finite() { Ok(Value::Float(x)) } else { Err(expected(self)) }
            }
            Type::Bool if self.word("true") => Ok(Value::Bool(true)),
            Type::Bool if self.word("false") => Ok(Value::Bool(false)),
            Type::Char | Type::String if self.peek() == Some(b'"') => {
                let text = self.string()?;
                let fits = *kind == Type::String || (text.len() == 1 && text.is_ascii());
                if fits { Ok(Value::Text(text)) } else { Err(self.fault(begin, "expected one ASCII character".into())) }
            }
            Type::Optional(_) | Type::Void if self.word("null") => Ok(Value::Null),
            Type::Optional(inner) => self.value(inner),
            Type::ListNode(_) | Type::TreeNode(_) if self.word("null") => Ok(Value::List(Vec::new())),
            Type::List(_) | Type::ListNode(_) | Type::TreeNode(_) if self.peek() != Some(b'[') => Err(expected(self)),
            Type::Map(_) if self.peek() != Some(b'{') => Err(expected(self)),
            Type::List(inner) | Type::ListNode(inner) => {
                Ok(Value::List(self.items(b'[', b']', |reader| reader.value(inner))?))
            }
            Type::TreeNode(inner) => {
                let slots = self.items(b'[', b']', |reader| {
                    reader.space();
                    if reader.word("null") { Ok(Value::Null) } else { reader.value(inner) }
                })?;
                Ok(Value::List(level_order(slots).map_err(|why| self.fault(begin, why.to_owned()))?))
            }
            Type::Map(inner) => {
                let mut map = BTreeMap::new();
                self.items(b'{', b'}', |reader| {
                    reader.space();
                    let begin = reader.at;
                    reader.take(KEY_BYTES)?;
                    let key = reader.string()?;
                    reader.space();
                    reader.symbol(b':')?;
                    match map.insert(key, reader.value(inner)?) {
                        None => Ok(()),
                        Some(_) => Err(reader.fault(begin, "the key occurs twice".into())),
                    }
                })?;
                Ok(Value::Map(map))
            }
            Type::Bool | Type::Char | Type::String | Type::Void => Err(expected(self)),
        }
    }

    /// Parses a list whose items have types that depend on their position.
    pub(super) fn list<T>(
        &mut self,
        item: impl FnMut(&mut Reader<'a>) -> Result<T, JsonError>,
    ) -> Result<Vec<T>, JsonError> {
        self.space();
        self.items(b'[', b']', item)
    }

    /// Checks that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.here("expected the end of the text")) }
    }

    /// An error at the current position.
    pub(super) fn here(&self, why: &str) -> JsonError {
        self.fault(self.at, why.to_owned())
    }

    fn items<T>(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Reader<'a>) -> Result<T, JsonError>,
    ) -> Result<Vec<T>, JsonError> {
        self.symbol(open)?;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(c) if c == close => {
                    self.at += 1;
                    return Ok(items);
                }
                _ => return Err(self.here(&format!("expected `,` or `{}`", char::from(close)))),
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let begin = self.at;
        self.symbol(b'"')?;
        let mut bytes = Vec::new();
        loop {
            let c = self.peek().ok_or_else(|| self.fault(begin, "the string is not terminated".into()))?;
            self.at += 1;
            match c {
                b'"' => break,
                b'\\' => {
                    let c = self.escape().ok_or_else(|| self.here("this escape is not a character"))?;
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..0x20 => return Err(self.fault(self.at - 1, "a control character in a string".into())),
                c => bytes.push(c),
            }
        }
        if bytes.contains(&0) {
            return Err(self.fault(begin, "strings cannot contain U+0000".into()));
        }
        String::from_utf8(bytes).map_err(|_| self.fault(begin, "the string is not UTF-8".into()))
    }

    /// The character of an escape sequence. `None` if it is not a character, such as half of a surrogate pair.
    fn escape(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                if !(0xd800..0xdc00).contains(&unit) {
                    return char::from_u32(unit);
                }
                if self.text.get(self.at..self.at + 2)? != b"\\u" {
                    return None;
                }
                self.at += 2;
                let low = self.unit().filter(|low| (0xdc00..0xe000).contains(low))?;
                return char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|c| c.is_ascii_hexdigit()))?;
        u32::from_str_radix(text, 16).ok()
    }

    /// The characters of a number. `None` if they have a form that Rust's parsers accept and JSON does not. The caller
    /// parses them.
    fn number(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|c| matches!(c, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        self.at += length;
        let text = std::str::from_utf8(&rest[..length]).ok()?;
        let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
        let whole = digits.iter().take_while(|c| c.is_ascii_digit()).count();
        let zero_first = digits.first() == Some(&b'0') && whole > 1;
        let ends_in_digit = digits.last().is_some_and(u8::is_ascii_digit);
        let point_is_followed = !text.contains(".e") && !text.contains(".E");
        (whole > 0 && !zero_first && ends_in_digit && point_is_followed).then_some(text)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn symbol(&mut self, symbol: u8) -> Result<(), JsonError> {
        if self.peek() != Some(symbol) {
            return Err(self.here(&format!("expected `{}`", char::from(symbol))));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn fault(&self, at: usize, why: String) -> JsonError {
        let before = &self.text[..at];
        let line = 1 + before.iter().filter(|c| **c == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|c| **c != b'\n').count();
        JsonError { line, column, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, text: &str, expected: &str) {
        let value = read(text.as_bytes(), &Type::parse(kind).unwrap());
        assert_eq!(value.map(|value| value.to_string()).as_deref(), Ok(expected), "{kind} {text}");
    }

    #[test]
    fn values_of_every_type_are_read() {
        check("int", " 9223372036854775807 ", "9223372036854775807");
        check("int32", "-2147483648", "-2147483648");
        check("float", "1", "1.0");
        check("float", "-1.5E+3", "-1500.0");
        check("float", r#""-Infinity""#, r#""-Infinity""#);
        check("bool", "true", "true");
        check("char", r#""\n""#, r#""\n""#);
        check("string", r#""a\"\\\/\u00e9\ud83d\ude00""#, "\"a\\\"\\\\/é😀\"");
        check("list<list<int>>", "[ [ ] , [1 ,2] ]", "[[],[1,2]]");
        check("optional<int>", "null", "null");
        check("map<string,list<int>>", r#"{"b":[],"a":[1]}"#, r#"{"a":[1],"b":[]}"#);
        check("ListNode<int>", "null", "[]");
        check("TreeNode<int>", "[1,null,2,null,null]", "[1,null,2]");
        check("TreeNode<int>", "[null]", "[]");
        check("void", "null", "null");
    }

    #[test]
    fn values_that_need_more_memory_than_allowed_are_refused() {
        for (kind, item) in [("list<map<string,int>>", r#"{"":1}"#), ("list<list<int>>", "[1]"), ("list<int>", "1")] {
            let kind = Type::parse(kind).unwrap();
            let text = format!("[{}]", vec![item; 1000].join(","));
            let read = |kib| Reader::within(text.as_bytes(), Bytes::kib(kib)).value(&kind);
            assert!(read(1000).is_ok(), "{kind}");
            let why = read(10).unwrap_err().to_string();
            assert!(why.contains("more memory"), "{why}");
        }
    }

    #[test]
    fn invalid_values_are_refused_with_their_position() {
        for (kind, text, why) in [
            ("int", "9223372036854775808", "line 1, column 1: expected int"),
            ("int", "1.0", "line 1, column 1: expected int"),
            ("int", "01", "line 1, column 1: expected int"),
            ("int32", "2147483648", "line 1, column 1: expected int32"),
            ("float", "1.", "line 1, column 1: expected float"),
            ("float", "1e999", "line 1, column 1: expected float"),
            ("float", "1.e5", "line 1, column 1: expected float"),
            ("list<int>", "[1,\n \"a\"]", "line 2, column 2: expected int"),
            ("list<int>", "[1 2]", "line 1, column 4: expected `,` or `]`"),
            ("list<int>", "[1,]", "line 1, column 4: expected int"),
            ("char", "\"ab\"", "line 1, column 1: expected one ASCII character"),
            ("char", "\"é\"", "line 1, column 1: expected one ASCII character"),
            ("string", r#""\ud800""#, "line 1, column 8: this escape is not a character"),
            ("string", r#""\u0000""#, "line 1, column 1: strings cannot contain U+0000"),
            ("string", "\"\n\"", "line 1, column 2: a control character in a string"),
            ("string", "\"abc", "line 1, column 1: the string is not terminated"),
            ("bool", "yes", "line 1, column 1: expected bool"),
            ("TreeNode<int>", "[null,1]", "line 1, column 1: a node of the tree has no parent"),
            ("TreeNode<int>", "[1,null,null,2]", "line 1, column 1: a node of the tree has no parent"),
            ("map<string,int>", r#"{"a":1,"a":2}"#, "line 1, column 8: the key occurs twice"),
            ("int", "1 2", "line 1, column 3: expected the end of the text"),
        ] {
            let error = read(text.as_bytes(), &Type::parse(kind).unwrap()).unwrap_err();
            assert_eq!(error.to_string(), why, "{kind} {text}");
        }
    }
}
