// What was sent with one key is stopped together, as far as it can be.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';

const inMs = (ms) => new Date(Date.now() + ms).toISOString();

describe('cancel_key', { timeout: 120000 }, () => {
    let b;

    before(async () => {
        b = await start({ roles: 'all' });
        await b.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'null', config: {} });
        const hhmm = (ms) => inMs(ms).slice(11, 16);
        await b.put('/v1/users/night/preferences', { quiet_hours: {
            start: hhmm(-3600000), end: hhmm(3600000), timezone: 'UTC' } });
    });
    after(() => b?.stop());

    const cancel = (key, options) => b.want(200, 'POST', '/v1/cancel',
        { cancel_key: key }, options);
    const send = (key, more, options) => b.send({ to: 'ada', title: 't',
        cancel_key: key, ...more }, options);
    const status = async (id) =>
        (await b.get(`/v1/notifications/${id}`)).status;

    it('stops what waits, and what is held', async () => {
        const done = await send('order-7', { to: ['ada', 'bob'] });
        await b.settled(done);
        const later = await send('order-7', { send_at: inMs(3600000) });
        const held = await send('order-7', { to: 'night',
            channels: ['in_app', 'webhook'] });
        const other = await send('order-8', { send_at: inMs(3600000) });
        assert.deepEqual(await cancel('order-7'), { cancel_key: 'order-7',
            notifications: 2, stopped: 1, not_stopped: 1, more: false,
            continues: false });
        assert.equal(await status(later), 'cancelled');
        assert.equal(await status(held), 'cancelled');
        assert.equal(await status(done), 'done');
        assert.equal(await status(other), 'scheduled');
        const n = await b.get(`/v1/notifications/${held}`);
        assert.deepEqual(n.counts, { cancelled: 1, delivered: 1 });
        assert.equal((await cancel('order-7')).notifications, 0);
        assert.equal((await cancel('none')).stopped, 0);
    });

    it('says when there are more', async () => {
        const body = Array.from({ length: 130 }, () => ({ to: 'ada',
            title: 't', cancel_key: 'many', send_at: inMs(3600000) }));
        await b.post('/v1/notifications/batch', body);
        const first = await cancel('many');
        assert.deepEqual([first.notifications, first.more], [100, true]);
        const out = await b.cli(['cancel', '--cancel-key', 'many']);
        assert.equal(out.code, 0);
        assert.equal((await cancel('many')).notifications, 0);
    });

    it('is a workspace\'s own', async () => {
        await b.put('/v1/workspaces/w2', { name: 'w2' });
        const id = await send('shared', { send_at: inMs(3600000) });
        assert.equal((await cancel('shared', { workspace: 'w2' }))
            .notifications, 0);
        assert.equal(await status(id), 'scheduled');
    });

    it('outlives a kill', async () => {
        const id = await send('kept', { send_at: inMs(3600000) });
        await b.kill9();
        await b.restart();
        assert.equal((await cancel('kept')).notifications, 1);
        assert.equal(await status(id), 'cancelled');
    });

    it('is refused where it cannot be one', async () => {
        for (const [key, path] of [['', '/v1/cancel'], [7, '/v1/cancel'],
            ['x'.repeat(256), '/v1/cancel'], [undefined, '/v1/cancel'],
            ['', '/v1/notifications'], [['a'], '/v1/notifications']]) {
            const a = await b.want(422, 'POST', path, path === '/v1/cancel'
                ? { cancel_key: key } : { to: 'ada', title: 't',
                    cancel_key: key });
            assert.equal(a.errors[0].pointer, '/cancel_key');
        }
    });
});
