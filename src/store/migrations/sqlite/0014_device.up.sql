-- works-with: 8
--
-- What a push goes to: its kind and its name; empty: it goes to none.
ALTER TABLE delivery ADD COLUMN device TEXT NOT NULL DEFAULT '';
