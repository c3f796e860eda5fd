//! Conformance tests of every queue adapter; the broker adapters run against real servers, which the tests start.

mod embedded;
mod nodes;
mod starting;

#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::Queue;
use cupel_queue::Settings;
use cupel_testkit::brokers::Site;
use cupel_testkit::servers::{self, Server};
use tokio::sync::OwnedMutexGuard;

/// A small window, so that tests can fill it and observe the line before it.
const WINDOW: usize = 8;

/// Settings with a separate cluster for the test. The long `reclaim_after` prevents redelivery when the machine stalls.
fn settings(depth_max: usize) -> Settings {
    Settings {
        cluster: servers::cluster(),
        depth_max,
        window: WINDOW,
        reclaim_after: Duration::from_secs(60),
        store_url: None,
    }
}

async fn connect(url: &str, settings: Settings) -> Arc<dyn Queue> {
    cupel_queue::connect(url, settings).await.expect("the server runs")
}

/// A separate cluster for the test, at a broker that no other test uses at the same time.
fn site<T: Deref<Target = Server> + 'static>(server: OwnedMutexGuard<T>, url: String, keeps: bool) -> Site {
    let settings = Settings { window: 256, ..settings(0) };
    Site::new(server, keeps, move |depth_max, reclaim_after| {
        let (url, settings) = (url.clone(), Settings { depth_max, reclaim_after, ..settings.clone() });
        async move { connect(&url, settings).await }
    })
}
