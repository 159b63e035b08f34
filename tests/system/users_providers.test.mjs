// The two things that are set up first: people and ways out.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';

describe('users', () => {
    let belfry;

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('are created, read, patched, replaced and deleted', async () => {
        const route = '/v1/users/ada@example.org:1';
        const full = { email: 'ada@example.org', phone: '+4930123456',
            locale: 'de-AT', timezone: 'Europe/Vienna',
            roles: ['admin', 'dev'], attributes: { plan: 'gold', n: 1 } };
        await belfry.want(201, 'PUT', route, full);
        const read = await belfry.get(route);
        for (const [name, value] of Object.entries(full))
            assert.deepEqual(read[name], value, name);
        assert.equal(read.id, 'ada@example.org:1');
        const patched = await belfry.want(200, 'PATCH', route,
            { phone: null, attributes: { n: null, m: 2 } }, { headers:
                { 'Content-Type': 'application/merge-patch+json' } });
        assert.deepEqual(patched.attributes, { plan: 'gold', m: 2 });
        assert.ok(patched.phone == null);
        assert.equal(patched.email, 'ada@example.org');
        await belfry.want(200, 'PUT', route, { locale: 'en' });
        const replaced = await belfry.get(route);
        assert.ok(replaced.email == null);
        assert.equal(replaced.locale, 'en');
        await belfry.want(204, 'DELETE', route);
        await belfry.want(404, 'GET', route);
    });

    it('are listed in pages that neither repeat nor miss one', async () => {
        for (let i = 0; i < 25; i++)
            await belfry.put(`/v1/users/page-${i}`,
                { email: `p${i}@example.org` });
        const seen = [];
        let after = '';
        for (;;) {
            const page = await belfry.get(
                `/v1/users?limit=10${after && `&after=${after}`}`);
            assert.ok(page.data.length <= 10);
            seen.push(...page.data.map((u) => u.id));
            if (!page.next) break;
            after = encodeURIComponent(page.next);
        }
        const mine = seen.filter((id) => id.startsWith('page-'));
        assert.equal(mine.length, 25);
        assert.equal(new Set(seen).size, seen.length);
    });

    it('refuse limits and cursors that are none', async () => {
        for (const query of ['limit=0', 'limit=101', 'limit=x', 'limit=-1',
            'limit=', 'after=garbage', 'after=%00']) {
            const a = await belfry.api('GET', `/v1/users?${query}`);
            assert.ok([422, 400].includes(a.status), `${query}: ${a.status}`);
        }
    });

    it('refuse what is no address', async () => {
        for (const [field, value] of [['email', 'nobody'], ['email', 7],
            ['email', 'a@b\r\nBcc: c@d'], ['webhook', 'ftp://x/'],
            ['roles', 'admin'], ['attributes', []], ['timezone', 3]]) {
            const a = await belfry.api('PUT', '/v1/users/bad',
                { [field]: value });
            assert.equal(a.status, 422, `${field}=${value}: ${a.text}`);
            assert.equal(a.body.errors[0].pointer, `/${field}`);
        }
        await belfry.want(404, 'GET', '/v1/users/bad');
    });

    it('mint tokens that open their own inbox only', async () => {
        await belfry.send({ to: 'u1', title: 'for u1' });
        await belfry.send({ to: 'u2', title: 'for u2' });
        const minted = await belfry.post('/v1/users/u1/token',
            { ttl: '1h' });
        const left = Date.parse(minted.expires_at) - Date.now();
        assert.ok(left > 3500000 && left <= 3600000, `${left} ms`);
        const inbox = await belfry.get('/v1/inbox', { key: minted.token });
        assert.deepEqual(inbox.data.map((i) => i.title), ['for u1']);
        const other = await belfry.get('/v1/inbox',
            { key: await belfry.token('u2') });
        const taken = await belfry.api('POST',
            `/v1/inbox/${other.data[0].id}/read`, undefined,
            { key: minted.token });
        assert.equal(taken.status, 404);
        const users = await belfry.api('GET', '/v1/users', undefined,
            { key: minted.token });
        assert.ok([401, 403].includes(users.status));
    });

    it('count what is unseen and unread as it changes', async () => {
        for (const title of ['a', 'b', 'c'])
            await belfry.send({ to: 'counts', title });
        const key = await belfry.token('counts');
        const inbox = await belfry.get('/v1/inbox', { key });
        assert.deepEqual(inbox.data.map((i) => i.title), ['c', 'b', 'a']);
        const counts = () => belfry.get('/v1/inbox/counts', { key });
        assert.deepEqual(await counts(), { unseen: 3, unread: 3 });
        const act = (i, what) => belfry.want([200, 202, 204], 'POST',
            `/v1/inbox/${inbox.data[i].id}/${what}`, undefined, { key });
        await act(0, 'seen');
        assert.deepEqual(await counts(), { unseen: 2, unread: 3 });
        await act(1, 'read');
        assert.equal((await counts()).unread, 2);
        await act(1, 'unread');
        assert.equal((await counts()).unread, 3);
        await act(2, 'archive');
        assert.equal((await counts()).unread, 2);
        const rest = await belfry.get('/v1/inbox', { key });
        assert.equal(rest.data.length, 2);
        await act(2, 'unarchive');
        assert.equal((await belfry.get('/v1/inbox', { key })).data.length, 3);
    });
});

describe('providers', () => {
    let belfry;
    const SECRET = 'whsec_' + Buffer.alloc(32, 7).toString('base64');
    const hook = { channel: 'webhook', driver: 'webhook',
        config: { url: 'http://127.0.0.1:9/x', secret: SECRET } };

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('never show a secret again', async () => {
        await belfry.want(201, 'PUT', '/v1/providers/hook', hook);
        const read = await belfry.api('GET', '/v1/providers/hook');
        assert.equal(read.body.config.secret, '***');
        assert.equal(read.body.config.url, hook.config.url);
        const list = await belfry.api('GET', '/v1/providers');
        for (const a of [read, list])
            assert.ok(!a.text.includes(SECRET.slice(6)));
        assert.ok(!belfry.stderr.includes(SECRET.slice(6)));
    });

    it('are refused with what the driver does not know', async () => {
        for (const [pointer, body] of [
            ['/driver', { ...hook, driver: 'pigeon' }],
            ['/channel', { ...hook, channel: 'email' }],
            ['/config/colour', { ...hook,
                config: { ...hook.config, colour: 'red' } }],
            ['/config/url', { ...hook, config: { secret: SECRET,
                url: 'gopher://x' } }],
            ['/config/secret', { ...hook, config: {
                url: hook.config.url, secret: 'short' } }],
            ['/concurrency', { ...hook, concurrency: 1025 }],
            ['/concurrency', { ...hook, concurrency: 0 }],
            ['/retry/attempts', { ...hook, retry: { attempts: 101 } }],
            ['/retry/strategy', { ...hook, retry: { strategy: 'hope' } }],
            ['/timeout', { ...hook, timeout: '30 parsecs' }],
        ]) {
            const a = await belfry.api('PUT', '/v1/providers/bad', body);
            assert.equal(a.status, 422, `${pointer}: ${a.text}`);
            const at = a.body.errors.map((e) => e.pointer);
            assert.ok(at.includes(pointer) ||
                (pointer === '/channel' && at.includes('/driver')),
            `${pointer} in ${at}`);
        }
        const other = await belfry.api('PUT', '/v1/providers/bad',
            { ...hook, channel: 'email' });
        assert.match(other.body.detail, /does not serve .* but "webhook"$/);
        await belfry.want(404, 'GET', '/v1/providers/bad');
    });

    it('carry nothing while they are not enabled', async () => {
        const off = { channel: 'log_file', driver: 'null', enabled: false };
        const ends = async () => {
            const id = await belfry.send({ to: 'u1', title: 'x',
                channels: ['log_file'] });
            return (await belfry.settled(id)).deliveries[0];
        };
        await belfry.put('/v1/providers/n', off);
        const without = await ends();
        assert.equal(without.status, 'suppressed');
        assert.equal(without.reason, 'provider.none');
        await belfry.put('/v1/providers/n', { ...off, enabled: true });
        assert.equal((await ends()).status, 'delivered');
    });

    it('keep what they were told over kill -9', async () => {
        await belfry.put('/v1/providers/kept', { channel: 'email',
            driver: 'null', config: {}, order: 3, concurrency: 7 });
        await belfry.kill9();
        await belfry.restart();
        const read = await belfry.get('/v1/providers/kept');
        assert.equal(read.order, 3);
        assert.equal(read.concurrency, 7);
        assert.equal(read.driver, 'null');
    });

    it('are refused where they would call a private address', async () => {
        const shut = await start({ env: { BELFRY_EGRESS_ALLOW: undefined } });
        try {
            for (const host of ['127.0.0.1', 'localhost', '10.0.0.1',
                '169.254.169.254', '[::1]', '0x7f000001', '2130706433',
                '[::ffff:127.0.0.1]', '192.168.1.1', '0.0.0.0']) {
                const a = await shut.api('PUT', '/v1/providers/in', {
                    ...hook, config: { secret: SECRET,
                        url: `http://${host}:8080/` } });
                assert.equal(a.status, 422, `${host}: ${a.text}`);
                assert.match(a.text, /BELFRY_EGRESS_ALLOW/, host);
                assert.equal(a.body.errors[0].pointer, '/config/url', host);
            }
            const pointer = async (doc) => (await shut.api('PUT',
                '/v1/providers/in', doc)).body.errors.map((e) => e.pointer);
            assert.deepEqual(await pointer({ channel: 'email', driver: 'smtp',
                config: { from: 'a@b.example', host: '10.0.0.1' } }),
            ['/config/host']);
            assert.deepEqual(await pointer({ channel: 'telegram',
                driver: 'telegram', config: { bot_token: '1:abc',
                    base_url: 'http://10.0.0.1:80/' } }),
            ['/config/base_url']);
        } finally {
            await shut.stop();
        }
    });
});

describe('keys', () => {
    let belfry;

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('open what their scopes say', async () => {
        const make = async (...scopes) => (await belfry.want(201, 'POST',
            '/v1/keys', { name: scopes.join('-'), scopes }));
        const sender = await make('send');
        const reader = await make('read');
        assert.match(sender.key ?? sender.token ?? '', /^bf_/);
        const keyOf = (k) => k.key ?? k.token;
        const send = (k) => belfry.api('POST', '/v1/notifications',
            { to: 'u1', title: 'x' }, { key: keyOf(k) });
        assert.equal((await send(sender)).status, 202);
        assert.equal((await send(reader)).status, 403);
        const list = (k) => belfry.api('GET', '/v1/notifications', undefined,
            { key: keyOf(k) });
        assert.equal((await list(reader)).status, 200);
        assert.equal((await list(sender)).status, 403);
        const users = await belfry.api('PUT', '/v1/users/x', {},
            { key: keyOf(reader) });
        assert.equal(users.status, 403);
        const all = await belfry.api('GET', '/v1/keys');
        assert.ok(!all.text.includes(keyOf(sender)));
        await belfry.want(204, 'DELETE', `/v1/keys/${sender.id}`);
        assert.equal((await send(sender)).status, 401);
    });
});
