-- works-with: 8
--
-- What each of a budget's times is for: what goes out in parts counts once.
-- Packed as they are; what is missing at the end is not known.
ALTER TABLE budget ADD COLUMN ids BLOB NOT NULL DEFAULT x'';
