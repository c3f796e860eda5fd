//! Facades: the HTTP interfaces of other products, so that their clients need only another base URL.
//!
//! A facade is a dialect of `cupel-http`: it translates a request into core's use case, and the result into the other
//! product's response. There is one module per product; `docs/recipes/add-a-facade.md` describes how to add one.
//!
//! **Languages.** A facade's names for languages are in `languages/*.toml` (`[facades]`, `[facade_fallbacks]`), as are
//! the options that differ for its clients (`[facade_options.NAME]`).
//!
//! **Accounts.** If the original needs no key, the runs belong to an internal account, such as `~piston`, which is
//! created when the server starts (`Accounts::internal`). Nobody can register its name or log in to it. Without a key,
//! only clients on this machine are served, and only by a server that listens on a loopback address, unless
//! `facades.NAME.anonymous` permits all clients ([`Keyless`]).
//!
//! **Addresses.** A facade may have an additional address (`--facade`), where its routes are at the root. A layer
//! inserts the prefix into the path, so that the same router serves all addresses
//! (`crates/cupel/src/compose/facades.rs`).
//!
//! **Stored requests.** Some parts of a request are needed later although core does not store them, such as the text of
//! compiler options. They are stored with the submission (`FacadeRequest`), and only the facade interprets them. The
//! sender of webhooks asks the facade for the body of a callback (`crates/cupel/src/webhooks.rs`).
//!
//! *Architecture invariants:* a facade executes, queues and limits nothing itself. A facade's names of languages are
//! data in `languages/*.toml`. Facades do not depend on the native API or on each other.
#![forbid(unsafe_code)]

mod bounded_json;
mod charset;
mod compiler;
mod execute;
mod jobe;
mod judge0;
mod keyless;
mod lenient_base64;
mod piston;
mod program;
mod public_read;
mod sandboxfusion;
mod surrogates;

pub use jobe::{JOBE, jobe};
pub use judge0::{JUDGE0, Judge0Limit, Judge0Limits, Judge0Options, callback_body, judge0};
pub use keyless::Keyless;
pub use piston::{PISTON, PistonOptions, piston};
pub use sandboxfusion::{SANDBOXFUSION, sandboxfusion};
