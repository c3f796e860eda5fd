-- The deliveries of an owner, those of the newest submissions first.
CREATE INDEX webhook_deliveries_of_owner ON webhook_deliveries (owner, submission);
