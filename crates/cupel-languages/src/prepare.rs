//! What a toolchain makes once, so that each compilation or run starts faster: precompiled headers, class-data
//! archives, a compiled helper.
//!
//! Here is only what a language file says about it, and where it lies once somebody has made it; making, keeping
//! and showing it is the binary's. A command names it by `{prepared:NAME}`; an argument with a name of something
//! that is not there is left out, so a language works without it, only more slowly.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits, LimitsRequest};
use serde::Deserialize;

use crate::Template;
use crate::file::{Faults, LimitsDto, check_mount};
use crate::language::glob_path;

/// One artefact that is made once per toolchain.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// Unique within the language: lower-case letters, digits and `-`.
    pub name: String,
    /// What lies in the box at the start.
    pub files: BoxFiles,
    /// Run one after another, each in a fresh cell with the files that the one before left. May name what was
    /// prepared before.
    pub commands: Vec<Template>,
    /// Which files of the box are kept; patterns as in [`Language::artifacts`](crate::Language::artifacts).
    pub outputs: Vec<String>,
    /// Files and directories of the host that determine it, beside the programs and absolute paths in `commands`.
    pub inputs: Vec<String>,
    /// Limits of all commands together.
    pub limits: Limits,
    /// Where it is.
    pub place: Place,
}

impl Prepare {
    /// Whether this file is kept.
    pub fn is_output(&self, path: &BoxPath) -> bool {
        self.outputs.iter().any(|pattern| glob_path(pattern, path))
    }
}

/// Where programs find a prepared artefact, once it is there. Clones share it: what is set in one is set in all.
#[derive(Clone, Default)]
pub struct Place(Arc<RwLock<Option<Arc<str>>>>);

impl Place {
    /// The directory, as programs in a cell see it.
    pub fn get(&self) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on commands use it; `None`: no longer.
    pub fn set(&self, directory: Option<&str>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = directory.map(Arc::from);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.get()).finish()
    }
}

impl PartialEq for Place {
    /// The same place, not only the same path.
    fn eq(&self, other: &Place) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Place {}

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

/// Limits of preparing where a file does not say: generous, since nobody waits and no tenant has a say in it.
fn prepare_limits_default() -> Limits {
    Limits {
        cpu_time: Duration::from_secs(300),
        wall_time: Duration::from_secs(900),
        idle_time: Duration::from_secs(120),
        instructions: None,
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

/// All steps of a file, in order: a later one may name an earlier one.
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
        faults.add(format!("{key}.name"), format!("`{}` comes twice", dto.name));
    }
    if dto.commands.is_empty() {
        faults.add(format!("{key}.commands"), "expected at least one command");
    }
    if dto.outputs.is_empty() {
        faults.add(format!("{key}.outputs"), "expected what is kept, such as `*.gch`");
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
        place: Place::default(),
    })
}

#[cfg(test)]
mod tests {
    use cupel_types::{BoxPath, Bytes};

    use crate::Placeholders;

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
    fn an_argument_is_left_out_until_what_it_names_is_there() {
        let zig = crate::file::parse("zig.toml", "zig.toml", FILE).unwrap();
        let values = Placeholders::new(&zig.source, Bytes::mib(64));
        let copy = zig.clone();
        assert_eq!(zig.compile_commands(&values), [["zig", "main.zig"]]);
        assert_eq!(zig.prepare[1].commands[0].fill(&values), ["zig", "run"]);
        zig.prepare[0].place.set(Some("/opt/p/std"));
        assert_eq!(copy.compile_commands(&values), [["zig", "-I/opt/p/std/include", "main.zig"]], "clones share it");
        assert_eq!(zig.prepare[1].commands[0].fill(&values), ["zig", "-I/opt/p/std", "run"]);
        assert_eq!(zig.execute_command(&values), ["./main"]);
        zig.prepare[0].place.set(None);
        assert_eq!(copy.compile_commands(&values), [["zig", "main.zig"]]);
    }

    #[test]
    fn a_step_says_what_it_keeps_and_may_use() {
        let zig = crate::file::parse("zig.toml", "zig.toml", FILE).unwrap();
        let path = |text| BoxPath::new(text).unwrap();
        assert!(zig.prepare[0].is_output(&path("include/a.h")) && !zig.prepare[0].is_output(&path("a.zig")));
        assert_eq!(zig.prepare[0].limits.memory, Bytes::mib(2048));
        assert_eq!(zig.prepare[1].limits.memory, Bytes::mib(3000));
    }

    /// The file with one text replaced by another is refused with this key and words of this detail.
    fn check(from: &str, to: &str, key: &str, detail: &str) {
        assert!(FILE.contains(from), "{from}");
        let faults = crate::file::parse("zig.toml", "zig.toml", &FILE.replacen(from, to, 1)).unwrap_err();
        let fault = faults.iter().find(|f| f.key == key).unwrap_or_else(|| panic!("no fault at {key}: {faults:?}"));
        assert!(fault.detail.contains(detail), "{fault}");
    }

    #[test]
    fn faults_of_a_step_are_told_with_their_keys() {
        check("{prepared:std}/include", "{prepared:sdt}/include", "compile[0]", "nothing is prepared as `sdt`");
        check("-I{prepared:std}\"", "-I{prepared:run}\"", "prepare[1].commands[0]", "nothing is prepared as `run`");
        check(r#"name = "run""#, r#"name = "std""#, "prepare[1].name", "comes twice");
        check(r#"name = "std""#, r#"name = "../std""#, "prepare[0].name", "lower-case");
        check(r#"outputs = ["x"]"#, "outputs = []", "prepare[1].outputs", "what is kept");
        check(r#"outputs = ["x"]"#, r#"outputs = ["../x"]"#, "prepare[1].outputs[0]", "..");
        check(r#""a.zig" = "x""#, r#""/a.zig" = "x""#, "prepare[0].files./a.zig", "relative");
        check(r#"["/usr/include"]"#, r#"["/home/x"]"#, "prepare[1].inputs[0]", "never shown");
        check("memory_mb = 3000", "memory_mb = 0", "prepare[1].limits.memory_mb", "whole number");
    }
}
