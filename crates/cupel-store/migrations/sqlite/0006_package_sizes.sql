-- What the packages of an author take together is bounded. Bytes on the disk, unpacked; 0 of those that were there before.
ALTER TABLE problem_versions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX problem_versions_by_author ON problem_versions (created_by, package);
