// The same request twice is one notification.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';

describe('a request that is sent again', () => {
    let belfry;
    const post = (body, key, options = {}) =>
        belfry.api('POST', options.route ?? '/v1/notifications', body,
            { headers: { 'Idempotency-Key': key } });
    const inboxOf = async (user) => (await belfry.get('/v1/inbox',
        { key: await belfry.token(user) })).data;

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('gets the first answer again', async () => {
        const body = { to: 'i1', title: 'once' };
        const first = await post(body, 'key-1');
        const again = await post(body, 'key-1');
        assert.equal(first.status, 202);
        assert.equal(first.headers.get('idempotent-replayed'), null);
        assert.equal(again.status, 202);
        assert.equal(again.headers.get('idempotent-replayed'), 'true');
        assert.deepEqual(again.body, first.body);
        assert.equal((await inboxOf('i1')).length, 1);
    });

    it('is refused with another body', async () => {
        await post({ to: 'i2', title: 'once' }, 'key-2');
        const other = await post({ to: 'i2', title: 'twice' }, 'key-2');
        assert.equal(other.status, 422);
        assert.equal(other.body.code, 'idempotency_mismatch');
        assert.equal((await inboxOf('i2')).length, 1);
    });

    it('is one notification when twenty come at once', async () => {
        const body = { to: 'i3', title: 'once' };
        const all = await Promise.all(Array.from({ length: 20 }, () =>
            post(body, 'key-3')));
        const ids = new Set();
        for (const a of all) {
            assert.ok([202, 409].includes(a.status), a.text);
            if (a.status === 202) ids.add(a.body.id);
            else assert.ok(Number(a.headers.get('retry-after')) >= 1);
        }
        assert.equal(ids.size, 1);
        assert.equal((await inboxOf('i3')).length, 1);
    });

    it('is judged anew after a refusal', async () => {
        const bad = await post({ to: 'i4', titel: 'x' }, 'key-4');
        assert.equal(bad.status, 422);
        const good = await post({ to: 'i4', title: 'x' }, 'key-4');
        assert.equal(good.status, 202);
    });

    it('is one batch', async () => {
        const body = [{ to: 'i5', title: 'a' }, { to: 'i5', title: 'b' }];
        const route = '/v1/notifications/batch';
        const first = await post(body, 'key-5', { route });
        const again = await post(body, 'key-5', { route });
        assert.equal(first.status, 200);
        assert.deepEqual(again.body, first.body);
        assert.equal(again.headers.get('idempotent-replayed'), 'true');
        assert.equal((await inboxOf('i5')).length, 2);
    });

    it('counts within its workspace', async () => {
        const body = { to: 'i6', title: 'x' };
        const first = await post(body, 'key-6');
        await belfry.api('PUT', '/v1/workspaces/second', {},
            { unchecked: true });
        const other = await belfry.api('POST', '/v1/notifications', body, {
            workspace: 'second', headers: { 'Idempotency-Key': 'key-6' },
        });
        assert.equal(other.status, 202, other.text);
        assert.notEqual(other.body.id, first.body.id);
    });

    it('survives kill -9', async () => {
        const body = { to: 'i7', title: 'once' };
        const first = await post(body, 'key-7');
        await belfry.kill9();
        await belfry.restart();
        const again = await post(body, 'key-7');
        assert.deepEqual(again.body, first.body);
        assert.equal((await inboxOf('i7')).length, 1);
    });

    it('answers a dedup_key with the first id', async () => {
        const body = { to: 'd1', title: 'once', dedup_key: 'order-1' };
        const first = await belfry.api('POST', '/v1/notifications', body);
        const again = await belfry.api('POST', '/v1/notifications',
            { ...body, title: 'other words' });
        assert.equal(first.status, 202);
        assert.equal(again.status, 200);
        assert.equal(again.body.id, first.body.id);
        assert.equal(again.body.duplicate, true);
        assert.equal((await inboxOf('d1')).length, 1);
    });

    it('keeps one of many with a dedup_key at once', async () => {
        const all = await Promise.all(Array.from({ length: 20 }, (_, i) =>
            belfry.api('POST', '/v1/notifications',
                { to: 'd2', title: `${i}`, dedup_key: 'order-2' })));
        assert.equal(all.filter((a) => a.status === 202).length, 1);
        assert.equal(all.filter((a) => a.status === 200).length, 19);
        assert.equal(new Set(all.map((a) => a.body.id)).size, 1);
        assert.equal((await inboxOf('d2')).length, 1);
    });

    it('lets a dedup_key go when its window has passed', async () => {
        const body = { to: 'd3', title: 'x', dedup_key: 'k3',
            dedup_window: '1s' };
        const first = await belfry.want(202, 'POST', '/v1/notifications',
            body);
        const deadline = Date.now() + 10000;
        let later;
        do {
            later = await belfry.api('POST', '/v1/notifications', body);
        } while (later.status === 200 && Date.now() < deadline);
        assert.equal(later.status, 202);
        assert.notEqual(later.body.id, first.id);
        assert.ok(Date.parse(later.body.created_at) -
            Date.parse(first.created_at) >= 1000);
    });
});
