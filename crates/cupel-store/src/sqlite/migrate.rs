//! Schema migrations, applied in order when a database is opened.
//!
//! The pragma `user_version` is the number of applied migrations. Each migration increases it in the migration's
//! transaction, so an interrupted migration has no effect. Source: sqlite.org, "PRAGMA user_version".

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

/// All migrations, oldest first; the first leads to version 1. A published migration never changes.
const MIGRATIONS: [&str; 36] = [
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
    include_str!("../../migrations/sqlite/0015_withheld.sql"),
    include_str!("../../migrations/sqlite/0016_announcements.sql"),
    include_str!("../../migrations/sqlite/0017_purposes.sql"),
    include_str!("../../migrations/sqlite/0018_accounts.sql"),
    include_str!("../../migrations/sqlite/0019_devices.sql"),
    include_str!("../../migrations/sqlite/0020_limit_starts.sql"),
    include_str!("../../migrations/sqlite/0021_snippets.sql"),
    include_str!("../../migrations/sqlite/0022_libraries.sql"),
    include_str!("../../migrations/sqlite/0023_drafts.sql"),
    include_str!("../../migrations/sqlite/0024_pulling.sql"),
    include_str!("../../migrations/sqlite/0025_exact_figures.sql"),
    include_str!("../../migrations/sqlite/0026_credentials_of_tickets.sql"),
    include_str!("../../migrations/sqlite/0027_leaderboards.sql"),
    include_str!("../../migrations/sqlite/0028_cancellations.sql"),
    include_str!("../../migrations/sqlite/0029_guests.sql"),
    include_str!("../../migrations/sqlite/0030_scores.sql"),
    include_str!("../../migrations/sqlite/0031_abandoned.sql"),
    include_str!("../../migrations/sqlite/0032_throughput.sql"),
    include_str!("../../migrations/sqlite/0033_open_deliveries.sql"),
    include_str!("../../migrations/sqlite/0034_snippets_in_order.sql"),
    include_str!("../../migrations/sqlite/0035_open_webhooks.sql"),
    include_str!("../../migrations/sqlite/0036_alerts.sql"),
];

/// The newest known version.
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Reason why the schema cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrateError {
    #[error("the schema has version {version}; the newest known version is {known}")]
    Newer { version: i64, known: i64 },
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

/// Brings the schema up to date. Two processes that open a new database at the same time apply the migrations in turn.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), MigrateError> {
    let known = KNOWN;
    loop {
        let version = version(connection)?;
        if version > known {
            return Err(MigrateError::Newer { version, known });
        }
        if version == known {
            return Ok(());
        }
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read again: another process may have applied this migration before the lock was acquired.
        let version = self::version(&step)?;
        if let Some(sql) = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version)) {
            step.execute_batch(sql)?;
            step.pragma_update(None, "user_version", version + 1)?;
        }
        step.commit()?;
    }
}

/// Version of the schema; 0 for a new database. The first databases stored the version in a table of the library used
/// at the time.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    if version > 0 {
        return Ok(version);
    }
    let table = "SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";
    connection.query_row(newest, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<String> {
        let mut names =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_schema_of_any_version_is_migrated() {
        let mut new = Connection::open_in_memory().unwrap();
        migrate(&mut new).unwrap();
        migrate(&mut new).unwrap();
        assert_eq!(version(&new).unwrap(), KNOWN);

        let mut old = Connection::open_in_memory().unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.execute_batch(MIGRATIONS[1]).unwrap();
        let library = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN NOT NULL); \
                       INSERT INTO _sqlx_migrations VALUES (1, TRUE), (2, TRUE)";
        old.execute_batch(library).unwrap();
        assert_eq!(version(&old).unwrap(), 2);
        migrate(&mut old).unwrap();
        assert_eq!(version(&old).unwrap(), KNOWN);
        old.execute_batch("DROP TABLE _sqlx_migrations").unwrap();
        assert_eq!(tables(&old), tables(&new));
    }

    #[test]
    fn contests_from_before_join_codes_get_a_code_each() {
        let mut old = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..6] {
            old.execute_batch(sql).unwrap();
        }
        let two = "INSERT INTO contests (id, slug, title, description, owner, style, penalty_us, starts_at, length_us, \
                   unfrozen, public) VALUES (x'01', 'a', '', '', x'00', 1, 0, 0, 0, 0, 0), (x'02', 'b', '', '', x'00', 1, 0, 0, 0, 0, 0)";
        old.pragma_update(None, "foreign_keys", false).unwrap();
        old.execute_batch(two).unwrap();
        old.pragma_update(None, "user_version", 6).unwrap();
        migrate(&mut old).unwrap();
        let mut query = old.prepare("SELECT join_code FROM contests").unwrap();
        let codes: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(codes.iter().all(|code| cupel_core::contests::JoinCode::from_text(code).is_some()), "{codes:?}");
        assert_eq!(codes.len(), 2);
        assert_ne!(codes[0], codes[1]);
    }

    #[test]
    fn migrated_figures_exclude_submissions_hidden_by_a_freeze() {
        let mut old = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..14] {
            old.execute_batch(sql).unwrap();
        }
        old.pragma_update(None, "foreign_keys", false).unwrap();
        // A contest from 0 to 100 with a freeze of 20 and one participant, who had two wrong answers and solved the
        // problem in the freeze.
        let rows = "INSERT INTO problems (id, slug, title, title_key, tags, visibility, version, better, created_at, updated_at, \
                    submissions, accepted, attempted_by, solved_by) VALUES (x'01', 'p', '', '', '[]', 1, 1, 1, 0, 0, 3, 1, 1, 1); \
                    INSERT INTO contests (id, slug, title, description, owner, style, penalty_us, starts_at, length_us, freeze_us, \
                    unfrozen, public) VALUES (x'02', 'c', '', '', x'00', 0, 0, 0, 100, 20, 0, 0); \
                    INSERT INTO contest_problems VALUES (x'02', 0, x'01'); \
                    INSERT INTO contest_participants VALUES (x'02', x'03', 0, 0, 0); \
                    INSERT INTO problem_submissions (submission, problem, owner, language, sent_at, verdict, is_try, solves, score, cpu_time_us) \
                    VALUES (x'10', x'01', x'03', 'c', 10, 'WA', 1, 0, NULL, 5), (x'11', x'01', x'03', 'c', 11, 'WA', 1, 0, NULL, 3), \
                    (x'12', x'01', x'03', 'c', 80, 'AC', 1, 1, NULL, 7); \
                    INSERT INTO problem_results VALUES (x'01', x'03', 1, 3, x'12', NULL, 7, 80, 0, 7)";
        old.execute_batch(rows).unwrap();
        old.pragma_update(None, "user_version", 14).unwrap();
        migrate(&mut old).unwrap();
        let numbers = |sql: &str| {
            old.query_row(sql, [], |row| (0..4).map(|column| row.get::<_, i64>(column)).collect::<Result<Vec<_>, _>>())
                .unwrap()
        };
        assert_eq!(numbers("SELECT submissions, accepted, attempted_by, solved_by FROM problems"), [2, 0, 1, 0]);
        let best = "best = x'11'";
        assert_eq!(
            numbers(&format!("SELECT solved, tries, {best}, rank_score IS NULL FROM problem_results")),
            [0, 2, 1, 1]
        );
        let best = "best = x'12'";
        assert_eq!(numbers(&format!("SELECT solved, tries, {best}, solved_at FROM withheld_results")), [1, 3, 1, 80]);
    }

    /// If this test fails for a new filter, the filter needs an index.
    #[test]
    fn every_history_filter_has_an_index_in_list_order() {
        use crate::sql::history::History;
        use cupel_core::run::{HistoryFilter, SentFor, Stage};
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        let all = || HistoryFilter::of(cupel_types::UserId::from_uuid(cupel_testkit::fresh()));
        let before = Some(cupel_types::SubmissionId::from_uuid(cupel_testkit::fresh()));
        for (filter, index) in [
            (all(), "code_submissions_of_owner"),
            (HistoryFilter { problem: Some("p".parse().unwrap()), ..all() }, "runs_of_owner_by_problem"),
            (HistoryFilter { language: Some("c".parse().unwrap()), ..all() }, "code_submissions_by_language"),
            (HistoryFilter { verdict: Some(cupel_types::Verdict::WrongAnswer), ..all() }, "runs_of_owner_by_verdict"),
            (HistoryFilter { stage: Some(Stage::Completed), ..all() }, "runs_of_owner_by_verdict"),
            (HistoryFilter { sent_for: Some(SentFor::Samples), ..all() }, "runs_of_owner_by_purpose"),
        ] {
            let History { tables, id, conditions, .. } = History::of(&filter);
            assert_eq!(plan_of(&db, tables, id, &conditions, index), "", "{filter:?}");
            let filter = HistoryFilter { before, ..filter };
            let History { tables, id, conditions, .. } = History::of(&filter);
            assert_eq!(plan_of(&db, tables, id, &conditions, index), "", "{filter:?}");
        }
        // Few rows match these conditions, so it is acceptable that the query sorts them.
        for (stage, index) in [(Stage::Queued, "runs_waiting_of_owner"), (Stage::Running, "runs_leased")] {
            let filter = HistoryFilter { stage: Some(stage), ..all() };
            let History { tables, id, conditions, .. } = History::of(&filter);
            assert!(plan_of(&db, tables, id, &conditions, index).contains(index), "{filter:?}");
        }
    }

    /// The query plan of a page; empty if the query finds the page by this index, in its order, without a scan or a
    /// sort.
    fn plan_of(db: &Connection, tables: &str, id: &str, conditions: &str, index: &str) -> String {
        let steps = steps_of(db, &format!("SELECT {id} FROM {tables} WHERE {conditions} ORDER BY {id} DESC LIMIT 20"));
        let is_good = steps.first().is_some_and(|step| step.starts_with("SEARCH") && step.contains(index))
            && !steps.iter().any(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN"));
        if is_good { String::new() } else { steps.join("; ") }
    }

    /// The steps of a statement's query plan.
    fn steps_of(db: &Connection, sql: &str) -> Vec<String> {
        let mut query = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let none = vec![rusqlite::types::Null; query.parameter_count()];
        let steps = query.query_map(rusqlite::params_from_iter(none), |row| row.get(3));
        steps.unwrap().map(Result::unwrap).collect()
    }

    /// While SQLite reads all deliveries of an owner, it accepts no other write. Delivered ones are kept for days.
    #[test]
    fn due_deliveries_are_found_among_the_open_ones() {
        use crate::sql::webhooks::{CLAIM, DUE_OWNERS, GONE};
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        for sql in [CLAIM, DUE_OWNERS, GONE] {
            let steps = steps_of(&db, sql);
            let open = |step: &&String| step.contains("INDEX webhook_deliveries_open_of_owner");
            assert_eq!(steps.iter().filter(open).count(), 1, "{sql}: {steps:?}");
            assert!(!steps.iter().any(|step| step.contains("webhook_deliveries_of_owner")), "{sql}: {steps:?}");
        }
        assert!(!steps_of(&db, CLAIM).iter().any(|step| step.contains("TEMP B-TREE")), "the index has their order");
    }

    /// A page of a list has few rows, and each row has a whole program.
    #[test]
    fn a_users_snippets_are_listed_without_a_sort() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        let steps = steps_of(&db, crate::sql::snippets::OWN);
        assert!(matches!(&steps[..], [step] if step.contains("INDEX snippets_of_owner (owner=?)")), "{steps:?}");
    }

    /// While SQLite scans a table, it accepts no other write.
    #[test]
    fn the_removal_of_a_users_data_scans_no_table() {
        use crate::sql::membership::{OF_DELETED, OF_USER};
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        for sql in OF_USER {
            let steps = steps_of(&db, sql);
            assert!(steps.iter().all(|step| step.starts_with("SEARCH")), "{sql}: {steps:?}");
        }
        for sql in OF_DELETED {
            let steps = steps_of(&db, sql);
            assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{sql}: {steps:?}");
        }
        // A user may have any number of runs and deliveries that have ended.
        for (table, step) in
            [("UPDATE runs", "(owner=? AND state<?)"), ("webhook_deliveries", "(owner=? AND next_at>?)")]
        {
            let sql = OF_USER.iter().find(|sql| sql.contains(table)).unwrap();
            assert!(steps_of(&db, sql)[0].ends_with(step), "{sql}: {:?}", steps_of(&db, sql));
        }
    }

    /// Without an index, the deletion of a row, such as that of a guest, scans the tables that may refer to it.
    #[test]
    fn every_foreign_key_has_an_index() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        let sql = "SELECT t.name || '.' || k.\"from\" FROM sqlite_schema t, pragma_foreign_key_list(t.name) k \
                   WHERE t.type = 'table' AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i, pragma_index_info(i.name) c \
                   WHERE i.partial = 0 AND c.seqno = 0 AND c.name = k.\"from\")";
        let mut query = db.prepare(sql).unwrap();
        let without: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(without.is_empty(), "{without:?}");
    }

    #[test]
    fn submissions_abandoned_before_they_had_a_verdict_are_not_pending() {
        let mut old = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..30] {
            old.execute_batch(sql).unwrap();
        }
        old.pragma_update(None, "foreign_keys", false).unwrap();
        // Three submissions: abandoned, queued, and abandoned in a rejudge.
        let rows = "INSERT INTO code_submissions (id, owner, run, language, submitted_at, spec, data) VALUES \
                    (x'01', x'00', x'11', 'c', 0, '{}', x''), (x'02', x'00', x'12', 'c', 0, '{}', x''), \
                    (x'03', x'00', x'13', 'c', 0, '{}', x''); \
                    INSERT INTO runs (id, submission, owner, class, state, attempts, lost, due_at) VALUES \
                    (x'11', x'01', x'00', 0, 4, 3, 3, 0), (x'12', x'02', x'00', 0, 0, 0, 0, 0), \
                    (x'13', x'03', x'00', 0, 4, 3, 3, 0); \
                    INSERT INTO problem_submissions (submission, problem, owner, language, sent_at, verdict, is_try, solves) VALUES \
                    (x'01', x'20', x'00', 'c', 0, NULL, NULL, NULL), (x'02', x'20', x'00', 'c', 0, NULL, NULL, NULL), \
                    (x'03', x'20', x'00', 'c', 0, 'AC', 1, 1)";
        old.execute_batch(rows).unwrap();
        old.pragma_update(None, "user_version", 30).unwrap();
        migrate(&mut old).unwrap();
        let sql =
            "SELECT coalesce(verdict || is_try || solves, 'pending') FROM problem_submissions ORDER BY submission";
        let mut query = old.prepare(sql).unwrap();
        let verdicts: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(verdicts, ["JE00", "pending", "AC11"]);
    }

    #[test]
    fn a_newer_schema_is_refused_and_unchanged() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA user_version = 900").unwrap();
        let refused = migrate(&mut connection);
        assert!(matches!(refused, Err(MigrateError::Newer { version: 900, known: KNOWN })), "{refused:?}");
        assert!(tables(&connection).is_empty());
    }
}
