//! Warm starts: a lane keeps a process with an initialised interpreter, and forks it for each program instead of
//! executing the interpreter.
//!
//! ```text
//!   zygote, with an interpreter ──fork──► child in a cell: all walls, then the program, in the interpreter
//!   never runs a program's code           copy; or a cold exec, when in doubt
//! ```
//!
//! Invariants: a warm run is indistinguishable from a cold one in output, exit status, arguments, signals and limits
//! (`tests/it/warm.rs` runs its programs both ways, and lists the unavoidable differences). A program that is not known
//! to behave the same is started cold. Until the program's first line runs, every layer here can decide to start the
//! program cold.

pub(crate) mod python;

use std::ffi::CString;

use cupel_types::{Bytes, Limits};

use self::python::WarmPython;

/// An interpreter that can be kept warm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warm {
    /// CPython 3, loaded as a shared library.
    Python,
}

impl Warm {
    /// All interpreters.
    pub(crate) const ALL: [Warm; 1] = [Warm::Python];

    /// The interpreter with this name in language files.
    pub fn from_name(name: &str) -> Option<Warm> {
        match name {
            "python" => Some(Warm::Python),
            _ => None,
        }
    }

    /// A program that prints the observable initial state of its interpreter as text. Before a lane starts programs
    /// warm, it compares the outputs of a cold and a warm run of this program.
    pub(crate) fn rehearsal(self) -> &'static str {
        match self {
            Warm::Python => python::REHEARSAL,
        }
    }

    /// An empty program.
    pub(crate) fn nothing(self) -> &'static str {
        match self {
            Warm::Python => "",
        }
    }
}

/// Command line and environment of the programs of a warm lane. Programs with another form are started cold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmTemplate {
    /// The interpreter.
    pub kind: Warm,
    /// The interpreter's command and the source file, as in [`Command::argv`](crate::Command::argv).
    pub argv: Vec<String>,
    /// The environment. A run must have the same values for those variables that the interpreter reads at its start.
    pub env: Vec<(String, String)>,
}

impl WarmTemplate {
    /// Whether a forked interpreter can replace this command.
    pub(crate) fn can_replace(&self, argv: &[String], env: &[(String, String)], limits: &Limits) -> bool {
        match self.kind {
            Warm::Python => python::can_replace(self, argv, env, limits),
        }
    }
}

/// A cold start of an interpreter. It is the same in every lane, so one lane measures it, and the launcher keeps it for
/// the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColdStart {
    /// The output of the rehearsal ([`Warm::rehearsal`]).
    pub(crate) shown: String,
    /// Memory that an empty program uses.
    pub(crate) memory: Bytes,
    /// Instructions that the rehearsal executes; `None` if they are not counted.
    pub(crate) instructions: Option<u64>,
}

/// The stack limit under which a zygote is executed. The limit determines how much address space the kernel reserves
/// for the stack, in all copies. The limit is large, because a problem may give a program a stack as large as its
/// memory limit.
pub(crate) const ZYGOTE_STACK: Bytes = Bytes::mib(16 << 10);

/// An interpreter in a zygote.
pub(crate) enum WarmParent {
    Python(Box<WarmPython>),
}

/// A program that is ready to run.
pub(crate) enum ReadyProgram<'a> {
    Python(python::ReadyProgram<'a>),
}

impl WarmParent {
    /// Starts the interpreter in this process, which never runs a program. The process must have one thread and its
    /// final root. `shown` is the output of the cold rehearsal. The error is the reason for a failure.
    pub(crate) fn start(template: &WarmTemplate, shown: &str) -> Result<WarmParent, String> {
        match template.kind {
            Warm::Python => WarmPython::start(template, shown).map(|parent| WarmParent::Python(Box::new(parent))),
        }
    }

    /// Does everything up to the program's first line. Called in a child of the zygote, behind all walls. After an
    /// error, the program must be executed instead; none of its code has run yet.
    pub(crate) fn make_ready(&self, argv: &[CString], env: &[CString]) -> Result<ReadyProgram<'_>, String> {
        match self {
            WarmParent::Python(parent) => parent.make_ready(argv, env).map(ReadyProgram::Python),
        }
    }
}

impl ReadyProgram<'_> {
    /// Runs the program, and ends the process as the interpreter's executable would.
    pub(crate) fn run(self) -> ! {
        match self {
            ReadyProgram::Python(program) => program.run(),
        }
    }
}

/// Excerpts of two texts around their first difference, for diagnosis.
pub(crate) fn difference(expected: &str, found: &str) -> String {
    let at = expected.bytes().zip(found.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(40);
    let part = |text: &str| -> String {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        String::from_utf8_lossy(rest).chars().take(120).collect()
    };
    format!("{} instead of {}", part(found), part(expected))
}
