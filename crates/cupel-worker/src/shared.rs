//! The state that the tasks of a worker share.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cupel_core::Assignment;
use cupel_types::WorkerId;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::SlotParts;
use crate::interactive::InteractiveSlots;
use crate::leases::Leases;
use crate::long::LongRuns;
use crate::throughput::Throughput;
use crate::turns::Turns;

pub(crate) struct Shared {
    pub(crate) id: WorkerId,
    pub(crate) parts: SlotParts,
    /// Whether the worker is ordered to take no new runs for now.
    pub(crate) is_paused: watch::Sender<bool>,
    /// Number of slots that run an attempt.
    pub(crate) busy: AtomicU32,
    /// The runs that the worker has judged.
    pub(crate) judged: Throughput,
    /// The owner that currently uses each slot.
    pub(crate) turns: Turns,
    /// The slots that long runs may use.
    pub(crate) long: LongRuns,
    /// The idle slots among those that only live runs use.
    pub(crate) interactive: InteractiveSlots,
    pub(crate) short_run: Duration,
    /// Cancelled when the grace period is over.
    pub(crate) over: CancellationToken,
    /// Cancelled when all slots have ended.
    pub(crate) ended: CancellationToken,
    /// Cancelled when the time for results that the store could not write is over.
    pub(crate) gives_up: CancellationToken,
    /// The leases to renew.
    pub(crate) leases: Mutex<Leases>,
    pub(crate) completions: Semaphore,
    pub(crate) tracker: TaskTracker,
    /// Runs leased in advance for a slot that stayed busy: at most one per slot at a time, each for at most a second
    /// (`spare.rs`).
    pub(crate) spare: Mutex<VecDeque<Arc<Assignment>>>,
    pub(crate) spare_bell: Notify,
}

impl Shared {
    pub(crate) fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
