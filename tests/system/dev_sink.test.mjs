// With --dev nothing leaves this machine, and people's own tests can look at
// what would have.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start, started } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';
import { receiver } from './lib/webhook.mjs';

describe('belfry serve --dev', { timeout: 60000 }, () => {
    let belfry, mail, hook;

    before(async () => {
        mail = await mailServer();
        hook = await receiver();
        belfry = await start({ dev: true });
        await belfry.put('/v1/providers/mail', { channel: 'email',
            driver: 'smtp', config: { host: '127.0.0.1', port: mail.port,
                from: 'a@example.org', tls: 'none' } });
        await belfry.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook', config: { url: hook.url('/x'),
                secret: hook.secret } });
        await belfry.put('/v1/users/ada', { email: 'ada@example.org' });
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await Promise.all([mail?.close(), hook?.close()]);
        }
    });

    it('catches what would leave, and shows it', async () => {
        const id = await belfry.send({ to: 'ada', title: 'Caught <1>',
            body: 'the body', channels: ['email', 'webhook', 'in_app'] });
        const n = await belfry.settled(id);
        assert.ok(n.deliveries.every((d) =>
            ['sent', 'delivered'].includes(d.status)));
        const caught = await belfry.get('/v1/dev/messages');
        const channels = caught.data.map((m) => m.channel).sort();
        assert.deepEqual(channels, ['email', 'webhook']);
        const text = JSON.stringify(caught.data);
        assert.ok(text.includes('ada@example.org'));
        assert.ok(text.includes('Caught <1>'));
        assert.equal(mail.messages.length, 0);
        assert.equal(hook.all.length, 0);
        assert.match(JSON.stringify(await belfry.trace(id)),
            /sandbox\.not_sent|sink/);
    });

    it('says that it took the test of a provider', async () => {
        const test = (name) => belfry.want(200, 'POST',
            `/v1/providers/${name}/test`, { to: 'ada@example.org' });
        assert.equal((await test('mail')).reason, 'sandbox.not_sent');
        assert.equal((await test('hook')).reason, 'sandbox.not_sent');
        assert.equal((await test('dev-log-file')).reason, null);
        const out = await belfry.cli(['provider', 'test', 'mail', '--to',
            'ada@example.org']);
        assert.equal(out.code, 0, out.stderr);
        assert.match(out.stderr, /mail: sent: the development sink took it/);
        assert.equal(mail.messages.length + hook.all.length, 0);
    });

    it('forgets it when told', async () => {
        await belfry.want(204, 'DELETE', '/v1/dev/messages');
        assert.deepEqual((await belfry.get('/v1/dev/messages')).data, []);
    });
});

describe('belfry serve', { timeout: 60000 }, () => {
    it('has no sink without --dev', async (t) => {
        const belfry = await started(t);
        await belfry.want(404, 'GET', '/v1/dev/messages');
    });
});
