// Mail into Debian's own OpenSMTPD: another program's idea of STARTTLS, of a
// login and of what a mail is.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { start } from './lib/belfry.mjs';
import { makeCertificates } from './lib/ca.mjs';
import { OpenSmtpd } from './lib/opensmtpd.mjs';

describe('OpenSMTPD', { timeout: 120000 }, () => {
    let belfry, server, dir;
    const login = { username: 'shop', password: 'a word of its own' };
    const provide = (isSecure) => belfry.put('/v1/providers/mail', {
        channel: 'email', driver: 'smtp',
        retry: { strategy: 'fixed', base: '100ms', attempts: 2 },
        config: { host: 'localhost', from: 'Glöckner <bell@example.org>',
            ...isSecure ? { port: server.port, tls: 'starttls', ...login } :
                { port: server.plainPort, tls: 'none' } } });

    before(async () => {
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-smtpd-'));
        const certificates = await makeCertificates(dir);
        server = await OpenSmtpd.start({ certificates, ...login });
        if (!server) return;
        belfry = await start({ env: {
            SSL_CERT_FILE: certificates.authorityFile } });
        for (const name of ['ada', 'nobody'])
            await belfry.put(`/v1/users/${name}`,
                { email: `${name}@test.example` });
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await server?.stop();
            await rm(dir, { recursive: true, force: true });
        }
    });

    // With TLS and a login it is the whole of a submission server.
    for (const isSecure of [true, false]) {
        const test = (name, work) => it(isSecure ?
            `${name}, after STARTTLS and a login` : name, async (t) => {
            const fault = !server ? OpenSmtpd.fault :
                isSecure && server.tlsFault;
            if (fault) {
                t.skip(`OpenSMTPD cannot do that here: ${fault}`);
                return;
            }
            await provide(isSecure);
            await work(isSecure ? 'secure' : 'plain');
        });

        test('takes a mail with its files', async (name) => {
            const content = randomBytes(300000);
            const body = ['.', '..', 'x'.repeat(2000), 'Grüße — ✓', name]
                .join('\n');
            const id = await belfry.send({ to: 'ada', title: 'Überraschung',
                body, html: `<p>${'Grüße '.repeat(400)}</p>`,
                channels: ['email'], attachments: [{ filename: 'Größe.bin',
                    content_type: 'application/octet-stream',
                    content: content.toString('base64') }] });
            const d = await belfry.reaches(id, 'email', 'sent');
            assert.equal(d.attempts, 1);
            const { raw, mail } = await server.receivedWith('ada', d.id);
            assert.equal(mail.subject, 'Überraschung');
            assert.equal(mail.text.trimEnd(), body);
            assert.deepEqual(mail.attachments.map((a) => a.filename),
                ['Größe.bin']);
            assert.ok(mail.attachments[0].content.equals(content));
            assert.equal(/^Received: .*\n(?:\s.*\n)*?.*TLS/m.test(raw),
                isSecure);
        });

        test('says who does not exist, and that ends it', async () => {
            const id = await belfry.send({ to: 'nobody', title: 'x',
                channels: ['email'] });
            const d = await belfry.reaches(id, 'email', 'failed');
            assert.equal(d.log[0].status, 550);
        });

        test('takes no address outside ASCII, and is not asked to',
            async () => {
                await belfry.put('/v1/users/wide',
                    { email: 'jürgen@test.example' });
                const id = await belfry.send({ to: 'wide', title: 'x',
                    channels: ['email'] });
                const d = await belfry.reaches(id, 'email', 'failed');
                assert.equal(d.reason, 'address.smtputf8');
                assert.match(d.log[0].detail, /SMTPUTF8/);
            });
    }
});
