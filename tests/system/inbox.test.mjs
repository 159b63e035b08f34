// The inbox over HTTP: reading, marking, whose it is, and the cursor that
// joins a list to a stream.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { rawStream } from './lib/sse.mjs';

const titles = (inbox) => inbox.data.map((i) => i.title);

describe('an inbox', { timeout: 120000 }, () => {
    let belfry;
    let n = 0;

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    // A user of its own for each test, with so many items: t1, t2, ...
    async function user(items) {
        const id = `inbox-${++n}`;
        for (let i = 1; i <= items; i++)
            await belfry.send({ to: id, title: `t${i}`, data: { i } });
        const key = await belfry.token(id);
        return {
            id,
            key,
            read: (query = '') => belfry.get(`/v1/inbox${query}`, { key }),
            do: (status, path, body) =>
                belfry.want(status, 'POST', `/v1/inbox${path}`, body, { key }),
        };
    }

    it('of a user who was never stored is empty', async () => {
        const u = await user(0);
        const inbox = await u.read();
        assert.deepEqual(inbox.data, []);
        assert.deepEqual(inbox.counts, { unseen: 0, unread: 0 });
        assert.equal(inbox.next, null);
        assert.match(inbox.cursor, /^[0-9a-f]+\.0$/);
    });

    it('is read newest first, page by page', async () => {
        const u = await user(5);
        const first = await u.read('?limit=2');
        assert.deepEqual(titles(first), ['t5', 't4']);
        const second = await u.read(`?limit=2&after=${first.next}`);
        assert.deepEqual(titles(second), ['t3', 't2']);
        const third = await u.read(`?limit=2&after=${second.next}`);
        assert.deepEqual(titles(third), ['t1']);
        assert.equal(third.next, null);
    });

    it('shows an item with all its fields', async () => {
        const u = await user(0);
        const id = await belfry.send({ to: u.id, title: 'T', body: 'B',
            category: 'news', data: { a: [1.50] },
            actions: [{ id: 'go', label: 'Go', url: 'https://a.example' }] });
        const [item] = (await u.read()).data;
        assert.equal(item.notification_id, id);
        assert.match(item.id, /^itm_[0-9a-z]{26}$/);
        assert.equal(item.category, 'news');
        assert.equal(item.body, 'B');
        assert.deepEqual(item.data, { a: [1.5] });
        assert.equal(item.actions[0].label, 'Go');
        assert.ok(Date.parse(item.created_at));
        assert.equal(item.rev, 1);
        for (const at of ['seen_at', 'read_at', 'archived_at'])
            assert.equal(item[at], null);
    });

    it('shows HTML as blocks, never as markup', async () => {
        const u = await user(0);
        await belfry.send({ to: u.id, title: 'T', body: 'B',
            html: '<p onclick="x()">Hi <b>Ann</b>, <a href="javascript:x()">' +
                'no</a> <a href="https://a.example/?b&amp;c">yes</a>' +
                '<script>x()</script><ul><li>one</ul>' });
        const text = (s) => ({ type: 'text', text: s });
        const [item] = (await u.read()).data;
        assert.deepEqual(item.blocks, [
            { type: 'paragraph', children: [text('Hi '),
                { type: 'strong', children: [text('Ann')] }, text(', '),
                text('no'), text(' '),
                { type: 'link', url: 'https://a.example/?b&c',
                    children: [text('yes')] }] },
            { type: 'list', ordered: false, children: [
                { type: 'item', children: [
                    { type: 'paragraph', children: [text('one')] }] }] }]);
        assert.equal(item.html, undefined);
        await belfry.send({ to: u.id, title: 'plain' });
        assert.deepEqual((await u.read()).data[0].blocks, []);
    });

    it('takes each mark and counts', async () => {
        const u = await user(2);
        const [item] = (await u.read()).data;
        const marks = [
            ['seen', { unseen: 1, unread: 2 }],
            ['read', { unseen: 1, unread: 1 }],
            ['unread', { unseen: 1, unread: 2 }],
            ['archive', { unseen: 1, unread: 1 }],
            ['unarchive', { unseen: 1, unread: 2 }],
        ];
        let rev = 2;
        for (const [mark, counts] of marks) {
            const a = await u.do(200, `/${item.id}/${mark}`);
            assert.deepEqual(a, { changed: 1, rev: ++rev, counts }, mark);
            assert.deepEqual(await belfry.get('/v1/inbox/counts',
                { key: u.key }), counts);
        }
        const again = await u.do(200, `/${item.id}/unarchive`, {});
        assert.equal(again.changed, 0);
        assert.equal(again.rev, rev);
    });

    it('teaches when its user reads, an hour at a time', async () => {
        const u = await user(3);
        const learned = () => belfry.get(`/v1/users/${u.id}/best_time`);
        await belfry.want(404, 'GET', `/v1/users/${u.id}/best_time`);
        await belfry.put(`/v1/users/${u.id}`, { timezone: 'Asia/Tokyo' });
        assert.equal((await learned()).reads, 0);
        const before = new Date(), [item] = (await u.read()).data;
        await u.do(200, `/${item.id}/read`);
        await u.do(200, '/mark', { change: 'read', all: true });
        const after = new Date(), best = await learned();
        // Two, where the hour ended in between.
        assert.ok([1, 2].includes(best.reads), `${best.reads}`);
        if (best.reads === 1) {
            const hours = [before, after].map((d) => (d.getUTCHours() + 9) % 24);
            assert.ok(hours.includes(best.hours.indexOf(1)));
        }
        assert.equal(best.hours.length, 24);
        assert.equal(best.timezone, 'Asia/Tokyo');
        assert.equal(best.best, null);
    });

    it('shows what is archived or unread when asked', async () => {
        const u = await user(3);
        const [t3, t2] = (await u.read()).data;
        await u.do(200, `/${t3.id}/archive`);
        await u.do(200, `/${t2.id}/read`);
        assert.deepEqual(titles(await u.read()), ['t2', 't1']);
        assert.deepEqual(titles(await u.read('?archived=true')), ['t3']);
        assert.deepEqual(titles(await u.read('?unread=true')), ['t1']);
    });

    it('marks several at once, or none of them', async () => {
        const u = await user(3);
        const other = await user(1);
        const ids = (await u.read()).data.map((i) => i.id);
        const [theirs] = (await other.read()).data;
        await u.do(404, '/mark', { change: 'read', ids: [ids[0], theirs.id] });
        assert.equal((await u.read()).counts.unread, 3);
        const a = await u.do(200, '/mark',
            { change: 'read', ids: [ids[0], ids[1], ids[1]] });
        assert.equal(a.changed, 2);
        assert.deepEqual(a.counts, { unseen: 1, unread: 1 });
        assert.equal((await other.read()).counts.unread, 1);
    });

    it('marks all that the reader knew of, and nothing newer', async () => {
        const u = await user(2);
        const { cursor } = await u.read();
        await belfry.send({ to: u.id, title: 'new' });
        const a = await u.do(200, '/mark',
            { change: 'read', all: true, before: cursor });
        assert.equal(a.changed, 2);
        assert.deepEqual(titles(await u.read('?unread=true')), ['new']);
        await u.do(200, '/mark', { change: 'archive', all: true });
        assert.deepEqual(titles(await u.read()), []);
    });

    it('marks nothing up to the start of an empty inbox', async () => {
        const u = await user(0);
        const { cursor } = await u.read();
        await belfry.send({ to: u.id, title: 'new' });
        const a = await u.do(200, '/mark',
            { change: 'read', all: true, before: cursor });
        assert.deepEqual(a,
            { changed: 0, rev: 1, counts: { unseen: 1, unread: 1 } });
    });

    it('refuses marks that are not clear, and says where', async () => {
        const u = await user(1);
        const { cursor, data: [item] } = await u.read();
        const [epoch, rev] = cursor.split('.');
        const wrong = [
            [{ all: true }, '/change'],
            [{ change: 'snooze', all: true }, '/change'],
            [{ change: 'read' }, '/ids'],
            [{ change: 'read', all: false }, '/ids'],
            [{ change: 'read', all: true, ids: [item.id] }, '/ids'],
            [{ change: 'read', ids: [] }, '/ids'],
            [{ change: 'read', ids: [item.id, 'x'] }, '/ids/1'],
            [{ change: 'read', ids: [item.id], before: cursor }, '/before'],
            [{ change: 'read', all: true, before: 'x.y' }, '/before'],
            [{ change: 'read', all: true, before: `${epoch}.0${rev}` },
                '/before'],
            [{ change: 'read', all: true, until: 1 }, '/until'],
        ];
        for (const [body, pointer] of wrong) {
            const p = await u.do(422, '/mark', body);
            assert.equal(p.errors[0].pointer, pointer, JSON.stringify(body));
        }
        await u.do(409, '/mark',
            { change: 'read', all: true, before: `1${epoch}.${rev}` });
        assert.equal((await u.read()).counts.unread, 1);
    });

    it('is its user\'s alone, and a key says whose it means', async () => {
        const u = await user(1);
        const other = await user(0);
        const [item] = (await u.read()).data;
        const mark = `/v1/inbox/${item.id}/read`;
        await belfry.want(403, 'GET', `/v1/inbox?user=${other.id}`, undefined,
            { key: u.key });
        await belfry.want(404, 'POST', mark, undefined, { key: other.key });
        const p = await belfry.want(422, 'GET', '/v1/inbox');
        assert.equal(p.errors[0].pointer, '/user');
        for (const path of [`inbox?user=${u.id}`, `users/${u.id}/inbox`])
            assert.deepEqual(titles(await belfry.get(`/v1/${path}`)), ['t1']);
        await belfry.want(200, 'POST', `${mark}?user=${u.id}`);
        const { key } = await belfry.want(201, 'POST', '/v1/keys',
            { name: 'reader', scopes: ['read'] });
        await belfry.get(`/v1/inbox?user=${u.id}`, { key });
        await belfry.want(403, 'POST', `${mark}?user=${u.id}`, undefined,
            { key });
        await belfry.want(403, 'GET', `/v1/users/${u.id}`, undefined,
            { key: u.key });
    });

    it('does not know what is not built, nor ids that are none', async () => {
        const u = await user(1);
        const [item] = (await u.read()).data;
        for (const path of [`/${item.id}/snooze`, `/${item.id}/actions/a`,
            '/nope/read', `/ntf${item.id.slice(3)}/read`])
            await belfry.want(404, 'POST', `/v1/inbox${path}`, undefined,
                { key: u.key });
        for (const query of ['archived=yes', 'unread=1', 'limit=0', 'after=x',
            'page=2'])
            await belfry.want(422, 'GET', `/v1/inbox?${query}`, undefined,
                { key: u.key });
    });

    it('gives a cursor from which a stream goes on', async () => {
        const u = await user(2);
        const { cursor } = await u.read();
        await belfry.send({ to: u.id, title: 'after' });
        await u.do(200, '/mark', { change: 'seen', all: true });
        for (const name of ['last_event_id', 'lastEventId']) {
            const s = await rawStream(
                `${belfry.url}/v1/inbox/stream?${name}=${cursor}`, u.key);
            try {
                const hello = await s.next('hello');
                assert.equal(hello.id, cursor);
                assert.equal(hello.data.resumed, true);
                assert.equal(hello.data.missed, 2);
                const item = await s.next('item.upsert');
                assert.equal(item.data.item.title, 'after');
                const marked = await s.next('items.state');
                assert.deepEqual(marked.data.filter,
                    { all: true, before_rev: 3 });
                assert.equal(marked.data.change, 'seen');
                assert.ok(Date.parse(marked.data.state.seen_at));
            } finally {
                s.close();
            }
        }
    });

    it('says bye when the token has ended', async () => {
        const { token } = await belfry.post('/v1/users/short/token',
            { ttl: '2s' });
        const s = await rawStream(`${belfry.url}/v1/inbox/stream`, token);
        const bye = await s.next('bye', 1, { timeout: 10000 });
        assert.equal(bye.data.code, 4005);
        assert.equal(bye.data.reconnect, true);
        await belfry.want(401, 'GET', '/v1/inbox', undefined, { key: token });
        s.close();
    });

    it('has tokens for a while only', async () => {
        const made = await belfry.post('/v1/users/u/token');
        const left = Date.parse(made.expires_at) - Date.now();
        assert.ok(left > 3590e3 && left <= 3600e3, `${left} ms`);
        for (const ttl of ['25h', '0', '1', 'x', 60])
            await belfry.want(422, 'POST', '/v1/users/u/token', { ttl });
        await belfry.want(404, 'POST', '/v1/users/a%20b/token');
    });
});
