// sql - statements for the rig: node sql.mjs URL STATEMENT... prints the rows
// of the last as JSON.

import pg from 'pg';

const [url, ...statements] = process.argv.slice(2);
const client = new pg.Client({ connectionString: url });
let rows = [];

await client.connect();
for (const statement of statements) ({ rows } = await client.query(statement));
await client.end();
console.log(JSON.stringify(rows));
