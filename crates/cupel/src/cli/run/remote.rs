//! `cupel run --server`: the same command, on a server.
//!
//! A file or a pipe is a part of the request that submits the run. With `--interactive`, and if standard input is a
//! terminal, the input is live: it is sent while the program runs, over the connection that starts the run.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_judge::LiveSource;
use cupel_languages::Registry;
use cupel_types::{BoxPath, Bytes, Signal, Verdict};
use serde_json::{Map, Value, json};

use super::args::Run;
use super::artifacts::Destination;
use super::interactive::Interactive;
use super::{cannot_read_stdin, choose, file_in_box, read_source, requested_limits, stdin};
use crate::cli::remote::live::{Followed, Target, Watcher, follow};
use crate::cli::remote::{Server, limits as request_limits, source_fields, submitted};
use crate::cli::{CommandResult, Exit, Failure, OrExit};
use crate::terminal::{self, bad, dim, good, harmless};

/// Maximum size of the source and of the input that are read. The server also applies its own bounds.
const SENT_BYTES_MAX: Bytes = Bytes::mib(64);

/// Maximum output of a run without live input that a server sends as events (`docs/live.md`), in bytes.
const SENT_BY_EVENTS_MAX: usize = 4 << 20;

/// Names of the output streams.
const STREAMS: [&str; 2] = ["stdout", "stderr"];

pub(super) fn run(args: &Run, url: &str) -> CommandResult {
    let server = Server::new(url, &args.credentials)?;
    let registry = Registry::load(None)?;
    let source = read_source(&args.file, SENT_BYTES_MAX)?;
    let (language, file): (String, Option<BoxPath>) = match &args.language {
        // The server may have languages that this command does not know.
        Some(name) => (name.clone(), registry.find(name).and_then(|language| file_in_box(&args.file, language))),
        None => {
            let language = choose(&registry, args)?;
            (language.id.to_string(), file_in_box(&args.file, language))
        }
    };
    let mut request = source_fields(&language, file.as_ref(), &source);
    let arguments: Option<Vec<&str>> = args.args.iter().map(|arg| arg.to_str()).collect();
    if !args.artifact.is_empty() {
        request["artifacts"] = args.artifact.clone().into();
    }
    request["args"] = arguments.context("an argument of the program is not UTF-8").or_exit(Exit::Usage)?.into();
    let destination = Destination::of(args)?;
    let is_typed = args.stdin.is_none() && args.file != Path::new("-") && io::stdin().is_terminal();
    let is_live = args.interactive || is_typed;
    let mut limits = request_limits::body(&requested_limits(args));
    if is_live {
        waits_long(&server, &language, &mut limits)?;
    } else {
        let sent = stdin(args, SENT_BYTES_MAX)?.read(SENT_BYTES_MAX).or_exit(Exit::Usage)?;
        request["stdin_base64"] = BASE64_STANDARD.encode(sent).into();
    }
    request["limits"] = limits.into();

    let interactive = if is_live { Some(Interactive::start(args.interactive)?) } else { None };
    let target = match &interactive {
        Some(interactive) => {
            let mut start = json!({ "request": request, "interactive": true });
            if let Some(size) = interactive.terminal() {
                start["tty"] = json!({ "cols": size.columns, "rows": size.rows });
            }
            Target::Start(start)
        }
        // A message of a live connection is too small for the input.
        None => Target::Attach(submitted(&server.post("/execute", &request)?)?),
    };
    let source: Option<Arc<dyn LiveSource>> = interactive.as_ref().map(Interactive::source);
    let mut stream = Stream { silent: args.json, printed: Printed::default(), interactive };
    let followed = follow(&server, target, source, &mut stream);
    let of_terminal = stream.interactive.as_ref().and_then(Interactive::stopped_by);
    let unreadable = stream.interactive.as_ref().and_then(Interactive::read_error);
    let mut printed = std::mem::take(&mut stream.printed);
    // Restores the terminal, even if the run failed.
    drop(stream);
    let Followed { run, stopped_by, has_gap } = followed?;
    if let Some(signal) = stopped_by.or(of_terminal) {
        return Ok(Exit::Program(u8::try_from(128 + signal).unwrap_or(1)));
    }
    if let Some(why) = unreadable {
        return Err(cannot_read_stdin(&why)).or_exit(Exit::Usage);
    }
    // The exit code is that of SIGPIPE.
    let closed = Ok(Exit::Program(128 + 13));
    if printed.broken {
        return closed;
    }
    let result = server.result(&run)?;
    let mut missing = Missing::Nothing;
    if args.json {
        outln!("{result:#}");
    } else {
        // All output of a run with live input arrives as events. After a gap, it is not known what is missing.
        if !is_live && !has_gap {
            missing = printed.complete(&result);
        }
        if printed.broken {
            return closed;
        }
        show(&server, &result);
    }
    if let Some(destination) = destination {
        destination.download_all(&server, &run, &result)?;
    }
    match missing {
        Missing::Nothing => {}
        Missing::Perhaps(kept) => errln!("cupel: the output may be incomplete: {url} has kept only {kept} of it"),
        Missing::Something(there) => {
            let error = anyhow!("the output is incomplete: {url} has only the first {there} of it");
            return Err(error).or_exit(Exit::Program(125));
        }
    }
    Ok(Exit::Program(exit_code(&result)))
}

/// Sets the wall-clock and idle limits to the server's maxima, because a person may type slowly.
fn waits_long(server: &Server, language: &str, limits: &mut Map<String, Value>) -> Result<(), Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._#".contains(c);
    if !language.chars().all(is_plain) {
        return Err(anyhow!("{language:?} is not the id of a language")).or_exit(Exit::Usage);
    }
    let offered = server.get(&format!("/languages/{}", language.replace('#', "%23").replace('+', "%2B")));
    // An unknown language is a usage error, as it is without live input.
    let offered = offered.map_err(|failure| match failure.exit {
        Exit::NotFound => Failure {
            exit: Exit::Usage,
            error: failure.error.context(format!("there is no language `{}`", language.escape_debug())),
        },
        _ => failure,
    })?;
    for name in ["wall_time_ms", "idle_time_ms"] {
        limits.insert(name.to_owned(), offered["limits_max"][name].clone());
    }
    Ok(())
}

/// The exact bytes of one of these fields: `text`, or `base64` if they are not UTF-8.
fn bytes_of(text: &Value, base64: &Value) -> Vec<u8> {
    match base64.as_str() {
        Some(coded) => BASE64_STANDARD.decode(coded).unwrap_or_default(),
        None => text.as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

/// What is missing of the program's output, of all that this command has printed and the result has.
#[derive(Debug, PartialEq)]
enum Missing {
    Nothing,
    /// The server has kept only this much of the output. It may have sent the rest while the program ran.
    Perhaps(Bytes),
    /// There is output after this much.
    Something(Bytes),
}

/// The output of the program's latest attempt that this command has printed: a beginning of each stream.
#[derive(Default)]
struct Printed {
    attempt: Option<u64>,
    /// Bytes of standard output and of standard error.
    bytes: [usize; 2],
    /// The reader of standard output has closed it, so the run is cancelled.
    broken: bool,
}

impl Printed {
    /// The program starts in this attempt. Returns whether it had started before. A worker may give a run back before it
    /// starts the program, so the first start can have any number.
    fn begin(&mut self, attempt: Option<u64>) -> bool {
        let is_repeated = self.attempt.is_some_and(|earlier| Some(earlier) < attempt);
        *self = Printed { attempt, bytes: [0; 2], ..*self };
        is_repeated
    }

    fn print(&mut self, stream: usize, bytes: &[u8]) {
        let written = if STREAMS[stream] == "stderr" {
            io::stderr().write_all(bytes)
        } else {
            let mut stdout = io::stdout();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        };
        self.bytes[stream] += bytes.len();
        if let Err(error) = written {
            terminal::failed(error);
            self.broken = true;
        }
    }

    /// Prints what the result has besides, and returns what is then missing. The server sends and stores less output as
    /// events than it keeps in the result.
    fn complete(&mut self, result: &Value) -> Missing {
        let (kept, missing) = self.rest_of(result);
        for (stream, kept) in kept.iter().enumerate() {
            if let Some(rest @ [_, ..]) = kept.get(self.bytes[stream]..) {
                self.print(stream, rest);
            }
        }
        missing
    }

    /// The output in the result, of which [`Printed::bytes`] are printed, and what is missing when the rest is printed.
    fn rest_of(&mut self, result: &Value) -> ([Vec<u8>; 2], Missing) {
        if let (Some(printed), Some(last)) = (self.attempt, result["attempts"].as_u64())
            && printed != last
        {
            // The rest was not followed, and the program was started again.
            self.bytes = [0; 2];
        }
        let kept = STREAMS.map(|name| bytes_of(&result[name], &result[format!("{name}_base64")]));
        let of_events: usize = self.bytes.iter().sum();
        let total: usize = (0..2).map(|stream| kept[stream].len().max(self.bytes[stream])).sum();
        let in_result: usize = kept.iter().map(Vec::len).sum();
        let size = |bytes: usize| Bytes::new(bytes as u64);
        // The output ends at its limit, here as without a server.
        let is_at_limit = result["verdict"] == "OLE"
            && result["limits"]["output_kb"].as_u64().is_some_and(|limit| size(total) >= Bytes::kib(limit));
        let missing = if result["truncated"] != true || is_at_limit {
            Missing::Nothing
        } else if total > in_result && of_events < SENT_BY_EVENTS_MAX {
            Missing::Perhaps(size(in_result))
        } else {
            Missing::Something(size(total))
        };
        (kept, missing)
    }
}

/// Prints the program's output as it arrives.
struct Stream {
    silent: bool,
    printed: Printed,
    interactive: Option<Interactive>,
}

impl Watcher for Stream {
    fn event(&mut self, name: &str, data: &Value) {
        match name {
            "started" => {
                let is_repeated = self.printed.begin(data["attempt"].as_u64());
                if is_repeated {
                    self.note("the program is started again, because its worker could not finish it");
                }
            }
            "test.start" => {
                if let Some(interactive) = &mut self.interactive {
                    interactive.begin();
                }
            }
            "output" if !self.silent => {
                let stream = usize::from(data["stream"] == STREAMS[1]);
                self.printed.print(stream, &bytes_of(&data["text"], &data["base64"]));
            }
            "test.end" | "verdict" => {
                if let Some(interactive) = &mut self.interactive {
                    interactive.end();
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, text: &str) {
        // In raw mode, a line feed alone does not move to the start of the line.
        errln!("\r{}\r", dim(&format!("cupel: {}", harmless(text))));
    }

    fn connection(&mut self, is_lost: bool) {
        if let Some(interactive) = &mut self.interactive {
            interactive.connection(is_lost);
        }
    }

    fn cancelled(&mut self) -> bool {
        self.printed.broken || self.interactive.as_ref().is_some_and(Interactive::is_stopped)
    }
}

/// Exit code of the process; see the help of the command.
fn exit_code(result: &Value) -> u8 {
    let code = match result["verdict"].as_str().unwrap_or("JE") {
        "JE" => 125,
        "CE" | "CANCELLED" | "OLE" => 1,
        // The program may have exited by itself before the limit ended it.
        "TLE" | "ILE" => 124,
        "MLE" => 137,
        _ => match (result["exit_code"].as_i64(), result["signal"].as_i64()) {
            (Some(code), _) => code,
            (None, Some(signal)) => 128 + signal,
            (None, None) => 1,
        },
    };
    u8::try_from(code).unwrap_or(1)
}

/// Prints the compiler's output if compilation failed. Prints a summary line under the conditions of a local run.
fn show(server: &Server, result: &Value) {
    let verdict = result["verdict"].as_str().unwrap_or("none");
    if let Some(output) = result["compilation_error"].as_str() {
        errln!("{}", harmless(output.trim_end()));
    }
    let message = result["message"].as_str().filter(|_| verdict != "RTE");
    let is_killed = matches!(verdict, "RTE" | "SV") && result["signal"].is_i64();
    if !io::stderr().is_terminal() && message.is_none() && !is_killed {
        return;
    }
    let mark = if verdict == "AC" { good("✓") } else { bad("✗") };
    let what = match (result["exit_code"].as_i64(), result["signal"].as_i64(), message) {
        (_, _, Some(message)) => harmless(message),
        (Some(code), _, None) if verdict != "CE" => format!("exit code {code}"),
        (_, Some(signal), None) if verdict != "CE" => format!("killed by {}", Signal(signal.try_into().unwrap_or(0))),
        _ => Verdict::from_code(verdict).map_or_else(|| harmless(verdict), |verdict| verdict.title().to_owned()),
    };
    let number = |name: &str, unit: &str| Some(format!("{} {unit}", result[name].as_u64()?));
    let memory = result["memory_used_kb"].as_u64().map(|kb| format!("mem {:.1} MiB", kb as f64 / 1024.0));
    let facts = [
        number("execution_time_ms", "ms").map(|time| format!("cpu {time}")),
        number("wall_time_ms", "ms").map(|time| format!("wall {time}")),
        memory,
        result["language"].as_str().map(harmless),
        Some(server.url().to_owned()),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    errln!("{mark} {what} {}", dim(&format!("· {}", facts.join(" · "))));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: after a worker had given a waiting run back, the note said that a worker had failed.
    #[test]
    fn only_a_second_start_is_a_repetition() {
        let mut printed = Printed { attempt: None, bytes: [0; 2], broken: false };
        let repeated = [Some(3), Some(3), Some(4), None].map(|attempt| printed.begin(attempt));
        assert_eq!(repeated, [false, false, true, false]);
    }

    /// Regression: all output beyond the first 4 MiB was lost without a word.
    #[test]
    fn what_the_events_lack_is_printed_from_the_result_and_what_both_lack_is_reported() {
        const MIB: usize = 1 << 20;
        let result = |stdout: usize, truncated: bool| {
            json!({ "stdout": "x".repeat(stdout), "stderr": "", "truncated": truncated, "attempts": 1,
                    "verdict": "AC", "limits": { "output_kb": 16 << 10 } })
        };
        let some = |bytes: usize| Bytes::new(bytes as u64);
        for (name, printed, result, rest, missing) in [
            ("everything came", 10, result(10, false), 0, Missing::Nothing),
            ("no events came", 0, result(10, false), 10, Missing::Nothing),
            ("the events were cut", 4 * MIB, result(6 * MIB, false), 2 * MIB, Missing::Nothing),
            ("both were cut", 4 * MIB, result(8 * MIB, true), 4 * MIB, Missing::Something(some(8 * MIB))),
            ("the log and the result were cut", 90, result(100, true), 10, Missing::Something(some(100))),
            (
                "little is kept, and the events were cut",
                4 * MIB,
                result(10, true),
                0,
                Missing::Something(some(4 * MIB)),
            ),
            ("little is kept, and everything may have come", 20, result(10, true), 0, Missing::Perhaps(some(10))),
        ] {
            let mut of = Printed { attempt: Some(1), bytes: [printed, 0], broken: false };
            let (kept, found) = of.rest_of(&result);
            assert_eq!((kept[0].len().saturating_sub(of.bytes[0]), found), (rest, missing), "{name}");
        }
        let mut limited = result(5 * MIB, true);
        (limited["verdict"], limited["limits"]["output_kb"]) = (json!("OLE"), json!(5 << 10));
        let mut of = Printed { attempt: Some(1), bytes: [4 * MIB, 0], broken: false };
        assert_eq!(of.rest_of(&limited).1, Missing::Nothing, "the program printed more than it may");
    }

    #[test]
    fn the_rest_is_counted_in_the_exact_bytes_of_the_latest_attempt() {
        // Each invalid byte is three bytes long in the text.
        let result = json!({ "stdout": "a\u{fffd}\u{fffd}b", "stdout_base64": BASE64_STANDARD.encode(b"a\xff\xffb"),
                             "stderr": "err", "truncated": false, "attempts": 2 });
        for (attempt, bytes, left) in [(2, [3, 3], ["b", ""]), (1, [3, 3], ["a\u{fffd}\u{fffd}b", "err"])] {
            let mut of = Printed { attempt: Some(attempt), bytes, broken: false };
            let (kept, missing) = of.rest_of(&result);
            let rest = [0, 1].map(|stream| String::from_utf8_lossy(&kept[stream][of.bytes[stream]..]).into_owned());
            assert_eq!((rest, missing), (left.map(str::to_owned), Missing::Nothing), "attempt {attempt}");
        }
    }

    /// Regression: a run that a limit ended had the exit code of its program, even 0.
    #[test]
    fn a_limit_has_its_exit_code_even_if_the_program_exited_by_itself() {
        for (verdict, code, signal, expected) in [
            ("AC", Some(0), None, 0),
            ("RTE", Some(3), None, 3),
            ("RTE", None, Some(11), 139),
            ("SV", None, Some(31), 159),
            ("TLE", Some(0), None, 124),
            ("TLE", None, None, 124),
            ("ILE", Some(1), None, 124),
            ("MLE", Some(0), None, 137),
            // The heap of the language was full. A command without a server also exits with 137.
            ("MLE", Some(1), None, 137),
            ("MLE", None, Some(6), 137),
            ("MLE", None, None, 137),
            ("OLE", Some(0), None, 1),
            ("OLE", None, Some(13), 1),
            ("CE", Some(2), None, 1),
            ("CANCELLED", Some(0), None, 1),
            ("JE", None, None, 125),
        ] {
            let result = json!({ "verdict": verdict, "exit_code": code, "signal": signal });
            assert_eq!(exit_code(&result), expected, "{result}");
        }
        assert_eq!(exit_code(&json!({})), 125);
    }
}
