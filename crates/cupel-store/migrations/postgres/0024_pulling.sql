-- The languages of a worker whose images it is still pulling, with the reason of the last failure or null, as JSON.
ALTER TABLE workers ADD COLUMN pulling TEXT COLLATE "C" NOT NULL DEFAULT '{}';
