//! TLS on the way to PostgreSQL, by every part of Cupel that goes there.

use cupel_testkit::servers::Postgres;

use super::load::{Load, Sends};
use super::nodes::Cluster;
use crate::support::PATIENCE;

#[test]
fn store_blobs_queue_and_events_reach_postgresql_by_tls_where_the_url_says_so() {
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
    // The server says which of its sessions over the network are encrypted.
    let sessions = |condition: &str| {
        let sql = format!(
            "SELECT string_agg(DISTINCT application_name, ', ' ORDER BY application_name) \
             FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE client_addr IS NOT NULL AND {condition}"
        );
        postgres.psql("postgres", &sql)
    };
    assert_eq!(sessions("ssl"), "cupel, cupel blobs, cupel events, cupel queue");
    assert_eq!(sessions("NOT ssl"), "");
}
