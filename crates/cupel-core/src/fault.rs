//! Validation errors of requests: what is wrong, and where.

/// One validation error of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionFault {
    /// Zero-based index of the submission in the batch.
    pub index: usize,
    /// Position in the submission, as a JSON pointer (RFC 6901), for example `/language`, `/language/version` (the text
    /// after `@`), `/files/0/path`, `/compiler_args/0`, `/args/3`, `/env/NAME`, `/stdin`, `/tests/1/name`,
    /// `/limits/cpu_time_ms`, `/limits/memory_bytes`, `/run_at`, `/webhook`. The name of a limit ends with its unit, as
    /// in the API: `_ms` for times, `_bytes` for sizes.
    pub pointer: String,
    /// Kind of the validation error, for programs.
    pub kind: SubmissionFaultKind,
    /// Human-readable description of the error and of the expected value.
    pub detail: String,
}

/// Kind of a validation error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SubmissionFaultKind {
    UnknownLanguage,
    LanguageUnavailable,
    Missing,
    TooLarge,
    TooMany,
    BadPath,
    BadArgument,
    BadEnv,
    BadTest,
    BadInput,
    LimitInvalid,
    LimitAboveMaximum,
    RunAtTooFar,
    BadWebhook,
    BadUsername,
    BadEmail,
    BadPassword,
    BadName,
    BadScope,
    BadExpiry,
}

impl SubmissionFaultKind {
    /// The stable name for programs, such as `unknown_language`.
    pub const fn as_str(self) -> &'static str {
        match self {
            SubmissionFaultKind::UnknownLanguage => "unknown_language",
            SubmissionFaultKind::LanguageUnavailable => "language_unavailable",
            SubmissionFaultKind::Missing => "missing",
            SubmissionFaultKind::TooLarge => "too_large",
            SubmissionFaultKind::TooMany => "too_many",
            SubmissionFaultKind::BadPath => "bad_path",
            SubmissionFaultKind::BadArgument => "bad_argument",
            SubmissionFaultKind::BadEnv => "bad_env",
            SubmissionFaultKind::BadTest => "bad_test",
            SubmissionFaultKind::BadInput => "bad_input",
            SubmissionFaultKind::LimitInvalid => "limit_invalid",
            SubmissionFaultKind::LimitAboveMaximum => "limit_above_maximum",
            SubmissionFaultKind::RunAtTooFar => "run_at_too_far",
            SubmissionFaultKind::BadWebhook => "bad_webhook",
            SubmissionFaultKind::BadUsername => "bad_username",
            SubmissionFaultKind::BadEmail => "bad_email",
            SubmissionFaultKind::BadPassword => "bad_password",
            SubmissionFaultKind::BadName => "bad_name",
            SubmissionFaultKind::BadScope => "bad_scope",
            SubmissionFaultKind::BadExpiry => "bad_expiry",
        }
    }
}

/// Maximum number of validation errors reported individually per request. If there are more, one additional error says
/// so.
pub const FAULTS_MAX: usize = 100;
