//! The languages of SandboxFusion's enumeration, including those that Cupel does not have.
//!
//! The files `languages/*.toml` map the languages of the enumeration to Cupel's languages.

/// A member of the enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: &'static str,
    /// Program that compiles the code in the original or, if `is_compiled` is false, runs it.
    pub(super) program: &'static str,
    /// Whether the original has a compile step, and therefore a `compile_result`.
    pub(super) is_compiled: bool,
}

const fn compiled(name: &'static str, program: &'static str) -> Named {
    Named { name, program, is_compiled: true }
}

const fn interpreted(name: &'static str, program: &'static str) -> Named {
    Named { name, program, is_compiled: false }
}

/// The enumeration, in the order in which the original's message lists it.
pub(super) const ALL: [Named; 29] = [
    interpreted("python", "python"),
    compiled("cpp", "g++"),
    interpreted("nodejs", "node"),
    compiled("go", "go"),
    interpreted("go_test", "go"),
    compiled("java", "javac"),
    interpreted("php", "php"),
    interpreted("csharp", "dotnet"),
    interpreted("bash", "/bin/bash"),
    interpreted("typescript", "tsx"),
    interpreted("sql", "sql"),
    compiled("rust", "rustc"),
    compiled("cuda", "cmake"),
    interpreted("lua", "lua"),
    interpreted("R", "Rscript"),
    interpreted("perl", "perl"),
    compiled("D_ut", "dmd"),
    interpreted("ruby", "ruby"),
    compiled("scala", "scalac"),
    interpreted("julia", "julia"),
    interpreted("pytest", "pytest"),
    compiled("junit", "javac"),
    interpreted("kotlin_script", "kotlin"),
    interpreted("jest", "npm"),
    compiled("verilog", "iverilog"),
    compiled("python_gpu", "python"),
    interpreted("lean", "lake"),
    compiled("swift", "swiftc"),
    interpreted("racket", "racket"),
];

/// The language with this name; names are case-sensitive.
pub(super) fn find(name: &str) -> Option<Named> {
    ALL.iter().find(|language| language.name == name).copied()
}

/// The names in pydantic's form of a list of permitted values: `'a', 'b' or 'c'`.
pub(super) fn expected() -> String {
    let names = ALL.map(|language| format!("'{}'", language.name));
    let (last, others) = names.split_last().map_or(("", &[][..]), |(last, others)| (&**last, others));
    format!("{} or {last}", others.join(", "))
}
