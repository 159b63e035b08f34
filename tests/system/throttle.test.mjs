// What a category lets each user have within a time: exact, however many ask at
// once and however many processes they ask.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { query } from './lib/postgres.mjs';
import { pause, until } from './lib/until.mjs';

const LIMIT = 5;
const UPKEEP_MS = 5000; // as in src/serve_upkeep.c

// {reason: how many} of the deliveries of these notifications.
async function reasons(belfry, ids) {
    const n = {};
    for (const id of ids)
        for (const d of (await belfry.settled(id)).deliveries)
            n[d.reason] = (n[d.reason] ?? 0) + 1;
    return n;
}

const times = (n, make) => Promise.all(Array.from({ length: n },
    (_, i) => make(i)));

describe('throttle', { timeout: 180000 }, () => {
    let belfry;

    before(async () => {
        belfry = await start({ roles: 'all' });
        await belfry.put('/v1/providers/mail',
            { channel: 'email', driver: 'null', config: {} });
        await belfry.put('/v1/categories/news',
            { throttle: { limit: LIMIT, per: '1h' } });
        await belfry.put('/v1/categories/brief',
            { throttle: { limit: 2, per: '3s' } });
        await belfry.put('/v1/categories/alarm',
            { critical: true, throttle: { limit: 1, per: '1h' } });
    });
    after(() => belfry?.stop());

    const send = (to, more) => belfry.send({ to, title: 't', category: 'news',
        ...more });

    it('shows as it was set', async () => {
        const c = await belfry.get('/v1/categories/news');
        assert.deepEqual(c.throttle, { limit: LIMIT, per: '1h' });
    });

    it('lets the limit out of 50 at once, on all channels of each',
        async () => {
            await belfry.put('/v1/users/ada', { email: 'ada@example.org' });
            const ids = await times(50, () => send('ada',
                { channels: ['in_app', 'email'] }));
            assert.deepEqual(await reasons(belfry, ids), {
                delivered: 2 * LIMIT,
                'throttle.per_user': 2 * (50 - LIMIT),
            });
            const inbox = await belfry.get('/v1/inbox?user=ada&limit=100');
            assert.equal(inbox.data.length, LIMIT);
        });

    it('is each user\'s own', async () => {
        const id = await send(['ada', 'bob']);
        assert.deepEqual(await reasons(belfry, [id]),
            { delivered: 1, 'throttle.per_user': 1 });
    });

    it('says so in the trace, and in a dry run, which takes nothing',
        async () => {
            const id = await send('ada');
            const steps = await belfry.trace(id);
            const [decision] = steps.filter((s) => s.stage === 'decide');
            assert.equal(decision.reason, 'throttle.per_user');
            for (let i = 0; i <= LIMIT; i++) {
                const a = await belfry.want(200, 'POST', '/v1/notifications',
                    { to: ['ada', 'dry'], title: 't', category: 'news',
                        dry_run: true });
                assert.deepEqual(a.plan.map((d) => d.reason),
                    ['throttle.per_user', null]);
            }
        });

    it('lets critical ones out and does not count them', async () => {
        const ids = await times(LIMIT + 3, (i) => (i % 2
            ? send('cyd', { priority: 'critical' })
            : send('cyd', { category: 'alarm' })));
        assert.deepEqual(await reasons(belfry, ids),
            { delivered: LIMIT + 3 });
        const more = await times(LIMIT + 1, () => send('cyd'));
        assert.deepEqual(await reasons(belfry, more),
            { delivered: LIMIT, 'throttle.per_user': 1 });
        assert.deepEqual(await reasons(belfry,
            [await send('cyd', { priority: 'critical' })]), { delivered: 1 });
    });

    it('does not count what a user has switched off', async () => {
        await belfry.want(200, 'PUT', '/v1/users/eve/preferences',
            { categories: { news: { enabled: false } } });
        const off = await times(LIMIT + 1, () => send('eve'));
        assert.deepEqual(await reasons(belfry, off),
            { 'pref.category_off': LIMIT + 1 });
        await belfry.want(200, 'PUT', '/v1/users/eve/preferences', {});
        const on = await times(LIMIT + 1, () => send('eve'));
        assert.deepEqual(await reasons(belfry, on),
            { delivered: LIMIT, 'throttle.per_user': 1 });
    });

    it('slides', async () => {
        const one = () => send('kit', { category: 'brief' });
        const reason = async (id) => (await belfry.settled(id))
            .deliveries[0].reason;
        assert.equal(await reason(await one()), 'delivered');
        await pause(1500);
        assert.equal(await reason(await one()), 'delivered');
        assert.equal(await reason(await one()), 'throttle.per_user');
        await pause(1700); // the first is out, and the second is not
        assert.equal(await reason(await one()), 'delivered');
        assert.equal(await reason(await one()), 'throttle.per_user');
    });

    it('counts a duplicate and a repeat once', async () => {
        const keyed = await times(20, async () => (await belfry.post(
            '/v1/notifications', { to: 'leo', title: 't', category: 'news',
                dedup_key: 'k' })).id);
        assert.equal(new Set(keyed).size, 1);
        const repeats = [];
        for (let i = 0; i < 10; i++)
            repeats.push(await belfry.send({ to: 'leo', title: 'r',
                category: 'news' }, { headers: { 'Idempotency-Key': 'leo' } }));
        assert.equal(new Set(repeats).size, 1);
        const rest = [];
        for (let i = 0; i < LIMIT; i++) rest.push(await send('leo'));
        assert.deepEqual(await reasons(belfry,
            [keyed[0], repeats[0], ...rest]),
        { delivered: LIMIT, 'throttle.per_user': 2 });
    });

    it('holds for what goes to everybody, and for a batch', async () => {
        await belfry.put('/v1/users/max', {});
        await belfry.put('/v1/users/mia', {});
        const batch = await belfry.want(200, 'POST',
            '/v1/notifications/batch', Array.from({ length: LIMIT + 2 },
                () => ({ to: 'max', title: 't', category: 'news' })));
        const ids = batch.results.map((r) => r.id);
        assert.deepEqual(await reasons(belfry, ids),
            { delivered: LIMIT, 'throttle.per_user': 2 });
        const all = await belfry.settled(await send({ all: true }));
        const by = Object.fromEntries(all.deliveries.map((d) =>
            [d.user, d.reason]));
        assert.equal(by.max, 'throttle.per_user');
        assert.equal(by.mia, 'delivered');
    });

    it('outlives the process', async () => {
        const before = await times(LIMIT, () => send('ned'));
        assert.deepEqual(await reasons(belfry, before), { delivered: LIMIT });
        await belfry.kill9();
        await belfry.launch();
        assert.deepEqual(await reasons(belfry, [await send('ned')]),
            { 'throttle.per_user': 1 });
    });

    it('is refused where it makes no sense', async () => {
        for (const [throttle, pointer] of [
            [{ limit: 0, per: '1h' }, '/throttle/limit'],
            [{ limit: 1001, per: '1h' }, '/throttle/limit'],
            [{ limit: '5', per: '1h' }, '/throttle/limit'],
            [{ per: '1h' }, '/throttle/limit'],
            [{ limit: 5 }, '/throttle/per'],
            [{ limit: 5, per: '500ms' }, '/throttle/per'],
            [{ limit: 5, per: '32d' }, '/throttle/per'],
            [{ limit: 5, per: 'often' }, '/throttle/per'],
            [{ limit: 5, per: '1h', pre: 1 }, '/throttle/pre'],
            ['5/h', '/throttle'],
        ]) {
            const a = await belfry.api('PUT', '/v1/categories/bad',
                { throttle }, { unchecked: true });
            assert.equal(a.status, 422, JSON.stringify(throttle));
            assert.deepEqual(a.body.errors.map((e) => e.pointer), [pointer]);
        }
        await belfry.want(404, 'GET', '/v1/categories/bad');
    });
});

describe('throttle by two processes', { timeout: 120000 }, () => {
    it('lets out no more than one would, and forgets what is over',
        async (t) => {
            const all = await nodes(t);
            const [one, two] = [await all.start('all'),
                await all.start('all')];
            await one.put('/v1/categories/news',
                { throttle: { limit: LIMIT, per: '3s' } });
            await until('both know it', async () => (await two.api('GET',
                '/v1/categories/news')).status === 200);
            const send = { to: ['u1', 'u2'], title: 't', category: 'news' };
            const ids = await times(50, (i) => [one, two][i % 2].send(send));
            assert.deepEqual(await reasons(one, ids), {
                delivered: 2 * LIMIT,
                'throttle.per_user': 2 * (50 - LIMIT),
            });
            const rows = async () => (await query(all.url,
                'SELECT FROM budget')).length;
            assert.equal(await rows(), 2);
            await until('they are gone', async () => await rows() === 0,
                { timeout: 3 * 3000 + 3 * UPKEEP_MS });
        });
});
