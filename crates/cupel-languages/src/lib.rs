#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod file;
mod install;
mod language;
mod prepare;
mod probe;
mod registry;
mod service;
mod shipped;
mod template;

pub use error::{Fault, LoadError};
pub use install::{InstallError, InstallPlan, Selection};
pub use language::{Availability, Language, Packages, Sample, VersionRule};
pub use prepare::{Place, Prepare};
pub use probe::{HostProbe, Probe};
pub use registry::Registry;
pub use service::{Answer, CompileService, MalformedAnswer, question};
pub use template::{Placeholders, Template};
