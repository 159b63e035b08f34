// POST /v1/explain: would somebody get it, and why not, without sending it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createServer } from 'node:http';
import { start } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';

// The 48 bits that a public id begins with, in Crockford's base 32.
const millisecondsOf = (id) => [...id.slice(4, 14)].reduce((n, c) =>
    n * 32 + '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(c), 0);

describe('explain', { timeout: 120000 }, () => {
    let b, broken;
    const explain = (body) => b.want(200, 'POST', '/v1/explain', body);
    const step = (channel, stage) => channel.steps
        .find((s) => s.stage === stage);

    before(async () => {
        b = await start({ roles: 'all' });
        broken = createServer((_, answer) => {
            answer.statusCode = 500;
            answer.end();
        });
        await new Promise((resolve) => broken.listen(0, '127.0.0.1', resolve));
        await b.put('/v1/users/ada', { email: 'ada@example.org' });
        await b.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook', config: { url:
                `http://127.0.0.1:${broken.address().port}/` },
            retry: { strategy: 'fixed', base: '1h', attempts: 2 } });
    });
    after(async () => {
        broken?.close();
        await b?.stop();
    });

    it('says for each channel what decides, and sends nothing', async () => {
        await b.put('/v1/users/ada/preferences',
            { channels: { in_app: false } });
        const a = await explain({ user: 'ada', notification:
            { channels: ['in_app', 'webhook', 'email'], title: 't' } });
        assert.deepEqual(a.channels.map((c) => [c.channel, c.verdict,
            c.reason]), [['in_app', 'skip', 'pref.channel_off'],
            ['webhook', 'send', null], ['email', 'skip', 'provider.none']]);
        assert.equal(a.verdict, 'send');
        assert.match(a.channels[0].explanation, /switched this channel off/);
        assert.equal(step(a.channels[0], 'preference').by,
            'user/channels/in_app');
        assert.deepEqual((await b.get('/v1/notifications')).data, []);
        assert.deepEqual((await b.get('/v1/deliveries')).data, []);
    });

    it('knows how the providers are', async () => {
        const channel = async () => (await explain({ user: 'ada',
            notification: { channels: ['webhook'], title: 't' } }))
            .channels[0];
        const provider = async () => (await channel()).providers[0];
        assert.deepEqual((await provider()).name, 'hook');
        await b.want(200, 'POST', '/v1/providers/hook/pause');
        assert.equal((await provider()).paused, true);
        assert.match((await channel()).explanation, /goes on.*is paused/);
        await b.want(200, 'POST', '/v1/providers/hook/resume');
        assert.match((await channel()).explanation, /would go out now/);
        for (let i = 0; i < 8; i++)
            await b.want(202, 'POST', '/v1/notifications',
                { to: 'ada', channels: ['webhook'], title: `t${i}` });
        await until('its breaker is open', async () =>
            (await provider()).health === 'degraded', { timeout: 20000 });
        assert.match((await provider()).detail, /breaker is open/);
        const { code, stdout, stderr } = await b.cli(['provider', 'ls']);
        assert.equal(code, 0);
        assert.match(stdout, /^NAME .* WEIGHT /);
        assert.match(stderr, /default\/hook is degraded: .*breaker is open/);
    });

    it('answers who may read, and nobody else', async () => {
        const keys = {};
        for (const scope of ['read', 'send'])
            keys[scope] = (await b.want(201, 'POST', '/v1/keys',
                { name: scope, scopes: [scope] })).key;
        const body = { user: 'ada', notification: { title: 't' } };
        const ask = async (key) => (await b.api('POST', '/v1/explain', body,
            { key })).status;
        assert.equal(await ask(keys.read), 200);
        assert.equal(await ask(keys.send), 403);
    });

    it('refuses what a send would refuse, at its place', async () => {
        for (const [body, pointer] of [
            [{ user: 'ada' }, '/notification'],
            [{ user: 'ada', notification: 'x' }, '/notification'],
            [{ user: 'a b', notification: { title: 't' } }, '/user'],
            [{ user: 'ada', notification: { title: 't', to: 'x' } },
                '/notification/to'],
            [{ user: 'ada', notification: { channels: ['smoke'], title: 't' } },
                '/notification/channels/0'],
            [{ user: 'ada', notification: { title: 't' }, at: 'noon' }, '/at'],
            ...['1970-01-01T00:00:00Z', '2100-01-01T00:00:00Z',
                '9999-12-31T23:59:59Z'].map((at) => [{ user: 'ada',
                notification: { title: 't' }, at }, '/at']),
        ]) {
            const a = await b.api('POST', '/v1/explain', body);
            assert.equal(a.status, 422, a.text);
            assert.deepEqual(a.body.errors.map((e) => e.pointer), [pointer]);
        }
    });

    it('leaves the ids of what comes after it in their time', async () => {
        const at = new Date(Date.now() + 9 * 365 * 86400000).toISOString();
        const before = millisecondsOf(await b.send({ to: 'ada', title: 't' }));
        await b.post('/v1/explain', { user: 'ada', at,
            notification: { title: 't', channels: ['in_app', 'email'] } });
        const after = millisecondsOf(await b.send({ to: 'ada', title: 't' }));
        assert.ok(after - before < 600000, `${after - before} ms later`);
    });

    it('is what belfry why --user shows', async () => {
        const words = await b.cli(['why', '--user', 'ada', '--title', 't',
            '--channel', 'in_app']);
        assert.equal(words.code, 0, words.stderr);
        assert.match(words.stdout, /in_app +skip +pref\.channel_off/);
        assert.match(words.stdout, /by user\/channels\/in_app/);
        const json = await b.cli(['why', '--user', 'nobody', '--title', 't',
            '--channel', 'email', '--json', '--at', '10m']);
        assert.equal(json.code, 0, json.stderr);
        const a = JSON.parse(json.stdout);
        assert.equal(a.stored, false);
        assert.equal(a.channels[0].reason, 'provider.none');
        const sent = await b.want(202, 'POST', '/v1/notifications',
            { to: 'bob', title: 't' });
        const again = await b.cli(['why', sent.id, '--user', 'ada']);
        assert.equal(again.code, 0, again.stderr);
        assert.match(again.stdout, /pref\.channel_off/);
        assert.equal((await b.cli(['why', '--user', 'ada'])).code, 2);
        assert.equal((await b.cli(['why'])).code, 2);
    });
});
