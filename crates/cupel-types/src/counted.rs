//! A number with its noun, for messages.

use std::fmt::Display;

/// A number and a regular noun, singular or plural: `1 test`, `2 tests`, `0 tests`.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn only_one_is_singular() {
        assert_eq!([0_usize, 1, 2].map(|n| counted(n, "test")), ["0 tests", "1 test", "2 tests"]);
        assert_eq!(counted(1_u64, "waiting run"), "1 waiting run");
    }
}
