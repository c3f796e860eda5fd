//! The languages that a run needs, as text: sorted ids, separated by a space.

use cupel_core::Needs;
use cupel_types::LanguageId;

use super::{RowError, bad};

pub(crate) fn needs_text<'a>(needs: impl IntoIterator<Item = &'a LanguageId>) -> String {
    let mut ids: Vec<&str> = needs.into_iter().map(LanguageId::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.join(" ")
}

/// Decodes the column; NULL (not known) gives the empty set.
pub(crate) fn needs_from(text: Option<&str>) -> Result<Needs, RowError> {
    text.unwrap_or_default().split_ascii_whitespace().map(|id| id.parse().map_err(|_| bad("needs"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_read_back_and_null_gives_the_empty_set() {
        let ids: Vec<LanguageId> = ["python", "c++17", "python", "c"].iter().map(|id| id.parse().unwrap()).collect();
        assert_eq!(needs_text(&ids), "c c++17 python");
        assert_eq!(needs_from(Some("c c++17 python")).unwrap(), ids.iter().cloned().collect());
        for none in [None, Some("")] {
            assert_eq!(needs_from(none).unwrap(), Needs::new());
        }
        assert_eq!(needs_text(&Needs::new()), "");
        assert!(needs_from(Some("C")).is_err());
    }
}
