// What is sent at a time of its own: not before it, soon after it, or never.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { receiver } from './lib/webhook.mjs';

const inMs = (ms) => new Date(Date.now() + ms).toISOString();

describe('send_at', { timeout: 120000 }, () => {
    let belfry, hook;

    before(async () => {
        hook = await receiver();
        belfry = await start({ roles: 'all' });
        await belfry.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook',
            config: { url: hook.url('/in'), secret: hook.secret } });
    });
    after(async () => {
        await belfry?.stop();
        await hook?.close();
    });

    const later = (ms, more) => belfry.want(202, 'POST', '/v1/notifications',
        { to: ['ada', 'bob'], title: 't', channels: ['in_app', 'webhook'],
            send_at: inMs(ms), ...more });
    const look = (id) => belfry.get(`/v1/notifications/${id}`);

    it('is kept, and within a second of its time', async () => {
        const due = Date.now() + 1500;
        const a = await later(1500);
        assert.equal(a.status, 'scheduled');
        const n = await look(a.id);
        assert.equal(n.status, 'scheduled');
        assert.deepEqual(n.deliveries, []);
        assert.equal((await belfry.settled(a.id)).counts.delivered, 4);
        const calls = hook.all.slice(-2);
        for (const c of calls)
            assert.ok(c.at >= due - 50 && c.at < due + 1000,
                `${c.at - due} ms after its time`);
        const steps = await belfry.trace(a.id);
        assert.deepEqual(steps.slice(0, 3).map((s) => [s.stage, s.reason]),
            [['accept', null], ['audience', null],
                ['schedule', 'schedule.future']]);
        assert.ok(steps.filter((s) => s.stage === 'decide')
            .every((s) => Date.parse(s.at) >= due - 50));
    });

    it('is now when it has passed', async () => {
        const a = await later(-60000);
        assert.equal(a.status, 'queued');
        assert.equal((await belfry.settled(a.id)).counts.delivered, 4);
    });

    it('is judged when it is due', async () => {
        const a = await later(1200, { category: 'news' });
        await belfry.put('/v1/users/ada/preferences',
            { categories: { news: { enabled: false } } });
        const n = await belfry.settled(a.id);
        assert.deepEqual(n.counts, { delivered: 2, suppressed: 2 });
    });

    it('outlives a kill', async () => {
        const due = Date.now() + 2500;
        const { id } = await later(2500);
        await belfry.kill9();
        await belfry.launch();
        assert.equal((await look(id)).status, 'scheduled');
        const n = await belfry.settled(id);
        assert.equal(n.counts.delivered, 4);
        assert.ok(Date.parse(n.deliveries[0].created_at) >= due - 50);
    });

    it('does not come once it is cancelled', async () => {
        const { id } = await later(3600000);
        await belfry.want(200, 'POST', `/v1/notifications/${id}/cancel`);
        const n = await look(id);
        assert.equal(n.status, 'cancelled');
        assert.deepEqual(n.deliveries, []);
    });

    it('may come too late', async () => {
        const a = await later(1000, { expires_at: inMs(500) });
        assert.deepEqual((await belfry.settled(a.id)).counts, { expired: 4 });
    });

    it('is told of in a dry run', async () => {
        const a = await belfry.want(200, 'POST', '/v1/notifications',
            { to: 'eve', title: 't', send_at: inMs(60000), dry_run: true });
        assert.deepEqual(a.plan.map((d) => [d.verdict, d.reason]),
            [['hold', 'schedule.future']]);
    });

    it('counts once under a dedup_key', async () => {
        const a = await later(3600000, { dedup_key: 'k' });
        const b = await belfry.want(200, 'POST', '/v1/notifications',
            { to: 'ada', title: 't', dedup_key: 'k', send_at: inMs(1000) });
        assert.equal(b.id, a.id);
        assert.equal(b.duplicate, true);
    });
});
