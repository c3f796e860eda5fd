//! Moves hints from the line to the broker while the window has room.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::RunHint;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::{ANSWER_MAX, Shared, gauge, in_time};
use crate::broker::{BrokerError, BrokerFault, Link};

/// Maximum number of hints in a batch.
const BATCH_MAX: usize = 64;
/// Maximum number of concurrent batches.
const BATCHES_MAX: usize = 4;

/// Pause between two attempts to publish to a full broker.
const FULL_PAUSE: Duration = Duration::from_millis(500);

type Put = BoxFuture<'static, (Arc<dyn Link>, Vec<RunHint>, Result<(), BrokerError>)>;

/// Runs until the queue is closed.
pub(super) async fn feed(shared: Arc<Shared>) {
    let mut under_way: FuturesUnordered<Put> = FuturesUnordered::new();
    // Failed batches to retry. The broker may or may not have received them.
    let mut again: Vec<Vec<RunHint>> = Vec::new();
    // While the broker is full: the time of the next attempt, independent of new hints.
    let mut again_at: Option<Instant> = None;
    loop {
        let link = tokio::select! {
            () = shared.end.cancelled() => return,
            link = shared.keeper.connected() => link,
        };
        while again_at.is_none() && under_way.len() < BATCHES_MAX {
            let batch = again.pop().unwrap_or_else(|| shared.state().next_to_move(shared.window, BATCH_MAX));
            if batch.is_empty() {
                break;
            }
            under_way.push(Box::pin(put(Arc::clone(&link), batch)));
        }
        // When other nodes take hints, space becomes free, but the broker does not notify this node.
        let is_shut_out = again_at.is_none() && under_way.is_empty() && shared.state().line.len() > 0;
        tokio::select! {
            () = shared.end.cancelled() => return,
            Some((link, batch, result)) = under_way.next() => match result {
                Ok(()) => {
                    shared.state().moved(&batch);
                    shared.keeper.accepted(&link);
                }
                Err(error) => {
                    again.push(batch);
                    if error.fault == BrokerFault::Full {
                        again_at = Some(Instant::now() + FULL_PAUSE);
                        shared.keeper.is_full(&error);
                    } else {
                        shared.keeper.broke(&link, error);
                    }
                }
            },
            () = sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => again_at = None,
            () = shared.feed.notified() => {}
            () = tokio::time::sleep(gauge::FRESH), if is_shut_out => shared.read_if_older(gauge::FRESH / 2).await,
        }
    }
}

async fn put(link: Arc<dyn Link>, batch: Vec<RunHint>) -> (Arc<dyn Link>, Vec<RunHint>, Result<(), BrokerError>) {
    let result = in_time("publish hints", ANSWER_MAX, link.put(&batch)).await;
    (link, batch, result)
}
