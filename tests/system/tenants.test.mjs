// Two workspaces with the same names in them: neither can tell that the other
// is there, on any route of the document.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { Source } from './lib/sse.mjs';

// What anybody is told of an id that is nobody's here.
const NOTHING =
    /^(404|405|422|200 .*("data":\[\]|"rows":0|"version":[01],))/;

describe('two workspaces', { timeout: 120000 }, () => {
    let belfry;
    const ws = {};

    async function furnish(name) {
        await belfry.api('PUT', `/v1/workspaces/${name}`, {},
            { unchecked: true });
        const made = await belfry.want(201, 'POST', '/v1/keys',
            { name: `all of ${name}`,
                scopes: ['send', 'read', 'write', 'admin'] },
            { workspace: name });
        const key = made.key ?? made.token;
        const w = { name, key, keyId: made.id };
        await belfry.put('/v1/users/ada',
            { email: `ada@${name}.example`, roles: ['r'] }, { key });
        await belfry.put(`/v1/users/only-${name}`, {}, { key });
        for (const topic of ['t', `only-${name}`])
            await belfry.post(`/v1/topics/${topic}/subscribers`,
                { add: ['ada', `only-${name}`] }, { key });
        await belfry.put('/v1/templates/t',
            { content: { default: { title: `of ${name}` } } }, { key });
        await belfry.put('/v1/providers/p', { channel: 'webhook',
            driver: 'null', config: {} }, { key });
        await belfry.put(`/v1/providers/p-${name}`, { channel: 'log_file',
            driver: 'null', config: {} }, { key });
        w.notification = await belfry.send({ to: 'ada', template: 't',
            channels: ['in_app', 'webhook'], dedup_key: 'same' }, { key });
        const n = await belfry.settled(w.notification, { key });
        w.delivery = n.deliveries.find((d) => d.channel === 'webhook').id;
        w.token = await belfry.token('ada', { key });
        const inbox = await belfry.get('/v1/inbox', { key: w.token });
        w.item = inbox.data[0].id;
        ws[name] = w;
    }

    before(async () => {
        belfry = await start();
        await furnish('left');
        await furnish('right');
    });
    after(() => belfry?.stop());

    it('accept the same dedup_key each', () => {
        assert.notEqual(ws.left.notification, ws.right.notification);
    });

    it('list their own only', async () => {
        for (const [mine, other] of [['left', 'right'], ['right', 'left']]) {
            for (const route of ['/v1/notifications', '/v1/deliveries',
                '/v1/users', '/v1/templates', '/v1/providers', '/v1/keys',
                '/v1/topics', '/v1/topics/t/subscribers',
                '/v1/users/ada/topics']) {
                const a = await belfry.api('GET', `${route}?limit=100`,
                    undefined, { key: ws[mine].key });
                assert.equal(a.status, 200, `${route}: ${a.text}`);
                for (const secret of [`only-${other}`, `p-${other}`,
                    `${other}.example`, ws[other].notification,
                    ws[other].delivery, `all of ${other}`])
                    assert.ok(!a.text.includes(secret),
                        `${route} of ${mine} shows ${secret}`);
            }
        }
    });

    it('have an inbox of their own for the same user id', async () => {
        for (const name of ['left', 'right']) {
            const inbox = await belfry.get('/v1/inbox',
                { key: ws[name].token });
            assert.deepEqual(inbox.data.map((i) => i.title), [`of ${name}`]);
        }
    });

    // Whatever route takes an id: one of the other side gets the answer of one
    // that is nowhere.
    it('do not know each other\'s ids, on any route', async () => {
        const mine = ws.left;
        const other = ws.right;
        const ids = {
            notifications: other.notification, deliveries: other.delivery,
            users: 'only-right', providers: 'p-right', inbox: other.item,
            keys: other.keyId, topics: 'only-right',
        };
        const nowhere = (id) => id.slice(0, -1) +
            (id.endsWith('0') ? '1' : '0');
        const document = (await belfry.api('GET', '/openapi.json', undefined,
            { unchecked: true })).body;
        const ask = async (method, path, kind, id, hasBody) => {
            const a = await belfry.api(method.toUpperCase(),
                path.replace(/\{[^}]+\}/, id).replace(/\{[^}]+\}/g, 'x'),
                hasBody ? {} : undefined, {
                    key: kind === 'inbox' ? mine.token : mine.key,
                    unchecked: true,
                });
            return `${a.status} ${a.text.replaceAll(id, 'ID')
                .replace(/req_\w+/, '')
                .replace(/"\d{4}-\d\d-\d\dT[^"]+"/g, 'AT')}`;
        };
        let tried = 0;
        for (const [path, operations] of Object.entries(document.paths)) {
            const kind = /^\/v1\/([a-z]+)\/\{/.exec(path)?.[1];
            if (!kind || !ids[kind]) continue;
            for (const [method, operation] of Object.entries(operations)) {
                if (method === 'put' ||
                    (kind === 'users' && method === 'post')) continue;
                const [got, wanted] = await Promise.all(
                    [ids[kind], nowhere(ids[kind])].map((id) => ask(method,
                        path, kind, id, operation.requestBody)));
                assert.equal(got, wanted, `${method} ${path}`);
                assert.match(got, NOTHING, `${method} ${path}`);
                tried++;
            }
        }
        assert.ok(tried >= 10, `${tried} routes`);
        // And all of it is still there for its owner.
        for (const route of [`/v1/notifications/${other.notification}`,
            `/v1/deliveries/${other.delivery}`, '/v1/users/only-right',
            '/v1/providers/p-right', '/v1/topics/only-right'])
            await belfry.get(route, { key: other.key });
        const inbox = await belfry.get('/v1/inbox', { key: other.token });
        assert.equal(inbox.data[0].id, other.item);
        assert.equal(inbox.data[0].read_at, null);
    });

    it('cannot be chosen by a key that belongs to another', async () => {
        const a = await belfry.api('GET', '/v1/users/only-right', undefined,
            { key: ws.left.key, workspace: 'right' });
        assert.ok([401, 403, 404].includes(a.status), `${a.status}`);
    });

    it('change nothing of each other', async () => {
        await belfry.put('/v1/users/ada', { email: 'new@left.example' },
            { key: ws.left.key });
        const right = await belfry.get('/v1/users/ada',
            { key: ws.right.key });
        assert.equal(right.email, 'ada@right.example');
        await belfry.want(204, 'DELETE', '/v1/templates/t', undefined,
            { key: ws.left.key });
        await belfry.get('/v1/templates/t', { key: ws.right.key });
    });

    it('stream their own only', async () => {
        const url = `${belfry.url}/v1/inbox/stream`;
        const left = new Source(url, ws.left.token);
        const right = new Source(url, ws.right.token);
        try {
            await left.next('hello');
            await right.next('hello');
            await belfry.send({ to: 'ada', title: 'for left' },
                { key: ws.left.key });
            await left.next('item.upsert');
            await belfry.send({ to: 'ada', title: 'for right' },
                { key: ws.right.key });
            await right.next('item.upsert');
            const seen = (s) => s.named('item.upsert').map((e) =>
                e.data.item.title);
            assert.deepEqual(seen(left), ['for left']);
            assert.deepEqual(seen(right), ['for right']);
        } finally {
            left.close();
            right.close();
        }
    });
});
