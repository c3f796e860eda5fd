-- A contest that is not public is entered with a code. Those that were there before get one of hexadecimal digits: 40 random bits; a new one has 50.
ALTER TABLE contests ADD COLUMN join_code TEXT NOT NULL DEFAULT '';
UPDATE contests SET join_code = lower(hex(randomblob(5)));
