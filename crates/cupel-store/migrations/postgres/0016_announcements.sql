-- Announcements lie among the questions: without a question, with their text as the answer, for everybody.

ALTER TABLE clarifications ADD COLUMN announced BIGINT NOT NULL DEFAULT 0;
