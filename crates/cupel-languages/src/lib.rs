#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod class_file;
mod entry;
mod error;
mod exception;
mod facade_options;
mod faults;
mod file;
mod install;
mod language;
mod library;
mod limits;
mod main_file;
mod mount;
mod place;
mod prepare;
mod probe;
mod public_type;
mod registry;
mod service;
mod shipped;
mod template;

pub use error::{LanguageFault, LoadError};
pub use exception::{Exception, ExceptionRule, STDERR_END, shown_in_line};
pub use facade_options::{FacadeOptions, SourceCheck};
pub use install::{InstallError, InstallPlan, Selection};
pub use language::{
    ANY_PROGRAM, Availability, FoundImage, ImageExecutor, Language, LanguageSet, Packages, Pulling, Sample, VersionRule,
};
pub use library::{Library, LibraryPackage};
pub use main_file::Candidate;
pub use prepare::{Prepare, PreparedDir};
pub use probe::{HostProbe, Probe};
pub use registry::{LibraryVersions, PullingLanguages, Registry};
pub use service::{Answer, CompileService, MalformedAnswer, question};
pub use template::{Placeholders, Template};
