//! Alerts as webhooks, for installations without Prometheus. An alert is sent when a fault has lasted for the
//! configured time, and when this fault ends.
//!
//! The alerts are the most severe alerts of deploy/observability/alerts.yaml, as far as they can be determined from the
//! store and the disk. Of several API nodes, only one checks for faults (the sweeper, which holds the leadership
//! lease), so each alert is sent once; only if another node becomes the sweeper, it may be sent again. The operator
//! configures the receiver, so any address is allowed.
//!
//! Alerts are signed like other webhooks (Standard Webhooks) if a secret is configured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cupel_core::chain;
use cupel_types::counted;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use uuid::Uuid;

use crate::config;
use crate::webhooks::sign;

/// Maximum number of queued alerts: more than two for each kind. If the queue is full, a later check tries to queue the
/// alert again.
const WAITING_MAX: usize = 16;
/// Maximum number of attempts to send an alert. The pause between attempts starts at [`FIRST_PAUSE`] and doubles.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// State of the installation.
#[derive(Clone, Debug)]
pub(crate) struct InstallationState {
    /// Number of workers that take runs.
    pub(crate) workers: usize,
    /// Number of due runs that wait for a worker, and the maximum number.
    pub(crate) waiting: u64,
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
            "{} waiting; new runs are refused when more than {} are waiting",
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

/// Start of a fault, and whether its alert was queued.
struct ActiveFault {
    since: Instant,
    is_queued: bool,
}

/// Checks the state and queues alerts.
pub(crate) struct Watch {
    settings: config::Alerts,
    standing: BTreeMap<&'static str, ActiveFault>,
    out: Sender<Alert>,
}

struct Alert {
    kind: &'static str,
    name: &'static str,
    summary: String,
}

/// Creates a watch and the task that sends its alerts.
pub(crate) fn watch(
    settings: &config::Alerts,
    shutdown: CancellationToken,
) -> (Watch, impl Future<Output = ()> + use<>) {
    let (out, alerts) = channel(WAITING_MAX);
    let watch = Watch { settings: settings.clone(), standing: BTreeMap::new(), out };
    (watch, send_all(settings.clone(), alerts, shutdown))
}

impl Watch {
    /// Checks the state at `now`. Never blocks.
    pub(crate) fn look(&mut self, seen: &InstallationState, now: Instant) {
        let wrong = wrong(seen, self.settings.oldest_max);
        for (name, summary) in &wrong {
            let standing = self.standing.entry(name).or_insert(ActiveFault { since: now, is_queued: false });
            if !standing.is_queued && now.duration_since(standing.since) >= self.settings.patience {
                let alert = Alert { kind: "alert.firing", name, summary: summary.clone() };
                standing.is_queued = self.out.try_send(alert).is_ok();
            }
        }
        self.standing.retain(|name, standing| {
            if wrong.contains_key(name) {
                return true;
            }
            let over = Alert { kind: "alert.resolved", name, summary: "resolved".to_owned() };
            standing.is_queued && self.out.try_send(over).is_err()
        });
    }

    /// Forgets all faults. Called when another node sends the alerts.
    pub(crate) fn forget(&mut self) {
        self.standing.clear();
    }
}

async fn send_all(settings: config::Alerts, mut alerts: Receiver<Alert>, shutdown: CancellationToken) {
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("cupel/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::new_with_config(config);
    while let Some(Some(alert)) = shutdown.run_until_cancelled(alerts.recv()).await {
        let Alert { kind, name, summary } = alert;
        tracing::warn!(alert = name, kind, "{summary}");
        let id = Uuid::new_v4().to_string();
        let body = json!({ "type": kind, "data": { "alert": name, "summary": summary } });
        let mut pause = FIRST_PAUSE;
        for left in (0..TRIES).rev() {
            let sent = post(&agent, &settings, &id, body.clone()).await;
            let Err(error) = sent else { break };
            tracing::warn!(alert = name, error, tries_left = left, "could not deliver an alert");
            if left == 0 || shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
            pause *= 2;
        }
    }
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
    if !settings.secret.is_empty() {
        headers.push(("webhook-signature", sign(settings.secret.as_bytes(), id, now.as_second(), &body)));
    }
    let posted = tokio::task::spawn_blocking(move || {
        let request = headers.into_iter().fold(agent.post(&url), |request, (name, value)| request.header(name, value));
        request.send(body).map(drop).map_err(|error| chain(&error))
    });
    posted.await.unwrap_or_else(|_| Err("the sending task failed".to_owned()))
}

#[cfg(test)]
mod tests {
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
        }
    }

    #[test]
    fn a_lasting_fault_is_sent_once_when_it_fires_and_once_when_it_ends() {
        let settings =
            config::Alerts { url: "http://x".into(), secret: String::new(), patience: MINUTE, oldest_max: MINUTE };
        let (out, mut alerts) = channel(1);
        let mut watch = Watch { settings, standing: BTreeMap::new(), out };
        let mut received = || alerts.try_recv().ok().map(|alert| (alert.kind, alert.name));
        let (begin, bad) = (Instant::now(), InstallationState { workers: 0, ..WELL });
        watch.look(&bad, begin);
        watch.look(&WELL, begin + MINUTE / 2);
        watch.look(&bad, begin + MINUTE);
        watch.look(&bad, begin + MINUTE * 3 / 2);
        assert_eq!(received(), None, "the fault did not last");
        watch.look(&bad, begin + MINUTE * 2);
        assert_eq!(received(), Some(("alert.firing", "no-workers")));
        watch.look(&bad, begin + MINUTE * 3);
        assert_eq!(received(), None, "once");
        watch.look(&WELL, begin + MINUTE * 4);
        assert_eq!(received(), Some(("alert.resolved", "no-workers")));
        watch.look(&WELL, begin + MINUTE * 5);
        assert_eq!(received(), None);
    }

    #[test]
    fn an_alert_without_room_is_queued_by_a_later_check() {
        let settings = config::Alerts {
            url: "http://x".into(),
            secret: String::new(),
            patience: Duration::ZERO,
            oldest_max: MINUTE,
        };
        let (out, mut alerts) = channel(1);
        let mut watch = Watch { settings, standing: BTreeMap::new(), out };
        let (now, bad) = (Instant::now(), InstallationState { workers: 0, waiting: 100, ..WELL });
        watch.look(&bad, now);
        assert_eq!(alerts.try_recv().map(|alert| alert.name).ok(), Some("backlog-deep"));
        watch.look(&bad, now);
        assert_eq!(alerts.try_recv().map(|alert| alert.name).ok(), Some("no-workers"));
    }
}
