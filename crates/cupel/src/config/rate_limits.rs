//! Maximum rates of requests: of logins, of anonymous clients, and of each tier of users.

use std::collections::BTreeMap;

use super::Layers;

#[derive(Clone, Debug)]
pub(crate) struct RateLimits {
    pub(crate) logins_per_account_and_address: u32,
    pub(crate) logins_per_address: u32,
    pub(crate) logins_per_account: u32,
    pub(crate) registrations_per_address: u32,
    pub(crate) guests_per_address: u32,
    pub(crate) anonymous_reads_per_minute: u32,
    pub(crate) anonymous_reads_burst: u32,
    pub(crate) tiers: BTreeMap<String, TierLimits>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TierLimits {
    pub(crate) submissions_per_minute: u32,
    pub(crate) submissions_burst: u32,
    pub(crate) reads_per_minute: u32,
    pub(crate) reads_burst: u32,
}

pub(super) fn rate_limits(layers: &mut Layers) -> RateLimits {
    let many = 1..=1_000_000_000;
    RateLimits {
        logins_per_account_and_address: layers.number("rate_limits.logins_per_account_and_address", many.clone()),
        logins_per_address: layers.number("rate_limits.logins_per_address", many.clone()),
        logins_per_account: layers.number("rate_limits.logins_per_account", many.clone()),
        registrations_per_address: layers.number("rate_limits.registrations_per_address", many.clone()),
        guests_per_address: layers.number("rate_limits.guests_per_address", many.clone()),
        anonymous_reads_per_minute: layers.number("rate_limits.anonymous_reads_per_minute", many.clone()),
        anonymous_reads_burst: layers.number("rate_limits.anonymous_reads_burst", many.clone()),
        tiers: layers.tiers().into_iter().map(|name| (name.clone(), tier(layers, &name))).collect(),
    }
}

fn tier(layers: &mut Layers, name: &str) -> TierLimits {
    let mut number = |field: &str| layers.number(&format!("rate_limits.tiers.{name}.{field}"), 1..=1_000_000_000);
    TierLimits {
        submissions_per_minute: number("submissions_per_minute"),
        submissions_burst: number("submissions_burst"),
        reads_per_minute: number("reads_per_minute"),
        reads_burst: number("reads_burst"),
    }
}
