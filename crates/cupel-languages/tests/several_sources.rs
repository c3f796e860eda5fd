//! Programs of several sources, and sources with unusual names and bytes, are compiled and run with the commands of the
//! language files, if the toolchain is installed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use cupel_languages::{Language, Placeholders, Registry};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, ToolOptions};
use tempfile::TempDir;

fn is_installed(tool: &str) -> bool {
    std::env::var("PATH").unwrap().split(':').any(|place| Path::new(place).join(tool).is_file())
}

/// Values for a program of these files, the first of which is the main source. The files are written to the directory.
fn written(language: &Language, directory: &Path, files: &[(&str, &[u8])]) -> Placeholders {
    for (name, text) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let file = |(name, text): &(&str, &[u8])| BoxFile {
        path: BoxPath::new(name).unwrap(),
        data: (*text).into(),
        executable: false,
    };
    Placeholders::for_files_of(language, &BoxFiles::new(files.iter().map(file).collect()), Bytes::mib(256)).unwrap()
}

fn run(argv: &[String], directory: &Path) -> Output {
    Command::new(&argv[0]).args(&argv[1..]).current_dir(directory).output().unwrap()
}

/// Compiles and runs a program. Returns its output, or the compiler's message.
fn result(id: &str, files: &[(&str, &[u8])], tools: &ToolOptions) -> Result<String, String> {
    let registry = Registry::load(None).unwrap();
    let language = registry.find(id).unwrap();
    let directory = TempDir::new().unwrap();
    let values = written(language, directory.path(), files).with_tools(tools);
    for argv in language.compile_commands(&values) {
        let output = run(&argv, directory.path());
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned());
        }
    }
    let output = run(&language.execute_command(&values), directory.path());
    assert!(output.status.success(), "{id}: {output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Each row: a language, its compiler, and the sources of a program that prints "hi". They are not in the order in
/// which they must be compiled.
#[test]
fn modules_are_compiled_before_the_sources_that_use_them() {
    const USES: &[u8] = b"program main\n  use greetings, only: greet\n  implicit none\n  call greet()\nend program\n";
    const MODULE: &[u8] =
        b"MODULE Greetings ! prints\n  use :: words\n  use, intrinsic :: iso_fortran_env\ncontains\n  subroutine greet()\n    \
        print '(A)', word\n  end subroutine\nend module\n";
    const WORDS: &[u8] = b"module words\n  character(2), parameter :: word = 'hi'\nend module\n";
    const ML: &[u8] = b"let () = print_endline (Greetings.text ())\n";
    type Files<'a> = &'a [(&'a str, &'a [u8])];
    let programs: [(&str, &str, Files<'_>); 7] = [
        ("fortran", "gfortran", &[("main.f90", USES), ("greetings.f90", MODULE), ("words.f90", WORDS)]),
        ("fortran", "gfortran", &[("main.f90", USES), ("a b.f90", MODULE), ("lib/words.f90", WORDS)]),
        (
            "fortran",
            "gfortran",
            &[
                ("main.f90", b"program main\n  call greet()\nend program\n"),
                ("greet.f77", b"      subroutine greet\n      print '(A)', 'hi'\n      end\n"),
            ],
        ),
        (
            "ocaml",
            "ocamlopt",
            &[("main.ml", ML), ("greetings.ml", b"let text () = Words.word\n"), ("words.ml", b"let word = \"hi\"\n")],
        ),
        (
            "ocaml",
            "ocamlopt",
            &[
                ("main.ml", ML),
                ("lib/greetings.ml", b"let text () = Words.word\n"),
                ("lib/words.ml", b"let word = \"hi\"\n"),
                ("lib/words.mli", b"val word : string\n"),
            ],
        ),
        ("ocaml", "ocamlopt", &[("a b.ml", b"print_endline \"hi\"\n")]),
        (
            "ats",
            "patscc",
            &[
                ("main.dats", b"staload \"./greet.sats\"\nimplement main0 () = greet ()\n"),
                (
                    "greet.dats",
                    b"#define ATS_DYNLOADFLAG 0\nstaload \"./greet.sats\"\nimplement greet () = print \"hi\\n\"\n",
                ),
                ("greet.sats", b"fun greet (): void\n"),
            ],
        ),
    ];
    for (id, tool, files) in programs {
        if !is_installed(tool) {
            continue;
        }
        let options = ToolOptions { compiler_args: vec!["-g".to_owned()], ..ToolOptions::NONE };
        for tools in [&ToolOptions::NONE, &options] {
            assert_eq!(result(id, files, tools).as_deref(), Ok("hi\n"), "{id} {tools:?}");
        }
    }
}

#[test]
fn an_error_in_one_of_several_sources_is_reported() {
    for (id, tool, files, expected) in [
        (
            "ocaml",
            "ocamlopt",
            [("main.ml", &b"let () = Greetings.greet ()\n"[..]), ("greetings.ml", b"let greet () = = 1\n")],
            "greetings.ml",
        ),
        (
            "fortran",
            "gfortran",
            [
                ("main.f90", &b"program main\n  use greetings\nend program\n"[..]),
                ("greetings.f90", b"module other\nend module\n"),
            ],
            "greetings.mod",
        ),
    ] {
        if is_installed(tool) {
            let error = result(id, &files, &ToolOptions::NONE).unwrap_err();
            assert!(error.contains(expected), "{id}: {error}");
        }
    }
}

/// Programs that print "hi". Browsers name downloads `name (1).sql`.
#[test]
fn the_name_of_a_source_may_contain_spaces_and_other_characters() {
    for (id, tool, names, source) in [
        ("sql", "sqlite3", &["a b (1).sql", "|ls.sql", "it's.sql", ".read.sql"][..], &b"SELECT 'hi';"[..]),
        ("forth", "gforth", &["a b (1).fth", "it's.fth"], b".( hi) cr"),
    ] {
        if !is_installed(tool) {
            continue;
        }
        for name in names {
            assert_eq!(result(id, &[(*name, source)], &ToolOptions::NONE).as_deref(), Ok("hi\n"), "{name}");
        }
    }
}

#[test]
fn comments_of_brainfuck_may_have_any_encoding() {
    if is_installed("gcc") {
        let source = b"caf\xe9 \xff\n++++++++[>+++++++++++++<-]>.+.>++++++++++.";
        assert_eq!(result("brainfuck", &[("main.bf", source)], &ToolOptions::NONE).as_deref(), Ok("hi\n"));
    }
}

/// The `go` of this test prints its arguments. Since version 1.20, Go is distributed without the compiled standard
/// library.
#[test]
fn go_without_a_compiled_standard_library_builds_the_packages_of_a_program() {
    let registry = Registry::load(None).unwrap();
    let language = registry.find("go").unwrap();
    for (has_archives, expected) in [
        (true, "tool compile -p main -complete -o main.o main.go\ntool link -s -w -o main main.o\n"),
        (false, "build -ldflags=-s -w -o main main.go\n"),
    ] {
        let directory = TempDir::new().unwrap();
        let place = |name: &str| directory.path().join(name);
        std::fs::create_dir_all(place("pkg/linux_amd64")).unwrap();
        if has_archives {
            std::fs::write(place("pkg/linux_amd64/fmt.a"), "").unwrap();
        }
        let tools = place("pkg/tool/linux_amd64");
        let go = format!("#!/bin/sh\ncase $1 in env) echo '{}' ;; *) echo \"$@\" ;; esac\n", tools.display());
        std::fs::write(place("go"), go).unwrap();
        std::fs::set_permissions(place("go"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let values = Placeholders::new(&BoxPath::new("main.go").unwrap(), Bytes::mib(256));
        let mut printed = String::new();
        for argv in language.compile_commands(&values) {
            let path = format!("{}:/usr/bin:/bin", directory.path().display());
            let output = Command::new(&argv[0]).args(&argv[1..]).env("PATH", path).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            printed.push_str(&String::from_utf8_lossy(&output.stdout));
        }
        assert_eq!(printed, expected);
    }
}
