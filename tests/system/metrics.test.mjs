// What is counted moves when that happens which it is said to count.

import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { started } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

// The sum over a metric's series that have all of these labels.
async function total(belfry, name, ...labels) {
    const { text } = await belfry.api('GET', '/metrics', undefined,
        { unchecked: true });
    return text.split('\n')
        .filter((line) => line.startsWith(`belfry_${name}`) &&
            /[{ ]/.test(line[`belfry_${name}`.length]) &&
            labels.every((l) => line.includes(l)))
        .reduce((n, line) => n + Number(line.split(' ').at(-1)), 0);
}

const becomes = (belfry, isRight, ...metric) => {
    let last;
    return until(() => `${metric} is ${last}`, async () => {
        last = await total(belfry, ...metric);
        return isRight(last);
    });
};

async function withHook(t, options) {
    const hook = await receiver();
    t.after(() => hook.close());
    const belfry = await started(t, options);
    await belfry.put('/v1/providers/hook', {
        channel: 'webhook', driver: 'webhook', timeout: '2s',
        retry: { strategy: 'fixed', base: '1s', attempts: 3 },
        config: { secret: hook.secret },
    });
    await belfry.put('/v1/users/u1', { webhook: hook.url('/in') });
    const send = (more) => belfry.send({ to: 'u1', title: 'x',
        channels: ['webhook'], ...more });
    return { hook, belfry, send };
}

describe('metrics', { timeout: 60000 }, () => {
    it('tell of connections that are open', async (t) => {
        const belfry = await started(t);
        const name = 'http_connections';
        const before = await total(belfry, name);
        assert.ok(before >= 1, 'the one that asks');
        const sockets = Array.from({ length: 5 }, () =>
            net.connect(belfry.port, '127.0.0.1'));
        t.after(() => sockets.forEach((s) => s.destroy()));
        await Promise.all(sockets.map((s) => once(s, 'connect')));
        await becomes(belfry, (n) => n >= before + 5, name);
        sockets.forEach((s) => s.destroy());
        await becomes(belfry, (n) => n < before + 5, name);
    });

    it('tell how long deliveries took and waited', async (t) => {
        const { belfry, send } = await withHook(t);
        const count = (name, ...labels) =>
            total(belfry, `${name}_seconds_count`, ...labels);
        await belfry.settled(await send());
        await belfry.settled(await send({ priority: 'high' }));
        for (const prio of ['normal', 'high'])
            assert.equal(await count('delivery_latency', 'channel="webhook"',
                `prio="${prio}"`), 1);
        assert.equal(await count('queue_wait', 'queue="default/hook"'), 2);
        assert.ok(await count('event_loop_lag', 'loop="dispatch"') > 0);
    });

    it('tell of what waited until it was due', async (t) => {
        const { belfry, hook, send } = await withHook(t);
        hook.script('/in', [500]);
        await belfry.settled(await send());
        assert.ok(await total(belfry, 'scheduler_lag_seconds_count') > 0);
    });

    it('tell of a call that may have gone out twice', async (t) => {
        const { belfry, hook, send } = await withHook(t);
        const name = 'duplicates_possible_total';
        hook.script('/in', [500]); // surely not taken
        await belfry.settled(await send());
        assert.equal(await total(belfry, name), 0);
        hook.script('/in', ['close']);
        await belfry.settled(await send());
        assert.equal(await total(belfry, name, 'cause="unknown"'), 1);
    });

    it('tell of calls that were not allowed', async (t) => {
        const { belfry, hook, send } = await withHook(t);
        await belfry.put('/v1/users/u1', { webhook: 'http://10.1.2.3/' });
        await belfry.reaches(await send(), 'webhook', ['failed', 'dead']);
        assert.equal(
            await total(belfry, 'ssrf_blocked_total', 'reason="address"'), 1);
        await belfry.put('/v1/users/u1', { webhook: 'http://127.0.0.1:25/' });
        await belfry.reaches(await send(), 'webhook', ['failed', 'dead']);
        assert.equal(
            await total(belfry, 'ssrf_blocked_total', 'reason="port"'), 1);
        assert.equal(hook.all.length, 0);
    });

    it('tell how long the database took to commit', async (t) => {
        const belfry = await started(t);
        const name = 'commit_duration_seconds_count';
        const before = await total(belfry, name);
        for (let i = 0; i < 5; i++)
            await belfry.put(`/v1/users/m${i}`, { email: `m${i}@example.org` });
        assert.ok(await total(belfry, name) >= before + 5);
        assert.ok(await total(belfry, name, 'op="object_put"') > 0);
    });
});
