// The judges are judged first: what the other tests lean on has to notice
// what is wrong.

import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import nodemailer from 'nodemailer';
import { Webhook } from 'standardwebhooks';
import { makeCertificates } from './lib/ca.mjs';
import { Document } from './lib/openapi.mjs';
import { Postfix } from './lib/postfix.mjs';
import { exchange } from './lib/raw.mjs';
import { mailServer } from './lib/smtp.mjs';
import { rawStream, Source } from './lib/sse.mjs';
import { until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

describe('the OpenAPI judge', () => {
    const thing = { type: 'object', required: ['id'],
        additionalProperties: false,
        properties: { id: { type: 'string', pattern: '^t_' },
            at: { type: ['string', 'null'], format: 'date-time' } } };
    const json = (ref) => ({ 'application/json': { schema: { $ref: ref } } });
    const document = new Document({
        openapi: '3.1.0', info: { title: 't', version: '1' },
        paths: {
            '/v1/things/{id}': {
                get: { responses: {
                    200: { description: 'd',
                        headers: { 'X-Id': {
                            $ref: '#/components/headers/Id' } },
                        content: json('#/components/schemas/Thing') },
                    '4XX': { $ref: '#/components/responses/Problem' },
                } },
                put: {
                    requestBody: {
                        content: json('#/components/schemas/New') },
                    responses: { 204: { description: 'd' } },
                },
            },
            '/v1/things/counts': { get: { responses: {
                200: { description: 'd', content: { 'application/json': {
                    schema: { type: 'object', required: ['n'] } } } } } } },
        },
        components: {
            headers: { Id: { required: true, schema: { type: 'string' } } },
            schemas: { Thing: thing,
                New: { type: 'object', required: ['name'] } },
            responses: { Problem: { description: 'd', content: {
                'application/problem+json': { schema: {
                    type: 'object', required: ['code'] } } } } },
        },
    });
    const answer = (status, body, type = 'application/json') => ({
        status, type, body, text: body ? JSON.stringify(body) : '',
        headers: new Headers({ 'X-Id': '1' }) });
    const get = (route, a) =>
        document.check({ method: 'GET', route }, a);
    const put = (body, a) => document.check({ method: 'PUT',
        route: '/v1/things/t_1', body, contentType: 'application/json' }, a);

    it('is content with what is described', () => {
        assert.deepEqual(get('/v1/things/t_1?x=1', answer(200,
            { id: 't_1', at: '2026-01-01T00:00:00.000Z' })), []);
        assert.deepEqual(get('/v1/things/counts', answer(200, { n: 1 })), []);
        assert.deepEqual(get('/v1/things/x', answer(404, { code: 'c' },
            'application/problem+json')), []);
        assert.deepEqual(put({ name: 'n' }, answer(204)), []);
        assert.deepEqual(get('/v1/other', answer(404)), []);
    });

    it('notices what is not', () => {
        for (const faults of [
            get('/v1/things/t_1', answer(200, { id: 'x' })),
            get('/v1/things/t_1', answer(200, { id: 't_1', more: 1 })),
            get('/v1/things/t_1', answer(200, { id: 't_1', at: 'noon' })),
            get('/v1/things/t_1', answer(200, undefined)),
            get('/v1/things/t_1', answer(200, { id: 't_1' }, 'text/html')),
            get('/v1/things/t_1', answer(404, {},
                'application/problem+json')),
            get('/v1/things/t_1', answer(500, {})),
            get('/v1/things/t_1', { ...answer(200, { id: 't_1' }),
                headers: new Headers() }),
            get('/v1/things/counts', answer(200, { id: 't_1' })),
            get('/v1/other', answer(200, {})),
            put({}, answer(204)),
            document.check({ method: 'DELETE', route: '/v1/things/x' },
                answer(204)),
        ]) assert.equal(faults.length, 1, String(faults));
    });
});

describe('the mail server', () => {
    let server, dir, certificates;
    const send = (port, to, options = {}) => nodemailer.createTransport({
        host: '127.0.0.1', port, ignoreTLS: true, socketTimeout: 1500,
        ...options,
    }).sendMail({ from: 'a@example.org', to, subject: 'Grüße', text: 't',
        html: '<p>h</p>' });

    before(async () => {
        server = await mailServer();
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-ca-'));
        certificates = await makeCertificates(dir);
    });
    after(async () => {
        await server.close();
        await rm(dir, { recursive: true });
    });

    it('takes a mail apart', async () => {
        await send(server.port, 'ok@example.org');
        const m = await server.received('ok@example.org');
        assert.equal(m.mail.subject, 'Grüße');
        assert.equal(m.mail.text.trim(), 't');
        assert.equal(m.mail.html.trim(), '<p>h</p>');
    });

    it('does what a recipient\'s script says, once each', async () => {
        const to = 'bad@example.org';
        server.script(to, ['450', '550', 'data554', 'hang', 'cut', 'drop']);
        const codes = [];
        for (let i = 0; i < 6; i++)
            await send(server.port, to).catch((e) => codes.push(
                e.responseCode ?? 'cut'));
        assert.deepEqual(codes, [450, 550, 554, 'cut', 'cut', 'cut']);
        assert.equal(server.to(to).length, 1, 'the dropped one was taken');
        await send(server.port, to);
        assert.equal(server.to(to).length, 2);
    });

    it('speaks STARTTLS and asks for a login', async () => {
        const secure = await mailServer({ certificates,
            login: { username: 'u', password: 'p' } });
        const tls = { ignoreTLS: false, requireTLS: true,
            tls: { ca: [certificates.authority],
                servername: 'localhost' } };
        try {
            await assert.rejects(send(secure.port, 'x@example.org',
                { ...tls, auth: { user: 'u', pass: 'wrong' } }));
            await send(secure.port, 'x@example.org',
                { ...tls, auth: { user: 'u', pass: 'p' } });
            assert.equal(secure.messages[0].isSecure, true);
        } finally {
            await secure.close();
        }
    });
});

describe('Postfix', { timeout: 60000 }, () => {
    it('takes mail for whom it knows', async (t) => {
        const postfix = await Postfix.start();
        t.after(() => postfix.stop());
        const transport = nodemailer.createTransport({ host: '127.0.0.1',
            port: postfix.port, ignoreTLS: true });
        const send = (to) => transport.sendMail({ from: 'a@example.org', to,
            subject: 'Grüße', text: 't' });
        await send('ada@test.example');
        const { mail } = await postfix.received('ada');
        assert.equal(mail.subject, 'Grüße');
        await assert.rejects(send('nobody@test.example'), /5\.1\.1/);
    });
});

describe('the webhook receiver', () => {
    let hook;
    const call = async (route, { secret = hook.secret } = {}) => {
        const body = '{"a":1}';
        const now = new Date();
        return fetch(hook.url(route), { method: 'POST', body,
            redirect: 'manual', signal: AbortSignal.timeout(500), headers: {
                'webhook-id': 'dlv_1',
                'webhook-timestamp': String(Math.floor(now / 1000)),
                'webhook-signature': new Webhook(secret).sign('dlv_1', now,
                    body),
            } });
    };

    before(async () => {
        hook = await receiver();
    });
    after(() => hook.close());

    it('knows a good signature from a bad one', async () => {
        await call('/good');
        await call('/bad', { secret: 'whsec_' +
            Buffer.alloc(32).toString('base64') });
        assert.equal((await hook.called('/good')).isVerified, true);
        assert.equal((await hook.called('/bad')).isVerified, false);
    });

    it('does what a path\'s script says', async () => {
        hook.script('/s', [500, { status: 429, headers:
            { 'Retry-After': '7' } }, 'hang', 'close', 'half']);
        assert.equal((await call('/s')).status, 500);
        assert.equal((await call('/s')).headers.get('retry-after'), '7');
        await assert.rejects(call('/s'));
        await assert.rejects(call('/s'));
        await assert.rejects(async () => (await call('/s')).text());
        assert.equal((await call('/s')).status, 200);
        assert.equal(hook.calls('/s').length, 6);
    });
});

describe('the readers of streams and the raw sender', () => {
    let server, port;

    before(async () => {
        server = http.createServer((request, response) => {
            response.writeHead(200, { 'Content-Type': 'text/event-stream' });
            response.write('retry: 2000\nevent: hello\nid: e.1\n' +
                `data: {"auth":"${request.headers.authorization}",` +
                `"last":"${request.headers['last-event-id'] ?? ''}"}\n\n: hb`);
            response.write('\n\nevent: item.upsert\nid: e.2\ndata: {"n":');
            setTimeout(() => response.write('1}\n\n'), 20);
        });
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        port = server.address().port;
    });
    after(() => {
        server.closeAllConnections();
        server.close();
    });

    it('read the same frames', async () => {
        const url = `http://127.0.0.1:${port}/`;
        const source = new Source(url, 'tok', { lastEventId: 'e.0' });
        const raw = await rawStream(url, 'tok', { 'Last-Event-ID': 'e.0' });
        for (const reader of [source, raw]) {
            const hello = await reader.next('hello');
            assert.equal(hello.id, 'e.1');
            assert.deepEqual(hello.data, { auth: 'Bearer tok', last: 'e.0' });
            const item = await reader.next('item.upsert');
            assert.deepEqual(item.data, { n: 1 });
            reader.close();
        }
        assert.equal(raw.frames[0].retry, 2000);
    });

    it('send bytes as they are', async () => {
        const a = await exchange(port, 'GET\r\nnonsense\r\n\r\n');
        assert.equal(a.status, 400);
        assert.ok(!a.isLate);
        const slow = await exchange(port, 'GET / HT', { timeout: 100 });
        assert.ok(slow.isLate);
        assert.equal(slow.status, null);
    });

    it('give up on what never comes, and say what it was', async () => {
        await assert.rejects(until('a pig flies', () => false,
            { timeout: 30 }), /not in 30 ms: a pig flies/);
    });
});
