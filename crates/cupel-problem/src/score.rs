//! Points: re-exported from `cupel-types`, which defines them because results also contain points.

pub use cupel_types::{Score, ScoreError};
