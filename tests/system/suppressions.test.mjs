// /v1/suppressions: put by hand, looked at and removed, whoever put it there.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';
import { receiver } from './lib/webhook.mjs';

describe('suppressions', { timeout: 120000 }, () => {
    let belfry, mail, hook, serial = 0;

    before(async () => {
        mail = await mailServer();
        hook = await receiver();
        belfry = await start({ roles: 'all' });
        await belfry.put('/v1/providers/mail', { channel: 'email',
            driver: 'smtp', config: { host: '127.0.0.1', port: mail.port,
                tls: 'none', from: 'bell@example.org' } });
        await belfry.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook',
            config: { url: hook.url('/in'), secret: hook.secret } });
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await Promise.all([mail?.close(), hook?.close()]);
        }
    });

    const at = (address, query = '') =>
        `/v1/suppressions/${encodeURIComponent(address)}${query}`;
    const call = (status, method, path, body, options) =>
        belfry.want(status, method, path, body, options);
    const channelsOf = (answer) => answer.suppressions.map((s) => s.channel);

    // A user, and the address.
    async function somebody(more = {}) {
        const user = `u${++serial}`, email = `${user}@example.org`;
        await belfry.put(`/v1/users/${user}`, { email, ...more });
        return { user, email };
    }
    async function outcome(user, channel) {
        const id = await belfry.send({ to: user, title: 't',
            channels: [channel] });
        const [d] = (await belfry.settled(id)).deliveries;
        return [d.status, d.reason];
    }

    it('stops what waits and what comes, until it is removed', async () => {
        const { user, email } = await somebody();
        await call(200, 'POST', '/v1/providers/mail/pause');
        const waits = await belfry.send({ to: user, title: 't',
            channels: ['email'] });
        await call(201, 'PUT', at(email), { channel: 'email', note: 'letter' });
        await call(200, 'POST', '/v1/providers/mail/resume');
        const [d] = (await belfry.settled(waits)).deliveries;
        assert.deepEqual([d.status, d.reason, d.attempts],
            ['suppressed', 'suppress.manual', 0]);
        assert.deepEqual(await outcome(user, 'email'),
            ['suppressed', 'suppress.manual']);
        await call(204, 'DELETE', at(email));
        assert.deepEqual(await outcome(user, 'email'), ['sent', 'accepted']);
    });

    it('is of any text that a user may have as an address', async () => {
        const url = `${hook.url('/a%20b')}?x=1&y=%2F`;
        const { user } = await somebody({ webhook: url });
        const put = await call(201, 'PUT', at(url), { channel: 'webhook' });
        assert.equal(put.address, url);
        assert.deepEqual((await belfry.get(`/v1/suppressions?address=${
            encodeURIComponent(url)}`)).data.map((s) => s.address), [url]);
        assert.deepEqual(await outcome(user, 'webhook'),
            ['suppressed', 'suppress.manual']);
        await call(204, 'DELETE', at(url, '?channel=webhook'));
        assert.deepEqual(await outcome(user, 'webhook'),
            ['delivered', 'delivered']);
        const channel = await call(201, 'PUT', at('#größe: 5'),
            { channel: 'slack' });
        assert.deepEqual(await belfry.get(at('#größe: 5')), channel);
    });

    it('is of an address however that is written', async () => {
        const key = `Ada-${Date.now()}`;
        const { user } = await somebody({
            email: `Ada <${key}@Example.ORG>`, phone: '+49 (151) 123-4567' });
        const small = `${key.toLowerCase()}@example.org`;
        const put = await call(201, 'PUT', at(`${key}@EXAMPLE.org`),
            { channel: 'email' });
        assert.equal((await belfry.get(`/v1/suppressions?address=${
            encodeURIComponent(small)}`)).data[0].address, small);
        assert.deepEqual((await belfry.get(at(small))).suppressions,
            put.suppressions);
        assert.deepEqual(await outcome(user, 'email'),
            ['suppressed', 'suppress.manual']);
        await call(200, 'PUT', at(small), { channel: 'email' });
        await call(204, 'DELETE', at(`${key}@example.ORG`));
        await call(404, 'GET', at(small));
        assert.deepEqual(await outcome(user, 'email'), ['sent', 'accepted']);
        await belfry.put('/v1/providers/sms',
            { channel: 'sms', driver: 'null' });
        await call(201, 'PUT', at('+491511234567'), { channel: 'sms' });
        const dry = await belfry.want(200, 'POST', '/v1/notifications',
            { to: user, channels: ['sms'], title: 'x', dry_run: true });
        assert.equal(dry.plan[0].reason, 'suppress.manual');
    });

    it('is of all channels where none is named', async () => {
        const { email } = await somebody();
        const all = ['discord', 'email', 'slack', 'sms', 'telegram', 'webhook',
            'whatsapp'];
        const put = await call(201, 'PUT', at(email),
            { reason: 'suppress.complaint' });
        assert.deepEqual(channelsOf(put), all);
        assert.deepEqual(await belfry.get(at(email)), put);
        const again = await call(200, 'PUT', at(email), {});
        assert.deepEqual(again.suppressions.map((s) => [s.version, s.reason]),
            all.map(() => [2, 'suppress.manual']));
        await call(204, 'DELETE', at(email, '?channel=slack'));
        assert.deepEqual(channelsOf(await belfry.get(at(email))),
            all.filter((c) => c !== 'slack'));
        await call(404, 'DELETE', at(email, '?channel=slack'));
        await call(204, 'DELETE', at(email));
        await call(404, 'GET', at(email));
        await call(404, 'DELETE', at(email));
    });

    it('keeps to If-Match, of one channel', async () => {
        const { email } = await somebody();
        const match = (tag) => ({ headers: { 'If-Match': tag } });
        const made = await belfry.api('PUT', at(email), { channel: 'email' });
        assert.equal(made.status, 201);
        assert.equal(made.headers.get('etag'), '"1"');
        await call(412, 'PUT', at(email), { channel: 'email' }, match('"7"'));
        await call(200, 'PUT', at(email), { channel: 'email', note: 'n' },
            match('"1"'));
        const shown = await belfry.api('GET', at(email, '?channel=email'));
        assert.equal(shown.headers.get('etag'), '"2"');
        const [s] = shown.body.suppressions;
        assert.deepEqual([s.version, s.note], [2, 'n']);
        await call(412, 'DELETE', at(email, '?channel=email'), undefined,
            match('"1"'));
        for (const [method, body] of [['PUT', {}], ['DELETE', undefined]]) {
            const p = await call(422, method, at(email), body, match('"2"'));
            assert.equal(p.errors[0].pointer, '/channel');
        }
        await call(204, 'DELETE', at(email, '?channel=email'), undefined,
            match('"2"'));
    });

    it('is listed by channel and address, page by page', async () => {
        const workspace = 'listed';
        await belfry.put(`/v1/workspaces/${workspace}`, {});
        const put = (address, body) => call(201, 'PUT', at(address), body,
            { workspace });
        const long = `https://h.example/${'x'.repeat(1900)}`;
        await put('b@example.org', { channel: 'email' });
        await put('a@example.org',
            { channel: 'email', reason: 'suppress.bounce' });
        await put('+4930', { channel: 'sms', reason: 'suppress.bounce' });
        await put(long, { channel: 'webhook' });
        const wanted = ['email a@example.org', 'email b@example.org',
            'sms +4930', `webhook ${long}`];
        const read = async (query) => {
            const got = [];
            for (let after = ''; after !== null;) {
                const page = await belfry.get(`/v1/suppressions?${query}${
                    after && `&after=${after}`}`, { workspace });
                got.push(...page.data.map((s) => `${s.channel} ${s.address}`));
                after = page.next;
            }
            return got;
        };
        assert.deepEqual(await read('limit=1'), wanted);
        assert.deepEqual(await read('limit=3'), wanted);
        assert.deepEqual(await read('limit=1&channel=email'),
            wanted.slice(0, 2));
        assert.deepEqual(await read('limit=1&reason=suppress.bounce'),
            [wanted[0], wanted[2]]);
        assert.deepEqual(await read('channel=sms&reason=suppress.manual'), []);
        await call(201, 'PUT', at('b@example.org'), { channel: 'slack' },
            { workspace });
        assert.deepEqual(await read('limit=1&address=b%40example.org'),
            ['email b@example.org', 'slack b@example.org']);
        assert.deepEqual((await belfry.get('/v1/suppressions?address=+4930'))
            .data, []); // another workspace's
    });

    it('reads a long list by reason in parts', async () => {
        const workspace = 'long';
        await belfry.put(`/v1/workspaces/${workspace}`, {});
        for (let i = 0; i < 520; i += 20)
            await Promise.all(Array.from({ length: 20 }, (_, k) => call(201,
                'PUT', at(`u${String(i + k).padStart(4, '0')}@example.org`),
                { channel: 'email', reason: i + k === 519 ? 'contact.gone' :
                    'suppress.manual' }, { workspace })));
        const page = await belfry.get('/v1/suppressions?reason=contact.gone',
            { workspace });
        assert.deepEqual(page.data.map((s) => s.address),
            ['u0519@example.org']);
        assert.equal(page.next, null);
    });

    it('names what is wrong', async () => {
        const faulty = async (method, path, body) => {
            const p = await call(422, method, path, body);
            return p.errors.map((e) => e.pointer);
        };
        for (const channel of ['in_app', 'teams', 'web_push', 'fax', ''])
            assert.deepEqual(await faulty('PUT', at('x@y.z'), { channel }),
                ['/channel']);
        assert.deepEqual(await faulty('PUT', at('x@y.z'),
            { reason: 'expired.ttl' }), ['/reason']);
        assert.deepEqual(await faulty('PUT', at('x@y.z'),
            { note: 'n'.repeat(501), why: 1 }), ['/note', '/why']);
        assert.deepEqual(await faulty('PUT', at('a\nb'), {}), ['/address']);
        assert.deepEqual(await faulty('PUT', at('x'.repeat(2049)), {}),
            ['/address']);
        assert.deepEqual(await faulty('GET', at('x@y.z', '?channel=in_app')),
            ['/channel']);
        assert.deepEqual(await faulty('GET', '/v1/suppressions?reason=no'),
            ['/reason']);
        assert.deepEqual(await faulty('GET', '/v1/suppressions?channel=no'),
            ['/channel']);
    });

    it('needs the scopes that users need', async () => {
        const key = async (...scopes) => ({ key: (await call(201, 'POST',
            '/v1/keys', { scopes })).key });
        const reader = await key('read'), sender = await key('send');
        const { email } = await somebody();
        await call(403, 'PUT', at(email), {}, reader);
        await call(403, 'DELETE', at(email), undefined, reader);
        await call(200, 'GET', '/v1/suppressions', undefined, reader);
        await call(403, 'GET', '/v1/suppressions', undefined, sender);
        await call(201, 'PUT', at(email), {}, await key('write'));
    });

    it('stands in the audit log, by whom', async () => {
        const { email } = await somebody();
        await call(201, 'PUT', at(email), { channel: 'email' });
        await call(200, 'PUT', at(email), { channel: 'email' });
        await call(204, 'DELETE', at(email));
        const { data } = await belfry.get(`/v1/audit?kind=suppression&key=${
            encodeURIComponent(`email:${email}`)}`);
        assert.deepEqual(data.map((l) => [l.action, l.actor, l.from_version,
            l.to_version]), [['delete', 'root', 2, null],
            ['replace', 'root', 1, 2], ['create', 'root', null, 1]]);
    });

    it('is told of by the command line', async () => {
        const { user, email } = await somebody();
        const cli = async (...args) => {
            const out = await belfry.cli(['suppression', ...args]);
            assert.equal(out.code, 0, out.stderr);
            told = out.stderr;
            return out.stdout;
        };
        let told;
        await cli('add', email, '--channel', 'email', '--note', 'by letter');
        assert.deepEqual(await outcome(user, 'email'),
            ['suppressed', 'suppress.manual']);
        assert.match(await cli('ls', email),
            /^ADDRESS +CHANNEL +REASON +SINCE +NOTE\n.*email +suppress\.manual .*by letter\n$/);
        const one = JSON.parse(await cli('ls', email, '--channel', 'email',
            '--reason', 'suppress.manual', '--json'));
        assert.deepEqual([one.address, one.channel, one.note],
            [email, 'email', 'by letter']);
        const again = JSON.parse(await cli('add', email, '--json'));
        assert.equal(again.suppressions.length, 7);
        await cli('rm', email, '--channel', 'slack');
        assert.match(told, /is written to again on slack\n/);
        await cli('rm', email);
        assert.match(told, /is written to again\n/);
        assert.equal(await cli('ls', email, '--json'), '');
        const missing = await belfry.cli(['suppression', 'rm', email]);
        assert.notEqual(missing.code, 0);
        assert.match(missing.stderr, /not suppressed/);
    });
});
