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

use super::engine::{ABANDONED_AFTER, ContainerError, DockerSettings, Engine, IMAGES_EVERY, REAP_EVERY};
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
    /// Whether it was started in advance.
    pub(super) was_ready: bool,
    /// Whether the container's clock may differ from this machine's clock.
    pub(super) has_own_clock: bool,
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
    state: Mutex<State<Container>>,
}

/// The containers of a pool, by their shapes. At most `ready_max` are ready or being created.
struct State<C> {
    ready: HashMap<Shape, Ready<C>>,
    /// The shapes that were used last. The last one is at the end.
    recent: VecDeque<Shape>,
    /// Counter of uses, which orders the shapes by their last use.
    clock: u64,
    /// Whether creation of containers in advance has stopped.
    is_closed: bool,
}

struct Ready<C> {
    containers: VecDeque<C>,
    /// Containers that are being created.
    coming: usize,
    /// Time of the last use.
    used: u64,
}

/// Maximum number of shapes whose last use is remembered.
const RECENT_MAX: usize = 64;

impl<C> State<C> {
    fn new() -> State<C> {
        State { ready: HashMap::new(), recent: VecDeque::new(), clock: 0, is_closed: false }
    }

    fn take(&mut self, shape: &Shape) -> Option<C> {
        self.ready.get_mut(shape)?.containers.pop_front()
    }

    /// Records a use of a shape. Returns how many containers of this shape must be created, and the containers of the
    /// least recently used shapes, which make room for them.
    fn refill(&mut self, shape: &Shape, settings: &DockerSettings, is_announced: bool) -> (usize, Vec<C>) {
        let was_used = self.recent.iter().position(|known| known == shape).map(|at| self.recent.remove(at)).is_some();
        self.recent.push_back(shape.clone());
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
        // A shape that was used only once, such as that of a program with unusual limits, may never be used again.
        if self.is_closed || !(was_used || is_announced || self.ready.contains_key(shape)) {
            return (0, Vec::new());
        }
        self.clock += 1;
        let used = self.clock;
        let new = || Ready { containers: VecDeque::new(), coming: 0, used };
        let entry = self.ready.entry(shape.clone()).or_insert_with(new);
        entry.used = used;
        let missing = settings.ready.min(settings.ready_max).saturating_sub(entry.containers.len() + entry.coming);
        let total: usize = self.ready.values().map(|ready| ready.containers.len() + ready.coming).sum();
        let mut room = settings.ready_max.saturating_sub(total);
        let mut leaving = Vec::new();
        while room < missing {
            let others = self.ready.iter_mut().filter(|(other, ready)| *other != shape && !ready.containers.is_empty());
            // The remaining room belongs to containers that are being created.
            let Some((_, oldest)) = others.min_by_key(|(_, ready)| ready.used) else { break };
            leaving.extend(oldest.containers.pop_front());
            room += 1;
        }
        let missing = missing.min(room);
        self.ready.entry(shape.clone()).and_modify(|entry| entry.coming += missing);
        self.ready.retain(|_, ready| !ready.containers.is_empty() || ready.coming > 0);
        (missing, leaving)
    }

    /// Records the end of a creation that [`State::refill`] requested.
    fn arrived(&mut self, shape: &Shape, container: Option<C>) {
        let Some(entry) = self.ready.get_mut(shape) else { return };
        entry.coming -= 1;
        entry.containers.extend(container);
    }

    /// Takes all ready containers.
    fn take_all(&mut self) -> Vec<C> {
        self.ready.values_mut().flat_map(|ready| std::mem::take(&mut ready.containers)).collect()
    }
}

impl Pool {
    pub(super) fn new(engine: Arc<Engine>) -> Pool {
        Pool { engine, creations: Arc::new(Semaphore::new(CREATIONS_MAX)), state: Mutex::new(State::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, State<Container>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a container of this shape: a ready container, or a new one.
    pub(super) async fn take(&self, shape: &Shape) -> Result<Container, ContainerError> {
        let ready = self.lock().take(shape);
        match ready {
            Some(mut container) => {
                metrics::counter!("cupel_docker_containers_total", "source" => "ready").increment(1);
                container.was_ready = true;
                Ok(container)
            }
            None => {
                metrics::counter!("cupel_docker_containers_total", "source" => "created").increment(1);
                create(&self.engine, shape).await
            }
        }
    }

    /// Removes all ready containers. After a restart of the engine, none of them runs any more.
    pub(super) fn discard_ready(&self) {
        let ready = self.lock().take_all();
        drop(ready);
    }

    /// Records a use of this shape. From the second use on, or if the shape is announced because programs will use it,
    /// creates containers in the background until enough of this shape are ready. Containers of the least recently used
    /// shape are removed to make room. Must be called within the runtime.
    pub(super) fn refill(self: &Arc<Self>, shape: &Shape, is_announced: bool) {
        let (missing, leaving) = self.lock().refill(shape, &self.engine.settings, is_announced);
        drop(leaving);
        for _ in 0..missing {
            let (pool, shape) = (Arc::clone(self), shape.clone());
            tokio::spawn(async move {
                let _permit = pool.creations.acquire().await;
                if pool.lock().is_closed {
                    return;
                }
                let created = create(&pool.engine, &shape).await;
                // The next step creates a container itself. If the failure persists, that step reports it.
                let created = created
                    .inspect_err(|error| tracing::warn!(error = %chain(error), "cannot start a container in advance"));
                pool.lock().arrived(&shape, created.ok());
            });
        }
    }

    /// Removes all ready containers, stops creating more, and waits until these and the containers of ended sessions
    /// are removed.
    pub(super) async fn close(&self) {
        self.lock().is_closed = true;
        // Waits for the containers that are being created.
        let _permits = self.creations.acquire_many(CREATIONS_MAX as u32).await;
        self.discard_ready();
        self.engine.removals.close();
        self.engine.removals.wait().await;
    }
}

/// Creates a container and waits until its agent answers.
async fn create(engine: &Arc<Engine>, shape: &Shape) -> Result<Container, ContainerError> {
    let has_own_clock = engine.has_own_clock().await?;
    let (id, streams) = engine.start(shape).await?;
    let mut container = Container {
        id: Some(id),
        was_ready: false,
        has_own_clock,
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

#[cfg(test)]
mod tests {
    use cupel_types::ContentHash;

    use super::*;

    fn shape(memory: u64) -> Shape {
        Shape { image: ContentHash::from_bytes([0; 32]), memory, processes: 1, disk: 0, inodes: 1 }
    }

    fn settings(ready: usize, ready_max: usize) -> DockerSettings {
        DockerSettings { ready, ready_max, ..DockerSettings::default() }
    }

    impl<C> State<C> {
        /// The number of ready containers, and of those that are being created.
        fn total(&self) -> usize {
            self.ready.values().map(|ready| ready.containers.len() + ready.coming).sum()
        }
    }

    #[test]
    fn no_more_containers_than_allowed_are_ready_although_all_are_still_being_created() {
        let (mut state, settings) = (State::new(), settings(3, 4));
        let mut coming = Vec::new();
        for memory in 0..5 {
            let (missing, leaving) = state.refill(&shape(memory), &settings, true);
            assert!(leaving.is_empty(), "none is ready");
            coming.extend((0..missing).map(|_| memory));
            assert!(state.total() <= 4, "{}", state.total());
        }
        coming.iter().for_each(|memory| state.arrived(&shape(*memory), Some(())));
        assert_eq!(state.total(), 4);
        let (missing, leaving) = state.refill(&shape(9), &settings, true);
        assert_eq!((missing, leaving.len(), state.total()), (3, 3, 4), "the least recently used make room");
    }

    #[test]
    fn a_shape_is_kept_ready_from_its_second_use_so_that_unusual_limits_replace_no_containers() {
        let (mut state, settings) = (State::new(), settings(2, 4));
        let usual = shape(1);
        assert_eq!(state.refill(&usual, &settings, true).0, 2, "a language's own limits are announced");
        (0..2).for_each(|_| state.arrived(&usual, Some(())));
        for memory in 100..150 {
            assert_eq!(state.take(&shape(memory)), None);
            let (missing, leaving) = state.refill(&shape(memory), &settings, false);
            assert_eq!((missing, leaving.len()), (0, 0));
        }
        assert_eq!(state.refill(&shape(149), &settings, false).0, 2, "the second use");
        assert_eq!(state.take(&usual), Some(()));
        for memory in 200..400 {
            state.refill(&shape(memory), &settings, false);
        }
        assert!(state.recent.len() <= RECENT_MAX);
        assert_eq!(state.refill(&usual, &settings, false).0, 1, "a shape with ready containers stays ready");
    }
}
