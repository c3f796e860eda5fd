//! Finds the public type of a source file, for languages whose compiler requires the file to have the type's name.
//!
//! The source is read as tokens, so comments, strings and nested types are ignored. The lexer handles the syntax shared
//! by the C family: `//` and `/* */`, `"…"` with escapes, `"""…"""`, `'…'`, braces. The result is used only as a file
//! name.

/// The name of the first public type outside all braces; `kinds` are the keywords that introduce a type.
pub(crate) fn public_type<'t>(source: &'t str, kinds: &[String]) -> Option<&'t str> {
    let (mut depth, mut is_public, mut after_kind, mut before) = (0u32, false, false, "");
    for token in (Tokens { rest: source }) {
        let is_name = token.starts_with(is_start);
        if depth == 0 && is_public && after_kind && is_name {
            return Some(token);
        }
        match token {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if matches!(token, "{" | "}" | ";") {
            is_public = false;
        }
        is_public |= depth == 0 && token == "public";
        // `X.class` in an annotation is not a declaration.
        after_kind = before != "." && kinds.iter().any(|kind| kind == token);
        before = token;
    }
    None
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

/// Iterator over identifiers and single other characters; skips comments and literals.
struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            let rest = self.rest;
            let skip = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                comment.find("*/").map_or(rest.len(), |end| end + 4)
            } else if let Some(block) = rest.strip_prefix("\"\"\"") {
                3 + literal(block, "\"\"\"", false)
            } else if first == '"' || first == '\'' {
                1 + literal(&rest[1..], &rest[..1], true)
            } else {
                let end = match is_start(first) {
                    true => rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len()),
                    false => first.len_utf8(),
                };
                self.rest = &rest[end..];
                return Some(&rest[..end]);
            };
            self.rest = &rest[skip..];
        }
    }
}

/// Length of a literal after its opening quote, including the closing quote. An unterminated literal extends to the end
/// of its line, or to the end of the text if `ends_with_line` is false.
fn literal(text: &str, quote: &str, ends_with_line: bool) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
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
    fn the_public_type_is_found_despite_comments_strings_and_nesting() {
        let kinds = ["class", "interface", "enum", "record"].map(str::to_owned);
        for (source, expected) in [
            ("public class Hello {}", Some("Hello")),
            ("class A {} public final class B {}", Some("B")),
            ("// public class No {}\nclass A {}", None),
            ("/* public class No {} */ public\n  strictfp\tclass Yes{}", Some("Yes")),
            ("class A { String s = \"} public class No {\"; }", None),
            ("class A { char c = '}'; char q = '\\''; } public enum E { X }", Some("E")),
            (
                "class A { String s = \"\"\"\n } public class No { \\\"\"\"\n\"\"\"; }\npublic record P(int x) {}",
                Some("P"),
            ),
            ("class A { public static class Inner {} }", None),
            ("class A { public class Inner {} } class B {}", None),
            ("public @interface Mark {}", Some("Mark")),
            ("public @Uses(String.class) class Hello {}", Some("Hello")),
            ("public sealed interface Shape permits Circle {}", Some("Shape")),
            ("package a.b; import java.util.*; public class Grüße<T> {}", Some("Grüße")),
            ("public class", None),
            ("\"not closed\npublic class A {}", Some("A")),
            ("/* not closed public class A {}", None),
            ("", None),
        ] {
            assert_eq!(public_type(source, &kinds), expected, "{source}");
        }
    }
}
