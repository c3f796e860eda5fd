-- The runs of a user with a webhook, those that have not ended first. A deleted account loses these webhooks at once,
-- the others step by step.
DROP INDEX runs_with_webhook;
CREATE INDEX runs_with_webhook ON runs (owner, state) WHERE webhook IS NOT NULL;
