-- The client that opened a session: the `User-Agent` of the login.

ALTER TABLE refresh_sessions ADD COLUMN user_agent TEXT;
