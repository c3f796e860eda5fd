//! The program of a request: the name of its main file, and limits within the language's maxima.

use std::sync::Arc;
use std::time::Duration;

use cupel_languages::Language;
use cupel_types::{Bytes, Limits, LimitsRequest};

/// Path and contents.
pub(crate) type SourceFile = (String, Arc<[u8]>);

/// A name for the main file that no other file has: the language's usual name, or a similar one. If the language
/// derives the name from the source, the name is empty. A file with the usual name is then removed, because the main
/// file replaces it.
pub(crate) fn main_name(language: &Language, others: &mut Vec<SourceFile>) -> String {
    let mut name = language.source.as_str().to_owned();
    if !language.main_class.is_empty() || !language.named_by_type.is_empty() {
        others.retain(|(path, _)| *path != name);
        return String::new();
    }
    while others.iter().any(|(path, _)| *path == name) {
        name = match name.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}_.{extension}"),
            None => format!("{name}_"),
        };
    }
    name
}

/// The compiler options of the language file for the clients of a facade. They precede those of a request.
pub(crate) fn compiler_base<'l>(language: &'l Language, facade: &str) -> &'l [String] {
    language.facade_options.get(facade).map_or(&[], |options| options.compiler_base.as_slice())
}

/// Requested limits, at most the language's maxima. If `memory` is `None`, the maximum applies. A memory limit with
/// which no program starts is raised: the originals run the program, which is then killed.
pub(crate) fn limits_within(
    max: Limits,
    cpu_time: Duration,
    wall_time: Duration,
    memory: Option<Bytes>,
    output: Bytes,
) -> LimitsRequest {
    let wall_time = wall_time.min(max.wall_time);
    LimitsRequest {
        cpu_time: Some(cpu_time.min(max.cpu_time)),
        wall_time: Some(wall_time),
        idle_time: Some(wall_time.min(max.idle_time)),
        memory: Some(memory.unwrap_or(max.memory).max(Limits::MEMORY_MIN).min(max.memory)),
        output: Some(output.min(max.output)),
        // The language's defaults.
        instructions: None,
        address_space: None,
        processes: None,
        open_files: None,
        file_size: None,
        disk: None,
        inodes: None,
        stack: None,
    }
}
