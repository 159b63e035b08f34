// Workflows: each recipient goes from step to step, once, whatever dies.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { pause, until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

const send = (id, more) => ({ id, type: 'send', channels: ['in_app'],
    title: id, ...more });

const put = (b, key, steps) =>
    b.put(`/v1/workflows/${key}`, { steps });

const run = (b, key, to, more) =>
    b.send({ workflow: key, to, ...more });

const look = (b, id) => b.get(`/v1/notifications/${id}`);

const inbox = async (b, user) =>
    (await b.get(`/v1/inbox?user=${user}`)).data.reverse();

const titles = async (b, user) =>
    (await inbox(b, user)).map((i) => i.title);

const reads = (b, user, n) => until(`${user} has ${n}`, async () => {
    const all = await titles(b, user);
    return all.length >= n ? all : null;
}, { timeout: 20000, every: 25 });

const done = (b, id) => b.settled(id, { timeout: 60000 });

// The verdicts of one user's steps, in order.
const way = async (b, id) => (await b.trace(id))
    .filter((s) => s.stage === 'workflow' && s.user)
    .map((s) => [s.detail.step, s.verdict]);

const waits = (b, id, step) => until(`${id} waits in ${step}`, async () =>
    (await way(b, id)).some(([s, v]) => s === step && v === 'wait'),
{ timeout: 20000, every: 25 });

const read = async (b, user) => {
    const key = await b.token(user);
    const [item] = await inbox(b, user);
    await b.want(200, 'POST', `/v1/inbox/${item.id}/read`, undefined, { key });
};

const unreadThenHook = (timeout) => [
    send('first'),
    { id: 'look', type: 'wait', for_event: 'read', timeout,
        then: [send('thanks')],
        else: [send('again', { channels: ['webhook'] })] },
];

describe('workflow', { timeout: 240000 }, () => {
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
        const doc = { name: 'Welcome', steps: [send('a')] };
        const made = await belfry.want(201, 'PUT', '/v1/workflows/w1', doc);
        assert.equal(made.version, 1);
        await belfry.want(200, 'PUT', '/v1/workflows/w1', doc);
        const got = await belfry.get('/v1/workflows/w1');
        assert.deepEqual([got.key, got.name, got.version, got.steps],
            ['w1', 'Welcome', 2, doc.steps]);
        assert.deepEqual((await belfry.get('/v1/workflows')).data
            .map((w) => w.key), ['w1']);
        await belfry.want(204, 'DELETE', '/v1/workflows/w1');
        await belfry.want(404, 'GET', '/v1/workflows/w1');
    });

    it('is refused with a pointer to each fault', async () => {
        const faults = async (...steps) => (await belfry.want(422, 'PUT',
            '/v1/workflows/bad', { steps })).errors.map((e) => e.pointer);
        assert.deepEqual(await faults(
            { type: 'send' },
            send('b', { channels: ['in_app', 'smoke'] }),
            send('c', { template: 't' }),
            { type: 'wait', for_event: 'read', timeout: '1m',
                else: [send('d', { title: 'x'.repeat(1025) })] },
            { type: 'delay' },
            { type: 'send', title: 't', to: 'u1' },
            send('e', { actions: [{ id: 'a', label: 'b',
                url: 'javascript:1' }] })),
        ['/steps/0', '/steps/1/channels/1', '/steps/2/template',
            '/steps/3/else/0/title', '/steps/4', '/steps/5/to',
            '/steps/6/actions/0/url']);
        assert.deepEqual(await faults({ type: 'sleep' }), ['/steps/0/type']);
        assert.deepEqual(await faults(
            { type: 'escalate', to: ['a'], every: '1m', title: 't',
                body: 7 }), ['/steps/0/body']);
        assert.deepEqual(await faults(), ['/steps']);
        await put(belfry, 'later', [{ type: 'send', template: 'to-come' }]);
    });

    it('must be there when it is sent, and stand alone', async () => {
        await put(belfry, 'one', [send('a')]);
        const faults = async (body) => (await belfry.want(422, 'POST',
            '/v1/notifications', { to: 'u', ...body })).errors
            .map((e) => e.pointer);
        assert.deepEqual(await faults({ workflow: 'none' }), ['/workflow']);
        assert.deepEqual(await faults({ workflow: 'one', title: 't',
            channels: ['in_app'] }), ['/channels', '/title']);
    });

    it('goes on by its timeout when nobody reads', async () => {
        await put(belfry, 'unread', unreadThenHook('1s'));
        const id = await run(belfry, 'unread', 'ada', { data: { n: 7 } });
        await waits(belfry, id, 'look');
        assert.equal((await look(belfry, id)).status, 'running');
        const call = await until('the hook is called', () =>
            hook.all.find((c) => c.json.notification_id === id));
        const [item] = await inbox(belfry, 'ada');
        const at = Date.parse(item.created_at);
        assert.ok(call.at >= at + 1000 - 20 && call.at < at + 2500,
            `${call.at - at} ms`);
        assert.deepEqual([call.json.title, call.json.data], ['again',
            { n: 7 }]);
        assert.equal(item.notification_id, id);
        const n = await done(belfry, id);
        assert.deepEqual(n.counts, { delivered: 2 });
        assert.deepEqual(n.deliveries.map((d) => [d.channel,
            d.notification_id]), [['in_app', id], ['webhook', id]]);
        assert.deepEqual(await way(belfry, id), [['first', 'send'],
            ['look', 'wait'], ['look', 'timeout'], ['again', 'send']]);
        const list = await belfry.get(
            `/v1/deliveries?notification_id=${id}`);
        assert.deepEqual(list.data.map((d) => d.channel),
            ['webhook', 'in_app']);
        const all = await belfry.get('/v1/notifications?limit=100');
        assert.equal(all.data.filter((x) => x.created_at >= n.created_at)
            .length, 1);
    });

    it('goes on at once when its item is read', async () => {
        await put(belfry, 'slow', unreadThenHook('1h'));
        const id = await run(belfry, 'slow', 'bob');
        await waits(belfry, id, 'look');
        await read(belfry, 'bob');
        const began = Date.now();
        assert.deepEqual(await reads(belfry, 'bob', 2), ['first', 'thanks']);
        assert.ok(Date.now() - began < 1000);
        await done(belfry, id);
        assert.deepEqual(await way(belfry, id), [['first', 'send'],
            ['look', 'wait'], ['look', 'event'], ['thanks', 'send']]);
    });

    it('waits for events of one\'s own, each user for theirs', async () => {
        await put(belfry, 'pay', [
            { id: 'paid', type: 'wait', for_event: 'paid', timeout: '1h',
                then: [send('thanks')] }]);
        const post = (user, name) => belfry.want(202, 'POST', '/v1/events',
            { user, name, data: { amount: '9.90' } });
        await post('cid', 'paid'); // too early
        const id = await run(belfry, 'pay', ['cid', 'dan']);
        await until('both wait', async () =>
            (await way(belfry, id)).length === 2);
        await post('cid', 'left');
        await post('dan', 'paid');
        assert.deepEqual(await reads(belfry, 'dan', 1), ['thanks']);
        await pause(300);
        assert.deepEqual(await titles(belfry, 'cid'), []);
        assert.equal((await look(belfry, id)).status, 'running');
        const event = await post('cid', 'paid');
        assert.match(event.id, /^evt_/);
        await done(belfry, id);
        assert.deepEqual(await titles(belfry, 'cid'), ['thanks']);
        const p = await belfry.want(422, 'POST', '/v1/events', { name: 'x' });
        assert.equal(p.errors[0].pointer, '/user');
    });

    it('branches on what was sent and who it is', async () => {
        await belfry.put('/v1/users/eve', { attributes: { plan: 'gold' } });
        await put(belfry, 'fork', [
            { type: 'branch', if: { path: 'data.total', op: 'gt',
                value: '99.90' }, then: [send('large')],
            else: [send('small')] },
            { type: 'branch', if: { path: 'user.attributes.plan', op: 'eq',
                value: 'gold' }, then: [send('gold')] }]);
        await done(belfry, await run(belfry, 'fork', { recipients: [
            { id: 'eve', data: { total: '100' } }, { id: 'fay' }] },
        { data: { total: '5' } }));
        assert.deepEqual(await titles(belfry, 'eve'), ['large', 'gold']);
        assert.deepEqual(await titles(belfry, 'fay'), ['small']);
    });

    it('sends as any send: templates, preferences', async () => {
        await belfry.put('/v1/templates/hi', { content: { default: {
            title: 'Hi {{name}}' } } });
        await belfry.put('/v1/users/gil/preferences',
            { channels: { webhook: false } });
        await put(belfry, 'hello', [{ type: 'send', template: 'hi',
            channels: ['in_app', 'webhook'] }]);
        const n = await done(belfry, await run(belfry, 'hello', 'gil',
            { data: { name: 'Gil' } }));
        assert.deepEqual(n.counts, { delivered: 1, suppressed: 1 });
        assert.deepEqual(await titles(belfry, 'gil'), ['Hi Gil']);
    });

    it('says so when a template never came', async () => {
        const n = await done(belfry, await run(belfry, 'later', 'hal'));
        assert.deepEqual(n.deliveries.map((d) => [d.status, d.reason]),
            [['failed', 'render.error']]);
    });

    it('keeps to the version that it began with', async () => {
        await put(belfry, 'v', [{ id: 'go', type: 'wait', for_event: 'go',
            timeout: '1h' }, send('old')]);
        const id = await run(belfry, 'v', 'ina');
        await waits(belfry, id, 'go');
        await put(belfry, 'v', [send('new')]);
        await belfry.want(204, 'DELETE', '/v1/workflows/v');
        await belfry.want(202, 'POST', '/v1/events', { user: 'ina',
            name: 'go' });
        await done(belfry, id);
        assert.deepEqual(await titles(belfry, 'ina'), ['old']);
    });

    it('is stopped by a cancellation, and by a key', async () => {
        const stop = (id) => belfry.want(200, 'POST',
            `/v1/notifications/${id}/cancel`);
        const id = await run(belfry, 'slow', ['jim', 'kay']);
        await reads(belfry, 'kay', 1);
        await reads(belfry, 'jim', 1);
        assert.equal((await stop(id)).stopped, 2);
        assert.equal((await look(belfry, id)).status, 'cancelled');
        await read(belfry, 'jim');
        const other = await run(belfry, 'slow', 'lea', { cancel_key: 'k' });
        await reads(belfry, 'lea', 1);
        const a = await belfry.want(200, 'POST', '/v1/cancel',
            { cancel_key: 'k' });
        assert.deepEqual([a.notifications, a.stopped], [1, 1]);
        assert.equal((await look(belfry, other)).status, 'cancelled');
        await pause(300);
        assert.deepEqual(await titles(belfry, 'jim'), ['first']);
    });

    it('is told of in a dry run', async () => {
        await put(belfry, 'dry', [{ type: 'branch', if: { path: 'data.n',
            op: 'eq', value: 1 }, then: [send('one')],
        else: [{ type: 'delay', for: '1h' }] }]);
        const plan = async (n) => (await belfry.want(200, 'POST',
            '/v1/notifications', { workflow: 'dry', to: 'moe', data: { n },
                dry_run: true })).plan.map((d) => [d.user, d.channel,
            d.verdict, d.rendered.title]);
        assert.deepEqual(await plan(1), [['moe', 'in_app', 'send', 'one']]);
        assert.deepEqual(await plan(2), []);
        const told = await belfry.cli(['send', 'moe', '--workflow', 'dry',
            '--data', 'n:=2', '--dry-run']);
        assert.equal(told.code, 0, told.stderr);
        assert.match(told.stdout, /^step \S+  else\nstep \S+  wait  until 20/);
        assert.deepEqual(await titles(belfry, 'moe'), []);
    });

    it('asks one after the other until somebody reads', async () => {
        await belfry.want(200, 'POST', '/v1/users/bulk', { users: [
            { id: 'on1', roles: ['oncall'] }, { id: 'on2', roles: ['oncall'] },
            { id: 'on3', roles: ['oncall'] }] });
        await put(belfry, 'page', [{ id: 'e', type: 'escalate',
            to: ['boss', 'role:oncall'], every: '1s', title: 'Fire',
            then: [send('they-come')], else: [send('nobody')] }]);
        const id = await run(belfry, 'page', 'uma');
        await reads(belfry, 'on2', 1);
        await read(belfry, 'on2');
        await done(belfry, id);
        for (const user of ['boss', 'on1', 'on2'])
            assert.deepEqual(await titles(belfry, user), ['Fire'], user);
        assert.deepEqual(await titles(belfry, 'on3'), []);
        assert.deepEqual(await titles(belfry, 'uma'), ['they-come']);
        assert.deepEqual((await way(belfry, id)).map(([, v]) => v), ['send',
            'wait', 'timeout', 'send', 'wait', 'timeout', 'send', 'wait',
            'event', 'send']);
    });

    it('calls a URL for what it goes by', async () => {
        await belfry.put('/v1/templates/price', { content: { default:
            { title: '{{fetch.item.name}}' } } });
        hook.script('/items/a%2Fb', [503, { status: 200,
            headers: { 'Content-Type': 'application/json' },
            body: '{"name":"Lamp","stock":3}' }]);
        const url = hook.url('/items/') + '{{item}}';
        await put(belfry, 'fetches', [
            { type: 'fetch', as: 'item', url,
                headers: { Authorization: 'Bearer very-secret' } },
            { type: 'branch', if: { path: 'fetch.item.stock', op: 'lt',
                value: 5 }, then: [send('low', { title: undefined,
                template: 'price' })] }]);
        const id = await run(belfry, 'fetches', 'pat',
            { data: { item: 'a/b' } });
        await until('the first call', () =>
            hook.all.some((c) => c.path === '/items/a%2Fb'));
        await belfry.kill9();
        await belfry.restart();
        await done(belfry, id);
        assert.deepEqual(await titles(belfry, 'pat'), ['Lamp']);
        const calls = hook.all.filter((c) => c.path === '/items/a%2Fb');
        assert.ok(calls.length >= 2, `${calls.length} calls`);
        assert.deepEqual([calls[0].method, calls[0].headers.authorization],
            ['GET', 'Bearer very-secret']);
        assert.ok(!belfry.stderr.includes('very-secret'));
        const shown = await belfry.get('/v1/workflows/fetches');
        assert.equal(shown.steps[0].headers.Authorization, '***');
        assert.ok(!JSON.stringify(await look(belfry, id))
            .includes('very-secret'));
        await put(belfry, 'fetches', shown.steps); // keeps it
        hook.script('/items/c', [{ status: 200,
            headers: { 'Content-Type': 'application/json' }, body: '{}' }]);
        await done(belfry, await run(belfry, 'fetches', 'rob',
            { data: { item: 'c' } }));
        const [again] = hook.all.filter((c) => c.path === '/items/c');
        assert.equal(again.headers.authorization, 'Bearer very-secret');
        shown.steps[0].url = 'http://localhost:1/';
        const no = await belfry.api('PUT', '/v1/workflows/fetches',
            { steps: shown.steps });
        assert.equal(no.status, 422, no.text);
        assert.ok(no.body.errors.some((e) =>
            e.pointer === '/steps/0/headers/Authorization'), no.text);
    });

    it('goes another way where a URL brings nothing', async () => {
        hook.script('/none', [404]);
        await put(belfry, 'fetchless', [{ type: 'fetch', as: 'x',
            url: hook.url('/none'), method: 'POST', body: '{"a":1}',
            else: [send('without')] }]);
        const id = await run(belfry, 'fetchless', 'quinn');
        await done(belfry, id);
        assert.deepEqual(await titles(belfry, 'quinn'), ['without']);
        const [call] = hook.all.filter((c) => c.path === '/none');
        assert.deepEqual([call.method, call.body,
            call.headers['content-type']], ['POST', '{"a":1}',
            'application/json']);
        const [failed] = (await belfry.trace(id)).filter((s) =>
            s.verdict === 'failed');
        assert.equal(failed.reason, 'fetch.failed');
    });

    it('calls no address that the server may not', async () => {
        const shut = await start({ env: { BELFRY_EGRESS_ALLOW: undefined } });
        try {
            const p = await shut.want(422, 'PUT', '/v1/workflows/inside',
                { steps: [{ type: 'branch', if: { path: 'data.a',
                    op: 'exists' }, then: [{ type: 'fetch', as: 'x',
                    url: 'http://127.0.0.1/{{a}}' }] }] });
            assert.equal(p.errors[0].pointer, '/steps/0/then/0/url');
            assert.match(p.errors[0].detail, /BELFRY_EGRESS_ALLOW/);
            await put(shut, 'named', [{ type: 'fetch', as: 'x',
                url: hook.url('/secret').replace('127.0.0.1',
                    'localtest.invalid') }, send('on')]);
            const id = await run(shut, 'named', 'ray');
            await until('it is tried', async () =>
                (await look(shut, id)).status === 'running');
            assert.ok(!hook.all.some((c) => c.path === '/secret'));
        } finally {
            await shut.stop();
        }
    });

    it('reaches everybody of a large audience', async () => {
        const users = Array.from({ length: 300 }, (_, i) =>
            ({ id: `many${i}`, roles: ['many'] }));
        await belfry.want(200, 'POST', '/v1/users/bulk', { users });
        await put(belfry, 'wide', [send('a'), { type: 'delay', for: '1s' },
            send('b')]);
        const n = await done(belfry, await run(belfry, 'wide',
            { roles: ['many'] }));
        assert.deepEqual(n.counts, { delivered: 600 });
    });

    it('sends each step once, whenever it is killed', async () => {
        await put(belfry, 'killed', [send('a'), send('b'),
            { type: 'delay', for: '1s' }, send('c'), { type: 'wait',
                for_event: 'never', timeout: '1s', else: [send('d')] }]);
        const users = Array.from({ length: 40 }, (_, i) => `k${i}`);
        const id = await run(belfry, 'killed', users);
        for (let i = 0; i < 5; i++) {
            await pause(150 + 170 * i);
            await belfry.kill9();
            await belfry.restart();
        }
        const n = await done(belfry, id);
        assert.deepEqual(n.counts, { delivered: 160 });
        for (const user of users)
            assert.deepEqual(await titles(belfry, user),
                ['a', 'b', 'c', 'd'], user);
    });

    it('collects, and goes on once, whenever it is killed', async () => {
        await belfry.put('/v1/templates/sum', { content: { default:
            { title: '{{count}}: {{#items}}{{n}}{{/items}}' } } });
        await put(belfry, 'gathers', [
            { id: 'd', type: 'digest', window: '4s' },
            { type: 'send', channels: ['in_app'], template: 'sum' }]);
        const users = Array.from({ length: 30 }, (_, i) => `g${i}`);
        const ids = [];
        for (const n of [1, 2, 3])
            ids.push(await run(belfry, 'gathers', users, { data: { n } }));
        for (let i = 0; i < 4; i++) {
            await pause(100 + 300 * i);
            await belfry.kill9();
            await belfry.restart();
        }
        for (const id of ids)
            await done(belfry, id);
        for (const user of users) {
            const [title, ...others] = await titles(belfry, user);
            assert.match(title, /^3: [123]{3}$/, user);
            assert.deepEqual(others, [], user);
        }
        const merged = (await belfry.trace(ids[2])).filter((s) =>
            s.stage === 'workflow' && s.user === 'g0').at(-1);
        assert.deepEqual([merged.verdict, merged.reason], ['merged',
            'digest.merged_into']);
    });
});

describe('workflow on two nodes', { timeout: 120000 }, () => {
    it('hears of events on the other one', async (t) => {
        const all = await nodes(t);
        const a = await all.start('all');
        const b = await all.start('api');
        await put(a, 'far', unreadThenHook('1h'));
        const id = await run(b, 'far', 'ada');
        await waits(a, id, 'look');
        await read(b, 'ada');
        const began = Date.now();
        assert.deepEqual(await reads(b, 'ada', 2), ['first', 'thanks']);
        assert.ok(Date.now() - began < 2000);
        await done(a, id);
    });
});
