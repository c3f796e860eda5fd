//! How programs of another product's clients differ from those of the native API: data of a language file.
//!
//! The facades (`cupel-facades`) read them, so that no language is named in their code.

use serde::Deserialize;

/// Options of a language for one facade: the table `[facade_options.NAME]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FacadeOptions {
    /// Name of the source file, if the request has none. `None`: it depends on the source, or is the language's own.
    pub source: Option<String>,
    /// Text before a source that does not contain it.
    pub source_prefix: String,
    /// Keyword of a declaration that the source must have.
    pub declaration: Option<String>,
    /// Options of the compiler that undo those of the language file.
    pub compiler_base: Vec<String>,
    /// Options of the compiler, if the request has none.
    pub compiler_args: Vec<String>,
    /// Options of the interpreter, if the request has none.
    pub interpreter_args: Vec<String>,
    /// Whether the compiler gets every source, and not only the main one.
    pub all_sources: bool,
    /// Whether options of the linker have a meaning.
    pub links: bool,
    /// Default memory limit, in the facade's megabytes. `None`: the facade's own default.
    pub memory_mb: Option<f64>,
    /// Whether the memory limit of a request counts.
    pub limits_memory: bool,
    /// Whether the memory limit also limits the address space.
    pub limits_address_space: bool,
    /// Minimum number of processes and threads.
    pub processes_min: u32,
    /// Whether tabs at the beginning of lines on standard error are written as eight blanks.
    pub expands_tabs: bool,
    /// How the other product checks a source before it starts the program, where Cupel starts the program at once.
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
            links: false,
            memory_mb: None,
            limits_memory: true,
            limits_address_space: true,
            processes_min: 1,
            expands_tabs: false,
            check: None,
        }
    }
}

/// A check of a source before the program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceCheck {
    /// `python3 -m py_compile`: syntax errors, and warnings of the compiler.
    Python,
    /// `php -l`: syntax errors.
    Php,
}
