-- SHA-256 of a row's data that lie in the blob store; `data` is empty then. Always NULL here, where all is one file; the queries are those
-- of PostgreSQL.

ALTER TABLE code_submissions ADD COLUMN data_hash BLOB;
ALTER TABLE execution_results ADD COLUMN data_hash BLOB;
