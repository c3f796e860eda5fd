//! Migrations 15 and 17 on a database with rows of every kind that they change: SQLite and PostgreSQL get the same
//! rows.

use cupel_core::RunStore as _;
use cupel_store::SqlStore;
use cupel_testkit::servers::Postgres;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::postgres::open;

const SQLITE: [&str; 14] = [
    include_str!("../../migrations/sqlite/0001_base.sql"),
    include_str!("../../migrations/sqlite/0002_key_ends.sql"),
    include_str!("../../migrations/sqlite/0003_waiting_of_owner.sql"),
    include_str!("../../migrations/sqlite/0004_problems.sql"),
    include_str!("../../migrations/sqlite/0005_contests.sql"),
    include_str!("../../migrations/sqlite/0006_package_sizes.sql"),
    include_str!("../../migrations/sqlite/0007_join_codes.sql"),
    include_str!("../../migrations/sqlite/0008_cluster.sql"),
    include_str!("../../migrations/sqlite/0009_dead_letters.sql"),
    include_str!("../../migrations/sqlite/0010_needs.sql"),
    include_str!("../../migrations/sqlite/0011_data_hash.sql"),
    include_str!("../../migrations/sqlite/0012_time_limits.sql"),
    include_str!("../../migrations/sqlite/0013_exceptions.sql"),
    include_str!("../../migrations/sqlite/0014_webhook_owners.sql"),
];

const POSTGRES: [&str; 8] = [
    include_str!("../../migrations/postgres/0007_base.sql"),
    include_str!("../../migrations/postgres/0008_cluster.sql"),
    include_str!("../../migrations/postgres/0009_dead_letters.sql"),
    include_str!("../../migrations/postgres/0010_needs.sql"),
    include_str!("../../migrations/postgres/0011_data_hash.sql"),
    include_str!("../../migrations/postgres/0012_time_limits.sql"),
    include_str!("../../migrations/postgres/0013_exceptions.sql"),
    include_str!("../../migrations/postgres/0014_webhook_owners.sql"),
];

/// Users 01 (owner of the contests), 02 and 03. Problems: 10 without scores, 11 where a higher and 12 where a lower
/// score is better, 13 public. Contests from 0 to 100: 20 with a freeze from 80, 21 whose freeze is lifted, 22 without
/// a freeze. User 03 takes part in 20 virtually, from 1000.
const PEOPLE_AND_CONTESTS: &str = "\
    INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, tier, webhook_secret, created_at) VALUES \
    (#01, 'a', 'a', 'a', 'a', '!', 'author', 'basic', @, 0), (#02, 'b', 'b', 'b', 'b', '!', 'user', 'basic', @, 0), \
    (#03, 'c', 'c', 'c', 'c', '!', 'user', 'basic', @, 0); \
    INSERT INTO problems (id, slug, title, title_key, tags, visibility, version, better, created_at, updated_at, submissions, \
    accepted, attempted_by, solved_by) VALUES (#10, 'p', '', '', '[]', 1, 1, 1, 0, 0, 5, 2, 2, 2), \
    (#11, 'q', '', '', '[]', 1, 1, 1, 0, 0, 4, 1, 2, 1), (#12, 'r', '', '', '[]', 1, 1, -1, 0, 0, 2, 2, 1, 1), \
    (#13, 's', '', '', '[]', 2, 1, 1, 0, 0, 1, 1, 1, 1); \
    INSERT INTO contests (id, slug, title, description, owner, style, penalty_us, starts_at, length_us, freeze_us, unfrozen, public, \
    join_code) VALUES (#20, 'f', '', '', #01, 0, 0, 0, 100, 20, 0, 0, 'x'), (#21, 'l', '', '', #01, 0, 0, 0, 100, 20, 1, 0, 'y'), \
    (#22, 'o', '', '', #01, 0, 0, 0, 100, NULL, 0, 0, 'z'); \
    INSERT INTO contest_problems (contest, place, problem) VALUES (#20, 0, #10), (#20, 1, #11), (#20, 2, #12), (#21, 0, #13), \
    (#22, 0, #13); \
    INSERT INTO contest_participants (contest, \"user\", participation, starts_at, number) VALUES (#20, #02, 0, 0, 0), \
    (#20, #03, 1, 1000, 1), (#21, #02, 0, 0, 0), (#22, #02, 0, 0, 0); ";

/// Submission, problem, owner, time sent, and the rest of the row: verdict, is_try, solves, score, cpu_time_us.
const SENT: [(&str, &str, &str, i64, &str); 14] = [
    ("30", "10", "02", 10, "'WA', 1, 0, NULL, 5"),
    ("31", "10", "02", 11, "'WA', 1, 0, NULL, 3"),
    ("32", "10", "02", 80, "'AC', 1, 1, NULL, 7"),
    ("33", "11", "02", 20, "'PART', 1, 0, 40, 15001"),
    ("34", "11", "02", 90, "'AC', 1, 1, 100, 20001"),
    ("35", "11", "02", 100, "'PART', 1, 0, 60, 9"),
    ("36", "12", "02", 30, "'AC', 1, 1, 50, 12000"),
    ("37", "12", "02", 95, "'AC', 1, 1, 30, 1"),
    ("38", "10", "03", 85, "'AC', 1, 1, NULL, 4"),
    ("39", "10", "03", 1090, "'WA', 1, 0, NULL, 2"),
    ("3a", "11", "03", 1085, "'WA', 1, 0, NULL, 2"),
    ("3b", "10", "02", 82, "'CE', 0, 0, NULL, NULL"),
    ("3c", "13", "02", 90, "'AC', 1, 1, NULL, 10000"),
    ("3d", "13", "02", 91, "NULL, NULL, NULL, NULL, NULL"),
];

/// The results of these submissions before submissions could be withheld.
const RESULTS: &str = "INSERT INTO problem_results (problem, \"user\", solved, tries, best, best_score, best_time_us, solved_at, rank_score, \
    rank_time) VALUES (#10, #02, 1, 3, #32, NULL, 7, 80, 0, 7), (#11, #02, 1, 2, #34, 100, 20001, 90, -100, 20001), \
    (#12, #02, 1, 1, #37, 30, 1, 30, 30, 1), (#10, #03, 1, 1, #38, NULL, 4, 85, 0, 4), \
    (#11, #03, 0, 1, #3a, NULL, NULL, NULL, NULL, 9223372036854775807), (#13, #02, 1, 1, #3c, NULL, 10000, 90, 0, 10000); ";

/// Runs that do not count: submission, problem, changes, and spec.
const OTHERS: [(&str, &str, &str, &str); 4] = [
    ("40", "#10", "NULL", r#"{"cases":"samples"}"#),
    ("41", "#10", "NULL", r#"{"cases":{"input":[0,1]}}"#),
    ("42", "#10", "2", r#"{"verify":true}"#),
    ("43", "NULL", "NULL", r#"{"text":"\"cases\":{\"input\""}"#),
];

/// All rows. `#` with two digits stands for an id, `@` for some bytes.
fn rows() -> String {
    let mut sql = PEOPLE_AND_CONTESTS.to_owned();
    let mut write = |submission: &str, owner: &str, problem: &str, changes: &str, spec: &str| {
        let run = format!("{:02x}", u8::from_str_radix(submission, 16).expect("an id") + 0x80);
        sql.push_str(&format!(
            "INSERT INTO code_submissions (id, owner, run, language, submitted_at, spec, data) \
             VALUES (#{submission}, #{owner}, #{run}, 'c', 0, '{spec}', @); \
             INSERT INTO runs (id, submission, owner, class, state, attempts, lost, due_at, problem, changes) \
             VALUES (#{run}, #{submission}, #{owner}, 0, 2, 1, 0, 0, {problem}, {changes}); "
        ));
    };
    for (submission, problem, owner, ..) in SENT {
        write(submission, owner, &format!("#{problem}"), "1", r#"{"cases":"all"}"#);
    }
    for (submission, problem, changes, spec) in OTHERS {
        write(submission, "02", problem, changes, spec);
    }
    for (submission, problem, owner, sent_at, judged) in SENT {
        sql.push_str(&format!(
            "INSERT INTO problem_submissions (submission, problem, owner, language, sent_at, verdict, is_try, solves, score, cpu_time_us) \
             VALUES (#{submission}, #{problem}, #{owner}, 'c', {sent_at}, {judged}); "
        ));
    }
    sql + RESULTS
}

/// Expected state after the migrations: queries with their rows. In a query, `ID(…)` stands for the last two digits of
/// an id.
const MIGRATED: [(&str, &str); 5] = [
    ("SELECT ID(submission) FROM problem_submissions WHERE withheld = 1 ORDER BY 1", "32\n34\n37\n39\n3a\n3b"),
    (
        "SELECT submissions, accepted, attempted_by, solved_by FROM problems ORDER BY slug",
        "3|1|2|1\n2|0|1|0\n1|1|1|1\n1|1|1|1",
    ),
    (
        "SELECT ID(problem), ID(\"user\"), solved, tries, ID(best), best_score, best_time_us, solved_at, rank_score, rank_time \
         FROM problem_results ORDER BY 1, 2",
        "10|02|0|2|31|||||9223372036854775807\n\
         10|03|1|1|38||4|85|0|10000\n\
         11|02|0|2|35|60|||-60|9223372036854775807\n\
         12|02|1|1|36|50|12000|30|50|20000\n\
         13|02|1|1|3c||10000|90|0|10000",
    ),
    (
        "SELECT ID(problem), ID(\"user\"), solved, tries, ID(best), best_score, best_time_us, solved_at, rank_score, rank_time \
         FROM withheld_results ORDER BY 1, 2",
        "10|02|1|3|32||7|80|0|10000\n\
         10|03|1|1|38||4|85|0|10000\n\
         11|02|1|2|34|100|20001|90|-100|30000\n\
         11|03|0|1|3a|||||9223372036854775807\n\
         12|02|1|1|37|30|1|30|30|10000",
    ),
    ("SELECT purpose, count(*) FROM runs GROUP BY purpose ORDER BY coalesce(purpose, 0)", "|1\n1|14\n2|1\n3|1\n4|1"),
];

/// Replaces each `#` with two digits by an id literal of the database: `before`, the digits, and `'`.
fn with_ids(sql: &str, before: &str) -> String {
    let mut parts = sql.split('#');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |sql, part| {
        let (id, rest) = part.split_at(2);
        format!("{sql}{before}{id}'{rest}")
    })
}

#[test]
fn the_submissions_of_users_disabled_or_deleted_by_an_earlier_version_are_to_be_cancelled() {
    let old = Connection::open_in_memory().unwrap();
    old.execute_batch(
        "CREATE TABLE users (id INTEGER, disabled_at INTEGER, deleted_at INTEGER);
         INSERT INTO users VALUES (1, NULL, NULL), (2, 5, NULL), (3, 5, 7), (4, NULL, 8)",
    )
    .unwrap();
    old.execute_batch(include_str!("../../migrations/sqlite/0028_cancellations.sql")).unwrap();
    let mut query = old.prepare("SELECT cancel_since FROM users ORDER BY id").unwrap();
    let since: Vec<Option<i64>> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(since, [None, Some(5), Some(7), Some(8)]);
}

#[tokio::test]
async fn a_filled_sqlite_database_of_version_14_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cupel.db");
    let old = Connection::open(&path).unwrap();
    for sql in SQLITE {
        old.execute_batch(sql).unwrap();
    }
    let rows = with_ids(&rows(), "x'000000000000000000000000000000").replace('@', "x'00'");
    old.execute_batch(&rows).unwrap();
    old.pragma_update(None, "user_version", 14).unwrap();
    drop(old);
    drop(SqlStore::open_sqlite(&path).await.unwrap());

    let new = Connection::open(&path).unwrap();
    for (sql, expected) in MIGRATED {
        let sql = ["submission", "problem", "\"user\"", "best"].iter().fold(sql.to_owned(), |sql, column| {
            sql.replace(&format!("ID({column})"), &format!("lower(substr(hex({column}), -2))"))
        });
        let mut query = new.prepare(&sql).unwrap();
        let columns = query.column_count();
        let text = |value: Value| match value {
            Value::Null => String::new(),
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        let lines = query.query_map([], |row| {
            let values: rusqlite::Result<Vec<String>> = (0..columns).map(|at| row.get(at).map(text)).collect();
            Ok(values?.join("|"))
        });
        let lines: Vec<String> = lines.unwrap().map(Result::unwrap).collect();
        assert_eq!(lines.join("\n"), expected, "{sql}");
    }
}

#[tokio::test]
async fn a_filled_postgresql_database_of_version_14_is_migrated() {
    let server = Postgres::shared();
    let url = server.database().await;
    let name = url.rsplit('/').next().unwrap();
    for sql in POSTGRES {
        server.psql(name, sql);
    }
    server.psql(name, &with_ids(&rows(), "'00000000-0000-0000-0000-0000000000").replace('@', "'\\x00'"));
    let version = "CREATE TABLE cupel (one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one), schema_version BIGINT NOT NULL, \
                   cluster TEXT NOT NULL); INSERT INTO cupel (schema_version, cluster) VALUES (14, 'cupel')";
    server.psql(name, version);
    open(&url).await.close().await;
    for (sql, expected) in MIGRATED {
        let sql = ["submission", "problem", "\"user\"", "best"].iter().fold(sql.to_owned(), |sql, column| {
            sql.replace(&format!("ID({column})"), &format!("right({column}::text, 2)"))
        });
        assert_eq!(server.psql(name, &sql), expected, "{sql}");
    }
}

/// The same rule as that of `every_foreign_key_has_an_index` for SQLite.
#[tokio::test]
async fn every_foreign_key_in_postgresql_has_an_index() {
    let server = Postgres::shared();
    let url = server.database().await;
    open(&url).await.close().await;
    let sql = "SELECT c.conrelid::regclass || ' ' || c.conname FROM pg_constraint c WHERE c.contype = 'f' AND NOT EXISTS \
               (SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL)";
    assert_eq!(server.psql(url.rsplit('/').next().unwrap(), sql), "");
}
