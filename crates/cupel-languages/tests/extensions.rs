//! For several languages, a program is compiled and run with each extension of the language, if its compiler or
//! interpreter is installed.

use std::path::Path;
use std::process::{Command, Output};

use cupel_languages::{Placeholders, Registry};
use cupel_types::{BoxPath, Bytes};
use tempfile::TempDir;

fn run(argv: &[String], directory: &Path) -> Output {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).current_dir(directory);
    command.output().unwrap_or_else(|error| panic!("{}: {error}", argv[0]))
}

/// Each row: a language, its compiler or interpreter, and a program that prints "hi". The program in Fortran is valid
/// in the fixed and in the free form. A package specification of Ada (`.ads`) is not a program.
#[test]
fn a_program_runs_with_each_extension_of_its_language() {
    let registry = Registry::load(None).unwrap();
    for (id, tool, source) in [
        ("fortran", "gfortran", "      program hello\n      print '(A)', 'hi'\n      end\n"),
        ("c", "gcc", "#include <stdio.h>\nint main(void) { puts(\"hi\"); }\n"),
        ("cpp", "g++", "#include <cstdio>\nint main() { std::puts(\"hi\"); }\n"),
        ("pascal", "fpc", "begin writeln('hi') end.\n"),
        (
            "ada",
            "gnatmake",
            "with Ada.Text_IO;\nprocedure Main is\nbegin\n   Ada.Text_IO.Put_Line (\"hi\");\nend Main;\n",
        ),
        ("python", "python3", "print('hi')\n"),
        ("prolog", "swipl", ":- initialization((write(hi), nl)).\n"),
        ("perl", "perl", "print \"hi\\n\";\n"),
        ("bash", "bash", "echo hi\n"),
    ] {
        let installed = std::env::var("PATH").unwrap().split(':').any(|place| Path::new(place).join(tool).is_file());
        if !installed {
            continue;
        }
        let language = registry.find(id).unwrap();
        for extension in language.extensions.iter().filter(|extension| *extension != "ads") {
            let directory = TempDir::new().unwrap();
            let name = format!("main.{extension}");
            std::fs::write(directory.path().join(&name), source).unwrap();
            let values = Placeholders::new(&BoxPath::new(&name).unwrap(), Bytes::mib(256));
            for argv in language.compile_commands(&values) {
                let output = run(&argv, directory.path());
                assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            }
            let output = run(&language.execute_command(&values), directory.path());
            assert_eq!(String::from_utf8_lossy(&output.stdout), "hi\n", "{name}: {output:?}");
        }
    }
}
