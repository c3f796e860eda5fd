//! Converts the configuration into the settings of each part.

use std::net::IpAddr;
use std::time::Duration;

use cupel_core::accounts::AccountSettings;
use cupel_core::{Bounds, LeasePolicy};
use cupel_http::{LoginRates, Rate, Secret, TierRates};
use cupel_worker::ArtifactBounds;

use crate::config::{self, Config};

pub(super) fn policy(worker: &config::Worker) -> LeasePolicy {
    LeasePolicy { lease: worker.lease, attempts_max: worker.attempts_max }
}

pub(super) fn artifact_bounds(worker: &config::Worker) -> ArtifactBounds {
    ArtifactBounds { memory: worker.artifacts_memory, disk: worker.artifacts_disk }
}

/// Returns the bounds that core enforces, for instance on submissions, batches, packages and drafts.
pub(crate) fn bounds(config: &Config) -> Bounds {
    let (limits, problems) = (&config.limits, &config.problems);
    Bounds {
        problems_per_author_max: problems.per_author_max.into(),
        package_bytes_per_author_max: problems.bytes_per_author_max,
        source_bytes_max: limits.source_max,
        files_max: limits.files_max as usize,
        files_bytes_max: limits.files_bytes_max,
        stdin_bytes_max: limits.stdin_max,
        args_max: limits.args_max as usize,
        env_max: limits.env_max as usize,
        args_env_bytes_max: limits.args_env_bytes_max,
        tests_max: limits.tests_max as usize,
        tests_bytes_max: limits.tests_bytes_max,
        output_kept_max: limits.output_kept_max,
        run_at_ahead_max: limits.run_at_ahead_max,
        webhooks_private: config.webhooks.allow_private,
        counts_instructions: false,
        batch_max: limits.batch_max as usize,
        batch_bytes_max: limits.batch_bytes_max,
        snippets_per_user_max: config.snippets.per_user_max.into(),
        snippet_bytes_max: config.snippets.bytes_max,
        snippets_kept: config.snippets.kept,
        drafts: cupel_core::drafts::DraftBounds {
            per_user_max: config.drafts.per_user_max.into(),
            revisions_max: config.drafts.revisions_max.into(),
            bytes_per_user_max: config.drafts.bytes_per_user_max,
        },
        drafts_kept: config.drafts.kept,
    }
}

pub(super) fn api_settings(config: &Config, secret: Vec<u8>) -> cupel_http::Settings {
    let rates = &config.rate_limits;
    let quarter = Duration::from_secs(15 * 60);
    let per_quarter = |quota| Rate::new(quota, quarter, quota);
    let per_hour = |quota| Rate::new(quota, Duration::from_secs(3600), quota);
    let tier = |limits: &config::TierLimits| TierRates {
        submissions: Rate::per_minute(limits.submissions_per_minute, limits.submissions_burst),
        reads: Rate::per_minute(limits.reads_per_minute, limits.reads_burst),
    };
    cupel_http::Settings {
        jwt_secret: Secret(secret),
        access_token_lifetime: config.auth.token_lifetime,
        tiers: rates.tiers.iter().map(|(name, limits)| (name.clone(), tier(limits))).collect(),
        login: LoginRates {
            account_and_address: per_quarter(rates.logins_per_account_and_address),
            address: per_quarter(rates.logins_per_address),
            account: per_quarter(rates.logins_per_account),
            registrations: per_hour(rates.registrations_per_address),
            guests: per_hour(rates.guests_per_address),
            ..LoginRates::default()
        },
        anonymous_reads: Rate::per_minute(rates.anonymous_reads_per_minute, rates.anonymous_reads_burst),
        registration_open: config.auth.registration,
        // If registration is closed, only people with an account may run programs, so there are no guests.
        guests_allowed: config.auth.guests && config.auth.registration,
        execute_body_bytes_max: usize::try_from(config.server.body_max.get()).unwrap_or(usize::MAX),
        body_time_max: config.server.body_time_max,
        package_bytes_max: config.problems.package_max.get(),
        package_time_max: config.problems.package_time_max,
        wait_max: config.server.wait_max,
        cors_origins: config.server.cors_origins.clone(),
        public_url: public_url(config),
        has_any_name: has_any_name(config),
        has_site: cupel_web::is_built(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        metrics_access: config.metrics.clone(),
        version: crate::VERSION.to_owned(),
        ..cupel_http::Settings::default()
    }
}

/// Returns the public address of the server.
pub(crate) fn public_url(config: &Config) -> String {
    match config.server.public_url.as_str() {
        "" => format!("http://{}", config.server.listen),
        url => url.to_owned(),
    }
}

/// Whether browsers may know the server by a name that is not in the configuration. If it has no `server.public_url`,
/// that is a name of the network, unless it listens on a loopback address without a proxy.
fn has_any_name(config: &Config) -> bool {
    let server = &config.server;
    let host = server.listen.rsplit_once(':').map_or(server.listen.as_str(), |(host, _port)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_loopback = address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback());
    server.public_url.is_empty() && !(is_loopback && server.trusted_proxies.is_empty())
}

pub(super) fn account_settings(auth: &config::Auth) -> AccountSettings {
    AccountSettings { session: auth.refresh_lifetime, ..AccountSettings::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_guests_only_where_everybody_may_register() {
        let allowed = |registration, guests| {
            let mut config = config::defaults();
            (config.auth.registration, config.auth.guests) = (registration, guests);
            api_settings(&config, Vec::new()).guests_allowed
        };
        assert_eq!([allowed(true, true), allowed(true, false), allowed(false, true)], [true, false, false]);
    }

    #[test]
    fn a_server_on_a_loopback_address_or_with_a_public_url_has_only_known_names() {
        let has_any_name = |listen: &str, public_url: &str, trusted_proxies: &[&str]| {
            let mut config = config::defaults();
            (config.server.listen, config.server.public_url) = (listen.to_owned(), public_url.to_owned());
            config.server.trusted_proxies = trusted_proxies.iter().map(|text| text.parse().unwrap()).collect();
            api_settings(&config, Vec::new()).has_any_name
        };
        for loopback in ["127.0.0.1:8080", "[::1]:8080", "localhost:8080"] {
            assert!(!has_any_name(loopback, "", &[]), "{loopback}");
        }
        assert!(has_any_name("127.0.0.1:8080", "", &["127.0.0.1"]), "the proxy may have any name");
        assert!(has_any_name("0.0.0.0:8080", "", &[]) && has_any_name("judge:8080", "", &[]));
        assert!(!has_any_name("0.0.0.0:8080", "http://judge.example", &[]));
    }

    #[test]
    fn the_default_file_matches_the_defaults_in_the_code() {
        let config = config::defaults();
        assert_eq!(bounds(&config), Bounds::default());
        assert_eq!(policy(&config.worker), LeasePolicy::default());
        assert_eq!(artifact_bounds(&config.worker), ArtifactBounds::default());
        assert_eq!(account_settings(&config.auth), AccountSettings::default());
        let queue = cupel_queue::Settings::default();
        assert_eq!((config.queue_depth_max as usize, config.queue_window as usize), (queue.depth_max, queue.window));
        assert_eq!(config.queue_reclaim_after, queue.reclaim_after);

        let code = cupel_http::Settings::default();
        let mut file = api_settings(&config, code.jwt_secret.0.clone());
        // The compiled-in limits have two tiers; the file may have more.
        file.tiers.retain(|name, _| code.tiers.contains_key(name));
        // The version and the site are properties of the build.
        let (version, has_site) = (code.version.clone(), code.has_site);
        assert_eq!(format!("{:#?}", cupel_http::Settings { version, has_site, ..file }), format!("{code:#?}"));
    }
}
