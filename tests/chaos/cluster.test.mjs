// Six processes on one PostgreSQL, of which none is safe: the books balance.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { print } from './checker.mjs';
import { run } from './cluster.mjs';
import { BINARY } from '../system/lib/belfry.mjs';

const SEED = 20261;

describe('a cluster under load', { timeout: 400000 }, () => {
    it('loses nothing in twenty rounds and explains each duplicate',
        async (t) => {
            const total = await run({ rounds: 20, seed: SEED, binary: BINARY,
                rate: 300, series: 20, load: [1200, 2500],
                log: (s) => t.diagnostic(s) });
            if (total.failed) print(total.failed, (s) => t.diagnostic(s));
            assert.ok(!total.failed, `kept: ${total.failed?.dir}; again: ` +
                `./dev chaos cluster 20 --series 20 --seed ${SEED}`);
            assert.equal(total.rounds, 20);
            assert.ok(total.figures.acknowledged > 2000,
                `${total.figures.acknowledged} accepted`);
        });
});
