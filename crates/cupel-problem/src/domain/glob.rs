//! Globs as `submissions.yaml` has them: `*` within a component, `{a,b}`; a directory stands for all that lies in it.
//! Source: Kattis problem package format 2025-09, "submissions.yaml".

/// Whether a path, or a directory it lies in, is matched: `*` within a component, `{a,b}` either. Bounded in what it tries.
pub(crate) fn matches(glob: &str, path: &str) -> bool {
    let mut alternatives = vec![glob.to_owned()];
    let mut expanded = 0;
    while let Some(at) = alternatives.iter().position(|one| open_brace(one).is_some()) {
        let one = alternatives.swap_remove(at);
        expanded += 1;
        let Some((open, close)) = open_brace(&one) else { break };
        if expanded > 100 || alternatives.len() > 1000 {
            return false;
        }
        for choice in one[open + 1..close].split(',') {
            alternatives.push(format!("{}{choice}{}", &one[..open], &one[close + 1..]));
        }
    }
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let prefixes: Vec<&str> = ends.map(|end| &path[..end]).collect();
    alternatives.iter().any(|glob| prefixes.iter().any(|path| star_matches(glob.trim_end_matches('/'), path)))
}

/// The first pair of braces without one inside.
fn open_brace(glob: &str) -> Option<(usize, usize)> {
    let close = glob.find('}')?;
    glob[..close].rfind('{').map(|open| (open, close))
}

fn star_matches(glob: &str, path: &str) -> bool {
    let (globs, paths): (Vec<&str>, Vec<&str>) = (glob.split('/').collect(), path.split('/').collect());
    globs.len() == paths.len() && globs.iter().zip(&paths).all(|(glob, part)| component_matches(glob, part))
}

/// `*` stands for anything; greedy from the left, which is enough without other wildcards.
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
    fn globs_match_whole_names_and_parents() {
        for (glob, path, expected) in [
            ("accepted", "accepted/a.py", true),
            ("accepted/a.py", "accepted/a.py", true),
            ("accept", "accepted/a.py", false),
            ("*/a.py", "accepted/a.py", true),
            ("*", "accepted/a.py", true),
            ("accepted/*.{py,cpp}", "accepted/a.cpp", true),
            ("accepted/*.{py,cpp}", "accepted/a.c", false),
            ("{a,b}/{c,d}*e", "b/dxe", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxc", false),
            ("secret/group1", "secret/group1/01", true),
            ("secret/*-hard", "secret/g-hard/01", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(super::matches(glob, path), expected, "{glob} {path}");
        }
        let bomb = "{a,b}".repeat(200);
        assert!(!super::matches(&bomb, "x"));
    }
}
