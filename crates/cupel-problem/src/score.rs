//! Points. They are defined in `cupel-types`, because results also contain them.

pub use cupel_types::{Score, ScoreError};
