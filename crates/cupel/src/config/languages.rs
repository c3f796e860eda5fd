//! Settings of the languages.

use std::path::{Path, PathBuf};

use cupel_languages::Registry;

use super::Layers;
use crate::data_dir::may_be_directory;

const DIRECTORY: &str = "languages.directory";

/// Directory of the operator's language files in the data directory, if the configuration names no other.
pub(crate) const DIRECTORY_IN_DATA: &str = "languages";

#[derive(Clone, Debug)]
pub(crate) struct Languages {
    pub(crate) directory: Option<PathBuf>,
    /// Where `directory` was set, and its name, for messages.
    pub(crate) directory_setting: String,
    pub(crate) disabled: Vec<String>,
    pub(crate) prepare: bool,
}

/// `default_directory`: the operator's language files, unless the configuration names another directory.
pub(super) fn languages(layers: &mut Layers, default_directory: &Path) -> Languages {
    let directory = layers.text(DIRECTORY);
    let directory = (!directory.is_empty()).then(|| PathBuf::from(directory));
    let key = "languages.disabled";
    let disabled = layers.list(key);
    if !disabled.is_empty() {
        // Faults of the language files are reported where the files are used.
        let files = directory.as_deref().or(Some(default_directory).filter(|path| may_be_directory(path)));
        if let Ok(registry) = Registry::load(files) {
            for id in &disabled {
                if let Some(message) = unknown_language(&registry, id) {
                    layers.refuse(key, message);
                }
            }
        }
    }
    let directory_setting = layers.place_of(DIRECTORY);
    Languages { directory, directory_setting, disabled, prepare: layers.boolean("languages.prepare") }
}

/// Returns the error message for an unknown language id; `None` for a known id.
fn unknown_language(registry: &Registry, id: &str) -> Option<String> {
    match registry.find(id) {
        Some(language) if language.id.as_str() == id => None,
        Some(language) => Some(format!("`{id}` is not the id of a language; did you mean `{}`?", language.id)),
        None => Some(registry.unknown(id, "`cupel languages`")),
    }
}
