//! Problem packages: in a directory of this machine ([`LocalPackages`]), or in a blob store that all nodes reach, with
//! such a directory as its cache ([`SharedPackages`]).

mod local;
mod shared;

pub use local::LocalPackages;
pub use shared::{SharedPackages, share_package};
