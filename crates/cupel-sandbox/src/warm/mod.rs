//! Warm starts: a lane with a process that holds an initialised interpreter, from which programs are forked instead of
//! executed.
//!
//! ```text
//!   zygote, with an interpreter ──fork──► child in a cell: all walls, then the program, in the interpreter
//!   never runs a program's code           as it was copied; or a cold exec, when in doubt
//! ```
//!
//! Invariants: a warm run is indistinguishable from a cold one in output, exit status, arguments, signals and limits
//! (`tests/it/warm.rs` runs its programs both ways, and lists what differs by nature); whatever is not known to be the
//! same is started cold, which every layer here can still decide until the program's first line.

pub(crate) mod python;

use std::ffi::CString;

use cupel_types::{Bytes, Limits};

use self::python::WarmPython;

/// An interpreter that can be kept warm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warm {
    /// CPython 3, by its shared library.
    Python,
}

impl Warm {
    /// Every one.
    pub(crate) const ALL: [Warm; 1] = [Warm::Python];

    /// The one with this name, for language files.
    pub fn from_name(name: &str) -> Option<Warm> {
        match name {
            "python" => Some(Warm::Python),
            _ => None,
        }
    }

    /// A program that prints, as text, what can be seen of an interpreter before it has done anything. A lane runs it cold
    /// and warm before it starts programs warm.
    pub(crate) fn rehearsal(self) -> &'static str {
        match self {
            Warm::Python => python::REHEARSAL,
        }
    }

    /// A program that does nothing.
    pub(crate) fn nothing(self) -> &'static str {
        match self {
            Warm::Python => "",
        }
    }
}

/// How the programs of a warm lane are started: those that are started otherwise are started cold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmTemplate {
    /// Which interpreter.
    pub kind: Warm,
    /// The interpreter's command and its file, as in [`Command::argv`](crate::Command::argv).
    pub argv: Vec<String>,
    /// The environment; variables that an interpreter reads when it starts must be the same in every run.
    pub env: Vec<(String, String)>,
}

impl WarmTemplate {
    /// Whether a forked interpreter can stand in for this command.
    pub(crate) fn stands_in_for(&self, argv: &[String], env: &[(String, String)], limits: &Limits) -> bool {
        match self.kind {
            Warm::Python => python::stands_in_for(self, argv, env, limits),
        }
    }
}

/// The stack limit under which a zygote is executed: by that the kernel decides how much address space it leaves below the stack, for
/// all copies. Problems give a program a stack as large as its memory.
pub(crate) const ZYGOTE_STACK: Bytes = Bytes::mib(16 << 10);

/// An interpreter in a zygote.
pub(crate) enum WarmParent {
    Python(Box<WarmPython>),
}

/// A program that only has to be begun.
pub(crate) enum ReadyProgram<'a> {
    Python(python::ReadyProgram<'a>),
}

impl WarmParent {
    /// Starts the interpreter in this process, which has one thread, stands in its final root, and never runs a program.
    /// `shown` is what the cold rehearsal printed. Tells the reason when it cannot be done.
    pub(crate) fn start(template: &WarmTemplate, shown: &str) -> Result<WarmParent, String> {
        match template.kind {
            Warm::Python => WarmPython::start(template, shown).map(|parent| WarmParent::Python(Box::new(parent))),
        }
    }

    /// In a child of that process, behind all walls: everything but the program's first line. With an error the program has
    /// to be executed; nothing of it has happened yet.
    pub(crate) fn make_ready(&self, argv: &[CString], env: &[CString]) -> Result<ReadyProgram<'_>, String> {
        match self {
            WarmParent::Python(parent) => parent.make_ready(argv, env).map(ReadyProgram::Python),
        }
    }
}

impl ReadyProgram<'_> {
    /// Runs it, and ends the process as its executable would.
    pub(crate) fn run(self) -> ! {
        match self {
            ReadyProgram::Python(program) => program.run(),
        }
    }
}

/// Where two texts begin to differ, for whoever has to find out why.
pub(crate) fn difference(expected: &str, found: &str) -> String {
    let at = expected.bytes().zip(found.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(40);
    let part = |text: &str| -> String {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        String::from_utf8_lossy(rest).chars().take(120).collect()
    };
    format!("{} instead of {}", part(found), part(expected))
}
