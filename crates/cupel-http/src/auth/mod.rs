//! Authentication: access tokens, API keys, and the classes of callers in a dialect's access table. The extractors
//! that enforce the table are in `caller.rs`.

mod credential;
mod hs256;
mod identity;
mod tokens;
mod who;

pub use credential::{Presented, bearer};
pub use identity::{Identities, Identity, IdentityError, Via};
pub use tokens::{Named, Tokens};
pub use who::Who;
