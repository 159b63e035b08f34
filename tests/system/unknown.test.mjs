// What becomes of a message that may have been sent: as its category says.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { pause } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

describe('a call whose answer did not come', { timeout: 120000 }, () => {
    let belfry, hook;

    before(async () => {
        hook = await receiver();
        belfry = await start({ roles: 'all' });
        for (const [order, name] of [[1, 'first'], [2, 'second']])
            await belfry.put(`/v1/providers/${name}`, {
                channel: 'webhook', driver: 'webhook', order,
                retry: { strategy: 'fixed', base: '200ms', attempts: 5 },
                config: { url: hook.url(`/${name}`), secret: hook.secret },
            });
        await belfry.put('/v1/categories/held', { unknown: 'hold' });
        await belfry.put('/v1/categories/again', { unknown: 'resend' });
    });
    after(async () => {
        await belfry?.stop();
        await hook?.close();
    });

    const send = (category) => belfry.send({ to: 'ada', title: 't',
        channels: ['webhook'], category });
    const calls = (id) => ['/first', '/second'].map((path) => hook.calls(path)
        .filter((c) => c.json.notification_id === id).length);
    const act = (id, what, status) => belfry.want(status, 'POST',
        `/v1/deliveries/${id}/${what}`);

    it('is made again at the same provider', async () => {
        hook.script('/first', ['close']);
        const id = await send('other');
        const d = await belfry.reaches(id, 'webhook', 'delivered');
        assert.deepEqual(d.log.map((a) => a.verdict),
            ['unknown', 'delivered']);
        assert.deepEqual(calls(id), [2, 0]);
    });

    it('is made by another where the category says resend', async () => {
        hook.script('/first', ['close']);
        const id = await send('again');
        const d = await belfry.reaches(id, 'webhook', 'delivered');
        assert.equal(d.provider, 'second');
        assert.deepEqual(calls(id), [1, 1]);
    });

    it('is held where it says hold, and a person retries it', async () => {
        hook.script('/first', ['close']);
        const id = await send('held');
        const d = await belfry.reaches(id, 'webhook', 'held');
        assert.equal(d.reason, 'unknown.held');
        await pause(1000);
        assert.deepEqual(calls(id), [1, 0]);
        const n = await belfry.get(`/v1/notifications/${id}`);
        assert.equal(n.status, 'held');
        const steps = (await belfry.trace(id)).slice(2);
        assert.deepEqual(steps.map((s) => [s.stage, s.verdict, s.reason]), [
            ['decide', 'send', null], ['attempt', 'unknown', null],
            ['hold', 'held', 'unknown.held']]);
        const { data } = await belfry.get('/v1/deliveries?status=held');
        assert.deepEqual(data.map((x) => x.id), [d.id]);
        await act(d.id, 'discard', 409);
        await belfry.kill9();
        await belfry.launch();
        await pause(500);
        assert.deepEqual(calls(id), [1, 0]);
        await act(d.id, 'retry', 202);
        const e = await belfry.reaches(id, 'webhook', 'delivered');
        assert.equal(e.attempts, 2);
        await act(d.id, 'retry', 409);
    });

    it('is held until it is cancelled', async () => {
        hook.script('/first', ['close', 'close']);
        const one = await send('held');
        const d = await belfry.reaches(one, 'webhook', 'held');
        await act(d.id, 'cancel', 202);
        assert.equal((await belfry.delivery(one, 'webhook')).status,
            'cancelled');
        const two = await send('held');
        await belfry.reaches(two, 'webhook', 'held');
        await belfry.want(200, 'POST', `/v1/notifications/${two}/cancel`);
        assert.equal((await belfry.delivery(two, 'webhook')).status,
            'cancelled');
        assert.deepEqual(calls(two), [1, 0]);
    });

    it('has no third way', async () => {
        const a = await belfry.api('PUT', '/v1/categories/bad',
            { unknown: 'drop' }, { unchecked: true });
        assert.equal(a.status, 422);
        assert.deepEqual(a.body.errors.map((e) => e.pointer), ['/unknown']);
    });
});
