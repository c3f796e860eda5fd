//! Cost of judging: a test compared with the bare program, a submission with 100 tests, the import of a large package,
//! the comparison of 100 MB of output with an equally large answer, and the tests of a function problem with and
//! without batches.
//!
//! Runs the commands that a problem setter uses (`cupel judge`, `cupel problem import`) and measures them from start to
//! end, in turns with the bare program. Compilations are cached after the first judging, as on a worker. Memory is the
//! peak of the command's own process (`VmHWM`, proc(5)), polled every few milliseconds.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::samples::Samples;
use crate::table::Table;
use crate::{programs, server};

/// Amount of measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Number of repetitions of each measurement.
    pub(crate) rounds: usize,
}

const TESTS: usize = 100;
const ADD: &str =
    "#include <iostream>\nint main() { long long a, b; std::cin >> a >> b; std::cout << a + b << '\\n'; }\n";
/// Reads a number and writes that many lines.
const FLOOD: &str = "#include <cstdio>\nint main() { long n; if (scanf(\"%ld\", &n) != 1) return 1;\n    \
                     for (long i = 0; i < n; i++) printf(\"%ld\\n\", i * 7919 % 1000000007); }\n";
/// Number of lines of [`FLOOD`]: 99 MB.
const FLOOD_LINES: u64 = 10_000_000;
/// The large package: number of tests, and bytes per input.
const LARGE: (usize, usize) = (40, 5_000_000);

/// Tests of the function problem.
const CALLS: usize = 30;
/// Functions that double a number, by language and file.
const DOUBLING: [(&str, &str, &str); 8] = [
    ("Java", "Solution.java", "class Solution { long twice(long n) { return 2 * n; } }\n"),
    ("JavaScript", "a.js", "function twice(n) { return 2 * n; }\n"),
    ("TypeScript", "a.ts", "function twice(n: number): number { return 2 * n; }\n"),
    ("Python", "a.py", "def twice(n):\n    return 2 * n\n"),
    ("Go", "a.go", "package main\n\nfunc twice(n int) int { return 2 * n }\n"),
    ("C++", "a.cpp", "long long twice(long long n) { return 2 * n; }\n"),
    ("C", "a.c", "long long twice(long long n) { return 2 * n; }\n"),
    ("Rust", "a.rs", "pub fn twice(n: i64) -> i64 { 2 * n }\n"),
];
const DOUBLED: &str =
    "[function]\nname = \"twice\"\nparameters = [{ name = \"n\", type = \"int\" }]\nreturns = \"int\"\n";

/// Runs all measurements; prints a table and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let folder =
        tempfile::Builder::new().prefix("cupel-bench-").tempdir_in("/var/tmp").context("creating a directory")?;
    let bench = Bench { cupel: server::binary()?, folder: folder.path().to_owned() };
    let mut table = Table::new("Judging, medians", &["what", "measured", "target"]);

    let tests = bench.tests(plan.rounds)?;
    let bare = tests.bare.percentile(50.0) / u32::try_from(TESTS)?;
    let each = (tests.many.percentile(50.0).saturating_sub(tests.one.percentile(50.0))) / u32::try_from(TESTS)?;
    let beyond = each.saturating_sub(bare);
    let what = format!("a test of a trivial C++ program, in addition to the program's own {:.2} ms", ms(bare));
    table.row(vec![what, format!("{:.2} ms", ms(beyond)), "2 ms".into()]);
    let whole = tests.many.percentile(50.0);
    let what = format!("{TESTS} tests of the same program, whole command, compilation cached");
    table.row(vec![what, format!("{:.2} s", whole.as_secs_f64()), "1 s".into()]);

    let import = bench.import(plan.rounds)?;
    let what = format!("import of a zip with {} MB of tests", LARGE.0 * LARGE.1 / 1_000_000);
    table.row(vec![what, import.cell(), String::new()]);

    let (flood, bare_flood, bytes) = bench.flood(plan.rounds)?;
    let what = format!(
        "{} MB of output compared with an equally large answer, whole command (bare, read through a pipe: {:.2} s)",
        bytes / 1_000_000,
        bare_flood.percentile(50.0).as_secs_f64()
    );
    table.row(vec![what, flood.cell(), String::new()]);
    println!("{table}");
    let calls = bench.calls(plan.rounds)?;

    Ok(json!({
        "calls": calls,
        "bare_ms": ms(bare),
        "test_beyond_bare_ms": ms(beyond),
        "tests": TESTS,
        "one_test": tests.one.to_json(),
        "all_tests": tests.many.to_json(),
        "import": import.to_json(),
        "large_output": flood.to_json(),
        "large_output_bare": bare_flood.to_json(),
    }))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Times and peak memory of a command.
#[derive(Default)]
struct Cost {
    times: Samples,
    memory_max_kib: u64,
}

impl Cost {
    fn push(&mut self, (time, memory_kib): (Duration, u64)) {
        self.times.push(time);
        self.memory_max_kib = self.memory_max_kib.max(memory_kib);
    }

    fn cell(&self) -> String {
        let time = self.times.percentile(50.0).as_secs_f64();
        format!("{time:.2} s, {:.0} MiB of memory", self.memory_max_kib as f64 / 1024.0)
    }

    fn to_json(&self) -> Value {
        json!({ "time": self.times.to_json(), "memory_max_kib": self.memory_max_kib })
    }
}

struct Tests {
    /// The bare program, run on all tests.
    bare: Samples,
    /// A package with one test.
    one: Samples,
    /// A package with one test and `TESTS` more.
    many: Samples,
}

struct Bench {
    cupel: PathBuf,
    folder: PathBuf,
}

impl Bench {
    fn tests(&self, rounds: usize) -> anyhow::Result<Tests> {
        let input = |number: usize| format!("{number} 1\n");
        let case = |number: usize| (input(number), format!("{}\n", number + 1));
        let one = self.package("one-test", "", (0..1).map(case))?;
        let many = self.package("many-tests", "", (0..=TESTS).map(case))?;
        let (source, bare) = self.program("add", ADD)?;
        self.judge(&one, &source)?;
        let mut tests = Tests { bare: Samples::default(), one: Samples::default(), many: Samples::default() };
        for _ in 0..rounds {
            let began = Instant::now();
            for number in 0..TESTS {
                let output = run_bare(&bare, &input(number))?;
                ensure!(output == format!("{}\n", number + 1).as_bytes(), "the program printed a wrong sum");
            }
            tests.bare.push(began.elapsed());
            tests.one.push(self.judge(&one, &source)?.0);
            tests.many.push(self.judge(&many, &source)?.0);
        }
        Ok(tests)
    }

    fn import(&self, rounds: usize) -> anyhow::Result<Cost> {
        let (tests, bytes) = LARGE;
        let large = self.package(
            "large-package",
            "",
            (0..tests).map(|test| {
                // Pseudo-random digits, which compress little.
                let mut text = String::with_capacity(bytes + 16);
                let mut state = test as u64 + 1;
                while text.len() < bytes {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let _ = writeln!(text, "{}", state >> 33);
                }
                (text, "1\n".to_owned())
            }),
        )?;
        let zip = self.folder.join("large-package.zip");
        timed(Command::new(&self.cupel).args(["problem", "export"]).arg(&large).arg("--output").arg(&zip))?;
        let mut cost = Cost::default();
        for _ in 0..rounds {
            let into = self.folder.join("imported");
            fs::create_dir(&into).context("creating a directory")?;
            let mut command = Command::new(&self.cupel);
            command.args(["problem", "import"]).arg(&zip).arg("--into").arg(&into);
            cost.push(timed(&mut command)?);
            fs::remove_dir_all(&into).context("removing the imported package")?;
        }
        Ok(cost)
    }

    /// Returns the cost of judging, the times of the bare program, and the size of its output in bytes.
    fn flood(&self, rounds: usize) -> anyhow::Result<(Cost, Samples, usize)> {
        let input = format!("{FLOOD_LINES}\n");
        let (source, program) = self.program("flood", FLOOD)?;
        let answer = run_bare(&program, &input)?;
        let bytes = answer.len();
        let package = self.package("large-output", "", [(input.clone(), String::from_utf8(answer)?)].into_iter())?;
        self.judge(&package, &source)?;
        let (mut judged, mut bare) = (Cost::default(), Samples::default());
        for _ in 0..rounds {
            let began = Instant::now();
            ensure!(run_bare(&program, &input)?.len() == bytes, "the output has a different size");
            bare.push(began.elapsed());
            judged.push(self.judge(&package, &source)?);
        }
        Ok((judged, bare, bytes))
    }

    /// Cost of the tests of a function problem beyond the first: with a process per test and in batches, in turns.
    fn calls(&self, rounds: usize) -> anyhow::Result<Value> {
        let case = |number: usize| (format!("{number}\n"), format!("{}\n", 2 * number));
        // The last test always has a separate process.
        let one = self.package("one-call", DOUBLED, (0..1).map(case))?;
        let many = self.package("many-calls", DOUBLED, (0..=CALLS).map(case))?;
        let mut table = Table::new(
            &format!("{CALLS} calls of a trivial function, medians"),
            &["language", "a process for each", "a batch", "ratio"],
        );
        let mut figures = Vec::new();
        for (language, name, text) in DOUBLING {
            let source = self.folder.join(name);
            fs::write(&source, text).context("writing a program")?;
            let judge = |package: &Path, batches: bool| -> anyhow::Result<Duration> {
                let mut command = Command::new(&self.cupel);
                command.env("CUPEL_WORKER__FUNCTION_BATCHES", batches.to_string());
                command.arg("judge").arg(package).arg("--submission").arg(&source);
                Ok(timed(&mut command)?.0)
            };
            if let Err(why) = judge(&many, true) {
                println!("{language} is skipped: {why}");
                continue;
            }
            let [mut alone, mut together] = [Samples::default(), Samples::default()];
            for _ in 0..rounds {
                let base = judge(&one, false)?;
                alone.push(judge(&many, false)?.saturating_sub(base));
                together.push(judge(&many, true)?.saturating_sub(base));
            }
            let [each, batch] = [&alone, &together].map(|samples| ms(samples.percentile(50.0)));
            let ratio = batch / each;
            table.row(vec![language.into(), format!("{each:.0} ms"), format!("{batch:.1} ms"), format!("{ratio:.3}")]);
            figures.push(json!({ "language": language, "alone": alone.to_json(), "batch": together.to_json() }));
        }
        println!("{table}");
        Ok(figures.into())
    }

    /// Creates a package in Cupel's own format, with secret tests only. `extra_toml` is appended to `problem.toml`.
    fn package(
        &self,
        slug: &str,
        extra_toml: &str,
        tests: impl Iterator<Item = (String, String)>,
    ) -> anyhow::Result<PathBuf> {
        let package = self.folder.join(slug);
        let secret = package.join("tests/secret");
        fs::create_dir_all(&secret).context("creating a package")?;
        let about = format!(
            "title = \"Bench\"\nslug = \"{slug}\"\n[limits]\ntime = 10.0\nmemory_mib = 256\noutput_mib = 256\n{extra_toml}"
        );
        fs::write(package.join("problem.toml"), about)?;
        fs::write(package.join("statement.md"), "For measurements.\n")?;
        for (number, (input, answer)) in tests.enumerate() {
            fs::write(secret.join(format!("{number:03}.in")), input)?;
            fs::write(secret.join(format!("{number:03}.out")), answer)?;
        }
        Ok(package)
    }

    /// Writes and compiles a C++ program. Returns the paths of the source and the executable.
    fn program(&self, name: &str, text: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
        programs::compile_cpp(&self.folder, name, text)?;
        let program = self.folder.join(name);
        Ok((program.with_extension("cpp"), program))
    }

    fn judge(&self, package: &Path, source: &Path) -> anyhow::Result<(Duration, u64)> {
        let mut command = Command::new(&self.cupel);
        command.arg("judge").arg(package).arg("--submission").arg(source);
        timed(&mut command)
    }
}

/// Time until a command exited successfully, and the peak memory of its process in KiB.
fn timed(command: &mut Command) -> anyhow::Result<(Duration, u64)> {
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = child.id();
    let (output, took, memory_kib) = thread::scope(|scope| -> anyhow::Result<_> {
        let watching = scope.spawn(move || peak_memory_kib(pid));
        let output = child.wait_with_output()?;
        let took = began.elapsed();
        Ok((output, took, watching.join().unwrap_or_default()))
    })?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {stderr}", output.status);
    Ok((took, memory_kib))
}

/// Peak memory of a process, in KiB. Polls until the process has ended.
fn peak_memory_kib(pid: u32) -> u64 {
    let mut most = 0;
    // After a process has ended, its status no longer contains `VmHWM`, even before it is reaped.
    while let Some(now) = fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    }) {
        most = most.max(now);
        thread::sleep(Duration::from_millis(3));
    }
    most
}

fn run_bare(program: &Path, input: &str) -> anyhow::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut child: Child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().context("standard input is not a pipe")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{} failed when run bare", program.display());
    Ok(output.stdout)
}
