DROP TABLE attempt_note;
