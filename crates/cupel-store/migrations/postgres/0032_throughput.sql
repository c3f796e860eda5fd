-- The number of runs that a worker judged within the minute before its last heartbeat.
ALTER TABLE workers ADD COLUMN judged BIGINT NOT NULL DEFAULT 0;
