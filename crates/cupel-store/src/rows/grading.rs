//! [`Grading`] as part of the column `report` of `execution_results`.

use cupel_types::{CaseGrade, Feedback, Grading, GroupGrade, Score};
use serde::{Deserialize, Serialize};

use super::report::{OutputRow, StepRow, UsageRow, put_output, put_step, read_output, read_step, verdict_from};
use super::{BlobWriter, RowError, bad};

/// Scores are in millionths of a point.
#[derive(Serialize, Deserialize)]
pub(super) struct GradingRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_score: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cases: Vec<CaseRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author_message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returned: Option<OutputRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation: Option<OutputRow>,
}

#[derive(Serialize, Deserialize)]
struct GroupRow {
    name: String,
    verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_score: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct CaseRow {
    name: String,
    group: String,
    verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
    usage: UsageRow,
    feedback: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<StepRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation: Option<OutputRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    judge_message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    team_message: Option<String>,
}

pub(super) fn put_grading(grading: &Grading, blob: &mut BlobWriter) -> GradingRow {
    let points = |score: Option<Score>| score.map(Score::millionths);
    GradingRow {
        score: points(grading.score),
        max_score: points(grading.max_score),
        groups: grading
            .groups
            .iter()
            .map(|g| GroupRow {
                name: g.name.clone(),
                verdict: g.verdict.code().into(),
                score: points(g.score),
                max_score: points(g.max_score),
                reason: g.reason.clone(),
            })
            .collect(),
        cases: grading
            .cases
            .iter()
            .map(|c| CaseRow {
                name: c.name.clone(),
                group: c.group.clone(),
                verdict: c.verdict.code().into(),
                score: points(c.score),
                usage: (&c.usage).into(),
                feedback: c.feedback.as_str().into(),
                step: c.step.as_ref().map(|step| put_step(step, blob)),
                conversation: c.conversation.as_ref().map(|output| put_output(output, blob)),
                judge_message: c.judge_message.clone(),
                team_message: c.team_message.clone(),
            })
            .collect(),
        author_message: grading.author_message.clone(),
        returned: grading.returned.as_ref().map(|output| put_output(output, blob)),
        conversation: grading.conversation.as_ref().map(|output| put_output(output, blob)),
    }
}

pub(super) fn read_grading(row: GradingRow, data: &[u8]) -> Result<Grading, RowError> {
    let groups = row.groups.into_iter().map(|g| {
        Ok(GroupGrade {
            name: g.name,
            verdict: verdict_from(&g.verdict)?,
            score: score_from(g.score)?,
            max_score: score_from(g.max_score)?,
            reason: g.reason,
        })
    });
    let cases = row.cases.into_iter().map(|c| {
        Ok(CaseGrade {
            name: c.name,
            group: c.group,
            verdict: verdict_from(&c.verdict)?,
            score: score_from(c.score)?,
            usage: c.usage.into(),
            feedback: Feedback::from_name(&c.feedback).ok_or(bad("feedback"))?,
            step: c.step.map(|step| read_step(step, data)).transpose()?,
            conversation: c.conversation.map(|output| read_output(output, data)).transpose()?,
            judge_message: c.judge_message,
            team_message: c.team_message,
        })
    });
    Ok(Grading {
        score: score_from(row.score)?,
        max_score: score_from(row.max_score)?,
        groups: groups.collect::<Result<_, RowError>>()?,
        cases: cases.collect::<Result<_, RowError>>()?,
        author_message: row.author_message,
        returned: row.returned.map(|output| read_output(output, data)).transpose()?,
        conversation: row.conversation.map(|output| read_output(output, data)).transpose()?,
    })
}

/// Decodes an optional score from millionths of a point.
pub(crate) fn score_from(millionths: Option<i64>) -> Result<Option<Score>, RowError> {
    millionths.map(|n| Score::from_millionths(n).ok_or(bad("score"))).transpose()
}
