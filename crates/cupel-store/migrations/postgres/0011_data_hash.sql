-- SHA-256 of a row's data that lie in the blob store; `data` is empty then.

ALTER TABLE code_submissions ADD COLUMN data_hash BYTEA;
ALTER TABLE execution_results ADD COLUMN data_hash BYTEA;
