//! Bounds on the data that users store: shared programs, drafts and problems.

use std::time::Duration;

use cupel_types::Bytes;

use super::{Layers, SECOND};

/// Shared programs.
#[derive(Clone, Debug)]
pub(crate) struct Snippets {
    pub(crate) per_user_max: u32,
    pub(crate) bytes_max: Bytes,
    /// `None`: forever.
    pub(crate) kept: Option<Duration>,
}

pub(super) fn snippets(layers: &mut Layers) -> Snippets {
    Snippets {
        per_user_max: layers.number("snippets.per_user_max", 0..=1_000_000),
        bytes_max: layers.bytes("snippets.bytes_max"),
        kept: Some(layers.duration("snippets.kept", Duration::ZERO)).filter(|kept| !kept.is_zero()),
    }
}

/// Drafts of users.
#[derive(Clone, Debug)]
pub(crate) struct Drafts {
    pub(crate) per_user_max: u32,
    pub(crate) revisions_max: u32,
    pub(crate) bytes_per_user_max: Bytes,
    /// `None`: forever.
    pub(crate) kept: Option<Duration>,
}

pub(super) fn drafts(layers: &mut Layers) -> Drafts {
    Drafts {
        per_user_max: layers.number("drafts.per_user_max", 1..=100_000),
        revisions_max: layers.number("drafts.revisions_max", 1..=1000),
        bytes_per_user_max: layers.bytes("drafts.bytes_per_user_max"),
        kept: Some(layers.duration("drafts.kept", Duration::ZERO)).filter(|kept| !kept.is_zero()),
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Problems {
    /// Whether the shipped problems are loaded.
    pub(crate) shipped: bool,
    pub(crate) package_max: Bytes,
    pub(crate) package_time_max: Duration,
    pub(crate) per_author_max: u32,
    pub(crate) bytes_per_author_max: Bytes,
}

pub(super) fn problems(layers: &mut Layers) -> Problems {
    Problems {
        shipped: layers.boolean("problems.shipped"),
        package_max: layers.some_bytes("problems.package_max"),
        package_time_max: layers.duration("problems.package_time_max", SECOND),
        per_author_max: layers.number("problems.per_author_max", 0..=1_000_000),
        bytes_per_author_max: layers.some_bytes("problems.bytes_per_author_max"),
    }
}
