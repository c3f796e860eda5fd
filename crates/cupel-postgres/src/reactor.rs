//! [`Reactor`]: a small runtime for the I/O of blocking connections.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime on the thread that uses it. Dropping it does not wait for its other threads, because one of them may look
/// up a host's name, which can take far longer than the time limit for connecting, and because the dropping thread may
/// be one that must not block.
#[derive(Debug)]
pub struct Reactor(Option<Runtime>);

impl Reactor {
    /// A runtime with I/O and time.
    ///
    /// # Errors
    /// If the process has no file descriptor left.
    pub fn new() -> io::Result<Reactor> {
        Ok(Reactor(Some(Builder::new_current_thread().enable_all().build()?)))
    }

    /// Runs a future on this thread. `None`: the reactor is being dropped.
    pub fn block_on<F: Future>(&self, future: F) -> Option<F::Output> {
        self.0.as_ref().map(|runtime| runtime.block_on(future))
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn dropping_a_reactor_does_not_wait_for_a_thread_that_blocks() {
        let (release, held) = mpsc::channel::<()>();
        let (begins, begun) = mpsc::channel();
        let (ends, dropped) = mpsc::channel();
        std::thread::spawn(move || {
            let reactor = Reactor::new().unwrap();
            reactor.block_on(async {
                tokio::task::spawn_blocking(move || {
                    begins.send(()).unwrap();
                    held.recv()
                });
            });
            begun.recv().unwrap();
            drop(reactor);
            ends.send(())
        });
        dropped.recv_timeout(Duration::from_secs(60)).expect("the reactor is dropped while its thread blocks");
        drop(release);
    }
}
