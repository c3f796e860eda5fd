//! Data that the layers and handlers of one request share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cupel_types::{SubmissionId, UserId};

use crate::client::Client;
use crate::dialect::Dialect;
use crate::rate_limit::RateNote;

/// Data that the layers and handlers of one request share.
#[derive(Clone)]
pub struct Notes(Arc<NotesInner>);

struct NotesInner {
    request_id: String,
    client: Client,
    rate: Mutex<Option<RateNote>>,
    user: OnceLock<UserId>,
    is_user_unknown: AtomicBool,
    dialect: Option<Arc<dyn Dialect>>,
}

impl Notes {
    pub(crate) fn new(request_id: String, client: Client, dialect: Option<Arc<dyn Dialect>>) -> Notes {
        let (rate, user, is_user_unknown) = (Mutex::new(None), OnceLock::new(), AtomicBool::new(false));
        Notes(Arc::new(NotesInner { request_id, client, rate, user, is_user_unknown, dialect }))
    }

    /// Id of the request, in the log and in the response.
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// The client.
    pub fn client(&self) -> Client {
        self.0.client
    }

    /// Dialect of the path; `None` if no dialect owns the path.
    pub(crate) fn dialect(&self) -> Option<&Arc<dyn Dialect>> {
        self.0.dialect.as_ref()
    }

    /// State of the rate limit that was charged last, for the response's headers.
    pub(crate) fn rate(&self) -> Option<RateNote> {
        *self.0.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the state of a rate limit. The last recorded state is sent: a submission is charged to the limit of
    /// reads first, and then to the lower limit of submissions.
    pub fn set_rate(&self, note: RateNote) {
        *self.0.rate.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }

    /// User who sends the request, once authenticated.
    pub fn user(&self) -> Option<UserId> {
        self.0.user.get().copied()
    }

    /// Records the authenticated user.
    pub fn set_user(&self, user: UserId) {
        let _ = self.0.user.set(user);
    }

    /// Whether a page of a user sent the request, and the server serves it as for a visitor.
    pub(crate) fn is_user_unknown(&self) -> bool {
        self.0.is_user_unknown.load(Ordering::Relaxed)
    }

    /// Records that the server serves a page of a user as for a visitor.
    pub(crate) fn set_user_unknown(&self) {
        self.0.is_user_unknown.store(true, Ordering::Relaxed);
    }
}

/// Submissions that a handler accepted; an extension of the response, for the request's trace.
#[derive(Clone)]
pub struct NewlyAccepted(pub Vec<SubmissionId>);
