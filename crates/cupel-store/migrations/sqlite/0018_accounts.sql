-- Disabled and deleted accounts, one-time links, join codes for accounts, and tickets for streams. A user without an
-- e-mail address has an empty `email`, and `id:` followed by the id as `email_key`, which is not a valid address.

ALTER TABLE users ADD COLUMN disabled_at INTEGER;
ALTER TABLE users ADD COLUMN deleted_at INTEGER;
ALTER TABLE refresh_sessions ADD COLUMN last_used_at INTEGER;
CREATE INDEX refresh_sessions_of_user ON refresh_sessions ("user", id);

CREATE TABLE password_links (
    "user"      BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
    secret_hash BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX password_links_by_end ON password_links (expires_at);

CREATE TABLE registration_codes (
    id         BLOB    NOT NULL PRIMARY KEY,
    code       TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    uses_max   INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE stream_tickets (
    id          BLOB    NOT NULL PRIMARY KEY,
    secret_hash BLOB    NOT NULL,
    "user"      BLOB    NOT NULL REFERENCES users (id),
    submission  BLOB    NOT NULL,
    as_admin    INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX stream_tickets_by_end ON stream_tickets (expires_at);
CREATE INDEX stream_tickets_of_user ON stream_tickets ("user");
