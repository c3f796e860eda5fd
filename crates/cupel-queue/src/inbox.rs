//! Hints that a broker has pushed and that no taker has taken yet, by class. Used for brokers that push hints.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::broker::{BrokerError, BrokerFault, Delivery};
use crate::brokered::WAIT_MAX;
use crate::shares::{PerClass, index};

#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Notified by `push` and `fail`.
    bell: Notify,
}

#[derive(Default)]
struct State {
    /// Each delivery with its time of arrival.
    classes: PerClass<VecDeque<(Instant, Delivery)>>,
    /// Why no more hints will arrive; `None` while hints may still arrive.
    failed: Option<String>,
}

impl Inbox {
    pub(crate) fn push(&self, delivery: Delivery) {
        self.state().classes[index(delivery.hint.class)].push_back((Instant::now(), delivery));
        self.bell.notify_one();
    }

    /// Records that no more hints will arrive.
    pub(crate) fn fail(&self, why: impl Into<String>) {
        self.state().failed.get_or_insert(why.into());
        self.bell.notify_one();
    }

    /// Takes up to `wanted` hints of each class.
    pub(crate) fn take(&self, wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError> {
        let mut state = self.state();
        let mut taken = Vec::new();
        for (class, wanted) in state.classes.iter_mut().zip(wanted) {
            let most = wanted.min(class.len());
            taken.extend(class.drain(..most).map(|(_, delivery)| delivery));
        }
        match &state.failed {
            // Hints that arrived before the failure belong to this node and can still be taken.
            Some(why) if taken.is_empty() => Err(BrokerError::new("take hints", BrokerFault::Unreachable, why.clone())),
            _ => Ok(taken),
        }
    }

    /// Waits until there may be hints to take or `end` is cancelled, for [`WAIT_MAX`] at most.
    pub(crate) async fn wait(&self, end: &CancellationToken) {
        let is_ready = {
            let state = self.state();
            state.failed.is_some() || state.classes.iter().any(|class| !class.is_empty())
        };
        if !is_ready {
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(WAIT_MAX) => {}
                () = end.cancelled() => {}
            }
        }
    }

    /// How long the oldest hint has waited.
    #[cfg(feature = "rabbitmq")]
    pub(crate) fn oldest(&self) -> Option<std::time::Duration> {
        let state = self.state();
        let firsts = state.classes.iter().filter_map(|class| class.front());
        firsts.map(|(since, _)| since.elapsed()).max()
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn len(&self) -> usize {
        self.state().classes.iter().map(VecDeque::len).sum()
    }

    /// Takes the deliveries that have waited longer than their limit, which `wait_max` returns; `None` means no limit.
    #[cfg(feature = "kafka")]
    pub(crate) fn take_overdue(&self, wait_max: impl Fn(&Delivery) -> Option<std::time::Duration>) -> Vec<Delivery> {
        let mut taken = Vec::new();
        for class in &mut self.state().classes {
            class.retain(|(since, delivery)| {
                let is_overdue = wait_max(delivery).is_some_and(|time| since.elapsed() > time);
                if is_overdue {
                    taken.push(*delivery);
                }
                !is_overdue
            });
        }
        taken
    }

    /// Discards the deliveries for which `keep` is false.
    #[cfg(feature = "kafka")]
    pub(crate) fn retain(&self, keep: impl Fn(&Delivery) -> bool) {
        for class in &mut self.state().classes {
            class.retain(|(_, delivery)| keep(delivery));
        }
    }

    /// Takes all deliveries.
    #[cfg(feature = "rabbitmq")]
    pub(crate) fn drain(&self) -> Vec<Delivery> {
        self.state().classes.iter_mut().flat_map(|class| class.drain(..)).map(|(_, delivery)| delivery).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
