//! Options of a language for the clients of another product, read from the language file.
//!
//! The facades (`cupel-facades`) use these options, so that their code names no language of Cupel.

use serde::Deserialize;

/// Options of a language for one facade: the table `[facade_options.NAME]`. The facades of Judge0 and Piston use only
/// `compiler_base`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FacadeOptions {
    /// Name of the source file if the request names none. `None`: the name depends on the source, or is the
    /// language's default.
    pub source: Option<String>,
    /// Text that is inserted before a source that does not contain it.
    pub source_prefix: String,
    /// Keyword of a declaration that the source must contain.
    pub declaration: Option<String>,
    /// Compiler options that always precede `compiler_args`, to override those of the language file.
    pub compiler_base: Vec<String>,
    /// Compiler options if the request has none.
    pub compiler_args: Vec<String>,
    /// Interpreter options if the request has none.
    pub interpreter_args: Vec<String>,
    /// Whether the compiler gets all sources instead of only the main source.
    pub all_sources: bool,
    /// Whether the compiler and the virtual machine find classes in the jars among a request's files.
    pub class_path: bool,
    /// Whether the linker options of a request are passed on.
    pub links: bool,
    /// Default memory limit, in the facade's megabytes. `None`: the facade's own default.
    pub memory_mb: Option<f64>,
    /// Whether the memory limit of a request is applied.
    pub limits_memory: bool,
    /// Whether the memory limit also limits the address space.
    pub limits_address_space: bool,
    /// Lower bound of the limit of processes and threads: a smaller limit in a request is raised to this number.
    pub processes_min: u32,
    /// Whether a program whose compiler printed warnings is run. The facade of Jobe takes all other output of a compiler
    /// for errors.
    pub allows_warnings: bool,
    /// Whether, on standard error, a tab after a newline is replaced with eight spaces.
    pub expands_tabs: bool,
    /// The check that the other product runs on a source before it starts the program. The native API checks only
    /// submissions to problems; see [`Language::check`](crate::Language::check).
    pub check: Option<SourceCheck>,
}

impl Default for FacadeOptions {
    fn default() -> FacadeOptions {
        FacadeOptions {
            source: None,
            source_prefix: String::new(),
            declaration: None,
            compiler_base: Vec::new(),
            compiler_args: Vec::new(),
            interpreter_args: Vec::new(),
            all_sources: false,
            class_path: false,
            links: false,
            memory_mb: None,
            limits_memory: true,
            limits_address_space: true,
            processes_min: 1,
            allows_warnings: false,
            expands_tabs: false,
            check: None,
        }
    }
}

/// A check of a source before the program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceCheck {
    /// `python3 -m py_compile`: reports syntax errors and warnings of the compiler.
    Python,
    /// `php -l`: reports syntax errors.
    Php,
}
