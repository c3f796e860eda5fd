-- Disabled and deleted accounts, one-time links, join codes for accounts, and tickets for streams. A user without an
-- e-mail address has an empty `email`, and `id:` followed by the id as `email_key`, which is not a valid address.

ALTER TABLE users ADD COLUMN disabled_at BIGINT;
ALTER TABLE users ADD COLUMN deleted_at BIGINT;
ALTER TABLE refresh_sessions ADD COLUMN last_used_at BIGINT;
CREATE INDEX refresh_sessions_of_user ON refresh_sessions ("user", id);

CREATE TABLE password_links (
    "user" UUID NOT NULL PRIMARY KEY REFERENCES users (id),
    secret_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX password_links_by_end ON password_links (expires_at);

CREATE TABLE registration_codes (
    id UUID NOT NULL PRIMARY KEY,
    code TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_max BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE TABLE stream_tickets (
    id UUID NOT NULL PRIMARY KEY,
    secret_hash BYTEA NOT NULL,
    "user" UUID NOT NULL REFERENCES users (id),
    submission UUID NOT NULL,
    as_admin BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX stream_tickets_by_end ON stream_tickets (expires_at);
CREATE INDEX stream_tickets_of_user ON stream_tickets ("user");
