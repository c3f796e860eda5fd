-- Versions that an administrator let be shown although they were not verified, with the reason. An entry outlives the account.
CREATE TABLE version_exceptions (
    problem UUID NOT NULL REFERENCES problems (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    given_at BIGINT NOT NULL,
    given_by UUID NOT NULL,
    username TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (problem, number, given_at)
);
