// What is sent, read, cancelled and waited for in random order comes out as the
// model says, on each store. The sequences are the same each time; other ones
// are `./dev property --first SEED`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { explore } from './run.mjs';

const SHOWN = 3;

// SQLite where PostgreSQL is, too: both wait for each fsync.
process.env.TMPDIR = process.env.BELFRY_POSTGRES_FOLDER ?? '/tmp';

describe('random sequences of commands', {
    concurrency: true, timeout: 3600000,
}, () => {
    const stores = [
        { name: 'in memory', store: 'memory', seeds: 10000, first: 1 },
        { name: 'on SQLite', store: 'sqlite', seeds: 500, first: 100001 },
        { name: 'on PostgreSQL', store: process.env.BELFRY_TEST_POSTGRES,
            seeds: 300, first: 200001 },
    ];
    for (const { name, ...options } of stores) {
        it(`${options.seeds} come out as the model says, ${name}`, async () => {
            const stories = [];
            const failed = await explore({ ...options, shown: SHOWN,
                tell: (text) => stories.push(text) });
            assert.equal(failed.length, 0, `seeds ${failed.join(' ')} differ\n${
                stories.join('\n')}`);
        });
    }
});
