//! The thread that moves live input from the judge's source to the queue of a command.
//!
//! Both reading from the source and writing to a full queue block. Therefore the slot's thread, which reads the
//! program's output, does neither. At the end of the step, no one waits for this thread: it ends after [`NEXT_MAX`] at
//! the latest.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cupel_judge::LiveSource;
use cupel_sandbox::LiveQueue;

/// Maximum time for which the source waits. The thread can outlive its step by this time.
const NEXT_MAX: Duration = Duration::from_millis(250);

/// A running thread. It ends when this value is dropped.
pub(crate) struct LiveInputThread {
    source: Arc<dyn LiveSource>,
    queue: LiveQueue,
}

impl LiveInputThread {
    /// Starts the thread of a step.
    pub(crate) fn start(source: Arc<dyn LiveSource>) -> io::Result<LiveInputThread> {
        let queue = LiveQueue::new()?;
        let (from, to) = (Arc::clone(&source), queue.clone());
        thread::Builder::new().name("live-input".into()).spawn(move || {
            while !to.is_closed() {
                if let Some(input) = from.next(NEXT_MAX) {
                    to.push(input);
                }
            }
        })?;
        Ok(LiveInputThread { source, queue })
    }

    pub(crate) fn queue(&self) -> LiveQueue {
        self.queue.clone()
    }

    /// Whether no run has taken any input.
    pub(crate) fn is_untouched(&self) -> bool {
        self.queue.is_untouched()
    }

    /// The judge's source.
    pub(crate) fn source(&self) -> &dyn LiveSource {
        &*self.source
    }
}

impl Drop for LiveInputThread {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use cupel_judge::{LiveInput, LiveSignal};

    use super::*;

    /// A source with a reference count, which shows that the thread has dropped the source.
    struct Inputs(Mutex<Receiver<LiveInput>>);

    impl LiveSource for Inputs {
        fn next(&self, timeout: Duration) -> Option<LiveInput> {
            self.0.lock().unwrap().recv_timeout(timeout).ok()
        }

        fn consumed(&self, _: u64) {}
    }

    #[test]
    fn the_thread_ends_with_its_step_even_if_the_queue_is_full() {
        let (sender, inputs) = channel();
        let source: Arc<dyn LiveSource> = Arc::new(Inputs(Mutex::new(inputs)));
        let weak = Arc::downgrade(&source);
        let thread = LiveInputThread::start(source).unwrap();
        assert!(thread.is_untouched());
        // More input than the queue can hold.
        for _ in 0..2 {
            sender.send(LiveInput::Bytes(vec![0; LiveInput::WINDOW])).unwrap();
        }
        sender.send(LiveInput::Signal(LiveSignal::Interrupt)).unwrap();
        drop(thread);
        while weak.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
