-- The languages that a worker must have to judge a run: sorted ids, between spaces. NULL in runs from before this
-- migration: any worker may judge them. Waiting runs are counted per value.

ALTER TABLE runs ADD COLUMN needs TEXT COLLATE "C";
