//! Function problems: the submission is built together with a driver, which calls it and reports the returned value.
//!
//! The driver reports through a separate pipe, in a frame with a nonce, which only the driver's input contains. The
//! submission's own output is stored and shown, but never evaluated. *Invariant:* the cell does not contain the
//! expected result, so even a forged frame is accepted only with the right answer.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use cupel_function::{Answer, Driver, FunctionCase, RETURNED_MAX, Value};
use cupel_languages::{Language, shown_in_line};
use cupel_problem::{Case, Checker, Interface, Signature};
use cupel_types::{BoxFiles, Bytes, ToolOptions, Verdict};

pub(super) use self::batch::Batches;
use super::case::{Pass, Ran, Wanted, nothing_ran};
use super::check::{self, data_of};
use super::program::{self, Builder, Built};
use super::{Judging, ProblemError, ProblemRequest};
use crate::compile::Sources;
use crate::executor::StdinSource;
use crate::{Executor, JudgeObserver};

mod batch;

/// Maximum number of stored bytes of the output that a submission writes while it is called.
const PRINTED: Bytes = Bytes::kib(64);

/// Returns the driver of a language, which calls functions.
pub(super) fn driver(language: &Language) -> Option<Driver> {
    language.driver.as_deref().and_then(Driver::named)
}

/// Builds a submission together with its driver.
pub(super) fn build(
    request: &ProblemRequest<'_>,
    signature: &Signature,
    files: &BoxFiles,
    memory: Bytes,
    builder: &Builder<'_>,
    executor: &mut dyn Executor,
    observer: &mut dyn JudgeObserver,
) -> Result<Built, ProblemError> {
    let Some(driver) = driver(request.language) else {
        let message = Some(format!("function problems do not support `{}`", request.language.id));
        return Ok(Built::Refused { report: None, verdict: Verdict::CompileError, message });
    };
    let named = request.language.files_named_by_type(files);
    if let Some(main) = named.iter().next().map(|file| &file.path) {
        let theirs = Sources {
            owner: request.owner,
            files: &named,
            units: &named,
            main,
            entry: None,
            tools: &ToolOptions::NONE,
        };
        // The driver loads the submission at run time, so a syntax error would be a run-time error.
        if let Some(refused) = builder.syntax_error(theirs, request.language, memory, executor, observer)? {
            return Ok(refused);
        }
    }
    let sources = driver.sources(signature, &named);
    let main = sources.units.iter().next().map_or(&request.language.source, |file| &file.path);
    let of = Sources {
        owner: request.owner,
        files: &sources.files,
        units: &sources.units,
        main,
        entry: None,
        tools: &ToolOptions::NONE,
    };
    // A language for a version of C++ has no extensions, and the driver's main source not that of the submission.
    let mut language = Cow::Borrowed(request.language);
    if language.extensions.is_empty() {
        language.to_mut().extensions = driver.extensions().iter().map(|&extension| extension.to_owned()).collect();
    }
    let built = builder.units(of, &language, memory, executor, observer)?;
    Ok(match built {
        Built::Refused { report, verdict: Verdict::CompileError, message: None } => {
            let output = report.as_ref().map(|report| String::from_utf8_lossy(&report.output.data).into_owned());
            let output = output.unwrap_or_default();
            let own = driver.nodes(signature).into_iter().find(|name| defines_again(&output, name));
            let message = match own {
                Some(name) => Some(format!(
                    "the submission defines {name}, which the driver also defines; remove the definition from the submission"
                )),
                None => {
                    let is_missing = blames_the_driver(&output, &sources.units) || is_undefined(&output, signature);
                    is_missing.then(|| not_found(signature, driver))
                }
            };
            Built::Refused { report, verdict: Verdict::CompileError, message }
        }
        other => other,
    })
}

/// Whether the compiler reports an error in a source of the driver. The called function is then missing or has other
/// parameters.
fn blames_the_driver(output: &str, units: &BoxFiles) -> bool {
    let stem = |path: &str| path.rsplit_once('.').map(|(stem, _)| stem.to_owned()).unwrap_or_default();
    let is_ours = |place: &str| {
        let file = place.split(':').next().unwrap_or_default();
        let known = units.iter().next().is_some_and(|main| main.path.as_str() == file);
        known || matches!(stem(file).as_str(), "call" | "cupel_call" | "cupel_driver")
    };
    let place = |line: &str| is_ours(line.trim_start().trim_start_matches("--> ").trim_start_matches("./"));
    // The linker names the driver's source for all code that it includes.
    output.lines().filter(|line| !line.contains(UNDEFINED)).any(place)
}

const UNDEFINED: &str = "undefined reference to ";

/// Whether the linker reports that the function or a part of the class is not defined. In C++, the report has the form
/// `Class::name(types)`, or `Class::name[abi:cxx11](types)` if the result contains a string; in C, `name`, `Class_name`,
/// or `cupel_user_name`.
fn is_undefined(output: &str, signature: &Signature) -> bool {
    let is_called = |symbol: &str| {
        let name = symbol.strip_prefix("cupel_user_").unwrap_or(symbol);
        let (scope, last) = name.rsplit_once("::").unwrap_or(("", name));
        match &signature.interface {
            Interface::Function { function, .. } => last == function.name.as_str(),
            Interface::Class { name: class, methods, .. } => {
                let member = name.strip_prefix(class.as_str()).and_then(|rest| rest.strip_prefix('_'));
                let member = member.or((scope == class.as_str()).then_some(last));
                let is_maker = |member| member == "new" || member == class.as_str();
                member
                    .is_some_and(|found| is_maker(found) || methods.iter().any(|method| method.name.as_str() == found))
            }
        }
    };
    let reports = output.lines().filter_map(|line| Some(line.split_once(UNDEFINED)?.1));
    reports
        .filter_map(|symbol| symbol.trim_start_matches(['`', '\'', '"']).split(['(', '[', '\'', '"']).next())
        .any(is_called)
}

/// Whether the compiler reports that the submission defines a type of the driver.
fn defines_again(output: &str, name: &str) -> bool {
    fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
    }
    let is_kind = |word: &&str| matches!(*word, "struct" | "class");
    let reports = ["redefinition of ", "duplicate class: ", "Duplicate identifier ", "conflicting types for "];
    let before =
        |line: &str| line.split_once(" redeclared").is_some_and(|(text, _)| words(text).next_back() == Some(name));
    let after = |line: &str| {
        let named =
            |report: &&str| line.split_once(*report).and_then(|(_, text)| words(text).find(|word| !is_kind(word)));
        reports.iter().any(|report| named(report) == Some(name))
    };
    // In Rust, the submission is a module and may define any type, but its function then has other parameters.
    output.lines().any(|line| before(line) || after(line)) || output.contains(&format!("`solution::{name}`"))
}

/// Returns the message for the contestant about the required function or class.
fn not_found(signature: &Signature, driver: Driver) -> String {
    let (what, name) = match &signature.interface {
        Interface::Function { function, .. } => ("function", &function.name),
        Interface::Class { name, .. } => ("class", name),
    };
    let nodes = match &driver.nodes(signature)[..] {
        [] => String::new(),
        names => format!("\n(the driver defines {}; a submission must not define another)", names.join(" and ")),
    };
    format!("{what} {name} not found, or its parameters differ; expected:\n{}{nodes}", driver.declaration(signature))
}

/// Returns an unguessable word: two hashes with random keys from the operating system.
fn nonce() -> String {
    let word = |salt: u8| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u8(salt);
        hasher.finish()
    };
    format!("{:016x}{:016x}", word(0), word(1))
}

/// The parts of a result that the submission's owner may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// All parts.
    All,
    /// Only the verdict.
    Verdict,
}

/// Result of a call.
enum Called {
    Returned(Value),
    /// A verdict and its reason.
    Failed(Verdict, String),
}

/// Interprets the driver's report. `first` is set only in the first call, which detects a missing function. The
/// submission can forge the text of a report, and contestants see the text of a compile error. Therefore, the text is
/// limited to one line, and is shown only for a visible case.
fn called(
    case: &FunctionCase<'_>,
    channel: &[u8],
    nonce: &str,
    driver: Option<Driver>,
    first: Option<Shows>,
) -> Called {
    let signature = case.signature();
    let name = match &signature.interface {
        Interface::Function { function, .. } => &function.name,
        Interface::Class { name, .. } => name,
    };
    match case.answer(channel, nonce) {
        Answer::Returned(value) => Called::Returned(value),
        Answer::NoValue(why) => Called::Failed(Verdict::WrongAnswer, shown_in_line(&why)),
        Answer::NoFunction(reason) if first.is_some() => {
            let why = driver.map(|driver| match first {
                Some(Shows::All) => format!("{}; expected:\n{}", shown_in_line(&reason), driver.declaration(signature)),
                _ => not_found(signature, driver),
            });
            Called::Failed(Verdict::CompileError, why.unwrap_or_else(|| format!("{name} not found")))
        }
        Answer::NoFunction(_) => Called::Failed(Verdict::WrongAnswer, format!("{name} is no longer defined")),
        Answer::TooLarge => Called::Failed(
            Verdict::OutputLimit,
            format!("the value that {name} returned takes more than {RETURNED_MAX} of memory"),
        ),
        Answer::Nothing => Called::Failed(Verdict::WrongAnswer, format!("the program ended before {name} returned")),
        Answer::Forged => Called::Failed(
            Verdict::WrongAnswer,
            "the program wrote to file descriptor 3, which is reserved for the driver".to_owned(),
        ),
    }
}

/// A returned value as the output that a checker reads.
fn output_of(value: &Value) -> Arc<[u8]> {
    format!("{value}\n").into_bytes().into()
}

impl Judging<'_, '_> {
    /// Calls the submission with the arguments of a case, and compares the returned value.
    pub(super) fn call(&mut self, case: &Case, checker: &Checker) -> Result<Pass, ProblemError> {
        if let Some(pass) = self.batches.take(case) {
            return Ok(pass);
        }
        let package = self.request.package;
        let Some(signature) = &package.problem.signature else { return Ok(nothing_ran()) };
        let input = program::read(package, &case.input)?;
        let call = match FunctionCase::read(signature, &input) {
            Ok(call) => call,
            Err(why) => return Ok(nothing_ran().fault(&format!("{}: {why}", case.input.path), None)),
        };
        let expected = match &case.answer {
            Some(answer) if !signature.compare.is_by_checker() => {
                match call.expected(&program::read(package, answer)?) {
                    Ok(expected) => Some(expected),
                    Err(why) => return Ok(nothing_ran().fault(&format!("{}: {why}", answer.path), None)),
                }
            }
            _ => None,
        };
        let nonce = nonce();
        let lines: Arc<[u8]> = call.lines(&nonce).into();
        let (ran, reruns) = self.run_fairly(|judging| judging.call_once(case, lines.clone()))?;
        let mut pass = self.by_itself(ran.result.report.clone(), &ran.stderr, reruns, ran.truncated);
        if pass.verdict != Verdict::Accepted {
            return Ok(pass);
        }
        let shows = if case.shown.is_some() { Shows::All } else { Shows::Verdict };
        let first = self.cases.iter().all(|case| case.verdict == Verdict::Skipped).then_some(shows);
        let value = match called(&call, &ran.channel, &nonce, driver(self.request.language), first) {
            Called::Returned(value) => value,
            Called::Failed(verdict, why) => {
                pass.verdict = verdict;
                pass.causes = vec![verdict];
                pass.team_message = Some(why.clone());
                pass.judge_message = Some(why);
                return Ok(pass);
            }
        };
        if let Some(expected) = expected {
            if let Some(difference) = call.difference(&expected, &value) {
                pass.verdict = Verdict::WrongAnswer;
                pass.causes = vec![Verdict::WrongAnswer];
                pass.judge_message = Some(difference);
            }
            return Ok(pass);
        }
        self.checked(case, checker, pass, output_of(&value))
    }

    /// Checks a returned value with the checker of the package.
    fn checked(&mut self, case: &Case, checker: &Checker, pass: Pass, output: Arc<[u8]>) -> Result<Pass, ProblemError> {
        let package = self.request.package;
        let Some(program) = check::program_of(checker) else {
            return Ok(pass.fault("the results must be compared by a checker, but the package has none", None));
        };
        let runnable = match self.program(program)? {
            Ok(runnable) => runnable,
            Err(why) => return Ok(pass.fault(&why, None)),
        };
        let data = data_of(package, case, None, Some(output), BoxFiles::default(), None)?;
        let bounds = package.problem.limits.validation;
        let checked = check::run(program, &runnable, &data, &bounds, self.executor, self.observer)?;
        Ok(pass.decided(program, checked))
    }

    fn call_once(&mut self, case: &Case, lines: Arc<[u8]>) -> Result<Ran, ProblemError> {
        let program = self.of_program(case, None)?;
        let wanted = Wanted { keep: PRINTED, result: true, collect: false, is_streamed: false };
        self.run(program, StdinSource::Bytes(lines), None, wanted)
    }

    /// Calls the submission with arguments that its owner provides. Also returns the result as JSON.
    pub(super) fn call_with(
        &mut self,
        case: &Case,
        call: &FunctionCase<'_>,
    ) -> Result<(Pass, Option<String>), ProblemError> {
        let nonce = nonce();
        let program = self.of_program(case, None)?;
        let wanted = Wanted { keep: self.limits.output, result: true, collect: false, is_streamed: true };
        let ran = self.run(program, StdinSource::Bytes(call.lines(&nonce).into()), None, wanted)?;
        let mut pass = self.by_itself(ran.result.report, &ran.stderr, 0, ran.truncated);
        if !pass.verdict.is_accepted() {
            return Ok((pass, None));
        }
        match called(call, &ran.channel, &nonce, driver(self.request.language), Some(Shows::All)) {
            Called::Returned(value) => Ok((pass, Some(value.to_string()))),
            Called::Failed(verdict, why) => {
                pass.verdict = verdict;
                pass.judge_message = Some(why);
                Ok((pass, None))
            }
        }
    }
}

#[cfg(test)]
mod tests;
