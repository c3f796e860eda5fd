//! Runs the input validators. All that can be run here must accept the input of every case, and at least one of them
//! must reject each input that is expected to be invalid.
//!
//! Source: Kattis problem package format, "Input validators": 42 accepts, 43 rejects; testlib, `registerValidation`: 0
//! accepts. If the PyPI package `checktestdata` is installed, it interprets grammars in DOMjudge's language of that
//! name. This PyPI package runs in the sandbox: contest organizers maintain it, and a grammar is as untrusted as a
//! program.

use std::collections::HashMap;
use std::sync::Arc;

use cupel_problem::{ContentHash, FileRef, InputValidator, Package, PackagePath, ProgramShape};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits, Outcome};

use super::report::Subject;
use super::{Quiet, Verifying, build};
use crate::executor::{Collect, StdinSource, StepInput, StepKind};
use crate::problem::answer::ended;
use crate::problem::check::IgnoreOutput;
use crate::problem::data::stdin;
use crate::problem::program::{self, Built, Runnable};
use crate::problem::{ProblemError, limits};

const RULE: &str = "input validation";

/// A validator's decision on an input.
#[derive(Clone, Debug, PartialEq, Eq)]
enum InputDecision {
    Accepted,
    /// The validator rejects, with its message.
    Rejected(String),
    /// The validator did not decide; the reason.
    Fault(String),
}

/// The exit codes with which a validator reports its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codes {
    /// 42 accepts, 43 rejects.
    FortyTwo,
    /// 0 accepts, any other code rejects.
    Zero,
    /// 0 accepts, 1 rejects.
    Checktestdata,
}

/// Interprets a grammar in the checktestdata language.
const CHECKTESTDATA: &str = include_str!("checktestdata.py");

/// A validator ready to run, with its decisions so far.
struct Ready<'p> {
    path: &'p PackagePath,
    codes: Codes,
    runnable: Runnable,
    known: HashMap<(ContentHash, Vec<String>), InputDecision>,
    /// Whether the validator has once failed to decide. It may have hung, so it is not run on other cases.
    is_faulty: bool,
}

/// Checks all cases, and all inputs that are expected to be invalid.
pub(super) fn verify(verifying: &mut Verifying<'_, '_>) -> Result<(), ProblemError> {
    let package = verifying.request.package;
    let problem = &package.problem;
    let mut ready = Vec::new();
    for validator in &problem.validators {
        if let InputValidator::ExitCode42(program) | InputValidator::ExitCode0(program) = validator
            && program.shape == ProgramShape::Sources
            && let Err(program::NoLanguage::NotHere(why)) = program::language_of(program, verifying.request.languages)
        {
            verifying.notes.push(format!("{}: not tried here: {why}", program.path));
            continue;
        }
        let (path, codes, built) = match validator {
            InputValidator::ExitCode42(program) => (&program.path, Codes::FortyTwo, build(verifying, program)?),
            InputValidator::ExitCode0(program) => (&program.path, Codes::Zero, build(verifying, program)?),
            InputValidator::Checktestdata(file) => match checktestdata(verifying, file)? {
                Some(runnable) => (&file.path, Codes::Checktestdata, Ok(runnable)),
                None => {
                    let note =
                        format!("{}: checktestdata is not installed, so no input was checked against it", file.path);
                    verifying.notes.push(note);
                    continue;
                }
            },
        };
        match built {
            Ok(runnable) => ready.push(Ready { path, codes, runnable, known: HashMap::new(), is_faulty: false }),
            Err(why) => {
                let subject = Subject::Validator(path.clone());
                verifying.claim(subject, RULE, "a program that builds", why, None, false);
            }
        }
    }
    for case in problem.tests.cases() {
        for validator in &mut ready {
            if verifying.cancelled() {
                return Ok(());
            }
            if validator.is_faulty {
                continue;
            }
            let args = [case.validator_args.of(validator.path), &case.args[..]].concat();
            let decision = validator.ask(verifying, package, &case.input, &args)?;
            let holds = decision == InputDecision::Accepted;
            let subject = Subject::Validator(validator.path.clone());
            verifying.claim(subject, RULE, "accepted", shown(decision), Some(case.id.as_str()), holds);
        }
    }
    for trial in &problem.trials.invalid_inputs {
        let was_faulty = ready.iter().any(|validator| validator.is_faulty);
        let mut rejected = None;
        let mut last = None;
        for validator in ready.iter_mut().filter(|validator| !validator.is_faulty) {
            let decision = validator.ask(verifying, package, &trial.input, trial.validator_args.of(validator.path))?;
            last = Some((validator.path.clone(), decision.clone()));
            match decision {
                InputDecision::Rejected(_) => rejected = last.clone(),
                // A fault decides, regardless of the decisions of the other validators.
                InputDecision::Fault(_) => break,
                InputDecision::Accepted => {}
            }
        }
        let fault = last.clone().filter(|(_, decision)| matches!(decision, InputDecision::Fault(_)));
        // The faulty validator might have rejected the input.
        if was_faulty && rejected.is_none() && fault.is_none() {
            continue;
        }
        let Some((path, decision)) = fault.or(rejected).or(last) else {
            verifying.notes.push(format!("{}: no validator is available to reject it", trial.name));
            continue;
        };
        let holds = matches!(decision, InputDecision::Rejected(_));
        verifying.claim(Subject::Validator(path), RULE, "rejected", shown(decision), Some(&trial.name), holds);
    }
    Ok(())
}

/// Returns the interpreter of a grammar in the checktestdata language; `None` if it is not available.
fn checktestdata(verifying: &mut Verifying<'_, '_>, grammar: &FileRef) -> Result<Option<Runnable>, ProblemError> {
    let Some(python) = verifying.request.languages.find("python").filter(|python| python.is_available()) else {
        return Ok(None);
    };
    let texts = [
        ("main.py", CHECKTESTDATA.as_bytes().into()),
        ("grammar.ctd", program::read(verifying.request.package, grammar)?),
    ];
    let file = |(path, data)| Some(BoxFile { path: BoxPath::new(path).ok()?, data, executable: false });
    let files = texts.into_iter().filter_map(file).collect();
    let memory = verifying.request.package.problem.limits.validation.memory;
    let Verifying { builder, executor, observer, .. } = verifying;
    let built = builder.sources(&BoxFiles::new(files), None, python, memory, *executor, &mut Quiet(*observer))?;
    let Built::Ok(runnable, _) = built else { return Ok(None) };
    let nothing = StdinSource::Bytes(Arc::from([]));
    let (outcome, ..) = run(&runnable, verifying, nothing, &["--version".to_owned()])?;
    Ok((outcome == Outcome::Exited(0)).then_some(*runnable))
}

fn shown(decision: InputDecision) -> String {
    match decision {
        InputDecision::Accepted => "accepted".to_owned(),
        InputDecision::Rejected(words) if words.is_empty() => "rejected".to_owned(),
        InputDecision::Rejected(words) => format!("rejected: {words}"),
        InputDecision::Fault(why) => why,
    }
}

impl Ready<'_> {
    /// Runs the validator, once for each combination of input and arguments.
    fn ask(
        &mut self,
        verifying: &mut Verifying<'_, '_>,
        package: &Package,
        input: &FileRef,
        args: &[String],
    ) -> Result<InputDecision, ProblemError> {
        let key = (input.hash, args.to_vec());
        if let Some(decision) = self.known.get(&key) {
            return Ok(decision.clone());
        }
        let (outcome, words, limits) = run(&self.runnable, verifying, stdin(package, input)?, args)?;
        let saying = if words.is_empty() { String::new() } else { format!(": {words}") };
        let decision = match (self.codes, outcome) {
            (Codes::FortyTwo, Outcome::Exited(42)) => InputDecision::Accepted,
            (Codes::Zero | Codes::Checktestdata, Outcome::Exited(0)) => InputDecision::Accepted,
            (Codes::FortyTwo, Outcome::Exited(43)) => InputDecision::Rejected(words),
            (Codes::Zero, Outcome::Exited(_)) => InputDecision::Rejected(words),
            (Codes::Checktestdata, Outcome::Exited(1)) => InputDecision::Rejected(words),
            (Codes::Checktestdata, Outcome::Exited(_)) => {
                InputDecision::Fault(format!("the grammar is faulty{saying}"))
            }
            (Codes::FortyTwo, Outcome::Exited(code)) => {
                InputDecision::Fault(format!("it ended with exit code {code}; expected 42 or 43{saying}"))
            }
            (_, outcome) => InputDecision::Fault(format!("it {}{saying}", ended(outcome, &limits))),
        };
        self.is_faulty |= matches!(decision, InputDecision::Fault(_));
        self.known.insert(key, decision.clone());
        Ok(decision)
    }
}

/// Returns the validator's outcome on an input, its message, and the limits that a message may name.
fn run(
    runnable: &Runnable,
    verifying: &mut Verifying<'_, '_>,
    stdin: StdinSource,
    args: &[String],
) -> Result<(Outcome, String, Limits), ProblemError> {
    let argv: Vec<String> = runnable.argv.iter().chain(args).cloned().collect();
    let input_bytes = runnable.files.iter().map(BoxFiles::total_bytes).sum();
    let bounds = &verifying.request.package.problem.limits.validation;
    let limits = limits::of_author(bounds, runnable.limits, input_bytes);
    let step = StepInput {
        kind: StepKind::Execute,
        root: &runnable.root,
        argv: &argv,
        env: &runnable.env,
        files: &runnable.files,
        counted_files: Bytes::ZERO,
        stdin,
        limits,
        keep: Bytes::kib(4),
        collect: Collect::Nothing,
        stderr_to_stdout: false,
        result: false,
    };
    let report = verifying.executor.execute(step, &mut IgnoreOutput(&mut Quiet(verifying.observer)))?.report;
    let words = |data: &Arc<[u8]>| String::from_utf8_lossy(data).trim().to_owned();
    let message = match words(&report.stderr.data) {
        empty if empty.is_empty() => words(&report.stdout.data),
        message => message,
    };
    Ok((report.outcome, message, limits::shown(limits, bounds)))
}
