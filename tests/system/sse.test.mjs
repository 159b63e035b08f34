// The live inbox: nothing is missed, whoever leaves, dies or dawdles.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start, started } from './lib/belfry.mjs';
import { rawStream, Source } from './lib/sse.mjs';
import { until } from './lib/until.mjs';

const titles = (events) => events.map((e) => e.data.item.title);
const numbers = (prefix, from, to) =>
    Array.from({ length: to - from + 1 }, (_, i) => `${prefix}${from + i}`);
const revOf = (id) => Number(id.split('.')[1]);

describe('a stream', { timeout: 120000 }, () => {
    let belfry;
    const url = () => `${belfry.url}/v1/inbox/stream`;
    const many = (to, names) => belfry.want(200, 'POST',
        '/v1/notifications/batch', names.map((title) => ({ to, title })));

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('says hello with where it stands', async () => {
        await belfry.send({ to: 's1', title: 'a' });
        const s = await rawStream(url(), await belfry.token('s1'));
        try {
            assert.equal(s.status, 200);
            assert.match(s.response.headers['content-type'],
                /^text\/event-stream/);
            assert.match(s.response.headers['cache-control'], /no-(store|cache)/);
            const hello = await s.next('hello');
            assert.equal(hello.data.v, 1);
            assert.equal(hello.id, `${hello.data.epoch}.${hello.data.rev}`);
            assert.deepEqual(hello.data.counts, { unseen: 1, unread: 1 });
            assert.ok(hello.data.hb > 0);
            assert.ok(s.frames.some((f) => f.retry >= 1000));
        } finally {
            s.close();
        }
    });

    it('brings an item at once, to all readers of that user alone',
        async () => {
            const token = await belfry.token('s2');
            const one = new Source(url(), token);
            const two = new Source(url(), token);
            const other = new Source(url(), await belfry.token('s2b'));
            try {
                for (const s of [one, two, other]) await s.next('hello');
                const began = Date.now();
                await belfry.send({ to: 's2', title: 'live' });
                for (const s of [one, two]) {
                    const e = await s.next('item.upsert');
                    assert.equal(e.data.item.title, 'live');
                    assert.ok(e.at - began < 1000, `${e.at - began} ms`);
                }
                await belfry.send({ to: 's2b', title: 'after' });
                await other.next('item.upsert');
                assert.deepEqual(titles(other.named('item.upsert')),
                    ['after']);
            } finally {
                for (const s of [one, two, other]) s.close();
            }
        });

    it('tells that an item was read elsewhere', async () => {
        const token = await belfry.token('s3');
        await belfry.send({ to: 's3', title: 'x' });
        const s = new Source(url(), token);
        try {
            const hello = await s.next('hello');
            const inbox = await belfry.get('/v1/inbox', { key: token });
            await belfry.want([200, 202, 204], 'POST',
                `/v1/inbox/${inbox.data[0].id}/read`, undefined,
                { key: token });
            const e = await s.next('item.state');
            assert.deepEqual(e.data.ids, [inbox.data[0].id]);
            assert.ok(Date.parse(e.data.state.read_at));
            assert.equal(e.data.counts.unread, 0);
            assert.ok(revOf(e.id) > revOf(hello.id));
        } finally {
            s.close();
        }
    });

    it('goes on from Last-Event-ID without loss or order lost', async () => {
        const token = await belfry.token('s4');
        const first = new Source(url(), token);
        await first.next('hello');
        await many('s4', numbers('n', 1, 5));
        const fifth = await first.next('item.upsert', 5);
        first.close();
        await many('s4', numbers('n', 6, 55));
        const again = new Source(url(), token, { lastEventId: fifth.id });
        try {
            const hello = await again.next('hello');
            assert.equal(hello.data.resumed, true);
            await again.next('item.upsert', 50);
            await many('s4', numbers('n', 56, 60));
            await again.next('item.upsert', 55);
            assert.deepEqual(titles(again.named('item.upsert')),
                numbers('n', 6, 60));
            assert.equal(again.named('reset').length, 0);
        } finally {
            again.close();
        }
    });

    it('leaves no gap between what is replayed and what is live',
        async () => {
            const token = await belfry.token('s5');
            const first = await rawStream(url(), token);
            const hello = await first.next('hello');
            first.close();
            const sending = (async () => {
                for (let i = 1; i <= 60; i++)
                    await belfry.send({ to: 's5', title: `n${i}` });
            })();
            const readers = [];
            for (let i = 0; i < 6; i++)
                readers.push(await rawStream(url(), token,
                    { 'Last-Event-ID': hello.id }));
            await sending;
            for (const r of readers) {
                await r.next('item.upsert', 60);
                assert.deepEqual(titles(r.named('item.upsert')),
                    numbers('n', 1, 60));
                r.close();
            }
        });

    it('resets a reader whose place is unknown or too far back', async () => {
        const token = await belfry.token('s6');
        const first = await rawStream(url(), token);
        const hello = await first.next('hello');
        first.close();
        await many('s6', numbers('n', 1, 320));
        for (const id of [hello.id, 'ffff.1', `${hello.data.epoch}.999999`]) {
            const s = await rawStream(url(), token, { 'Last-Event-ID': id });
            const reset = await s.next('reset');
            assert.match(reset.data.why, /^(gap|epoch|overflow|retention)$/);
            assert.equal(reset.data.counts.unread, 320);
            s.close();
        }
    });

    it('survives a Last-Event-ID that is none', async () => {
        const token = await belfry.token('s7');
        for (const id of ['', 'x', '.', '1.', '.1', '1.-1', 'a'.repeat(500),
            '1.99999999999999999999999', '%00']) {
            const s = await rawStream(url(), token, { 'Last-Event-ID': id });
            assert.ok([200, 400, 422].includes(s.status), `${id}`);
            if (s.status === 200) await s.next('hello');
            s.close();
        }
    });

    it('is for those with a token', async () => {
        for (const token of [null, 'nonsense', 'a.b.c']) {
            const s = await rawStream(url(), token);
            assert.equal(s.status, 401);
            s.close();
        }
    });

    it('is refused beyond what one user may have', async () => {
        const token = await belfry.token('s8');
        const open = [];
        for (let i = 0; i < 8; i++) open.push(await rawStream(url(), token));
        assert.ok(open.every((s) => s.status === 200));
        const ninth = await rawStream(url(), token);
        assert.equal(ninth.status, 429);
        assert.ok(Number(ninth.response.headers['retry-after']) >= 1);
        ninth.close();
        open.pop().close();
        await until('there is room again', async () => {
            const s = await rawStream(url(), token);
            const { status } = s;
            s.close();
            return status === 200;
        });
        for (const s of open) s.close();
    });
});

describe('a stream over kill -9', { timeout: 120000 }, () => {
    it('misses nothing once npm eventsource is back', async (t) => {
        const belfry = await started(t);
        const token = await belfry.token('k1');
        const s = new Source(`${belfry.url}/v1/inbox/stream`, token);
        t.after(() => s.close());
        await s.next('hello');
        for (let i = 1; i <= 5; i++)
            await belfry.send({ to: 'k1', title: `n${i}` });
        await s.next('item.upsert', 5);
        await belfry.kill9();
        await belfry.restart();
        for (let i = 6; i <= 10; i++)
            await belfry.send({ to: 'k1', title: `n${i}` });
        await s.next('hello', 2, { timeout: 30000 });
        await s.next('item.upsert', 10, { timeout: 30000 });
        assert.deepEqual(titles(s.named('item.upsert')),
            numbers('n', 1, 10));
        assert.equal(s.named('reset').length, 0);
    });
});

describe('a reader that does not read', { timeout: 120000 }, () => {
    it('is shed with a reset while the others get all', async (t) => {
        const belfry = await started(t, {
            env: { BELFRY_HTTP_MAX_BODY: '16777216' },
        });
        const token = await belfry.token('slow');
        const url = `${belfry.url}/v1/inbox/stream`;
        const slow = await rawStream(url, token);
        const quick = await rawStream(url, token);
        t.after(() => {
            slow.close();
            quick.close();
        });
        await slow.next('hello');
        await quick.next('hello');
        slow.stop();
        const total = 1200;
        const body = 'x'.repeat(16000);
        for (let i = 0; i < total; i += 100)
            await belfry.want(200, 'POST', '/v1/notifications/batch',
                Array.from({ length: 100 }, (_, j) =>
                    ({ to: 'slow', title: `n${i + j}`, body })));
        await quick.next('item.upsert', total, { timeout: 60000 });
        slow.go();
        const reset = await slow.next('reset', 1, { timeout: 30000 });
        assert.ok(reset.data.why);
        assert.ok(slow.named('item.upsert').length < total);
        assert.equal(quick.named('reset').length, 0);
        assert.deepEqual(titles(quick.named('item.upsert')),
            numbers('n', 0, total - 1));
        // It lives on from there.
        await belfry.send({ to: 'slow', title: 'last' });
        if (!slow.isClosed)
            await until('the slow one hears the next', () => slow.isClosed ||
                titles(slow.named('item.upsert')).includes('last'));
    });
});
