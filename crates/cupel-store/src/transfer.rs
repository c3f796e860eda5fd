//! Copies a whole store into another, empty one: moves an installation from SQLite to PostgreSQL, or back.
//!
//! Tables are copied one after another, referenced tables first, page by page in key order, so that memory is bounded
//! by a page. Both schemas have the same version (the migrations ensure it), the same names and the same values.
//! Neither store may be used during the copy. At the end, the row counts of both stores are compared.
//!
//! Large data from a blob store are copied into their rows.
//!
//! The same pages can be exported as JSON, one object per row, for other programs.
//!
//! Not copied: heartbeats of the cluster's workers (`workers`), the record of whether the workers are paused, which
//! node is the sweeper's leader and which alerts have not ended (`cluster`), and the schema version.

use std::borrow::Cow;
use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_core::StoreError;

use crate::rows::hash_from;
use crate::sql::fault::SqlFault;
use crate::sql::large::Large;
use crate::sql::{Sql, SqlStore, Value, Write, values};

/// Rows per page. Tables whose rows can be large have smaller pages.
const PAGE: i64 = 500;
const PAGE_OF_LARGE: i64 = 16;

/// Number of rows that one query counts, so that it ends within the time limit of a query.
const COUNTED_MAX: u32 = 10_000;

/// Maximum size of the rows that one transaction writes, in bytes, so that it ends within the time limit of a write. A
/// larger row is written alone.
const WRITE_BYTES_MAX: usize = 16 << 20;

/// The values of a row, in the order of the columns.
type Values = Vec<Value<'static>>;

/// A table to copy.
struct Table {
    name: &'static str,
    /// Number of key columns; they come first.
    key: usize,
    columns: &'static [&'static str],
    page: i64,
}

const fn table(name: &'static str, key: usize, columns: &'static [&'static str]) -> Table {
    Table { name, key, columns, page: PAGE }
}

const fn large(name: &'static str, key: usize, columns: &'static [&'static str]) -> Table {
    Table { name, key, columns, page: PAGE_OF_LARGE }
}

/// All tables, referenced tables first.
const TABLES: &[Table] = &[
    table(
        "users",
        1,
        &[
            "id",
            "username",
            "username_key",
            "email",
            "email_key",
            "password_hash",
            "role",
            "tier",
            "webhook_secret",
            "created_at",
            "disabled_at",
            "deleted_at",
            "in_leaderboards",
            "cancel_since",
            "guest_until",
        ],
    ),
    table(
        "api_keys",
        1,
        &["id", "owner", "name", "secret_hash", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"],
    ),
    table(
        "refresh_sessions",
        1,
        &["id", "user", "token_hash", "created_at", "expires_at", "ended_at", "last_used_at", "user_agent"],
    ),
    table("refresh_tokens_used", 2, &["session", "token_hash"]),
    table("password_links", 1, &["user", "secret_hash", "created_at", "expires_at"]),
    table("registration_codes", 1, &["id", "code", "name", "created_at", "expires_at", "uses_max", "uses", "ended_at"]),
    table(
        "stream_tickets",
        1,
        &["id", "secret_hash", "user", "submission", "as_admin", "expires_at", "session", "api_key"],
    ),
    large("code_submissions", 1, &["id", "owner", "run", "language", "submitted_at", "spec", "data", "data_hash"]),
    table(
        "runs",
        1,
        &[
            "id",
            "submission",
            "owner",
            "class",
            "webhook",
            "state",
            "attempts",
            "lost",
            "lease",
            "lease_until",
            "worker",
            "due_at",
            "started_at",
            "completed_at",
            "verdict",
            "cpu_time_us",
            "memory_bytes",
            "problem",
            "package",
            "changes",
            "score",
            "needs",
            "purpose",
            "exact",
        ],
    ),
    table("failed_attempts", 2, &["submission", "attempt", "run", "worker", "worker_name", "failed_at", "why"]),
    table("dead_letters", 1, &["submission", "run", "died_at"]),
    large("execution_results", 1, &["run", "report", "log", "data", "data_hash"]),
    table("idempotency_keys", 2, &["owner", "key", "request_hash", "submissions", "expires_at"]),
    table(
        "webhook_deliveries",
        1,
        &["id", "submission", "owner", "url", "tries", "next_at", "ended_at", "status", "error"],
    ),
    table(
        "problems",
        1,
        &[
            "id",
            "slug",
            "owner",
            "title",
            "title_key",
            "difficulty",
            "tags",
            "visibility",
            "version",
            "better",
            "created_at",
            "updated_at",
            "submissions",
            "accepted",
            "attempted_by",
            "solved_by",
        ],
    ),
    table("problem_tags", 2, &["tag", "problem"]),
    table(
        "problem_versions",
        2,
        &[
            "problem",
            "number",
            "package",
            "format",
            "created_by",
            "created_at",
            "verified",
            "bytes",
            "time_limit_us",
            "limit_start",
        ],
    ),
    table("version_exceptions", 3, &["problem", "number", "given_at", "given_by", "username", "reason"]),
    table("problem_members", 2, &["problem", "user", "part"]),
    table("shipped_problems", 1, &["slug", "archive"]),
    table(
        "problem_submissions",
        1,
        &[
            "submission",
            "problem",
            "owner",
            "language",
            "sent_at",
            "verdict",
            "is_try",
            "solves",
            "score",
            "cpu_time_us",
            "memory",
            "withheld",
        ],
    ),
    table(
        "problem_results",
        2,
        &[
            "problem",
            "user",
            "solved",
            "tries",
            "best",
            "best_score",
            "best_time_us",
            "solved_at",
            "rank_score",
            "rank_time",
        ],
    ),
    table(
        "withheld_results",
        2,
        &[
            "problem",
            "user",
            "solved",
            "tries",
            "best",
            "best_score",
            "best_time_us",
            "solved_at",
            "rank_score",
            "rank_time",
        ],
    ),
    table("user_progress", 1, &["user", "easy", "medium", "hard", "solved", "attempted", "last_solved_at"]),
    table(
        "contests",
        1,
        &[
            "id",
            "slug",
            "title",
            "description",
            "owner",
            "style",
            "penalty_us",
            "starts_at",
            "length_us",
            "freeze_us",
            "unfrozen",
            "public",
            "join_code",
        ],
    ),
    table("contest_problems", 2, &["contest", "place", "problem"]),
    table("contest_participants", 2, &["contest", "user", "participation", "starts_at", "number"]),
    table(
        "clarifications",
        1,
        &["id", "contest", "asker", "place", "question", "answer", "public", "asked_at", "answered_at", "announced"],
    ),
    large("snippets", 2, &["id", "owner", "program", "shared_at"]),
    large("drafts", 4, &["owner", "problem", "language", "number", "begun_at", "saved_at", "bytes", "text"]),
    table("shared_secrets", 1, &["name", "secret"]),
];

/// Tables that are not copied.
#[cfg(test)]
const NOT_MOVED: [&str; 2] = ["workers", "cluster"];

/// Reason why the copy is incomplete.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum TransferError {
    #[error("the target store is not empty (table `{table}` has rows): choose an empty one")]
    NotEmpty { table: &'static str },
    #[error(
        "table `{table}` has {there} rows in the source and {here} in the target, so one of the stores was in use during the copy: stop all servers and start again with an empty target"
    )]
    Differs { table: &'static str, there: u64, here: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reason why the export is incomplete.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot write the export")]
    Write(#[from] io::Error),
}

/// Called after each copied table, with the table's name and its number of rows.
pub type Moved<'a> = &'a mut (dyn FnMut(&'static str, u64) + Send);

impl SqlStore {
    /// Copies the store, except the state of the running cluster, into an empty store on another database.
    ///
    /// # Errors
    /// [`TransferError`]; the target may then hold a part of the data.
    pub async fn move_to(&self, to: &SqlStore, moved: Moved<'_>) -> Result<(), TransferError> {
        to.check_empty().await?;
        for table in TABLES {
            let mut count = 0;
            let mut after: Option<Values> = None;
            loop {
                let rows = table.page_after(self, after).await?;
                let Some(last) = rows.last() else { break };
                after = Some(last[..table.key].to_vec());
                count += rows.len() as u64;
                for rows in parts(rows, WRITE_BYTES_MAX) {
                    to.write(Fill { table, rows }).await?;
                }
            }
            if count > 0 {
                moved(table.name, count);
            }
        }
        // The earlier commits may not have been synced.
        to.write(crate::sql::commands::Sync).await?;
        for table in TABLES {
            let (there, here) = (table.count(self, COUNTED_MAX).await?, table.count(to, COUNTED_MAX).await?);
            if there != here {
                return Err(TransferError::Differs { table: table.name, there, here });
            }
        }
        Ok(())
    }

    /// Checks that the store has no rows.
    ///
    /// # Errors
    /// [`TransferError::NotEmpty`], or the database failed.
    pub async fn check_empty(&self) -> Result<(), TransferError> {
        for table in TABLES {
            let sql = format!("SELECT 1 FROM {} LIMIT 1", table.name);
            if self.read("find rows of a table", move |db| db.exists(&sql, values![])).await? {
                return Err(TransferError::NotEmpty { table: table.name });
            }
        }
        Ok(())
    }

    /// Writes the tables that [`SqlStore::move_to`] copies as JSON, one line per row: `{"table": …, "row": {…}}`.
    /// Ids are UUIDs, other bytes base64, times microseconds. The output contains secrets.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn export(&self, out: &mut (dyn io::Write + Send)) -> Result<(), ExportError> {
        for table in TABLES {
            let mut after = None;
            loop {
                let rows = table.page_after(self, after).await?;
                let Some(last) = rows.last() else { break };
                after = Some(last[..table.key].to_vec());
                for row in &rows {
                    let fields = table.columns.iter().zip(row);
                    let row: serde_json::Map<_, _> =
                        fields.map(|(column, value)| ((*column).to_owned(), as_json(column, value))).collect();
                    writeln!(out, "{}", serde_json::json!({ "table": table.name, "row": row }))?;
                }
            }
        }
        Ok(())
    }
}

/// Columns with ids, in any table.
const IDS: [&str; 15] = [
    "id",
    "api_key",
    "owner",
    "run",
    "submission",
    "user",
    "session",
    "problem",
    "contest",
    "asker",
    "lease",
    "worker",
    "created_by",
    "given_by",
    "best",
];

fn as_json(column: &str, value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Int(n) => (*n).into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Blob(bytes) => match uuid::Uuid::from_slice(bytes) {
            Ok(id) if IDS.contains(&column) => id.to_string().into(),
            _ => BASE64_STANDARD.encode(bytes).into(),
        },
    }
}

impl Table {
    /// The number of rows. One query counts at most `step` of them, in key order.
    async fn count(&'static self, of: &SqlStore, step: u32) -> Result<u64, StoreError> {
        let mut counted = 0;
        let mut after: Option<Values> = None;
        loop {
            let (from, key) = (self.rows_after(after.is_some()), quoted(&self.columns[..self.key]));
            let mut bound = after.unwrap_or_default();
            bound.push(Value::Int(i64::from(step)));
            let read = of.read("count the rows of a table", move |db| {
                let count = db.count(&format!("SELECT count(*) FROM (SELECT 1 {from} LIMIT ?) AS few"), &bound)?;
                if count < u64::from(step) {
                    return Ok((count, None));
                }
                // The last of the rows counted.
                let sql = format!("SELECT {key} {from} LIMIT 1 OFFSET ? - 1");
                let last = db.one(&sql, &bound, |row| {
                    (0..self.key).map(|column| Ok(row.value(column)?.into_owned())).collect::<Result<Values, _>>()
                })?;
                Ok((count, last))
            });
            let (count, last) = read.await?;
            counted += count;
            if last.is_none() {
                return Ok(counted);
            }
            after = last;
        }
    }

    /// The end of a query of the rows in key order: all of them, or those after a key.
    fn rows_after(&self, is_after_key: bool) -> String {
        let key = quoted(&self.columns[..self.key]);
        let places = vec!["?"; self.key].join(", ");
        let after_key = if is_after_key { format!("WHERE ({key}) > ({places}) ") } else { String::new() };
        format!("FROM {} {after_key}ORDER BY {key}", self.name)
    }

    /// The page after a key.
    async fn page_after(&'static self, of: &SqlStore, after: Option<Values>) -> Result<Vec<Values>, StoreError> {
        let sql = format!("SELECT {} {} LIMIT ?", quoted(self.columns), self.rows_after(after.is_some()));
        let mut bound = after.unwrap_or_default();
        bound.push(Value::Int(self.page));
        let read = of.read(READ, move |db| {
            db.all(&sql, &bound, |row| {
                (0..self.columns.len()).map(|column| Ok(row.value(column)?.into_owned())).collect()
            })
        });
        let mut rows: Vec<Values> = read.await?;
        if let [.., "data", "data_hash"] = self.columns {
            for row in &mut rows {
                inline_blobs(row, &of.large).await.map_err(|fault| fault.during(READ))?;
            }
        }
        Ok(rows)
    }
}

const READ: &str = "read rows for a copy";

/// Replaces a reference to the blob store with the data, because the target may have another blob store or none.
async fn inline_blobs(row: &mut [Value<'static>], large: &Large) -> Result<(), SqlFault> {
    if let [.., data, hash] = row
        && let Value::Blob(bytes) = &*hash
    {
        let bytes = large.fetch(hash_from(bytes, "data_hash")?).await?;
        *data = Value::Blob(Cow::Owned(bytes.to_vec()));
        *hash = Value::Null;
    }
    Ok(())
}

fn quoted(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    quoted.join(", ")
}

/// Splits a page into parts of at most `bytes_max` bytes, or of one larger row.
fn parts(rows: Vec<Values>, bytes_max: usize) -> Vec<Vec<Values>> {
    let mut parts: Vec<Vec<Values>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let more: usize = row.iter().map(bytes_of).sum();
        match parts.last_mut().filter(|_| bytes + more <= bytes_max) {
            Some(part) => {
                part.push(row);
                bytes += more;
            }
            None => {
                parts.push(vec![row]);
                bytes = more;
            }
        }
    }
    parts
}

fn bytes_of(value: &Value<'_>) -> usize {
    match value {
        Value::Null => 0,
        Value::Int(_) => size_of::<i64>(),
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
    }
}

/// Writes a part of a page.
struct Fill {
    table: &'static Table,
    rows: Vec<Values>,
}

impl Write for Fill {
    type Output = ();
    const OPERATION: &'static str = "write copied rows";
    // Synced once, at the end.
    const DURABLE: bool = false;

    fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
        let places = vec!["?"; self.table.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({places})", self.table.name, quoted(self.table.columns));
        self.rows.iter().try_for_each(|row| db.put(&sql, row))
    }
}

#[cfg(test)]
mod tests {
    use cupel_testkit::servers::Postgres;

    use super::*;
    use crate::PostgresOptions;

    /// The tables of a schema with their columns.
    async fn schema(of: &SqlStore, sql: &'static str) -> Vec<(String, String)> {
        let read = of.read("read the schema", move |db| db.all(sql, values![], |row| Ok((row.get(0)?, row.get(1)?))));
        read.await.unwrap()
    }

    #[test]
    fn large_rows_of_a_page_are_written_in_several_transactions() {
        let row = |bytes: usize| vec![Value::Null, Value::Blob(Cow::Owned(vec![0; bytes]))];
        let sizes = [4, 6, 1, 30, 2, 3, 10];
        let parts = parts(sizes.map(row).to_vec(), 10);
        let bytes = |part: &Vec<Values>| part.iter().map(|row| row.iter().map(bytes_of).sum()).collect::<Vec<usize>>();
        assert_eq!(parts.iter().map(bytes).collect::<Vec<_>>(), [vec![4, 6], vec![1], vec![30], vec![2, 3], vec![10]]);
    }

    /// PostgreSQL ends a statement that takes long.
    #[tokio::test]
    async fn the_rows_of_a_table_are_counted_in_steps() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.unwrap();
        let url = Postgres::shared().database().await;
        let postgres = SqlStore::open_postgres(PostgresOptions::new(url, "cupel")).await.unwrap();
        let table = TABLES.iter().find(|table| table.name == "shipped_problems").unwrap();
        let with_two_keys = TABLES.iter().find(|table| table.name == "problem_tags").unwrap();
        for store in [&sqlite, &postgres] {
            for step in [1, 2, 3, 7, 8] {
                assert_eq!(table.count(store, step).await.unwrap(), 0);
            }
            let text = |n: u8| Value::Text(Cow::Owned(n.to_string()));
            let rows = (0..7).map(|n| vec![text(n), Value::Blob(Cow::Owned(vec![n; 32]))]).collect();
            store.write(Fill { table, rows }).await.unwrap();
            let id = |n: u8| Value::Blob(Cow::Owned(vec![n; 16]));
            for problem in 1..=3 {
                store.write(AProblem(problem)).await.unwrap();
            }
            let rows = (0..7).map(|n| vec![text(n / 3), id(n % 3 + 1)]).collect();
            store.write(Fill { table: with_two_keys, rows }).await.unwrap();
            for step in [1, 2, 3, 7, 8] {
                assert_eq!(table.count(store, step).await.unwrap(), 7, "in steps of {step}");
                assert_eq!(with_two_keys.count(store, step).await.unwrap(), 7, "in steps of {step}");
            }
        }
    }

    /// A problem with this number as its id and name.
    struct AProblem(u8);

    impl Write for AProblem {
        type Output = ();
        const OPERATION: &'static str = "insert a problem";
        const DURABLE: bool = false;

        fn apply(&self, db: &dyn Sql) -> Result<(), SqlFault> {
            let sql = "INSERT INTO problems (id, slug, title, title_key, tags, visibility, version, better, created_at, \
                       updated_at, submissions, accepted, attempted_by, solved_by) \
                       VALUES (?, ?, '', '', '[]', 1, 1, 1, 0, 0, 0, 0, 0, 0)";
            db.put(sql, values![[self.0; 16], self.0.to_string()])
        }
    }

    #[test]
    fn the_columns_of_ids_are_columns_of_tables() {
        let is_column = |id: &&str| TABLES.iter().any(|table| table.columns.contains(id));
        assert!(IDS.iter().all(is_column));
        let ticket = as_json("api_key", &Value::Blob(Cow::Owned(vec![1; 16])));
        assert_eq!(ticket, "01010101-0101-0101-0101-010101010101");
    }

    /// A new table or column must be added to `TABLES` or `NOT_MOVED`.
    #[tokio::test]
    async fn every_table_and_column_of_both_schemas_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = SqlStore::open_sqlite(&folder.path().join("cupel.db")).await.unwrap();
        let url = Postgres::shared().database().await;
        let postgres = SqlStore::open_postgres(PostgresOptions::new(url, "cupel")).await.unwrap();
        let of_sqlite =
            "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'";
        let of_postgres = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
                           WHERE table_schema = 'public' AND table_name <> 'cupel'";
        let mut moved: Vec<(String, String)> = TABLES
            .iter()
            .flat_map(|table| table.columns.iter().map(|column| (table.name.to_owned(), (*column).to_owned())))
            .collect();
        moved.sort_unstable();
        for mut found in [schema(&sqlite, of_sqlite).await, schema(&postgres, of_postgres).await] {
            found.retain(|(table, _)| !NOT_MOVED.contains(&table.as_str()));
            found.sort_unstable();
            assert_eq!(found, moved);
        }
    }
}
