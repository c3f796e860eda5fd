//! TLS connections to databases and brokers, from each part of Cupel that opens a connection.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use cupel_testkit::servers::{Postgres, RabbitMq, Redis};

use super::load::{Load, Sends};
use super::nodes::Cluster;
use crate::support::{PATIENCE, end, eventually};

#[test]
fn store_blobs_queue_and_events_use_tls_to_postgresql_if_the_url_requires_it() {
    let postgres = Postgres::start_encrypted();
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", postgres.url(), postgres.certificate().display());
    let cluster = Cluster::new(&[
        ("CUPEL_STORE__URL", &url),
        ("CUPEL_QUEUE__URL", "postgres"),
        ("CUPEL_EVENTS__URL", "postgres"),
        ("CUPEL_BLOBS__URL", "postgres"),
    ]);
    let (api, _worker) = (cluster.start("api"), cluster.start("worker"));
    let load = Load::new(&[&api.url], cluster.key(), Sends::Programs { sleep: "0" }, PATIENCE);
    load.run(20, || {});
    assert_eq!(load.violations(), Vec::<String>::new());
    // Returns the names of the applications whose network sessions satisfy the condition.
    let sessions = |condition: &str| {
        let sql = format!(
            "SELECT string_agg(DISTINCT application_name, ', ' ORDER BY application_name) \
             FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE client_addr IS NOT NULL AND {condition}"
        );
        postgres.psql("postgres", &sql)
    };
    // A connection that has just been replaced is missing for a moment.
    eventually(|| (sessions("ssl") == "cupel, cupel blobs, cupel events, cupel queue").then_some(()));
    assert_eq!(sessions("NOT ssl"), "");
}

#[test]
fn queue_events_and_shared_limits_use_tls_to_redis_and_rabbitmq_if_the_url_requires_it() {
    let (redis, rabbitmq) = (Redis::start_encrypted(), RabbitMq::start_encrypted());
    let (redis_url, redis_certificate) = redis.encrypted_url();
    let (rabbitmq_url, rabbitmq_certificate) = rabbitmq.encrypted_url();
    // A node reads the file after it has switched to another user.
    let readable = Permissions::from_mode(0o644);
    let trusted = tempfile::Builder::new().permissions(readable).tempfile().unwrap();
    let certificates = [redis_certificate, rabbitmq_certificate].map(|pem| std::fs::read_to_string(pem).unwrap());
    std::fs::write(trusted.path(), certificates.concat()).unwrap();
    for queue in [&redis_url, &rabbitmq_url] {
        let postgres = Postgres::start();
        let cluster = Cluster::new(&[
            ("CUPEL_STORE__URL", &postgres.url()),
            ("CUPEL_QUEUE__URL", queue),
            ("CUPEL_EVENTS__URL", &redis_url),
            ("CUPEL_SHARED__URL", &redis_url),
            ("CUPEL_BLOBS__URL", "postgres"),
            // This file replaces the certificates that the machine trusts. Source: documentation of
            // rustls-native-certs.
            ("SSL_CERT_FILE", trusted.path().to_str().unwrap()),
        ]);
        let (api, _worker) = (cluster.start("api"), cluster.start("worker"));
        let load = Load::new(&[&api.url], cluster.key(), Sends::Programs { sleep: "0" }, PATIENCE);
        load.run(20, || {});
        assert_eq!(load.violations(), Vec::<String>::new());
        // A server with an untrusted certificate is refused.
        let folder = cluster.folder("api");
        let mut api = cluster.command(&["api", "--listen", "127.0.0.1:0", "--data", folder.to_str().unwrap()]);
        api.env_remove("SSL_CERT_FILE");
        let refused = end(api, b"");
        assert!(refused.code == Some(7) && refused.stderr.contains("queue.url: "), "{refused:?}");
        assert!(refused.stderr.to_lowercase().contains("certificate"), "{refused:?}");
    }
}
