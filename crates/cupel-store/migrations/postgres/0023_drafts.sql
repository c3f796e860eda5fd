-- Drafts: the texts in users' editors, one row per revision. The nil id as `problem` is the playground.

CREATE TABLE drafts (
    owner UUID NOT NULL REFERENCES users (id),
    problem UUID NOT NULL,
    language TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    saved_at BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    text BYTEA NOT NULL,
    PRIMARY KEY (owner, problem, language, number)
);
CREATE INDEX drafts_of_owner_by_time ON drafts (owner, saved_at, bytes);
CREATE INDEX drafts_of_problem ON drafts (problem);
CREATE INDEX drafts_by_time ON drafts (saved_at);
