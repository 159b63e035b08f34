DROP TABLE cancel_key;
