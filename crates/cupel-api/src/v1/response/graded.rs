//! Result of a submission to a problem. [`Disclosure`] decides which parts the viewer gets.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::disclosure::{DisclosedCase, DisclosedGrading, DisclosedGroup, Disclosure};
use cupel_core::run::{SentFor, SubmissionRecord};
use cupel_types::{BoxFile, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use super::step::{AccuracyView, StartView, exit_code, signal, text_of};
use super::verification::VerificationView;
use crate::v1::problems::view::points;

/// Which optional parts of a submission are sent.
#[derive(Clone, Debug)]
pub(crate) struct ResponseParts {
    /// How much of the result the viewer may see.
    pub(crate) disclosure: Disclosure,
    /// The source.
    pub(crate) with_files: bool,
    /// The problem's slug.
    pub(crate) slug: Option<String>,
    /// Number of the problem version against which the submission was judged.
    pub(crate) version: Option<u32>,
    /// Whether the submission is an earlier one, found in the result cache.
    pub(crate) cached: bool,
    /// The texts of the tests that the viewer may see, by the tests' names.
    pub(crate) tests: HashMap<String, TestTexts>,
}

impl Default for ResponseParts {
    /// The result for the sender.
    fn default() -> ResponseParts {
        ResponseParts {
            disclosure: Disclosure::SENDER,
            with_files: false,
            slug: None,
            version: None,
            cached: false,
            tests: HashMap::new(),
        }
    }
}

/// Beginnings of the texts of a test.
#[derive(Clone, Debug)]
pub(crate) struct TestTexts {
    pub(crate) input: Option<String>,
    pub(crate) expected_output: Option<String>,
    pub(crate) truncated: bool,
}

/// Result of a submission to a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GradedView {
    /// The problem's slug, if the problem still exists.
    slug: Option<String>,
    /// Number of the problem version against which the submission was judged.
    version: Option<u32>,
    /// SHA-256 of that version's package.
    package: String,
    /// Purpose: `submission` (judged on all tests; it counts), `samples`, `custom_input` or `verification` (of the
    /// problem's package).
    purpose: &'static str,
    /// The score, if the problem has scores and judging was completed.
    score: Option<f64>,
    /// The maximum score, if there is one.
    max_score: Option<f64>,
    /// The groups of tests.
    groups: Vec<GroupView>,
    /// The tests in order, including those that were not run.
    tests: Vec<ProblemTestView>,
    /// For the problem's authors: the reason for the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    author_message: Option<String>,
    /// The function's return value, as JSON text, if it was called with your own arguments. `stdout` has its printed
    /// output.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<String>,
    /// The conversation between your program and the problem's interactor on your own input, if there is an interactor.
    /// Lines from your program begin with `>`, lines from the interactor with `<`. If it is long, its end is cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    /// Result of verifying the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<VerificationView>,
}

/// A group of tests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    /// The group's name.
    name: String,
    /// The group's verdict; `SK`: the group was not run.
    verdict: &'static str,
    /// The group's score, if it has one.
    score: Option<f64>,
    /// The group's maximum score, if there is one.
    max_score: Option<f64>,
    /// For the problem's authors: why the group was not run, or the error in the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A test of a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemTestView {
    /// The test's number, from 1.
    number: u64,
    /// The test's name, if you may know it.
    name: Option<String>,
    /// Whether the test is visible to contestants, for example as a sample in the statement or as your own input.
    is_shown: bool,
    /// The test's verdict, `SK` if it was not run; `null` if the problem hides the results of individual tests.
    verdict: Option<&'static str>,
    /// The test's score, if it has one.
    score: Option<f64>,
    /// CPU time in milliseconds, if the test is visible; always for the problem's authors.
    execution_time_ms: Option<u64>,
    /// Peak memory in KiB (see `memory_used_kb` of the submission), if the test is visible; always for the problem's
    /// authors.
    memory_used_kb: Option<u64>,
    /// How your program was started, if its language has a warm start.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartView>,
    /// `approximate`, or absent; see `accuracy` of the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<AccuracyView>,
    /// Your program's exit code, if the test is visible and the program exited by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// The number of the signal that ended your program, if the test is visible and a signal ended the program. Absent
    /// if SIGKILL ended it for a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    /// The beginning of the test's input (up to 16 KiB), if you may see the test. Only in the response of `GET
    /// /submissions/{submission_id}`, which has up to 256 KiB of such texts, those of failed tests first.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    /// The beginning of the expected output, or of one of several accepted outputs; present under the same conditions
    /// as `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_output: Option<String>,
    /// Whether `input` or `expected_output` was truncated; present with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
    /// Your program's standard output, if the test is visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    /// Your program's standard error, if the test is visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    /// The conversation between your program and the problem's interactor, if there is an interactor and the test is
    /// visible. Lines from your program begin with `>`, lines from the interactor with `<`. If it is long, its end is
    /// cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    /// The checker's message to the judge, if the test is visible; always for the problem's authors.
    #[serde(skip_serializing_if = "Option::is_none")]
    judge_message: Option<String>,
    /// The checker's message to contestants, if the test is visible; always for the problem's authors.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// A submitted file. One of `content` and `content_base64` is present.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentFileView {
    /// Path of the file.
    path: String,
    /// The content as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// The content as base64, if it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_base64: Option<String>,
}

impl From<&BoxFile> for SentFileView {
    fn from(file: &BoxFile) -> SentFileView {
        let text = std::str::from_utf8(&file.data).ok().map(str::to_owned);
        let content_base64 = text.is_none().then(|| BASE64_STANDARD.encode(&file.data));
        SentFileView { path: file.path.to_string(), content: text, content_base64 }
    }
}

/// Problem-related part of a submission; `None` if the submission is not for a problem.
pub(crate) fn graded(
    record: &SubmissionRecord,
    grading: Option<&DisclosedGrading<'_>>,
    parts: &ResponseParts,
) -> Option<GradedView> {
    let of = record.submission.of_problem()?;
    let verification = record.report.as_ref().and_then(|report| report.verification.as_ref());
    let groups = grading.map(|grading| grading.groups.iter().map(group_view).collect());
    let tests = grading.map(|grading| grading.cases.iter().map(|case| test_view(case, parts)).collect());
    Some(GradedView {
        slug: parts.slug.clone(),
        version: parts.version,
        package: of.package.to_string(),
        purpose: SentFor::of(&record.submission.kind).as_str(),
        score: grading.and_then(|grading| grading.score).map(points),
        max_score: grading.and_then(|grading| grading.max_score).map(points),
        groups: groups.unwrap_or_default(),
        tests: tests.unwrap_or_default(),
        author_message: grading.and_then(|grading| grading.author_message).map(str::to_owned),
        returned: grading.and_then(|grading| grading.returned).map(|output| text_of(output).0),
        conversation: grading.and_then(|grading| grading.conversation).map(|output| text_of(output).0),
        verification: verification.map(VerificationView::from),
    })
}

fn group_view(group: &DisclosedGroup<'_>) -> GroupView {
    GroupView {
        name: group.name.to_owned(),
        verdict: group.verdict.code(),
        score: group.score.map(points),
        max_score: group.max_score.map(points),
        reason: group.reason.map(str::to_owned),
    }
}

fn test_view(case: &DisclosedCase<'_>, parts: &ResponseParts) -> ProblemTestView {
    let texts = case.name.and_then(|name| parts.tests.get(name));
    ProblemTestView {
        number: case.number,
        name: case.name.map(str::to_owned),
        is_shown: case.is_shown,
        verdict: case.verdict.map(Verdict::code),
        score: case.score.map(points),
        execution_time_ms: case.usage.map(|usage| usage.cpu_time.as_millis() as u64),
        memory_used_kb: case.usage.map(|usage| usage.memory.as_kib()),
        start: case.usage.and_then(|usage| usage.start).map(StartView::from),
        accuracy: case.usage.and_then(|usage| AccuracyView::of(usage.accuracy)),
        exit_code: case.step.and_then(exit_code),
        signal: case.step.and_then(signal),
        input: texts.and_then(|texts| texts.input.clone()),
        expected_output: texts.and_then(|texts| texts.expected_output.clone()),
        truncated: texts.map(|texts| texts.truncated),
        stdout: case.step.map(|step| text_of(&step.stdout).0),
        stderr: case.step.map(|step| text_of(&step.stderr).0),
        conversation: case.conversation.map(|output| text_of(output).0),
        judge_message: case.judge_message.map(str::to_owned),
        message: case.team_message.map(str::to_owned),
    }
}
