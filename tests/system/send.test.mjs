// One document in, four channels out, and each of them seen by the library
// that people use on the other side.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { generateKeyPairSync, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { start } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';
import { receiver } from './lib/webhook.mjs';
import { Source } from './lib/sse.mjs';

const HTML = '<p>Your order <b>4711</b> is <a href="https://example.org/o">' +
    'on its way</a> — Grüße</p>';
// Spaces and digits that a parser which prints again would lose.
const DATA = '{ "price": "65000.10", "n": 1.50, "list":[1, 2,3] }';

describe('one notification on in_app, email, webhook and log_file', () => {
    const keys = generateKeyPairSync('ed25519');
    let belfry, mail, hook, source, id, logFile;

    before(async () => {
        mail = await mailServer();
        hook = await receiver();
        belfry = await start();
        logFile = path.join(belfry.dir, 'notifications.log');
        await belfry.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp', config: {
                host: '127.0.0.1', port: mail.port, tls: 'none',
                from: 'Belfry <bell@example.org>',
            },
        });
        await belfry.put('/v1/providers/hook', {
            channel: 'webhook', driver: 'webhook',
            config: { url: hook.url('/in'), secret: [hook.secret, `whsk_${
                Buffer.from(keys.privateKey.export({ format: 'jwk' }).d,
                    'base64url').toString('base64')}`] },
        });
        await belfry.put('/v1/providers/file', {
            channel: 'log_file', driver: 'log_file',
            config: { path: logFile, format: 'json' },
        });
        await belfry.put('/v1/users/ada',
            { email: 'ada@example.org', locale: 'de' });
        source = new Source(`${belfry.url}/v1/inbox/stream`,
            await belfry.token('ada'));
        await source.next('hello');
        const body = '{"to":"ada","title":"Order 4711 — shipped",' +
            '"body":"Your order 4711 is on its way.\\nGrüße",' +
            `"html":${JSON.stringify(HTML)},"data":${DATA},` +
            '"actions":[{"id":"track","label":"Track",' +
            '"url":"https://example.org/t"}],"priority":"high",' +
            '"channels":["in_app","email","webhook","log_file"]}';
        const a = await belfry.want(202, 'POST', '/v1/notifications', body,
            { headers: { 'Content-Type': 'application/json' } });
        id = a.id;
        assert.equal(a.status, 'queued');
        assert.ok(Math.abs(Date.parse(a.created_at) - Date.now()) < 60000);
    });
    after(async () => {
        source?.close();
        try {
            await belfry?.stop();
        } finally {
            await Promise.all([mail?.close(), hook?.close()]);
        }
    });

    it('has the inbox item readable when the 202 arrives', async () => {
        const token = await belfry.token('ada');
        const inbox = await belfry.get('/v1/inbox', { key: token });
        assert.equal(inbox.data.length, 1);
        assert.equal(inbox.data[0].notification_id, id);
        assert.equal(inbox.data[0].title, 'Order 4711 — shipped');
        assert.equal(inbox.data[0].read_at, null);
        assert.deepEqual(inbox.counts, { unseen: 1, unread: 1 });
        assert.match(inbox.cursor, /^[^.]+\.\d+$/);
    });

    it('shows it to npm eventsource', async () => {
        const event = await source.next('item.upsert');
        assert.equal(event.data.item.notification_id, id);
        assert.equal(event.data.item.body,
            'Your order 4711 is on its way.\nGrüße');
        assert.deepEqual(event.data.counts, { unseen: 1, unread: 1 });
        assert.match(event.id, /^[^.]+\.\d+$/);
    });

    it('mails what npm mailparser takes apart again', async () => {
        const m = await mail.received('ada@example.org');
        const email = await belfry.reaches(id, 'email', 'sent');
        assert.equal(m.from, 'bell@example.org');
        assert.equal(m.mail.subject, 'Order 4711 — shipped');
        assert.equal(m.mail.from.text, '"Belfry" <bell@example.org>');
        assert.equal(m.mail.to.value[0].address, 'ada@example.org');
        assert.equal(m.mail.text.trim(),
            'Your order 4711 is on its way.\nGrüße');
        assert.equal(m.mail.html.trim(), HTML);
        assert.match(m.raw, /^Content-Type: multipart\/alternative/im);
        assert.ok(m.mail.messageId.includes(email.id), m.mail.messageId);
        assert.ok(Math.abs(m.mail.date - Date.now()) < 120000);
        assert.ok(m.mail.headers.has('list-unsubscribe') ||
            m.mail.headers.get('list')?.unsubscribe);
        assert.match(m.raw, /^List-Unsubscribe-Post: /im);
        assert.equal(mail.messages.length, 1);
    });

    it('calls the webhook as npm standardwebhooks and OpenSSL verify', async () => {
        const call = await hook.called('/in');
        const delivery = await belfry.reaches(id, 'webhook', 'delivered');
        assert.ok(call.isVerified, call.fault);
        const [, signature] = call.headers['webhook-signature']
            .match(/ v1a,(\S+)$/);
        assert.ok(verify(null, Buffer.from(`${call.headers['webhook-id']}.${
            call.headers['webhook-timestamp']}.${call.body}`), keys.publicKey,
        Buffer.from(signature, 'base64')));
        assert.equal(call.method, 'POST');
        assert.equal(call.headers['webhook-id'], delivery.id);
        assert.match(call.headers['content-type'], /^application\/json/);
        assert.deepEqual(Object.keys(call.json).sort(), ['actions', 'body',
            'category', 'channel', 'created_at', 'data', 'delivery_id',
            'notification_id', 'priority', 'title', 'user']);
        assert.equal(call.json.delivery_id, delivery.id);
        assert.equal(call.json.notification_id, id);
        assert.equal(call.json.user, 'ada');
        assert.equal(call.json.priority, 'high');
        assert.equal(call.json.actions[0].id, 'track');
        assert.ok(call.body.includes(`"data":${DATA}`),
            `data byte for byte in ${call.body}`);
    });

    it('writes the line of the log file', async () => {
        await belfry.reaches(id, 'log_file', 'delivered');
        const lines = (await readFile(logFile, 'utf8')).split('\n');
        assert.equal(lines.length, 2);
        assert.equal(lines[1], '');
        const line = JSON.parse(lines[0]);
        assert.equal(line.notification_id, id);
        assert.equal(line.channel, 'log_file');
        assert.equal(line.user, 'ada');
        assert.equal(line.title, 'Order 4711 — shipped');
        assert.ok(lines[0].includes(`"data":${DATA}`), lines[0]);
        assert.ok(!Number.isNaN(Date.parse(line.at)));
    });

    it('says so of each delivery', async () => {
        const n = await belfry.settled(id);
        const by = Object.fromEntries(n.deliveries.map((d) =>
            [d.channel, d]));
        assert.deepEqual(Object.keys(by).sort(),
            ['email', 'in_app', 'log_file', 'webhook']);
        assert.equal(by.in_app.status, 'delivered');
        assert.equal(by.email.status, 'sent');
        assert.equal(by.webhook.status, 'delivered');
        assert.equal(by.log_file.status, 'delivered');
        assert.equal(n.counts.delivered, 3);
        assert.equal(n.counts.sent, 1);
        for (const channel of ['email', 'webhook', 'log_file']) {
            assert.equal(by[channel].attempts, 1, channel);
            const one = await belfry.get(`/v1/deliveries/${by[channel].id}`);
            assert.equal(one.log.length, 1);
            assert.equal(one.log[0].n, 1);
            assert.equal(one.log[0].provider, one.provider);
        }
        assert.equal(by.in_app.attempts, 0);
    });

    it('keeps a trace in order with a step for each decision', async () => {
        await belfry.settled(id);
        const steps = await belfry.trace(id);
        assert.ok(steps.some((s) => s.stage === 'accept'));
        assert.ok(steps.some((s) => s.stage === 'audience'));
        for (const channel of ['in_app', 'email', 'webhook', 'log_file']) {
            const mine = steps.filter((s) => s.channel === channel);
            assert.ok(mine.length >= (channel === 'in_app' ? 1 : 2),
                `${channel} has ${mine.length} steps`);
            assert.ok(mine.every((s) => s.user === 'ada'));
        }
        const times = steps.map((s) => Date.parse(s.at));
        assert.deepEqual(times, [...times].sort((a, b) => a - b));
        const others = await belfry.get(
            `/v1/notifications/${id}/trace?user=nobody`);
        assert.ok(others.steps.every((s) => s.channel == null));
    });

    it('finds the deliveries by filter', async () => {
        await belfry.settled(id);
        const list = await belfry.get(
            `/v1/deliveries?notification_id=${id}&channel=email`);
        assert.equal(list.data.length, 1);
        assert.equal(list.next, null);
        const none = await belfry.get(
            `/v1/deliveries?notification_id=${id}&status=dead`);
        assert.deepEqual(none.data, []);
        const all = await belfry.get('/v1/notifications?limit=1');
        assert.equal(all.data[0].id, id);
    });
});

describe('who gets it, and on what', () => {
    let belfry, hook;

    before(async () => {
        hook = await receiver();
        belfry = await start();
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await hook?.close();
        }
    });

    it('goes to the inbox where no channel is named', async () => {
        const id = await belfry.send({ to: ['u1', 'u2', 'u1'], title: 'Hi' });
        const n = await belfry.settled(id);
        assert.deepEqual(n.deliveries.map((d) => [d.user, d.channel]).sort(),
            [['u1', 'in_app'], ['u2', 'in_app']]);
    });

    it('suppresses email for a user without an address', async () => {
        await belfry.put('/v1/providers/nowhere', {
            channel: 'email', driver: 'null', config: {},
        });
        const id = await belfry.send({
            to: 'stranger', title: 'Hi', channels: ['email', 'in_app'],
        });
        const n = await belfry.settled(id);
        const by = Object.fromEntries(n.deliveries.map((d) =>
            [d.channel, d]));
        assert.equal(by.email.status, 'suppressed');
        assert.equal(by.email.reason, 'contact.missing');
        assert.equal(by.in_app.status, 'delivered');
    });

    it('suppresses a channel without a provider', async () => {
        const id = await belfry.send({
            to: 'u1', title: 'Hi', channels: ['log_file'],
        });
        const n = await belfry.settled(id);
        assert.equal(n.deliveries[0].status, 'suppressed');
        assert.equal(n.deliveries[0].reason, 'provider.none');
    });

    it('calls the webhook of the user before that of the provider',
        async () => {
            await belfry.put('/v1/providers/hook', {
                channel: 'webhook', driver: 'webhook',
                config: { url: hook.url('/all'), secret: hook.secret },
            });
            await belfry.put('/v1/users/own', { webhook: hook.url('/own') });
            const id = await belfry.send({
                to: ['own', 'other'], title: 'Hi', channels: ['webhook'],
            });
            await belfry.settled(id);
            assert.equal(hook.calls('/own').length, 1);
            assert.equal(hook.calls('/own')[0].json.user, 'own');
            assert.equal(hook.calls('/all').length, 1);
            assert.equal(hook.calls('/all')[0].json.user, 'other');
        });

    it('merges an inline recipient into the stored user', async () => {
        const id = await belfry.send({
            to: { recipients: [{ id: 'ada', email: 'inline@example.org',
                data: { name: 'Ada' } }] },
            title: 'Hi', channels: ['email'],
        });
        await belfry.settled(id);
        const n = await belfry.get(`/v1/notifications/${id}`);
        assert.equal(n.deliveries[0].status, 'delivered');
        assert.equal(n.deliveries[0].user, 'ada');
    });

    it('plans without storing on dry_run', async () => {
        const before_ = await belfry.get('/v1/notifications?limit=1');
        const plan = await belfry.want(200, 'POST', '/v1/notifications', {
            to: ['u1', 'stranger'], title: 'Hi {{x}}', body: 'there',
            channels: ['in_app', 'email'], dry_run: true,
        });
        const rows = plan.plan.map((p) => [p.user, p.channel, p.verdict])
            .sort();
        assert.deepEqual(rows, [
            ['stranger', 'email', 'skip'], ['stranger', 'in_app', 'send'],
            ['u1', 'email', 'skip'], ['u1', 'in_app', 'send']]);
        const skipped = plan.plan.find((p) => p.verdict === 'skip');
        assert.equal(skipped.reason, 'contact.missing');
        const after_ = await belfry.get('/v1/notifications?limit=1');
        assert.equal(after_.data[0]?.id, before_.data[0]?.id);
    });

    it('takes plain text with the rest in the query', async () => {
        const a = await belfry.want(202, 'POST',
            '/v1/notifications?to=plain&title=Disk%20full', '93 % of /var',
            { headers: { 'Content-Type': 'text/plain' } });
        await belfry.settled(a.id);
        const inbox = await belfry.get('/v1/inbox',
            { key: await belfry.token('plain') });
        assert.equal(inbox.data[0].title, 'Disk full');
        assert.equal(inbox.data[0].body, '93 % of /var');
    });

    it('judges each item of a batch by itself', async () => {
        const items = [
            { to: 'b1', title: 'one' },
            { to: 'b1' , colour: 'red', title: 'two' },
            { to: 'b2', title: 'three', dedup_key: 'k' },
            { to: 'b2', title: 'three', dedup_key: 'k' },
        ];
        for (const [type, text] of [
            ['application/json', JSON.stringify(items)],
            ['application/x-ndjson', items.map((i) => JSON.stringify({
                ...i, ...(i.dedup_key ? { dedup_key: 'n' } : {}),
            })).join('\n') + '\n'],
        ]) {
            const a = await belfry.want(200, 'POST',
                '/v1/notifications/batch', text,
                { headers: { 'Content-Type': type } });
            assert.deepEqual(a.results.map((r) => r.status),
                [202, 422, 202, 200], type);
            assert.equal(a.results[1].problem.errors[0].pointer, '/colour');
            assert.equal(a.results[3].id, a.results[2].id);
            assert.equal(a.results[3].duplicate, true);
        }
    });
});
