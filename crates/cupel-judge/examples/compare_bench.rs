//! How fast outputs are compared, and in how much memory.
//!
//! `cargo run --release -p cupel-judge --example compare_bench [-- MEGABYTES]`. One comparison a line: an answer in a file, and the
//! same as output in pieces of 64 KiB, as the sandbox hands them over, with such changes as are not to matter.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write};

use cupel_judge::{BuiltIn, Finding};

/// What an output consists of.
type Line = fn(u64) -> String;

const CASES: [(&str, &str, &[&str], Line, Line); 10] = [
    ("equal integers", "default", &[], integer, integer),
    ("equal integers", "exact", &[], integer, integer),
    ("equal integers, tolerance", "default", &["float_tolerance", "1e-6"], integer, integer),
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

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(100), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let (answer, output) = (dir.path().join("answer"), dir.path().join("output"));
    println!("{:<34} {:<14} {:>6} {:>8} {:>8} {:>10}", "output", "comparison", "MB", "CPU s", "MB/s", "peak KiB");
    for (name, comparison, flags, expected, came) in CASES {
        write(&answer, megabytes, expected)?;
        write(&output, megabytes, came)?;
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let builtin = BuiltIn::parse(comparison, &flags)?;
        // Once for the page cache.
        std::io::copy(&mut File::open(&answer)?, &mut std::io::sink())?;
        let began = cpu_seconds()?;
        let mut comparer = builtin.compare(BufReader::with_capacity(64 << 10, File::open(&answer)?));
        let mut pieces = File::open(&output)?;
        let mut piece = vec![0; 64 << 10];
        let mut bytes = 0;
        loop {
            let count = std::io::Read::read(&mut pieces, &mut piece)?;
            if count == 0 {
                break;
            }
            bytes += count;
            comparer.output(&piece[..count])?;
        }
        let found = comparer.finish()?;
        let seconds = cpu_seconds()? - began;
        let size = bytes as f64 / 1e6;
        assert_eq!(found, Finding::Same, "{name}");
        println!("{name:<34} {comparison:<14} {size:>6.0} {seconds:>8.2} {:>8.0} {:>10}", size / seconds, peak_kib()?);
    }
    Ok(())
}

fn write(path: &std::path::Path, megabytes: usize, line: Line) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(File::create(path)?);
    // The same number of lines on both sides, whatever is on them.
    let lines = megabytes * 1_000_000 / line(1 << 20).trim_end().len().max(1);
    for n in 0..lines as u64 {
        file.write_all(line(n).as_bytes())?;
    }
    file.flush()
}

/// CPU time of this process so far, reading the files included: whatever else runs on the machine does not matter.
/// Source: proc_pid_stat(5), fields 14 and 15, in ticks of 10 ms.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).ok_or("no such field")?.parse::<f64>().map_err(Box::<dyn Error>::from);
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// Source: proc_pid_status(5), `VmHWM`.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
