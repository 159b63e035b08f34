// main.mjs - `./dev chaos [ROUNDS]`: one process on SQLite.

import { run } from './rounds.mjs';

const rounds = Number(process.argv[2] ?? 50);
if (!Number.isInteger(rounds) || rounds < 1) {
    console.error('usage: ./dev chaos [ROUNDS]');
    process.exit(2);
}
const seen = await run({ rounds, log: (line) => console.error(line) });
console.log(`${rounds} rounds: ${seen.sent} accepted, none lost, ` +
    `${seen.duplicates} arrived twice, each of them marked; a stream was ` +
    `opened ${seen.openings} times and missed nothing`);
