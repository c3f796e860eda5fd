-- How the program was started that `time_limit_us` was measured with: 'warm' or 'cold'. NULL: its language has no warm start, or the
-- limit is older than this column.
ALTER TABLE problem_versions ADD COLUMN limit_start TEXT;
