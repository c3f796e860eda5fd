//! A compiler that stays: what a language file's `[service]` says of it.
//!
//! Starting a compiler takes longer than most compilations. A language may name a program that is started once and then
//! does what its only compile command does, request after request. Running it, and doubting it, is the binary's; here is
//! also what goes over its standard input and output. All numbers are big-endian, all texts and contents follow their
//! length (u32):
//!
//! ```text
//!   question: count of arguments (u32), arguments; count of files (u32), path and contents of each
//!   answer:   0 = compiled, 1 = declined (u8); exit code (u32); CPU time in ns (u64); what the compiler printed;
//!             count of files (u32), path and contents of each that is new or changed
//! ```

use std::sync::Arc;
use std::time::Duration;

use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes};
use serde::Deserialize;

use crate::file::Faults;
use crate::{Placeholders, Prepare, Template};

/// The programs of the repository that can be named: file name and text. Made by `build.rs`.
const PROGRAMS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/warm.rs"));

/// A compiler that stays.
#[derive(Clone, Debug)]
pub struct CompileService {
    /// Its program, which lies in the box when it starts.
    pub program: BoxFile,
    command: Template,
    /// Memory of all its processes together.
    pub memory: Bytes,
    /// Processes and threads it may have.
    pub processes: u32,
    /// After how many requests it is started anew.
    pub requests_max: u32,
    /// How many compilations of the language's samples make it fast.
    pub warm_up: u32,
}

impl CompileService {
    /// The command that starts it.
    pub fn command(&self) -> Vec<String> {
        self.command.fill(&Placeholders::new(&self.program.path, self.memory))
    }

    /// What lies in its box at the start.
    pub fn files(&self) -> BoxFiles {
        BoxFiles::new(vec![self.program.clone()])
    }
}

/// A question to a compiler that stays: the compile command, and what lies in its box.
pub fn question(argv: &[String], files: &BoxFiles) -> Vec<u8> {
    fn number(to: &mut Vec<u8>, n: usize) {
        to.extend_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes());
    }
    fn block(to: &mut Vec<u8>, bytes: &[u8]) {
        number(to, bytes.len());
        to.extend_from_slice(bytes);
    }
    let total = usize::try_from(files.total_bytes()).unwrap_or_default();
    let mut to = Vec::with_capacity(total + 4096);
    number(&mut to, argv.len());
    argv.iter().for_each(|argument| block(&mut to, argument.as_bytes()));
    number(&mut to, files.len());
    for file in files {
        block(&mut to, file.path.as_str().as_bytes());
        block(&mut to, &file.data);
    }
    to
}

/// What a compiler that stays has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It compiled, or refused to.
    Compiled {
        /// What the command would have exited with.
        exit_code: i32,
        /// What it would have printed.
        output: Arc<[u8]>,
        /// What lies in the box afterwards, sorted by path.
        files: BoxFiles,
        /// CPU time, as it says itself.
        cpu_time: Duration,
    },
    /// The command has to be asked.
    Declined,
}

/// An answer that does not read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed answer of a compiler that stays")]
pub struct MalformedAnswer;

impl Answer {
    /// Reads an answer. `asked` is what lay in the box.
    ///
    /// # Errors
    /// When it ends too early or too late, names what is no path of a box, or names a path twice.
    pub fn read(mut bytes: &[u8], asked: &BoxFiles) -> Result<Answer, MalformedAnswer> {
        let from = &mut bytes;
        let [kind] = take(from)?;
        let exit_code = i32::try_from(number(from)?).map_err(|_| MalformedAnswer)?;
        let cpu_time = Duration::from_nanos(u64::from_be_bytes(take(from)?));
        let output = block(from)?;
        let mut files: Vec<BoxFile> = Vec::new();
        for _ in 0..number(from)? {
            let name = std::str::from_utf8(block(from)?).map_err(|_| MalformedAnswer)?;
            let path = BoxPath::new(name).map_err(|_| MalformedAnswer)?;
            let executable = asked.iter().any(|file| file.path == path && file.executable);
            files.push(BoxFile { path, data: block(from)?.into(), executable });
        }
        if !from.is_empty() {
            return Err(MalformedAnswer);
        }
        let made = files.len();
        files.extend(
            asked.iter().filter(|file| files.iter().all(|new| new.path != file.path)).cloned().collect::<Vec<_>>(),
        );
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if files.windows(2).any(|pair| pair[0].path == pair[1].path) {
            return Err(MalformedAnswer);
        }
        match (kind, exit_code) {
            (0, 0..=255) => {
                Ok(Answer::Compiled { exit_code, output: output.into(), files: BoxFiles::new(files), cpu_time })
            }
            (1, _) if made == 0 => Ok(Answer::Declined),
            _ => Err(MalformedAnswer),
        }
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N], MalformedAnswer> {
    let (head, rest) = from.split_first_chunk::<N>().ok_or(MalformedAnswer)?;
    *from = rest;
    Ok(*head)
}

fn number(from: &mut &[u8]) -> Result<u32, MalformedAnswer> {
    take(from).map(u32::from_be_bytes)
}

fn block<'b>(from: &mut &'b [u8]) -> Result<&'b [u8], MalformedAnswer> {
    let length = number(from)? as usize;
    let (head, rest) = from.split_at_checked(length).ok_or(MalformedAnswer)?;
    *from = rest;
    Ok(head)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceDto {
    program: String,
    command: Vec<String>,
    memory_mb: u64,
    #[serde(default = "processes_default")]
    processes: u32,
    requests: u32,
    warm_up: u32,
}

fn processes_default() -> u32 {
    128
}

pub(crate) fn convert(dto: ServiceDto, prepare: &[Prepare], faults: &mut Faults<'_>) -> Option<CompileService> {
    for (key, value, ceiling) in [
        ("memory_mb", dto.memory_mb, 1 << 20),
        ("processes", dto.processes.into(), 65_536),
        ("requests", dto.requests.into(), 1_000_000),
        ("warm_up", dto.warm_up.into(), 10_000),
    ] {
        if value == 0 || value > ceiling {
            faults.add(format!("service.{key}"), format!("expected a whole number from 1 to {ceiling}"));
        }
    }
    let command = faults.check("service.command", Template::parse_with(&dto.command, prepare));
    let program = PROGRAMS.iter().find(|(name, _)| *name == dto.program).ok_or_else(|| {
        let names: Vec<_> = PROGRAMS.iter().map(|(name, _)| *name).collect();
        format!("expected one of {}, not {:?}", names.join(", "), dto.program)
    });
    let (name, text) = faults.check("service.program", program)?;
    let path = faults.check("service.program", BoxPath::new(name).map_err(|e| e.to_string()))?;
    Some(CompileService {
        program: BoxFile { path, data: text.as_bytes().into(), executable: false },
        command: command?,
        memory: Bytes::mib(dto.memory_mb),
        processes: dto.processes,
        requests_max: dto.requests,
        warm_up: dto.warm_up,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, data: &[u8]) -> BoxFile {
        BoxFile { path: BoxPath::new(path).unwrap(), data: data.into(), executable: path == "run" }
    }

    /// An answer with these files, exit code 0 and nothing printed.
    fn answer(files: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = vec![0; 1 + 4 + 8 + 4];
        bytes.extend((files.len() as u32).to_be_bytes());
        for text in files.iter().flat_map(|(path, data)| [path, data]) {
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    #[test]
    fn an_answer_adds_to_what_was_asked() {
        let asked = BoxFiles::new(vec![file("run", b"old"), file("b.x", b"source")]);
        let read = Answer::read(&answer(&[("run", "new"), ("a/c", "made")]), &asked).unwrap();
        let Answer::Compiled { exit_code: 0, files, .. } = read else { panic!("{read:?}") };
        assert_eq!(files, BoxFiles::new(vec![file("a/c", b"made"), file("b.x", b"source"), file("run", b"new")]));
    }

    #[test]
    fn an_odd_answer_is_none() {
        let none = BoxFiles::default();
        let good = answer(&[("a", "1")]);
        assert!(Answer::read(&good, &none).is_ok());
        for cut in 0..good.len() {
            assert_eq!(Answer::read(&good[..cut], &none), Err(MalformedAnswer), "{cut}");
        }
        let with = |change: fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            Answer::read(&bytes, &none)
        };
        for (why, change) in [
            ("a byte too much", (|b| b.push(0)) as fn(&mut Vec<u8>)),
            ("declined, with files", |b| b[0] = 1),
            ("no kind there is", |b| b[0] = 2),
            ("no exit code", |b| b[1..5].fill(0xff)),
            ("a path that leads outside", |b| *b = answer(&[("../a", "1")])),
            ("a path that comes twice", |b| *b = answer(&[("a", "1"), ("a", "2")])),
            ("more files than there are", |b| b[17..21].fill(0xff)),
        ] {
            assert_eq!(with(change), Err(MalformedAnswer), "{why}");
        }
        let mut declined = answer(&[]);
        declined[0] = 1;
        assert_eq!(Answer::read(&declined, &none), Ok(Answer::Declined));
    }
}
