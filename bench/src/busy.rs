//! Clients that keep the server busy: each client sends its next request as soon as it has the response to the last
//! one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Runs clients for as long as `meanwhile` takes. Each thread creates its own client and repeats `request`, which
/// returns the time that the request took. Returns all times and the result of `meanwhile`.
///
/// # Errors
/// The first error of a client or of `meanwhile`. All clients have ended by then.
pub(crate) fn keep<C, T>(
    clients: usize,
    client: impl Fn() -> C + Sync,
    request: impl Fn(&C) -> anyhow::Result<Duration> + Sync,
    meanwhile: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(Vec<Duration>, T)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let busy: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(|| {
                    let client = client();
                    let mut times = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        times.push(request(&client)?);
                    }
                    anyhow::Ok(times)
                })
            })
            .collect();
        let result = meanwhile();
        over.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for client in busy {
            times.extend(client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
        }
        Ok((times, result?))
    })
}
