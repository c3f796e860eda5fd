//! Round trip of values through a submission: random values of each type, in each language.

use std::fmt::Write;

use super::{LANGUAGES, check, package};
use crate::judge::Files;
use crate::support::{cupel, end};

const TYPES: [&str; 22] = [
    "int",
    "int32",
    "float",
    "bool",
    "char",
    "string",
    "list<int>",
    "list<int32>",
    "list<float>",
    "list<bool>",
    "list<char>",
    "list<string>",
    "list<list<int>>",
    "list<list<list<string>>>",
    "optional<int>",
    "list<optional<string>>",
    "map<string,int>",
    "map<string,list<optional<float>>>",
    "ListNode<int>",
    "list<ListNode<string>>",
    "TreeNode<int>",
    "map<string,TreeNode<string>>",
];

/// Deterministic pseudo-random numbers. Source: Marsaglia, "Xorshift RNGs".
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }

    fn many(&mut self, mut one: impl FnMut(&mut Dice) -> String) -> String {
        let count = [0, 1, 2, 3, 7][self.roll(5) as usize];
        (0..count).map(|_| one(self)).collect::<Vec<_>>().join(",")
    }

    /// Returns a random value of a type, as JSON.
    fn value(&mut self, kind: &str) -> String {
        let (name, inner) = kind.split_once('<').map_or((kind, ""), |(name, rest)| (name, &rest[..rest.len() - 1]));
        match name {
            "int" => {
                let large =
                    ["9223372036854775807", "-9223372036854775808", "1152921504606846976", "9007199254740993", "0"];
                if self.roll(3) == 0 {
                    self.pick(&large).to_owned()
                } else {
                    (self.roll(2000) as i64 - 1000).to_string()
                }
            }
            "int32" => self.pick(&["2147483647", "-2147483648", "0", "7", "-1"]).to_owned(),
            "float" => self
                .pick(&[
                    "0.1",
                    "-2.5",
                    "1e300",
                    "5e-324",
                    "\"NaN\"",
                    "\"Infinity\"",
                    "\"-Infinity\"",
                    "123456789.125",
                    "3",
                ])
                .to_owned(),
            "bool" => self.pick(&["true", "false"]).to_owned(),
            "char" => {
                self.pick(&["\"a\"", "\" \"", "\"\\n\"", "\"\\\"\"", "\"~\"", "\"\\\\\"", "\"\\u0001\""]).to_owned()
            }
            "string" => self
                .pick(&[
                    "\"\"",
                    "\"a b\"",
                    "\"é😀\\u0301\"",
                    "\" \\n\\t \"",
                    "\"\\\"\\\\\"",
                    "\"7\\n1\\n\"",
                    "\"\\u001f\\u007f\\u2028\"",
                ])
                .to_owned(),
            "list" | "ListNode" => format!("[{}]", self.many(|dice| dice.value(inner))),
            "optional" => {
                if self.roll(3) == 0 {
                    "null".to_owned()
                } else {
                    self.value(inner)
                }
            }
            "map" => {
                let inner = &inner["string,".len()..];
                let mut entries = Vec::new();
                for key in ["", "a", "é\\n", "__proto__", "constructor", "z"] {
                    if self.roll(2) == 0 {
                        entries.push(format!("\"{key}\":{}", self.value(inner)));
                    }
                }
                format!("{{{}}}", entries.join(","))
            }
            "TreeNode" => {
                let (mut places, mut open, mut nodes) = (Vec::new(), 1_usize, self.roll(9));
                while places.len() < open {
                    let is_node = nodes > 0 && (places.len() + 1 == open || self.roll(4) > 0);
                    places.push(if is_node { self.value(inner) } else { "null".to_owned() });
                    nodes -= u64::from(is_node);
                    open += if is_node { 2 } else { 0 };
                }
                format!("[{}]", places.join(","))
            }
            other => panic!("{other}"),
        }
    }
}

/// Returns a package with a class that has a method for each type. The method returns its argument and is called many
/// times.
fn echoes() -> Files {
    let mut function = "class = \"Echo\"\nmethods = [\n".to_owned();
    for (number, kind) in TYPES.iter().enumerate() {
        writeln!(
            function,
            "    {{ name = \"echo{number}\", parameters = [{{ name = \"value\", type = \"{kind}\" }}], returns = \"{kind}\" }},"
        )
        .unwrap();
    }
    function.push(']');
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let tests: Vec<(String, String)> = (0..3)
        .map(|_| {
            let (mut names, mut arguments, mut results) =
                (vec!["\"Echo\"".to_owned()], vec!["[]".to_owned()], vec!["null".to_owned()]);
            for call in 0..TYPES.len() * 10 {
                let value = dice.value(TYPES[call % TYPES.len()]);
                names.push(format!("\"echo{}\"", call % TYPES.len()));
                arguments.push(format!("[{value}]"));
                results.push(value);
            }
            let list = |items: Vec<String>| format!("[{}]\n", items.join(","));
            (list(names) + &list(arguments), list(results))
        })
        .collect();
    let tests: Vec<(&str, &str)> = tests.iter().map(|(input, answer)| (input.as_str(), answer.as_str())).collect();
    package(&function, &tests)
}

/// Completes starter code so that each method returns its argument.
fn returning(language: &str, template: &str) -> String {
    let line = |line: &str| {
        let is_return = line.trim_start().starts_with("return") && !line.contains("Echo");
        let indent = &line[..line.len() - line.trim_start().len()];
        match language {
            "rust" => line.replace("Default::default()", "value"),
            "typescript" => match line.split_once("{ return ") {
                Some((head, _)) => format!("{head}{{ return value; }}"),
                None => line.to_owned(),
            },
            "javascript" => line.replace("(value) {", "(value) { return value;"),
            "python" => line.replace("pass", "return locals().get('value')"),
            "go" if is_return => format!("{indent}return value"),
            _ if is_return => format!("{indent}return value;"),
            _ => line.to_owned(),
        }
    };
    template.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn values_of_each_type_are_returned_unchanged() {
    let files = echoes();
    for (language, name) in LANGUAGES {
        let template = end(cupel(["template", &files.path("p"), "--language", language]), b"").stdout;
        let name = if language == "java" { "Echo.java" } else { name };
        check(&files, name, &returning(language, &template), "AC", "");
    }
}

#[test]
fn a_long_list_and_a_deep_tree_are_returned_unchanged() {
    let function = "class = \"Echo\"\nmethods = [\n\
        { name = \"list\", parameters = [{ name = \"value\", type = \"list<int>\" }], returns = \"list<int>\" },\n\
        { name = \"tree\", parameters = [{ name = \"value\", type = \"TreeNode<int>\" }], returns = \"TreeNode<int>\" },\n\
        { name = \"chain\", parameters = [{ name = \"value\", type = \"ListNode<int>\" }], returns = \"ListNode<int>\" },\n]";
    let numbers: Vec<String> = (0..200_000_u64).map(|n| (n * 7919 % 1_000_003).to_string()).collect();
    let list = numbers.join(",");
    let deep = "1,null,".repeat(50_000) + "1";
    let input = format!("[\"Echo\",\"list\",\"tree\",\"chain\"]\n[[],[[{list}]],[[{deep}]],[[{list}]]]\n");
    let answer = format!("[null,[{list}],[{deep}],[{list}]]\n");
    let files = package(function, &[(&input, &answer)]);
    for (language, name) in LANGUAGES {
        let template = end(cupel(["template", &files.path("p"), "--language", language]), b"").stdout;
        let name = if language == "java" { "Echo.java" } else { name };
        check(&files, name, &returning(language, &template), "AC", "");
    }
}
