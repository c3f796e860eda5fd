//! The program of a test in Go, which consists of two sources: their package clauses and imports become one.
//!
//! Source: `postprocess_full_code` in `sandbox/datasets/auto_eval.py` of the original.

use std::collections::HashSet;

/// The program with each package clause and each import once, at its begin.
pub(super) fn merged(code: &str) -> String {
    let (mut packages, mut imports, mut others) = (Names::default(), Names::default(), Vec::new());
    let mut is_list = false;
    for line in code.split('\n') {
        let text = without_comment(line);
        if is_list {
            is_list = !add_each(&mut imports, text);
        } else if let Some(name) = clause(text, "package") {
            packages.add(name);
        } else if let Some(import) = clause(text, "import") {
            match import.strip_prefix('(') {
                Some(list) => is_list = !add_each(&mut imports, list),
                None => imports.add(import),
            }
        } else {
            others.push(line);
        }
    }
    let lines = |keyword: &str, of: Names<'_>| -> String {
        of.names.iter().map(|name| format!("{keyword} {name}\n")).collect()
    };
    format!("{}\n{}\n{}", lines("package", packages), lines("import", imports), others.join("\n"))
}

/// What follows this keyword at the beginning of a line.
fn clause<'t>(text: &'t str, keyword: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(keyword)?;
    rest.starts_with([' ', '\t', '(', '"', '`']).then(|| rest.trim_start())
}

/// The line without blanks, comment and semicolon at its end. The path of an import does not contain `//`.
fn without_comment(line: &str) -> &str {
    let text = line.split_once("//").map_or(line, |(before, _)| before);
    text.trim().trim_end_matches(';').trim_end()
}

/// Adds the imports of a line of a list. Returns whether the list ends in this line.
fn add_each<'t>(imports: &mut Names<'t>, listed: &'t str) -> bool {
    let end = listed.find(')');
    listed[..end.unwrap_or(listed.len())].split(';').for_each(|import| imports.add(import.trim()));
    end.is_some()
}

/// Names in the order in which they first occur.
#[derive(Default)]
struct Names<'t> {
    names: Vec<&'t str>,
    known: HashSet<&'t str>,
}

impl<'t> Names<'t> {
    fn add(&mut self, name: &'t str) {
        if !name.is_empty() && self.known.insert(name) {
            self.names.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_clauses_and_imports_of_two_sources_become_one() {
        let code = "package main\n\nimport \"fmt\"\n\nfunc f() { fmt.Println() }\n";
        let test = "package main // the test\nimport (\n\t\"fmt\"\n\tm \"math/rand\" // random (but seeded)\n\n)\n\
            import (\"os\"; \"fmt\")\nfunc TestF(t *testing.T) {\n\tf()\n}";
        let found = merged(&format!("{code}{test}"));
        let expected = "package main\n\nimport \"fmt\"\nimport m \"math/rand\"\nimport \"os\"\n\n\n\n\
            func f() { fmt.Println() }\nfunc TestF(t *testing.T) {\n\tf()\n}";
        assert_eq!(found, expected);
    }

    /// With a comparison of each import with each other one, this test takes hours.
    #[test]
    fn many_different_imports_are_merged_in_linear_time() {
        let code = format!("import ({})", (0..1_000_000).map(|n| format!("a{n};")).collect::<String>());
        assert_eq!(merged(&code).lines().filter(|line| line.starts_with("import ")).count(), 1_000_000);
    }

    #[test]
    fn a_word_that_begins_like_a_keyword_is_code() {
        for (code, expected) in [
            ("packages := 1\nimported()", "\n\npackages := 1\nimported()"),
            ("", "\n\n"),
            ("import(\n\"fmt\")\nx", "\nimport \"fmt\"\n\nx"),
            ("package a\npackage b", "package a\npackage b\n\n\n"),
        ] {
            assert_eq!(merged(code), expected, "{code:?}");
        }
    }
}
