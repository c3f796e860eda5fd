//! Points. Defined in `cupel-types` because results contain them, too.

pub use cupel_types::{Score, ScoreError};
