//! The response to accepted submissions.

use cupel_types::SubmissionId;
use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;

/// An accepted submission.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "submission_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a", "status": "queued", "message": "Code submitted for execution" }))]
pub(crate) struct Accepted {
    /// The submission's id. The submission will reach a final state even if the server fails.
    pub(crate) submission_id: String,
    /// `queued`, or the submission's status at the end of the wait.
    pub(crate) status: Status,
    /// Human-readable message.
    pub(crate) message: String,
    /// `true` if this is an earlier, identical submission of yours, returned because the request has `cache`; otherwise
    /// absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cached: bool,
}

impl Accepted {
    /// Message for a program.
    pub(crate) const PROGRAM: &str = "Code submitted for execution";

    pub(crate) fn new(id: SubmissionId) -> Accepted {
        Accepted {
            submission_id: id.to_string(),
            status: Status::Queued,
            message: Accepted::PROGRAM.to_owned(),
            cached: false,
        }
    }
}

/// An accepted batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedBatch {
    /// In the order of the request.
    pub(crate) submissions: Vec<Accepted>,
}
