DROP FUNCTION belfry_send(jsonb, text);
DROP TABLE outbox, outbox_refused;
