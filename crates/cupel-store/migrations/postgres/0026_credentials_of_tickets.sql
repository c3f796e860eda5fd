-- The session or the API key with which a ticket was requested. The connection that the ticket opens ends with it.
ALTER TABLE stream_tickets ADD COLUMN session UUID;
ALTER TABLE stream_tickets ADD COLUMN api_key UUID;
