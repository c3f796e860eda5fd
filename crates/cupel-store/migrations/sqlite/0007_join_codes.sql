-- Users enter a contest that is not public with a code. Existing contests get a code of hexadecimal digits with 40
-- random bits; new codes have 50.
ALTER TABLE contests ADD COLUMN join_code TEXT NOT NULL DEFAULT '';
UPDATE contests SET join_code = lower(hex(randomblob(5)));
