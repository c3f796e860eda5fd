-- The CPU limit that verification derived for a version whose package has none, in microseconds.
ALTER TABLE problem_versions ADD COLUMN time_limit_us INTEGER;
