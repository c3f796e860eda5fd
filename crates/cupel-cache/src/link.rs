//! A connection to Redis that reconnects automatically.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Timeout of an answer. If the timeout expires, this node continues without Redis.
pub(crate) const ANSWER_MAX: Duration = Duration::from_millis(500);
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Interval of connection checks, and the pause between two attempts to reconnect.
const CHECK: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(500);

/// Script that the server must accept: it reads the clock and then writes. A server that is full, read-only or too old
/// rejects it.
const TRIAL: &str = "redis.call('TIME'); return redis.call('SET', KEYS[1], '1', 'PX', 1000)";

/// A connection to Redis. A background task maintains it until the value is dropped.
pub(crate) struct Link {
    wire: Arc<Wire>,
    _keeper: DropGuard,
}

struct Wire {
    client: Client,
    trial: Script,
    trial_key: String,
    answer_max: Duration,
    state: Mutex<State>,
    lost: Notify,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// Number of connections so far. A failure on an earlier connection says nothing about the current one.
    generation: u64,
    trouble: Option<String>,
}

impl Link {
    /// Connects. Writes `trial_key` at intervals to check that the server accepts writes. A server that does not answer
    /// within `answer_max` counts as unreachable.
    ///
    /// # Errors
    /// If Redis cannot be reached or used now.
    pub(crate) async fn start(client: Client, trial_key: String, answer_max: Duration) -> Result<Link, RedisError> {
        let wire = Arc::new(Wire {
            client,
            trial: Script::new(TRIAL),
            trial_key,
            answer_max,
            state: Mutex::default(),
            lost: Notify::new(),
        });
        let connection = wire.connect().await?;
        wire.found(connection);
        let stop = CancellationToken::new();
        let (checked, stopped) = (Arc::clone(&wire), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = checked.keep() => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Link { wire, _keeper: stop.drop_guard() })
    }

    /// Queries Redis. Returns `None` if Redis does not answer; the caller then continues without Redis.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        let (mut connection, generation) = self.wire.current()?;
        match timeout(self.wire.answer_max, question(&mut connection)).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                self.wire.lose(generation, &error.to_string());
                None
            }
            Err(_elapsed) => {
                self.wire.lose(generation, "it does not respond");
                None
            }
        }
    }

    /// Whether Redis is usable, or why not, as text for an operator.
    pub(crate) fn health(&self) -> Result<(), String> {
        self.wire.state().trouble.clone().map_or(Ok(()), Err)
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection and checks that the server accepts writes.
    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(CONNECT_MAX.max(self.answer_max)));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        self.try_out(&mut connection).await?;
        Ok(connection)
    }

    async fn try_out(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        self.trial.key(&self.trial_key).invoke_async(connection).await
    }

    /// The current connection and its number.
    fn current(&self) -> Option<(MultiplexedConnection, u64)> {
        let state = self.state();
        state.connection.clone().map(|connection| (connection, state.generation))
    }

    fn found(&self, connection: MultiplexedConnection) {
        let mut state = self.state();
        state.generation += 1;
        (state.connection, state.trouble) = (Some(connection), None);
        drop(state);
        metrics::gauge!("cupel_cache_connected").set(1.0);
    }

    /// Records that the connection with this number has failed.
    fn lose(&self, generation: u64, why: &str) {
        let mut state = self.state();
        if state.generation != generation {
            return;
        }
        let is_new = state.trouble.is_none();
        state.connection = None;
        state.trouble = Some(format!(
            "Redis (`shared.url`) is unavailable, so each node limits rates locally and finds no cached results: {why}"
        ));
        drop(state);
        metrics::gauge!("cupel_cache_connected").set(0.0);
        if is_new {
            tracing::warn!(
                why,
                "Redis is unavailable: until it is back, this node limits rates locally and does not use cached results"
            );
            self.lost.notify_one();
        }
    }

    /// Checks the connection at intervals, and reconnects when it is lost.
    async fn keep(&self) {
        loop {
            match self.current() {
                Some((mut connection, generation)) => {
                    tokio::select! {
                        () = sleep(CHECK) => {}
                        () = self.lost.notified() => continue,
                    }
                    if let Err(error) = self.try_out(&mut connection).await {
                        self.lose(generation, &error.to_string());
                    }
                }
                None => {
                    sleep(PAUSE).await;
                    match self.connect().await {
                        Ok(connection) => {
                            self.found(connection);
                            tracing::info!("Redis is available again: nodes share rate limits and cached results");
                        }
                        // Only this task replaces the connection.
                        Err(error) => {
                            let generation = self.state().generation;
                            self.lose(generation, &error.to_string());
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cupel_testkit::servers::Redis;

    use super::*;

    #[tokio::test]
    async fn a_late_failure_on_an_earlier_connection_does_not_drop_the_current_one() {
        let client = Client::open(Redis::shared().url()).unwrap();
        let link = Link::start(client, "trial".to_owned(), CONNECT_MAX).await.unwrap();
        let wire = &link.wire;
        let (_, earlier) = wire.current().expect("a connection");
        wire.found(wire.connect().await.unwrap());
        wire.lose(earlier, "it does not respond");
        assert!(wire.current().is_some_and(|(_, generation)| generation == earlier + 1));
        assert_eq!(link.health(), Ok(()));
        wire.lose(earlier + 1, "it does not respond");
        assert!(wire.current().is_none() && link.health().is_err());
    }
}
