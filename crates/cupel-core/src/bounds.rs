//! Bounds on submissions, and on the problems, packages, shared programs and drafts of one user.

use std::time::Duration;

use cupel_types::{Bytes, UserId};

use crate::drafts::DraftBounds;

/// Bounds on submissions and batches, and on the problems, packages, shared programs and drafts of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; see also the default")]
pub struct Bounds {
    /// Bytes in the main source, and in each other file with an extension of the language. Any other file is bounded
    /// only by `files_bytes_max`.
    pub source_bytes_max: Bytes,
    pub files_max: usize,
    /// Bytes in all files of one submission.
    pub files_bytes_max: Bytes,
    pub stdin_bytes_max: Bytes,
    pub args_max: usize,
    pub env_max: usize,
    /// Bytes in all arguments and in the names and values of the environment, together.
    pub args_env_bytes_max: Bytes,
    pub tests_max: usize,
    /// Bytes in all inputs and expected outputs of one submission.
    pub tests_bytes_max: Bytes,
    /// Bytes of output that are kept per submission: of the compiler and of both streams of all tests together. A
    /// program may write more, up to its `output` limit. All of its output is judged, but the excess is not stored.
    pub output_kept_max: Bytes,
    /// How far `run_at` may be in the future.
    pub run_at_ahead_max: Duration,
    /// Whether webhooks may go to private and reserved addresses.
    pub webhooks_private: bool,
    /// Whether the workers count instructions; if not, a limit on instructions is refused.
    pub counts_instructions: bool,
    /// Problems that one author may own.
    pub problems_per_author_max: u64,
    /// Disk space that the packages imported by one author may use.
    pub package_bytes_per_author_max: Bytes,
    /// Submissions in one batch.
    pub batch_max: usize,
    /// Bytes in all submissions of a request, batch or not. Bounds the data of one transaction. The API's bound on
    /// bodies applies first if it is smaller.
    pub batch_bytes_max: Bytes,
    /// Programs that one user may share.
    pub snippets_per_user_max: u64,
    /// Bytes in all texts of one shared program.
    pub snippet_bytes_max: Bytes,
    /// How long a shared program is kept after it was last shared; `None`: forever.
    pub snippets_kept: Option<Duration>,
    /// The drafts of one user. A draft has at most `source_bytes_max`.
    pub drafts: DraftBounds,
    /// How long a revision of a draft is kept after it was last saved; `None`: forever.
    pub drafts_kept: Option<Duration>,
}

/// Maximum size of the output and artifacts that are stored of a guest's run. Guests can be many, and their runs are
/// kept for a day.
const GUEST_OUTPUT_KEPT_MAX: Bytes = Bytes::kib(512);

impl Bounds {
    /// Maximum size of the output and artifacts that are stored of a run of this user.
    pub fn output_kept_of(&self, owner: UserId) -> Bytes {
        if owner.is_guest() { self.output_kept_max.min(GUEST_OUTPUT_KEPT_MAX) } else { self.output_kept_max }
    }
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            source_bytes_max: Bytes::kib(256),
            files_max: 100,
            files_bytes_max: Bytes::mib(8),
            stdin_bytes_max: Bytes::mib(4),
            args_max: 256,
            env_max: 64,
            args_env_bytes_max: Bytes::kib(64),
            tests_max: 100,
            tests_bytes_max: Bytes::mib(16),
            output_kept_max: Bytes::mib(8),
            run_at_ahead_max: Duration::from_secs(30 * 24 * 3600),
            webhooks_private: false,
            counts_instructions: false,
            problems_per_author_max: 1000,
            package_bytes_per_author_max: Bytes::mib(10 << 10),
            batch_max: 1000,
            batch_bytes_max: Bytes::mib(16),
            snippets_per_user_max: 1000,
            snippet_bytes_max: Bytes::kib(256),
            snippets_kept: None,
            drafts: DraftBounds { per_user_max: 500, revisions_max: 50, bytes_per_user_max: Bytes::mib(64) },
            drafts_kept: Some(Duration::from_secs(365 * 24 * 3600)),
        }
    }
}
