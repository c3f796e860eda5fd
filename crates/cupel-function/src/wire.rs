//! Wire format of the values that drivers read and write: lines of words. The type of a value determines its form, so a
//! reader needs only a few lines of code in any language.
//!
//! | type | form |
//! |---|---|
//! | int, int32, float, bool | a word; floats also `nan`, `inf` and `-inf`; booleans are `1` and `0` |
//! | char, string | its length in bytes, a newline, the bytes |
//! | list, ListNode | the number of elements, then the elements; if they are words, all are on one line, which can be split in one call |
//! | TreeNode | the number of places in level order, then each place as an optional |
//! | optional | `0`, or `1` and the value |
//! | map | the number of entries, then key and value of each |
//! | void | nothing |
//!
//! Every value except void ends with a newline; the words of a list are separated by spaces, and only the last is
//! followed by a newline. A reader may accept any white space between words.

use std::collections::BTreeMap;

use cupel_types::Bytes;

use super::value::{KEY_BYTES, Value, bytes_of, level_order};
use cupel_problem::Type;

/// Appends a value of a type.
pub(super) fn write(value: &Value, kind: &Type, out: &mut String) {
    match (value, kind) {
        (Value::Text(text), Type::Char | Type::String) => {
            out.push_str(&format!("{}\n", text.len()));
            out.push_str(text);
        }
        (Value::List(items), Type::TreeNode(inner)) => {
            out.push_str(&format!("{}\n", items.len()));
            let place = Type::Optional(inner.clone());
            items.iter().for_each(|item| write(item, &place, out));
            return;
        }
        (Value::List(items), Type::List(inner) | Type::ListNode(inner)) => {
            out.push_str(&format!("{}\n", items.len()));
            if !is_word(inner) {
                items.iter().for_each(|item| write(item, inner, out));
                return;
            }
            if items.is_empty() {
                return;
            }
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { " " });
                out.push_str(&word(item));
            }
        }
        (Value::Map(entries), Type::Map(inner)) => {
            out.push_str(&format!("{}\n", entries.len()));
            for (key, value) in entries {
                write(&Value::Text(key.clone()), &Type::String, out);
                write(value, inner, out);
            }
            return;
        }
        (Value::Null, Type::Optional(_)) => out.push('0'),
        (value, Type::Optional(inner)) => {
            out.push_str("1\n");
            write(value, inner, out);
            return;
        }
        (value, _) => out.push_str(&word(value)),
    }
    out.push('\n');
}

fn is_word(kind: &Type) -> bool {
    matches!(kind, Type::Int | Type::Int32 | Type::Float | Type::Bool)
}

fn word(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Float(x) if x.is_nan() => "nan".to_owned(),
        Value::Float(x) if x.is_infinite() => if *x > 0.0 { "inf" } else { "-inf" }.to_owned(),
        Value::Float(x) => format!("{x:?}"),
        Value::Bool(b) => u8::from(*b).to_string(),
        Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Null => String::new(),
    }
}

/// Reads the values that a driver wrote.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    /// Approximate memory left for values. An empty map takes hundreds of times the size of its text. `None` means that
    /// the limit was exceeded.
    room: Option<u64>,
    /// The reason why a value that a driver can write is not a value of the signature's type.
    fault: Option<&'static str>,
}

impl<'a> Reader<'a> {
    /// A reader whose values may need approximately `room` bytes of memory in total.
    pub(super) fn within(text: &'a [u8], room: Bytes) -> Reader<'a> {
        Reader { text, room: Some(room.get()), fault: None }
    }

    /// Reads the next value. `None` if there is no value of this type, or not enough memory for it.
    pub(super) fn value(&mut self, kind: &Type) -> Option<Value> {
        self.take(bytes_of(kind))?;
        Some(match kind {
            Type::Int => Value::Int(self.word()?.parse().ok()?),
            Type::Int32 => Value::Int(self.word()?.parse::<i32>().ok()?.into()),
            Type::Float => Value::Float(self.word()?.parse().ok()?),
            Type::Bool => match self.word()? {
                "1" => Value::Bool(true),
                "0" => Value::Bool(false),
                _ => return None,
            },
            Type::Char => {
                let text = self.text()?;
                if text.len() != 1 || !text.is_ascii() {
                    return self.refuse("a char of the result is not ASCII");
                }
                Value::Text(text)
            }
            Type::String => Value::Text(self.text()?),
            Type::List(inner) | Type::ListNode(inner) => Value::List(self.many(|reader| reader.value(inner))?),
            Type::TreeNode(inner) => {
                let place = Type::Optional(inner.clone());
                Value::List(level_order(self.many(|reader| reader.value(&place))?).ok()?)
            }
            Type::Optional(inner) => match self.word()? {
                "0" => Value::Null,
                "1" => self.value(inner)?,
                _ => return None,
            },
            Type::Map(inner) => {
                let entries = self.many(|reader| {
                    reader.take(KEY_BYTES)?;
                    Some((reader.text()?, reader.value(inner)?))
                })?;
                let (count, map) = (entries.len(), BTreeMap::from_iter(entries));
                if map.len() != count {
                    return self.refuse("a map of the result has the same key twice");
                }
                Value::Map(map)
            }
            Type::Void => Value::Null,
        })
    }

    /// Whether only white space is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.text.iter().all(u8::is_ascii_whitespace)
    }

    /// Whether the values exceeded the memory limit.
    pub(super) fn is_out_of_room(&self) -> bool {
        self.room.is_none()
    }

    /// The reason why the last value is not one of its type, if the submission is at fault and not the driver.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn refuse<T>(&mut self, why: &'static str) -> Option<T> {
        self.fault = Some(why);
        None
    }

    fn take(&mut self, bytes: u64) -> Option<()> {
        self.room = self.room?.checked_sub(bytes);
        self.room.map(drop)
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
        let count: usize = self.word()?.parse().ok()?;
        // The vector grows with the data; a count alone does not allocate memory.
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(one(self)?);
        }
        Some(all)
    }

    fn word(&mut self) -> Option<&'a str> {
        let text = self.text.trim_ascii_start();
        let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.text = rest;
        std::str::from_utf8(word).ok().filter(|word| !word.is_empty())
    }

    fn text(&mut self) -> Option<String> {
        let length: usize = self.word()?.parse().ok()?;
        let after = self.text.strip_prefix(b"\n")?;
        let (text, rest) = after.split_at_checked(length)?;
        self.text = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    fn lines(kind: &str, text: &str) -> String {
        let kind = Type::parse(kind).unwrap();
        let mut out = String::new();
        write(&json::read(text.as_bytes(), &kind).unwrap(), &kind, &mut out);
        out
    }

    #[test]
    fn the_words_of_a_list_are_on_one_line() {
        assert_eq!(lines("list<int>", "[1,-2,3]"), "3\n1 -2 3\n");
        assert_eq!(lines("list<int>", "[]"), "0\n");
        assert_eq!(lines("list<list<bool>>", "[[true],[],[false,true]]"), "3\n1\n1\n0\n2\n0 1\n");
    }

    #[test]
    fn strings_have_a_length_and_trees_have_places() {
        assert_eq!(lines("list<string>", r#"["a b\n","é",""]"#), "3\n4\na b\n\n2\né\n0\n\n");
        assert_eq!(lines("TreeNode<int>", "[1,null,2]"), "3\n1\n1\n0\n1\n2\n");
        assert_eq!(lines("map<string,float>", r#"{"b":1e300,"a":"NaN"}"#), "2\n1\na\nnan\n1\nb\n1e300\n");
        assert_eq!(lines("optional<string>", "null"), "0\n");
    }

    #[test]
    fn written_values_are_read_back_unchanged() {
        for (kind, text) in [
            ("list<optional<string>>", r#"["a",null,"","\n 7 "]"#),
            ("map<string,list<TreeNode<float>>>", r#"{"":[[1.5,null,-0.0],[]],"k":[]}"#),
            ("ListNode<char>", r#"["a"," "]"#),
            ("int", "-9223372036854775808"),
        ] {
            let kind = Type::parse(kind).unwrap();
            let value = json::read(text.as_bytes(), &kind).unwrap();
            let mut out = String::new();
            write(&value, &kind, &mut out);
            let mut reader = Reader::within(out.as_bytes(), Bytes::mib(1));
            assert_eq!(reader.value(&kind), Some(value), "{kind} {text}");
            assert!(reader.is_at_end());
        }
    }

    #[test]
    fn invalid_values_are_none() {
        for (kind, text) in [
            ("int", "1.5"),
            ("int", ""),
            ("int32", "2147483648"),
            ("bool", "true"),
            ("char", "2\nab\n"),
            ("string", "5\nabc\n"),
            ("string", "1\n\u{fffd}"),
            ("list<int>", "2\n1\n"),
            ("list<int>", "18446744073709551615\n1\n"),
            ("map<string,int>", "2\n1\na\n1\n1\na\n2\n"),
            ("TreeNode<int>", "2\n0\n1\n1\n"),
        ] {
            let mut reader = Reader::within(text.as_bytes(), Bytes::mib(1));
            assert_eq!(reader.value(&Type::parse(kind).unwrap()), None, "{kind} {text:?}");
            assert!(!reader.is_out_of_room(), "{kind} {text:?}");
        }
    }

    /// Some languages have chars that are not ASCII, and C has maps with the same key twice.
    #[test]
    fn a_value_that_only_some_languages_have_is_refused_with_the_reason() {
        for (kind, text, why) in [
            ("char", "2\né\n", Some("a char of the result is not ASCII")),
            ("list<map<string,int>>", "1\n2\n1\na\n1\n1\na\n2\n", Some("a map of the result has the same key twice")),
            ("list<map<string,int>>", "1\n2\n1\na\n1\n", None),
        ] {
            let mut reader = Reader::within(text.as_bytes(), Bytes::mib(1));
            assert_eq!(reader.value(&Type::parse(kind).unwrap()), None, "{kind} {text:?}");
            assert_eq!(reader.fault(), why, "{kind} {text:?}");
        }
    }

    #[test]
    fn values_that_need_more_memory_than_allowed_are_not_read() {
        for (kind, item) in
            [("list<map<string,int>>", "1\n0\n\n1\n"), ("list<list<int>>", "1\n1\n"), ("list<int>", "1\n")]
        {
            let (kind, text) = (Type::parse(kind).unwrap(), format!("1000\n{}", item.repeat(1000)));
            let read = |kib| {
                let mut reader = Reader::within(text.as_bytes(), Bytes::kib(kib));
                (reader.value(&kind).is_some(), reader.is_out_of_room())
            };
            assert_eq!((read(1000), read(10)), ((true, false), (false, true)), "{kind}");
        }
    }
}
