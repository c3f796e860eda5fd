//! Errors for logs.

use std::error::Error;

/// An error with its sources, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::StoreError;

    #[test]
    fn every_source_is_told_in_order() {
        let error = |operation, source| StoreError { operation, transient: false, source };
        let inner = error("write a row", "the disk is full".into());
        let outer = error("insert a user", Box::new(inner));
        assert_eq!(super::chain(&outer), "cannot insert a user: cannot write a row: the disk is full");
    }
}
