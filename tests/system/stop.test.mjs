// SIGTERM: what is in flight ends well, or is marked and made again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { started } from './lib/belfry.mjs';
import { receiver } from './lib/webhook.mjs';
import { rawStream } from './lib/sse.mjs';
import { until } from './lib/until.mjs';

async function withHook(t, steps) {
    const hook = await receiver();
    t.after(() => hook.close());
    const belfry = await started(t);
    await belfry.put('/v1/providers/hook', {
        channel: 'webhook', driver: 'webhook', timeout: '60s',
        config: { url: hook.url('/in'), secret: hook.secret },
    });
    hook.script('/in', steps);
    const id = await belfry.send({ to: 'u1', title: 'x',
        channels: ['webhook'] });
    await hook.called('/in');
    return { hook, belfry, id };
}

// Its end, and how long it took.
async function terminate(belfry) {
    const began = Date.now();
    belfry.child.kill('SIGTERM');
    await until('it has ended', () => belfry.exited, { timeout: 31000 });
    assert.deepEqual(belfry.exited, { code: 0, signal: null });
    return Date.now() - began;
}

describe('SIGTERM', { timeout: 120000 }, () => {
    it('waits for the answer to a call', async (t) => {
        const { hook, belfry, id } = await withHook(t,
            [{ status: 200, after: 1500 }]);
        const ms = await terminate(belfry);
        assert.ok(ms < 15000, `${ms} ms`);
        await belfry.restart();
        const d = await belfry.reaches(id, 'webhook', 'delivered');
        assert.equal(d.attempts, 1);
        assert.equal(hook.calls('/in').length, 1);
    });

    it('cuts a call that does not end, and it is made again', async (t) => {
        const { hook, belfry, id } = await withHook(t, ['hang']);
        await terminate(belfry);
        await belfry.restart();
        const d = await belfry.reaches(id, 'webhook', 'delivered');
        assert.deepEqual(d.log.map((a) => a.verdict),
            ['interrupted', 'delivered']);
        assert.equal(hook.calls('/in').length, 2);
    });

    it('says bye to those who read', async (t) => {
        const belfry = await started(t);
        const s = await rawStream(`${belfry.url}/v1/inbox/stream`,
            await belfry.token('u1'));
        t.after(() => s.close());
        await s.next('hello');
        const ms = await terminate(belfry);
        assert.equal(s.named('bye').length, 1);
        assert.ok(s.isClosed);
        assert.ok(ms < 30000, `${ms} ms`);
    });
});

// What lanes hold at such an end is left to the end of the process.
const UNTIDY = { ASAN_OPTIONS: 'detect_leaks=0:exitcode=99' };
const ALL = Array.from({ length: 1000 }, () => ({
    to: ['u1', 'u2', 'u3'], title: 'x', channels: ['in_app', 'webhook'],
}));

describe('SIGTERM, twice', { timeout: 120000 }, () => {
    for (const round of [1, 2, 3])
        it(`ends it at once and in order, hands full (${round})`,
            async (t) => {
                const belfry = await started(t, { dev: true, env: UNTIDY });
                await belfry.post('/v1/notifications/batch', ALL);
                belfry.api('POST', '/v1/notifications/batch', ALL,
                    { unchecked: true }).catch(() => {});
                belfry.child.kill('SIGTERM');
                await until('it has heard', () =>
                    belfry.stderr.includes('server.stopping'), { every: 1 });
                const ms = await terminate(belfry);
                assert.ok(ms < 5000, `${ms} ms`);
            });
});
