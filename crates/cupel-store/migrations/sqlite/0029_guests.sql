-- Guests: temporary accounts of visitors. Time at which the guest ends; NULL: not a guest. `role` is `user`: a node of an
-- earlier version treats a guest as such.
ALTER TABLE users ADD COLUMN guest_until INTEGER;
CREATE INDEX guests_by_end ON users (guest_until) WHERE guest_until IS NOT NULL;

-- A guest's submissions are deleted. The database then looks for rows that refer to them, also for programs.
DROP INDEX runs_of_submission;
CREATE INDEX runs_of_submission ON runs (submission, id);
CREATE INDEX webhook_deliveries_of_submission ON webhook_deliveries (submission);
