-- An owner's deliveries, those of the newest submissions first.
CREATE INDEX webhook_deliveries_of_owner ON webhook_deliveries (owner, submission);
