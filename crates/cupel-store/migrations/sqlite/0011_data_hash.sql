-- SHA-256 of a row's data if they are in the blob store; `data` is then empty. Always NULL in SQLite, where everything
-- is in one file; the queries are shared with PostgreSQL.

ALTER TABLE code_submissions ADD COLUMN data_hash BLOB;
ALTER TABLE execution_results ADD COLUMN data_hash BLOB;
