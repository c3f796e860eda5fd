//! The languages of the original that can be used here. Their ids and options are data in `languages/*.toml`.

use std::sync::LazyLock;

use cupel_languages::{FacadeOptions, Language, Registry};

use super::JOBE;

/// Default of `memorylimit`, in MB of 1,024,000 bytes, for a language that does not set one.
pub(super) const MEMORY_MB: f64 = 400.0;

/// A language of the original.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobeLanguage<'r> {
    pub(super) language: &'r Language,
    /// The options that the original uses for the language. Other options of the original (`-BE` for Python, the memory
    /// sizes for Java) have no effect in a sandbox and would prevent a warm start, so they are left out.
    pub(super) options: &'r FacadeOptions,
}

/// Options of a language whose file sets none.
static NO_OPTIONS: LazyLock<FacadeOptions> = LazyLock::new(FacadeOptions::default);

/// The language with this id (lower case), if it can be used here.
pub(super) fn find<'r>(registry: &'r Registry, id: &str) -> Option<JobeLanguage<'r>> {
    let language = registry.of_facade(JOBE, id).filter(|language| language.is_available())?;
    Some(JobeLanguage { language, options: language.facade_options.get(JOBE).unwrap_or(&NO_OPTIONS) })
}

/// Ids with versions, in the original's order: by id.
pub(super) fn list(registry: &Registry) -> Vec<(&str, String)> {
    let version = |language: &Language| language.version_number().unwrap_or("Unknown").to_owned();
    let installed = registry.facade_names(JOBE).filter(|(_, language)| language.is_available());
    let mut all: Vec<_> = installed.map(|(id, language)| (id, version(language))).collect();
    all.sort_unstable();
    all
}
