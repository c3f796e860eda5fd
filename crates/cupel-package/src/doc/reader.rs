//! Reads values from a document tree and reports each fault with its key and position. A faulty value is treated as
//! absent, so reading continues and all faults are reported together. If one of them is an error, the package is then
//! refused.

use std::str::FromStr;
use std::time::Duration;

use cupel_types::Bytes;

use super::node::{Node, Scalar, Value};
use crate::finding::{Code, Findings, Position};
use cupel_problem::Score;

/// Maximum number of arguments of a program, and of their bytes. Every case that inherits arguments has a copy of them.
const ARGUMENTS_MAX: usize = 200;
const ARGUMENTS_BYTES_MAX: usize = 8 << 10;

/// The file from which a tree was read.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) findings: &'a Findings,
}

/// Whether an unknown key is an error or a warning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    Error,
    Warning,
}

/// A place in a tree, with or without a value.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    source: Source<'a>,
    key: String,
    node: Option<&'a Node>,
    /// Position of the nearest existing parent, for findings about missing values.
    near: Option<Position>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: Source<'a>, node: &'a Node) -> Reader<'a> {
        let node = Some(node).filter(|node| !node.is_null());
        Reader { source, key: String::new(), node, near: None }
    }

    /// Returns the value of a key of a map. A null value counts as absent.
    pub(crate) fn get(&self, key: &str) -> Reader<'a> {
        let found = match self.node.map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.iter().find(|(known, _)| known == key).map(|(_, node)| node),
            _ => None,
        };
        self.child(key, found)
    }

    fn child(&self, key: &str, found: Option<&'a Node>) -> Reader<'a> {
        Reader {
            source: self.source,
            key: if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) },
            node: found.filter(|node| !node.is_null()),
            near: self.node.map(|node| node.at).or(self.near),
        }
    }

    pub(crate) fn is_some(&self) -> bool {
        self.node.is_some()
    }

    pub(crate) fn node(&self) -> Option<&'a Node> {
        self.node
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node, Some(Node { value: Value::Map(_), .. }))
    }

    pub(crate) fn is_seq(&self) -> bool {
        matches!(self.node, Some(Node { value: Value::Seq(_), .. }))
    }

    /// Reports a finding at this place.
    pub(crate) fn fault(&self, code: Code, fault: impl Into<String>, remedy: impl Into<String>) {
        let at = self.node.map(|node| node.at).or(self.near);
        let key = Some(self.key.as_str()).filter(|key| !key.is_empty());
        self.source.findings.at(code, self.source.file, at, key, fault, remedy);
    }

    /// Reports that a different kind of value is expected.
    pub(crate) fn expected(&self, what: &str) {
        if let Some(node) = self.node {
            self.fault(Code::KeyType, format!("expected {what}, found {}", node.described()), "Correct the value");
        }
    }

    /// Reports that a required value is missing.
    pub(crate) fn missing(&self, what: &str) {
        self.fault(Code::KeyMissing, "the key is missing", format!("Add it: {what}"));
    }

    /// Reports all keys that are not in `known`.
    pub(crate) fn only(&self, known: &[&str], unknown: Unknown) {
        for (key, value) in self.entries() {
            if known.contains(&key) {
                continue;
            }
            let code = if unknown == Unknown::Error { Code::KeyUnknown } else { Code::KeyIgnored };
            value.unknown(key, known, code);
        }
    }

    /// Reports that the key of this value is not in `known`, the keys of its map.
    pub(crate) fn unknown(&self, key: &str, known: &[&str], code: Code) {
        // Keys in a package may be of any length; only short ones are compared with the known keys.
        let near = known.iter().filter(|_| key.len() <= 40).find(|known| strsim::damerau_levenshtein(known, key) <= 2);
        let remedy = match near {
            Some(near) => format!("Did you mean `{near}`?"),
            None => "Remove it".to_owned(),
        };
        self.fault(code, "the format has no such key", remedy);
    }

    /// Returns the entries of a map, in order. Empty if the value is not a map.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Reader<'a>)> {
        match self.node.map(|node| &node.value) {
            Some(Value::Map(entries)) => {
                entries.iter().map(|(key, node)| (key.as_str(), self.child(key, Some(node)))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the entries of a map. Reports a fault if the value is not a map.
    pub(crate) fn map(&self) -> Vec<(&'a str, Reader<'a>)> {
        if self.is_some() && !self.is_map() {
            self.expected("a map");
        }
        self.entries()
    }

    /// Returns the items of a list. Reports a fault if the value is not a list.
    pub(crate) fn list(&self) -> Vec<Reader<'a>> {
        match self.node.map(|node| &node.value) {
            Some(Value::Seq(items)) => self.items(items),
            Some(_) => {
                self.expected("a list");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Returns the items of a list. A single value counts as a list of one item.
    pub(crate) fn one_or_more(&self) -> Vec<Reader<'a>> {
        match self.node.map(|node| &node.value) {
            Some(Value::Seq(items)) => self.items(items),
            Some(_) => vec![self.clone()],
            None => Vec::new(),
        }
    }

    fn items(&self, items: &'a [Node]) -> Vec<Reader<'a>> {
        let item = |(i, node): (usize, &'a Node)| Reader {
            source: self.source,
            key: format!("{}[{i}]", self.key),
            node: Some(node),
            near: self.near,
        };
        items.iter().enumerate().map(item).collect()
    }

    fn scalar(&self, what: &str) -> Option<&'a Scalar> {
        match self.node.map(|node| &node.value) {
            Some(Value::Scalar(scalar)) => Some(scalar),
            Some(_) => {
                self.expected(what);
                None
            }
            None => None,
        }
    }

    /// Returns a text. The text of an unquoted number or boolean is its spelling.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.scalar("a text").map(|scalar| scalar.text.as_str())
    }

    /// Returns a non-empty text, trimmed.
    pub(crate) fn words(&self) -> Option<&'a str> {
        let text = self.text()?.trim();
        if text.is_empty() {
            self.expected("a non-empty text");
            return None;
        }
        Some(text)
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        let scalar = self.scalar("true or false")?;
        let value = scalar.as_bool();
        if value.is_none() {
            self.expected("true or false");
        }
        value
    }

    /// Returns a whole number from `low` to `high`.
    pub(crate) fn integer(&self, low: i64, high: i64) -> Option<i64> {
        let what = match high {
            i64::MAX => format!("a whole number from {low}"),
            _ => format!("a whole number from {low} to {high}"),
        };
        let scalar = self.scalar(&what)?;
        let digits = scalar.text.strip_prefix('+').unwrap_or(&scalar.text);
        // Some tools write whole numbers as `1e9` or `512.0`.
        let value = digits.parse().ok().or_else(|| {
            let score: Score = digits.parse().ok()?;
            (score.millionths() % 1_000_000 == 0).then_some(score.millionths() / 1_000_000)
        });
        match value.filter(|value| !scalar.quoted && (low..=high).contains(value)) {
            Some(value) => Some(value),
            None => {
                self.expected(&what);
                None
            }
        }
    }

    /// Returns a value of any type that can be parsed from text: numbers, factors, scores.
    pub(crate) fn parsed<T: FromStr>(&self, what: &str) -> Option<T> {
        let value = self.scalar(what)?.text.trim().parse().ok();
        if value.is_none() {
            self.expected(what);
        }
        value
    }

    /// Returns a time in seconds above zero, possibly with a fraction.
    pub(crate) fn seconds(&self) -> Option<Duration> {
        let what = "a time in seconds, above 0 and at most 86400";
        let score: Score = self.parsed(what)?;
        seconds(score).or_else(|| {
            self.expected(what);
            None
        })
    }

    /// Returns a size above zero, in units of `unit` bytes.
    pub(crate) fn size(&self, unit: u64) -> Option<Bytes> {
        let most = i64::try_from((1_u64 << 44) / unit).unwrap_or(i64::MAX);
        self.integer(1, most).map(|n| Bytes::new(n.unsigned_abs().saturating_mul(unit)))
    }

    /// Returns a list of texts. A single text, an older way to write arguments, is split as a shell splits it.
    pub(crate) fn arguments(&self) -> Option<Vec<String>> {
        match &self.node?.value {
            Value::Scalar(scalar) => {
                let words = split_words(&scalar.text);
                if words.is_none() {
                    self.expected("a text with closed quotes");
                }
                return self.bounded(words?);
            }
            Value::Seq(_) => return self.texts(),
            Value::Map(_) => self.expected("a list"),
        }
        Some(Vec::new())
    }

    /// Returns the texts of a list of arguments. A single text is one argument.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        if let Some(Value::Seq(items)) = self.node.map(|node| &node.value)
            && let Some(excess) = excess_of_count(items.len())
        {
            // The items are not read, because many cases may inherit the list.
            self.refuse_arguments(excess);
            return None;
        }
        self.bounded(self.one_or_more().iter().filter_map(|one| one.text().map(str::to_owned)).collect())
    }

    /// Returns the arguments. If there are too many, reports a fault.
    fn bounded(&self, arguments: Vec<String>) -> Option<Vec<String>> {
        if let Some(excess) = excess_of_arguments(arguments.iter().map(String::as_str)) {
            self.refuse_arguments(excess);
            return None;
        }
        Some(arguments)
    }

    fn refuse_arguments(&self, excess: String) {
        self.fault(Code::KeyType, excess, "Pass fewer arguments, or read them from a file of the package");
    }
}

/// Returns the fault of arguments that are too many or too long.
pub(crate) fn excess_of_arguments<'t>(arguments: impl Iterator<Item = &'t str>) -> Option<String> {
    let (count, bytes) = arguments.fold((0, 0), |(count, bytes), one| (count + 1, bytes + one.len()));
    excess_of_count(count).or_else(|| {
        let fault = || format!("the arguments have {bytes} bytes; the maximum is {ARGUMENTS_BYTES_MAX}");
        (bytes > ARGUMENTS_BYTES_MAX).then(fault)
    })
}

fn excess_of_count(count: usize) -> Option<String> {
    (count > ARGUMENTS_MAX).then(|| format!("there are {count} arguments; the maximum is {ARGUMENTS_MAX}"))
}

/// Splits a text at white space. Quotes of either kind join words; a backslash escapes the next character. Returns
/// `None` if a closing quote is missing. Source: POSIX shell, 2.2 Quoting; only the rules that flags need are
/// implemented.
pub(crate) fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Converts a number of seconds into a time above zero and at most one day.
pub(crate) fn seconds(score: Score) -> Option<Duration> {
    let micros = u64::try_from(score.millionths()).ok()?;
    (1..=86_400_000_000).contains(&micros).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::super::parse_yaml;
    use super::*;

    fn faults(text: &str, read: impl Fn(&Reader<'_>)) -> Vec<String> {
        let findings = Findings::default();
        let node = parse_yaml(text).unwrap();
        read(&Reader::new(Source { file: "f.yaml", findings: &findings }, &node));
        findings.into_list().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn faults_name_key_and_position() {
        let reported = faults("a:\n  b: x\n", |r| assert_eq!(r.get("a").get("b").integer(1, 5), None));
        assert_eq!(
            reported,
            ["E_KEY_TYPE f.yaml:2:6, a.b: expected a whole number from 1 to 5, found `x`. Correct the value"]
        );
        let reported = faults("tpye: x\n", |r| r.only(&["type"], Unknown::Error));
        assert_eq!(reported, ["E_KEY_UNKNOWN f.yaml:1:7, tpye: the format has no such key. Did you mean `type`?"]);
        let reported = faults("a: [1, x]\n", |r| {
            assert_eq!(r.get("a").list().iter().filter_map(|i| i.integer(0, 9)).collect::<Vec<_>>(), [1]);
        });
        assert!(reported[0].contains("a[1]"), "{reported:?}");
    }

    #[test]
    fn arguments_are_split_as_a_shell_does() {
        let split = |text: &str| split_words(text).map(|words| words.join("|"));
        assert_eq!(split(" a  b ").as_deref(), Some("a|b"));
        assert_eq!(split(r#"--m "two words" 'a"b' c\ d"#).as_deref(), Some("--m|two words|a\"b|c d"));
        assert_eq!(split(r#"'' x"y"z"#).as_deref(), Some("|xyz"));
        assert_eq!((split("'a"), split("\\")), (None, None));
        assert_eq!(split("").as_deref(), Some(""));
    }

    #[test]
    fn the_number_and_the_length_of_arguments_are_bounded() {
        let read = |text: &str, count: Option<usize>| {
            faults(text, |r| assert_eq!(r.get("a").arguments().map(|words| words.len()), count))
        };
        assert_eq!(read(&format!("a: [{}]\n", "x, ".repeat(200)), Some(200)), [""; 0]);
        for text in [format!("a: [{}]\n", "x, ".repeat(201)), format!("a: {}\n", "x ".repeat(201))] {
            let reported = read(&text, None);
            assert!(reported[0].contains("a: there are 201 arguments; the maximum is 200"), "{reported:?}");
        }
        let reported = read(&format!("a: [{}]\n", "x".repeat(8193)), None);
        assert!(reported[0].contains("the arguments have 8193 bytes; the maximum is 8192"), "{reported:?}");
    }

    #[test]
    fn numbers_outside_their_bounds_are_faults() {
        let none = |reported: Vec<String>| assert!(reported.is_empty(), "{reported:?}");
        none(faults("a: 0.25\nb: 1e3\nc: 512\n", |r| {
            assert_eq!(r.get("a").seconds(), Some(Duration::from_millis(250)));
            assert_eq!(r.get("b").integer(0, i64::MAX), Some(1000));
            assert_eq!(r.get("c").size(1 << 20), Some(Bytes::mib(512)));
            assert_eq!(r.get("d").size(1), None);
        }));
        for text in ["a: 0\n", "a: -1\n", "a: 1e30\n", "a: [1]\n", "a: nan\n", "a: 999999\n"] {
            assert_eq!(faults(text, |r| assert_eq!(r.get("a").seconds(), None)).len(), 1, "{text}");
        }
        for text in ["a: 0\n", "a: -1\n", "a: 1.5\n", "a: '1'\n", "a: 99999999999999999999\n"] {
            assert_eq!(faults(text, |r| assert_eq!(r.get("a").size(1 << 20), None)).len(), 1, "{text}");
        }
    }
}
