-- The versions of the libraries that programs can use on a worker, by language and name, as JSON.
ALTER TABLE workers ADD COLUMN libraries TEXT COLLATE "C" NOT NULL DEFAULT '{}';
