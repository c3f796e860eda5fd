//! Input validators: every one must accept the input of every case, and one at least must reject each input that is to be rejected.
//!
//! Source: Kattis problem package format, "Input validators": 42 accepts, 43 rejects; testlib, `registerValidation`: 0 accepts.

use std::collections::HashMap;
use std::sync::Arc;

use cupel_problem::{ContentHash, FileRef, InputValidator, Package, Program};
use cupel_types::{Bytes, Outcome};

use super::report::Subject;
use super::{Quiet, Verifying, build};
use crate::executor::{Collect, StdinSource, StepInput, StepKind};
use crate::problem::case::stdin;
use crate::problem::check::Unheard;
use crate::problem::program::Runnable;
use crate::problem::{ProblemError, limits};

const RULE: &str = "input validation";

/// What a validator said of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Accepted,
    /// Its words.
    Rejected(String),
    /// It did not decide: why.
    Fault(String),
}

/// Validators by program, with what is known of inputs already.
struct Ready<'p> {
    program: &'p Program,
    kattis: bool,
    runnable: Runnable,
    known: HashMap<(ContentHash, Vec<String>), Said>,
    /// Whether it did not decide once: it may have hung, and is not asked about other cases.
    is_faulty: bool,
}

/// Looks at all cases and at all inputs that are to be rejected.
pub(super) fn verify(verifying: &mut Verifying<'_, '_>) -> Result<(), ProblemError> {
    let package = verifying.request.package;
    let problem = &package.problem;
    let mut ready = Vec::new();
    for validator in &problem.validators {
        let (program, kattis) = match validator {
            InputValidator::Kattis(program) => (program, true),
            InputValidator::Testlib(program) => (program, false),
            InputValidator::Checktestdata(file) => {
                let note = format!("{}: checktestdata is not run here; nothing was held against it", file.path);
                verifying.notes.push(note);
                continue;
            }
        };
        match build(verifying, program)? {
            Ok(runnable) => ready.push(Ready { program, kattis, runnable, known: HashMap::new(), is_faulty: false }),
            Err(why) => {
                let subject = Subject::Validator(program.path.clone());
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
            let said = validator.ask(verifying, package, &case.input, &case.validator_args)?;
            let holds = said == Said::Accepted;
            let subject = Subject::Validator(validator.program.path.clone());
            verifying.claim(subject, RULE, "accepted", told(said), Some(case.id.as_str()), holds);
        }
    }
    for trial in &problem.trials.invalid_inputs {
        let was_faulty = ready.iter().any(|validator| validator.is_faulty);
        let mut rejected = None;
        let mut last = None;
        for validator in ready.iter_mut().filter(|validator| !validator.is_faulty) {
            let said = validator.ask(verifying, package, &trial.input, &trial.validator_args)?;
            last = Some((validator.program.path.clone(), said.clone()));
            match said {
                Said::Rejected(_) => rejected = last.clone(),
                // Whatever others say of it.
                Said::Fault(_) => break,
                Said::Accepted => {}
            }
        }
        let fault = last.clone().filter(|(_, said)| matches!(said, Said::Fault(_)));
        // Whether one that is faulty would have rejected it, nobody knows.
        if was_faulty && rejected.is_none() && fault.is_none() {
            continue;
        }
        let Some((path, said)) = fault.or(rejected).or(last) else {
            verifying.notes.push(format!("{}: there is no validator that could reject it", trial.name));
            continue;
        };
        let holds = matches!(said, Said::Rejected(_));
        verifying.claim(Subject::Validator(path), RULE, "rejected", told(said), Some(&trial.name), holds);
    }
    Ok(())
}

fn told(said: Said) -> String {
    match said {
        Said::Accepted => "accepted".to_owned(),
        Said::Rejected(words) if words.is_empty() => "rejected".to_owned(),
        Said::Rejected(words) => format!("rejected: {words}"),
        Said::Fault(why) => why,
    }
}

impl Ready<'_> {
    /// Equal inputs are looked at once.
    fn ask(
        &mut self,
        verifying: &mut Verifying<'_, '_>,
        package: &Package,
        input: &FileRef,
        args: &[String],
    ) -> Result<Said, ProblemError> {
        let key = (input.hash, args.to_vec());
        if let Some(said) = self.known.get(&key) {
            return Ok(said.clone());
        }
        let said = self.run(verifying, stdin(package, input)?, args)?;
        self.is_faulty |= matches!(said, Said::Fault(_));
        self.known.insert(key, said.clone());
        Ok(said)
    }

    fn run(
        &self,
        verifying: &mut Verifying<'_, '_>,
        stdin: StdinSource,
        args: &[String],
    ) -> Result<Said, ProblemError> {
        let argv: Vec<String> = self.runnable.argv.iter().chain(args).cloned().collect();
        let given = self.runnable.files.iter().map(cupel_types::BoxFiles::total_bytes).sum();
        let step = StepInput {
            kind: StepKind::Execute,
            argv: &argv,
            env: &self.runnable.env,
            files: &self.runnable.files,
            stdin,
            limits: limits::of_author(
                &verifying.request.package.problem.limits.validation,
                self.runnable.limits,
                given,
            ),
            keep: Bytes::kib(4),
            collect: Collect::Nothing,
            result: false,
        };
        let report = verifying.executor.execute(step, &mut Unheard(&mut Quiet(verifying.observer)))?.report;
        let words = |data: &Arc<[u8]>| String::from_utf8_lossy(data).trim().to_owned();
        let said = match words(&report.stderr.data) {
            empty if empty.is_empty() => words(&report.stdout.data),
            said => said,
        };
        Ok(match (report.outcome, self.kattis) {
            (Outcome::Exited(42), true) | (Outcome::Exited(0), false) => Said::Accepted,
            (Outcome::Exited(43), true) | (Outcome::Exited(_), false) => Said::Rejected(said),
            (Outcome::Exited(code), true) => {
                Said::Fault(format!("it ended with exit code {code}, where 42 or 43 is expected: {said}"))
            }
            (outcome, _) => Said::Fault(format!("it did not end by itself ({outcome:?}): {said}")),
        })
    }
}
