//! The code in a model's answer: fenced blocks first, then an unfinished block, then lines that look like code.

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
    ("cpp", &["cpp", "c++", "cxx", "c"]),
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

/// A fenced block.
struct Block<'t> {
    tag: &'t str,
    code: String,
    is_complete: bool,
}

/// Finds the code in a text. In order of preference: the first complete block in the language, the first complete block
/// in any language, the last unfinished block, lines that look like code.
pub(super) fn extract(text: &str, language: &str) -> (String, ExtractedType) {
    let blocks = blocks(text);
    let is_wanted = |block: &&Block<'_>| {
        let tag = block.tag.to_ascii_lowercase();
        match TAGS.iter().find(|(name, _)| *name == language) {
            Some((_, tags)) => tags.contains(&tag.as_str()),
            None => tag == language.to_ascii_lowercase(),
        }
    };
    let complete = || blocks.iter().filter(|block| block.is_complete);
    if let Some(block) = complete().find(is_wanted).or_else(|| complete().next()) {
        return (block.code.clone(), ExtractedType::Fenced);
    }
    if let Some(block) = blocks.last() {
        return (block.code.clone(), ExtractedType::IncompleteFenced);
    }
    match heuristic(text, language) {
        Some(code) => (code, ExtractedType::Heuristic),
        None => (String::new(), ExtractedType::Empty),
    }
}

/// Blocks between lines that begin with three backticks.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in text.lines() {
        match (line.trim().strip_prefix("```"), &mut open) {
            (Some(tag), None) => {
                let tag = tag.split_whitespace().next().unwrap_or_default();
                open = Some(Block { tag, code: String::new(), is_complete: false });
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|block| Block { is_complete: true, ..block })),
            (None, Some(block)) => {
                block.code.push_str(line);
                block.code.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks.extend(open);
    blocks
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
            ("python", "a\n```python\nx = 1\n```\nb", "x = 1\n", ExtractedType::Fenced),
            ("python", "```cpp\nint x;\n```\n```py\nx = 1\n```", "x = 1\n", ExtractedType::Fenced),
            ("python", "```cpp\nint x;\n```\n```\ny\n```", "int x;\n", ExtractedType::Fenced),
            ("cpp", "```C++\nint x;\n```", "int x;\n", ExtractedType::Fenced),
            ("R", "```r\nx\n```", "x\n", ExtractedType::Fenced),
            ("python", "text\n```python\nx = 1", "x = 1\n", ExtractedType::IncompleteFenced),
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
}
