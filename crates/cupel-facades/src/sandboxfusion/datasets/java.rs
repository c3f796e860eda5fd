//! The files of a test in Java. JUnit runs the classes of an answer together with those of a test; each has a separate
//! file.
//!
//! Source: `get_java_test_assets` in `sandbox/datasets/natural_code_bench.py` of the original, which finds the types by
//! their layout. Here, the sources are read as tokens.

use std::collections::HashMap;

use cupel_core::Bounds;
use cupel_types::Bytes;

/// Imports of every file.
const IMPORTS: &str = "import org.junit.jupiter.api.Test;\nimport static org.junit.jupiter.api.Assertions.*;\n";

/// Keywords that introduce a type.
const KINDS: [&str; 4] = ["class", "interface", "enum", "record"];

/// A file: its name and its text.
pub(super) type JavaFile = (String, String);

/// The files for these sources: one for each type that is not nested, with the imports of its source. Of several types
/// with the same name, the last one counts. Package clauses are omitted.
///
/// # Errors
/// The reason, if the files would exceed the bounds of a submission. Every file repeats the imports, so a short source
/// may need gigabytes.
pub(super) fn java_files<'s>(
    sources: impl IntoIterator<Item = &'s str>,
    bounds: &Bounds,
) -> Result<Vec<JavaFile>, String> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut files: Vec<(&str, usize, &str)> = Vec::new();
    let mut imports = Vec::new();
    for (source, text) in sources.into_iter().enumerate() {
        let parts = Parts::of(text);
        imports.push(parts.imports.join("\n"));
        for (name, text) in parts.types {
            let file = (name, source, text);
            match places.get(name) {
                Some(&place) => files[place] = file,
                None => {
                    places.insert(name, files.len());
                    files.push(file);
                }
            }
        }
    }
    if files.len() > bounds.files_max {
        return Err(format!("the Java classes need {} files; the maximum is {}", files.len(), bounds.files_max));
    }
    let bytes = |&(_, source, text): &(&str, usize, &str)| IMPORTS.len() + imports[source].len() + text.len() + 2;
    let bytes = Bytes::new(files.iter().map(bytes).sum::<usize>() as u64);
    if bytes > bounds.files_bytes_max {
        let most = bounds.files_bytes_max;
        return Err(format!("the Java classes, each with all imports, have {bytes}; the maximum is {most}"));
    }
    let file = |(name, source, text): (&str, usize, &str)| {
        (format!("{name}.java"), format!("{IMPORTS}{}\n{text}\n", imports[source]))
    };
    Ok(files.into_iter().map(file).collect())
}

/// The imports of a source, and its types by name.
#[derive(Debug, Default, PartialEq)]
struct Parts<'t> {
    imports: Vec<&'t str>,
    types: Vec<(&'t str, &'t str)>,
}

impl<'t> Parts<'t> {
    fn of(source: &'t str) -> Parts<'t> {
        let mut parts = Parts::default();
        let (mut at, mut braces, mut parentheses) = (0, 0u32, 0u32);
        // The words of the declaration outside braces and parentheses, and where it begins.
        let (mut words, mut begin): (Vec<&str>, Option<usize>) = (Vec::new(), None);
        while let Some(first) = source[at..].chars().next() {
            let rest = &source[at..];
            let skipped = if first.is_whitespace() { first.len_utf8() } else { comment_len(rest) };
            if skipped > 0 {
                at += skipped;
                continue;
            }
            let token = &rest[..token_len(rest, first)];
            let begin_of_this = *begin.get_or_insert(at);
            at += token.len();
            let is_outside = braces == 0 && parentheses == 0;
            match token {
                "{" => braces += 1,
                "}" => braces = braces.saturating_sub(1),
                "(" if braces == 0 => parentheses += 1,
                ")" if braces == 0 => parentheses = parentheses.saturating_sub(1),
                word if is_outside => words.push(word),
                _ => {}
            }
            let text = &source[begin_of_this..at];
            match token {
                "}" if braces == 0 && parentheses == 0 => parts.types.extend(name_of(&words).map(|name| (name, text))),
                ";" if is_outside && words.first() == Some(&"import") => parts.imports.push(text),
                ";" if is_outside => {}
                _ => continue,
            }
            words.clear();
            begin = None;
        }
        parts
    }
}

/// The name of the type that a declaration with these words declares.
fn name_of<'t>(words: &[&'t str]) -> Option<&'t str> {
    words.windows(2).find(|pair| KINDS.contains(&pair[0])).map(|pair| pair[1])
}

/// Length of a comment at the beginning of a text; 0 if there is none.
fn comment_len(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    let Some(inner) = text.strip_prefix("/*") else { return 0 };
    inner.find("*/").map_or(text.len(), |end| end + 4)
}

/// Length of the word, the literal or the other character at the beginning of a text.
fn token_len(text: &str, first: char) -> usize {
    const BLOCK: &str = "\"\"\"";
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    if let Some(block) = text.strip_prefix(BLOCK) {
        return BLOCK.len() + literal_len(block, BLOCK, false);
    }
    match first {
        '"' | '\'' => 1 + literal_len(&text[1..], &text[..1], true),
        c if is_word(c) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

/// Length of a literal after its opening quote, with the closing quote. A literal that is not closed extends to the end
/// of its line or, if `ends_with_line` is false, to the end of the text.
fn literal_len(text: &str, quote: &str, ends_with_line: bool) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' if ends_with_line => return at,
            _ if text[at..].starts_with(quote) => return at + quote.len(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_that_is_not_nested_gets_a_file_with_the_imports_of_its_source() {
        let code = "package a;\nimport java.util.*;\nimport static java.lang.Math.max;\n\n/** } class No { */\n\
            public class Sum {\n    static class Inner {}\n    char brace = '}';\n    String s = \"} class No {\";\n}\n\
            enum Kind { A, B }\n";
        let test = "import java.io.File;\n@Marked({1, 2}) @Uses(Sum.class)\nclass SumTest { @Test void t() {} }";
        let files = java_files([code, test], &Bounds::default()).unwrap();
        let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, ["Sum.java", "Kind.java", "SumTest.java"]);
        let sum = "import org.junit.jupiter.api.Test;\nimport static org.junit.jupiter.api.Assertions.*;\n\
            import java.util.*;\nimport static java.lang.Math.max;\npublic class Sum {\n    static class Inner {}\n    \
            char brace = '}';\n    String s = \"} class No {\";\n}\n";
        assert_eq!(files[0].1, sum);
        assert!(files[2].1.contains("import java.io.File;\n@Marked({1, 2}) @Uses(Sum.class)\nclass SumTest {"));
    }

    #[test]
    fn types_are_found_as_the_compiler_finds_them() {
        for (source, names) in [
            ("", &[][..]),
            ("int f() { return 1; }", &[]),
            ("class A {}; interface B {} @interface C {} record D(int x) {}", &["A", "B", "C", "D"]),
            ("sealed interface A<T extends B> permits C { int f(); }", &["A"]),
            ("class A { String s = \"\"\"\n}\nclass No { \\\"\"\"\n\"\"\"; }", &["A"]),
            ("class A { char c = '\\''; }\n// class No {}\nclass Größe {}", &["A", "Größe"]),
            ("class A { void f() {", &[]),
            ("\"not closed\nclass A {}", &["A"]),
            ("class A {} /* class No {}", &["A"]),
            ("} class A {}", &["A"]),
        ] {
            let found: Vec<&str> = Parts::of(source).types.into_iter().map(|(name, _)| name).collect();
            assert_eq!(found, names, "{source}");
        }
    }

    #[test]
    fn the_last_type_with_a_name_counts() {
        let files =
            java_files(["class A { int first; }", "class B {}", "class A { int last; }"], &Bounds::default()).unwrap();
        let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, ["A.java", "B.java"]);
        assert!(files[0].1.contains("last"));
    }

    #[test]
    fn imports_that_are_repeated_in_many_files_are_bounded() {
        let classes = |count: usize| (0..count).map(|n| format!("class A{n} {{}}\n")).collect::<String>();
        let imports = "import a.b;\n".repeat(20_000);
        let bounds = Bounds::default();
        for (source, reason) in [
            (format!("{imports}{}", classes(20_000)), "the Java classes need 20000 files; the maximum is 100"),
            (
                format!("{imports}{}", classes(100)),
                "the Java classes, each with all imports, have 24009790 bytes; the maximum is 8 MiB",
            ),
        ] {
            assert_eq!(java_files([source.as_str()], &bounds), Err(reason.to_owned()));
        }
        assert_eq!(java_files([classes(100).as_str()], &bounds).map(|files| files.len()), Ok(100));
    }
}
