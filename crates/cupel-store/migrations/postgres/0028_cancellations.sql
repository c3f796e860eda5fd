-- Time at which an account was disabled or deleted, while the sweeper cancels the user's submissions. NULL: it cancels
-- none.
ALTER TABLE users ADD COLUMN cancel_since BIGINT;
CREATE INDEX users_to_cancel ON users (cancel_since) WHERE cancel_since IS NOT NULL;
