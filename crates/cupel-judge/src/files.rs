//! Commands and files of a run, derived from its language and its submission.

use std::collections::HashSet;

use cupel_languages::{Language, Placeholders};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes};

/// Returns the placeholder values. The main source is the first file; a submission always has one.
pub(crate) fn placeholders(language: &Language, files: &BoxFiles, memory: Bytes) -> Placeholders {
    Placeholders::for_files_of(language, files, memory).unwrap_or_else(|| Placeholders::new(&language.source, memory))
}

/// Returns the placeholder values for executing a compiled program. `main` is the main source as submitted; `files` are
/// the files as compiled.
pub(crate) fn placeholders_of_program(
    language: &Language,
    main: &BoxPath,
    files: &BoxFiles,
    artifacts: &BoxFiles,
    entry: Option<&str>,
    memory: Bytes,
) -> Placeholders {
    placeholders(language, files, memory).starting(language.main_class(artifacts, main, files, entry))
}

/// Selects the files that the execution gets from the files that the compilation left in the box.
pub(crate) fn pick_artifacts(language: &Language, left: &BoxFiles) -> BoxFiles {
    BoxFiles::new(left.iter().filter(|file| language.is_artifact(&file.path)).cloned().collect())
}

/// Selects the submitted files that a compiled program can read: all except sources (the main source and files with an
/// extension of the language) and files that the compilation replaced. If `main_only` is true, only the main source
/// counts as a source.
pub(crate) fn beside_artifacts(
    language: &Language,
    sent: &BoxFiles,
    artifacts: &BoxFiles,
    main_only: bool,
) -> BoxFiles {
    let artifact_paths: HashSet<&BoxPath> = artifacts.iter().map(|file| &file.path).collect();
    let is_source = |path: &BoxPath| {
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').is_some_and(|(_, extension)| language.extensions.iter().any(|e| e == extension))
    };
    let is_copied = |file: &&BoxFile| (main_only || !is_source(&file.path)) && !artifact_paths.contains(&file.path);
    let copied = sent.iter().skip(1).filter(is_copied);
    BoxFiles::new(copied.cloned().collect())
}
