//! This node's membership in the consumer group, and the thread that reads its partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cupel_core::chain;
use cupel_types::PriorityClass;
use rdkafka::Message as _;
use rdkafka::error::RDKafkaErrorCode;

use super::client::{Consumer, Ours, fault_of};
use super::progress::tag;
use crate::broker::{BrokerError, BrokerFault, Delivery, Settled};
use crate::wire;

/// Maximum number of received hints that wait on a node. It is far above the window, which is the number of hints of
/// one class that the nodes keep ready at the broker. Further hints are dropped; the sweeper publishes them again
/// later.
const AHEAD_MAX: usize = 10_000;
/// Interval at which the reader checks whether it must stop.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// This node's membership in the group. Dropping it first stops the reader, then leaves the group.
pub(super) struct Member {
    pub(super) reader: Option<Reader>,
    pub(super) consumer: Arc<Consumer>,
}

/// The thread that reads messages. A separate thread, because the client's callbacks may block on the broker.
pub(super) struct Reader {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(consumer: &Arc<Consumer>, ours: &Arc<Ours>) -> Result<Reader, BrokerError> {
        let stop = Arc::new(AtomicBool::new(false));
        let read = {
            let (consumer, ours, stop) = (Arc::clone(consumer), Arc::clone(ours), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) && read(&consumer, &ours) {}
            }
        };
        match thread::Builder::new().name("kafka-reader".into()).spawn(read) {
            Ok(thread) => Ok(Reader { stop, thread: Some(thread) }),
            Err(error) => Err(BrokerError::new("start a thread", BrokerFault::Other, error)),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, it has ended as well.
            let _ = thread.join();
        }
    }
}

/// Reads one message, or returns after [`LOOK_EVERY`] without one. All messages are read, even if no taker waits,
/// because a group member that stops polling counts as dead. Usually at most a window of hints arrives. Returns `false`
/// if no more messages will arrive.
fn read(consumer: &Consumer, ours: &Ours) -> bool {
    let message = match consumer.poll(LOOK_EVERY) {
        None => return true,
        Some(Ok(message)) => message,
        Some(Err(error)) => {
            let ends = error.rdkafka_error_code().is_none_or(|code| match fault_of(code) {
                // The client retries automatically, with another broker if necessary.
                BrokerFault::Unreachable => code == RDKafkaErrorCode::AllBrokersDown,
                _ => true,
            });
            if ends {
                ours.inbox.fail(chain(&ours.failed("read hints")(error)));
            }
            return !ends;
        }
    };
    let Some(class) = ours.topics.iter().position(|topic| topic == message.topic()) else { return true };
    let passes = message.key().and_then(|key| str::from_utf8(key).ok()?.parse().ok()).unwrap_or(0);
    let (class, tag) = (PriorityClass::ALL[class], tag(message.partition(), message.offset() as u64, passes));
    ours.progress.took(class, tag);
    match wire::read_of(class, message.payload().unwrap_or_default()) {
        Some(hint) if ours.inbox.len() < AHEAD_MAX => ours.inbox.push(Delivery { hint, tag }),
        _ => ours.progress.settle(&[Settled { class, tag }]),
    }
    true
}
