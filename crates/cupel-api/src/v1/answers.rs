//! Responses with submissions. `cupel_http::large_answer` bounds the memory of those with much output or large files.
//!
//! *Invariant:* while a response waits for memory or for its client, its records have only what the response shows
//! ([`keep_shown`]), and all of that is charged to the budget ([`shown_bytes`]). Otherwise, clients that read slowly
//! could make the server hold any number of sources and inputs.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cupel_core::AuthenticatedUser;
use cupel_core::run::SubmissionRecord;
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::error::ApiError;
use cupel_http::large_answer::{self, SMALL_BYTES};
use cupel_types::{BoxFiles, Cases, ProblemVersion, SubmissionId, SubmissionKind, UserId};
use futures_util::stream;

use crate::v1::response::graded::ResponseParts;
use crate::v1::response::submission::SubmissionView;

/// Upper bound on the memory for one byte of output while its response is built. The worst case is a byte of invalid
/// UTF-8. It takes 1 byte itself, 6 as a replacement character in a buffer of up to twice the size, and 1.4 as base64.
/// In JSON, the replacement character takes another 3 and the base64 another 1.4. A control character takes less, and
/// so does any byte of a submitted file, which is sent either as text or as base64.
const BYTES_PER_BYTE: usize = 14;

/// Number of submissions of a list that are read at a time.
const IDS_AT_ONCE: usize = 4;

/// Response with one submission.
///
/// # Errors
///
/// If the budget for large responses stays exhausted for the maximum wait.
pub(crate) async fn one(
    app: &Shared,
    user: UserId,
    mut record: SubmissionRecord,
    parts: ResponseParts,
) -> Result<Response, ApiError> {
    keep_shown(&mut record, parts.with_files);
    let bytes = shown_bytes(&record);
    large_answer::json(app, user, bytes, BYTES_PER_BYTE, move || SubmissionView::of(&record, &parts)).await
}

/// Response with one submission, for its sender or an administrator.
///
/// # Errors
///
/// As for [`one`]. Also if the store cannot answer.
pub(crate) async fn for_sender(app: &Shared, user: UserId, record: SubmissionRecord) -> Result<Response, ApiError> {
    let parts = Problems::default().parts(app, &record).await?;
    one(app, user, record, parts).await
}

/// Response with one submission that an earlier request created, as this viewer may see it now.
///
/// # Errors
///
/// As for [`for_sender`]. Also if the submission does not exist for the viewer.
pub(crate) async fn for_viewer(
    app: &Shared,
    viewer: &AuthenticatedUser,
    record: SubmissionRecord,
) -> Result<Response, ApiError> {
    let seen = app.core.seen_as(viewer, record).await?;
    let attempted = seen.ok_or_else(|| ApiError::not_found("submission"))?;
    let mut parts = ResponseParts { disclosure: attempted.disclosure(), ..ResponseParts::default() };
    if let (Some(of), Some(problem)) = (attempted.record().submission.of_problem(), attempted.problem()) {
        parts.slug = Some(problem.slug.to_string());
        parts.version = app.core.version_numbers(&attempted).await?.get(&of.package).copied();
    }
    one(app, viewer.user, attempted.into_record(), parts).await
}

/// The problems of a list of submissions. Each is read once.
#[derive(Default)]
struct Problems(HashMap<ProblemVersion, ResponseParts>);

impl Problems {
    /// The parts of a submission that its sender gets.
    async fn parts(&mut self, app: &Shared, record: &SubmissionRecord) -> Result<ResponseParts, ApiError> {
        let Some(of) = record.submission.of_problem() else { return Ok(ResponseParts::default()) };
        if let Some(parts) = self.0.get(&of) {
            return Ok(parts.clone());
        }
        let (slug, version) = match app.core.problem_version(of).await? {
            Some((slug, version)) => (Some(slug.to_string()), version),
            None => (None, None),
        };
        let parts = ResponseParts { slug, version, ..ResponseParts::default() };
        self.0.insert(of, parts.clone());
        Ok(parts)
    }
}

/// Response with many submissions: those that exist and that the viewer may see, in the requested order.
///
/// # Errors
///
/// As for [`one`]. Also if the store fails before the response has begun. A later failure aborts the response, because
/// a truncated list must not look like a complete one.
pub(crate) async fn many(app: Shared, viewer: AuthenticatedUser, ids: &[SubmissionId]) -> Result<Response, ApiError> {
    let mut slices: VecDeque<Vec<SubmissionId>> = ids.chunks(IDS_AT_ONCE).map(<[_]>::to_vec).collect();
    let mut problems = Problems::default();
    let slice = Slice::read(&app, &viewer, &slices.pop_front().unwrap_or_default(), &mut problems).await?;
    let list = List { app, viewer, slices, slice, problems, begun: false, ended: false };
    let pieces = stream::unfold(list, |mut list| async move {
        let piece = list
            .next()
            .await
            .map_err(|_error| std::io::Error::other("the remaining submissions cannot be read"))
            .transpose()?;
        Some((piece, list))
    });
    Ok(json_body(Body::from_stream(pieces)))
}

fn json_body(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

struct List {
    app: Shared,
    viewer: AuthenticatedUser,
    slices: VecDeque<Vec<SubmissionId>>,
    slice: Slice,
    problems: Problems,
    begun: bool,
    ended: bool,
}

/// Records that have been read, and the memory reserved for them if they are large.
struct Slice {
    records: VecDeque<(SubmissionRecord, ResponseParts)>,
    held: Option<Arc<Held>>,
}

impl Slice {
    async fn read(
        app: &Shared,
        viewer: &AuthenticatedUser,
        ids: &[SubmissionId],
        problems: &mut Problems,
    ) -> Result<Slice, ApiError> {
        let mut read = app.core.submissions(viewer, ids).await?;
        // The responses of a list show no files. This comes first, because the next step waits for the store.
        read.iter_mut().for_each(|record| keep_shown(record, false));
        let mut records = VecDeque::with_capacity(read.len());
        for record in read {
            let parts = problems.parts(app, &record).await?;
            records.push_back((record, parts));
        }
        let all: usize = records.iter().map(|(record, _)| shown_bytes(record)).sum();
        if all < SMALL_BYTES {
            return Ok(Slice { records, held: None });
        }
        // All records are in memory, but only one at a time is serialized.
        let largest = records.iter().map(|(record, _)| shown_bytes(record)).max().unwrap_or(0);
        let bytes = all + largest * (BYTES_PER_BYTE - 1);
        let held = app.answers.wait_for(viewer.user, bytes, app.settings.answer_wait_max).await?;
        Ok(Slice { records, held: Some(Arc::new(held)) })
    }

    /// Next records as JSON: one record if the records are large, otherwise all.
    async fn next(&mut self) -> Result<Vec<Vec<u8>>, ApiError> {
        let Some(held) = &self.held else {
            return self
                .records
                .drain(..)
                .map(|(record, parts)| json_of(&record, &parts))
                .collect::<Result<_, _>>()
                .map_err(|e| ApiError::internal(&e));
        };
        let Some((record, parts)) = self.records.pop_front() else { return Ok(Vec::new()) };
        let held = Arc::clone(held);
        let made = tokio::task::spawn_blocking(move || {
            let json = json_of(&record, &parts);
            drop(held);
            json
        });
        let json = made.await.map_err(|e| ApiError::internal(&e))?.map_err(|e| ApiError::internal(&e))?;
        Ok(vec![json])
    }
}

impl List {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.ended {
            return Ok(None);
        }
        let mut text = Vec::new();
        if !self.begun {
            text.extend_from_slice(b"{\"submissions\":[");
        }
        loop {
            let made = self.slice.next().await?;
            for json in made {
                if std::mem::replace(&mut self.begun, true) {
                    text.push(b',');
                }
                text.extend_from_slice(&json);
            }
            if !text.is_empty() && self.begun {
                return Ok(Some(text.into()));
            }
            self.slice.held = None;
            let Some(ids) = self.slices.pop_front() else { break };
            self.slice = Slice::read(&self.app, &self.viewer, &ids, &mut self.problems).await?;
        }
        self.ended = true;
        text.extend_from_slice(b"]}");
        Ok(Some(text.into()))
    }
}

/// Drops the parts of the submission that its response does not show: inputs, expected outputs, the data of a facade
/// and, unless `with_files`, the sources. They can be larger than the response, and only the response is charged to the
/// budget.
fn keep_shown(record: &mut SubmissionRecord, with_files: bool) {
    let submission = &mut record.submission;
    submission.facade = None;
    let source = match &mut submission.kind {
        SubmissionKind::Program(program) => {
            program.stdin = Arc::default();
            program.tests = Vec::new();
            &mut program.source
        }
        SubmissionKind::Problem(solution) => {
            if let Cases::Input(input) = &mut solution.cases {
                *input = Arc::default();
            }
            &mut solution.source
        }
        SubmissionKind::Verify(_) => return,
    };
    if !with_files {
        source.files = BoxFiles::default();
    }
}

/// Number of bytes of output, file contents and paths in the response for a record after [`keep_shown`]. The compiler's
/// output counts twice, because it appears twice if compilation failed.
fn shown_bytes(record: &SubmissionRecord) -> usize {
    let sent = record.submission.source().into_iter().flat_map(|source| source.files.iter());
    let sent: usize = sent.map(|file| file.path.as_str().len() + file.data.len()).sum();
    let Some(report) = &record.report else { return sent };
    let compile = report.compile.as_ref().map_or(0, |compile| compile.output.data.len());
    let artifacts: usize = report.artifacts.files.iter().map(|artifact| artifact.path.as_str().len()).sum();
    sent + report.output_bytes() + compile + artifacts
}

/// JSON in a buffer of the exact size. The size is computed first, because a growing buffer may allocate twice as much.
fn json_of(record: &SubmissionRecord, parts: &ResponseParts) -> Result<Vec<u8>, serde_json::Error> {
    let view = SubmissionView::of(record, parts);
    let mut length = Length(0);
    serde_json::to_writer(&mut length, &view)?;
    let mut json = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut json, &view)?;
    Ok(json)
}

/// Writer that only counts bytes.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0 += data.len();
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cupel_core::run::RunState;
    use cupel_testkit::{SubmissionBuilder, a_report, a_submission};
    use cupel_types::{ContentHash, FacadeRequest, ProblemId};
    use uuid::Uuid;

    use super::*;

    fn record(submission: SubmissionBuilder) -> SubmissionRecord {
        let (submission, run) = submission.build();
        SubmissionRecord {
            submission,
            run,
            state: RunState::Queued { attempts: 0, lost: 0 },
            started_at: None,
            completed_at: None,
            report: None,
        }
    }

    #[test]
    fn inputs_and_sources_that_a_response_does_not_show_are_dropped_before_it_is_built() {
        let data: Arc<[u8]> = Arc::from(&b"data"[..]);
        let with_data = || {
            let facade = FacadeRequest { facade: "judge0".into(), data: Arc::clone(&data) };
            let submission = a_submission().test("1", b"", None).with(|new| new.facade = Some(facade));
            record(submission.with_program(|program| {
                program.source.files.push(("more.txt".into(), Arc::clone(&data)));
                program.stdin = Arc::clone(&data);
                program.tests[0].stdin = Arc::clone(&data);
                program.tests[0].expected = Some(Arc::clone(&data));
            }))
        };
        let of =
            ProblemVersion { problem: ProblemId::from_uuid(Uuid::nil()), package: ContentHash::from_bytes([0; 32]) };
        let solution = || record(a_submission().solving(of, Cases::Input(Arc::clone(&data))));
        for (with_files, shown) in [(false, 0), (true, 1)] {
            let mut records = [with_data(), solution()];
            records.iter_mut().for_each(|record| keep_shown(record, with_files));
            assert_eq!(Arc::strong_count(&data) - 1, shown, "with files: {with_files}");
        }
    }

    #[test]
    fn submitted_files_count_even_if_the_run_has_not_ended() {
        let mut record = record(a_submission().source("12345").file("b", b"678"));
        keep_shown(&mut record, true);
        let files = "main.py".len() + 5 + "b".len() + 3;
        assert_eq!(shown_bytes(&record), files);
        record.report = Some(a_report(b"42\n"));
        assert_eq!(shown_bytes(&record), files + 3);
        keep_shown(&mut record, false);
        assert_eq!(shown_bytes(&record), 3);
    }
}
