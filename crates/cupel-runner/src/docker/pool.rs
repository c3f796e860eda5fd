//! Containers that are started in advance, by shape (kind of container).

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as ClientError;
use cupel_agent::{Decoder, FromAgent, VERSION};
use cupel_types::chain;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWrite;
use tokio::sync::Semaphore;

use super::engine::{ABANDONED_AFTER, ContainerError, Engine, IMAGES_EVERY, REAP_EVERY};
use super::shape::Shape;

/// Maximum number of containers that are created in advance at the same time; more would slow down runs.
const CREATIONS_MAX: usize = 1;
/// Maximum number of characters of an agent's error message that are included in an error.
const COMPLAINT_CHARACTERS_MAX: usize = 500;
/// Maximum time for a started container to answer.
const READY_MAX: Duration = Duration::from_secs(30);

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, ClientError>> + Send>>;

/// A started container, whose agent waits for a step.
pub(super) struct Container {
    /// `None` once it is being removed.
    id: Option<String>,
    engine: Arc<Engine>,
    pub(super) input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    output: Output,
    decoder: Decoder,
    /// The last text on standard error, from the agent or from the engine's runtime.
    complaint: Option<String>,
}

impl Container {
    /// Whether the kernel has killed a process of the container because its memory was exhausted.
    pub(super) async fn was_out_of_memory(&self) -> bool {
        match &self.id {
            Some(id) => self.engine.was_out_of_memory(id).await,
            None => false,
        }
    }

    /// Whether the container's clock may differ from this machine's clock.
    pub(super) fn has_own_clock(&self) -> bool {
        self.engine.settings.runtime.as_deref().is_some_and(|runtime| runtime != "runc")
    }

    /// The next message of the agent.
    pub(super) async fn receive(&mut self) -> Result<FromAgent, ContainerError> {
        loop {
            match self.decoder.message() {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(error) => return Err(ContainerError::Lost(error.to_string())),
            }
            match self.output.next().await {
                Some(Ok(LogOutput::StdOut { message } | LogOutput::Console { message })) => self.decoder.push(&message),
                Some(Ok(LogOutput::StdErr { message })) => {
                    let message = String::from_utf8_lossy(&message).into_owned();
                    tracing::warn!(container = self.id.as_deref(), message, "a container's agent reported a failure");
                    self.complaint = Some(message.trim().chars().take(COMPLAINT_CHARACTERS_MAX).collect());
                }
                Some(Ok(LogOutput::StdIn { .. })) => {}
                Some(Err(error)) => return Err(ContainerError::Lost(chain(&error))),
                None => {
                    let ended = || "its output has ended".to_owned();
                    return Err(ContainerError::Lost(self.complaint.take().unwrap_or_else(ended)));
                }
            }
        }
    }
}

async fn remove(engine: Arc<Engine>, id: String) {
    if let Err(error) = engine.remove(&id).await {
        tracing::warn!(container = id, error = %chain(&error), "could not remove a container; it will be removed later");
    }
}

/// Removes the container. `Pool::close` waits for the removal.
impl Drop for Container {
    fn drop(&mut self) {
        // The agent exits, and the engine removes the container, even if the request below does not arrive.
        self.input = None;
        if let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) {
            self.engine.removals.spawn_on(remove(Arc::clone(&self.engine), id), &runtime);
        }
    }
}

/// The containers that are ready.
pub(super) struct Pool {
    engine: Arc<Engine>,
    creations: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: HashMap<Shape, Ready>,
    /// Counter of uses, which orders the shapes by their last use.
    clock: u64,
    /// Whether creation of containers in advance has stopped.
    is_closed: bool,
}

#[derive(Default)]
struct Ready {
    containers: VecDeque<Container>,
    /// Containers that are being created.
    coming: usize,
    /// Time of the last use.
    used: u64,
}

impl Pool {
    pub(super) fn new(engine: Arc<Engine>) -> Pool {
        Pool { engine, creations: Arc::new(Semaphore::new(CREATIONS_MAX)), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a container of this shape: a ready container, or a new one.
    pub(super) async fn take(&self, shape: &Shape) -> Result<Container, ContainerError> {
        let ready = self.lock().ready.get_mut(shape).and_then(|ready| ready.containers.pop_front());
        match ready {
            Some(container) => {
                metrics::counter!("cupel_docker_containers_total", "source" => "ready").increment(1);
                Ok(container)
            }
            None => {
                metrics::counter!("cupel_docker_containers_total", "source" => "created").increment(1);
                create(&self.engine, shape).await
            }
        }
    }

    /// Creates containers in the background until enough of this shape are ready. Containers of the
    /// least recently used shape are removed to make room. Must be called within the runtime.
    pub(super) fn refill(self: &Arc<Self>, shape: &Shape) {
        let settings = &self.engine.settings;
        let wanted = settings.ready.min(settings.ready_max);
        let mut state = self.lock();
        state.clock += 1;
        let clock = state.clock;
        if wanted == 0 || state.is_closed {
            return;
        }
        let entry = state.ready.entry(shape.clone()).or_default();
        entry.used = clock;
        let missing = wanted.saturating_sub(entry.containers.len() + entry.coming);
        entry.coming += missing;
        let mut leaving = Vec::new();
        while state.ready.values().map(|ready| ready.containers.len() + ready.coming).sum::<usize>()
            > settings.ready_max
        {
            let others =
                state.ready.iter_mut().filter(|(other, ready)| *other != shape && !ready.containers.is_empty());
            match others.min_by_key(|(_, ready)| ready.used) {
                Some((_, oldest)) => leaving.extend(oldest.containers.pop_front()),
                None => break,
            }
        }
        state.ready.retain(|_, ready| !ready.containers.is_empty() || ready.coming > 0);
        drop(state);
        drop(leaving);
        for _ in 0..missing {
            let (pool, shape) = (Arc::clone(self), shape.clone());
            tokio::spawn(async move {
                let _permit = pool.creations.acquire().await;
                if pool.lock().is_closed {
                    return;
                }
                let created = create(&pool.engine, &shape).await;
                let mut state = pool.lock();
                let Some(entry) = state.ready.get_mut(&shape) else { return };
                entry.coming -= 1;
                match created {
                    Ok(container) => entry.containers.push_back(container),
                    // The next step creates a container itself. If the failure persists, that step reports it.
                    Err(error) => tracing::warn!(error = %chain(&error), "cannot start a container in advance"),
                }
            });
        }
    }

    /// Removes all ready containers, stops creating more, and waits until these and the containers of ended sessions
    /// are removed.
    pub(super) async fn close(&self) {
        self.lock().is_closed = true;
        // Waits for the containers that are being created.
        let _permits = self.creations.acquire_many(CREATIONS_MAX as u32).await;
        drop(std::mem::take(&mut self.lock().ready));
        self.engine.removals.close();
        self.engine.removals.wait().await;
    }
}

/// Creates a container and waits until its agent answers.
async fn create(engine: &Arc<Engine>, shape: &Shape) -> Result<Container, ContainerError> {
    let (id, streams) = engine.start(shape).await?;
    let mut container = Container {
        id: Some(id),
        engine: Arc::clone(engine),
        input: Some(streams.input),
        output: streams.output,
        decoder: Decoder::default(),
        complaint: None,
    };
    match tokio::time::timeout(READY_MAX, container.receive()).await {
        Ok(Ok(FromAgent::Ready { version: VERSION })) => Ok(container),
        Ok(Ok(_)) => Err(ContainerError::Lost("its agent has a different version".to_owned())),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(ContainerError::Lost("it did not start in time".to_owned())),
    }
}

/// Removes containers of dead workers and unused images with the agent, now and at regular intervals.
pub(super) async fn reap(engine: Arc<Engine>) {
    let mut ticks = tokio::time::interval(REAP_EVERY);
    for round in 0.. {
        ticks.tick().await;
        if round % IMAGES_EVERY == 0 {
            match engine.remove_unused_images().await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "removed images of Docker Engine that are no longer used"),
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "cannot remove unused images from Docker Engine")
                }
            }
        }
        match engine.remove_abandoned(ABANDONED_AFTER).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed containers of workers that have ended"),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "cannot remove containers of workers that have ended")
            }
        }
    }
}
