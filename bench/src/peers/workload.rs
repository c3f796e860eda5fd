//! The measured work: programs that print hello, some of which are compiled first.

use std::path::Path;

use crate::peers::fixture::Fixture;
use crate::programs;

/// One piece of work, in the form used by every runner except Cupel's server.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// The commands, run one after the other. The last command prints hello.
    pub(crate) steps: Vec<Vec<String>>,
    /// Source file in a new directory, which is the working directory of the steps; `None` if the steps need no
    /// directory.
    pub(crate) source: Option<Source>,
    /// The same work as a submission to Cupel's server, if supported.
    pub(crate) served: Option<Served>,
}

/// A source file of a compiled program.
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// A submission to Cupel's server.
pub(crate) struct Served {
    pub(crate) language: &'static str,
    pub(crate) text: &'static str,
    /// Comment syntax with which each source is made unique, so that it is compiled anew; `None` if compilations may be
    /// cached.
    pub(crate) unique_by: Option<&'static str>,
}

pub(crate) const STATIC_C: &str = "C hello, static";
pub(crate) const PYTHON: &str = "Python hello";
pub(crate) const PYTHON_IMPORTS: &str = "Python, 13 imports";
pub(crate) const CPP_IOSTREAM: &str = "C++ iostream, compile + run";
pub(crate) const CPP_BITS: &str = "C++ bits/stdc++.h, compile + run";
pub(crate) const JAVA: &str = "Java, compile + run";
pub(crate) const TYPESCRIPT: &str = "TypeScript, compile + run";

/// The interpreter that can be kept warm.
pub(super) const PYTHON_PROGRAM: &str = "/usr/bin/python3";
/// The TypeScript compiler and the types of Node.js, where `cupel languages install` puts them.
const TSC: &str = "/usr/local/lib/cupel/npm/node_modules/typescript/lib/tsc.js";
const TYPE_ROOTS: &str = "/usr/local/lib/cupel/npm/node_modules/@types";

/// All measured work.
pub(crate) fn all(fixture: &Fixture) -> Vec<Workload> {
    let at = |name: &str| fixture.programs().join(name).display().to_string();
    let (hello, dynamic, python, imports) = (at("hello"), at("hello-dynamic"), at("hello.py"), at("imports.py"));
    let (node, class_path) = (at("hello.js"), at(""));
    let java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-cp"];
    vec![
        runs(STATIC_C, &[&hello]).served("c", programs::HELLO_C),
        runs("C hello, dynamic", &[&dynamic]),
        runs(PYTHON, &[PYTHON_PROGRAM, &python]).served("python", programs::HELLO_PYTHON),
        runs(PYTHON_IMPORTS, &[PYTHON_PROGRAM, &imports]),
        runs("Node.js hello", &["/usr/bin/node", &node]),
        runs("Java hello", &[java.as_slice(), &[&class_path, "Main"]].concat()),
        compiles(
            CPP_IOSTREAM,
            Source { name: "main.cpp", text: programs::HELLO_IOSTREAM },
            &[&["g++", "-O2", "-std=c++17", "-o", "main", "main.cpp"], &["./main"]],
            Served { language: "cpp", text: programs::HELLO_IOSTREAM, unique_by: Some("//") },
        ),
        compiles(
            CPP_BITS,
            Source { name: "main.cpp", text: programs::HELLO_BITS },
            &[&["g++", "-O2", "-std=c++17", "-o", "main", "main.cpp"], &["./main"]],
            Served { language: "cpp", text: programs::HELLO_BITS, unique_by: Some("//") },
        ),
        compiles(
            JAVA,
            Source { name: "Main.java", text: programs::HELLO_JAVA },
            &[
                &["javac", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData", "Main.java"],
                &[java.as_slice(), &[".", "Main"]].concat(),
            ],
            Served { language: "java", text: programs::HELLO_JAVA, unique_by: Some("//") },
        ),
        compiles(
            TYPESCRIPT,
            Source { name: "main.ts", text: programs::HELLO_TYPESCRIPT },
            &[
                &[
                    "/usr/bin/node",
                    TSC,
                    "--strict",
                    "--target",
                    "es2022",
                    "--module",
                    "commonjs",
                    "--types",
                    "node",
                    "--typeRoots",
                    TYPE_ROOTS,
                    "--skipLibCheck",
                    "main.ts",
                ],
                &["/usr/bin/node", "main.js"],
            ],
            Served { language: "typescript", text: programs::HELLO_TYPESCRIPT, unique_by: Some("//") },
        ),
    ]
}

fn runs(name: &'static str, argv: &[&str]) -> Workload {
    Workload { name, steps: vec![owned(argv)], source: None, served: None }
}

fn compiles(name: &'static str, source: Source, steps: &[&[&str]], served: Served) -> Workload {
    let steps = steps.iter().map(|argv| owned(argv)).collect();
    Workload { name, steps, source: Some(source), served: Some(served) }
}

fn owned(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|&argument| argument.to_owned()).collect()
}

impl Workload {
    fn served(mut self, language: &'static str, text: &'static str) -> Workload {
        self.served = Some(Served { language, text, unique_by: None });
        self
    }

    /// The first required file that is missing on this machine.
    pub(crate) fn missing(&self) -> Option<&str> {
        let in_path = |name: &str| ["/usr/bin", "/bin"].iter().any(|dir| Path::new(dir).join(name).exists());
        let is_missing = |name: &&str| match name.as_bytes().first() {
            Some(b'/') => !Path::new(name).exists(),
            Some(b'.') => false,
            _ => !in_path(name),
        };
        let programs = self.steps.iter().filter_map(|argv| argv.first()).map(String::as_str);
        let compiler = self.steps.iter().flatten().map(String::as_str).filter(|argument| *argument == TSC);
        programs.chain(compiler).find(is_missing)
    }
}
