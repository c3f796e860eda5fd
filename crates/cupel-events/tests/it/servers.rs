//! The buses over real servers.

use std::ops::Deref;
use std::sync::Arc;

use cupel_core::EventBus;
use cupel_core::event::{Event, EventKind, LiveEvent, Seq};
use cupel_core::live::PRESENCE_END;
use cupel_events::{EventBounds, connect};
use cupel_testkit::events::nodes::Site;
use cupel_testkit::servers::{self, Postgres, Redis, Server};
use cupel_testkit::{Subject, brokers, fresh};
use cupel_types::{LiveInput, SubmissionId, Verdict};

/// A server, its URL, and the name of a cluster.
struct ServerSite<S> {
    server: S,
    url: String,
    cluster: String,
}

impl<S> ServerSite<S> {
    fn new(server: S, url: String) -> ServerSite<S> {
        ServerSite { server, url, cluster: servers::cluster() }
    }
}

impl<S: Deref<Target: Deref<Target = Server>> + Send + Sync + 'static> Site for ServerSite<S> {
    async fn node(&self) -> Arc<dyn EventBus> {
        connect(&self.url, &self.cluster, EventBounds::default()).await.expect("the server runs")
    }

    fn server(&self) -> &Server {
        &self.server
    }
}

/// Number of stored events of a log, and the seconds until the first of them expires.
type Stored = (usize, u64);

/// The worker of a waiting run is a later subscriber, so the server must store events that are not sent again.
async fn live_input_and_the_latest_report_are_stored_until_the_run_ends(
    bus: Arc<dyn EventBus>,
    stored: impl AsyncFn(SubmissionId) -> Stored,
) {
    const HOURS_12: u64 = 12 * 3600;
    let [inputs, reports] = [(); 2].map(|()| SubmissionId::from_uuid(fresh()));
    let publish = |submission, seq, of| {
        bus.publish(Event { submission, seq, at: jiff::Timestamp::UNIX_EPOCH, kind: EventKind::Live(of) });
    };
    for n in 1..=3 {
        // The last input is too large for a notification of PostgreSQL.
        let input = LiveInput::Bytes(vec![b'x'; if n == 3 { 20_000 } else { 10 }]);
        publish(inputs, Seq::of_attempt(1, n), LiveEvent::Input { input, total_bytes: n.into() });
    }
    let becomes = async |what: &str, log, is_right: fn(Stored) -> bool| {
        brokers::wait_until(what, async || is_right(stored(log).await)).await;
    };
    becomes("the inputs are stored for long", inputs, |(events, seconds)| events == 3 && seconds > HOURS_12).await;
    // Each report is stored before the next one follows, as it is with pauses of some seconds.
    for second in 1..=3 {
        publish(reports, Seq::of_attempt(second, 1), LiveEvent::Attached);
        becomes("one report is stored for long", reports, |(events, seconds)| events == 1 && seconds > HOURS_12).await;
    }
    for (log, attempt) in [(inputs, 1), (reports, PRESENCE_END)] {
        bus.publish(Event::finished(log, attempt, jiff::Timestamp::UNIX_EPOCH, Verdict::Accepted));
        becomes("only the end is stored", log, |(events, seconds)| events == 1 && seconds <= 60).await;
    }
}

mod redis {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn live_input_and_the_latest_report_are_stored_until_the_run_ends() {
        let site = shared();
        let (server, cluster) = (site.server, site.cluster.clone());
        let stored = async |log| {
            let key = format!("{cluster}:events:log:{log}");
            let number = |command| {
                let answer = server.command(&format!("{command} {key}"));
                let number = answer.lines().find_map(|line| line.strip_prefix(':')).expect("a number");
                // Redis returns -2 if the key does not exist.
                number.parse::<i64>().expect("a number").try_into().unwrap_or(0)
            };
            (usize::try_from(number("XLEN")).unwrap(), number("TTL"))
        };
        super::live_input_and_the_latest_report_are_stored_until_the_run_ends(site.node().await, stored).await;
    }

    fn shared() -> ServerSite<&'static Redis> {
        ServerSite::new(Redis::shared(), Redis::shared().url())
    }

    fn own() -> ServerSite<Box<Redis>> {
        let redis = Box::new(Redis::start());
        let url = redis.url();
        ServerSite::new(redis, url)
    }

    cupel_testkit::event_bus_conformance!(async || Subject::new(shared().node().await));
    cupel_testkit::event_nodes_conformance!(async || shared(), async || own());
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn live_input_and_the_latest_report_are_stored_until_the_run_ends() {
        let site = shared().await;
        let (server, cluster) = (site.server, site.cluster.clone());
        let database = site.url.rsplit('/').next().expect("the URL ends with the database").to_owned();
        let stored = async |log| {
            let sql = format!(
                "SELECT count(*) || ' ' || coalesce(extract(epoch FROM min(expires - now()))::bigint, 0)
                 FROM \"{cluster}_events\" WHERE submission = '{log}'"
            );
            let answer = server.psql(&database, &sql);
            let (events, seconds) = answer.trim().split_once(' ').expect("two numbers");
            (events.parse().unwrap(), seconds.parse().unwrap_or_default())
        };
        super::live_input_and_the_latest_report_are_stored_until_the_run_ends(site.node().await, stored).await;
    }

    async fn shared() -> ServerSite<&'static Postgres> {
        ServerSite::new(Postgres::shared(), Postgres::shared().database().await)
    }

    fn own() -> ServerSite<Box<Postgres>> {
        let postgres = Box::new(Postgres::start());
        let url = postgres.url();
        ServerSite::new(postgres, url)
    }

    cupel_testkit::event_bus_conformance!(async || Subject::new(shared().await.node().await));
    cupel_testkit::event_nodes_conformance!(async || shared().await, async || own());
}
