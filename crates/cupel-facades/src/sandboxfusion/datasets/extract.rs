//! The code in a model's answer: fenced blocks first, then an unfinished block, then lines that look like code.
//!
//! Source: `sandbox/utils/extraction.py` of the original. It has two rules: one for `CommonOJDataset` ([`extract`]),
//! and one for `AutoEvalDataset` ([`free_form`]).

use serde::Serialize;

/// How the code was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExtractedType {
    Fenced,
    IncompleteFenced,
    Heuristic,
    Empty,
}

/// Tags of a fenced block, by the language of the enumeration. The tag of a language without an entry is the language's
/// name.
const TAGS: [(&str, &[&str]); 14] = [
    ("python", &["python", "py", "python3"]),
    ("pytest", &["python", "py", "python3"]),
    ("cpp", &["cpp", "c++", "cxx"]),
    ("nodejs", &["javascript", "js", "nodejs", "node"]),
    ("typescript", &["typescript", "ts"]),
    ("jest", &["typescript", "ts", "javascript", "js"]),
    ("bash", &["bash", "sh", "shell"]),
    ("csharp", &["csharp", "c#", "cs"]),
    ("go", &["go", "golang"]),
    ("go_test", &["go", "golang"]),
    ("rust", &["rust", "rs"]),
    ("junit", &["java"]),
    ("kotlin_script", &["kotlin", "kts", "kt"]),
    ("ruby", &["ruby", "rb"]),
];

/// The fence that begins and ends a block.
const FENCE: &str = "```";

/// A fenced block.
struct Block<'t> {
    /// The rest of the line after the fence.
    tag: &'t str,
    /// The lines after it, without the last line feed.
    code: &'t str,
}

/// Finds the code in a text. In order of preference: the first complete block in the language, the first complete block
/// in any language, an unfinished block, lines that look like code.
pub(super) fn extract(text: &str, language: &str) -> (String, ExtractedType) {
    let blocks = complete_blocks(text);
    let is_wanted = |block: &&Block<'_>| {
        let tag = block.tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        match TAGS.iter().find(|(name, _)| *name == language) {
            Some((_, tags)) => tags.contains(&tag.as_str()),
            None => tag == language.to_ascii_lowercase(),
        }
    };
    if let Some(block) = blocks.iter().find(is_wanted).or(blocks.first()) {
        return (block.code.to_owned(), ExtractedType::Fenced);
    }
    if let Some((_, code)) = opened(text) {
        return (code.to_owned(), ExtractedType::IncompleteFenced);
    }
    match heuristic(text, language) {
        Some(code) => (code, ExtractedType::Heuristic),
        None => (String::new(), ExtractedType::Empty),
    }
}

/// Which parts of an answer are the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    First,
    All,
    /// The part with this index, which Python counts from the end if it is negative. `None`: the index is not an
    /// integer, so there is no such part.
    At(Option<i64>),
}

/// Finds the code that a test is added to: blocks in any language, or an unfinished block, or definitions of functions.
/// Removes the entry point of the code, because the test has its own.
pub(super) fn free_form(text: &str, language: &str, choice: Choice) -> (String, ExtractedType) {
    let (parts, kind) = parts(text, language);
    let code = match choice {
        Choice::First => parts.first().cloned().unwrap_or_default(),
        Choice::All => parts.join("\n\n"),
        Choice::At(index) => {
            let from_start = |index: i64| if index < 0 { index + parts.len() as i64 } else { index };
            let index = index.and_then(|index| usize::try_from(from_start(index)).ok());
            index.and_then(|index| parts.get(index)).cloned().unwrap_or_default()
        }
    };
    (without_entry_point(&code.replace('\r', ""), language), kind)
}

/// The Java sources of an answer: the text between the tags `[Java]` and `[/Java]`, or the complete blocks in Java and
/// then those without a language.
pub(super) fn java_sources(text: &str) -> Vec<String> {
    if let Some((_, after)) = text.split_once("[Java]") {
        return after.split_once("[/Java]").map(|(code, _)| code.to_owned()).into_iter().collect();
    }
    let blocks = complete_blocks(text);
    let of_tag = |tag: &'static str| {
        blocks.iter().filter(move |block| block.tag.trim() == tag).map(|block| block.code.to_owned())
    };
    ["java", "Java", ""].into_iter().flat_map(of_tag).collect()
}

/// The complete blocks, or else an unfinished block, or else definitions.
fn parts(text: &str, language: &str) -> (Vec<String>, ExtractedType) {
    let blocks = complete_blocks(text);
    if !blocks.is_empty() {
        return (blocks.iter().map(|block| block.code.to_owned()).collect(), ExtractedType::Fenced);
    }
    if let Some((_, code)) = opened(text) {
        return (vec![code.to_owned()], ExtractedType::IncompleteFenced);
    }
    let found = match language {
        "python" => definitions(text),
        "bash" => vec![written_lines(text).join("\n") + "\n"],
        _ => Vec::new(),
    };
    let kind = if found.is_empty() { ExtractedType::Empty } else { ExtractedType::Heuristic };
    (found, kind)
}

/// The complete blocks. A block begins anywhere in a line; its code begins in the next line.
fn complete_blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((tag, body)) = opened(rest) {
        let Some((code, after)) = closed(body) else { break };
        blocks.push(Block { tag, code });
        rest = after;
    }
    blocks
}

/// The tag of the first fence, and the text after its line.
fn opened(text: &str) -> Option<(&str, &str)> {
    text.split_once(FENCE)?.1.split_once('\n')
}

/// The code of a block, and the text after the block. A block ends at a line that begins with a fence, but not at its
/// first line. The line feed before the fence is not part of the code, and neither are empty lines before it.
fn closed(body: &str) -> Option<(&str, &str)> {
    let mut at = body.find('\n')? + 1;
    for line in body[at..].split_inclusive('\n') {
        if let Some(after) = line.trim_start().strip_prefix(FENCE) {
            let text = body[..at].trim_end().len();
            let end = text + body[text..at].find('\n')?;
            return Some((&body[..end], &body[at + line.len() - after.len()..]));
        }
        at += line.len();
    }
    None
}

/// Removes the parts of a code that run it: they would run before the test.
fn without_entry_point(code: &str, language: &str) -> String {
    let before = |mark: &str, code: &str| match code.find(mark) {
        Some(at) => code[..at].trim().to_owned(),
        None => code.to_owned(),
    };
    let code = match language {
        "python" => before("if __name__ == \"__main__\":", code),
        "cpp" => before("int main()", code),
        "go" => code.replace("package main", ""),
        _ => code.to_owned(),
    };
    before("# Example usage", &code)
}

/// The lines that are not empty.
fn written_lines(text: &str) -> Vec<&str> {
    text.split('\n').filter(|line| !line.trim().is_empty()).collect()
}

/// The functions and classes of Python in a text without blocks, each with the imports and comments before it.
fn definitions(text: &str) -> Vec<String> {
    let begins =
        |line: &str, words: &[&str]| words.iter().any(|word| line.len() > word.len() && line.starts_with(word));
    let lines = written_lines(text);
    let mut definitions = Vec::new();
    let mut end = 0;
    for (at, line) in lines.iter().enumerate() {
        if at < end || !begins(line, &["def ", "class "]) {
            continue;
        }
        let body = lines[at + 1..].iter().take_while(|line| line.starts_with(char::is_whitespace)).count();
        if body == 0 {
            continue;
        }
        let before = lines[end..at].iter().rev().take_while(|line| begins(line, &["import", "from", "#"])).count();
        end = at + 1 + body;
        definitions.push(lines[at - before..end].join("\n") + "\n");
    }
    definitions
}

/// Code in a text without blocks: from the first line that looks like code to the last.
fn heuristic(text: &str, language: &str) -> Option<String> {
    const PYTHON: [&str; 6] = ["import ", "from ", "def ", "class ", "@", "print("];
    const SQL: [&str; 8] = ["select ", "insert ", "update ", "delete ", "create ", "alter ", "drop ", "with "];
    let lines: Vec<&str> = text.lines().collect();
    let begins = |line: &&str| match language {
        "python" | "pytest" => PYTHON.iter().any(|word| line.starts_with(word)),
        "sql" => SQL.iter().any(|word| line.to_ascii_lowercase().starts_with(word)),
        "bash" => line.starts_with("#!"),
        _ => false,
    };
    let continues = |line: &&str| match language {
        "python" | "pytest" => line.starts_with([' ', '\t', '@', '#']) || line.contains(['(', '=', ':']),
        "sql" => line.trim_end().ends_with(';'),
        _ => language == "bash",
    };
    let first = lines.iter().position(begins)?;
    let last = lines.iter().rposition(|line| begins(line) || continues(line)).filter(|last| *last >= first)?;
    Some(lines[first..=last].join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_complete_block_in_the_language_is_the_code() {
        for (language, text, code, kind) in [
            ("python", "a\n```python\nx = 1\n```\nb", "x = 1", ExtractedType::Fenced),
            ("python", "```cpp\nint x;\n```\n```py\nx = 1\n```", "x = 1", ExtractedType::Fenced),
            ("python", "```cpp\nint x;\n```\n```\ny\n```", "int x;", ExtractedType::Fenced),
            ("cpp", "```C++\nint x;\n```", "int x;", ExtractedType::Fenced),
            ("cpp", "```c\nint a;\n```\n```cpp\nint b;\n```", "int b;", ExtractedType::Fenced),
            ("R", "```r\nx\n```", "x", ExtractedType::Fenced),
            ("python", "text\n```python\nx = 1", "x = 1", ExtractedType::IncompleteFenced),
            ("python", "text\n```python\nx = 1\n", "x = 1\n", ExtractedType::IncompleteFenced),
            (
                "python",
                "Here it is.\nimport sys\n\ndef f():\n    return 1\nprint(f())\nThat is all.",
                "import sys\n\ndef f():\n    return 1\nprint(f())\n",
                ExtractedType::Heuristic,
            ),
            ("bash", "Run:\n#!/bin/bash\necho 1", "#!/bin/bash\necho 1\n", ExtractedType::Heuristic),
            ("sql", "Use\nSELECT 1\nFROM t;\nDone.", "SELECT 1\nFROM t;\n", ExtractedType::Heuristic),
            ("python", "I cannot solve it.", "", ExtractedType::Empty),
            ("cpp", "int main() {}", "", ExtractedType::Empty),
            ("python", "", "", ExtractedType::Empty),
        ] {
            assert_eq!(extract(text, language), (code.to_owned(), kind), "{text:?}");
        }
    }

    /// The expected results are those of the original's regular expressions.
    #[test]
    fn a_fence_may_begin_a_block_anywhere_in_a_line_and_ends_it_only_at_the_beginning_of_a_line() {
        for (text, code) in [
            ("Answer: ```python\nprint(1)\n```", "print(1)"),
            ("1. ```python\nx = 1\n   ```\n2. ```\ny\n```", "x = 1"),
            ("- ```py\nx\n```", "x"),
            ("> ```python\nx\n```", "x"),
            ("**Code:** ```py\nx\n```\nText.\n```py\ny\n```", "x"),
            ("```python\nprint('```')\n```", "print('```')"),
            ("```python\nx  \n\n\n  ```", "x  "),
            ("```python\n\n\nx\n```", "\n\nx"),
            ("```python\n\n```\n", ""),
            ("```python\r\nx\r\n```", "x\r"),
            // A block cannot end at its first line.
            ("```\n```\nx\n```", "```\nx"),
            // The rest of the line of a closing fence may open the next block.
            ("```cpp\na\n``` ```py\nx\n```", "x"),
            ("````\nx\n````", "x"),
        ] {
            assert_eq!(extract(text, "python"), (code.to_owned(), ExtractedType::Fenced), "{text:?}");
        }
    }

    #[test]
    fn many_empty_lines_are_read_once() {
        let text = format!("```python\n{}", "\n".repeat(1 << 20));
        assert_eq!(extract(&text, "python").1, ExtractedType::IncompleteFenced);
        let text = format!("{text}```");
        assert_eq!(extract(&text, "python"), (String::new(), ExtractedType::Fenced));
    }

    #[test]
    fn the_code_for_a_test_is_the_first_block_without_its_entry_point() {
        let main = "def f():\n    return 1\n\nif __name__ == \"__main__\":\n    f()";
        for (language, text, code, kind) in [
            ("python", "```cpp\nint x;\n```\n```python\ny\n```".to_owned(), "int x;", ExtractedType::Fenced),
            ("python", format!("```\n{main}\n```"), "def f():\n    return 1", ExtractedType::Fenced),
            ("nodejs", format!("```\n{main}\n```"), main, ExtractedType::Fenced),
            ("cpp", "```cpp\nint f();\nint main() { f(); }\n```".into(), "int f();", ExtractedType::Fenced),
            ("go", "```go\npackage main\nfunc f() {}\n```".into(), "\nfunc f() {}", ExtractedType::Fenced),
            ("python", "```\nx = 1\n\n# Example usage:\nf()\n```".into(), "x = 1", ExtractedType::Fenced),
            ("python", "```\r\nx\r\ny\r\n```".into(), "x\ny", ExtractedType::Fenced),
            ("python", "```python\nx\n".into(), "x\n", ExtractedType::IncompleteFenced),
            (
                "python",
                "Here:\nimport os\n\n# Doubles.\ndef f(x):\n\n    return 2 * x\nNote: (this) = that.".into(),
                "import os\n# Doubles.\ndef f(x):\n    return 2 * x\n",
                ExtractedType::Heuristic,
            ),
            ("python", "def f(x): pass\nprint(1)".into(), "", ExtractedType::Empty),
            ("bash", "echo 1\n\necho 2".into(), "echo 1\necho 2\n", ExtractedType::Heuristic),
            ("cpp", "int f();".into(), "", ExtractedType::Empty),
        ] {
            assert_eq!(free_form(&text, language, Choice::First), (code.to_owned(), kind), "{text:?}");
        }
    }

    #[test]
    fn all_blocks_or_the_block_with_an_index_of_python_may_be_the_code() {
        let text = "```\na\n```\n```cpp\nb\n```\n```\nc\n```";
        for (choice, code) in [
            (Choice::All, "a\n\nb\n\nc"),
            (Choice::At(Some(0)), "a"),
            (Choice::At(Some(2)), "c"),
            (Choice::At(Some(-1)), "c"),
            (Choice::At(Some(-3)), "a"),
            (Choice::At(Some(3)), ""),
            (Choice::At(Some(-4)), ""),
            (Choice::At(None), ""),
        ] {
            assert_eq!(free_form(text, "python", choice).0, code, "{choice:?}");
        }
        let functions = "def a():\n    pass\ndef b():\n    pass";
        assert_eq!(free_form(functions, "python", Choice::All).0, "def a():\n    pass\n\n\ndef b():\n    pass\n");
    }

    #[test]
    fn java_has_several_blocks_or_a_tag() {
        for (text, sources) in [
            ("```java\nclass A {}\n```\n```\nclass B {}\n```\n```Java\nclass C {}\n```", &["A", "C", "B"][..]),
            ("```java\nclass A {}\n```\n```python\nclass B {}\n```", &["A"]),
            ("It is [Java]class A {}[/Java].", &["A"]),
            ("It is [Java]class A {}", &[]),
            ("class A {}", &[]),
        ] {
            let expected: Vec<String> = sources.iter().map(|name| format!("class {name} {{}}")).collect();
            assert_eq!(java_sources(text), expected, "{text:?}");
        }
    }
}
