//! Load on the servers that Cupel uses, read from the servers' own statistics.

use std::ops::Sub;
use std::thread;
use std::time::Duration;

use cupel_testkit::servers::{Postgres, Redis};

/// Time after which an idle PostgreSQL session has reported all of its statistics (`PGSTAT_IDLE_INTERVAL` in
/// PostgreSQL's source: 10 s).
pub(crate) const REPORTED_AFTER: Duration = Duration::from_secs(11);

/// Counts since the servers started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Committed and rolled back transactions of one database.
    pub(crate) transactions: f64,
    /// Redis commands, including those in scripts.
    pub(crate) commands: f64,
}

impl Counted {
    /// Reads the counts after waiting [`REPORTED_AFTER`], so that all earlier activity is included.
    pub(crate) fn settled(postgres: &Postgres, database: &str, redis: &Redis) -> Counted {
        thread::sleep(REPORTED_AFTER);
        let name = database.rsplit_once('/').map_or("", |(_, name)| name);
        let sql = format!("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{name}'");
        let told = redis.command("INFO stats");
        let line = told.lines().find_map(|line| line.trim().strip_prefix("total_commands_processed:"));
        Counted {
            transactions: postgres.psql("postgres", &sql).trim().parse().unwrap_or_default(),
            commands: line.and_then(|count| count.parse().ok()).unwrap_or_default(),
        }
    }

    /// This count minus `factor` times `other`.
    pub(crate) fn less(self, other: Counted, factor: f64) -> Counted {
        Counted {
            transactions: other.transactions.mul_add(-factor, self.transactions),
            commands: other.commands.mul_add(-factor, self.commands),
        }
    }

    /// The average per item, for `count` items.
    pub(crate) fn each(self, count: f64) -> Counted {
        Counted { transactions: self.transactions / count, commands: self.commands / count }
    }
}

impl Sub for Counted {
    type Output = Counted;

    fn sub(self, before: Counted) -> Counted {
        self.less(before, 1.0)
    }
}

/// Number of established connections to a local port. Source: proc(5), `/proc/net/tcp`: the second field is the local
/// `ADDRESS:PORT` in hexadecimal, the fourth is the state, `01` for established.
pub(crate) fn connections(port: u16) -> usize {
    let end = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let is_one = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&end)) && fields.nth(1) == Some("01")
    };
    table.lines().filter(is_one).count()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn only_open_connections_to_the_port_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(connections(port), 0);
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
        let served: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
        assert_eq!(connections(port), 3);
        drop((clients, served));
        assert_eq!(connections(port), 0);
    }
}
