//! Commands and files of a run, derived from its language and its submission.

use cupel_languages::{Language, Placeholders};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, COMMAND_BYTES_MAX, command_bytes};

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

/// Selects the submitted files that a compiled program can read: all except sources and files that the compilation
/// replaced. Sources are the main source and, unless `main_only` is true, files with an extension of the language. A
/// file was replaced if an artefact has its path, the path of one of its directories, or a path beneath it.
pub(crate) fn beside_artifacts(
    language: &Language,
    sent: &BoxFiles,
    artifacts: &BoxFiles,
    main_only: bool,
) -> BoxFiles {
    let is_source = |path: &BoxPath| {
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').is_some_and(|(_, extension)| language.extensions.iter().any(|e| e == extension))
    };
    let is_replaced = |path: &BoxPath| artifacts.iter().any(|artifact| artifact.path.clashes_with(path));
    let is_copied = |file: &&BoxFile| (main_only || !is_source(&file.path)) && !is_replaced(&file.path);
    let copied = sent.iter().skip(1).filter(is_copied);
    BoxFiles::new(copied.cloned().collect())
}

/// Returns the reason why a command is refused, if it is longer than the sandbox accepts. `what` names the command and
/// its parts, and `remedy` says what to change.
pub(crate) fn too_long(what: &str, remedy: &str, argv: &[String], env: &[(String, String)]) -> Option<String> {
    let bytes = command_bytes(argv, env);
    (bytes > COMMAND_BYTES_MAX).then(|| format!("{what} has {bytes}; the maximum is {COMMAND_BYTES_MAX}: {remedy}"))
}

/// Returns the reason why a program cannot be started, if its command is longer than the sandbox accepts.
pub(crate) fn too_long_to_start(argv: &[String], env: &[(String, String)]) -> Option<String> {
    let what = "the command that starts the program, with its arguments and environment,";
    too_long(what, "use fewer or shorter arguments and variables", argv, env)
}
