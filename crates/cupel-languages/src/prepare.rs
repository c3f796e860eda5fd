//! Artefacts that a toolchain prepares once so that each compilation or run starts faster: precompiled headers,
//! class-data archives, a compiled helper.
//!
//! This module holds only the specification from the language file and the directory of a prepared artefact.
//! `cupel-judge` creates the artefacts; `cupel-runner` stores and mounts them. A command refers to an artefact by
//! `{prepared:NAME}`. While the artefact does not exist, arguments that refer to it are omitted, so the language
//! works without it, but more slowly.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits, LimitsRequest};
use serde::Deserialize;

use crate::faults::Faults;
use crate::{Language, Template};

use crate::limits::LimitsDto;
use crate::mount::check_mount;

/// An artefact that is prepared once per toolchain.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// Unique within the language: lower-case letters, digits and `-`.
    pub name: String,
    /// Files in the box at the start.
    pub files: BoxFiles,
    /// Commands, run one after another, each in a new cell with the files left by the previous one. They may
    /// refer to artefacts prepared earlier.
    pub commands: Vec<Template>,
    /// Patterns of the files to keep, as in [`Language::artifacts`](crate::Language::artifacts).
    pub outputs: Vec<String>,
    /// Host files and directories that the artefact depends on, in addition to the programs and absolute paths in
    /// `commands`.
    pub inputs: Vec<String>,
    /// Limits of each command.
    pub limits: Limits,
    /// Directory of the artefact, once it exists.
    pub place: PreparedDir,
}

impl Prepare {
    /// Whether this file is kept.
    pub fn is_output(&self, path: &BoxPath) -> bool {
        self.outputs.iter().any(|pattern| cupel_glob::matches(pattern, path.as_str()))
    }

    /// Whether the artefacts of both have the same contents, with the same toolchain and environment.
    fn makes_the_same_as(&self, other: &Prepare) -> bool {
        // All fields are listed, so that a new field causes a compile error here until it is compared.
        let Prepare { name, files, commands, outputs, inputs, limits, place: _ } = self;
        (name, files, commands, outputs, inputs, limits)
            == (&other.name, &other.files, &other.commands, &other.outputs, &other.inputs, &other.limits)
    }
}

impl Language {
    /// Takes over the directories of the artefacts that `before`, an earlier version of this language, has as well.
    /// The artefacts that exist stay in use, and those that are made later are used by both. An artefact that differs,
    /// or that depends on one that differs, is a new one.
    pub(crate) fn take_over_prepared(&mut self, before: &Language) {
        if self.env != before.env || self.source != before.source {
            return;
        }
        let mut pairs: Vec<(PreparedDir, PreparedDir)> = Vec::new();
        for step in &mut self.prepare {
            step.commands.iter_mut().for_each(|command| command.replace_places(&pairs));
            if let Some(known) = before.prepare.iter().find(|known| known.makes_the_same_as(step)) {
                pairs.push((std::mem::replace(&mut step.place, known.place.clone()), known.place.clone()));
            }
        }
        let commands = self.compile.iter_mut().chain([&mut self.execute]).chain(&mut self.check);
        commands.for_each(|command| command.replace_places(&pairs));
        if let Some(service) = &mut self.service {
            service.replace_places(&pairs);
        }
    }
}

/// Directory of a prepared artefact, once it exists. Clones share the value.
#[derive(Clone, Default)]
pub struct PreparedDir(Arc<RwLock<Option<Arc<str>>>>);

impl PreparedDir {
    /// The directory, at the path that programs in a cell see.
    pub fn get(&self) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the directory for later commands; with `None`, they stop using the artefact.
    pub fn set(&self, directory: Option<&str>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = directory.map(Arc::from);
    }
}

impl fmt::Debug for PreparedDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.get()).finish()
    }
}

impl PartialEq for PreparedDir {
    /// Two values are equal only if one is a clone of the other; equal paths are not enough.
    fn eq(&self, other: &PreparedDir) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PreparedDir {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrepareDto {
    name: String,
    commands: Vec<Vec<String>>,
    outputs: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    limits: LimitsDto,
}

/// Default limits of a preparation. They are generous, because no run waits for a preparation, and tenants do not
/// influence it.
fn prepare_limits_default() -> Limits {
    Limits {
        cpu_time: Duration::from_secs(300),
        wall_time: Duration::from_secs(900),
        idle_time: Duration::from_secs(120),
        instructions: None,
        address_space: None,
        memory: Bytes::mib(2048),
        processes: 256,
        open_files: 1024,
        file_size: Bytes::mib(512),
        disk: Bytes::mib(1024),
        inodes: 8192,
        output: Bytes::kib(64),
        stack: Bytes::mib(64),
    }
}

/// Converts all entries of a file, in order: an entry may refer to earlier ones.
pub(crate) fn convert(steps: Vec<PrepareDto>, faults: &mut Faults<'_>) -> Vec<Prepare> {
    let mut done: Vec<Prepare> = Vec::new();
    for (i, dto) in steps.into_iter().enumerate() {
        if let Some(step) = convert_one(&format!("prepare[{i}]"), dto, &done, faults) {
            done.push(step);
        }
    }
    done
}

fn convert_one(key: &str, dto: PrepareDto, before: &[Prepare], faults: &mut Faults<'_>) -> Option<Prepare> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if dto.name.is_empty() || dto.name.len() > 32 || !dto.name.chars().all(plain) {
        faults.add(format!("{key}.name"), "expected 1 to 32 lower-case letters, digits and `-`");
    }
    if before.iter().any(|other| other.name == dto.name) {
        faults.add(format!("{key}.name"), format!("`{}` is used twice", dto.name));
    }
    if dto.commands.is_empty() {
        faults.add(format!("{key}.commands"), "expected at least one command");
    }
    if dto.outputs.is_empty() {
        faults.add(format!("{key}.outputs"), "expected patterns of the files to keep, such as `*.gch`");
    }
    for (i, pattern) in dto.outputs.iter().enumerate() {
        faults.check(&format!("{key}.outputs[{i}]"), BoxPath::new(pattern).map_err(|e| e.to_string()));
    }
    for (i, input) in dto.inputs.iter().enumerate() {
        faults.check(&format!("{key}.inputs[{i}]"), check_mount(input));
    }
    let commands = (dto.commands.iter().enumerate())
        .filter_map(|(i, command)| faults.check(&format!("{key}.commands[{i}]"), Template::parse_with(command, before)))
        .collect();
    let mut files = Vec::new();
    for (name, text) in dto.files {
        let path = faults.check(&format!("{key}.files.{name}"), BoxPath::new(&name).map_err(|e| e.to_string()));
        files.extend(path.map(|path| BoxFile { path, data: text.into_bytes().into(), executable: false }));
    }
    dto.limits.check(&format!("{key}.limits"), faults);
    Some(Prepare {
        name: dto.name,
        files: BoxFiles::new(files),
        commands,
        outputs: dto.outputs,
        inputs: dto.inputs,
        limits: LimitsRequest::from(dto.limits).over(prepare_limits_default()),
        place: PreparedDir::default(),
    })
}

#[cfg(test)]
mod tests {
    use cupel_types::{BoxPath, Bytes};

    use crate::{Placeholders, Probe, Registry};

    const FILE: &str = r#"
        name = "Zig"
        extensions = ["zig"]
        source = "main.zig"
        compile = [["zig", "-I{prepared:std}/include", "{source}"]]
        execute = ["./main", "{prepared:run}/x"]
        version = { command = ["zig", "version"] }
        samples = []
        [packages]
        [[prepare]]
        name = "std"
        commands = [["zig", "std"]]
        outputs = ["include/*.h"]
        files = { "a.zig" = "x" }
        [[prepare]]
        name = "run"
        commands = [["zig", "-I{prepared:std}", "run"]]
        outputs = ["x"]
        inputs = ["/usr/include"]
        limits = { memory_mb = 3000 }
    "#;

    #[test]
    fn an_argument_is_omitted_until_its_artefact_exists() {
        let zig = crate::file::parse("zig.toml", "zig.toml", FILE).unwrap();
        let values = Placeholders::new(&zig.source, Bytes::mib(64));
        let copy = zig.clone();
        assert_eq!(zig.compile_commands(&values), [["zig", "main.zig"]]);
        assert_eq!(zig.prepare[1].commands[0].fill(&values), ["zig", "run"]);
        zig.prepare[0].place.set(Some("/opt/p/std"));
        assert_eq!(
            copy.compile_commands(&values),
            [["zig", "-I/opt/p/std/include", "main.zig"]],
            "clones share the directory"
        );
        assert_eq!(zig.prepare[1].commands[0].fill(&values), ["zig", "-I/opt/p/std", "run"]);
        assert_eq!(zig.execute_command(&values), ["./main"]);
        zig.prepare[0].place.set(None);
        assert_eq!(copy.compile_commands(&values), [["zig", "main.zig"]]);
    }

    /// Regression: after a reload of the languages, commands did not use the artefacts until the next start.
    #[test]
    fn a_reload_keeps_the_artefacts_whose_specification_is_unchanged() {
        struct Host;
        impl Probe for Host {
            fn version(&self, _: &[String]) -> Result<String, String> {
                Ok("0.13.0".to_owned())
            }
        }
        struct Reload;
        impl Probe for Reload {
            fn version(&self, _: &[String]) -> Result<String, String> {
                Err("restart".to_owned())
            }
        }
        let load = |text: &str| Registry::new(vec![crate::file::parse("zig.toml", "zig.toml", text).unwrap()]).unwrap();
        let mut before = load(FILE);
        before.probe(&Host);
        let known = before.find("zig").unwrap();
        known.prepare[0].place.set(Some("/opt/p/std"));
        for (from, to, compile, execute) in [
            ("", "", &["zig", "-I/opt/p/std/include", "main.zig"][..], &["./main", "/opt/p/run/x"][..]),
            (
                "samples = []",
                "limits = { memory_mb = 32 }\nsamples = []",
                &["zig", "-I/opt/p/std/include", "main.zig"],
                &["./main", "/opt/p/run/x"],
            ),
            // The second artefact depends on the first.
            (r#"["zig", "std"]"#, r#"["zig", "std2"]"#, &["zig", "main.zig"], &["./main"]),
            (r#"inputs = ["/usr/include"]"#, "", &["zig", "-I/opt/p/std/include", "main.zig"], &["./main"]),
            ("samples = []", "env = { A = 'b' }\nsamples = []", &["zig", "main.zig"], &["./main"]),
        ] {
            let mut after = load(&FILE.replacen(from, to, 1));
            after.probe_beside(&before, &Reload);
            // The task that makes artefacts has the languages of the start.
            known.prepare[1].place.set(Some("/opt/p/run"));
            let zig = after.find("zig").unwrap();
            assert!(zig.is_available());
            let values = Placeholders::new(&zig.source, Bytes::mib(64));
            assert_eq!(zig.compile_commands(&values), [compile], "{to}");
            assert_eq!(zig.execute_command(&values), execute, "{to}");
            known.prepare[1].place.set(None);
        }
    }

    #[test]
    fn outputs_and_limits_are_read_from_the_file() {
        let zig = crate::file::parse("zig.toml", "zig.toml", FILE).unwrap();
        let path = |text| BoxPath::new(text).unwrap();
        assert!(zig.prepare[0].is_output(&path("include/a.h")) && !zig.prepare[0].is_output(&path("a.zig")));
        assert_eq!(zig.prepare[0].limits.memory, Bytes::mib(2048));
        assert_eq!(zig.prepare[1].limits.memory, Bytes::mib(3000));
    }

    /// Asserts that the file with `from` replaced by `to` is rejected with a fault at `key` whose detail contains
    /// `detail`.
    fn check(from: &str, to: &str, key: &str, detail: &str) {
        assert!(FILE.contains(from), "{from}");
        let faults = crate::file::parse("zig.toml", "zig.toml", &FILE.replacen(from, to, 1)).unwrap_err();
        let fault = faults.iter().find(|f| f.key == key).unwrap_or_else(|| panic!("no fault at {key}: {faults:?}"));
        assert!(fault.detail.contains(detail), "{fault}");
    }

    #[test]
    fn faults_of_a_prepare_entry_name_their_keys() {
        check("{prepared:std}/include", "{prepared:sdt}/include", "compile[0]", "no `prepare` entry named `sdt`");
        check("-I{prepared:std}\"", "-I{prepared:run}\"", "prepare[1].commands[0]", "no `prepare` entry named `run`");
        check(r#"name = "run""#, r#"name = "std""#, "prepare[1].name", "is used twice");
        check(r#"name = "std""#, r#"name = "../std""#, "prepare[0].name", "lower-case");
        check(r#"outputs = ["x"]"#, "outputs = []", "prepare[1].outputs", "files to keep");
        check(r#"outputs = ["x"]"#, r#"outputs = ["../x"]"#, "prepare[1].outputs[0]", "..");
        check(r#""a.zig" = "x""#, r#""/a.zig" = "x""#, "prepare[0].files./a.zig", "relative");
        check(r#"["/usr/include"]"#, r#"["/home/x"]"#, "prepare[1].inputs[0]", "never visible");
        check("memory_mb = 3000", "memory_mb = 0", "prepare[1].limits.memory_mb", "whole number");
    }
}
