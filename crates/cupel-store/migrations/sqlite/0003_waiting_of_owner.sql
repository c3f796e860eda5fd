-- An owner's waiting runs are counted at each submission.

CREATE INDEX runs_waiting_of_owner ON runs (owner, due_at) WHERE state = 0;
