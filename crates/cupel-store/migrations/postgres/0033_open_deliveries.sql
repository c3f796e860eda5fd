-- The open deliveries of an owner in the order of their times. Without it, SQLite reads all deliveries to find the due
-- ones.
CREATE INDEX webhook_deliveries_open_of_owner ON webhook_deliveries (owner, next_at) WHERE next_at IS NOT NULL;
