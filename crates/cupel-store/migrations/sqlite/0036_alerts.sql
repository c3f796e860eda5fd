-- Names of the alerts that the operator's receiver has accepted and that have not ended, separated by spaces.
ALTER TABLE cluster ADD COLUMN alerts TEXT NOT NULL DEFAULT '';
