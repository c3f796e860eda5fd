-- 0: the leaderboards of problems and the global leaderboard omit the user, at the user's wish.

ALTER TABLE users ADD COLUMN in_leaderboards BIGINT NOT NULL DEFAULT 1;
CREATE INDEX users_outside_leaderboards ON users (id) WHERE in_leaderboards = 0;
