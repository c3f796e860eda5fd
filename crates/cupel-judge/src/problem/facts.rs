//! Files about the submission and its run, for checkers and graders in Python that are written for DMOJ's classes.
//! The module that provides these classes (in `cupel-package/src/import/dmoj/`) reads the files.

use std::fmt::Write;

use cupel_problem::{Case, JudgeProgram, Protocol};
use cupel_types::{BoxFile, Usage};

use super::ProblemRequest;
use super::check::file;

/// Returns the files for a program that judges a case. `usage` is that of the run; `None` if it has not ended.
pub(super) fn files(
    request: &ProblemRequest<'_>,
    case: &Case,
    program: &JudgeProgram,
    usage: Option<&Usage>,
) -> Vec<BoxFile> {
    if !matches!(program.protocol, Protocol::PythonModule { .. }) {
        return Vec::new();
    }
    let problem = &request.package.problem;
    // DMOJ counts all cases from 0, and batches from 1. Pretests have the last numbers.
    let is_pretest = |id: &str| id.starts_with("pretest/");
    let (pretests, others): (Vec<&Case>, Vec<&Case>) =
        problem.tests.cases().partition(|case| is_pretest(case.id.as_str()));
    let position = others.iter().chain(&pretests).position(|one| one.id == case.id).unwrap_or_default();
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let batches = problem.tests.groups().filter(|group| last(group.name.as_str()).starts_with("batch"));
    let batch = batches.zip(1..).find(|(group, _)| group.cases().any(|one| one.id == case.id));
    let batch = batch.map_or(0, |(_, number)| number);
    let mut text = format!(
        "problem {}\nlanguage {}\nposition {position}\nbatch {batch}\n",
        problem.slug.as_str(),
        request.language.id.as_str()
    );
    if let Some(usage) = usage {
        let (cpu, wall) = (usage.cpu_time.as_secs_f64(), usage.wall_time.as_secs_f64());
        let _ = write!(text, "cpu_time {cpu:.6}\nwall_time {wall:.6}\nmemory_kib {}\n", usage.memory.get() >> 10);
    }
    let source = request.files.iter().next().map(|first| first.data.clone()).unwrap_or_default();
    [file("facts", text.into_bytes().into()), file("source", source)].into_iter().flatten().collect()
}
