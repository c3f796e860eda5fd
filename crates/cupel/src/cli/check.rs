//! `cupel check`: compares an output with an answer. Its exit codes and files are those of a Kattis output validator.
//!
//! Source: Kattis problem package format, "Output validator": 42 accepts, 43 rejects, any other code is a failure to
//! judge.

pub(super) mod args;

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use anyhow::{Context, anyhow};
use cupel_judge::{BuiltIn, CompareResult, Difference};

use self::args::Check;
use super::{CommandResult, Exit, Failure, OrExit};

const ACCEPTED: u8 = 42;
const REJECTED: u8 = 43;

/// The files of a validator (Kattis problem package format, "Reporting results and feedback").
const SCORE_MULTIPLIER: &str = "score_multiplier.txt";
const JUDGE_MESSAGE: &str = "judgemessage.txt";
const DIFF_POSITION: &str = "diffposition.txt";

/// Bytes per read.
const CHUNK: usize = 256 << 10;

pub(super) fn check(args: &Check) -> CommandResult {
    let builtin = BuiltIn::parse(&args.name, &args.flags).or_exit(Exit::Usage)?;
    if let Some(input) = &args.input {
        open(input)?;
    }
    let answer = open(&args.answer)?;
    let mut output: Box<dyn Read> = match &args.output {
        Some(path) => Box::new(open(path)?),
        None => Box::new(io::stdin()),
    };
    if let Some(directory) = &args.feedback {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))
            .or_exit(Exit::Usage)?;
        // The files of an earlier check would be read as results of this one.
        for name in [SCORE_MULTIPLIER, JUDGE_MESSAGE, DIFF_POSITION] {
            match fs::remove_file(directory.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let path = directory.join(name);
                    return Err(error)
                        .with_context(|| format!("cannot remove {}", path.display()))
                        .or_exit(Exit::Usage);
                }
                _ => {}
            }
        }
    }
    let finding = compare(&builtin, answer, &mut output)?;
    let (code, message, difference) = match finding {
        CompareResult::Same => (ACCEPTED, None, None),
        CompareResult::Presentation(difference) => {
            let message = format!("presentation error: {}", difference.for_author());
            (REJECTED, Some(message), Some(difference))
        }
        CompareResult::Different(difference) => (REJECTED, Some(difference.for_author()), Some(difference)),
        CompareResult::Share { right, of } => {
            let share = right as f64 / of as f64;
            write(args, SCORE_MULTIPLIER, &format!("{share:.15}\n"))?;
            (ACCEPTED, Some(format!("{right} of {of} lines are right")), None)
        }
    };
    if let Some(message) = message {
        write(args, JUDGE_MESSAGE, &format!("{message}\n"))?;
        errln!("{message}");
    }
    // A comparison that ignores order reports no position.
    if let Some(Difference { answer_at, output_at, word: 1.., .. }) = difference {
        write(args, DIFF_POSITION, &format!("{answer_at} {output_at}\n"))?;
    }
    Ok(Exit::Program(code))
}

fn compare(builtin: &BuiltIn, answer: File, output: &mut dyn Read) -> Result<CompareResult, Failure> {
    let mut comparer = builtin.compare(BufReader::with_capacity(CHUNK, answer));
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match output.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("cannot read the output")?,
        };
        comparer.output(&chunk[..count]).context("cannot read the answer")?;
    }
    Ok(comparer.finish().context("cannot read the answer")?)
}

fn open(path: &Path) -> Result<File, Failure> {
    if path.is_dir() {
        return Err(anyhow!("cannot open {}: it is a directory", path.display())).or_exit(Exit::Usage);
    }
    File::open(path).with_context(|| format!("cannot open {}", path.display())).or_exit(Exit::Usage)
}

fn write(args: &Check, name: &str, text: &str) -> Result<(), Failure> {
    let Some(directory) = &args.feedback else { return Ok(()) };
    let path = directory.join(name);
    Ok(fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?)
}
