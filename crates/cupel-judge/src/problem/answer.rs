//! Interprets the exit code, messages and files of a judging program (a checker or interactor) by its protocol. The
//! functions are pure.
//!
//! Sources: Kattis problem package format, "Output validator"; testlib, `testlib.h`, `TResult`; DMOJ documentation,
//! "Bridged checkers".
//! Invariant: any answer that is not valid in the protocol is a fault of the package, never a rejection.

use std::time::Duration;

use cupel_problem::{Protocol, Score};
use cupel_types::{BoxFiles, Limits, Outcome, Output, StepReport};

use super::grade::{Named, Share};
use super::report::shortened;

/// Maximum number of bytes read from a message file or stream. Source: problemtools has the same bound.
const MESSAGE_BYTES_MAX: usize = 128 << 10;

/// Maximum number of bytes that are quoted of the messages of a program that filled its disk.
const QUOTED_BYTES_MAX: usize = 400;

/// The file with the points of a program in Python that is written for DMOJ's classes.
const POINTS_FILE: &str = "points";

/// Answer of a judging program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) decision: Decision,
    /// The points that the program awarded. If they are invalid, the package is at fault, except in a case whose points
    /// are ignored.
    pub(super) points: Option<Named>,
    /// Message for the author.
    pub(super) judge_message: Option<String>,
    /// Message for the contestant, if the problem allows it.
    pub(super) team_message: Option<String>,
}

/// Decision of a judging program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Accepted,
    WrongAnswer,
    Presentation,
    /// The program did not decide. Contains the reason, for the author.
    Fault(String),
}

impl Answer {
    pub(super) fn fault(why: impl Into<String>) -> Answer {
        Answer { decision: Decision::Fault(why.into()), points: None, judge_message: None, team_message: None }
    }
}

impl Answer {
    fn is_faulty(&self) -> bool {
        matches!(self.decision, Decision::Fault(_)) || matches!(self.points, Some(Named::Invalid(_)))
    }

    /// Names the limit on files as the reason if the program filled its disk and did not decide. `written` are the
    /// bytes of its files.
    pub(super) fn blaming_the_disk(self, written: u64, outcome: Outcome, limits: &Limits) -> Answer {
        if written < limits.disk.get() || !self.is_faulty() {
            return self;
        }
        let why = format!("it wrote more than {} of files, and {}", limits.disk, ended(outcome, limits));
        let judge_message = self.judge_message.map(|message| shortened(&message, QUOTED_BYTES_MAX).into_owned());
        Answer { judge_message, ..Answer::fault(why) }
    }
}

/// Interprets the answer of a program that has ended. `files` are the files of the program's feedback directory;
/// `limits` are the limits that a message may name. If `is_interactor`, the program is an interactor. Its standard
/// output is its part of the conversation, which may contain secrets, and never a message.
pub(super) fn read(
    protocol: &Protocol,
    report: &StepReport,
    files: &BoxFiles,
    limits: &Limits,
    is_interactor: bool,
) -> Answer {
    let stderr = message(&report.stderr.data);
    let Outcome::Exited(code) = report.outcome else {
        let why = file(files, "judgemessage.txt").and_then(|data| message(data)).or(stderr);
        return Answer { judge_message: why, ..Answer::fault(format!("it {}", ended(report.outcome, limits))) };
    };
    let mut answer = match protocol {
        Protocol::FeedbackDirectory => kattis(code, files),
        Protocol::Testlib { percent } => testlib(code, stderr.as_deref().unwrap_or_default(), *percent),
        Protocol::ExitCode => match code {
            0 => plain(Decision::Accepted),
            1 => plain(Decision::WrongAnswer),
            _ => unknown_code(code, "0 or 1"),
        },
        Protocol::PointsLine => dmoj(code, "a line `points N` with nothing after the number", || {
            points_of_lines(whole_lines(&report.stderr))
        }),
        Protocol::PythonModule { is_old } => python(code, &report.stderr, files, *is_old),
        Protocol::ShareLine => dmoj(code, "a line `partial N/M`", || share_of_lines(whole_lines(&report.stderr))),
        Protocol::ShareOnStdout => peg(code, whole_lines(&report.stdout)),
    };
    if answer.judge_message.is_none() {
        let stderr = match protocol {
            Protocol::PythonModule { .. } if answer.points.is_some() && !report.stderr.truncated => {
                stderr.and_then(|text| without_points(&text))
            }
            _ => stderr,
        };
        let stdout = || message(&report.stdout.data).filter(|_| !is_interactor);
        answer.judge_message = stderr.or_else(stdout);
    } else if answer.is_faulty() && *protocol == Protocol::FeedbackDirectory {
        // The program may have written its message before it failed.
        let parts: Vec<String> = answer.judge_message.take().into_iter().chain(stderr).collect();
        answer.judge_message = Some(parts.join("\n"));
    }
    answer
}

/// Returns a predicate for the exit codes that decide a conversation. An interactor with such a code does not accept,
/// regardless of its other output and of the program's later actions.
pub(super) fn settles(protocol: &Protocol) -> fn(i32) -> bool {
    match protocol {
        Protocol::FeedbackDirectory => |code| code != 42,
        // If points are percentages, any code may stand for points.
        Protocol::Testlib { percent: true } => |_| false,
        Protocol::Testlib { percent: false }
        | Protocol::PointsLine
        | Protocol::PythonModule { is_old: true }
        | Protocol::ShareLine => |code| !matches!(code, 0 | 7),
        Protocol::PythonModule { is_old: false } => |code| !matches!(code, 42 | 47),
        Protocol::ExitCode | Protocol::ShareOnStdout => |code| code != 0,
    }
}

fn file<'f>(files: &'f BoxFiles, name: &str) -> Option<&'f std::sync::Arc<[u8]>> {
    files.iter().find(|file| file.path.as_str() == name).map(|file| &file.data)
}

fn plain(decision: Decision) -> Answer {
    Answer { decision, points: None, judge_message: None, team_message: None }
}

fn unknown_code(code: i32, expected: &str) -> Answer {
    Answer::fault(format!("it ended with exit code {code}; expected {expected}"))
}

/// Describes how a program ended, as the predicate of a sentence. If a limit ended it, the text names the limit.
pub(super) fn ended(outcome: Outcome, limits: &Limits) -> String {
    match outcome {
        Outcome::Exited(code) => format!("ended with exit code {code}"),
        Outcome::Signalled(signal) => format!("was killed by {signal}"),
        Outcome::TimeLimit => format!("exceeded its CPU time limit of {}", seconds(limits.cpu_time)),
        Outcome::WallLimit => format!("exceeded its wall-clock limit of {}", seconds(limits.wall_time)),
        Outcome::IdleLimit => format!("exceeded its idle time limit of {}", seconds(limits.idle_time)),
        Outcome::InstructionLimit => "exceeded its instruction limit".to_owned(),
        Outcome::MemoryLimit => format!("exceeded its memory limit of {}", limits.memory),
        Outcome::OutputLimit => format!("exceeded its output limit of {}", limits.output),
        Outcome::DiskLimit => "exceeded its disk limit".to_owned(),
        Outcome::Cancelled => "was cancelled".to_owned(),
    }
}

/// Writes a time in seconds, rounded to milliseconds.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 1000.0).round() / 1000.0)
}

fn kattis(code: i32, files: &BoxFiles) -> Answer {
    let file = |name| file(files, name);
    let decision = match code {
        42 => Decision::Accepted,
        43 => Decision::WrongAnswer,
        _ => Decision::Fault(format!("it ended with exit code {code}; expected 42 or 43")),
    };
    let judge_message = file("judgemessage.txt").and_then(|data| message(data));
    let team_message = file("teammessage.txt").and_then(|data| message(data));
    let points = match (file("score.txt"), file("score_multiplier.txt")) {
        (None, None) => None,
        (Some(_), Some(_)) => Some(Named::Invalid("the checker wrote both score.txt and score_multiplier.txt")),
        (Some(score), None) => {
            let invalid = Named::Invalid("the checker's score.txt is not a number");
            Some(decimal(score).map_or(invalid, Named::Points))
        }
        (None, Some(share)) => {
            let share = std::str::from_utf8(share).ok().and_then(|text| decimal_share(text.trim(), 0));
            let invalid = Named::Invalid("the checker's score_multiplier.txt is not a number between 0 and 1");
            Some(share.map_or(invalid, Named::Share))
        }
    };
    Answer { decision, points, judge_message, team_message }
}

fn decimal(data: &[u8]) -> Option<Score> {
    std::str::from_utf8(data).ok()?.trim().parse().ok()
}

/// Parses a decimal number and multiplies it by 10 to the power of `shift`. The share has 15 decimals, because the six
/// decimals of a [`Score`] are too few for a factor: 0.666667 of 30 is not 20. A rounding error of the program beyond 0
/// or 1 is ignored.
fn decimal_share(text: &str, shift: i32) -> Option<Share> {
    const DENOMINATOR: i64 = 1_000_000_000_000_000;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let exponent = exponent.checked_add(shift)?.checked_add(9)?;
    let billionfold: Score = format!("{mantissa}e{exponent}").parse().ok()?;
    let numerator = billionfold.millionths();
    let rounded = Score::ONE.scaled(numerator, DENOMINATOR)?;
    let is_share = (Score::ZERO..=Score::ONE).contains(&rounded);
    Share::new(numerator.clamp(0, DENOMINATOR), DENOMINATOR).filter(|_| is_share)
}

/// The message's prefix takes precedence over the exit code: with testlib's default base, the code of
/// `partially correct` can be any small number.
fn testlib(code: i32, message: &str, percent: bool) -> Answer {
    if message.starts_with("partially correct") {
        let text = message.split(['(', ')']).nth(1).unwrap_or_default().trim();
        let Ok(percentage) = text.parse::<Score>() else {
            return Answer::fault("it reported `partially correct` without a number");
        };
        if !percent {
            return Answer::fault("it reported `partially correct`, but the package does not define the scale");
        }
        return share_of_hundred(text, percentage);
    }
    match code {
        0 => plain(Decision::Accepted),
        1 => plain(Decision::WrongAnswer),
        2 | 4 | 8 => plain(Decision::Presentation),
        3 => Answer::fault("it reported a fault of the package (exit code 3)"),
        7 => {
            let number = message.strip_prefix("points").map(|rest| rest.trim_start_matches("_info=").trim_start());
            let text = number.and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
            match text.parse::<Score>().ok() {
                None => Answer::fault(
                    "it ended with exit code 7, but its message does not begin with `points` and a number",
                ),
                Some(number) if percent => share_of_hundred(text, number),
                Some(number) => Answer { points: Some(Named::Points(number)), ..plain(Decision::Accepted) },
            }
        }
        _ => unknown_code(code, "0, 1, 2, 3, 4, 7 or 8"),
    }
}

/// `percent` is the number in the text.
fn share_of_hundred(text: &str, percent: Score) -> Answer {
    match decimal_share(text, -2) {
        Some(share) => Answer { points: Some(Named::Share(share)), ..plain(Decision::Accepted) },
        None => Answer::fault(format!("it gave {percent} percent of the points; expected 0 to 100")),
    }
}

/// `line` describes the line with the points.
fn dmoj(code: i32, line: &str, points: impl FnOnce() -> Option<Named>) -> Answer {
    match code {
        0 => plain(Decision::Accepted),
        1 => plain(Decision::WrongAnswer),
        2 => plain(Decision::Presentation),
        3 => Answer::fault("it reported a fault of the package (exit code 3)"),
        7 => match points() {
            Some(points) => Answer { points: Some(points), ..plain(Decision::Accepted) },
            None => Answer::fault(format!("it ended with exit code 7, but reported no points; expected {line}")),
        },
        _ => unknown_code(code, "0, 1, 2, 3 or 7"),
    }
}

/// The module writes the points to a file. Modules of older versions write only the line with the points, after the
/// program's own messages. These may repeat text of the submission, so another line is never the one with the points.
fn python(code: i32, stderr: &Output, files: &BoxFiles, is_old: bool) -> Answer {
    let (decision, has_points) = match (code, is_old) {
        (0, true) | (42, false) => (Decision::Accepted, false),
        (1, true) | (43, false) => (Decision::WrongAnswer, false),
        (7, true) | (47, false) => (Decision::Accepted, true),
        (8, true) | (48, false) => (Decision::WrongAnswer, true),
        (3, _) => return Answer::fault("it reported a fault of the package (exit code 3)"),
        (_, true) => return unknown_code(code, "0, 1, 3, 7 or 8"),
        (_, false) => return Answer::fault(format!("it ended with exit code {code} before it returned a result")),
    };
    if !has_points {
        return plain(decision);
    }
    let points = match file(files, POINTS_FILE) {
        Some(points) => decimal(points),
        None if stderr.truncated => {
            return Answer::fault(
                "its messages are so long that the points after them are lost; import the package again, so that it \
                 contains a newer version of Cupel's module",
            );
        }
        None => {
            let text = message(&stderr.data).unwrap_or_default();
            text.lines().next_back().and_then(points_of_line).and_then(|number| number.trim().parse().ok())
        }
    };
    match points {
        Some(points) => Answer { points: Some(Named::Points(points)), ..plain(decision) },
        None => Answer::fault(format!("it ended with exit code {code}, but reported no points")),
    }
}

fn points_of_line(line: &str) -> Option<&str> {
    line.trim().strip_prefix("points")
}

/// Removes the last line with points from the messages of Cupel's module: the line is for Cupel.
fn without_points(text: &str) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(at) = lines.iter().rposition(|line| points_of_line(line).is_some()) {
        lines.remove(at);
    }
    message(lines.join("\n").as_bytes())
}

/// The first two consecutive lines with positive numbers state a share of the points, even if the program rejects.
fn peg(code: i32, lines: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(lines);
    let numbers: Vec<Option<Score>> = text.lines().map(|line| line.trim().parse().ok()).collect();
    let pair = numbers.windows(2).find_map(|lines| match (lines[0], lines[1]) {
        (Some(right), Some(of)) if right > Score::ZERO && of > Score::ZERO => Some((right, of)),
        _ => None,
    });
    match (code, pair) {
        (0 | 1, Some((right, of))) => match share(right, of) {
            Some(points) => Answer { points: Some(points), ..plain(Decision::Accepted) },
            None => Answer::fault(format!("it gave {right} of {of} points, which is not a share between 0 and 1")),
        },
        (0, None) => plain(Decision::Accepted),
        (1, None) => plain(Decision::WrongAnswer),
        _ => unknown_code(code, "0 or 1"),
    }
}

fn share(right: Score, of: Score) -> Option<Named> {
    Share::new(right.millionths(), of.millionths()).map(Named::Share)
}

/// Returns the points of the first line `points N`. Source: DMOJ judge-server, `contrib/testlib.py`.
fn points_of_lines(lines: &[u8]) -> Option<Named> {
    let number = first_line(lines, |line| line.strip_prefix("points ").filter(|number| is_whole(number)))?;
    number.parse().ok().map(Named::Points)
}

/// Returns the share of the first line `partial N/M`. Source: DMOJ judge-server, `contrib/coci.py`.
fn share_of_lines(lines: &[u8]) -> Option<Named> {
    let (right, of) = first_line(lines, |line| {
        let (right, of) = line.strip_prefix("partial ")?.split_once('/')?;
        (is_whole(right) && is_whole(of) && of.bytes().any(|digit| digit != b'0')).then_some((right, of))
    })?;
    Share::new(right.parse().ok()?, of.parse().ok()?).map(Named::Share)
}

fn is_whole(number: &str) -> bool {
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn first_line<'l, T>(lines: &'l [u8], read: impl Fn(&'l str) -> Option<T>) -> Option<T> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()).find_map(read)
}

/// Returns the complete lines of a stream: the last line of a truncated stream may be incomplete.
fn whole_lines(stream: &Output) -> &[u8] {
    let end = match stream.truncated {
        false => stream.data.len(),
        true => stream.data.iter().rposition(|byte| *byte == b'\n').unwrap_or_default(),
    };
    &stream.data[..end]
}

/// Converts text of a program: bounded, without control characters except line ends and tabs; `None` if no text
/// remains.
pub(super) fn message(data: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&data[..data.len().min(MESSAGE_BYTES_MAX)]);
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use cupel_types::{BoxFile, BoxPath, Bytes, Output, Signal, Usage};

    use super::*;

    fn report(outcome: Outcome, stdout: &str, stderr: &str) -> StepReport {
        let output = |text: &str| Output { data: text.as_bytes().into(), truncated: false };
        let (stdout, stderr) = (output(stdout), output(stderr));
        StepReport { outcome, exit_code: None, signal: None, stdout, stderr, usage: Usage::default() }
    }

    fn files(files: &[(&str, &str)]) -> BoxFiles {
        let file = |(path, text): &(&str, &str)| BoxFile {
            path: BoxPath::new(path).unwrap(),
            data: text.as_bytes().into(),
            executable: false,
        };
        BoxFiles::new(files.iter().map(file).collect())
    }

    /// Formats the decision as one letter, and the points.
    fn read_as(protocol: &Protocol, code: i32, stdout: &str, stderr: &str, feedback: &[(&str, &str)]) -> String {
        let answer =
            read(protocol, &report(Outcome::Exited(code), stdout, stderr), &files(feedback), &Limits::default(), false);
        let decision = match answer.decision {
            Decision::Accepted => "A",
            Decision::WrongAnswer => "W",
            Decision::Presentation => "P",
            Decision::Fault(_) => "F",
        };
        match answer.points {
            None => decision.to_owned(),
            Some(Named::Points(points)) => format!("{decision} {points}"),
            Some(Named::Share(share)) => format!("{decision} x{}", share.of(Score::ONE).unwrap()),
            Some(Named::Invalid(_)) => "F".to_owned(),
        }
    }

    #[test]
    fn a_program_that_filled_its_disk_is_at_fault_for_that() {
        let limits = Limits { disk: Bytes::mib(64), ..Limits::default() };
        let report = |code| report(Outcome::Exited(code), "", &"m".repeat(100_000));
        let answer = |code, written| {
            let answer = read(&Protocol::FeedbackDirectory, &report(code), &BoxFiles::default(), &limits, false);
            answer.blaming_the_disk(written, Outcome::Exited(code), &limits)
        };
        let full = answer(1, 64 << 20);
        let why = "it wrote more than 64 MiB of files, and ended with exit code 1";
        assert_eq!(full.decision, Decision::Fault(why.to_owned()));
        assert!(full.judge_message.is_some_and(|message| message.len() < 500));
        for (code, written, is_fault) in [(1, 63 << 20, true), (42, 64 << 20, false)] {
            let answer = answer(code, written);
            assert_eq!(matches!(answer.decision, Decision::Fault(_)), is_fault);
            assert_eq!(answer.judge_message.map(|message| message.len()), Some(100_000));
        }
    }

    const PROTOCOLS: [Protocol; 9] = [
        Protocol::FeedbackDirectory,
        Protocol::Testlib { percent: false },
        Protocol::Testlib { percent: true },
        Protocol::ExitCode,
        Protocol::PointsLine,
        Protocol::PythonModule { is_old: true },
        Protocol::PythonModule { is_old: false },
        Protocol::ShareLine,
        Protocol::ShareOnStdout,
    ];

    #[test]
    fn an_exit_code_that_settles_a_conversation_never_accepts() {
        for protocol in PROTOCOLS {
            for code in 0..256 {
                let messages = ["", "points 1", "partial 1/2", &format!("partially correct ({code})")];
                let accepts = |message: &&str| read_as(&protocol, code, "", message, &[]).starts_with('A');
                assert!(!settles(&protocol)(code) || !messages.iter().any(accepts), "{protocol:?} {code}");
            }
            assert_ne!(settles(&protocol)(1), matches!(protocol, Protocol::Testlib { percent: true }), "{protocol:?}");
        }
    }

    #[test]
    fn every_exit_code_has_its_meaning_in_every_protocol() {
        let codes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 42, 43, 50, 139, 255];
        for (protocol, expected) in [
            (Protocol::FeedbackDirectory, "FFFFFFFFFFAWFFF"),
            (Protocol::Testlib { percent: false }, "AWPFPFFFPFFFFFF"),
            (Protocol::Testlib { percent: true }, "AWPFPFFFPFFFFFF"),
            (Protocol::ExitCode, "AWFFFFFFFFFFFFF"),
            (Protocol::PointsLine, "AWPFFFFFFFFFFFF"),
            (Protocol::PythonModule { is_old: true }, "AWFFFFFFFFFFFFF"),
            (Protocol::PythonModule { is_old: false }, "FFFFFFFFFFAWFFF"),
            (Protocol::ShareLine, "AWPFFFFFFFFFFFF"),
            (Protocol::ShareOnStdout, "AWFFFFFFFFFFFFF"),
        ] {
            let found: String = codes.iter().map(|code| read_as(&protocol, *code, "", "", &[])).collect();
            assert_eq!(found, expected, "{protocol:?}");
        }
    }

    #[test]
    fn a_program_that_does_not_end_by_itself_is_at_fault_in_every_protocol() {
        let endings = [
            Outcome::Signalled(Signal(6)),
            Outcome::Signalled(Signal(9)),
            Outcome::Signalled(Signal(11)),
            Outcome::Signalled(Signal(13)),
            Outcome::TimeLimit,
            Outcome::WallLimit,
            Outcome::IdleLimit,
            Outcome::MemoryLimit,
            Outcome::OutputLimit,
            Outcome::DiskLimit,
        ];
        for outcome in endings {
            for protocol in PROTOCOLS {
                let answer =
                    read(&protocol, &report(outcome, "", "boom"), &BoxFiles::default(), &Limits::default(), false);
                assert!(matches!(answer.decision, Decision::Fault(_)), "{outcome:?} {protocol:?}");
                assert_eq!(answer.judge_message.as_deref(), Some("boom"));
                let feedback = files(&[("judgemessage.txt", "why")]);
                let answer = read(&protocol, &report(outcome, "", "boom"), &feedback, &Limits::default(), false);
                assert_eq!(answer.judge_message.as_deref(), Some("why"));
            }
        }
    }

    #[test]
    fn a_validator_that_fails_after_its_message_shows_both_the_message_and_the_failure() {
        let feedback = files(&[("judgemessage.txt", "why")]);
        for (code, stderr, expected) in
            [(1, "Traceback: boom", "why\nTraceback: boom"), (1, "", "why"), (43, "Traceback: boom", "why")]
        {
            let report = report(Outcome::Exited(code), "", stderr);
            let answer = read(&Protocol::FeedbackDirectory, &report, &feedback, &Limits::default(), false);
            assert_eq!(answer.judge_message.as_deref(), Some(expected), "{code} {stderr}");
        }
    }

    #[test]
    fn points_are_read_where_the_protocol_puts_them() {
        let testlib = |percent| Protocol::Testlib { percent };
        let python = || Protocol::PythonModule { is_old: false };
        for (protocol, code, stdout, stderr, expected) in [
            (testlib(false), 7, "", "points 2.5 nice", "A 2.5"),
            (testlib(true), 7, "", "points 50", "A x0.5"),
            (testlib(true), 7, "", "points 101", "F"),
            (testlib(false), 7, "", "nothing", "F"),
            (testlib(false), 16, "", "partially correct (16) x", "F"),
            (testlib(true), 16, "", "partially correct (16) x", "A x0.16"),
            (testlib(true), 0, "", "partially correct (0)", "A x0"),
            (Protocol::PointsLine, 7, "", "hm\npoints 3\n", "A 3"),
            (Protocol::PythonModule { is_old: true }, 7, "", "points 9 of the checker\npoints 3\n", "A 3"),
            (Protocol::PythonModule { is_old: true }, 8, "", "hm\npoints 3\n", "W 3"),
            (python(), 47, "", "points 9 of the checker\npoints 3\n", "A 3"),
            (python(), 48, "", "hm\npoints 3\n", "W 3"),
            (python(), 48, "", "points nan", "F"),
            (python(), 43, "", "points 3", "W"),
            (python(), 47, "", "points 9 of the checker\n", "F"),
            (Protocol::PointsLine, 7, "", "points so far: 2\npoints 3 of 4\nhm points 5\npoints 6\npoints 7\n", "A 6"),
            (Protocol::PointsLine, 7, "", "points 2.5\n", "F"),
            (Protocol::PointsLine, 7, "", "points 99999999999999999999\npoints 1\n", "F"),
            (Protocol::ShareLine, 7, "", "partial\npartial 1/0\npartial 2/x\npartial 1/2\npartial 1/1\n", "A x0.5"),
            (Protocol::ShareLine, 7, "", "partial 2/1\npartial 1/2\n", "F"),
            (testlib(true), 7, "", "points 66.6666666667", "A x0.666667"),
            (Protocol::ShareLine, 7, "", "partial 1/4", "A x0.25"),
            (Protocol::ShareLine, 7, "", "partial 1/0", "F"),
            (Protocol::ShareLine, 7, "", "partial 5/4", "F"),
            (Protocol::ShareOnStdout, 0, "3\n4\n", "", "A x0.75"),
            (Protocol::ShareOnStdout, 0, "4\n3\n", "", "F"),
            (Protocol::ShareOnStdout, 0, "0\n3\n", "", "A"),
            (Protocol::ShareOnStdout, 1, "1\n10\n", "", "A x0.1"),
            (Protocol::ShareOnStdout, 1, "so near\n1\n4\n", "", "A x0.25"),
            (Protocol::ShareOnStdout, 1, "0\n10\n", "", "W"),
            (Protocol::ShareOnStdout, 1, "wrong\n", "", "W"),
        ] {
            assert_eq!(
                read_as(&protocol, code, stdout, stderr, &[]),
                expected,
                "{protocol:?} {code} {stdout:?} {stderr:?}"
            );
        }
    }

    #[test]
    fn points_are_not_read_from_a_line_that_may_be_incomplete() {
        let read = |protocol: &Protocol, code, text: &str, feedback: &[(&str, &str)]| {
            let truncated = || Output { data: text.as_bytes().into(), truncated: true };
            let report = report(Outcome::Exited(code), "", "");
            let report = StepReport { stdout: truncated(), stderr: truncated(), ..report };
            let answer = super::read(protocol, &report, &files(feedback), &Limits::default(), false);
            match answer.points {
                Some(points) => format!("{points:?}"),
                None => format!("{:?}", answer.decision),
            }
        };
        let points = |text: &str| format!("{:?}", Named::Points(text.parse().unwrap()));
        let share = |right, of| format!("{:?}", Named::Share(Share::new(right, of).unwrap()));
        let whole = |number: i64| number * 1_000_000;
        assert_eq!(read(&Protocol::PointsLine, 7, "points 3\npoints 12", &[]), points("3"));
        assert!(read(&Protocol::PointsLine, 7, "points 12", &[]).starts_with("Fault"));
        assert_eq!(read(&Protocol::ShareLine, 7, "partial 1/4\npartial 1/2", &[]), share(1, 4));
        assert!(read(&Protocol::ShareLine, 7, "hm\npartial 1/2", &[]).starts_with("Fault"));
        assert_eq!(read(&Protocol::ShareOnStdout, 0, "3\n4\n5", &[]), share(whole(3), whole(4)));
        assert_eq!(read(&Protocol::ShareOnStdout, 0, "3\n4", &[]), "Accepted");
        // A grader in Python may repeat a line of the submission.
        let python = Protocol::PythonModule { is_old: false };
        assert!(read(&python, 47, "points 100\n...", &[]).starts_with("Fault"));
        assert_eq!(read(&python, 47, "points 100\n...", &[("points", "2.500000\n")]), points("2.5"));
        assert!(read(&python, 47, "points 100\n...", &[("points", "nan")]).starts_with("Fault"));
    }

    #[test]
    fn a_share_has_more_decimals_than_a_score() {
        let thirty: Score = "30".parse().unwrap();
        for (text, shift, expected) in [
            ("0.6666666666666666", 0, Some("20")),
            ("66.6666666666", -2, Some("20")),
            ("6.666666666667e-1", 0, Some("20")),
            ("1", 0, Some("30")),
            ("1.0000000000000002", 0, Some("30")),
            ("-1e-16", 0, Some("0")),
            ("1.5", 0, None),
            ("-0.5", 0, None),
            ("100", 0, None),
            ("nan", 0, None),
            ("", 0, None),
            ("1e9999999999", 0, None),
        ] {
            let found = decimal_share(text, shift).map(|share| share.of(thirty).unwrap().to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_output_of_an_interactor_is_no_message() {
        for protocol in PROTOCOLS {
            for code in [0, 1, 3, 7, 42, 43, 139] {
                let report = |stderr| report(Outcome::Exited(code), "the secret number is 5", stderr);
                let message = |stderr| {
                    read(&protocol, &report(stderr), &BoxFiles::default(), &Limits::default(), true).judge_message
                };
                assert_eq!(message(""), None, "{protocol:?} {code}");
                assert_eq!(message("too many questions").as_deref(), Some("too many questions"), "{protocol:?} {code}");
            }
        }
    }

    #[test]
    fn the_line_with_the_points_of_a_grader_in_python_is_no_message() {
        let python = Protocol::PythonModule { is_old: false };
        for (stderr, expected) in [
            ("points 5.000000\n", None),
            ("two of three\n\npoints 5.000000\n", Some("two of three")),
            ("points 9 of the checker\npoints 3\n", Some("points 9 of the checker")),
        ] {
            let report = report(Outcome::Exited(47), "", stderr);
            let answer = read(&python, &report, &BoxFiles::default(), &Limits::default(), true);
            assert!(answer.points.is_some());
            assert_eq!(answer.judge_message.as_deref(), expected, "{stderr}");
        }
    }

    #[test]
    fn the_feedback_directory_of_kattis_is_read() {
        let kattis = |code, files: &[(&str, &str)]| read_as(&Protocol::FeedbackDirectory, code, "", "", files);
        assert_eq!(kattis(42, &[("score.txt", " 12.5\n")]), "A 12.5");
        assert_eq!(kattis(43, &[("score.txt", "1")]), "W 1");
        assert_eq!(kattis(42, &[("score_multiplier.txt", "0.25")]), "A x0.25");
        assert_eq!(kattis(42, &[("score_multiplier.txt", "1.5")]), "F");
        assert_eq!(kattis(42, &[("score.txt", "x")]), "F");
        assert_eq!(kattis(42, &[("score.txt", "1"), ("score_multiplier.txt", "1")]).chars().next(), Some('F'));
        let feedback = files(&[("judgemessage.txt", "seen\u{1b}[1m it"), ("teammessage.txt", "no")]);
        let answer = read(
            &Protocol::FeedbackDirectory,
            &report(Outcome::Exited(43), "", "noise"),
            &feedback,
            &Limits::default(),
            false,
        );
        assert_eq!(answer.judge_message.as_deref(), Some("seen[1m it"));
        assert_eq!(answer.team_message.as_deref(), Some("no"));
    }
}
