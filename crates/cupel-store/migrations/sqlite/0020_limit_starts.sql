-- Start mode ('warm' or 'cold') of the program whose measured time gave `time_limit_us`. NULL: its language has no warm
-- start, or the limit is from before this migration.
ALTER TABLE problem_versions ADD COLUMN limit_start TEXT;
