-- works-with: 12
--
-- What each of a budget's times is for: what goes out in parts counts once.
-- Parallel to times; what is missing at the end is not known.
ALTER TABLE budget ADD COLUMN ids bigint[] NOT NULL DEFAULT '{}';
