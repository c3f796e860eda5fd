//! Who asks: access tokens, API keys, the table of who may call what, and the extractors that refuse by it.

mod caller;
mod hs256;
mod identity;
pub(crate) mod table;
mod tokens;

pub(crate) use caller::{Caller, Follower, Visitor};
pub(crate) use identity::{Identities, Via};
pub(crate) use tokens::{Named, Tokens};
