//! Alerts as webhooks, for installations without Prometheus. An alert is sent when a fault has lasted for the
//! configured time, and when this fault ends.
//!
//! The alerts are the most severe alerts of deploy/observability/alerts.yaml, as far as they can be determined from the
//! store and the disk. Of several API nodes, only one checks for faults (the sweeper, which holds the leadership
//! lease), so each alert is sent once; only if another node becomes the sweeper, it may be sent again. The operator
//! configures the receiver, so any address is allowed, and its certificate is verified with the authorities that the
//! machine trusts.
//!
//! The check publishes the faults that last at present, and the sender compares them with what the receiver has
//! accepted. Invariant: the sender tries to deliver `alert.firing` until the receiver accepts it or the fault ends, and
//! sends `alert.resolved` only for an alert that the receiver has accepted. Only a response with a status from 200 to
//! 299 accepts an alert.
//!
//! The sweeper records in the store which alerts the receiver has accepted and not seen end. A node that becomes the
//! sweeper, or starts again, reads this record, so it sends `alert.resolved` also for alerts that were sent before. The
//! record is at most a sweep old; a process that is killed in between may leave an alert that is sent again.
//!
//! Alerts are signed like other webhooks (Standard Webhooks) if a secret is configured.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cupel_core::{Backoff, Core, chain};
use cupel_types::counted;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};
use uuid::Uuid;

use crate::config;
use crate::webhooks::sign;

/// Pauses between the attempts to deliver an alert.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(60));

/// State of the installation.
#[derive(Clone, Debug)]
pub(crate) struct InstallationState {
    /// Number of workers that take runs.
    pub(crate) workers: usize,
    /// Number of due runs that wait for a worker.
    pub(crate) waiting: u64,
    /// Number of waiting runs at which a node refuses new runs. With several API nodes, more runs may wait.
    pub(crate) waiting_max: u64,
    /// Waiting time of the oldest due run.
    pub(crate) oldest: Duration,
    /// Number of dead letters.
    pub(crate) dead: u64,
    /// Free part of the disk of the data directory, from 0 to 1, if known.
    pub(crate) disk_left: Option<f64>,
    /// If a disk is full, a description of the problem and its remedy.
    pub(crate) full: Option<String>,
}

/// The names of all alerts.
const NAMES: [&str; 6] = ["no-workers", "backlog-old", "backlog-deep", "dead-letters", "disk-full", "disk-low"];

/// Returns the faults of a state: for each, a stable name and a sentence.
fn wrong(seen: &InstallationState, oldest_max: Duration) -> BTreeMap<&'static str, String> {
    let mut wrong = BTreeMap::new();
    if seen.workers == 0 {
        wrong.insert("no-workers", "no worker takes runs; `cupel admin workers` lists the workers".to_owned());
    }
    if seen.oldest > oldest_max {
        let waits = format!("the oldest due run has waited for {} s", seen.oldest.as_secs());
        wrong.insert("backlog-old", waits);
    }
    if seen.waiting.saturating_mul(5) > seen.waiting_max.saturating_mul(4) {
        let deep = format!(
            "{} waiting; an API node refuses new runs when {} wait on it and at the broker",
            counted(seen.waiting, "run"),
            seen.waiting_max
        );
        wrong.insert("backlog-deep", deep);
    }
    if seen.dead > 0 {
        let dead = format!("{}; `cupel admin dead list` shows why", counted(seen.dead, "dead letter"));
        wrong.insert("dead-letters", dead);
    }
    if let Some(full) = &seen.full {
        wrong.insert("disk-full", full.clone());
    }
    if let Some(left) = seen.disk_left.filter(|left| *left < 0.1) {
        let low = format!("{:.1} % of the disk under the data directory of the leading node is free", left * 100.0);
        wrong.insert("disk-low", low);
    }
    wrong
}

/// The faults that the sweeper publishes. `None` if another node sends the alerts.
type Published = Option<LastingFaults>;

#[derive(Clone)]
struct LastingFaults {
    /// The faults that have lasted for the configured time, each with a sentence that describes it.
    lasting: BTreeMap<&'static str, String>,
    recalled: Open,
}

/// The alerts that the receiver has accepted and that have not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    /// Number of times that this node has become the sweeper.
    term: u64,
    names: BTreeSet<&'static str>,
}

/// Checks the state and publishes the lasting faults.
pub(crate) struct Watch {
    patience: Duration,
    oldest_max: Duration,
    /// Start of each fault.
    since: BTreeMap<&'static str, Instant>,
    lasting: Sender<Published>,
    /// The open alerts as they were when this node became the sweeper.
    recalled: Open,
    /// The open alerts according to the store. `None` until they are read.
    recorded: Option<BTreeSet<&'static str>>,
    /// The open alerts.
    open: Receiver<Open>,
}

/// Creates a watch and the task that sends its alerts.
pub(crate) fn watch(
    settings: &config::Alerts,
    shutdown: CancellationToken,
) -> (Watch, impl Future<Output = ()> + use<>) {
    watch_with(settings, PAUSES, shutdown)
}

fn watch_with(
    settings: &config::Alerts,
    pauses: Backoff,
    shutdown: CancellationToken,
) -> (Watch, impl Future<Output = ()> + use<>) {
    let (lasting, faults) = channel(None);
    let (opened, open) = channel(Open::default());
    let config::Alerts { patience, oldest_max, .. } = *settings;
    let (since, recalled) = (BTreeMap::new(), Open::default());
    let watch = Watch { patience, oldest_max, since, lasting, recalled, recorded: None, open };
    (watch, Outbox::new(settings.clone(), pauses, opened).send_all(faults, shutdown))
}

impl Watch {
    /// Reads the open alerts from the store if this node has just become the sweeper, and otherwise records changes
    /// there. Returns whether they are known.
    pub(crate) async fn keep(&mut self, core: &Core, now: Instant) -> bool {
        let Some(recorded) = &mut self.recorded else {
            match core.open_alerts().await {
                Ok(names) => self.recall(NAMES.into_iter().filter(|name| names.contains(*name)).collect(), now),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot read from the store which alerts were sent")
                }
            }
            return self.recorded.is_some();
        };
        let open = self.open.borrow_and_update().clone();
        if open.term == self.recalled.term && open.names != *recorded {
            match core.set_open_alerts(open.names.iter().map(|&name| name.to_owned()).collect()).await {
                Ok(()) => *recorded = open.names,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot record in the store which alerts were sent")
                }
            }
        }
        true
    }

    /// Continues with the open alerts of the previous sweeper. Their faults count as lasting.
    fn recall(&mut self, names: BTreeSet<&'static str>, now: Instant) {
        let lasted = now.checked_sub(self.patience).unwrap_or(now);
        self.since.extend(names.iter().map(|name| (*name, lasted)));
        self.recalled = Open { term: self.recalled.term + 1, names: names.clone() };
        self.recorded = Some(names);
    }

    /// Checks the state at `now`. Never blocks.
    pub(crate) fn look(&mut self, seen: &InstallationState, now: Instant) {
        let mut lasting = wrong(seen, self.oldest_max);
        self.since.retain(|name, _| lasting.contains_key(name));
        lasting.retain(|name, _| now.duration_since(*self.since.entry(name).or_insert(now)) >= self.patience);
        self.lasting.send_if_modified(|published| {
            let is_new = published.as_ref().is_none_or(|published| !published.lasting.keys().eq(lasting.keys()));
            *published = Some(LastingFaults { lasting, recalled: self.recalled.clone() });
            is_new
        });
    }

    /// Forgets all faults. Called when another node sends the alerts.
    pub(crate) fn forget(&mut self) {
        self.since.clear();
        self.recorded = None;
        self.lasting.send_if_modified(|published| published.take().is_some());
    }
}

/// The alerts that the receiver has accepted, and those that it has not accepted yet.
struct Outbox {
    settings: config::Alerts,
    agent: Agent,
    pauses: Backoff,
    /// The faults whose `alert.firing` was accepted.
    firing: Open,
    /// Publishes these faults, so that the sweeper records them.
    opened: Sender<Open>,
    /// At most one alert for each fault: `alert.resolved` if the fault is in `firing`, otherwise `alert.firing`.
    unsent: BTreeMap<&'static str, Alert>,
}

struct Alert {
    /// The same in each attempt, so that the receiver can recognize an alert whose response was lost.
    id: String,
    /// Time of the next attempt.
    due: Instant,
    pauses: Backoff,
    /// Error of the last attempt.
    error: Option<String>,
}

impl Outbox {
    fn new(settings: config::Alerts, pauses: Backoff, opened: Sender<Open>) -> Outbox {
        Outbox { settings, agent: agent(), pauses, firing: Open::default(), opened, unsent: BTreeMap::new() }
    }

    /// Sends alerts until `shutdown`.
    async fn send_all(mut self, mut faults: Receiver<Published>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let published = faults.borrow_and_update().clone();
            self.compare(published.as_ref());
            let next = self.unsent.iter().min_by_key(|(_, alert)| alert.due).map(|(name, alert)| (*name, alert.due));
            let now = Instant::now();
            if let Some((name, due)) = next
                && due <= now
            {
                let summary = published.as_ref().and_then(|faults| faults.lasting.get(name));
                self.attempt(name, summary.map_or("resolved", String::as_str)).await;
                continue;
            }
            let due = next.map(|(_, due)| due);
            tokio::select! {
                () = shutdown.cancelled() => {}
                changed = faults.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep_until(due.unwrap_or(now).into()), if due.is_some() => {}
            }
        }
    }

    /// Adds the alerts that became necessary, and removes those that no longer are.
    fn compare(&mut self, published: Option<&LastingFaults>) {
        let Some(LastingFaults { lasting, recalled }) = published else {
            self.unsent.clear();
            return;
        };
        if self.firing.term != recalled.term {
            self.firing = recalled.clone();
            self.unsent.clear();
            self.opened.send_replace(self.firing.clone());
        }
        let firing = &self.firing.names;
        self.unsent.retain(|name, _| lasting.contains_key(name) != firing.contains(name));
        let begun = lasting.iter().filter(|(name, _)| !firing.contains(*name));
        let ended = firing.iter().filter(|name| !lasting.contains_key(*name));
        let necessary = begun.map(|(name, summary)| (*name, &**summary)).chain(ended.map(|name| (*name, "resolved")));
        for (name, summary) in necessary {
            self.unsent.entry(name).or_insert_with(|| {
                let kind = if firing.contains(name) { "alert.resolved" } else { "alert.firing" };
                tracing::warn!(alert = name, kind, "{summary}");
                let id = Uuid::new_v4().to_string();
                Alert { id, due: Instant::now(), pauses: self.pauses.clone(), error: None }
            });
        }
    }

    /// Tries to deliver the unsent alert with this name.
    async fn attempt(&mut self, name: &'static str, summary: &str) {
        let Some(alert) = self.unsent.get_mut(name) else { return };
        let ends = self.firing.names.contains(name);
        let kind = if ends { "alert.resolved" } else { "alert.firing" };
        let body = json!({ "type": kind, "data": { "alert": name, "summary": summary } });
        match post(&self.agent, &self.settings, &alert.id, body).await {
            Ok(()) => {
                if alert.error.is_some() {
                    tracing::info!(alert = name, kind, "delivered an alert after failed attempts");
                }
                self.unsent.remove(name);
                if ends {
                    self.firing.names.remove(name);
                } else {
                    self.firing.names.insert(name);
                }
                self.opened.send_replace(self.firing.clone());
            }
            Err(error) => {
                let pause = alert.pauses.pause();
                alert.due = Instant::now() + pause;
                // A receiver that is down fails each attempt, so only a new error is logged.
                if alert.error.as_ref() != Some(&error) {
                    tracing::warn!(alert = name, kind, error, "could not deliver an alert; trying again");
                }
                alert.error = Some(error);
            }
        }
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .max_idle_connections(0)
        // The receiver may have a certificate of the operator's own authority.
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .user_agent(concat!("cupel/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::new_with_config(config)
}

async fn post(agent: &Agent, settings: &config::Alerts, id: &str, mut body: serde_json::Value) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "a receiver checks the signature's time against its own clock")]
    let now = Timestamp::now();
    body["timestamp"] = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into();
    let (agent, url, body) = (agent.clone(), settings.url.clone(), body.to_string());
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", now.as_second().to_string()),
    ];
    if !settings.key.is_empty() {
        headers.push(("webhook-signature", sign(&settings.key, id, now.as_second(), &body)));
    }
    let posted = tokio::task::spawn_blocking(move || {
        let request = headers.into_iter().fold(agent.post(&url), |request, (name, value)| request.header(name, value));
        // The response body is dropped unread, together with the connection.
        Ok::<u16, ureq::Error>(request.send(body)?.status().as_u16())
    });
    match posted.await {
        Ok(Ok(200..=299)) => Ok(()),
        Ok(Ok(status @ 300..=399)) => {
            Err(format!("the receiver of alerts.url responded with {status}; redirects are not followed"))
        }
        Ok(Ok(status)) => Err(format!("the receiver of alerts.url responded with {status}")),
        // The error text repeats the address, which may contain a password.
        Ok(Err(ureq::Error::BadUri(_))) => Err("alerts.url is not a valid URL".to_owned()),
        Ok(Err(error)) => Err(chain(&error)),
        Err(_) => Err("the sending task failed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use cupel_testkit::http::HttpReceiver;

    use super::*;

    const WELL: InstallationState = InstallationState {
        workers: 2,
        waiting: 80,
        waiting_max: 100,
        oldest: Duration::from_secs(60),
        dead: 0,
        disk_left: Some(0.1),
        full: None,
    };
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn each_fault_has_an_alert_and_a_healthy_installation_has_none() {
        let names = |seen: InstallationState| wrong(&seen, MINUTE).into_keys().collect::<Vec<_>>();
        assert!(names(WELL).is_empty(), "values equal to the bounds are not faults");
        assert!(names(InstallationState { disk_left: None, ..WELL }).is_empty());
        for (seen, name) in [
            (InstallationState { workers: 0, ..WELL }, "no-workers"),
            (InstallationState { waiting: 81, ..WELL }, "backlog-deep"),
            (InstallationState { oldest: MINUTE * 2, ..WELL }, "backlog-old"),
            (InstallationState { dead: 1, ..WELL }, "dead-letters"),
            (InstallationState { disk_left: Some(0.09), ..WELL }, "disk-low"),
            (InstallationState { full: Some("it is full".to_owned()), ..WELL }, "disk-full"),
        ] {
            assert_eq!(names(seen), [name]);
            assert!(NAMES.contains(&name), "the record of open alerts knows {name}");
        }
    }

    /// The names of the published faults if they have changed since the last call.
    fn changed(faults: &mut Receiver<Published>) -> Option<Vec<&'static str>> {
        let has_changed = faults.has_changed().unwrap();
        let published = faults.borrow_and_update();
        has_changed.then(|| published.iter().flat_map(|faults| faults.lasting.keys().copied()).collect())
    }

    #[test]
    fn a_lasting_fault_is_published_once_when_it_fires_and_once_when_it_ends() {
        let settings = config::Alerts { patience: MINUTE, ..settings("http://localhost") };
        let (mut watch, _sending) = watch(&settings, CancellationToken::new());
        let mut faults = watch.lasting.subscribe();
        let (begin, bad) = (Instant::now(), InstallationState { workers: 0, ..WELL });
        watch.look(&bad, begin);
        assert_eq!(changed(&mut faults), Some(vec![]));
        watch.look(&WELL, begin + MINUTE / 2);
        watch.look(&bad, begin + MINUTE);
        watch.look(&bad, begin + MINUTE * 3 / 2);
        assert_eq!(changed(&mut faults), None, "the fault did not last");
        watch.look(&bad, begin + MINUTE * 2);
        assert_eq!(changed(&mut faults), Some(vec!["no-workers"]));
        watch.look(&bad, begin + MINUTE * 3);
        assert_eq!(changed(&mut faults), None, "once");
        watch.look(&WELL, begin + MINUTE * 4);
        assert_eq!(changed(&mut faults), Some(vec![]));
        watch.look(&WELL, begin + MINUTE * 5);
        assert_eq!(changed(&mut faults), None);
        watch.forget();
        watch.look(&bad, begin + MINUTE * 6);
        watch.look(&bad, begin + MINUTE * 7);
        assert_eq!(changed(&mut faults), Some(vec!["no-workers"]));
    }

    const DEAD: InstallationState = InstallationState { dead: 1, ..WELL };
    const NO_WORKERS: InstallationState = InstallationState { workers: 0, ..WELL };

    /// A watch without patience, whose alerts go to this receiver.
    fn sending(receiver: &HttpReceiver, pauses: Backoff) -> Watch {
        let (watch, sending) = watch_with(&settings(receiver.url()), pauses, CancellationToken::new());
        tokio::spawn(sending);
        watch
    }

    fn settings(url: &str) -> config::Alerts {
        config::Alerts { url: url.to_owned(), key: Vec::new(), patience: Duration::ZERO, oldest_max: MINUTE }
    }

    /// Type, name and id of the next alert that arrives.
    fn next(receiver: &HttpReceiver) -> (String, String, String) {
        let request = tokio::task::block_in_place(|| receiver.next());
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&body["type"]), text(&body["data"]["alert"]), request.header("webhook-id").unwrap().to_owned())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_alert_is_sent_until_the_receiver_accepts_it_and_a_redirect_accepts_nothing() {
        let refusals = ["302 Found", "302 Found", "500 No", "500 No", "500 No", "500 No", "404 No", "503 No"];
        let [a, b, c, d, e, f, g, h] = refusals;
        let receiver = HttpReceiver::start([a, b, c, d, e, f, g, h, "204 Taken", "301 Moved", "200 OK"]);
        let mut watch = sending(&receiver, Backoff::new(Duration::from_millis(1), Duration::from_millis(1)));
        watch.look(&NO_WORKERS, Instant::now());
        let (kind, name, id) = next(&receiver);
        assert_eq!((&*kind, &*name), ("alert.firing", "no-workers"));
        for status in &refusals[1..] {
            assert_eq!(next(&receiver).2, id, "the alert after {status}");
        }
        assert_eq!(next(&receiver).2, id, "the alert that is accepted");
        watch.look(&WELL, Instant::now());
        let (kind, name, id) = next(&receiver);
        assert_eq!((&*kind, &*name), ("alert.resolved", "no-workers"));
        assert_eq!(next(&receiver).2, id, "the end is sent again, too");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_end_of_a_fault_is_sent_only_if_its_alert_was_accepted() {
        let receiver = HttpReceiver::start(["500 No", "204 Taken"]);
        let mut watch = sending(&receiver, Backoff::new(MINUTE * 60, MINUTE * 60));
        watch.look(&NO_WORKERS, Instant::now());
        assert_eq!(next(&receiver).1, "no-workers");
        watch.look(&WELL, Instant::now());
        watch.look(&DEAD, Instant::now());
        let (kind, name, _) = next(&receiver);
        assert_eq!((&*kind, &*name), ("alert.firing", "dead-letters"));
        watch.look(&WELL, Instant::now());
        let (kind, name, _) = next(&receiver);
        assert_eq!((&*kind, &*name), ("alert.resolved", "dead-letters"));
        watch.look(&NO_WORKERS, Instant::now());
        let (kind, name, _) = next(&receiver);
        assert_eq!((&*kind, &*name), ("alert.firing", "no-workers"));
    }

    /// Regression: nothing was sent if the process was restarted, or another node became the sweeper, before the end.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_new_sweeper_sends_the_end_of_alerts_that_its_predecessor_sent() {
        let receiver = HttpReceiver::start(["204 Taken"]);
        let mut watch = sending(&receiver, PAUSES);
        watch.patience = MINUTE;
        let now = Instant::now();
        watch.recall(["no-workers", "dead-letters"].into(), now);
        watch.look(&DEAD, now);
        let (kind, name, _) = next(&receiver);
        assert_eq!((&*kind, &*name), ("alert.resolved", "no-workers"));
        watch.open.wait_for(|open| open.names == ["dead-letters"].into()).await.unwrap();
        // Another node is the sweeper for a moment.
        watch.forget();
        watch.recall(["dead-letters"].into(), now);
        watch.look(&WELL, now);
        let (kind, name, _) = next(&receiver);
        assert_eq!((&*kind, &*name), ("alert.resolved", "dead-letters"));
        watch.open.wait_for(|open| open.term == 2 && open.names.is_empty()).await.unwrap();
    }

    #[tokio::test]
    async fn an_error_names_the_status_and_never_the_address() {
        let receiver = HttpReceiver::start(["302 Found", "500 No"]);
        let mut errors = Vec::new();
        for url in [receiver.url(), receiver.url(), "https://user:hidden@"] {
            errors.push(post(&agent(), &settings(url), "1", json!({})).await.unwrap_err());
        }
        assert_eq!(errors[0], "the receiver of alerts.url responded with 302; redirects are not followed");
        assert_eq!(errors[1], "the receiver of alerts.url responded with 500");
        assert!(!errors[2].contains("hidden"), "{errors:?}");
    }
}
