//! Builds the judging programs, runs the generators, and tests checkers and interactors with outputs whose verdict is
//! known, and with random bytes.
//!
//! A built-in comparison must accept every answer of the package. A checker that is a program may require outputs that
//! differ from the answers, but if the package has no accepted submission and no valid output, the checker must accept
//! the answers, because nothing else shows that it accepts anything. A checker that is a program must also decide about
//! the answers, an empty output, and random bytes, as about any output of a submission. Source: problemtools,
//! `verifyproblem`, which also uses random bytes.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;

use cupel_function::FunctionCase;
use cupel_problem::{
    Case, CasePoints, Checker, Comparison, FileRef, GroupName, Interactor, JudgeProgram, Method, OutputTrial,
    PackagePath, Passes, Problem, Program, Protocol, Signature,
};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Limits, LimitsRequest, Root, Verdict};

use super::report::Subject;
use super::{Claim, Quiet, Verifying, build, must_be_accepted};
use crate::problem::answer::Decision;
use crate::problem::case::EqualCases;
use crate::problem::check::{self, Data};
use crate::problem::data::Made;
use crate::problem::generate;
use crate::problem::grade::Named;
use crate::problem::limits::CaseLimits;
use crate::problem::program::Runnable;
use crate::problem::{Options, ProblemError, ProblemRequest, begin, program};
use crate::{BuiltIn, CompareResult};

const RULE: &str = "output validation";
const OF_GENERATORS: &str = "test data";
const JUNK_BYTES: usize = 1024;
const ANSWER: &str = "the answer";

const ANSWER_ACCEPTED: &str = "the answer accepted";

/// Note about a judging program of a package without an accepted submission, if no output is known that it must accept.
const UNPROVED: &str =
    "there is no accepted submission, and no answer to try, so it is unknown whether it accepts anything";

/// Note about a function problem that some languages cannot solve.
const UNSOLVABLE: &str = "a function there cannot change the length of its argument like this; set `function.returns` in place of \
    `mutates`, or do not allow the language";

/// Checks all answers and output trials.
pub(super) fn verify(verifying: &mut Verifying<'_, '_>) -> Result<(), ProblemError> {
    let package = verifying.request.package;
    let problem = &package.problem;
    let (mut seen, mut faulty) = (HashSet::new(), unbuilt(verifying)?);
    let mut checks = BTreeMap::new();
    for case in problem.tests.cases().filter(|case| seen.insert(EqualCases::of(case))) {
        if verifying.cancelled() {
            return Ok(());
        }
        let made = match &case.made {
            None => None,
            // A generator that hung in one case would hang in every case.
            Some(how) if faulty.contains(&how.by.program) => continue,
            Some(how) => match generated(verifying, case, how)? {
                Some(made) => Some(made),
                None => {
                    faulty.insert(&how.by.program);
                    continue;
                }
            },
        };
        match &*case.method {
            Method::Check(_) if made.is_some() && problem.signature.is_some() => {}
            // The outputs are values that functions return, so random bytes cannot occur.
            Method::Check(_) if let Some(signature) = &problem.signature => values(verifying, case, signature)?,
            Method::Check(Checker::Builtin(_)) if made.is_some() => {}
            Method::Check(Checker::Builtin(comparison)) => answer(verifying, case, comparison)?,
            // A checker that hung in one case would hang in every case.
            Method::Check(Checker::Program(program)) if faulty.contains(&program.program) => {}
            Method::Check(Checker::Program(program)) => {
                if !decides(verifying, case, program, made.as_ref())? {
                    faulty.insert(&program.program);
                }
            }
            Method::Interact(interactor) if faulty.contains(&interactor.program.program) => {}
            Method::Interact(interactor) => check_interactor(verifying, case, interactor, &mut checks)?,
        }
    }
    if lacks_accepted(problem) {
        note_unproved(verifying, &faulty);
    }
    // Submissions prove more about an interactor than these outputs.
    if problem.submissions.is_empty() {
        for (path, check) in checks {
            let got = if check.is_decided { "a decision".to_owned() } else { format!("JE: {}", check.failure) };
            let expected = "a decision about some output";
            verifying.claim(Subject::Checker(path.to_string()), RULE, expected, got, None, check.is_decided);
        }
    }
    for (trials, accepted) in [(&problem.trials.valid_outputs, true), (&problem.trials.invalid_outputs, false)] {
        for trial in trials {
            let is_faulty = |checker: &JudgeProgram| faulty.contains(&checker.program);
            if check::program_of_method(&trial.method).is_some_and(is_faulty) {
                continue;
            }
            try_output(verifying, trial, accepted)?;
        }
    }
    Ok(())
}

/// Whether no submission of the package must be accepted on all tests.
fn lacks_accepted(problem: &Problem) -> bool {
    !problem.submissions.iter().any(must_be_accepted)
}

/// Adds a note for each checker and interactor that may accept nothing, because the package contains no output that it
/// must accept.
fn note_unproved(verifying: &mut Verifying<'_, '_>, faulty: &HashSet<&Program>) {
    let problem = &verifying.request.package.problem;
    let mut seen = faulty.clone();
    for case in problem.tests.cases() {
        let program = match &*case.method {
            Method::Interact(interactor) => &interactor.program.program,
            Method::Check(Checker::Program(checker)) if problem.trials.valid_outputs.is_empty() => &checker.program,
            Method::Check(_) => continue,
        };
        let path = &program.path;
        let subject = Subject::Checker(path.to_string());
        let is_tried = |claim: &Claim| claim.subject == subject && claim.expected == ANSWER_ACCEPTED;
        if seen.insert(program) && !verifying.claims.iter().any(is_tried) {
            verifying.notes.push(format!("{path}: {UNPROVED}"));
        }
    }
}

/// Builds the judging programs and generators. Returns those that do not build; each has a claim that does not hold.
fn unbuilt<'a>(verifying: &mut Verifying<'a, '_>) -> Result<HashSet<&'a Program>, ProblemError> {
    let package = verifying.request.package;
    let problem = &package.problem;
    let mut found = HashSet::new();
    for judging in program::judging_programs(problem) {
        if verifying.cancelled() {
            break;
        }
        let missing = program::missing_language(judging, verifying.request.languages);
        let (expected, why) = match missing {
            Some(why) => ("a program in a language that is installed here", why),
            None => match build(verifying, judging)? {
                Ok(_) => continue,
                Err(why) => ("a program that builds", why),
            },
        };
        let is_generator = problem.tests.cases().filter_map(|case| case.made.as_ref());
        let (subject, rule) = match is_generator.map(|made| &made.by.program.path).any(|path| *path == judging.path) {
            true => (Subject::Generator(judging.path.clone()), OF_GENERATORS),
            false => (Subject::Checker(judging.path.to_string()), RULE),
        };
        verifying.claim(subject, rule, expected, why, None, false);
        found.insert(judging);
    }
    Ok(found)
}

/// Runs the generator of a case. Returns `None` if the generator fails.
fn generated(
    verifying: &mut Verifying<'_, '_>,
    case: &Case,
    how: &cupel_problem::Made,
) -> Result<Option<Made>, ProblemError> {
    let generator = &how.by.program;
    let made = match build(verifying, generator)? {
        Ok(runnable) => {
            let Verifying { request, executor, observer, .. } = verifying;
            generate::run(&runnable, request.package, case, how, *executor, &mut Quiet(*observer))?
        }
        Err(why) => Err(why),
    };
    let (got, made) = match made {
        Ok(made) => ("the data".to_owned(), Some(made)),
        Err(why) => (why, None),
    };
    let subject = Subject::Generator(generator.path.clone());
    verifying.claim(subject, OF_GENERATORS, "the data of the test", got, Some(case.id.as_str()), made.is_some());
    Ok(made)
}

/// Checks a test of a function: its arguments and its expected result must be values of the declared types.
fn values(verifying: &mut Verifying<'_, '_>, case: &Case, signature: &Signature) -> Result<(), ProblemError> {
    let package = verifying.request.package;
    let call = match FunctionCase::read(signature, &program::read(package, &case.input)?) {
        Ok(call) => call,
        Err(why) => {
            let subject = Subject::Checker(case.input.path.to_string());
            verifying.claim(
                subject,
                RULE,
                "valid arguments of the function",
                why.to_string(),
                Some(case.id.as_str()),
                false,
            );
            return Ok(());
        }
    };
    let Some(answer) = case.answer.as_ref().filter(|_| !signature.compare.is_by_checker()) else { return Ok(()) };
    let (got, holds) = match call.expected(&program::read(package, answer)?) {
        Ok(expected) => {
            note_unsolvable(verifying, answer, call.unsolvable_with(&expected));
            ("a valid value".to_owned(), true)
        }
        Err(why) => (why.to_string(), false),
    };
    let subject = Subject::Checker(answer.path.to_string());
    verifying.claim(subject, RULE, "a value that the function may return", got, Some(case.id.as_str()), holds);
    Ok(())
}

/// Adds a note, once, if no function in a language of the problem can make this answer of its argument.
fn note_unsolvable(verifying: &mut Verifying<'_, '_>, answer: &FileRef, drivers: &[&str]) {
    let allowed = verifying.request.package.problem.limits.languages.as_deref();
    // The registry may lack languages that no program of the package uses, but languages are named like their drivers.
    let of_problem = |driver: &&str| allowed.is_none_or(|ids| ids.iter().any(|id| id.without_image() == *driver));
    let languages: Vec<&str> = drivers.iter().copied().filter(of_problem).collect();
    if !languages.is_empty() && !verifying.notes.iter().any(|note| note.ends_with(UNSOLVABLE)) {
        verifying.notes.push(format!("{}: not possible in {}: {UNSOLVABLE}", answer.path, languages.join(", ")));
    }
}

/// Checks that a built-in comparison accepts an answer as an output.
fn answer(verifying: &mut Verifying<'_, '_>, case: &Case, comparison: &Comparison) -> Result<(), ProblemError> {
    let Some(answer) = &case.answer else { return Ok(()) };
    let found = difference(verifying, comparison, answer, answer)?;
    let most = case.limits.output.unwrap_or(verifying.request.package.problem.limits.output);
    let (got, holds) = match found {
        _ if answer.size > most => (format!("{}; a submission may write at most {most}", answer.size), false),
        None => ("accepted".to_owned(), true),
        Some(why) => (format!("rejected: {why}"), false),
    };
    verifying.claim(
        Subject::Checker(name_of(comparison)),
        RULE,
        "the answer accepted",
        got,
        Some(case.id.as_str()),
        holds,
    );
    Ok(())
}

/// Returns why a comparison rejects an output; `None` if it accepts.
fn difference(
    verifying: &Verifying<'_, '_>,
    comparison: &Comparison,
    answer: &FileRef,
    output: &FileRef,
) -> Result<Option<String>, ProblemError> {
    let package = verifying.request.package;
    let failed = |file: &FileRef| {
        let path = file.path.clone();
        move |source| ProblemError::Package { path, source }
    };
    let expected = io::BufReader::new(package.open(answer).map_err(failed(answer))?);
    let mut comparer = BuiltIn::from(comparison.clone()).compare(expected);
    let mut written = package.open(output).map_err(failed(output))?;
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = written.read(&mut piece).map_err(failed(output))?;
        if count == 0 {
            break;
        }
        comparer.output(&piece[..count]).map_err(failed(answer))?;
    }
    Ok(match comparer.finish().map_err(failed(answer))? {
        CompareResult::Same => None,
        CompareResult::Presentation(difference) | CompareResult::Different(difference) => Some(difference.for_author()),
        CompareResult::Share { right, of } => Some(format!("{right} of {of} lines are right")),
    })
}

fn name_of(comparison: &Comparison) -> String {
    let text = format!("{comparison:?}");
    text.split(['(', ' ', '{']).next().unwrap_or_default().to_lowercase()
}

/// Checks that a checker of the package decides about the case's answer, about an empty output, and about random bytes.
/// Returns whether the checker does.
fn decides(
    verifying: &mut Verifying<'_, '_>,
    case: &Case,
    checker: &JudgeProgram,
    made: Option<&Made>,
) -> Result<bool, ProblemError> {
    let package = verifying.request.package;
    let answer = check::data_of(package, case, None, None, BoxFiles::default(), made)?.answer;
    // Accepted submissions and valid outputs prove that the checker accepts. Without them, the answer must prove it.
    // The answer of a problem with several passes is no output of the first.
    let problem = &package.problem;
    let proves = lacks_accepted(problem) && problem.trials.valid_outputs.is_empty() && problem.passes == Passes::One;
    let mut outputs: Vec<(&str, Arc<[u8]>)> = vec![("an empty output", Arc::from([])), ("random bytes", junk())];
    outputs.extend(answer.map(|answer| (ANSWER, answer)));
    for (what, output) in outputs {
        let data = check::data_of(package, case, None, Some(output), BoxFiles::default(), made)?;
        let must_accept = proves && what == ANSWER && !data.output.as_ref().is_none_or(|output| output.is_empty());
        let (decision, message) = decision(verifying, checker, &data, case.points)?;
        let holds = match must_accept {
            true => decision == Decision::Accepted,
            false => !matches!(decision, Decision::Fault(_)),
        };
        let subject = Subject::Checker(checker.program.path.to_string());
        let expected = if must_accept { ANSWER_ACCEPTED.to_owned() } else { format!("a decision about {what}") };
        let got = match message.filter(|_| !holds && !matches!(decision, Decision::Fault(_))) {
            Some(message) => format!("{}: {message}", shown(decision)),
            None => shown(decision),
        };
        verifying.claim(subject, RULE, &expected, got, Some(case.id.as_str()), holds);
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the decision of a checker, and its message. `points` are those of the case.
fn decision(
    verifying: &mut Verifying<'_, '_>,
    checker: &JudgeProgram,
    data: &Data,
    points: CasePoints,
) -> Result<(Decision, Option<String>), ProblemError> {
    let runnable = match build(verifying, &checker.program)? {
        Ok(runnable) => runnable,
        Err(why) => return Ok((Decision::Fault(why), None)),
    };
    let bounds = verifying.request.package.problem.limits.validation;
    let checked = check::run(checker, &runnable, data, &bounds, verifying.executor, &mut Quiet(verifying.observer))?;
    let message = checked.answer.judge_message;
    let decision = match (checked.answer.decision, checked.answer.points) {
        (Decision::Accepted | Decision::WrongAnswer | Decision::Presentation, Some(Named::Invalid(why)))
            if points != CasePoints::Ignored =>
        {
            Decision::Fault(why.to_owned())
        }
        (decision, _) => decision,
    };
    Ok(match (decision, message) {
        (Decision::Fault(why), Some(message)) => (Decision::Fault(format!("{why}: {message}")), None),
        (decision, message) => (decision, message),
    })
}

fn shown(decision: Decision) -> String {
    match decision {
        Decision::Accepted => "accepted".to_owned(),
        Decision::WrongAnswer | Decision::Presentation => "rejected".to_owned(),
        Decision::Fault(why) => why,
    }
}

/// Tries an output for which the package states the expected decision.
fn try_output(verifying: &mut Verifying<'_, '_>, trial: &OutputTrial, must_accept: bool) -> Result<(), ProblemError> {
    let package = verifying.request.package;
    let expected = if must_accept { "accepted" } else { "rejected" };
    let (subject, got, accepted) = match &*trial.method {
        Method::Check(Checker::Builtin(comparison)) => {
            let why = difference(verifying, comparison, &trial.answer, &trial.output)?;
            let accepted = why.is_none();
            let got = why.map_or_else(|| "accepted".to_owned(), |why| format!("rejected: {why}"));
            (name_of(comparison), got, Some(accepted))
        }
        Method::Check(Checker::Program(checker)) => {
            let read = |file| program::read(package, file);
            let (input, answer, output) = (read(&trial.input)?, read(&trial.answer)?, read(&trial.output)?);
            let (feedback, facts) = (BoxFiles::default(), Vec::new());
            let data = Data { input, answer: Some(answer), output: Some(output), feedback, facts };
            let (decision, _) = decision(verifying, checker, &data, CasePoints::None)?;
            let accepted = match &decision {
                Decision::Accepted => Some(true),
                Decision::WrongAnswer | Decision::Presentation => Some(false),
                Decision::Fault(_) => None,
            };
            (checker.program.path.to_string(), shown(decision), accepted)
        }
        Method::Interact(_) => {
            verifying.notes.push(format!("{}: outputs cannot be tried on interactive problems", trial.name));
            return Ok(());
        }
    };
    let holds = accepted == Some(must_accept);
    verifying.claim(Subject::Checker(subject), RULE, expected, got, Some(&trial.name), holds);
    Ok(())
}

/// How an interactor reacted to the programs of [`check_interactor`].
#[derive(Default)]
struct InteractorCheck {
    /// Whether it decided about at least one program.
    is_decided: bool,
    /// The reason for its last failure to decide, for the author.
    failure: String,
}

/// Checks whether an interactor decides about a program that prints nothing, and about one that prints random bytes.
/// Formats do not require such decisions, and some interactors do not make all of them, so a single failure is only a
/// note.
fn check_interactor(
    verifying: &mut Verifying<'_, '_>,
    case: &Case,
    interactor: &Interactor,
    checks: &mut BTreeMap<PackagePath, InteractorCheck>,
) -> Result<(), ProblemError> {
    let package = verifying.request.package;
    let path = &interactor.program.program.path;
    if interactor.program.protocol == Protocol::ShareOnStdout {
        return Ok(());
    }
    let Some(language) = verifying.request.languages.iter().find(|language| language.is_available()) else {
        return Ok(());
    };
    let files = BoxFiles::default();
    let request = ProblemRequest {
        package,
        files: &files,
        language,
        entry_point: None,
        languages: verifying.request.languages,
        limits: LimitsRequest::default(),
        all_cases: true,
        owner: verifying.request.owner,
        function_batches: false,
    };
    for (what, output) in
        [("a program that prints nothing", Arc::from([])), ("a program that prints random bytes", junk())]
    {
        let limits = CaseLimits::of(&package.problem.limits, language, &request.limits);
        let (mut quiet, programs) = (Quiet(verifying.observer), std::mem::take(&mut verifying.programs));
        let mut judging = begin(
            &request,
            Options::default(),
            limits,
            printer_of(output),
            verifying.builder,
            verifying.executor,
            &mut quiet,
        );
        judging.programs = programs;
        judging.case(case, &GroupName::root(), &[])?;
        verifying.programs = std::mem::take(&mut judging.programs);
        let case_report = judging.cases.pop();
        let verdict = case_report.as_ref().map_or(Verdict::Skipped, |case| case.verdict);
        let message = case_report.and_then(|case| case.judge_message).unwrap_or_default();
        let check = checks.entry(path.clone()).or_default();
        check.is_decided |= verdict.is_result() && verdict != Verdict::InternalError;
        if verdict == Verdict::InternalError {
            // The note contains the whole message.
            check.failure = message.lines().next().unwrap_or_default().to_owned();
            verifying.notes.push(format!("{path}, {}: {what} is judged JE: {message}", case.id));
        }
    }
    Ok(())
}

/// Returns a program that prints fixed bytes, ignores its input, and ends.
fn printer_of(output: Arc<[u8]>) -> Runnable {
    let path = BoxPath::new("output").ok();
    let files = path.map(|path| BoxFile { path, data: output, executable: false }).into_iter().collect();
    Runnable {
        root: Root::System,
        sources: BoxFiles::default(),
        argv: ["sh", "-c", "cat output"].map(str::to_owned).into(),
        env: vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())],
        files: vec![BoxFiles::new(files)],
        limits: Limits::default(),
    }
}

/// Returns the same random bytes every time (xorshift64), so that failures are reproducible.
fn junk() -> Arc<[u8]> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..JUNK_BYTES).map(byte).collect()
}
