-- Announcements are stored among the questions: without a question, with their text as the answer, visible to everyone.

ALTER TABLE clarifications ADD COLUMN announced BIGINT NOT NULL DEFAULT 0;
