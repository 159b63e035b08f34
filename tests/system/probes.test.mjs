// Providers are asked how they are, whether or not anything is sent to them.

import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, it } from 'node:test';
import { once } from 'node:events';
import path from 'node:path';
import { started } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { mailServer } from './lib/smtp.mjs';
import { receiver } from './lib/webhook.mjs';
import { pause, until } from './lib/until.mjs';

const probing = (t, extra = {}) => started(t,
    { env: { BELFRY_HEALTH_PROBE_EVERY: '1s', ...extra } });

async function component(belfry, name) {
    const health = await belfry.get('/v1/health');
    return health.components.find((c) => c.name === `provider/default/${name}`);
}

const becomes = (belfry, name, status, detail) =>
    until(`${name} is ${status}`, async () => {
        const c = await component(belfry, name);
        return c?.status === status && detail.test(c.detail) && c;
    });

// An HTTP API that answers what it is told; all that it was asked.
async function api(t) {
    const asked = [];
    let status = 200;
    const server = http.createServer((request, response) => {
        asked.push({ method: request.method, url: request.url,
            auth: request.headers.authorization });
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify({ ok: status === 200 }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
        server.closeAllConnections();
        server.close();
    });
    return { asked, url: `http://127.0.0.1:${server.address().port}`,
        answer: (s) => (status = s) };
}

describe('a probe', { timeout: 120000 }, () => {
    it('of a webhook connects, and posts nothing', async (t) => {
        const hook = await receiver();
        t.after(() => hook.close());
        let n = 0;
        hook.server.on('connection', () => n++);
        const belfry = await probing(t);
        await belfry.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook', config: { url: hook.url('/in') } });
        const c = await becomes(belfry, 'hook', 'ok', /^probe: ok in \d+ ms$/);
        assert.ok(Date.now() - Date.parse(c.at) < 10000);
        assert.ok(n >= 1);
        assert.equal(hook.all.length, 0);

        const { port } = hook;
        await hook.close();
        await becomes(belfry, 'hook', 'degraded', /^probe: retry, .+/);
        assert.equal((await belfry.get('/v1/health')).status, 'degraded');

        hook.server.listen(port, '127.0.0.1');
        await becomes(belfry, 'hook', 'ok', /^probe: ok/);
        const id = await belfry.send({ to: 'u1', title: 'x',
            channels: ['webhook'] });
        await belfry.reaches(id, 'webhook', 'delivered');
        await becomes(belfry, 'hook', 'ok',
            /^probe: ok in \d+ ms; 100 % of recent calls worked$/);
        assert.equal(hook.all.length, 1);

        const metrics = (await belfry.api('GET', '/metrics', undefined,
            { unchecked: true })).text;
        assert.match(metrics, new RegExp('belfry_provider_probes_total\\{' +
            'provider="hook",class="delivered"\\} [1-9]'));
        await belfry.want(204, 'DELETE', '/v1/providers/hook');
        await until('it is forgotten', async () =>
            !(await component(belfry, 'hook')));
    });

    it('that fails stops no deliveries', async (t) => {
        const fake = await api(t);
        fake.answer(500);
        const belfry = await probing(t);
        await belfry.put('/v1/providers/bot', { channel: 'telegram',
            driver: 'telegram', config: { bot_token: '7:x',
                base_url: fake.url } });
        await belfry.put('/v1/users/eve', { telegram: '42' });
        await becomes(belfry, 'bot', 'degraded', /^probe: retry, HTTP 500/);
        const n = fake.asked.length;
        await belfry.send({ to: 'eve', title: 'x', channels: ['telegram'] });
        await until('it is called all the same', () =>
            fake.asked.slice(n).some((a) => a.url.endsWith('/sendMessage')));
    });

    it('tells credentials apart, and asks what costs nothing', async (t) => {
        const fake = await api(t);
        const belfry = await probing(t);
        await belfry.put('/v1/providers/grid', { channel: 'email',
            driver: 'sendgrid', config: { api_key: 'SG.canary-4711',
                from: 'a@example.org', base_url: fake.url } });
        await becomes(belfry, 'grid', 'ok', /^probe: ok/);
        assert.deepEqual(new Set(fake.asked.map((a) => `${a.method} ${a.url} ` +
            a.auth)), new Set(['GET /v3/scopes Bearer SG.canary-4711']));
        fake.answer(401);
        await becomes(belfry, 'grid', 'degraded', /^probe: credentials/);
        assert.ok(!belfry.stderr.includes('canary-4711'));
        const n = fake.asked.length;
        await belfry.put('/v1/providers/grid', { channel: 'email',
            enabled: false, driver: 'sendgrid', config: { api_key: '***',
                from: 'a@example.org', base_url: fake.url } });
        await pause(100); // a probe may be under way
        const soon = fake.asked.length;
        await pause(2500);
        assert.ok(soon <= n + 1);
        assert.equal(fake.asked.length, soon, 'who is disabled is left alone');
    });

    it('of a mail server logs in, and sends nothing', async (t) => {
        const mail = await mailServer({ login: { username: 'bell',
            password: 'right' } });
        t.after(() => mail.close());
        const belfry = await probing(t);
        const put = (password) => belfry.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp', config: { host: '127.0.0.1',
                port: mail.port, tls: 'none', from: 'a@example.org',
                username: 'bell', password } });
        await put('wrong');
        await becomes(belfry, 'mail', 'degraded', /^probe: credentials/);
        await put('right');
        await becomes(belfry, 'mail', 'ok', /^probe: ok/);
        assert.equal(mail.attempts.length, 0);
    });

    it('of a log file makes none', async (t) => {
        const belfry = await probing(t);
        const put = (file) => belfry.put('/v1/providers/log', {
            channel: 'log_file', driver: 'log_file', config: { path: file } });
        await put(path.join(belfry.dir, 'none', 'a.log'));
        await becomes(belfry, 'log', 'degraded',
            /^probe: retry, cannot open the file: No such file/);
        await put(path.join(belfry.dir, 'a.log'));
        await becomes(belfry, 'log', 'ok', /^probe: ok/);
    });

    it('is made by one of several processes, and told by all', {
        skip: process.env.BELFRY_TEST_DATABASE !== 'postgres' &&
            'SQLite has one process',
    }, async (t) => {
        const fake = await api(t);
        const n = await nodes(t);
        const env = { BELFRY_HEALTH_PROBE_EVERY: '2s' };
        const front = await n.start(['api'], { env });
        const workers = [await n.start(['worker'], { env }),
            await n.start(['worker', 'scheduler'], { env })];
        assert.equal(workers.length, 2);
        await front.put('/v1/providers/n', { channel: 'ntfy', driver: 'ntfy',
            config: { topic: 'x', base_url: fake.url } });
        await until('the first one', () => fake.asked.length > 0);
        const from = fake.asked.length;
        await pause(8000);
        const asked = fake.asked.length - from;
        assert.ok(asked >= 2 && asked <= 5, `${asked} in four intervals`);
        await becomes(front, 'n', 'ok', /^probe: ok in/);
    });

    it('is made by nobody where it is off', async (t) => {
        const fake = await api(t);
        const belfry = await started(t);
        await belfry.put('/v1/providers/n', { channel: 'ntfy', driver: 'ntfy',
            config: { topic: 'x', base_url: fake.url } });
        await pause(2500);
        assert.equal(fake.asked.length, 0);
    });
});
