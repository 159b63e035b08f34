// What providers do wrong, and that each wrong is told apart, shown in the
// ledger, and kept from the others.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { started } from './lib/belfry.mjs';
import { makeCertificates } from './lib/ca.mjs';
import { mailServer } from './lib/smtp.mjs';
import { receiver } from './lib/webhook.mjs';
import { until } from './lib/until.mjs';

const RETRY = { strategy: 'fixed', base: '1s', attempts: 3 };

async function withHook(t, extra = {}) {
    const hook = await receiver();
    t.after(() => hook.close());
    const belfry = await started(t);
    await belfry.put('/v1/providers/hook', {
        channel: 'webhook', driver: 'webhook', retry: RETRY, timeout: '1s',
        config: { url: hook.url('/in'), secret: hook.secret }, ...extra,
    });
    const send = (to = 'u1') => belfry.send({ to, title: 'x', body: 'y',
        channels: ['webhook'] });
    return { hook, belfry, send };
}

async function withMail(t, options = {}) {
    const mail = await mailServer(options.server);
    t.after(() => mail.close());
    const belfry = await started(t, options.belfry);
    await belfry.put('/v1/providers/mail', {
        channel: 'email', driver: 'smtp', retry: RETRY, timeout: '2s',
        config: { host: '127.0.0.1', port: mail.port, tls: 'none',
            from: 'bell@example.org', ...options.config },
        ...options.provider,
    });
    await belfry.put('/v1/users/eve', { email: 'eve@example.org' });
    const send = () => belfry.send({ to: 'eve', title: 'x', body: 'y',
        channels: ['email'] });
    return { mail, belfry, send };
}

const verdicts = (d) => d.log.map((a) => a.verdict);

// The delivery once its status is that; its trace tells of the same calls.
async function told(belfry, id, channel, status) {
    const d = await belfry.reaches(id, channel, status);
    const steps = (await belfry.trace(id)).filter((s) =>
        s.stage === 'attempt' && s.channel === channel);
    assert.deepEqual(steps.map((s) => s.verdict), verdicts(d));
    assert.equal(d.attempts, d.log.length);
    return d;
}

describe('a webhook', { timeout: 120000 }, () => {
    it('that answers 500 is called again with the same id', async (t) => {
        const { hook, belfry, send } = await withHook(t);
        hook.script('/in', [500, 502]);
        const id = await send();
        const d = await told(belfry, id, 'webhook', 'delivered');
        assert.equal(d.attempts, 3);
        assert.deepEqual(verdicts(d), ['retry', 'rate', 'delivered']);
        assert.deepEqual(d.log.map((a) => a.status), [500, 502, 200]);
        const calls = hook.calls('/in');
        assert.equal(calls.length, 3);
        assert.ok(calls.every((c) => c.isVerified));
        assert.deepEqual([...new Set(calls.map((c) =>
            c.headers['webhook-id']))], [d.id]);
        assert.ok(calls[1].at - calls[0].at >= 950, 'never early');
        const steps = (await belfry.trace(id)).filter((s) =>
            s.channel === 'webhook');
        assert.ok(steps.length >= 4, `${steps.length} steps`);
    });

    it('that answers 429 is left alone for as long as it says', async (t) => {
        const { hook, belfry, send } = await withHook(t);
        hook.script('/in', [{ status: 429, headers: { 'Retry-After': '3' } }]);
        const id = await send();
        const waiting = await belfry.reaches(id, 'webhook', 'retrying');
        assert.equal(waiting.log[0].verdict, 'rate');
        assert.ok(waiting.log[0].retry_at);
        const d = await told(belfry, id, 'webhook', 'delivered');
        assert.equal(d.attempts, 2);
        const [first, second] = hook.calls('/in');
        assert.ok(second.at - first.at >= 2950,
            `${second.at - first.at} ms`);
        assert.ok(second.at - first.at < 6000, 'nor much later');
    });

    it('that hangs may have got it, and says so', async (t) => {
        const { hook, belfry, send } = await withHook(t);
        hook.script('/in', ['hang']);
        const id = await send();
        const d = await told(belfry, id, 'webhook', 'delivered');
        assert.deepEqual(verdicts(d), ['unknown', 'delivered']);
        assert.equal(hook.calls('/in').length, 2);
    });

    for (const step of ['close', 'half'])
        it(`that does "${step}" is called again`, async (t) => {
            const { hook, belfry, send } = await withHook(t);
            hook.script('/in', [step]);
            const id = await send();
            const d = await told(belfry, id, 'webhook', 'delivered');
            assert.deepEqual(verdicts(d), ['unknown', 'delivered']);
            assert.equal(d.attempts, 2);
        });

    it('that is gone gets no more until its address changes', async (t) => {
        const { hook, belfry, send } = await withHook(t);
        await belfry.put('/v1/users/u1', { webhook: hook.url('/old') });
        hook.script('/old', [410]);
        const d = await told(belfry, await send(), 'webhook', 'failed');
        assert.equal(d.reason, 'contact.gone');
        assert.deepEqual(verdicts(d), ['gone']);
        const next = await belfry.reaches(await send(), 'webhook',
            'suppressed');
        assert.equal(next.reason, 'contact.gone');
        assert.equal(hook.calls('/old').length, 1);
        await belfry.put('/v1/users/u1', { webhook: hook.url('/new') });
        await told(belfry, await send(), 'webhook', 'delivered');
        assert.equal(hook.calls('/new').length, 1);
    });

    it('that never works becomes a dead letter, and can be retried',
        async (t) => {
            const { hook, belfry, send } = await withHook(t);
            hook.script('/in', [500, 500, 500]);
            const id = await send();
            const d = await told(belfry, id, 'webhook', 'dead');
            assert.equal(d.reason, 'attempts.exhausted');
            assert.equal(d.attempts, 3);
            const groups = await belfry.get('/v1/deliveries/groups');
            const mine = groups.data.find((g) => g.channel === 'webhook');
            assert.ok(mine, JSON.stringify(groups));
            const dead = await belfry.get('/v1/deliveries?status=dead');
            assert.deepEqual(dead.data.map((x) => x.id), [d.id]);
            await belfry.want(202, 'POST', `/v1/deliveries/${d.id}/retry`);
            const again = await told(belfry, id, 'webhook', 'delivered');
            assert.equal(again.attempts, 4);
            assert.equal(again.log.length, 4);
            assert.equal(again.id, d.id);
        });

    it('that redirects is not followed', async (t) => {
        const { hook, belfry, send } = await withHook(t);
        const to = { status: 302, headers: { Location: hook.url('/other') } };
        hook.script('/in', [to]);
        const d = await told(belfry, await send(), 'webhook', 'delivered');
        assert.deepEqual(verdicts(d), ['retry', 'delivered']);
        assert.equal(hook.calls('/other').length, 0);
    });

    it('that answers with megabytes is cut short', async (t) => {
        const { hook, belfry, send } = await withHook(t, { timeout: '20s' });
        const body = Buffer.alloc(20 << 20, 'x');
        const answer = { status: 500, body };
        hook.script('/in', [answer]);
        const before = await belfry.residentKiB();
        const d = await told(belfry, await send(), 'webhook', 'delivered');
        assert.equal(d.attempts, 2);
        assert.ok(d.log[0].detail.length <= 1024);
        const grown = await belfry.residentKiB() - before;
        assert.ok(grown < 12 << 10, `${grown} KiB`);
    });

    it('that nobody serves is a call that was surely not made', async (t) => {
        const { hook, belfry, send } = await withHook(t);
        const closed = await receiver();
        await closed.close();
        await belfry.put('/v1/users/u1', { webhook: closed.url('/') });
        const d = await told(belfry, await send(), 'webhook', 'dead');
        assert.deepEqual(verdicts(d), ['retry', 'retry', 'retry']);
        assert.equal(hook.all.length, 0);
    });

    it('at a port that is for other services is never called', async (t) => {
        const { belfry, send } = await withHook(t);
        await belfry.put('/v1/users/u1', { webhook: 'http://127.0.0.1:25/' });
        const d = await told(belfry, await send(), 'webhook', 'failed');
        assert.match(d.log[0].detail, /port/);
    });

    it('in a private range is refused', async (t) => {
        const { belfry, send } = await withHook(t);
        await belfry.put('/v1/users/u1', { webhook: 'http://10.1.2.3/' });
        const d = await belfry.reaches(await send(), 'webhook',
            ['failed', 'dead']);
        assert.equal(d.reason, 'egress.refused');
    });

    it('hands over to the next provider of its channel', async (t) => {
        const { hook, belfry, send } = await withHook(t, { order: 1 });
        await belfry.put('/v1/providers/second', {
            channel: 'webhook', driver: 'webhook', order: 2, retry: RETRY,
            config: { url: hook.url('/second'), secret: hook.secret },
        });
        hook.script('/in', [500, 500, 500]);
        const d = await told(belfry, await send(), 'webhook', 'delivered');
        assert.equal(d.provider, 'second');
        assert.equal(d.attempts, 2);
        assert.deepEqual(d.log.map((a) => a.provider), ['hook', 'second']);
        assert.equal(hook.calls('/in').length, 1);
    });
});

describe('a provider that hangs', { timeout: 120000 }, () => {
    it('does not delay another', async (t) => {
        const { hook, belfry } = await withHook(t,
            { timeout: '30s', concurrency: 4 });
        const mail = await mailServer();
        t.after(() => mail.close());
        await belfry.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp', config: { tls: 'none',
                host: '127.0.0.1', port: mail.port, from: 'a@example.org' },
        });
        await belfry.put('/v1/users/eve', { email: 'eve@example.org' });
        hook.script('/in', Array(200).fill('hang'));
        for (let i = 0; i < 40; i++)
            await belfry.send({ to: 'eve', title: `h${i}`,
                channels: ['webhook'] });
        await until('the webhook hangs', () => hook.all.length >= 4);
        const began = Date.now();
        for (let i = 0; i < 20; i++)
            await belfry.send({ to: 'eve', title: `m${i}`,
                channels: ['email', 'in_app'] });
        await mail.received('eve@example.org', 20);
        assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
        assert.equal(hook.all.length, 4, 'no more than its concurrency');
        // So that the end has nothing in flight to wait for.
        hook.server.closeAllConnections();
        hook.scripts.clear();
    });

    it('does not delay another of its kind', async (t) => {
        const calls = 200;
        const { mail, belfry } = await withMail(t, {
            provider: { timeout: '60s', concurrency: calls },
        });
        const other = await mailServer();
        t.after(() => other.close());
        await belfry.put('/v1/workspaces/other', { name: 'Other' });
        const there = { workspace: 'other' };
        await belfry.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp', config: { tls: 'none',
                host: '127.0.0.1', port: other.port, from: 'a@example.org' },
        }, there);
        await belfry.put('/v1/users/kim', { email: 'kim@example.org' }, there);
        mail.script('eve@example.org', Array(2 * calls).fill('hang'));
        for (let i = 0; i < calls; i += 50)
            await belfry.want(200, 'POST', '/v1/notifications/batch',
                Array.from({ length: 50 }, () => ({ to: 'eve', title: 'x',
                    channels: ['email'] })));
        await until('the mail server hangs', () =>
            mail.attempts.length === calls);
        const began = Date.now();
        for (let i = 0; i < 20; i++)
            await belfry.send({ to: 'kim', title: `m${i}`,
                channels: ['email'] }, there);
        await other.received('kim@example.org', 20);
        assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
        // So that the end has nothing in flight to wait for.
        mail.scripts.clear();
        for (const c of mail.server.connections) c._socket.destroy();
    });
});

describe('a mail server', { timeout: 120000 }, () => {
    it('that says 450 is tried again', async (t) => {
        const { mail, belfry, send } = await withMail(t);
        mail.script('eve@example.org', ['450']);
        const d = await told(belfry, await send(), 'email', 'sent');
        assert.deepEqual(verdicts(d), ['retry', 'sent']);
        assert.equal(d.log[0].status, 450);
        assert.match(d.log[0].detail, /try again later/);
        assert.equal(mail.messages.length, 1);
    });

    it('that says 550 5.1.1 ends it, and the next is suppressed',
        async (t) => {
            const { mail, belfry, send } = await withMail(t);
            mail.script('eve@example.org', ['550']);
            const d = await told(belfry, await send(), 'email', 'failed');
            assert.equal(d.reason, 'contact.gone');
            assert.equal(d.log[0].status, 550);
            const next = await belfry.reaches(await send(), 'email',
                'suppressed');
            assert.equal(next.reason, 'contact.gone');
            await belfry.put('/v1/users/eve', { email: 'new@example.org' });
            await told(belfry, await send(), 'email', 'sent');
            assert.equal(mail.to('new@example.org').length, 1);
        });

    it('that refuses the content ends it', async (t) => {
        const { mail, belfry, send } = await withMail(t);
        mail.script('eve@example.org', ['data554']);
        const d = await told(belfry, await send(), 'email', 'failed');
        assert.equal(d.reason, 'provider.rejected');
        assert.equal(d.log[0].status, 554);
    });

    for (const step of ['hang', 'cut', 'drop', 'data451'])
        it(`that does "${step}" is tried again`, async (t) => {
            const { mail, belfry, send } = await withMail(t);
            mail.script('eve@example.org', [step]);
            const d = await told(belfry, await send(), 'email', 'sent');
            assert.equal(d.attempts, 2);
            assert.equal(d.log[1].verdict, 'sent');
            const took = mail.to('eve@example.org');
            // Only after the dot may it have been taken twice, and that is
            // marked.
            assert.equal(took.length, step === 'drop' ? 2 : 1);
            if (step === 'drop') {
                assert.equal(d.log[0].verdict, 'unknown');
                assert.equal(took[0].mail.messageId, took[1].mail.messageId);
            }
        });

    it('that takes no such password is told apart', async (t) => {
        const { mail, belfry, send } = await withMail(t, {
            server: { login: { username: 'bell', password: 'right-one' } },
            config: { username: 'bell', password: 'wrong-one-4711' },
        });
        const id = await send();
        const d = await until('an attempt is in the ledger', async () => {
            const one = await belfry.delivery(id, 'email');
            return one.log.length > 0 && one;
        });
        assert.equal(d.log[0].verdict, 'credentials');
        assert.equal(mail.messages.length, 0);
        const trace = JSON.stringify(await belfry.trace(id));
        assert.ok(!trace.includes('wrong-one-4711'));
        assert.ok(!belfry.stderr.includes('wrong-one-4711'));
    });

    for (const tls of ['starttls', 'tls'])
        it(`gets it over "${tls}" and a login`, async (t) => {
            const dir = await mkdtemp(path.join(tmpdir(), 'belfry-ca-'));
            t.after(() => rm(dir, { recursive: true }));
            const certificates = await makeCertificates(dir,
                ['localhost', '127.0.0.1']);
            const login = { username: 'bell', password: 'right-one' };
            const { mail, belfry, send } = await withMail(t, {
                server: { certificates, login, secure: tls === 'tls' },
                belfry: { env: { SSL_CERT_FILE: certificates.authorityFile } },
                config: { host: 'localhost', tls, ...login },
            });
            await told(belfry, await send(), 'email', 'sent');
            assert.equal(mail.messages.length, 1);
            assert.ok(mail.messages[0].isSecure);
            assert.equal(mail.logins[0].username, 'bell');
        });

    it('with a certificate of a stranger waits for the operator', async (t) => {
        const dir = await mkdtemp(path.join(tmpdir(), 'belfry-ca-'));
        t.after(() => rm(dir, { recursive: true }));
        const certificates = await makeCertificates(dir);
        const { mail, belfry, send } = await withMail(t, {
            server: { certificates },
            config: { host: 'localhost', tls: 'starttls' },
        });
        const id = await send();
        const waiting = await belfry.reaches(id, 'email', 'retrying');
        assert.deepEqual(verdicts(waiting), ['credentials']);
        assert.match(waiting.log[0].detail, /certificate/);
        assert.equal(mail.messages.length, 0);
        // Another configuration is tried at once, whatever the old one did.
        await belfry.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp', retry: RETRY, timeout: '2s',
            config: { host: 'localhost', port: mail.port, tls: 'none',
                from: 'bell@example.org' },
        });
        const d = await told(belfry, id, 'email', 'sent');
        assert.deepEqual(verdicts(d), ['credentials', 'sent']);
        assert.equal(mail.messages.length, 1);
    });
});
