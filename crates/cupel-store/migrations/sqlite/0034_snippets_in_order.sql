-- A user's shared programs, the newest first. Without it, SQLite sorts the programs with their texts.
DROP INDEX snippets_of_owner;
CREATE INDEX snippets_of_owner ON snippets (owner, shared_at DESC, id);
