//! The forms of a signature in each language: types, starter code, and the sources of a driver.

mod c;
mod c_library;
mod cpp;
mod go;
mod java;
mod javascript;
mod python;
mod rust;

use std::collections::BTreeSet;

use cupel_types::{BoxFile, BoxFiles, BoxPath};

use super::case::{Expected, FunctionCase};
use cupel_problem::{Interface, MethodSignature, Parameter, Signature, Type};

/// All drivers, by the name used in language files.
const DRIVER_LANGUAGES: &[(&str, &dyn DriverLanguage)] = &[
    ("c", &c::C),
    ("cpp", &cpp::Cpp),
    ("go", &go::Go),
    ("java", &java::Java),
    ("javascript", &javascript::JavaScript),
    ("python", &python::Python),
    ("rust", &rust::Rust),
    ("typescript", &javascript::TypeScript),
];

/// Maximum number of calls of a sequence that starter code shows.
const CALLS_SHOWN: usize = 6;

/// The driver of a language for function problems.
#[derive(Clone, Copy)]
pub struct Driver(&'static dyn DriverLanguage);

/// A driver and the submission that it calls.
#[derive(Clone, Debug)]
pub struct DriverSources {
    /// All files of the box.
    pub files: BoxFiles,
    /// The sources that the commands name. The first is the driver's main source.
    pub units: BoxFiles,
}

/// The sources that a compile command names.
enum Named {
    /// Only the driver's first source, which includes or imports the others.
    Driver,
    /// The driver's first source, which includes the submission's main source, and the other sources of the submission
    /// with one of these extensions.
    DriverAndOthers(&'static [&'static str]),
    /// All sources.
    All,
}

/// The language-specific part of a driver.
trait DriverLanguage: Sync {
    /// The driver's files. The first is the entry point. `submission` contains the submission's files, its main source
    /// first.
    fn driver(&self, signature: &Signature, submission: &[BoxFile]) -> Vec<(&'static str, String)>;

    /// File name of the submission's main source beside the driver. `None` keeps the name.
    fn solution(&self) -> Option<&'static str>;

    /// The sources that the compile command names.
    fn named(&self) -> Named {
        Named::Driver
    }

    /// Replacement for the text of a submission's source beside the driver. `None` keeps the text.
    fn beside_driver(&self, source: &str) -> Option<String> {
        let _ = source;
        None
    }

    /// The type in this language.
    fn kind(&self, kind: &Type) -> String;

    /// The name of a node type that the signature uses.
    fn node(&self, kind: &Type) -> String {
        if matches!(kind, Type::ListNode(_)) { "ListNode" } else { "TreeNode" }.to_owned()
    }

    /// The head of the function or method that the submission must define.
    fn head(&self, method: &MethodSignature, mutates: Option<usize>) -> String;

    /// Starter code. `doc` contains the lines of its comment.
    fn template(&self, signature: &Signature, doc: &[String]) -> String;
}

impl Driver {
    /// The driver with this name.
    pub fn named(name: &str) -> Option<Driver> {
        DRIVER_LANGUAGES.iter().find(|(known, _)| *known == name).map(|(_, languages)| Driver(*languages))
    }

    /// The names of all drivers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        DRIVER_LANGUAGES.iter().map(|(name, _)| *name)
    }

    /// The sources of the driver and of a submission, whose first source is the main one.
    pub fn sources(&self, signature: &Signature, submission: &BoxFiles) -> DriverSources {
        let mut theirs: Vec<BoxFile> = submission.iter().cloned().collect();
        for file in &mut theirs {
            let text = std::str::from_utf8(&file.data).ok();
            if let Some(changed) = text.and_then(|text| self.0.beside_driver(text)) {
                file.data = changed.into_bytes().into();
            }
        }
        let name = self.0.solution().and_then(|name| BoxPath::new(name).ok());
        if let (Some(main), Some(path)) = (theirs.first_mut(), name) {
            main.path = path;
        }
        let driver = self.0.driver(signature, &theirs).into_iter().filter_map(|(path, text)| {
            let path = BoxPath::new(path).ok()?;
            Some(BoxFile { path, data: text.into_bytes().into(), executable: false })
        });
        let driver: Vec<BoxFile> = driver.collect();
        // Drops files of the submission whose names clash with the driver's files or with the submission's main source.
        let main = theirs.first().map(|main| main.path.clone());
        let mut at = 0;
        theirs.retain(|file| {
            at += 1;
            let is_main = at == 1;
            let is_in_the_way = |path: &BoxPath| path.clashes_with(&file.path);
            !driver.iter().any(|ours| is_in_the_way(&ours.path))
                && (is_main || !main.as_ref().is_some_and(is_in_the_way))
        });
        let first = driver.iter().take(1);
        let units = match self.0.named() {
            Named::Driver => first.cloned().collect(),
            Named::DriverAndOthers(extensions) => {
                // A source that another one includes is compiled there, and may need the types of the driver.
                let included: BTreeSet<&str> = theirs.iter().flat_map(includes).collect();
                let others = theirs.iter().filter(|file| Some(&file.path) != main.as_ref());
                let others = others.filter(|file| has_extension(file, extensions) && !included.contains(name_of(file)));
                first.chain(others).cloned().collect()
            }
            Named::All => driver.iter().chain(&theirs).cloned().collect(),
        };
        let files = driver.into_iter().chain(theirs).collect();
        DriverSources { files: BoxFiles::new(files), units: BoxFiles::new(units) }
    }

    /// The extensions of sources that are compiled together with the driver's main source, which may have another
    /// extension. Empty if the language's own extensions decide.
    pub fn extensions(&self) -> &'static [&'static str] {
        match self.0.named() {
            Named::DriverAndOthers(extensions) => extensions,
            Named::Driver | Named::All => &[],
        }
    }

    /// Starter code: the declarations to complete, with a comment that shows a sample.
    pub fn template(&self, signature: &Signature, sample: Option<(&FunctionCase<'_>, &Expected)>) -> String {
        let mut doc = Vec::new();
        if let Some((case, expected)) = sample {
            doc.extend(case.shown(Some(expected), CALLS_SHOWN));
        }
        if let Interface::Function { function, mutates: Some(index) } = &signature.interface {
            doc.push(format!("Changes `{}` in place.", function.parameters[*index].name));
        }
        if doc.is_empty() {
            doc.push("Your solution.".to_owned());
        }
        self.0.template(signature, &doc)
    }

    /// The function heads that a submission must define, one per line, for messages.
    pub fn declaration(&self, signature: &Signature) -> String {
        match &signature.interface {
            Interface::Function { function, mutates } => self.0.head(function, *mutates),
            Interface::Class { methods, .. } => {
                let heads: Vec<String> = methods.iter().map(|method| self.0.head(method, None)).collect();
                heads.join("\n")
            }
        }
    }
}

impl Driver {
    /// The names of the node types that the driver defines because the signature uses them.
    pub fn nodes(&self, signature: &Signature) -> Vec<String> {
        let all = types(signature);
        let nodes = all.iter().filter(|kind| matches!(kind, Type::ListNode(_) | Type::TreeNode(_)));
        let mut names: Vec<String> = nodes.map(|kind| self.0.node(kind)).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Driver")
    }
}

/// The functions and methods of a signature that drivers call, without the constructor.
fn methods(signature: &Signature) -> &[MethodSignature] {
    match &signature.interface {
        Interface::Function { function, .. } => std::slice::from_ref(function),
        Interface::Class { methods, .. } => methods,
    }
}

/// All types of the signature, including nested ones, without duplicates, inner types first.
fn types(signature: &Signature) -> Vec<Type> {
    fn add(kind: &Type, all: &mut Vec<Type>) {
        if let Type::List(inner)
        | Type::Optional(inner)
        | Type::Map(inner)
        | Type::ListNode(inner)
        | Type::TreeNode(inner) = kind
        {
            add(inner, all);
        }
        if !all.contains(kind) {
            all.push(kind.clone());
        }
    }
    let mut all = Vec::new();
    if let Interface::Class { constructor, .. } = &signature.interface {
        constructor.iter().for_each(|parameter| add(&parameter.kind, &mut all));
    }
    for method in methods(signature) {
        method.parameters.iter().for_each(|parameter| add(&parameter.kind, &mut all));
        add(&method.returns, &mut all);
    }
    all
}

/// Whether the signature contains linked lists, and whether it contains trees.
fn nodes(signature: &Signature) -> (bool, bool) {
    let all = types(signature);
    let lists = all.iter().any(|kind| matches!(kind, Type::ListNode(_)));
    (lists, all.iter().any(|kind| matches!(kind, Type::TreeNode(_))))
}

/// A comma-separated list of parameters, formatted by `one`.
fn parameters(parameters: &[Parameter], one: impl Fn(usize, &Parameter) -> String) -> String {
    let each: Vec<String> = parameters.iter().enumerate().map(|(at, parameter)| one(at, parameter)).collect();
    each.join(", ")
}

/// A comma-separated list of the arguments that the generated code has read, formatted by `one`: `a0, a1, …`.
fn arguments(list: &[Parameter], one: impl Fn(usize) -> String) -> String {
    (0..list.len()).map(one).collect::<Vec<_>>().join(", ")
}

/// The branches of generated code that selects a call by its number: the constructor is first, then the methods.
fn branches(
    constructor: String,
    methods: impl Iterator<Item = String>,
    one: impl Fn(usize, String) -> String,
) -> String {
    [constructor].into_iter().chain(methods).enumerate().map(|(at, body)| one(at, body)).collect()
}

/// A branch of a `switch` in C and C++.
fn case_of_c(at: usize, body: String) -> String {
    format!("    case {at}: {{\n{body}    break;\n    }}\n")
}

/// Macros that GCC defines although their names are not reserved, such as for a parameter that is a time of Unix.
const GCC_MACROS: &[&str] = &["linux", "unix"];

fn has_extension(file: &BoxFile, extensions: &[&str]) -> bool {
    file.path.as_str().rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
}

/// The names, without directories, of the files that a C or C++ file includes with `#include "…"`.
fn includes(file: &BoxFile) -> impl Iterator<Item = &str> {
    let lines = std::str::from_utf8(&file.data).unwrap_or_default().lines();
    lines.filter_map(|line| {
        let directive = line.trim_start().strip_prefix('#')?.trim_start();
        let (path, _) = directive.strip_prefix("include")?.trim_start().strip_prefix('"')?.split_once('"')?;
        path.rsplit('/').next()
    })
}

/// The name of a file without its directories.
fn name_of(file: &BoxFile) -> &str {
    file.path.as_str().rsplit('/').next().unwrap_or_default()
}

/// Lines that remove macros in C and C++.
fn undefined(macros: &[&str]) -> String {
    macros.iter().map(|name| format!("#undef {name}\n")).collect()
}

/// A block comment as in C.
fn block_comment(lines: &[String], indent: &str) -> String {
    let lines: String = lines.iter().map(|line| format!("{indent} * {}\n", line.replace("*/", "* /"))).collect();
    format!("{indent}/**\n{lines}{indent} */\n")
}

/// Comment lines that start with `begin`.
fn line_comment(lines: &[String], begin: &str) -> String {
    lines.iter().map(|line| format!("{begin} {line}\n")).collect()
}

#[cfg(test)]
mod tests;
