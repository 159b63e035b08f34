-- Not where a sender has one that is open under the older key.
UPDATE digest d SET key = substr(d.key, 8)
WHERE (d.key = 'belfry/attention' OR d.key LIKE 'belfry/attention:%')
AND NOT EXISTS (SELECT FROM digest o WHERE o.tenant = d.tenant
AND o.user_id = d.user_id AND o.channel = d.channel
AND o.key = substr(d.key, 8) AND o.is_open);
