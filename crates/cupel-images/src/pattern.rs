//! Image name patterns from the operator's configuration.

use cupel_types::ImageName;

/// Whether a pattern matches a name, with or without its tag. `*` stands for any characters except `/`; `**` stands for
/// any characters.
pub fn matches(pattern: &str, name: &ImageName) -> bool {
    let name = name.as_str();
    let without_tag = name.split_once(':').map_or(name, |(path, _)| path);
    [name, without_tag].iter().any(|text| glob(pattern.as_bytes(), text.as_bytes()))
}

/// Matches by backtracking, because patterns are short and come from the operator.
pub(crate) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let end = text.iter().position(|c| *c == b'/').unwrap_or(text.len());
            (0..=end).any(|at| glob(rest, &text[at..]))
        }
        [first, rest @ ..] => text.first() == Some(first) && glob(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_name_with_or_without_its_tag() {
        for (pattern, name, expected) in [
            ("course/*", "course/ml:2", true),
            ("course/*", "course/a/b:2", false),
            ("course/**", "course/a/b:2", true),
            ("course/ml", "course/ml:2", true),
            ("course/ml:2", "course/ml:2", true),
            ("course/ml:2", "course/ml:20", false),
            ("ml", "course/ml:2", false),
            ("ml:*", "course/ml:2", false),
            ("*", "ml:2", true),
            ("*", "course/ml:2", false),
            ("", "ml:2", false),
        ] {
            assert_eq!(matches(pattern, &name.parse().unwrap()), expected, "{pattern} {name}");
        }
    }
}
