-- works-with: 8
--
-- What collects what is beyond a user's attention has a key that no sender can
-- choose.
UPDATE digest SET key = 'belfry/' || key
WHERE key = 'attention' OR key LIKE 'attention:%';
