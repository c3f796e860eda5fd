-- Unverified versions that an administrator allowed to be shown, with the reason. An entry remains after its account is
-- deleted.
CREATE TABLE version_exceptions (
    problem UUID NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    given_at BIGINT NOT NULL,
    given_by UUID NOT NULL,
    username TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (problem, number, given_at)
);
