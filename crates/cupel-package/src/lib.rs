#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod doc;
mod export;
mod finding;
mod import;
mod rewrite;
mod unpack;

pub use export::{Container, ExportError, archive, export, pack};
pub use finding::{Code, FileError, ImportError, PackageFinding, Position, Refused};
pub use import::{ImportOptions, Imported, Maxima, PackageFormat, import, is_marker, open, unpack_packed};
pub use rewrite::{LimitsToWrite, RewriteError, limits_file, new_limits_file, with_limits};
pub use unpack::UnpackLimits;
