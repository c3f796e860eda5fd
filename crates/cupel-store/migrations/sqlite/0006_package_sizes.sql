-- Size of the unpacked package on the disk in bytes, for the bound per author; 0 for packages from before this
-- migration.
ALTER TABLE problem_versions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX problem_versions_by_author ON problem_versions (created_by, package);
