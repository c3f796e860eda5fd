-- How much of one owner waits is asked while they submit.

CREATE INDEX runs_waiting_of_owner ON runs (owner, due_at) WHERE state = 0;
