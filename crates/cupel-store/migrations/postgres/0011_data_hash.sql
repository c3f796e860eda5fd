-- SHA-256 of a row's data if they are in the blob store; `data` is then empty.

ALTER TABLE code_submissions ADD COLUMN data_hash BYTEA;
ALTER TABLE execution_results ADD COLUMN data_hash BYTEA;
