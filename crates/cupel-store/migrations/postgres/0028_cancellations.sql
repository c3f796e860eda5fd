-- Time at which an account was disabled or deleted, while the sweeper cancels the user's submissions. NULL: it cancels
-- none. Earlier versions did not cancel the submissions of such users.
ALTER TABLE users ADD COLUMN cancel_since BIGINT;
CREATE INDEX users_to_cancel ON users (cancel_since, id) WHERE cancel_since IS NOT NULL;
UPDATE users SET cancel_since = coalesce(deleted_at, disabled_at) WHERE disabled_at IS NOT NULL OR deleted_at IS NOT NULL;
