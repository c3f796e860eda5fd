//! Speed of comparing an output with an answer file that contains the same data. The output arrives in pieces of 64
//! KiB, as from the sandbox, and contains differences that the comparison must ignore.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use cupel_judge::{BuiltIn, CompareResult};
use serde_json::{Value, json};

use crate::table::Table;

/// Generates the n-th line of a file.
type Line = fn(u64) -> String;

const CASES: [(&str, &str, &[&str], Line, Line); 10] = [
    ("equal integers", "default", &[], integer, integer),
    ("equal integers", "exact", &[], integer, integer),
    ("equal integers, within a tolerance", "default", &["float_tolerance", "1e-6"], integer, integer),
    ("CR LF in the output", "default", &[], integer, |n| format!("{}\r\n", integer(n).trim_end())),
    ("`0 ` for `0\\n`", "default", &[], |_| "0\n".repeat(32), |_| "0 ".repeat(32)),
    ("one word", "default", &[], |_| "a".repeat(64), |_| "a".repeat(64)),
    ("runs of space", "default", &[], |_| format!("{}.", " ".repeat(63)), |_| format!("{}.", "\n".repeat(63))),
    (
        "numbers with other last digits",
        "default",
        &["float_tolerance", "1e-6"],
        |n| format!("{n}.5000000\n"),
        |n| format!("{n}.5000001\n"),
    ),
    ("upper for lower case", "default", &[], |n| format!("yes{n}\n"), |n| format!("YES{n}\n")),
    ("lines in any order", "sorted-lines", &[], integer, integer),
];

fn integer(n: u64) -> String {
    format!("{}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34)
}

/// Compares `megabytes` of output with every comparison; prints a table and returns the figures.
pub(crate) fn measure(megabytes: usize) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir().context("creating a directory")?;
    let (answer, output) = (folder.path().join("answer"), folder.path().join("output"));
    let mut table = Table::new("Comparing outputs, MB per second of CPU time", &["output", "comparison", "MB"]);
    let mut figures = Vec::new();
    for (name, comparison, flags, expected, actual) in CASES {
        write(&answer, megabytes, expected)?;
        write(&output, megabytes, actual)?;
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let builtin = BuiltIn::parse(comparison, &flags)?;
        // Reads the answer once, to fill the page cache.
        std::io::copy(&mut File::open(&answer)?, &mut std::io::sink())?;
        let began = cpu_seconds()?;
        let mut comparer = builtin.compare(BufReader::with_capacity(64 << 10, File::open(&answer)?));
        let mut pieces = File::open(&output)?;
        let mut piece = vec![0; 64 << 10];
        let mut bytes = 0;
        loop {
            let count = pieces.read(&mut piece)?;
            if count == 0 {
                break;
            }
            bytes += count;
            comparer.output(&piece[..count])?;
        }
        let found = comparer.finish()?;
        let rate = bytes as f64 / 1e6 / (cpu_seconds()? - began);
        ensure!(found == CompareResult::Same, "{name}: {found:?}");
        table.row(vec![name.to_owned(), comparison.to_owned(), format!("{rate:.0}")]);
        figures.push(json!({ "output": name, "comparison": comparison, "mb_per_cpu_s": rate }));
    }
    println!("{table}");
    Ok(json!(figures))
}

fn write(path: &Path, megabytes: usize, line: Line) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(File::create(path)?);
    // Both files have the same number of lines, regardless of their content.
    let lines = megabytes * 1_000_000 / line(1 << 20).trim_end().len().max(1);
    for n in 0..lines as u64 {
        file.write_all(line(n).as_bytes())?;
    }
    file.flush()
}

/// CPU time of this process so far, including the reading of files; independent of other activity on the machine.
/// Source: proc_pid_stat(5), fields 14 and 15, in ticks of 10 ms.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |field: usize| anyhow::Ok(fields.get(field).context("a field of /proc/self/stat is missing")?.parse::<f64>()?);
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}
