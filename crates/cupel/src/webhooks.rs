//! Sends signed webhooks from the outbox (the stored deliveries), only to public addresses unless the configuration
//! allows private ones.
//!
//! A user chooses the receiver of a webhook, so the receiver is untrusted. Each connection resolves the host name once
//! and checks the addresses that it uses, so a name that later resolves to another address does not help an attacker.
//! The sender follows no redirects, uses no proxies and does not read the response body. Time and concurrency are
//! bounded, and the owners of deliveries are served in turn: a user waits for at most one delivery of each other user,
//! however many there are.
//!
//! Source of the signature: Standard Webhooks, "Signature scheme": headers `webhook-id`,
//! `webhook-timestamp` (seconds), `webhook-signature` = `v1,` base64 HMAC-SHA256 of `id.timestamp.body`.

mod guard;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_core::webhook::{Reported, Sent, Turns};
use cupel_core::{Core, Delivery, chain};
use cupel_facades::Judge0Options;
use cupel_types::UserId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use crate::config;

use guard::GuardedResolver;

/// Polling interval of the outbox.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends due deliveries until `shutdown`, then waits for the deliveries under way.
pub(crate) async fn run(core: Core, settings: config::Webhooks, judge0: Judge0Options, shutdown: CancellationToken) {
    let sender = Arc::new(Sender { agent: agent(&settings), core, judge0, under_way: Mutex::default() });
    let room = Arc::new(Semaphore::new(settings.concurrency as usize));
    // If a process holds a delivery for longer than this time, the process has died.
    let hold = settings.timeout * 2 + Duration::from_secs(30);
    let tracker = TaskTracker::new();
    // A failure is logged when it begins, because the store may fail for as long as a disk is full.
    let mut has_failed = false;
    let mut turns = Turns::default();
    while !shutdown.is_cancelled() {
        let free = u32::try_from(room.available_permits()).unwrap_or(u32::MAX);
        let busy = sender.busy();
        let taken = match free {
            0 => Ok(Vec::new()),
            free => sender.core.take_deliveries(hold, free, &busy, &mut turns).await,
        };
        let failed_before = std::mem::replace(&mut has_failed, taken.is_err());
        let taken = taken.unwrap_or_else(|error| {
            if !failed_before {
                tracing::warn!(error = chain(&error), "cannot read the due webhooks from the store; trying again");
            }
            Vec::new()
        });
        let was_full = !taken.is_empty() && taken.len() == free as usize;
        for delivery in taken {
            // This cannot fail or wait: only this task takes permits, and enough of them were free.
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let under_way = UnderWay::of(Arc::clone(&sender), delivery.owner);
            tracker.spawn(async move {
                under_way.sender.send(&delivery).await;
                drop((under_way, permit));
            });
        }
        if was_full {
            // More deliveries may be due, so the loop continues as soon as a delivery has ended.
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = room.acquire() => {}
            }
        } else {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
    tracker.close();
    tracker.wait().await;
}

struct Sender {
    core: Core,
    agent: Agent,
    judge0: Judge0Options,
    /// Owners of the deliveries under way, one entry for each delivery.
    under_way: Mutex<Vec<UserId>>,
}

/// Guard of a delivery under way. The delivery counts for its owner until the guard is dropped.
struct UnderWay {
    sender: Arc<Sender>,
    owner: UserId,
}

impl UnderWay {
    fn of(sender: Arc<Sender>, owner: UserId) -> UnderWay {
        sender.under_way().push(owner);
        UnderWay { sender, owner }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut under_way = self.sender.under_way();
        if let Some(at) = under_way.iter().position(|of| *of == self.owner) {
            under_way.swap_remove(at);
        }
    }
}

/// A message ready to be sent.
struct Message {
    url: String,
    method: Method,
    id: String,
    timestamp: i64,
    signature: String,
    body: String,
}

/// Method of the request.
#[derive(Clone, Copy)]
enum Method {
    Post,
    /// PUT, for a client of Judge0.
    Put,
}

impl Sender {
    fn under_way(&self) -> MutexGuard<'_, Vec<UserId>> {
        // Each change of the list is a single call, so the list is valid even if the lock is poisoned.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an owner for each delivery under way.
    fn busy(&self) -> Vec<UserId> {
        self.under_way().clone()
    }

    async fn send(&self, delivery: &Delivery) {
        let sent = match self.message(delivery).await {
            Ok(Some(message)) => self.post(message).await,
            Ok(None) => {
                tracing::debug!(webhook.id = %delivery.id, submission.id = %delivery.submission, "a webhook waits, because its submission is judged again");
                return;
            }
            Err(error) => Sent::Failed { error, status: None },
        };
        let result = match &sent {
            Sent::Delivered { .. } => "delivered",
            Sent::Gone => "gone",
            Sent::Failed { .. } => "failed",
        };
        metrics::counter!("cupel_webhooks_total", "result" => result).increment(1);
        let (id, submission, host) = (&delivery.id, &delivery.submission, host_of(&delivery.url));
        match &sent {
            Sent::Delivered { .. } => {
                tracing::debug!(webhook.id = %id, submission.id = %submission, webhook.host = host, "delivered a webhook");
            }
            Sent::Gone => {
                tracing::warn!(webhook.id = %id, submission.id = %submission, webhook.host = host, "the receiver of a webhook no longer exists (410); no more webhooks are sent to it");
            }
            Sent::Failed { error, .. } => tracing::warn!(
                webhook.id = %id,
                submission.id = %submission,
                webhook.host = host,
                tries = delivery.tries + 1,
                error,
                "could not deliver a webhook"
            ),
        }
        if let Err(error) = self.core.record_delivery(delivery, sent).await {
            tracing::warn!(webhook.id = %delivery.id, error = chain(&error), "could not record the delivery of a webhook; it will be sent again");
        }
    }

    /// The message to send; `None`: the submission is judged again, and the delivery was postponed.
    async fn message(&self, delivery: &Delivery) -> Result<Option<Message>, String> {
        let ours = |_| "could not read the result".to_owned();
        let record = match self.core.reported_by(delivery).await.map_err(ours)? {
            Reported::Ended(record) => record,
            Reported::JudgedAgain => return Ok(None),
            Reported::Missing => return Err("the submission no longer exists".to_owned()),
        };
        let secret = self
            .core
            .webhook_secret(delivery.owner)
            .await
            .map_err(ours)?
            .ok_or("the submission's owner no longer exists")?;
        let now = self.core.now();
        let (method, body) = match cupel_facades::callback_body(&self.core.registry(), &record, &self.judge0) {
            Some(body) => (Method::Put, body),
            None => (Method::Post, cupel_api::webhook_body(&record)),
        };
        let (id, timestamp) = (delivery.id.to_string(), now.as_second());
        let signature = sign(&secret, &id, timestamp, &body);
        Ok(Some(Message { url: delivery.url.clone(), method, id, timestamp, signature, body }))
    }

    async fn post(&self, message: Message) -> Sent {
        let agent = self.agent.clone();
        let status = tokio::task::spawn_blocking(move || {
            let request = match message.method {
                Method::Post => agent.post(&message.url),
                Method::Put => agent.put(&message.url),
            };
            let response = request
                .header("content-type", "application/json")
                .header("webhook-id", &message.id)
                .header("webhook-timestamp", message.timestamp.to_string())
                .header("webhook-signature", &message.signature)
                .send(message.body)?;
            // The response body is dropped unread, together with the connection.
            Ok::<u16, ureq::Error>(response.status().as_u16())
        });
        match status.await {
            Ok(Ok(status @ 200..=299)) => Sent::Delivered { status },
            Ok(Ok(410)) => Sent::Gone,
            Ok(Ok(status)) => {
                Sent::Failed { error: format!("the receiver responded with {status}"), status: Some(status) }
            }
            // The error text repeats the invalid address, which may contain a secret.
            Ok(Err(ureq::Error::BadUri(_))) => Sent::Failed { error: "the URL is not valid".to_owned(), status: None },
            Ok(Err(error)) => Sent::Failed { error: error.to_string(), status: None },
            Err(_) => Sent::Failed { error: "the sending task failed".to_owned(), status: None },
        }
    }
}

/// Returns host and port of a receiver, for the log. The other parts of the address may contain a secret.
fn host_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.split(['/', '?', '#']).next().unwrap_or_default()
}

fn agent(settings: &config::Webhooks) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(settings.timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // A proxy would resolve the name itself and bypass the address check.
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("cupel/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), GuardedResolver::new(settings.allow_private))
}

/// Returns the signature of a body, as defined by Standard Webhooks.
pub(crate) fn sign(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    // HMAC accepts a key of any length.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("HMAC accepts a key of any length"));
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected value was computed with `openssl dgst -sha256 -mac HMAC -macopt hexkey:… -binary | base64` from the
    /// same text.
    #[test]
    fn the_signature_matches_standard_webhooks() {
        let signature = sign(&[7; 32], "msg_1", 1_700_000_000, "{\"a\":1}");
        assert_eq!(signature, "v1,LInk7lWC3DLGgRP3k/Xpm933fgj/SEGrik4mpkLgnKE=");
    }
}
