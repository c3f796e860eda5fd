//! Patterns of file paths, such as `*.png` and `plots/**/*.svg`.
//!
//! This crate has no dependencies, because `cupel-agent`, the first process of a container, also uses it. The time of a
//! match is at most proportional to the length of the pattern times the length of the path.
#![forbid(unsafe_code)]

/// Whether a pattern matches a relative path.
///
/// A pattern with a `/` is matched against the whole path. A pattern without a `/` is matched against the file name, in
/// any directory. `*` stands for any number of characters except `/`, and `?` for one such character. A component `**`
/// stands for any number of directories, including none. At the end of a pattern, `**` stands for all files beneath.
/// All other characters stand for themselves.
pub fn matches(pattern: &str, path: &str) -> bool {
    if !pattern.contains('/') {
        return matches_name(pattern, path.rsplit('/').next().unwrap_or(path));
    }
    let mut components: Vec<&str> = pattern.split('/').collect();
    if components.last() == Some(&"**") {
        components.push("*");
    }
    let names: Vec<&str> = path.split('/').collect();
    matches_sequence(
        &components,
        &names,
        |component| *component == "**",
        |component, name| matches_name(component, name),
    )
}

/// Whether a component of a pattern matches a file name.
fn matches_name(component: &str, name: &str) -> bool {
    if !component.contains(['*', '?']) {
        return component == name;
    }
    let (component, name): (Vec<char>, Vec<char>) = (component.chars().collect(), name.chars().collect());
    matches_sequence(&component, &name, |c| *c == '*', |c, own| *c == '?' || c == own)
}

/// Whether a sequence matches a pattern, in which a star stands for any number of elements. Backtracks only to the last
/// star, because that star can absorb any elements that an earlier star could.
fn matches_sequence<P, T>(
    pattern: &[P],
    sequence: &[T],
    is_star: impl Fn(&P) -> bool,
    fits: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut p, mut s) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while s < sequence.len() {
        match pattern.get(p) {
            Some(element) if is_star(element) => {
                star = Some((p, s));
                p += 1;
            }
            Some(element) if fits(element, &sequence[s]) => {
                p += 1;
                s += 1;
            }
            _ => {
                let Some((star_p, star_s)) = star else { return false };
                star = Some((star_p, star_s + 1));
                p = star_p + 1;
                s = star_s + 1;
            }
        }
    }
    pattern[p..].iter().all(is_star)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: bool) {
        assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
    }

    #[test]
    fn a_pattern_without_a_slash_matches_the_file_name_in_any_directory() {
        check("main", "main", true);
        check("main", "a/main", true);
        check("main", "main/a", false);
        check("main", "main.c", false);
        check("*.class", "Main$1.class", true);
        check("*.class", "Main.java", false);
        check("*.png", "plots/deep/a.png", true);
        check("*", ".hidden", true);
        check("**", "a/b", true);
    }

    #[test]
    fn a_star_stops_at_a_slash() {
        check("out/*.js", "out/a.js", true);
        check("out/*.js", "out/a/b.js", false);
        check("out/*.js", "in/out/a.js", false);
        check("*/a", "b/a", true);
        check("*/a", "a", false);
        check("a*b*c", "aXbXbXc", true);
        check("a*b*c", "aXbX", false);
    }

    #[test]
    fn two_stars_stand_for_any_number_of_directories() {
        check("plots/**/*.svg", "plots/a.svg", true);
        check("plots/**/*.svg", "plots/b/c/a.svg", true);
        check("plots/**/*.svg", "plots/b/c/a.png", false);
        check("plots/**/*.svg", "other/plots/a.svg", false);
        check("**/plots/*.svg", "a/b/plots/c.svg", true);
        check("**/plots/**/c", "plots/c", true);
        check("**/a/**/b/**/c", "a/a/b/x/b/c", true);
        check("**/a/**/b/**/c", "a/b", false);
        check("plots/**", "plots/a/b", true);
        check("plots/**", "plots", false);
        check("plots/**", "plots/a", true);
    }

    #[test]
    fn a_question_mark_stands_for_one_character() {
        check("?.png", "é.png", true);
        check("?.png", ".png", false);
        check("?.png", "ab.png", false);
        check("a?b", "a/b", false);
        check("a/?", "a/b", true);
    }

    #[test]
    fn other_characters_stand_for_themselves() {
        check("[ab].png", "a.png", false);
        check("[ab].png", "[ab].png", true);
        check("{a,b}", "{a,b}", true);
        check("A.png", "a.png", false);
    }
}
