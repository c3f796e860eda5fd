//! The buses over real servers.

use std::ops::Deref;
use std::sync::Arc;

use cupel_core::EventBus;
use cupel_events::{EventBounds, connect};
use cupel_testkit::Subject;
use cupel_testkit::events::nodes::Site;
use cupel_testkit::servers::{self, Postgres, Redis, Server};

/// A server, a URL of it, and the name of a cluster.
struct Place<S> {
    server: S,
    url: String,
    cluster: String,
}

impl<S> Place<S> {
    fn new(server: S, url: String) -> Place<S> {
        Place { server, url, cluster: servers::cluster() }
    }
}

impl<S: Deref<Target: Deref<Target = Server>> + Send + Sync + 'static> Site for Place<S> {
    async fn node(&self) -> Arc<dyn EventBus> {
        connect(&self.url, &self.cluster, EventBounds::default()).await.expect("the server runs")
    }

    fn server(&self) -> &Server {
        &self.server
    }
}

mod redis {
    use super::*;

    fn shared() -> Place<&'static Redis> {
        Place::new(Redis::shared(), Redis::shared().url())
    }

    fn own() -> Place<Box<Redis>> {
        let redis = Box::new(Redis::start());
        let url = redis.url();
        Place::new(redis, url)
    }

    cupel_testkit::event_bus_conformance!(async || Subject::new(shared().node().await));
    cupel_testkit::event_nodes_conformance!(async || shared(), async || own());
}

mod postgres {
    use super::*;

    async fn shared() -> Place<&'static Postgres> {
        Place::new(Postgres::shared(), Postgres::shared().database().await)
    }

    fn own() -> Place<Box<Postgres>> {
        let postgres = Box::new(Postgres::start());
        let url = postgres.url();
        Place::new(postgres, url)
    }

    cupel_testkit::event_bus_conformance!(async || Subject::new(shared().await.node().await));
    cupel_testkit::event_nodes_conformance!(async || shared().await, async || own());
}
