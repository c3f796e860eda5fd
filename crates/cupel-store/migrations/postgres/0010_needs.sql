-- What a worker must have to judge a run: ids of languages, sorted, between spaces. NULL in runs that are older than this: whatever it has.
-- What waits is counted by it.

ALTER TABLE runs ADD COLUMN needs TEXT COLLATE "C";
