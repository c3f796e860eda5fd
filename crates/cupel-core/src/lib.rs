//! The use cases of Cupel, the state machine of a run, and the ports to the outside world.
//!
//! *Architecture invariants:* core reads the system clock only in [`SystemClock`] (all other code uses [`Clock`]), and
//! contains no SQL, HTTP or broker code. The store is the source of truth, and a queue message is only a hint that
//! carries a run's id.
#![forbid(unsafe_code)]

pub mod accounts;
mod addresses;
mod admission;
mod awaited;
mod backoff;
pub mod blobs;
mod bounds;
mod check;
mod clock;
pub mod cluster;
mod completion_waiters;
pub mod contests;
mod core;
pub mod dead_letters;
pub mod disclosure;
mod disk;
pub mod drafts;
pub mod event;
mod execute;
mod fault;
mod ids;
pub mod images;
mod input_count;
mod lease;
pub mod live;
mod new_submission;
mod per_key;
mod ports;
mod position;
mod principal;
pub mod problems;
pub mod rate_limit;
pub mod result_cache;
mod routes;
pub mod run;
pub mod snippets;
mod submit;
mod sweep;
mod targets;
mod view;
mod web_url;
pub mod webhook;

pub use addresses::is_public;
pub use backoff::Backoff;
pub use blobs::{BlobInfo, BlobKey, BlobKind, Blobs, BlobsError};
pub use bounds::Bounds;
pub use check::check;
pub use clock::{Clock, SKEW_REPORTED, SystemClock};
pub use cluster::ClusterStore;
pub use contests::ContestStore;
pub use core::{Core, CoreParts};
pub use dead_letters::DeadLetterStore;
pub use disk::{DiskFull, is_disk_full};
pub use drafts::DraftStore;
pub use execute::{ExecuteRequest, Executed, Origin, Wait};
pub use fault::{FAULTS_MAX, InputFault, InputFaultKind};
pub use lease::{Assignment, LeasePolicy, NextError, StopFlag};
pub use new_submission::{NewProgram, NewSolution, NewSource, NewSubmission, NewSubmissionKind};
pub use per_key::PerKey;
pub use ports::accounts::{AccountStore, Rotated, UserTaken};
pub use ports::events::{EventBus, Interest, Notice, Notices, Received, Subscription};
pub use ports::queue::{Hinted, Queue, QueueError, RunHint};
pub use ports::runs::{
    Cancellation, Completion, DuePlace, DueRun, ExpiredRun, GivenBack, Idempotency, IdempotencyRecord, Inserted,
    NewSubmissions, Purged, RetentionCutoffs, RunCounts, RunStore, RunningRun,
};
pub use ports::store::Store;
pub use ports::store_error::StoreError;
pub use ports::webhooks::{Delivery, DeliveryRecord, WebhookStore};
pub use position::{Follow, Followed};
pub use principal::{AuthenticatedUser, Principal};
pub use problems::{Packages, ProblemStore};
pub use routes::{Needs, Routes};
pub use snippets::SnippetStore;
pub use submit::{RateExceeded, RateLimit, SubmitError, Submitted, SubmittedEach};
pub use sweep::Swept;
pub use targets::{Resolver, SystemResolver};
pub use view::CancelError;

pub use cupel_types::chain;
