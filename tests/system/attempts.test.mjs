// What is kept of each call to a provider: what it cost, if it worked; how it
// went out, if it did not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { started } from './lib/belfry.mjs';
import { receiver } from './lib/webhook.mjs';

const RETRY = { strategy: 'fixed', base: '100ms', attempts: 5 };

async function withHook(t, more = {}) {
    const hook = await receiver();
    t.after(() => hook.close());
    const belfry = await started(t);
    const put = (extra) => belfry.put('/v1/providers/hook', {
        channel: 'webhook', driver: 'webhook', retry: RETRY,
        config: { url: hook.url('/in'), secret: hook.secret }, ...extra,
    });
    await put(more);
    const send = () => belfry.send({ to: 'u1', title: 'x',
        channels: ['webhook'] });
    return { hook, belfry, put, send };
}

const costs = async (belfry) => Object.fromEntries([...(await belfry.api('GET',
    '/metrics', undefined, { unchecked: true })).text.matchAll(
    /delivery_cost_total\{.*provider="hook",currency="(\w+)"\} (\S+)/g)]
    .map((m) => [m[1], m[2]]));

describe('an attempt', { timeout: 120000 }, () => {
    it('that worked tells what it cost then, to the last digit', async (t) => {
        const { belfry, put, send } = await withHook(t,
            { cost: { amount: '0.00750', currency: 'USD' } });
        const id = await send();
        const d = await belfry.reaches(id, 'webhook', 'delivered');
        const cost = { amount: '0.00750', currency: 'USD' };
        assert.deepEqual(d.log[0].cost, cost);
        assert.equal(d.log[0].request, null);
        const step = (await belfry.trace(id)).find((s) =>
            s.stage === 'attempt');
        assert.deepEqual(step.detail.cost, cost);
        assert.deepEqual(await costs(belfry), { USD: '0.0075' });

        await put({ cost: { amount: 0.1, currency: 'EUR' } });
        const other = await belfry.reaches(await send(), 'webhook',
            'delivered');
        assert.deepEqual(other.log[0].cost, { amount: '0.1', currency: 'EUR' });
        const again = await belfry.get(`/v1/deliveries/${d.id}`);
        assert.deepEqual(again.log[0].cost, cost, 'as it was then');
        assert.deepEqual(await costs(belfry), { USD: '0.0075', EUR: '0.1' });

        await put({});
        const free = await belfry.reaches(await send(), 'webhook',
            'delivered');
        assert.equal(free.log[0].cost, null);
    });

    it('that failed costs nothing, and tells how it went out', async (t) => {
        const { hook, belfry, send } = await withHook(t,
            { cost: { amount: '1', currency: 'JPY' } });
        hook.script('/in', [500]);
        const id = await send();
        const d = await belfry.reaches(id, 'webhook', 'delivered');
        assert.equal(d.log[0].cost, null);
        const [call] = hook.calls('/in');
        assert.deepEqual(d.log[0].request, { method: 'POST',
            host: `127.0.0.1:${hook.port}`, path: '/in',
            size: Buffer.byteLength(call.body), key: d.id });
        const step = (await belfry.trace(id)).find((s) =>
            s.stage === 'attempt');
        assert.deepEqual(step.detail.request, d.log[0].request);
        const [process_] = (await belfry.get('/v1/system/processors')).data;
        assert.equal(step.detail.node, process.env
            .BELFRY_TEST_DATABASE === 'postgres' ? process_.node : null);
        assert.deepEqual(d.log[1].cost, { amount: '1', currency: 'JPY' });
        assert.deepEqual(await costs(belfry), { JPY: '1' });
    });

    it("does not tell a user's own address", async (t) => {
        const { hook, belfry, send } = await withHook(t);
        await belfry.put('/v1/users/u1',
            { webhook: hook.url('/mine/canary?token=canary') });
        hook.script('/mine/canary?token=canary', [404]);
        const d = await belfry.reaches(await send(), 'webhook', 'delivered');
        assert.equal(d.log[0].request.path, '/***/***');
        assert.ok(!JSON.stringify(d.log).includes('canary'));
    });

    it('costs only what is an amount of a currency', async (t) => {
        const { belfry } = await withHook(t);
        for (const [cost, pointer] of [
            [{ amount: '-1', currency: 'USD' }, '/cost/amount'],
            [{ amount: '1e3', currency: 'USD' }, '/cost/amount'],
            [{ amount: '0.0000000001', currency: 'USD' }, '/cost/amount'],
            [{ amount: '1000001', currency: 'USD' }, '/cost/amount'],
            [{ amount: '1', currency: 'usd' }, '/cost/currency'],
            [{ amount: '1' }, '/cost/currency'],
        ]) {
            const a = await belfry.api('PUT', '/v1/providers/n',
                { channel: 'sms', driver: 'null', cost });
            assert.equal(a.status, 422, JSON.stringify(cost));
            assert.ok(a.body.errors.some((e) => e.pointer === pointer), a.text);
        }
    });
});
