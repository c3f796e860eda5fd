//! Error chains as text, for logs and for the command line.

use std::error::Error;

/// Text of an error and its sources. The text of a source is omitted if the text before it already ends with it,
/// because errors of other libraries often include the text of their source.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot {doing}")]
    struct Failure {
        doing: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    }

    #[test]
    fn the_chain_lists_every_source_in_order() {
        let error = |doing, source| Failure { doing, source };
        let inner = error("write a row", "the disk is full".into());
        let outer = error("insert a user", Box::new(inner));
        assert_eq!(super::chain(&outer), "cannot insert a user: cannot write a row: the disk is full");
    }

    #[test]
    fn a_source_with_which_the_error_text_ends_is_not_repeated() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot connect: {0}")]
        struct Repeating(#[source] std::io::Error);
        let refused = Repeating(std::io::Error::other("refused"));
        assert_eq!(super::chain(&refused), "cannot connect: refused");
    }
}
