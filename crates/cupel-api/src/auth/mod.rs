//! Authentication and authorization: access tokens, API keys, the access table, and the extractors that enforce it.

mod caller;
mod hs256;
mod identity;
pub(crate) mod table;
mod tokens;

pub(crate) use caller::{Caller, Follower, Visitor};
pub(crate) use identity::{Identities, Via};
pub(crate) use tokens::{Named, Tokens};
