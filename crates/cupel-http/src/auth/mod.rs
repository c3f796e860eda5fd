//! Authentication: access tokens, API keys, session cookies, and the classes of callers in a dialect's access table.
//! The extractors that enforce the table are in `caller.rs`.

mod cookie;
mod credential;
mod hs256;
mod identity;
mod tokens;
mod who;

pub(crate) use cookie::has_own_name;
pub use cookie::{
    SITE_HEADER, VISITOR_HEADER, check_own_name, check_same_origin, is_own_socket, is_page_of_another,
    remove_session_cookie, session_cookie, set_session_cookie, user_of_page,
};
pub use credential::{Presented, bearer};
pub(crate) use identity::DISABLED;
pub use identity::{Identities, Identity, IdentityError, Via};
pub use tokens::{Named, Tokens};
pub use who::Who;
