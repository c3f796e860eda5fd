//! Suggestions for "Did you mean": the nearest of a few words.

/// The candidate nearest to a word. The difference must be small enough for a typing error, or one of the two words
/// must be the end of the other (`new_password` and `password`).
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_end = |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.ends_with('_'));
    let likeness = |candidate: &str| {
        if is_end(written, candidate) || is_end(candidate, written) {
            return 1.0;
        }
        strsim::jaro_winkler(written, candidate)
    };
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_a_suggestion_and_another_word_gets_none() {
        let fields = ["language", "source_code", "stdin", "limits"];
        assert_eq!(nearest("langauge", fields), Some("language"));
        assert_eq!(nearest("sourcecode", fields), Some("source_code"));
        assert_eq!(nearest("compiler", fields), None);
        assert_eq!(nearest("new_password", ["old_password", "password"]), Some("password"));
        assert_eq!(nearest("code", fields), Some("source_code"));
    }
}
