// To whoever has a role or subscribes to a topic: each once, however the sets
// overlap, and whatever dies meanwhile.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';

const ids = (prefix, from, to) => Array.from({ length: to - from },
    (_, i) => `${prefix}${from + i}`);

async function subscribe(b, topic, add, remove = [], options) {
    const sum = { added: 0, removed: 0 };
    for (let i = 0; i < add.length || i < remove.length; i += 500) {
        const done = await b.want(200, 'POST',
            `/v1/topics/${topic}/subscribers`, { add: add.slice(i, i + 500),
                remove: remove.slice(i, i + 500) }, options);
        sum.added += done.added;
        sum.removed += done.removed;
    }
    return sum;
}

async function pages(b, route, name, limit = 100) {
    const all = [];
    let next = '';
    do {
        const page = await b.get(`${route}${route.includes('?') ? '&' : '?'}` +
            `limit=${limit}${next && `&after=${encodeURIComponent(next)}`}`);
        assert.ok(page.data.length <= limit);
        all.push(...page.data.map((d) => d[name]));
        next = page.next;
    } while (next);
    return all;
}

const audience = async (b, id, options) => (await b.trace(id, options))
    .find((s) => s.stage === 'audience').detail;

async function usersOf(b, id, channel = 'in_app') {
    const users = await pages(b, `/v1/deliveries?notification_id=${id}` +
        `&channel=${channel}`, 'user');
    assert.equal(new Set(users).size, users.length, 'nobody gets it twice');
    return users.sort();
}

const titles = async (b, user) => (await b.get(`/v1/inbox?user=${user}`)).data
    .map((i) => i.title);

describe('topics', { timeout: 120000 }, () => {
    let b;

    before(async () => {
        b = await start();
    });
    after(() => b?.stop());

    it('are put, read, listed and deleted', async () => {
        const route = '/v1/topics/a.b:c@d-e_f';
        const made = await b.want(201, 'PUT', route,
            { name: 'Name', description: 'What it is about' });
        assert.equal(made.key, 'a.b:c@d-e_f');
        assert.equal(made.version, 1);
        assert.equal((await b.want(200, 'PUT', route, { name: null })).version,
            2);
        await b.want(412, 'PUT', route, {},
            { headers: { 'If-Match': '"1"' } });
        assert.ok((await pages(b, '/v1/topics', 'key')).includes(made.key));
        await b.want(204, 'DELETE', route);
        await b.want(404, 'GET', route);
        await b.want(404, 'DELETE', route);
        await b.want(404, 'GET', `${route}/subscribers`);
    });

    it('are made by who subscribes first', async () => {
        assert.deepEqual(await subscribe(b, 'made', ['u1', 'u2', 'u1']),
            { added: 2, removed: 0 });
        assert.equal((await b.get('/v1/topics/made')).version, 1);
        assert.deepEqual(await subscribe(b, 'made', ['u2', 'u3'],
            ['u1', 'u9']), { added: 1, removed: 1 });
        assert.deepEqual(await pages(b, '/v1/topics/made/subscribers', 'user'),
            ['u2', 'u3']);
        assert.deepEqual(await subscribe(b, 'unmade', [], ['u1']),
            { added: 0, removed: 0 });
        await b.want(404, 'GET', '/v1/topics/unmade');
    });

    it('list their subscribers, and users their topics, by pages', async () => {
        const users = ids('p', 0, 250);
        await subscribe(b, 'paged', users);
        assert.deepEqual(await pages(b, '/v1/topics/paged/subscribers', 'user',
            70), users.sort());
        for (const topic of ['x.b', 'x', 'x.a'])
            await subscribe(b, topic, ['reader']);
        assert.deepEqual(await pages(b, '/v1/users/reader/topics', 'key', 2),
            ['x', 'x.a', 'x.b']);
        assert.deepEqual(await pages(b, '/v1/users/nobody/topics', 'key'), []);
    });

    it('answer a repeated change as the first time', async () => {
        const body = { add: ['u1'] };
        const headers = { 'Idempotency-Key': 'join' };
        const route = '/v1/topics/once/subscribers';
        for (let i = 0; i < 2; i++)
            assert.deepEqual(await b.want(200, 'POST', route, body,
                { headers }), { added: 1, removed: 0 });
        assert.deepEqual(await b.post(route, body), { added: 0, removed: 0 });
    });

    it('lose their subscribers with them', async () => {
        await subscribe(b, 'gone', ['u1', 'u2']);
        await subscribe(b, 'gone.not', ['u3']);
        await b.want(204, 'DELETE', '/v1/topics/gone');
        await subscribe(b, 'gone', ['u4']);
        assert.deepEqual(await pages(b, '/v1/topics/gone/subscribers', 'user'),
            ['u4']);
        const id = await b.send({ title: 't', to: { topics: ['gone.not'] } });
        assert.deepEqual(await usersOf(b, id), ['u3', 'u4']);
    });

    it('say where a change is at fault', async () => {
        const wrong = async (body, ...pointers) => {
            const a = await b.api('POST', '/v1/topics/faulty/subscribers',
                body);
            assert.equal(a.status, 422, a.text);
            assert.deepEqual(a.body.errors.map((e) => e.pointer), pointers);
        };
        await wrong({}, '');
        await wrong({ add: 'u1' }, '/add');
        await wrong({ add: ['a b', 7], remove: [null] }, '/add/0', '/add/1',
            '/remove/0');
        await wrong({ add: ['u1', 'u2'], remove: ['u3', 'u2'] }, '/remove/1');
        await wrong({ adds: ['u1'] }, '/adds');
        await wrong({ add: ids('u', 0, 1001) }, '/add');
        await wrong({ add: ids('u', 0, 600), remove: ids('v', 0, 401) },
            '/remove');
        await b.want(404, 'GET', '/v1/topics/faulty');
        for (const [route, method] of [['/v1/topics/a%20b', 'PUT'],
            ['/v1/topics/a%2Fb/subscribers', 'POST']])
            assert.ok([404, 422].includes((await b.api(method, route,
                { add: [] }, { unchecked: true })).status));
        await b.want(422, 'GET', '/v1/topics/made/subscribers?limit=0');
        await b.want(422, 'GET', '/v1/topics/made/subscribers?after=u1');
    });

    it('are a path: what goes to one goes to those above it', async () => {
        await subscribe(b, 'news', ['n1', 'n2']);
        await subscribe(b, 'news.sport', ['n2', 's1']);
        await subscribe(b, 'news.sport.football', ['f1']);
        await subscribe(b, 'newspaper', ['other']);
        const to = async (topic) => usersOf(b,
            await b.send({ title: topic, to: { topics: [topic] } }));
        assert.deepEqual(await to('news'), ['n1', 'n2']);
        assert.deepEqual(await to('news.sport'), ['n1', 'n2', 's1']);
        assert.deepEqual(await to('news.sport.football'),
            ['f1', 'n1', 'n2', 's1']);
        assert.deepEqual(await to('news.weather.rain'), ['n1', 'n2']);
    });
});

describe('roles', { timeout: 120000 }, () => {
    let b;

    before(async () => {
        b = await start();
    });
    after(() => b?.stop());

    const to = async (...roles) => usersOf(b,
        await b.send({ title: 't', to: { roles } }));

    it('follow the document, however it is written', async () => {
        await b.put('/v1/users/ada', { roles: ['admin', 'ops', 'ops'] });
        await b.post('/v1/users/bulk', { users: [
            { id: 'bob', roles: ['ops'] }, { id: 'cat', roles: ['ops'] },
            { id: 'cat' }, { id: 'dan', roles: ['x y'] }] });
        assert.deepEqual(await to('ops'), ['ada', 'bob']);
        assert.deepEqual(await to('admin'), ['ada']);
        const patch = (user, body) => b.want(200, 'PATCH',
            `/v1/users/${user}`, body, { headers:
                { 'Content-Type': 'application/merge-patch+json' } });
        await patch('bob', { locale: 'de' });
        assert.deepEqual(await to('ops'), ['ada', 'bob']);
        await patch('bob', { roles: ['admin'] });
        assert.deepEqual(await to('ops'), ['ada']);
        assert.deepEqual(await to('admin', 'ops'), ['ada', 'bob']);
        await patch('bob', { roles: null });
        await b.put('/v1/users/ada', { roles: ['new'] });
        assert.deepEqual(await to('admin', 'ops'), []);
        assert.deepEqual(await to('new'), ['ada']);
        await b.want(204, 'DELETE', '/v1/users/ada');
        assert.deepEqual(await to('new'), []);
    });

    it('do not change when the document does not', async () => {
        await b.put('/v1/users/eve', { roles: ['kept'] });
        await b.want(412, 'PUT', '/v1/users/eve', { roles: [] },
            { headers: { 'If-Match': '"9"' } });
        await b.want(422, 'PUT', '/v1/users/eve', { roles: ['not a key'] });
        assert.deepEqual(await to('kept'), ['eve']);
    });

    it('go with the user, and so do topics and preferences', async () => {
        await b.put('/v1/users/fay', { roles: ['r'] });
        await subscribe(b, 'fays', ['fay']);
        await b.put('/v1/users/fay/preferences',
            { channels: { in_app: false } });
        await b.want(204, 'DELETE', '/v1/users/fay');
        assert.deepEqual(await pages(b, '/v1/users/fay/topics', 'key'), []);
        await b.put('/v1/users/fay', {});
        assert.deepEqual(await to('r'), []);
        const n = await b.get(`/v1/notifications/${await b.send(
            { title: 'again', to: 'fay' })}`);
        assert.deepEqual(n.counts, { delivered: 1 });
    });
});

describe('a send to roles and topics', { timeout: 240000 }, () => {
    it('reaches a few before it is answered', async (t) => {
        const b = await start();
        t.after(() => b.stop());
        await b.put('/v1/users/ada', { roles: ['ops'] });
        await b.put('/v1/users/bob', { roles: ['ops', 'dev'] });
        await subscribe(b, 'news', ['bob', 'guest', 'cat']);
        const id = await b.send({ title: 'hello', to: { roles: ['ops', 'none'],
            topics: ['news.x'], users: ['cat', 'dan'], exclude: ['guest'],
            recipients: [{ id: 'ada', data: {} }] } });
        for (const user of ['ada', 'bob', 'cat', 'dan'])
            assert.deepEqual(await titles(b, user), ['hello'], user);
        assert.deepEqual(await titles(b, 'guest'), []);
        const n = await b.get(`/v1/notifications/${id}`);
        assert.equal(n.status, 'done');
        assert.deepEqual(n.counts, { delivered: 4 });
        assert.deepEqual(await audience(b, id), { recipients: 4,
            never_stored: 2, empty: [{ role: 'none' }, { topic: 'news.x' }] });
        const all = await b.send({ title: 'all', to: { all: true,
            topics: ['news'], roles: ['dev'] } });
        await b.settled(all);
        assert.deepEqual(await usersOf(b, all), ['ada', 'bob']);
    });

    it('to nobody is done, and the trace says why', async (t) => {
        const b = await start();
        t.after(() => b.stop());
        const id = await b.send({ title: 't', to: { topics: ['none'],
            roles: ['none'] } });
        const n = await b.get(`/v1/notifications/${id}`);
        assert.equal(n.status, 'done');
        assert.deepEqual(n.counts, {});
        assert.deepEqual(await audience(b, id), { recipients: 0,
            never_stored: 0, empty: [{ role: 'none' }, { topic: 'none' }] });
    });

    it('reaches each of many once though it is killed on the way',
        async (t) => {
            const b = await start({ roles: 'all' });
            t.after(() => b.stop());
            await b.put('/v1/providers/hook', { channel: 'webhook',
                driver: 'null', config: {} });
            await subscribe(b, 'big', ids('u', 0, 4000));
            await subscribe(b, 'big.part', ids('u', 3000, 5000));
            const id = await b.send({ title: 't', to: { topics: ['big.part'],
                exclude: ['u7', 'u4500'], users: ['nobody', 'u9'] },
            channels: ['in_app', 'webhook'] });
            const first = await b.get(`/v1/notifications/${id}`);
            assert.match(first.status, /^(queued|running)$/);
            const told = await until('it has begun', async () => {
                const now = await audience(b, id);
                return now.recipients > 500 && now;
            }, { every: 5 });
            assert.equal(told.planning, true);
            t.diagnostic(`killed after ${told.recipients} of 5000`);
            await b.kill9();
            await b.launch();
            const n = await b.settled(id, { timeout: 90000 });
            assert.equal(n.counts.delivered, 2 * 4999);
            assert.deepEqual(await audience(b, id),
                { recipients: 4999, planning: false });
            const wanted = [...ids('u', 0, 5000), 'nobody']
                .filter((u) => u !== 'u7' && u !== 'u4500').sort();
            for (const channel of ['in_app', 'webhook'])
                assert.deepEqual(await usersOf(b, id, channel), wanted);
        });

    it('that is due later goes to who is a member then', async (t) => {
        const b = await start();
        t.after(() => b.stop());
        await subscribe(b, 'later', ['early', 'leaves']);
        const a = await b.want(202, 'POST', '/v1/notifications', { title: 't',
            to: { topics: ['later'], roles: ['later'] },
            send_at: new Date(Date.now() + 2000).toISOString() });
        assert.equal(a.status, 'scheduled');
        await subscribe(b, 'later', ['late'], ['leaves']);
        await b.put('/v1/users/ruth', { roles: ['later'] });
        await b.settled(a.id);
        assert.deepEqual(await usersOf(b, a.id), ['early', 'late', 'ruth']);
    });

    it('plans the first of them on dry_run', async (t) => {
        const b = await start();
        t.after(() => b.stop());
        const users = ids('u', 0, 150).sort();
        await subscribe(b, 'many', users);
        await subscribe(b, 'few', ['u1', 'a']);
        const ask = (to) => b.want(200, 'POST', '/v1/notifications',
            { title: 't', to, dry_run: true });
        const named = await ask(users.slice(0, 100));
        assert.deepEqual(await ask({ topics: ['many'] }),
            { ...named, has_more: true });
        const few = await ask({ topics: ['few'], users: ['u1', 'z'],
            exclude: ['a'] });
        assert.deepEqual(few.plan.map((p) => p.user), ['u1', 'z']);
        assert.equal(few.has_more, false);
        assert.deepEqual(await ask({ topics: ['none'] }),
            { plan: [], has_more: false });
        assert.deepEqual((await b.get('/v1/notifications')).data, []);
    });

    it('may be one of a batch, and says where it is at fault', async (t) => {
        const b = await start();
        t.after(() => b.stop());
        await subscribe(b, 'a', ids('u', 0, 101));
        await subscribe(b, 'b', ['u5', 'u500']);
        const { results } = await b.want(200, 'POST',
            '/v1/notifications/batch', [
                { title: '1', to: { topics: ['a'] } },
                { title: '2', to: { topics: ['b'] } },
                { title: '3', to: { topics: ['a/b'], roles: 'x' } },
                { title: '4', to: { topics: [], roles: [] } },
                { title: '5', to: { topics: ids('t', 0, 101) } },
                { title: '6', to: { topics: ids('a.b.c.d.e.f.g.h.i.j.', 0, 60)
                    .map((key, i) => `${i}.${key}.x.y.z.1.2.3.4.5`) } },
                { title: '7', to: 'u5' },
            ]);
        assert.deepEqual(results.map((r) => r.status),
            [202, 202, 422, 422, 422, 422, 202]);
        assert.deepEqual(results.filter((r) => r.problem).map((r) =>
            r.problem.errors.map((e) => e.pointer)), [
            ['/to/topics/0', '/to/roles'], ['/to'], ['/to/topics'],
            ['/to/topics']]);
        const counts = async (r) => (await b.settled(r.id)).counts.delivered;
        assert.equal(await counts(results[0]), 101);
        assert.equal(await counts(results[1]), 2);
        assert.deepEqual((await titles(b, 'u5')).sort(), ['1', '2', '7']);
    });

    it('stays in its workspace', async (t) => {
        const b = await start();
        t.after(() => b.stop());
        const side = {};
        for (const name of ['left', 'right']) {
            await b.api('PUT', `/v1/workspaces/${name}`, {},
                { unchecked: true });
            side[name] = { workspace: name };
            await b.put(`/v1/users/${name}`, { roles: ['r'] }, side[name]);
            await subscribe(b, 'news', [`${name}-1`, 'both'], [], side[name]);
        }
        const id = await b.send({ title: 't', to: { topics: ['news'],
            roles: ['r'] } }, side.left);
        const n = await b.get(`/v1/notifications/${id}`, side.left);
        assert.deepEqual(n.deliveries.map((d) => d.user).sort(),
            ['both', 'left', 'left-1']);
        await b.want(204, 'DELETE', '/v1/topics/news', undefined, side.left);
        assert.deepEqual((await b.get('/v1/topics/news/subscribers',
            side.right)).data, [{ user: 'both' }, { user: 'right-1' }]);
    });
});
