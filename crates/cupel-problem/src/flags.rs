//! The flags of the default validator. Source: Kattis problem package format, "default output validator".

use super::check::{TokenRules, Tolerance};

/// An error in the flags of the default validator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// An unknown flag.
    #[error("the default validator has no flag `{0}`")]
    Unknown(String),
    /// A tolerance flag without a number.
    #[error("`{flag}` needs a number, 0 or above; found `{found}`")]
    NoNumber {
        /// The flag.
        flag: String,
        /// The text after the flag.
        found: String,
    },
    /// A tolerance flag that occurs twice.
    #[error("`{0}` occurs twice")]
    Twice(String),
    /// A flag for both tolerances, combined with a flag for one of them.
    #[error("`float_tolerance` excludes `float_absolute_tolerance` and `float_relative_tolerance`")]
    Contradiction,
}

impl TokenRules {
    /// Parses `case_sensitive`, `space_change_sensitive`, `float_tolerance E`, `float_absolute_tolerance E` and
    /// `float_relative_tolerance E`.
    ///
    /// # Errors
    /// The first flag that is unknown, or the first tolerance that lacks its number or occurs twice; if there is none,
    /// a forbidden combination of flags.
    pub fn from_flags<S: AsRef<str>>(flags: &[S]) -> Result<TokenRules, FlagError> {
        let mut rules = TokenRules::default();
        let mut both = None;
        let mut flags = flags.iter().map(AsRef::as_ref);
        while let Some(flag) = flags.next() {
            let place = match flag {
                "case_sensitive" => {
                    rules.case_sensitive = true;
                    continue;
                }
                "space_change_sensitive" => {
                    rules.space_sensitive = true;
                    continue;
                }
                "float_tolerance" => &mut both,
                "float_absolute_tolerance" => &mut rules.absolute_tolerance,
                "float_relative_tolerance" => &mut rules.relative_tolerance,
                other => return Err(FlagError::Unknown(other.to_owned())),
            };
            let found = flags.next().unwrap_or_default();
            let number =
                found.parse().ok().filter(|_| found.bytes().all(|c| c.is_ascii_digit() || b"+-.eE".contains(&c)));
            let tolerance = number.and_then(|number| Tolerance::new(number).ok());
            let Some(tolerance) = tolerance else {
                return Err(FlagError::NoNumber { flag: flag.to_owned(), found: found.to_owned() });
            };
            if place.replace(tolerance).is_some() {
                return Err(FlagError::Twice(flag.to_owned()));
            }
        }
        if both.is_some() {
            if rules.absolute_tolerance.is_some() || rules.relative_tolerance.is_some() {
                return Err(FlagError::Contradiction);
            }
            (rules.absolute_tolerance, rules.relative_tolerance) = (both, both);
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &str) -> Result<TokenRules, FlagError> {
        TokenRules::from_flags(&flags.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_parsed_or_rejected() {
        let rules = read("case_sensitive float_tolerance 1e-6").unwrap();
        assert!(rules.case_sensitive && !rules.space_sensitive);
        assert_eq!(rules.absolute_tolerance.map(Tolerance::get), Some(1e-6));
        assert_eq!(rules.relative_tolerance, rules.absolute_tolerance);
        assert_eq!(
            read("float_absolute_tolerance 1 float_relative_tolerance 0")
                .unwrap()
                .absolute_tolerance
                .map(Tolerance::get),
            Some(1.0)
        );
        for bad in [
            "x",
            "float_tolerance",
            "float_tolerance x",
            "float_tolerance -1",
            "float_tolerance inf",
            "float_tolerance 1 float_tolerance 1",
            "float_tolerance 1 float_absolute_tolerance 1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
