-- Not where a sender has one that is open under the older key.
UPDATE digest SET key = substr(key, 8)
WHERE (key = 'belfry/attention' OR key LIKE 'belfry/attention:%')
AND NOT EXISTS (SELECT 1 FROM digest o WHERE o.tenant = digest.tenant
AND o.user = digest.user AND o.channel = digest.channel
AND o.key = substr(digest.key, 8) AND o.is_open = 1);
