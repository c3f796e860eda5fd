//! Registry of open connections: limits their number, and selects the connection to drop when the limit is reached.
//!
//! A client is identified in two stages. Before the head of a request is read, only the peer is known. The number of
//! connections of each peer's network is bounded, except for trusted proxies, which forward the requests of all
//! clients. After the head is read, the request is counted for the client's network.
//!
//! ```text
//!            begin                     body_ended               response sent
//! Idle ─────────────► Receiving ───────────────────► Serving ─────────────────► Idle
//!   └──────── dropped when full ──┘ (oldest first, Idle before Receiving)
//! ```
//!
//! Invariants: a connection whose request is complete is never dropped for another connection. Requests that are not
//! health checks occupy at most `connections_max - reserve` connections; the others are reserved for health checks.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::client::network_of;

/// Limits on the number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionBounds {
    /// Maximum number of open connections.
    pub(crate) all: usize,
    /// Maximum per network of peers; also the maximum number of simultaneous requests per network of clients.
    pub(crate) of_address: usize,
}

impl ConnectionBounds {
    /// Connections that are reserved for health checks.
    fn reserve(self) -> usize {
        (self.all / 8).min(32)
    }
}

/// The registry. Clones share one registry.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Inner>);

struct Inner {
    bounds: ConnectionBounds,
    /// One permit for each connection whose socket is open.
    slots: Arc<Semaphore>,
    /// Notified when a connection can be dropped for another connection.
    droppable: Notify,
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    /// Counter that orders connections by the time at which they began to wait for their client.
    clock: u64,
    entries: HashMap<u64, Entry>,
    /// Connections that may be dropped, in the order in which they are dropped.
    waiting: BTreeSet<Waiting>,
    /// Number of connections per network of peers. Dropped connections are not counted.
    peers: HashMap<IpAddr, usize>,
    /// Requests per network of clients.
    clients: HashMap<IpAddr, usize>,
    /// Requests that are not health checks.
    requests: usize,
    /// Connections that may only send health checks.
    only_health: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    stage: Stage,
    since: u64,
    id: u64,
}

/// Part of a request that has not arrived yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Head,
    Body,
}

struct Entry {
    /// The peer's network; `None` for a trusted proxy.
    peer: Option<IpAddr>,
    /// Whether the connection may only send health checks, because its peer has the maximum number of connections.
    only_health: bool,
    phase: Phase,
    dropped: CancellationToken,
}

#[derive(Clone, Copy)]
enum Phase {
    Idle(Waiting),
    Receiving(Waiting, Counted),
    Serving(Counted),
    Dropped,
}

/// Network for which a request is counted; `None` for a health check, which is not counted.
type Counted = Option<IpAddr>;

/// Why a connection or a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The client's network has reached its maximum.
    Address,
    /// The server has reached its maximum.
    Server,
}

impl Full {
    /// Sentence for the client.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Full::Address => "Too many connections are open from this address.",
            Full::Server => "The server has the maximum number of requests open.",
        }
    }
}

impl Connections {
    pub(crate) fn new(bounds: ConnectionBounds) -> Connections {
        Connections(Arc::new(Inner {
            bounds,
            slots: Arc::new(Semaphore::new(bounds.all)),
            droppable: Notify::new(),
            registry: Mutex::default(),
        }))
    }

    /// Waits until one more connection is allowed. If the limit is reached, drops the oldest connection without a
    /// complete request.
    pub(crate) async fn room(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(slot) = Arc::clone(&self.0.slots).try_acquire_owned() {
                return slot;
            }
            let mut droppable = std::pin::pin!(self.0.droppable.notified());
            // Register before the check, so that a connection that becomes droppable in between is not missed.
            droppable.as_mut().enable();
            let has_dropped = self.registry().drop_oldest(|_| true);
            tokio::select! {
                slot = Arc::clone(&self.0.slots).acquire_owned() => match slot {
                    Ok(slot) => return slot,
                    // The semaphore is never closed.
                    Err(_closed) => std::future::pending().await,
                },
                // A dropped connection ends at once, so dropping one is enough.
                () = droppable, if !has_dropped => {}
            }
        }
    }

    /// Waits until every connection has ended.
    pub(crate) async fn all_ended(&self) {
        let all = u32::try_from(self.0.bounds.all).unwrap_or(u32::MAX);
        let _ = self.0.slots.acquire_many(all).await;
    }

    /// Registers a connection of this peer; `None` for a trusted proxy. If the peer has the maximum number of
    /// connections, its oldest connection without a complete request is dropped. If every connection of the peer has a
    /// complete request, the new connection may only send health checks, and is refused if all connections reserved for
    /// health checks are in use.
    pub(crate) fn enter(&self, peer: Option<IpAddr>) -> Result<Open, Full> {
        let peer = peer.map(network_of);
        let bounds = self.0.bounds;
        let mut registry = self.registry();
        let is_over = |registry: &Registry| {
            peer.is_some_and(|peer| registry.peers.get(&peer).is_some_and(|n| *n >= bounds.of_address))
        };
        let mut only_health = false;
        if is_over(&registry) && !registry.drop_oldest(|entry| entry.peer == peer && !entry.only_health) {
            only_health = true;
            if registry.only_health >= bounds.reserve() && !registry.drop_oldest(|entry| entry.only_health) {
                return Err(Full::Address);
            }
            registry.only_health += 1;
        }
        if let Some(peer) = peer.filter(|_| !only_health) {
            *registry.peers.entry(peer).or_default() += 1;
        }
        let dropped = CancellationToken::new();
        let id = registry.tick();
        let waiting = Waiting { stage: Stage::Head, since: id, id };
        registry.waiting.insert(waiting);
        let entry = Entry { peer, only_health, phase: Phase::Idle(waiting), dropped: dropped.clone() };
        registry.entries.insert(id, entry);
        drop(registry);
        self.0.droppable.notify_waiters();
        Ok(Open { connections: self.clone(), id, dropped })
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Drops the oldest connection without a complete request for which `among` returns `true`. Returns `false` if
    /// there is none.
    fn drop_oldest(&mut self, among: impl Fn(&Entry) -> bool) -> bool {
        let oldest =
            self.waiting.iter().find(|waiting| self.entries.get(&waiting.id).is_some_and(&among)).map(|w| w.id);
        let Some(id) = oldest else { return false };
        self.leave_phase(id);
        self.release_peer(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.phase = Phase::Dropped;
            entry.dropped.cancel();
        }
        metrics::counter!("cupel_connections_dropped_total").increment(1);
        true
    }

    /// Subtracts the entry's phase from the counters.
    fn leave_phase(&mut self, id: u64) {
        let Some(entry) = self.entries.get(&id) else { return };
        let counted = match entry.phase {
            Phase::Idle(waiting) => {
                self.waiting.remove(&waiting);
                return;
            }
            Phase::Receiving(waiting, counted) => {
                self.waiting.remove(&waiting);
                counted
            }
            Phase::Serving(counted) => counted,
            Phase::Dropped => return,
        };
        if let Some(client) = counted {
            self.requests -= 1;
            one_less(&mut self.clients, client);
        }
    }

    fn release_peer(&mut self, id: u64) {
        let Some(entry) = self.entries.get(&id) else { return };
        match (entry.peer, entry.only_health) {
            (_, true) => self.only_health -= 1,
            (Some(peer), false) => one_less(&mut self.peers, peer),
            (None, false) => {}
        }
    }
}

fn one_less(counts: &mut HashMap<IpAddr, usize>, of: IpAddr) {
    if let Some(count) = counts.get_mut(&of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&of);
        }
    }
}

/// One registered connection; ends when dropped.
pub(crate) struct Open {
    connections: Connections,
    id: u64,
    dropped: CancellationToken,
}

impl Open {
    /// Completes when this connection must be dropped for another connection.
    pub(crate) async fn dropped(&self) {
        self.dropped.cancelled().await;
    }

    /// Counts a request whose head has arrived.
    pub(crate) fn begin(&self, client: IpAddr, is_health: bool, has_body: bool) -> Result<InFlight, Full> {
        let bounds = self.connections.0.bounds;
        let client = network_of(client);
        let counted = (!is_health).then_some(client);
        let mut registry = self.connections.registry();
        // The request is refused if the connection was just dropped for another connection.
        if registry.entries.get(&self.id).is_none_or(|entry| matches!(entry.phase, Phase::Dropped)) {
            return Err(Full::Server);
        }
        if !is_health {
            if registry.entries.get(&self.id).is_some_and(|entry| entry.only_health)
                || registry.clients.get(&client).is_some_and(|n| *n >= bounds.of_address)
            {
                return Err(Full::Address);
            }
            let is_full = registry.requests >= bounds.all - bounds.reserve();
            if is_full && !registry.drop_oldest(|entry| matches!(entry.phase, Phase::Receiving(_, Some(_)))) {
                return Err(Full::Server);
            }
            registry.requests += 1;
            *registry.clients.entry(client).or_default() += 1;
        }
        registry.leave_phase(self.id);
        let since = registry.tick();
        let waiting = Waiting { stage: Stage::Body, since, id: self.id };
        let phase = if has_body { Phase::Receiving(waiting, counted) } else { Phase::Serving(counted) };
        if has_body {
            registry.waiting.insert(waiting);
        }
        if let Some(entry) = registry.entries.get_mut(&self.id) {
            entry.phase = phase;
        }
        drop(registry);
        if has_body {
            self.connections.0.droppable.notify_waiters();
        }
        Ok(InFlight { connections: self.connections.clone(), id: self.id })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut registry = self.connections.registry();
        let is_dropped = registry.entries.get(&self.id).is_none_or(|entry| matches!(entry.phase, Phase::Dropped));
        if !is_dropped {
            registry.leave_phase(self.id);
            registry.release_peer(self.id);
        }
        registry.entries.remove(&self.id);
    }
}

/// One request that is being processed; ends when dropped.
pub(crate) struct InFlight {
    connections: Connections,
    id: u64,
}

impl InFlight {
    /// Records that the whole request has arrived.
    pub(crate) fn body_ended(&self) {
        let mut registry = self.connections.registry();
        let Some(entry) = registry.entries.get_mut(&self.id) else { return };
        if let Phase::Receiving(waiting, counted) = entry.phase {
            entry.phase = Phase::Serving(counted);
            registry.waiting.remove(&waiting);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut registry = self.connections.registry();
        if registry.entries.get(&self.id).is_none_or(|entry| matches!(entry.phase, Phase::Dropped)) {
            return;
        }
        registry.leave_phase(self.id);
        let since = registry.tick();
        let waiting = Waiting { stage: Stage::Head, since, id: self.id };
        if let Some(entry) = registry.entries.get_mut(&self.id) {
            entry.phase = Phase::Idle(waiting);
            registry.waiting.insert(waiting);
        }
        drop(registry);
        self.connections.0.droppable.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: usize, of_address: usize) -> Connections {
        Connections::new(ConnectionBounds { all, of_address })
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test]
    async fn when_full_the_oldest_connection_without_a_complete_request_is_dropped() {
        let connections = connections(3, 3);
        let mut open = Vec::new();
        for n in 0..3 {
            open.push((connections.room().await, connections.enter(Some(ip(n))).ok().unwrap()));
        }
        let serving = open[0].1.begin(ip(0), false, false).ok().unwrap();
        let receiving = open[1].1.begin(ip(1), false, true).ok().unwrap();
        // An idle connection is dropped before an older connection that is receiving. A connection that is being served
        // is kept.
        for expected in [2, 1] {
            let mut room = std::pin::pin!(connections.room());
            assert!(futures_util::poll!(room.as_mut()).is_pending());
            assert!(open[expected].1.dropped.is_cancelled());
            assert!(!open[0].1.dropped.is_cancelled());
            drop(open.remove(expected));
            open.push((room.await, connections.enter(Some(ip(9))).ok().unwrap()));
            let _ = open.last().unwrap().1.begin(ip(9), false, false).map(std::mem::forget);
        }
        drop((serving, receiving));
    }

    #[tokio::test]
    async fn a_waiting_connection_takes_the_slot_of_a_request_that_ends() {
        let connections = connections(1, 1);
        let slot = connections.room().await;
        let open = connections.enter(Some(ip(1))).ok().unwrap();
        let request = open.begin(ip(1), false, false).ok().unwrap();
        let mut room = std::pin::pin!(connections.room());
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        assert!(!open.dropped.is_cancelled());
        drop(request);
        assert!(futures_util::poll!(room.as_mut()).is_pending());
        assert!(open.dropped.is_cancelled());
        drop((open, slot));
        let _slot = room.await;
    }

    #[test]
    fn a_client_behind_a_proxy_is_counted_by_its_own_address() {
        let connections = connections(64, 2);
        let open: Vec<Open> = (0..6).map(|_| connections.enter(None).ok().unwrap()).collect();
        let _one = open[0].begin(ip(1), false, false).ok().unwrap();
        let two = open[1].begin(ip(1), false, false).ok().unwrap();
        assert_eq!(open[2].begin(ip(1), false, false).err(), Some(Full::Address));
        assert!(open[2].begin(ip(1), true, false).is_ok(), "a health check is not counted");
        let _other = open[3].begin(ip(2), false, false).ok().unwrap();
        drop(two);
        assert!(open[4].begin(ip(1), false, false).is_ok());
    }

    #[test]
    fn requests_leave_a_reserve_for_health_checks() {
        let connections = connections(16, 16);
        let open: Vec<Open> = (0..16).map(|n| connections.enter(Some(ip(n))).ok().unwrap()).collect();
        let begun: Vec<_> = open.iter().zip(0..).filter_map(|(o, n)| o.begin(ip(n), false, false).ok()).collect();
        assert_eq!(begun.len(), 14);
        assert_eq!(open[15].begin(ip(15), false, false).err(), Some(Full::Server));
        assert!(open[15].begin(ip(15), true, false).is_ok());
    }

    #[test]
    fn a_peer_at_its_bound_loses_its_oldest_idle_connection_and_may_still_send_health_checks() {
        let connections = connections(16, 2);
        let first = connections.enter(Some(ip(1))).ok().unwrap();
        let second = connections.enter(Some(ip(1))).ok().unwrap();
        let other = connections.enter(Some(ip(2))).ok().unwrap();
        let third = connections.enter(Some(ip(1))).ok().unwrap();
        assert!(first.dropped.is_cancelled() && !second.dropped.is_cancelled() && !other.dropped.is_cancelled());
        let _requests =
            (second.begin(ip(1), false, false).ok().unwrap(), third.begin(ip(1), false, false).ok().unwrap());
        let fourth = connections.enter(Some(ip(1))).ok().unwrap();
        assert_eq!(fourth.begin(ip(1), false, false).err(), Some(Full::Address));
        assert!(fourth.begin(ip(1), true, false).is_ok());
    }

    #[test]
    fn ended_connections_leave_no_entries() {
        let connections = connections(16, 1);
        {
            let a = connections.enter(Some(ip(1))).ok().unwrap();
            let _dropped_for_b = connections.enter(Some(ip(1))).ok().unwrap();
            let c = connections.enter(None).ok().unwrap();
            let request = c.begin(ip(3), false, true).ok().unwrap();
            request.body_ended();
            assert!(a.dropped.is_cancelled());
        }
        let registry = connections.registry();
        assert!(
            registry.entries.is_empty()
                && registry.waiting.is_empty()
                && registry.peers.is_empty()
                && registry.clients.is_empty()
        );
        assert_eq!((registry.requests, registry.only_health), (0, 0));
    }
}
