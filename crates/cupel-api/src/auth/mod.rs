//! Who asks: access tokens, API keys, and the extractor that says in its type what a handler needs.

mod caller;
mod hs256;
mod identity;
mod tokens;

pub(crate) use caller::{Account, Admin, Caller, Need, RunsRead, RunsWrite};
pub(crate) use identity::{Identities, Via};
pub(crate) use tokens::{Named, Tokens};
