//! Globs of `submissions.yaml`: `*` matches within a component, and `{a,b}` gives alternatives. A glob that matches a
//! directory also matches all entries in it. Source: Kattis problem package format 2025-09, "submissions.yaml".

/// Maximum length of a glob, in bytes.
const LENGTH_MAX: usize = 256;
/// Maximum number of alternatives to which the braces of a glob may expand.
const CHOICES_MAX: usize = 64;

/// Whether the glob matches the path or one of its parent directories. A glob that exceeds the bounds matches no path.
pub fn matches(glob: &str, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let prefixes: Vec<&str> = ends.map(|end| &path[..end]).collect();
    let choices = choices(glob).unwrap_or_default();
    choices.iter().any(|glob| prefixes.iter().any(|path| star_matches(glob.trim_end_matches('/'), path)))
}

/// Whether a glob is within the bounds: at most 256 bytes, and braces that expand to at most 64 alternatives.
pub fn is_readable(glob: &str) -> bool {
    choices(glob).is_some()
}

/// Returns the globs without braces to which the glob expands. `None` if it exceeds the bounds.
fn choices(glob: &str) -> Option<Vec<String>> {
    if glob.len() > LENGTH_MAX {
        return None;
    }
    let mut choices = vec![glob.to_owned()];
    while let Some((at, (open, close))) =
        choices.iter().enumerate().find_map(|(at, choice)| open_brace(choice).map(|braces| (at, braces)))
    {
        let choice = choices.swap_remove(at);
        for one in choice[open + 1..close].split(',').map(str::trim) {
            choices.push(format!("{}{one}{}", &choice[..open], &choice[close + 1..]));
        }
        if choices.len() > CHOICES_MAX {
            return None;
        }
    }
    Some(choices)
}

/// Returns the positions of the first innermost pair of braces.
fn open_brace(glob: &str) -> Option<(usize, usize)> {
    let close = glob.find('}')?;
    glob[..close].rfind('{').map(|open| (open, close))
}

fn star_matches(glob: &str, path: &str) -> bool {
    let (globs, paths): (Vec<&str>, Vec<&str>) = (glob.split('/').collect(), path.split('/').collect());
    globs.len() == paths.len() && globs.iter().zip(&paths).all(|(glob, part)| component_matches(glob, part))
}

/// Matches one component; `*` matches any text. Without other wildcards, greedy matching from the left is sufficient.
fn component_matches(glob: &str, part: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return glob == part };
    let Some(mut left) = part.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    #[test]
    fn globs_match_whole_names_and_parent_directories() {
        for (glob, path, expected) in [
            ("accepted", "accepted/a.py", true),
            ("accepted/a.py", "accepted/a.py", true),
            ("accept", "accepted/a.py", false),
            ("*/a.py", "accepted/a.py", true),
            ("*", "accepted/a.py", true),
            ("accepted/*.{py,cpp}", "accepted/a.cpp", true),
            ("accepted/*.{py,cpp}", "accepted/a.c", false),
            ("{a,b}/{c,d}*e", "b/dxe", true),
            ("secret/*{ 3, 4 }{ 2 }", "secret/142", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxc", false),
            ("secret/group1", "secret/group1/01", true),
            ("secret/*-hard", "secret/g-hard/01", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(super::matches(glob, path), expected, "{glob} {path}");
        }
        assert!(!super::matches(&format!("{{{}}}", ",".repeat(100_000)), ""));
        let bomb = "{a,b}".repeat(50);
        assert!(!super::matches(&bomb, "x"));
    }
}
