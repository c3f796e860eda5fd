//! Attacks by source: real compilers run in compile cells, on sources that make them read or include files, run code,
//! or produce too much.
//!
//! Everything that a source makes a compiler do happens inside a cell. So the rules are: the compiler reaches no host
//! file, stays within its limits, leaves nothing behind, and returns no secret.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cupel_sandbox::{CellKind, Sandbox, SandboxConfig, Wall};
use cupel_types::{BoxFile, Bytes, Outcome};
use libtest_mimic::Trial;

use crate::kit::{Ended, Fixtures, Program, file, repeatedly};
use crate::machine::patient;
use crate::{Shared, trial};

/// One attack: the sources and the command that compiles them.
struct Attack {
    name: &'static str,
    /// The walls that stop the attack, first the wall that is designed to stop it.
    walls: &'static [Wall],
    command: &'static [&'static str],
    files: fn(&Fixtures) -> Vec<BoxFile>,
    rule: fn(&Ended),
}

/// Walls against reaching host files.
const HIDDEN: &[Wall] = &[Wall::PrivateRoot, Wall::Landlock];
/// Walls against running forever or using all memory.
const LONG: &[Wall] = &[Wall::CpuAccounting, Wall::MemoryLimit, Wall::WallClockLimit];
/// Walls against enormous output files.
const LARGE: &[Wall] = &[Wall::DiskLimit, Wall::Rlimits, Wall::MemoryLimit, Wall::CpuAccounting];
/// Walls against very many threads or processes.
const CROWDED: &[Wall] = &[Wall::ProcessLimit, Wall::MemoryLimit, Wall::CpuAccounting];

const GCC: &[&str] = &["gcc", "-O1", "-o", "main", "main.c"];
const GPP: &[&str] = &["g++", "-O1", "-o", "main", "main.cpp"];

fn one(name: &str, text: impl Into<String>) -> Vec<BoxFile> {
    vec![file(name, text.into().as_bytes(), false)]
}

/// Asserts that the compiler refused the source with a message.
fn refused(e: &Ended) {
    assert!(matches!(e.report.outcome, Outcome::Exited(1)) && !e.stderr.is_empty(), "{e}");
}

/// Asserts that a limit ended the compiler.
fn limited(e: &Ended) {
    use Outcome::{MemoryLimit, OutputLimit, TimeLimit};
    assert!(matches!(e.report.outcome, MemoryLimit | OutputLimit | TimeLimit), "{e}");
}

/// Asserts that a limit ended the compiler, or that the compiler itself failed. (If the kernel kills a compiler's child
/// for lack of memory, the compiler may report that and exit.)
fn limited_or_refused(e: &Ended) {
    match e.report.outcome {
        Outcome::Exited(code) if code != 0 => {}
        _ => limited(e),
    }
}

#[rustfmt::skip] // A table.
fn table() -> Vec<Attack> {
    vec![
        // Reading host files. kjudge issue 82 and others: #include "/etc/shadow".
        Attack { name: "include_a_host_file", walls: HIDDEN, command: GCC, rule: refused,
            files: |f| one("main.c", format!("#include \"{}\"\nint main(void) {{ return 0; }}\n", f.secret)) },
        Attack { name: "include_a_host_file_by_indirect_paths", walls: HIDDEN, command: GCC,
            rule: |e| { refused(e); assert!(!String::from_utf8_lossy(&e.stderr).contains("it is there"), "{e}") },
            files: |f| one("main.c", ["/proc/self/root", "/proc/1/root", "/proc/self/cwd/../..", "/../../..", "/opt/host"].iter()
                .map(|way| format!("#if __has_include(\"{way}{}\")\n#error it is there\n#include \"{way}{}\"\n#endif\n", f.secret, f.secret))
                .collect::<String>() + "#include \"/etc/shadow\"\n") },
        Attack { name: "assemble_a_host_file", walls: HIDDEN, command: GCC, rule: refused,
            files: |f| one("main.c", format!("__asm__(\".data\\n.incbin \\\"{}\\\"\\n\");\nint main(void) {{ return 0; }}\n", f.secret)) },
        Attack { name: "assembler_includes_a_host_file", walls: HIDDEN, command: &["gcc", "-o", "main", "main.s"], rule: refused,
            files: |f| one("main.s", format!(".include \"{}\"\n", f.secret)) },
        Attack { name: "link_a_host_file", walls: HIDDEN, command: &["gcc", "-o", "main", "main.c", "extra.ld"], rule: refused,
            files: |f| vec![file("main.c", b"int main(void) { return 0; }\n", false), file("extra.ld", format!("INPUT({})\n", f.secret).as_bytes(), false)] },
        Attack { name: "linker_script_includes_and_overwrites", walls: &[Wall::ReadOnlyRoot, Wall::PrivateRoot, Wall::Landlock], command: &["gcc", "-o", "main", "main.c", "extra.ld"], rule: refused,
            files: |f| vec![file("main.c", b"int main(void) { return 0; }\n", false),
                file("extra.ld", format!("OUTPUT(/usr/bin/env)\nINCLUDE {}\n", f.secret).as_bytes(), false)] },
        Attack { name: "include_standard_input", walls: HIDDEN, command: GCC, rule: |e| assert_eq!(e.report.outcome, Outcome::Exited(0), "{e}"),
            files: |_| one("main.c", "#include \"/dev/stdin\"\n#include \"/dev/fd/0\"\n#include \"/proc/self/fd/0\"\nint main(void) { return 0; }\n") },
        Attack { name: "include_own_environment", walls: HIDDEN, command: GCC,
            rule: |e| { refused(e); assert!(!String::from_utf8_lossy(&e.stderr).contains("CUPEL"), "{e}") },
            files: |_| one("main.c", "#include \"/proc/self/environ\"\n#include \"/proc/1/environ\"\n#include \"/proc/self/mountinfo\"\n") },

        // Running forever, or producing too much.
        Attack { name: "include_zeros", walls: LONG, command: GCC, rule: limited_or_refused, files: |_| one("main.c", "#include \"/dev/zero\"\n") },
        Attack { name: "include_noise", walls: LONG, command: GCC, rule: limited_or_refused, files: |_| one("main.c", "#include \"/dev/urandom\"\n") },
        Attack { name: "include_itself_twice", walls: LONG, command: GCC, rule: limited,
            files: |_| one("main.c", "#if __INCLUDE_LEVEL__ < 180\n#include __FILE__\n#include __FILE__\n#endif\n") },
        Attack { name: "preprocessor_bomb", walls: LONG, command: GCC, rule: limited_or_refused,
            files: |_| one("main.c", (1..40).fold("#define X0 x x\n".to_owned(), |text, n| format!("{text}#define X{n} X{} X{}\n", n - 1, n - 1)) + "X39\n") },
        Attack { name: "template_bomb", walls: LONG, command: GPP, rule: limited_or_refused,
            files: |_| one("main.cpp", "template<class A, class B> struct P {};\ntemplate<int N, class T> struct F : F<N - 1, P<T, int>>, F<N - 1, P<int, T>> {};\n\
                template<class T> struct F<0, T> {};\nint main() { F<60, int> f; }\n") },
        Attack { name: "constant_expression_bomb", walls: LONG, command: GPP, rule: limited_or_refused,
            files: |_| one("main.cpp", "constexpr long f(long n) { return n < 2 ? n : f(n - 1) + f(n - 2); }\nstatic_assert(f(90) > 0);\nint main() {}\n") },
        Attack { name: "endless_types", walls: LONG, command: GPP, rule: limited_or_refused,
            files: |_| one("main.cpp", "template<class T> auto g(T t) -> decltype(g(&t));\ntemplate<class T> struct S { typename S<S<T>>::type t; };\nS<int> s;\n") },
        Attack { name: "initialised_array_of_a_terabyte", walls: LARGE, command: GCC, rule: limited_or_refused,
            files: |_| one("main.c", "char x[1ll << 40] = {1};\nint main(void) { return 0; }\n") },
        Attack { name: "main_is_an_array", walls: LARGE, command: GCC, rule: limited_or_refused, files: |_| one("main.c", "int main[-1u / 2] = {1};\n") },
        Attack { name: "assembler_repeats", walls: LONG, command: GCC, rule: limited_or_refused,
            files: |_| one("main.c", "__asm__(\".rept 1000000000\\n.quad 1\\n.endr\\n\");\nint main(void) { return 0; }\n") },
        Attack { name: "assembler_fills", walls: LARGE, command: GCC, rule: limited_or_refused,
            files: |_| one("main.c", "__asm__(\".data\\n.fill 4000000000, 8, 1\\n\");\nint main(void) { return 0; }\n") },
        Attack { name: "endless_assembler_macros", walls: LONG, command: GCC, rule: limited_or_refused,
            files: |_| one("main.c", "__asm__(\".macro m\\nm\\nm\\n.endm\\nm\\n\");\nint main(void) { return 0; }\n") },
        Attack { name: "linker_script_makes_a_huge_file", walls: LARGE, command: &["gcc", "-o", "main", "main.c", "-T", "extra.ld"], rule: limited_or_refused,
            files: |_| vec![file("main.c", b"int main(void) { return 0; }\n", false),
                file("extra.ld", b"SECTIONS { .text : { *(.text) . += 0x7fffffff0; BYTE(1) . += 0x7fffffffff0; BYTE(1) } }\n", false)] },
        Attack { name: "endless_messages", walls: &[Wall::OutputLimit, Wall::CpuAccounting], command: GCC, rule: |e| assert_eq!(e.report.outcome, Outcome::OutputLimit, "{e}"),
            files: |_| one("main.c", "#if __INCLUDE_LEVEL__ < 150\n#include __FILE__\n#pragma message(\"on and on\")\n#include __FILE__\n#endif\n") },

        // Running at compile time. In DMOJ issue 318 (Nim's staticExec), started processes survived and could write
        // anywhere.
        Attack { name: "run_at_compile_time", walls: HIDDEN, command: &["perl", "-c", "main.pl"],
            rule: |e| {
                let text = String::from_utf8_lossy(&e.stderr).into_owned();
                assert_eq!(e.report.outcome, Outcome::Exited(0), "{e}");
                assert!(text.starts_with("secret: 0\nusr: 0\nsocket: 0\nroot: 0\nforked: 1\n"), "{e}");
                assert_eq!(e.collected(), "honest main.pl", "{e}");
            },
            files: |f| one("main.pl", format!("BEGIN {{\n\
                use Socket;\n\
                print STDERR 'secret: ', (open(my $s, '<', '{0}') ? 1 : 0), \"\\n\";\n\
                print STDERR 'usr: ', (open(my $u, '>', '/usr/bin/cupel-was-here') ? 1 : 0), \"\\n\";\n\
                print STDERR 'socket: ', (socket(my $i, PF_INET, SOCK_STREAM, 0) ? 1 : 0), \"\\n\";\n\
                print STDERR 'root: ', (chroot('/tmp') ? 1 : 0), \"\\n\";\n\
                symlink('{0}', 'main');\n\
                open(my $h, '>', 'honest'); print $h \"honest\"; close $h;\n\
                my $pid = fork();\n\
                if ($pid == 0) {{ setpgrp; $SIG{{TERM}} = $SIG{{HUP}} = 'IGNORE'; open(STDERR, '>', '/dev/null'); sleep 1000 while 1; }}\n\
                print STDERR 'forked: ', ($pid > 0 ? 1 : 0), \"\\n\";\n\
                }}\nprint 1;\n", f.secret)) },
        Attack { name: "threads_in_a_compile_step", walls: CROWDED, command: &["{attacks}", "thread_bomb"], files: |_| Vec::new(),
            rule: |e| assert_eq!(e.text(), "pthread_create: EAGAIN\nthreads: 63\n", "{e}") },
        Attack { name: "processes_in_a_compile_step", walls: CROWDED, command: &["{attacks}", "fork_bomb"], files: |_| Vec::new(), rule: limited },
    ]
}

/// The attacks and the walls that stop them.
pub(crate) fn walls() -> Vec<(&'static str, &'static [Wall])> {
    let table = table().into_iter().map(|attack| (attack.name, attack.walls));
    table.chain([("annotation_processors_run_inside", HIDDEN)]).collect()
}

pub(crate) fn trials(world: &Shared) -> Vec<Trial> {
    // A trial is ignored if its compiler is not installed.
    let missing = |command: &str| !command.contains('{') && !Path::new("/usr/bin").join(command).exists();
    let mut trials: Vec<Trial> = table()
        .into_iter()
        .map(|attack| {
            let ignored = missing("gcc") || missing(attack.command[0]);
            let name = format!("compilers::{}", attack.name);
            trial(world, name, move |world| prove(&world.fixtures, &attack)).with_ignored_flag(ignored)
        })
        .collect();
    let java = trial(world, "compilers::annotation_processors_run_inside", |world| {
        annotation_processors_run_inside(&world.fixtures);
    });
    trials.push(java.with_ignored_flag(missing("javac")));
    trials
}

/// A sandbox with the mounts that the compilers need.
fn sandbox(fixtures: &Fixtures) -> Sandbox {
    let mut config = SandboxConfig { slots: 1, ..fixtures.config() };
    config.mounts.push(PathBuf::from("/etc/java-17-openjdk").into());
    Sandbox::start(config).unwrap()
}

fn compile(command: Vec<String>, files: Vec<BoxFile>) -> Program {
    let mut program = Program::new(command).files(files).collect(100, Bytes::mib(4)).limits(|l| {
        l.cpu_time = patient(Duration::from_secs(1));
        l.memory = Bytes::mib(256);
        l.processes = 64;
        l.open_files = 256;
        l.disk = Bytes::mib(64);
        l.file_size = Bytes::mib(64);
    });
    program.command.kind = CellKind::Compile;
    program
}

fn prove(fixtures: &Fixtures, attack: &Attack) {
    let sandbox = sandbox(fixtures);
    let mut slot = sandbox.slot(0);
    let command = attack
        .command
        .iter()
        .map(|word| if *word == "{attacks}" { fixtures.attacks.clone() } else { (*word).to_owned() });
    let compilation = compile(command.collect(), (attack.files)(fixtures));
    repeatedly(|| {
        let ended = compilation.run(&mut slot);
        secret_was_kept(&ended);
        (attack.rule)(&ended);
        let usage = &ended.report.usage;
        assert!(usage.memory <= Bytes::mib(258), "{ended}");
        let cpu_time_max = patient(Duration::from_millis(1250)) + ended.noise;
        if usage.cpu_time <= cpu_time_max { Ok(()) } else { Err(format!("at most {cpu_time_max:?}: {ended}")) }
    });
    // The next compilation on this lane succeeds.
    let next = compile(GCC.iter().map(|w| (*w).to_owned()).collect(), one("main.c", "int main(void) { return 0; }\n"))
        .run(&mut slot);
    assert_eq!((next.report.outcome, next.collected().as_str()), (Outcome::Exited(0), "main main.c"), "{next}");
}

/// Asserts that neither the output nor a collected file contains the secret.
fn secret_was_kept(ended: &Ended) {
    let files = ended.report.files.iter().map(|f| &*f.data);
    for bytes in files.chain([&ended.stdout[..], &ended.stderr[..]]) {
        assert!(!String::from_utf8_lossy(bytes).contains("what the judge knows"), "{ended}");
    }
}

/// javac loads annotation processors from service entries on its class path; the processors run in the cell, behind its
/// walls.
fn annotation_processors_run_inside(fixtures: &Fixtures) {
    const PROCESSOR: &str = r#"
import java.io.*;
import java.net.*;
import java.util.*;
import javax.annotation.processing.*;
import javax.lang.model.element.*;

@SupportedAnnotationTypes("*")
public class Evil extends AbstractProcessor {
    static void attempt(String what, java.util.concurrent.Callable<?> action) {
        try { action.call(); System.err.println(what + ": OK"); } catch (Throwable e) { System.err.println(what + ": refused"); }
    }
    public boolean process(Set<? extends TypeElement> types, RoundEnvironment round) {
        if (round.processingOver()) return false;
        System.err.println("running");
        attempt("secret", () -> new FileInputStream("{secret}"));
        attempt("usr", () -> new FileOutputStream("/usr/bin/cupel-was-here"));
        attempt("socket", () -> new ServerSocket(0));
        attempt("child", () -> new ProcessBuilder("sleep", "1000").start());
        return false;
    }
}
"#;
    let sandbox = sandbox(fixtures);
    let mut slot = sandbox.slot(0);
    let javac = |arguments: &[&str], files: Vec<BoxFile>| {
        let command = ["javac", "-J-Xmx128m", "-J-XX:+UseSerialGC", "-J-XX:-UsePerfData"].iter().chain(arguments);
        compile(command.map(|w| (*w).to_owned()).collect(), files).limits(|l| {
            l.cpu_time = patient(Duration::from_secs(60));
            l.memory = Bytes::mib(512);
            l.processes = 128;
        })
    };
    let made = javac(&["-proc:none", "Evil.java"], one("Evil.java", PROCESSOR.replace("{secret}", &fixtures.secret)))
        .run(&mut slot);
    assert_eq!(made.report.outcome, Outcome::Exited(0), "{made}");
    let mut files: Vec<BoxFile> =
        made.report.files.iter().filter(|f| f.path.as_str().ends_with(".class")).cloned().collect();
    files.push(file("META-INF/services/javax.annotation.processing.Processor", b"Evil\n", false));
    files.push(file("Main.java", b"public class Main { public static void main(String[] a) { } }\n", false));
    let ended = javac(&["-cp", ".", "Main.java"], files).run(&mut slot);
    secret_was_kept(&ended);
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(text.contains("running\nsecret: refused\nusr: refused\nsocket: refused\nchild: OK\n"), "{ended}");
    assert_eq!(ended.report.outcome, Outcome::Exited(0), "{ended}");
}
