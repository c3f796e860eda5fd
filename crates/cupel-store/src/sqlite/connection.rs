//! A connection to SQLite for queries and commands. rusqlite caches compiled statements.

use cupel_types::RunId;
use rusqlite::{Connection, params_from_iter};

use crate::sql::commands::RunRow;
use crate::sql::fault::SqlFault;
use crate::sql::{Lock, Row, Sql, Value};

impl Sql for Connection {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, SqlFault> {
        Ok(self.prepare_cached(sql)?.execute(params_from_iter(values))? as u64)
    }

    fn put(&self, sql: &str, values: &[Value<'_>]) -> Result<(), SqlFault> {
        match Sql::execute(self, sql, values)? {
            1 => Ok(()),
            changed => Err(SqlFault::NotOne { changed }),
        }
    }

    fn each(
        &self,
        sql: &str,
        values: &[Value<'_>],
        visit: &mut dyn FnMut(Row<'_>) -> Result<(), SqlFault>,
    ) -> Result<(), SqlFault> {
        let mut query = self.prepare_cached(sql)?;
        let mut rows = query.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            visit(Row::Sqlite(row))?;
        }
        Ok(())
    }

    /// Does nothing: only one transaction writes at a time.
    fn lock(&self, _: Lock, _: &[u8]) -> Result<(), SqlFault> {
        Ok(())
    }

    fn run_at_hand(&self, _: RunId) -> Option<Option<RunRow>> {
        None
    }

    fn sync(&self) -> Result<(), SqlFault> {
        // A commit without changes is not synced, so this rewrites a page with the same content.
        let version: i64 = self.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        Ok(self.pragma_update(None, "user_version", version)?)
    }
}
