-- works-with: 12
--
-- What collects what is beyond a user's attention has a key that no sender can
-- choose. What a program from before opens meanwhile is a window as any other.
UPDATE digest SET key = 'belfry/' || key
WHERE key = 'attention' OR key LIKE 'attention:%';
