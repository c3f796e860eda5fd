//! Settings of accounts and their tokens.

use std::time::Duration;

use super::{Layers, SECOND};

#[derive(Clone, Debug)]
pub(crate) struct Auth {
    pub(crate) registration: bool,
    pub(crate) guests: bool,
    pub(crate) token_lifetime: Duration,
    pub(crate) refresh_lifetime: Duration,
}

pub(super) fn auth(layers: &mut Layers) -> Auth {
    Auth {
        registration: layers.boolean("auth.registration"),
        guests: layers.boolean("auth.guests"),
        token_lifetime: layers.duration("auth.token_lifetime", SECOND),
        refresh_lifetime: layers.duration("auth.refresh_lifetime", SECOND),
    }
}
