//! The languages of both flavours by id.
//!
//! `languages.json` lists the languages of the original, with its file names and commands. Source: the files
//! `db/languages/*.rb` of Judge0 at release 1.13.1. The files `languages/*.toml` map ids to Cupel's languages.
//! Responses contain the installed version. A language that is not installed does not exist for clients.

use std::sync::LazyLock;

use cupel_languages::{Language, Placeholders, Registry};
use cupel_types::{Limits, ToolOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::program::compiler_base;

/// The two servers of the original, whose ids overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Flavour {
    Ce,
    Extra,
}

impl Flavour {
    /// The name in `languages/*.toml`.
    pub(super) const fn facade(self) -> &'static str {
        match self {
            Flavour::Ce => "judge0",
            Flavour::Extra => "judge0-extra",
        }
    }

    /// The version of the original. Clients choose the ids of languages by it.
    pub(super) const fn version(self) -> &'static str {
        match self {
            Flavour::Ce => "1.13.1",
            Flavour::Extra => "1.13.1-extra",
        }
    }
}

/// A language of the original.
#[derive(Debug, Deserialize)]
struct Original {
    flavour: Flavour,
    id: i64,
    name: String,
    archived: bool,
    source_file: Option<String>,
    compile_cmd: Option<String>,
    run_cmd: Option<String>,
}

static ORIGINALS: LazyLock<Vec<Original>> = LazyLock::new(|| {
    // A test reads the file, so this cannot fail in a release.
    serde_json::from_str(include_str!("languages.json")).unwrap_or_default()
});

fn original(flavour: Flavour, id: i64) -> Option<&'static Original> {
    ORIGINALS.iter().find(|original| original.flavour == flavour && original.id == id)
}

/// The id of programs that contain scripts to compile and run them, in both flavours. The original has no files or
/// commands for it.
pub(super) const MULTI_FILE: i64 = 89;

/// What a flavour knows about an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Absent,
    Archived,
    Present {
        /// Whether the original compiles the language; for an id that the original lacks, whether Cupel does.
        is_compiled: bool,
    },
    MultiFile,
}

/// What a flavour knows about an id, with data of the language that has this id.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) known: Known,
    /// Name of the installed language.
    pub(super) name: String,
    /// Maxima of the installed language.
    pub(super) max: Option<Limits>,
}

impl Default for Found {
    fn default() -> Found {
        Found { known: Known::Absent, name: String::new(), max: None }
    }
}

/// What the flavour knows about this id.
pub(super) fn find(registry: &Registry, flavour: Flavour, id: i64) -> Found {
    let Some(language) = installed(registry, flavour, id) else {
        let is_archived = original(flavour, id).is_some_and(|original| original.archived);
        return Found { known: if is_archived { Known::Archived } else { Known::Absent }, ..Found::default() };
    };
    // The original decides by its own commands whether compiler options are allowed.
    let is_compiled =
        original(flavour, id).map_or(!language.compile.is_empty(), |original| original.compile_cmd.is_some());
    let known = match id {
        MULTI_FILE => Known::MultiFile,
        _ => Known::Present { is_compiled },
    };
    Found { known, name: name(language), max: Some(language.limits_max) }
}

/// The installed language with this id.
pub(super) fn installed(registry: &Registry, flavour: Flavour, id: i64) -> Option<&Language> {
    registry.of_facade(flavour.facade(), &id.to_string()).filter(|language| language.installed_version().is_some())
}

/// The id of a submission that did not come through this facade: the first id of its language, if it has one.
pub(super) fn id_of(language: &Language) -> Option<i64> {
    language.facades.get(Flavour::Ce.facade())?.first()?.parse().ok()
}

/// The languages of a flavour that are installed, each with its first id.
pub(super) fn with_first_id(registry: &Registry, flavour: Flavour) -> Vec<(i64, &Language)> {
    let mut all: Vec<(i64, &Language)> = Vec::new();
    for (id, language) in registry.facade_names(flavour.facade()) {
        let is_new = all.iter().all(|(_, known)| known.id != language.id);
        if is_new && let Ok(id) = id.parse() {
            all.push((id, language));
        }
    }
    all
}

/// The name with the installed version: `Python (3.8.1)` of the original becomes `Python (3.11.2)`.
fn name(language: &Language) -> String {
    let installed = language.version_number().unwrap_or_default();
    let id = id_of(language);
    let original = id.and_then(|id| original(Flavour::Ce, id));
    match original.and_then(|original| original.name.strip_suffix(')')?.split_once(" (")) {
        Some((title, toolchain)) => match toolchain.rsplit_once(' ') {
            Some((toolchain, _)) => format!("{title} ({toolchain} {installed})"),
            None => format!("{title} ({installed})"),
        },
        None if original.is_some() => original.map(|original| original.name.clone()).unwrap_or_default(),
        None => format!("{} ({installed})", language.name),
    }
}

/// `{"id", "name"}` of the language that ran a submission.
pub(super) fn short(registry: &Registry, flavour: Flavour, id: i64) -> Value {
    let name = match installed(registry, flavour, id) {
        Some(language) => Some(name(language)),
        None => original(flavour, id).map(|original| original.name.clone()),
    };
    json!({ "id": id, "name": name })
}

/// `GET /languages`: the installed languages, by name.
pub(super) fn active(registry: &Registry, flavour: Flavour) -> Vec<Value> {
    let mut all: Vec<(String, i64)> = registry
        .facade_names(flavour.facade())
        .filter(|(_, language)| language.installed_version().is_some())
        .filter_map(|(id, language)| Some((name(language), id.parse().ok()?)))
        .collect();
    all.sort();
    all.into_iter().map(|(name, id)| json!({ "id": id, "name": name })).collect()
}

/// `GET /languages/all`: the installed and the archived languages, by name.
pub(super) fn all(registry: &Registry, flavour: Flavour) -> Vec<Value> {
    let mut all = active(registry, flavour);
    all.iter_mut().for_each(|language| language["is_archived"] = json!(false));
    let archived = ORIGINALS.iter().filter(|original| original.flavour == flavour && original.archived);
    all.extend(archived.map(|original| json!({ "id": original.id, "name": original.name, "is_archived": true })));
    all.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    all
}

/// `GET /languages/{id}`.
pub(super) fn one(registry: &Registry, flavour: Flavour, id: i64) -> Option<Value> {
    if let Some(language) = installed(registry, flavour, id) {
        let is_multi_file = id == MULTI_FILE;
        let compiler_args = compiler_base(language, flavour.facade()).to_vec();
        let tools = ToolOptions { compiler_args, ..ToolOptions::NONE };
        let values = Placeholders::new(&language.source, language.limits.memory).with_tools(&tools);
        let compile: Vec<String> = language.compile_commands(&values).iter().map(|argv| quoted(argv)).collect();
        let run = quoted(&language.execute_command(&values));
        return Some(json!({
            "id": id,
            "name": name(language),
            "is_archived": false,
            "source_file": (!is_multi_file).then(|| language.source.as_str()),
            "compile_cmd": (!is_multi_file && !compile.is_empty()).then(|| compile.join(" && ")),
            "run_cmd": (!is_multi_file).then_some(run),
        }));
    }
    let original = original(flavour, id).filter(|original| original.archived)?;
    let Original { name, source_file, compile_cmd, run_cmd, .. } = original;
    Some(json!({
        "id": id, "name": name, "is_archived": true, "source_file": source_file, "compile_cmd": compile_cmd, "run_cmd": run_cmd,
    }))
}

/// A command as it would be typed in a shell.
fn quoted(argv: &[String]) -> String {
    // No argument of a language file contains NUL.
    shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_original_is_complete() {
        let count =
            |flavour, archived| ORIGINALS.iter().filter(|o| o.flavour == flavour && o.archived == archived).count();
        let counts = [(Flavour::Ce, false), (Flavour::Ce, true), (Flavour::Extra, false), (Flavour::Extra, true)];
        assert_eq!(counts.map(|(flavour, archived)| count(flavour, archived)), [47, 42, 21, 4]);
    }

    /// The other active ids have a language of Cupel.
    #[test]
    fn only_these_active_ids_of_the_original_have_no_language() {
        let registry = Registry::load(None).unwrap();
        let without = |flavour: Flavour| {
            let active = ORIGINALS.iter().filter(|original| original.flavour == flavour && !original.archived);
            let is_mapped = |id: i64| registry.facade_names(flavour.facade()).any(|(known, _)| known == id.to_string());
            active.map(|original| original.id).filter(|id| !is_mapped(*id)).collect::<Vec<_>>()
        };
        // FreeBASIC, Python 2, Swift, Visual Basic and F#.
        assert_eq!(without(Flavour::Ce), [47, 70, 83, 84, 87]);
        // C3, MPI, Bosque, Google Test, Visual Basic and .NET.
        assert_eq!(without(Flavour::Extra), [3, 6, 7, 8, 11, 12, 15, 20, 21, 23, 24]);
    }

    #[test]
    fn every_mapped_id_is_active_in_the_original() {
        let registry = Registry::load(None).unwrap();
        for flavour in [Flavour::Ce, Flavour::Extra] {
            for (id, _) in registry.facade_names(flavour.facade()) {
                let id = id.parse().unwrap();
                assert!(original(flavour, id).is_some_and(|original| !original.archived), "{flavour:?} {id}");
            }
        }
    }
}
