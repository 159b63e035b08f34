// To everybody: planned in chunks, behind the answer, and each once whatever
// dies meanwhile.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';

const USERS = 5000;

async function withUsers(t, n) {
    const b = await start({ roles: 'all' });
    t.after(() => b.stop());
    await b.put('/v1/providers/hook', { channel: 'webhook', driver: 'null',
        config: {} });
    for (let from = 0; from < n; from += 1000)
        await b.post('/v1/users/bulk', { users: Array.from(
            { length: Math.min(1000, n - from) },
            (_, i) => ({ id: `u${from + i}` })) });
    return b;
}

const audience = async (b, id) => (await b.trace(id))
    .find((s) => s.stage === 'audience').detail;

const sum = (n) => Object.values(n.counts).reduce((a, c) => a + c, 0);

async function usersOf(b, id, channel) {
    const users = [];
    let next = '';
    do {
        const page = await b.get(`/v1/deliveries?notification_id=${id}` +
            `&channel=${channel}&limit=100${next && `&after=${next}`}`,
        { unchecked: true });
        users.push(...page.data.map((d) => d.user));
        next = page.next;
    } while (next);
    return users;
}

describe('to all', { timeout: 240000 }, () => {
    it('reaches each user once though it is killed on the way', async (t) => {
        const b = await withUsers(t, USERS);
        const id = await b.send({ title: 't', to: { all: true,
            exclude: ['u7'], users: ['nobody', 'u9'] },
        channels: ['in_app', 'webhook'] });
        const first = await b.get(`/v1/notifications/${id}`);
        assert.match(first.status, /^(queued|running)$/);
        const { recipients, ...more } = await until('it has begun',
            async () => {
                const told = await audience(b, id);
                return told.recipients > 500 && told;
            }, { every: 5 });
        assert.deepEqual(more, { all: true, planning: true });
        t.diagnostic(`killed after ${recipients} of ${USERS}`);
        await b.kill9();
        await b.launch();
        const n = await b.settled(id, { timeout: 90000 });
        assert.equal(n.counts.delivered, 2 * USERS);
        assert.deepEqual(await audience(b, id),
            { all: true, recipients: USERS, planning: false });
        for (const channel of ['in_app', 'webhook']) {
            const users = await usersOf(b, id, channel);
            assert.equal(users.length, USERS);
            assert.equal(new Set(users).size, USERS);
            assert.ok(!users.includes('u7') && users.includes('nobody'));
        }
    });

    it('takes keys as any other send, and stops when it is cancelled',
        async (t) => {
            const b = await withUsers(t, 3000);
            const body = { title: 't', to: { all: true }, dedup_key: 'k' };
            const headers = { 'Idempotency-Key': 'once' };
            const a = await b.want(202, 'POST', '/v1/notifications', body,
                { headers });
            assert.equal(a.status, 'queued');
            assert.equal((await b.want(202, 'POST', '/v1/notifications', body,
                { headers })).id, a.id);
            assert.equal((await b.want(200, 'POST', '/v1/notifications', body))
                .id, a.id);
            await b.post(`/v1/notifications/${a.id}/cancel`, {});
            const n = await b.get(`/v1/notifications/${a.id}`);
            assert.equal(n.status, 'cancelled');
            const told = sum(n);
            await new Promise((done) => setTimeout(done, 300));
            assert.equal(sum(await b.get(`/v1/notifications/${a.id}`)), told);
            assert.deepEqual(await audience(b, a.id),
                { all: true, recipients: told, planning: false });
        });

    it('plans as for named users on dry_run, refused ones too', async (t) => {
        const b = await withUsers(t, 150);
        const ask = (to, channels) => b.want(200, 'POST', '/v1/notifications',
            { title: 't', to, channels, dry_run: true });
        const users = Array.from({ length: 150 }, (_, i) => `u${i}`).sort();
        for (const channels of [['email'], ['in_app', 'webhook']]) {
            const named = await ask(users.slice(0, 100), channels);
            const all = await ask({ all: true }, channels);
            assert.deepEqual(all, { ...named, has_more: true });
            assert.ok(channels[0] !== 'email' ||
                all.plan.every((p) => p.verdict === 'skip'));
        }
        const rest = await ask({ all: true, users: ['u9', 'nobody'],
            exclude: users.slice(0, 120) }, ['in_app']);
        assert.equal(rest.has_more, false);
        assert.deepEqual(rest.plan.map((p) => p.user),
            ['u9', 'nobody', ...users.slice(120).filter((u) => u !== 'u9')]);
        assert.deepEqual((await b.get('/v1/notifications')).data, []);
    });

    it('is done at once where there is nobody', async (t) => {
        const b = await withUsers(t, 0);
        assert.deepEqual(await b.want(200, 'POST', '/v1/notifications',
            { title: 't', to: { all: true }, dry_run: true }),
        { plan: [], has_more: false });
        await b.settled(await b.send({ title: 't', to: { all: true } }));
    });
});
