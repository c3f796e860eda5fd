//! Points: a word of the domain that results are told in, too, so it lives with the types.

pub use cupel_types::{Score, ScoreError};
