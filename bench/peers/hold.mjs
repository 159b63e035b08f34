// hold - a transaction that stays open: node hold.mjs URL. Says so when it has
// its snapshot; ends when stdin is closed.

import pg from 'pg';

const client = new pg.Client({ connectionString: process.argv[2] });

await client.connect();
await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
await client.query('SELECT count(*) FROM meta');
console.log('{"held":true}');
process.stdin.resume().on('end', () => client.end());
