//! "Did you mean": the nearest of a few words.

/// Candidate nearest to the given word, if it is near enough to be a typing error.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(written, candidate), candidate))
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
    }
}
