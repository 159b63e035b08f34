// Experiments: each user gets one variant, and counts are exact whatever dies.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { pause, until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

const names = (prefix, n) =>
    Array.from({ length: n }, (_, i) => `${prefix}${i}`);

const two = (more) => ({ variants: [
    { key: 'a', content: { default: { title: 'A', body: '{{user.id}}' } } },
    { key: 'b', content: { default: { title: 'B', body: '{{user.id}}' } } },
], ...more });

const put = (b, key, doc) => b.put(`/v1/experiments/${key}`, doc);

const results = (b, key) => b.get(`/v1/experiments/${key}/results`);

const inbox = async (b, user) =>
    (await b.get(`/v1/inbox?user=${user}`)).data;

const read = async (b, user) => {
    const [item] = await inbox(b, user);
    await b.post(`/v1/inbox/${item.id}/read?user=${user}`);
};

// What each variant should count, by what is in the inboxes.
const seen = async (b, users) => {
    const counts = { A: { assigned: 0, goal: 0 }, B: { assigned: 0, goal: 0 } };
    for (const user of users) {
        const items = await inbox(b, user);
        if (items.length === 0) continue;
        const [{ title }] = items;
        assert.ok(items.every((i) => i.title === title), user);
        counts[title].assigned++;
        counts[title].goal += items.some((i) => i.read_at !== null);
    }
    return [counts.A, counts.B];
};

const told = async (b, key) => (await results(b, key)).variants
    .map(({ assigned, goal }) => ({ assigned, goal }));

describe('experiment', { timeout: 240000 }, () => {
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

    it('is kept like any other configuration', async () => {
        const doc = two({ name: 'Two', holdout: 0.25, goal: 'paid',
            within: '1d', stop: { confidence: '0.9' } });
        const made = await belfry.want(201, 'PUT', '/v1/experiments/x1', doc);
        assert.equal(made.version, 1);
        const got = await belfry.get('/v1/experiments/x1');
        assert.deepEqual([got.key, got.holdout, got.variants, got.version],
            ['x1', 0.25, doc.variants, 1]);
        await belfry.want(200, 'PUT', '/v1/experiments/x1', got,
            { unchecked: true }); // with what an answer adds
        assert.equal((await belfry.api('PUT', '/v1/experiments/x1', doc,
            { headers: { 'If-Match': '"1"' } })).status, 412);
        assert.deepEqual((await belfry.get('/v1/experiments')).data
            .map((x) => x.key), ['x1']);
        await belfry.want(204, 'DELETE', '/v1/experiments/x1');
        await belfry.want(404, 'GET', '/v1/experiments/x1');
        await belfry.want(404, 'GET', '/v1/experiments/x1/results');
        const flag = { enabled: true, rollout: { percent: 5 } };
        await belfry.want(201, 'PUT', '/v1/flags/f1', flag);
        assert.deepEqual((await belfry.get('/v1/flags/f1')).rollout,
            flag.rollout);
        assert.deepEqual((await belfry.get('/v1/flags')).data
            .map((f) => f.key), ['f1']);
        const faults = async (more) => (await belfry.want(422, 'PUT',
            '/v1/flags/f2', { enabled: true, ...more })).errors
            .map((e) => e.pointer);
        assert.deepEqual(await faults({ rollout: { percent: 101 } }),
            ['/rollout/percent']);
        assert.deepEqual(await faults({ conditions: [{ flag: 'f1' },
            { path: 'user.x' }] }), ['/conditions/1/op']);
        await belfry.want(204, 'DELETE', '/v1/flags/f1');
    });

    it('is refused with a pointer to each fault', async () => {
        const p = await belfry.want(422, 'PUT', '/v1/experiments/bad', {
            holdout: 2, stop: { confidence: 1, expected: 2 },
            winner: 'c', variants: [
                { key: 'a', delay: '1h', send_time: '25:00' },
                { key: 'a', template: 'none', channels: ['smoke'] }] });
        assert.deepEqual(p.errors.map((e) => e.pointer).sort(), ['/holdout',
            '/stop/confidence', '/stop/expected',
            '/variants/0/send_time', '/variants/0/send_time',
            '/variants/1/channels/0', '/variants/1/key',
            '/variants/1/template', '/winner', '/within']);
        const large = await belfry.want(422, 'PUT', '/v1/experiments/bad',
            { variants: [{ key: 'a', content: { default:
                { body: 'x'.repeat(200000), html: 'x'.repeat(70000) } } }] });
        assert.deepEqual(large.errors.map((e) => e.pointer), ['/variants']);
        const many = names('v', 11).map((key) => ({ key }));
        const q = await belfry.want(422, 'PUT', '/v1/experiments/bad',
            { variants: many });
        assert.deepEqual(q.errors.map((e) => e.pointer), ['/variants']);
    });

    it('calls providers in the words of the variant, and counts that',
        async () => {
            await put(belfry, 'hooked', two({ goal: 'delivered' }));
            const users = names('h', 30);
            const id = await belfry.send({ to: users, title: 'old',
                channels: ['webhook'], experiment: 'hooked' });
            const n = await belfry.settled(id);
            assert.deepEqual(n.counts, { delivered: 30 });
            const calls = hook.all.filter((c) => c.json.notification_id === id);
            assert.deepEqual(calls.map((c) => c.json.user).sort(),
                [...users].sort());
            for (const c of calls) assert.equal(c.json.body, c.json.user);
            const count = (title) =>
                calls.filter((c) => c.json.title === title).length;
            const [a, b] = (await results(belfry, 'hooked')).variants;
            for (const [row, title] of [[a, 'A'], [b, 'B']])
                assert.deepEqual([row.assigned, row.delivered, row.goal,
                    row.rate], [count(title), count(title), count(title), 1]);
            assert.equal(a.assigned + b.assigned, 30);
            const decided = (await belfry.trace(id))
                .filter((s) => s.stage === 'decide');
            for (const s of decided)
                assert.deepEqual(s.detail, { experiment: 'hooked',
                    variant: calls.find((c) => c.json.user === s.user)
                        .json.title.toLowerCase() });
        });

    it('draws large audiences in the background, and holds some out',
        async () => {
            const users = names('many', 400);
            await belfry.want(200, 'POST', '/v1/users/bulk', { users:
                users.map((id) => ({ id, roles: ['many'] })) });
            await put(belfry, 'wide', two({ holdout: 0.2 }));
            const id = await belfry.send({ to: { roles: ['many'] },
                title: 'old', experiment: 'wide' });
            const n = await belfry.settled(id);
            const { delivered, suppressed } = n.counts;
            assert.equal(delivered + suppressed, 400);
            assert.ok(suppressed > 40 && suppressed < 120, `${suppressed}`);
            const r = await results(belfry, 'wide');
            assert.equal(r.holdout.assigned, suppressed);
            assert.deepEqual(r.variants.map((v) => v.assigned),
                (await seen(belfry, users)).map((v) => v.assigned));
        });

    it('counts what was read once, whoever asks at the same time',
        async () => {
            const users = names('r', 40);
            await put(belfry, 'reads', two());
            await belfry.send({ to: users, title: 'old', experiment: 'reads' });
            await belfry.send({ to: users, title: 'old', experiment: 'reads' });
            const some = users.slice(0, 25);
            await Promise.all([...some, ...some].map((u) => read(belfry, u)));
            const all = await seen(belfry, users);
            assert.equal(all[0].goal + all[1].goal, 25);
            assert.deepEqual(await told(belfry, 'reads'), all);
        });

    it('is exact whenever the server is killed', async () => {
        const users = names('k', 120);
        let isOver = false;
        await put(belfry, 'killed', two());
        // An answer that was lost may or may not have been stored.
        const client = async (mine) => {
            for (const user of mine) {
                if (isOver) return;
                try {
                    await belfry.send({ to: user, title: 'old',
                        experiment: 'killed' });
                    await read(belfry, user);
                } catch { await pause(30); }
            }
        };
        const clients = [0, 1, 2, 3].map((k) =>
            client(users.filter((_, i) => i % 4 === k)));
        for (let i = 0; i < 3; i++) {
            await pause(120 + 130 * i);
            await belfry.kill9();
            await belfry.restart();
        }
        await Promise.all(clients);
        isOver = true;
        const all = await seen(belfry, users);
        assert.ok(all[0].assigned + all[1].assigned > 20);
        assert.deepEqual(await told(belfry, 'killed'), all);
    });

    it('sends a later variant once, on time, and after a kill', async () => {
        const users = names('l', 20);
        await put(belfry, 'later', { variants: [
            { key: 'now', weight: 0 }, { key: 'later', delay: '2s' }] });
        const began = Date.now();
        const id = await belfry.send({ to: users, title: 'Later',
            experiment: 'later' });
        assert.deepEqual(await inbox(belfry, 'l0'), []);
        await belfry.kill9();
        await belfry.restart();
        const n = await belfry.settled(id);
        assert.ok(Date.now() - began >= 2000);
        assert.deepEqual(n.counts, { delivered: 20 });
        for (const user of users)
            assert.equal((await inbox(belfry, user)).length, 1, user);
        assert.deepEqual((await results(belfry, 'later')).variants
            .map((v) => v.assigned), [0, 20]);
    });

    it('counts events that come after the message', async () => {
        await put(belfry, 'events', two({ goal: 'paid' }));
        await belfry.post('/v1/events', { name: 'paid', user: 'e1' });
        await belfry.send({ to: ['e1', 'e2'], title: 'x',
            experiment: 'events' });
        const goals = async () => (await results(belfry, 'events')).variants
            .reduce((n, v) => n + v.goal, 0);
        assert.equal(await goals(), 0);
        await belfry.post('/v1/events', { name: 'paid', user: 'e1' });
        await belfry.post('/v1/events', { name: 'paid', user: 'e1' });
        assert.equal(await goals(), 1);
    });
});

describe('experiment on two nodes', { timeout: 120000 }, () => {
    it('counts each user once, wherever it was sent and read', async (t) => {
        const all = await nodes(t);
        const a = await all.start('all');
        const b = await all.start('all');
        const users = names('n', 60);
        await put(a, 'both', two());
        await until('both know of it', async () =>
            (await b.api('GET', '/v1/experiments/both/results')).status === 200,
        { timeout: 10000, every: 25 });
        const sends = [a, b, a, b].map((node, i) => node.send({
            to: i % 2 ? [...users].reverse() : users, title: 'x',
            experiment: 'both' }));
        await Promise.all(sends);
        const some = users.slice(0, 30);
        await Promise.all(some.flatMap((u) => [read(a, u), read(b, u)]));
        const want = await seen(a, users);
        assert.equal(want[0].assigned + want[1].assigned, 60);
        assert.equal(want[0].goal + want[1].goal, 30);
        assert.deepEqual(await told(a, 'both'), want);
        assert.deepEqual(await told(b, 'both'), want);
    });
});
