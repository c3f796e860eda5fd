//! The languages of the original: their ids, default file names, and the options of their tools.

use cupel_languages::{Language, Registry};

use super::JOBE;

/// A language of the original.
#[derive(Debug)]
pub(super) struct JobeLanguage {
    pub(super) id: &'static str,
    /// Name of the source file, if the request has none; empty: it depends on the source.
    pub(super) file: &'static str,
    /// Options of the compiler that undo those of Cupel's language file, so that the options of the original or of the
    /// request apply alone.
    pub(super) compiler_base: &'static [&'static str],
    /// Options of the compiler, if the request has none.
    pub(super) compiler_args: &'static [&'static str],
    /// Options of the interpreter, if the request has none. The original's others (`-BE` of Python, the sizes of Java)
    /// change nothing in a sandbox, and would prevent a warm start.
    pub(super) interpreter_args: &'static [&'static str],
    /// Default of `memorylimit`, in MB of 1,024,000 bytes; 0 is no limit.
    pub(super) memory_mb: f64,
    /// Whether `memorylimit` limits the address space. Node.js reserves far more than it uses, and cannot start under the
    /// original's default.
    pub(super) limits_address_space: bool,
    /// Minimum of `numprocs`.
    pub(super) processes_min: u32,
    /// How the original checks the source before it starts the program, where Cupel starts the program at once.
    pub(super) check: Check,
}

/// A check of the source before the program starts. Its text is the result of the compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// None, or a compiler that Cupel runs, too.
    None,
    /// `python3 -m py_compile`: syntax errors, and warnings of the compiler.
    Python,
    /// `php -l`: syntax errors.
    Php,
}

const NO_ARGS: &[&str] = &[];

/// All that can be installed here. The original also knows `matlab`, `octave` and `python2`.
static LANGUAGES: [JobeLanguage; 7] = [
    JobeLanguage {
        compiler_base: &["-O0", "-std=gnu17", "-UONLINE_JUDGE"],
        compiler_args: &["-Wall", "-Werror", "-std=c99", "-x", "c"],
        ..JobeLanguage::new("c", "prog.c")
    },
    JobeLanguage {
        compiler_base: &["-O0", "-std=gnu++17", "-UONLINE_JUDGE"],
        compiler_args: &["-Wall", "-Werror"],
        ..JobeLanguage::new("cpp", "prog.cpp")
    },
    JobeLanguage { memory_mb: 0.0, processes_min: 256, ..JobeLanguage::new("java", "") },
    JobeLanguage {
        interpreter_args: &["--use_strict"],
        limits_address_space: false,
        ..JobeLanguage::new("nodejs", "prog.js")
    },
    JobeLanguage { compiler_args: &["-vew", "-Se"], ..JobeLanguage::new("pascal", "prog.pas") },
    JobeLanguage { interpreter_args: &["--no-php-ini"], check: Check::Php, ..JobeLanguage::new("php", "prog.php") },
    JobeLanguage { memory_mb: 1000.0, check: Check::Python, ..JobeLanguage::new("python3", "prog.py") },
];

impl JobeLanguage {
    const fn new(id: &'static str, file: &'static str) -> JobeLanguage {
        JobeLanguage {
            id,
            file,
            compiler_base: NO_ARGS,
            compiler_args: NO_ARGS,
            interpreter_args: NO_ARGS,
            memory_mb: 400.0,
            limits_address_space: true,
            processes_min: 1,
            check: Check::None,
        }
    }
}

/// The language with this id (lower case), if it can be used here.
pub(super) fn find<'r>(registry: &'r Registry, id: &str) -> Option<(&'static JobeLanguage, &'r Language)> {
    let known = LANGUAGES.iter().find(|language| language.id == id)?;
    Some((known, registry.of_facade(JOBE, id).filter(|language| language.is_available())?))
}

/// Ids with versions, in the original's order.
pub(super) fn list(registry: &Registry) -> Vec<(&'static str, String)> {
    let installed = LANGUAGES.iter().filter_map(|known| find(registry, known.id));
    installed.map(|(known, language)| (known.id, language.version_number().unwrap_or("Unknown").to_owned())).collect()
}
