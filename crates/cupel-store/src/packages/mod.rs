//! Problem packages: in a directory of this machine's ([`LocalPackages`]), or in a blob store that all nodes reach, of which
//! such a directory is then the cache ([`SharedPackages`]).

mod local;
mod shared;

pub use local::LocalPackages;
pub use shared::{SharedPackages, share_package};
