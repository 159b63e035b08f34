// GET /v1/audit: a line with each change, and who made it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';

describe('audit', { timeout: 120000 }, () => {
    let b, admin;
    const lines = async (query = '', options = {}) => (await b.want(200, 'GET',
        `/v1/audit${query}`, undefined, options)).data;
    const told = (all) => all.map((l) => [l.action, l.kind, l.key]);

    before(async () => {
        b = await start({ roles: 'all' });
        admin = await b.want(201, 'POST', '/v1/keys',
            { name: 'desk', scopes: ['admin'] });
    });
    after(() => b?.stop());

    it('begins with what the server made itself', async () => {
        const first = await lines('?actor=server');
        assert.deepEqual(told(first), [['bootstrap', 'workspace', 'default']]);
        assert.equal(first[0].from_version, null);
        assert.equal(first[0].to_version, 1);
    });

    it('says who made a key, and never the key', async () => {
        const [line] = await lines('?kind=key');
        assert.deepEqual([line.action, line.key, line.actor],
            ['create', admin.id, 'root']);
        assert.deepEqual(line.detail, { name: 'desk', scopes: ['admin'] });
        assert.match(line.source, /^(127\.0\.0\.1|::1)$/);
        assert.match(line.id, /^aud_/);
        assert.ok(!JSON.stringify(line).includes(admin.key));
    });

    it('tells of each change, by which key, from version to version',
        async () => {
            const key = { key: admin.key };
            const at = new Date().toISOString();
            const t = (title) => ({ content: { default: { title } } });
            await b.want(201, 'PUT', '/v1/templates/hi', t('a'), key);
            await b.want(200, 'PUT', '/v1/templates/hi', t('b'), key);
            await b.want(200, 'POST', '/v1/templates/hi/publish', {}, key);
            await b.want(200, 'POST', '/v1/templates/hi/rollback', {}, key);
            await b.want(204, 'DELETE', '/v1/templates/hi', undefined, key);
            const all = await lines(`?key=hi&since=${at}`);
            assert.deepEqual(all.map((l) => [l.action, l.from_version,
                l.to_version]), [['delete', 4, null], ['rollback', 3, 4],
                ['publish', 2, 3], ['replace', 1, 2], ['create', null, 1]]);
            assert.deepEqual(all[2].detail, { latest: 2, published: 2 });
            assert.deepEqual(all[1].detail, { latest: 2, published: 1 });
            for (const l of all) {
                assert.equal(l.actor, `key:${admin.id}`);
                assert.equal(l.actor_name, 'desk');
                assert.ok(l.at >= at);
                assert.ok(l.request_id);
            }
        });

    it('tells of deeds', async () => {
        await b.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook', config: { url: 'http://127.0.0.1:9/' } });
        await b.want(200, 'POST', '/v1/providers/hook/pause');
        await b.want(200, 'POST', '/v1/lanes/hook/resume');
        assert.deepEqual(told(await lines('?key=hook')).map((l) => l[0]),
            ['resume', 'pause', 'create']);
        const held = await b.want(202, 'POST', '/v1/notifications',
            { to: 'ada', title: 't', approval: true });
        for (let i = 0; i < 2; i++)
            await b.want(200, 'POST', `/v1/notifications/${held.id}/approve`,
                { by: 'eve', note: 'go' });
        const [yes, ...more] = await lines(`?key=${held.id}`);
        assert.deepEqual([yes.action, yes.kind], ['approve', 'notification']);
        assert.deepEqual(yes.detail, { by: 'eve', note: 'go' });
        assert.deepEqual(more, []);
        const late = await b.want(202, 'POST', '/v1/notifications',
            { to: 'ada', title: 't', send_at: '2099-01-01T00:00:00Z',
                cancel_key: 'order-7' });
        await b.want(200, 'POST', '/v1/cancel', { cancel_key: 'order-7' });
        assert.deepEqual(told(await lines('?key=order-7')),
            [['cancel', 'cancel_key', 'order-7']]);
        await b.want(200, 'POST', `/v1/notifications/${late.id}/cancel`);
        assert.deepEqual(told(await lines(`?key=${late.id}`)),
            [['cancel', 'notification', late.id]]);
    });

    it('has no line for what was refused, or is no act of administration',
        async () => {
            const before = (await lines()).length;
            assert.equal((await b.api('PUT', '/v1/categories/x',
                { nonsense: 1 })).status, 422);
            assert.equal((await b.api('DELETE', '/v1/flags/none')).status, 404);
            await b.put('/v1/users/ada', { email: 'ada@example.org' });
            await b.put('/v1/users/ada/preferences', {});
            await b.want(202, 'POST', '/v1/notifications',
                { to: 'ada', title: 't' });
            assert.equal((await lines()).length, before);
            await b.want(204, 'DELETE', '/v1/users/ada');
            assert.deepEqual(told(await lines('?limit=1')),
                [['delete', 'user', 'ada']]);
        });

    it('is listed page by page, filtered, and for administrators alone',
        async () => {
            const all = await lines('?limit=100');
            const pages = [];
            let after = '';
            do {
                const page = await b.get(`/v1/audit?limit=3${after}`);
                pages.push(...page.data);
                after = page.next && `&after=${page.next}`;
            } while (after);
            assert.deepEqual(pages, all);
            for (const l of await lines('?action=create&actor=root'))
                assert.deepEqual([l.action, l.actor], ['create', 'root']);
            assert.deepEqual(await lines('?since=2099-01-01T00:00:00Z'), []);
            const read = await b.want(201, 'POST', '/v1/keys',
                { name: 'r', scopes: ['read', 'write'] });
            assert.equal((await b.api('GET', '/v1/audit', undefined,
                { key: read.key })).status, 403);
            for (const query of ['?since=noon', '?limit=0', '?after=x',
                '?who=me'])
                assert.equal((await b.api('GET', `/v1/audit${query}`)).status,
                    422, query);
            for (const method of ['DELETE', 'PUT', 'POST'])
                assert.equal((await b.api(method, '/v1/audit')).status, 405);
        });

    it('stays within its workspace', async () => {
        await b.put('/v1/workspaces/other', { name: 'Other' });
        const there = { headers: { 'X-Belfry-Workspace': 'other' } };
        assert.deepEqual(await lines('', there), []);
        await b.want(201, 'PUT', '/v1/categories/deals', { name: 'Deals' },
            there);
        assert.deepEqual(told(await lines('', there)),
            [['create', 'category', 'deals']]);
        assert.deepEqual(await lines('?key=deals'), []);
    });
});
