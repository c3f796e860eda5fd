-- For the periodic search for API keys that ended long ago, and for the list of users in order of registration.

CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_by_end ON api_keys (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX users_by_age ON users (created_at, id);
