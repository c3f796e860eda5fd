//! Tests of the code that all broker adapters share, at a broker in memory whose answers the tests control.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use cupel_testkit::brokers::wait_until;
use cupel_testkit::queue::take;
use cupel_types::{PriorityClass, RunId};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::*;
use crate::broker::{Delivery, Tag};
use crate::shares::{CLASSES, PerClass, index};

/// A broker in memory.
struct Fake {
    connects: AtomicUsize,
    hints: Mutex<VecDeque<RunHint>>,
    /// Notified when hints are added.
    added: Notify,
    /// Deliveries that were acknowledged or given back, as the runs' numbers.
    settled: Mutex<Vec<u64>>,
    given_back: Mutex<Vec<u64>>,
    /// Number of calls that have begun. Each call takes a permit before it has an effect.
    puts: (AtomicUsize, Semaphore),
    takes: (AtomicUsize, Semaphore),
    rests: AtomicUsize,
    put_fault: Option<BrokerFault>,
    rest_fault: Option<BrokerFault>,
}

impl Default for Fake {
    fn default() -> Fake {
        let many = || (AtomicUsize::default(), Semaphore::new(Semaphore::MAX_PERMITS));
        Fake {
            connects: AtomicUsize::default(),
            hints: Mutex::default(),
            added: Notify::new(),
            settled: Mutex::default(),
            given_back: Mutex::default(),
            puts: many(),
            takes: many(),
            rests: AtomicUsize::default(),
            put_fault: None,
            rest_fault: None,
        }
    }
}

impl Fake {
    async fn queue(self: &Arc<Fake>) -> Arc<BrokeredQueue> {
        let no_language_queues: MakeLanguageQueue = Box::new(|_| Box::pin(async { Err(ConnectError::NoDatabase) }));
        let broker = FakeBroker(Arc::clone(self));
        Arc::new(BrokeredQueue::start("test".to_owned(), broker, no_language_queues, 10, 100).await.unwrap())
    }

    fn add(&self, hints: &[RunHint]) {
        self.hints.lock().unwrap().extend(hints);
        self.added.notify_one();
    }
}

async fn enter(calls: &(AtomicUsize, Semaphore)) {
    calls.0.fetch_add(1, Ordering::Relaxed);
    calls.1.acquire().await.unwrap().forget();
}

/// A gate that no call has entered and that is closed.
fn closed() -> (AtomicUsize, Semaphore) {
    (AtomicUsize::default(), Semaphore::new(0))
}

fn fails(fault: Option<BrokerFault>) -> Result<(), BrokerError> {
    fault.map_or(Ok(()), |fault| Err(BrokerError::new("do what the test asks", fault, "the test wants a fault")))
}

struct FakeBroker(Arc<Fake>);

#[async_trait]
impl Broker for FakeBroker {
    async fn connect(&self) -> Result<Arc<dyn Link>, BrokerError> {
        self.0.connects.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(FakeLink(Arc::clone(&self.0))))
    }
}

struct FakeLink(Arc<Fake>);

#[async_trait]
impl Link for FakeLink {
    async fn put(&self, hints: &[RunHint]) -> Result<(), BrokerError> {
        enter(&self.0.puts).await;
        fails(self.0.put_fault)?;
        self.0.add(hints);
        Ok(())
    }

    async fn ready(&self) -> Result<PerClass<usize>, BrokerError> {
        let mut ready = [0; CLASSES];
        for hint in &*self.0.hints.lock().unwrap() {
            ready[index(hint.class)] += 1;
        }
        Ok(ready)
    }

    async fn take(&self, mut wanted: PerClass<usize>) -> Result<Vec<Delivery>, BrokerError> {
        enter(&self.0.takes).await;
        let mut deliveries = Vec::new();
        self.0.hints.lock().unwrap().retain(|hint| {
            let takes = wanted[index(hint.class)] > 0;
            if takes {
                wanted[index(hint.class)] -= 1;
                deliveries.push(Delivery { hint: *hint, tag: Tag(number(hint), 0) });
            }
            !takes
        });
        Ok(deliveries)
    }

    async fn wait(&self, end: &CancellationToken) -> Result<Vec<Delivery>, BrokerError> {
        tokio::select! {
            () = self.0.added.notified() => {}
            () = tokio::time::sleep(WAIT_MAX) => {}
            () = end.cancelled() => {}
        }
        Ok(Vec::new())
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), BrokerError> {
        self.0.settled.lock().unwrap().extend(settled.iter().map(|settled| settled.tag.0));
        Ok(())
    }

    async fn rest(&self, unwanted: Vec<Delivery>) -> Result<(), BrokerError> {
        self.0.rests.fetch_add(1, Ordering::Relaxed);
        fails(self.0.rest_fault)?;
        self.0.given_back.lock().unwrap().extend(unwanted.iter().map(|delivery| delivery.tag.0));
        Ok(())
    }
}

fn hint(run: u64) -> RunHint {
    let id = |n| Uuid::from_u128(n);
    RunHint { run: RunId::from_uuid(id(run.into())), owner: owner(), class: PriorityClass::Submission }
}

fn owner() -> UserId {
    UserId::from_uuid(Uuid::from_u128(1))
}

fn number(hint: &RunHint) -> u64 {
    hint.run.as_uuid().as_u64_pair().1
}

async fn begun(what: &str, calls: &(AtomicUsize, Semaphore), count: usize) {
    wait_until(what, async || calls.0.load(Ordering::Relaxed) >= count).await;
}

/// A taker that waits, and a take that has begun for it and does not continue yet. For one hint, the fetcher takes from
/// one class after the other, so it needs up to [`CLASSES`] permits.
async fn waiting_taker(
    fake: &Arc<Fake>,
    queue: &Arc<BrokeredQueue>,
) -> tokio::task::JoinHandle<Result<(), QueueError>> {
    let taker = {
        let queue = Arc::clone(queue);
        tokio::spawn(async move { queue.next().await.map(drop) })
    };
    begun("a take has begun", &fake.takes, 1).await;
    taker
}

/// Such as a database on which this user may connect and read, but not insert rows.
#[tokio::test]
async fn a_broker_that_accepts_connections_and_fails_to_publish_stays_reported() {
    let fake = Arc::new(Fake { puts: closed(), put_fault: Some(BrokerFault::Other), ..Fake::default() });
    let queue = fake.queue().await;
    queue.publish(&[hint(1)]).await.unwrap();
    begun("the first attempt", &fake.puts, 1).await;
    queue.health().expect("nothing has failed yet");
    for attempt in 2..5 {
        fake.puts.1.add_permits(1);
        begun("another attempt on another connection", &fake.puts, attempt).await;
        let health = queue.health().expect_err("the queue is connected, but the fault persists");
        assert!(health.contains("the test wants a fault"), "{health}");
    }
    assert!(fake.connects.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn a_hint_that_a_full_broker_does_not_take_back_goes_to_the_next_taker() {
    let fake = Arc::new(Fake { takes: closed(), rest_fault: Some(BrokerFault::Full), ..Fake::default() });
    let queue = fake.queue().await;
    let taker = waiting_taker(&fake, &queue).await;
    taker.abort();
    assert!(taker.await.unwrap_err().is_cancelled());
    fake.add(&[hint(1)]);
    let rests = fake.rests.load(Ordering::Relaxed);
    fake.takes.1.add_permits(CLASSES);
    // The first of these calls may have begun before the hint arrived.
    wait_until("the broker refuses the hint", async || fake.rests.load(Ordering::Relaxed) >= rests + 2).await;
    assert_eq!(take(&*queue).await, hint(1));
    assert_eq!(fake.connects.load(Ordering::Relaxed), 1, "a full broker still delivers, so its connection is kept");
}

#[tokio::test]
async fn closing_a_queue_returns_the_hints_of_a_take_that_is_under_way() {
    let fake = Arc::new(Fake { takes: closed(), ..Fake::default() });
    let queue = fake.queue().await;
    let taker = waiting_taker(&fake, &queue).await;
    queue.close();
    // All tasks learn of the end before the take continues.
    assert!(matches!(taker.await.unwrap(), Err(QueueError::Closed)));
    tokio::task::yield_now().await;
    fake.add(&[hint(1)]);
    fake.takes.1.add_permits(CLASSES);
    queue.gone().await;
    assert_eq!(*fake.given_back.lock().unwrap(), [1]);
}

#[tokio::test]
async fn a_cancelled_next_other_puts_back_the_hints_that_it_skipped() {
    let fake = Arc::new(Fake::default());
    fake.add(&[hint(1), hint(2)]);
    let queue = fake.queue().await;
    {
        let excluded = [owner()];
        let mut call = std::pin::pin!(queue.next_other(&excluded));
        let is_third_wait = async || {
            // The fetcher asks again only if no taken hint is left here.
            fake.hints.lock().unwrap().is_empty() && {
                let state = queue.shared.state();
                state.waiting == 1 && !state.has_arrived()
            }
        };
        tokio::select! {
            // On a slow machine the call ends by itself.
            found = &mut call => assert!(found.unwrap().is_none()),
            () = wait_until("the call waits for a third hint", is_third_wait) => {}
        }
    }
    wait_until("the taken hints are settled", async || {
        let mut settled = fake.settled.lock().unwrap().clone();
        settled.sort_unstable();
        settled == [1, 2]
    })
    .await;
    let mut taken = [take(&*queue).await, take(&*queue).await];
    taken.sort_by_key(|hint| hint.run);
    assert_eq!(taken, [hint(1), hint(2)]);
}
