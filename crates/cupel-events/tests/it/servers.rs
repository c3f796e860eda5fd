//! The buses over real servers.

use std::ops::Deref;
use std::sync::Arc;

use cupel_core::EventBus;
use cupel_events::{EventBounds, connect};
use cupel_testkit::Subject;
use cupel_testkit::events::nodes::Site;
use cupel_testkit::servers::{self, Postgres, Redis, Server};

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

mod redis {
    use super::*;

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
