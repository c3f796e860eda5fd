//! This node's part in the group, and the thread that reads what the group gives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cupel_core::chain;
use cupel_types::PriorityClass;
use rdkafka::Message as _;
use rdkafka::error::RDKafkaErrorCode;

use super::client::{Consumer, Ours, fault_of};
use super::progress::tag;
use super::{AHEAD_MAX, LOOK_EVERY};
use crate::broker::{BrokerError, Delivery, Fault, Settled};
use crate::wire;

/// Our part in the group. It ends with the end of reading, then with a goodbye to the group.
pub(super) struct Member {
    pub(super) reader: Option<Reader>,
    pub(super) consumer: Arc<Consumer>,
}

/// A thread that reads: what the client calls back meanwhile may wait for the broker.
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
            Err(error) => Err(BrokerError::new("start a thread", Fault::Other, error)),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that has panicked has ended, too.
            let _ = thread.join();
        }
    }
}

/// One message, or a moment without any. Everything that comes is read, because a member of a group that does not ask is taken for
/// dead; it is a window at most. False when nothing more will come.
fn read(consumer: &Consumer, ours: &Ours) -> bool {
    let message = match consumer.poll(LOOK_EVERY) {
        None => return true,
        Some(Ok(message)) => message,
        Some(Err(error)) => {
            let ends = error.rdkafka_error_code().is_none_or(|code| match fault_of(code) {
                // The client tries again by itself, elsewhere if need be.
                Fault::Unreachable => code == RDKafkaErrorCode::AllBrokersDown,
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
