// Files that go along: checked at the door, kept once, brought by every driver
// of mail as its provider wants them, and told of without their bytes. What
// came is read by npm mailparser, and by Node's own reader of forms.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ROOT_KEY, start } from './lib/belfry.mjs';
import { makeCertificates } from './lib/ca.mjs';
import { fake } from './lib/fake.mjs';
import { mailServer } from './lib/smtp.mjs';
import { faces } from './fakes/all.mjs';

const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
const file = (filename, content_type, content) => ({ filename, content_type,
    content: Buffer.from(content).toString('base64') });
const FILES = [
    ['invoice 7.pdf', 'application/pdf', randomBytes(3000)],
    ['Rechnung – „Größe“ 数.csv', 'text/csv; charset=utf-8',
        Buffer.from('a;b\r\nö;2\r\n')],
    ['a"b\\c;d.txt'.replace('\\', '+'), 'text/plain', Buffer.from('.\r\n.')],
    [`${'very long name of a file '.repeat(8)}.bin`,
        'application/octet-stream', Buffer.from([0])],
    [`${'ü'.repeat(120)}.bin`, 'application/octet-stream',
        Buffer.from([255, 0, 10, 13, 46])],
];
const ATTACHMENTS = FILES.map((f) => file(...f));

function assertFiles(files, type = (t) => t.split(';')[0]) {
    assert.deepEqual(files.map((f) => [f.filename, type(f.type),
        sha(f.content)]), FILES.map(([name, t, content]) => [name, type(t),
        sha(content)]));
}

// Serves what `paths` says: a Buffer, a status, or 'hang'.
async function fileServer(paths) {
    const seen = [];
    const server = http.createServer((request, response) => {
        const what = paths[request.url.split('?')[0]];
        seen.push(request.url);
        if (what === 'hang') return;
        if (typeof what === 'number') {
            response.writeHead(what, { Location: '/file' });
            response.end('no');
            return;
        }
        response.end(what);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { seen, url: `http://127.0.0.1:${server.address().port}`,
        close: () => {
            server.closeAllConnections();
            return new Promise((done) => server.close(done));
        } };
}

const exported = async (belfry, user) =>
    (await fetch(`${belfry.url}/v1/users/${user}/export`, { headers: {
        Authorization: `Bearer ${ROOT_KEY}` } })).text();

describe('attachments', { timeout: 300000 }, () => {
    let belfry, dir, certificates, mails;
    const to = (name) => ({ to: { recipients: [
        { email: `${name}@example.net`, name: 'Tim' }] },
    channels: ['email'], title: 'Order 7', body: 'It is paid.' });

    const provide = (more) => belfry.put('/v1/providers/mail', {
        channel: 'email', driver: 'smtp',
        retry: { strategy: 'fixed', base: '100ms', attempts: 3 },
        config: { host: '127.0.0.1', port: mails.port,
            from: 'Shop <shop@example.com>', tls: 'none' }, ...more });

    before(async () => {
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-attachments-'));
        certificates = await makeCertificates(dir);
        mails = await mailServer();
        belfry = await start({ env: {
            SSL_CERT_FILE: certificates.authorityFile } });
        await provide({ timeout: '3s' });
    });
    after(async () => {
        await belfry?.stop();
        await mails?.close();
        await rm(dir, { recursive: true, force: true });
    });

    it('go with text, HTML, copies and headers', async () => {
        const id = await belfry.send({ ...to('whole'),
            html: '<p>It is <b>paid</b>.</p>', attachments: ATTACHMENTS,
            overrides: { email: { cc: ['ann@example.net'],
                reply_to: 'Help <help@example.com>',
                headers: { 'X-Order': '7' } } } });
        await belfry.reaches(id, 'email', 'sent');
        const { mail, raw, to: rcpt } = await mails.received(
            'whole@example.net');
        assert.deepEqual(rcpt, ['whole@example.net', 'ann@example.net']);
        assert.equal(mail.text.trim(), 'It is paid.');
        assert.match(mail.html, /<b>paid<\/b>/);
        assert.equal(mail.headers.get('x-order'), '7');
        assert.equal(mail.replyTo.value[0].address, 'help@example.com');
        assertFiles(mail.attachments.map((a) => ({ filename: a.filename,
            type: a.contentType, content: a.content })));
        assert.ok(mail.attachments.every((a) =>
            a.contentDisposition === 'attachment'));
        for (const line of raw.split('\r\n'))
            assert.ok(line.length <= 78 || /^List-Unsub/.test(line), line);
        assert.match(raw, /^[\x00-\x7f]*$/);
    });

    it('go from the command line, read from where they are', async () => {
        const [name, , content] = FILES[0];
        await writeFile(path.join(dir, name), content);
        await belfry.put('/v1/users/cli', { email: 'cli@example.net' });
        const out = await belfry.cli(['send', 'cli', 'It is paid.', '--channel',
            'email', '--attach', path.join(dir, name), '--wait']);
        assert.equal(out.code, 0, out.stderr);
        const { mail } = await mails.received('cli@example.net');
        assert.deepEqual(mail.attachments.map((a) => [a.filename, a.contentType,
            sha(a.content)]), [[name, 'application/pdf', sha(content)]]);
        const missing = await belfry.cli(['send', 'cli', 'x', '--attach',
            path.join(dir, 'nowhere.pdf')]);
        assert.equal(missing.code, 2);
        assert.match(missing.stderr, /nowhere\.pdf": No such file/);
    });

    for (const face of faces.filter((f) => f.files))
        it(`go by ${face.driver}`, async () => {
            const provider = await (face.serve ?? fake)(face,
                face.isSecure ? { certificates } : {});
            const workspace = `w-${face.driver}`;
            try {
                await belfry.put(`/v1/workspaces/${workspace}`, {});
                await belfry.put(`/v1/providers/${face.driver}`, {
                    channel: 'email', driver: face.driver,
                    config: { ...face.config, ...(face.at?.(provider.base) ??
                        { base_url: provider.base }) } }, { workspace });
                const id = await belfry.send({ ...to('tim1'),
                    attachments: ATTACHMENTS }, { workspace });
                await belfry.reaches(id, 'email', ['sent', 'failed'],
                    { workspace });
                const [call] = provider.calls;
                assert.deepEqual(call.faults, []);
                face.check(assert, call, provider);
                assertFiles(face.files(call));
            } finally {
                await provider.close();
            }
        });

    it('are told of by name, type and size, and nowhere else', async () => {
        const secret = randomBytes(30).toString('base64');
        const id = await belfry.send({ to: { recipients: [{ id: 'ada',
            email: 'ada@example.net' }] }, channels: ['email', 'in_app'],
        title: 'x', attachments: [{ filename: 'a.bin',
            content_type: 'application/x-thing', content: secret }] });
        await belfry.reaches(id, 'email', 'sent');
        const steps = await belfry.trace(id);
        const told = [{ filename: 'a.bin', content_type: 'application/x-thing',
            size: 30 }];
        assert.deepEqual(steps.find((s) => s.stage === 'accept').detail
            .attachments, told);
        const decided = steps.filter((s) => s.stage === 'decide');
        assert.deepEqual(decided.map((s) => [s.channel,
            s.detail?.attachments]), [['email', undefined],
            ['in_app', 'left_out']]);
        const shown = [JSON.stringify(steps),
            JSON.stringify(await belfry.get(`/v1/notifications/${id}`)),
            await exported(belfry, 'ada'),
            belfry.stderr];
        for (const text of shown) assert.ok(!text.includes(secret));
        const row = shown[2].split('\n').filter(Boolean).map(JSON.parse)
            .find((r) => r.kind === 'notification');
        assert.deepEqual(row.data.attachments, told);
    });

    it('are in the plan of a dry run where they go along', async () => {
        const { plan } = await belfry.want(200, 'POST', '/v1/notifications', {
            ...to('plan'), channels: ['email', 'in_app'], dry_run: true,
            attachments: [ATTACHMENTS[0], { filename: 'b.txt',
                content_type: 'text/plain', url: 'https://example.com/b' }] });
        assert.deepEqual(plan.map((p) => [p.channel, p.attachments]), [
            ['email', [{ filename: FILES[0][0], content_type: FILES[0][1],
                size: 3000 }, { filename: 'b.txt',
                content_type: 'text/plain', size: null }]],
            ['in_app', []]]);
    });

    it('are as large as they may be, and no larger', async () => {
        const half = randomBytes(5 * 1024 * 1024);
        const large = [file('1', 'a/b', half), file('2', 'a/b', half)];
        await provide({ timeout: '60s' }); // a busy machine takes a while
        const id = await belfry.send({ ...to('large'), attachments: large },
            { timeout: 60000 });
        await belfry.reaches(id, 'email', 'sent', { timeout: 60000 });
        const { mail } = await mails.received('large@example.net', 1,
            { timeout: 30000 });
        assert.deepEqual(mail.attachments.map((a) => sha(a.content)),
            [sha(half), sha(half)]);
        await provide({ timeout: '3s' });
        const more = await belfry.api('POST', '/v1/notifications', {
            ...to('large'), attachments: [...large, file('3', 'a/b', 'x')] });
        assert.equal(more.status, 422);
        assert.equal(more.body.errors[0].pointer, '/attachments');
        // A body without them is as small as ever.
        const other = await belfry.api('POST', '/v1/notifications', {
            ...to('large'), metadata: { x: 'x'.repeat(1100000) } },
        { unchecked: true });
        assert.equal(other.status, 413);
    });

    it('are refused by the field that is at fault', async () => {
        const good = ATTACHMENTS[0];
        const rows = [
            [{ ...good, filename: '../a' }, '/attachments/0/filename'],
            [{ ...good, filename: 'a\nb' }, '/attachments/0/filename'],
            [{ ...good, filename: 'a\u202efdp.exe' },
                '/attachments/0/filename'],
            [{ ...good, content_type: 'pdf' }, '/attachments/0/content_type'],
            [{ ...good, content_type: 'multipart/mixed' },
                '/attachments/0/content_type'],
            [{ ...good, content: 'no base64' }, '/attachments/0/content'],
            [{ ...good, content: '' }, '/attachments/0/content'],
            [{ ...good, url: 'https://example.com/' }, '/attachments/0'],
            [{ filename: 'a', content_type: 'a/b' }, '/attachments/0'],
            [{ filename: 'a', content_type: 'a/b', url: 'file:///etc/passwd' },
                '/attachments/0/url'],
            [{ filename: 'a', content_type: 'a/b',
                url: 'https://me:word@example.com/' }, '/attachments/0/url'],
            [{ ...good, extra: 1 }, '/attachments/0/extra'],
        ];
        for (const [attachment, pointer] of rows) {
            const a = await belfry.api('POST', '/v1/notifications', {
                ...to('bad'), attachments: [attachment] },
            { unchecked: true });
            assert.equal(a.status, 422, a.text);
            assert.equal(a.body.errors[0].pointer, pointer, a.text);
        }
        const many = await belfry.api('POST', '/v1/notifications', {
            ...to('bad'), attachments: Array(11).fill(good) });
        assert.equal(many.body.errors[0].pointer, '/attachments');
        assert.equal(mails.to('bad@example.net').length, 0);
    });

    it('are fetched from URLs once for all who get them', async () => {
        const content = randomBytes(200000);
        const server = await fileServer({ '/file': content });
        const names = Array.from({ length: 20 }, (_, i) => `url${i}`);
        try {
            const id = await belfry.send({ ...to('x'), to: { recipients:
                names.map((n) => ({ email: `${n}@example.net` })) },
            attachments: [ATTACHMENTS[2], { filename: 'f.bin',
                content_type: 'application/octet-stream',
                url: `${server.url}/file?signature=canary-url` }] });
            await belfry.settled(id);
            for (const name of names) {
                const { mail } = await mails.received(`${name}@example.net`);
                assert.deepEqual(mail.attachments.map((a) => [a.filename,
                    sha(a.content)]), [[FILES[2][0], sha(FILES[2][2])],
                    ['f.bin', sha(content)]]);
            }
            assert.deepEqual(server.seen, ['/file?signature=canary-url']);
            const steps = await belfry.trace(id);
            assert.ok(!JSON.stringify(steps).includes('canary-url'));
        } finally {
            await server.close();
        }
    });

    it('end a delivery, or are tried again, as their URL answers', async () => {
        const server = await fileServer({ '/gone': 404, '/moved': 302,
            '/busy': 503, '/hang': 'hang', '/empty': Buffer.alloc(0),
            '/large': Buffer.alloc(11 * 1024 * 1024) });
        const rows = [
            ['/gone', 'failed', 'rejected', 'attachment.refused', /404/],
            ['/moved', 'failed', 'rejected', 'attachment.refused', /302/],
            ['/empty', 'failed', 'rejected', 'attachment.refused', /nothing/],
            ['/large', 'failed', 'rejected', 'size.too_large', /10 MiB/],
            ['/busy', 'dead', 'retry', 'attempts.exhausted', /503/],
            ['/hang', 'dead', 'retry', 'attempts.exhausted', /in time/],
        ];
        try {
            for (const [where, status, verdict, reason, detail] of rows) {
                const id = await belfry.send({ ...to('fault'), attachments: [
                    { filename: 'f', content_type: 'a/b',
                        url: server.url + where }] });
                const d = await belfry.reaches(id, 'email', status,
                    { timeout: 30000 });
                assert.equal(d.log[0].verdict, verdict, where);
                assert.equal(d.reason, reason, where);
                assert.match(d.log[0].detail, detail, where);
                assert.equal(d.log.length, status === 'dead' ? 3 : 1, where);
            }
            const inside = await belfry.send({ ...to('fault'), attachments: [
                { filename: 'f', content_type: 'a/b',
                    url: 'http://169.254.169.254/latest/meta-data' }] });
            const d = await belfry.reaches(inside, 'email', 'failed');
            assert.equal(d.reason, 'egress.refused');
            assert.equal(mails.to('fault@example.net').length, 0);
            // None of that is the provider's fault.
            const id = await belfry.send(to('after'));
            const good = await belfry.reaches(id, 'email', 'sent');
            assert.equal(good.attempts, 1);
        } finally {
            await server.close();
        }
    });

    it('go with what a step of a workflow sends, and with what is planned '
        + 'later', async () => {
        await belfry.put('/v1/workflows/papers', { steps: [
            { id: 'mail', type: 'send', channels: ['email'],
                title: 'Papers', body: 'as attached' }] });
        await belfry.send({ to: { recipients: [
            { id: 'wf', email: 'wf@example.net' }] },
        workflow: 'papers', attachments: ATTACHMENTS });
        const { mail } = await mails.received('wf@example.net', 1,
            { timeout: 20000 });
        assert.equal(mail.attachments.length, FILES.length);
        await belfry.send({ ...to('later'), attachments: ATTACHMENTS,
            send_at: new Date(Date.now() + 500).toISOString() });
        const later = await mails.received('later@example.net', 1,
            { timeout: 20000 });
        assert.deepEqual(later.mail.attachments.map((a) => sha(a.content)),
            FILES.map((f) => sha(f[2])));
    });
});
