// Signed mails, as Debian's python3-dkim judges them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';

// argv: the name in DNS and its record; stdin: the mail.
const JUDGE = `
import sys, dkim
name, record = sys.argv[1].encode(), sys.argv[2].encode()
mail = sys.stdin.buffer.read()
def dns(asked, timeout=5):
    return record if asked.rstrip(b'.') == name else None
d = dkim.DKIM(mail)
try:
    is_good = d.verify(dnsfunc=dns)
except dkim.ValidationError:
    is_good = False
print('good' if is_good else 'bad')
print(' '.join(h.decode().lower() for h, v in d.signed_headers or []))
`;

function judge(raw, selector, record) {
    const r = spawnSync('/usr/bin/python3', ['-c', JUDGE,
        `${selector}._domainkey.example.org`, record], { input: raw,
        encoding: 'utf8' });
    assert.equal(r.status, 0, r.stderr);
    const [word, headers] = r.stdout.trim().split('\n');
    return { word, headers: (headers ?? '').split(' ') };
}

const KEYS = {
    rsa: () => {
        const { publicKey, privateKey } = generateKeyPairSync('rsa',
            { modulusLength: 2048 });
        return { privateKey, p: publicKey.export({ type: 'spki',
            format: 'der' }) };
    },
    ed25519: () => {
        const { publicKey, privateKey } = generateKeyPairSync('ed25519');
        return { privateKey, p: publicKey.export({ type: 'spki',
            format: 'der' }).subarray(-32) };
    },
};

describe('DKIM', { timeout: 120000 }, () => {
    let belfry, server;

    before(async () => {
        server = await mailServer();
        belfry = await start();
        await belfry.put('/v1/users/tim', { email: 'tim@test.example' });
    });
    after(async () => {
        await belfry?.stop();
        await server?.close();
    });

    const configure = (dkim) => belfry.put('/v1/providers/mail', {
        channel: 'email', driver: 'smtp', config: { host: '127.0.0.1',
            port: server.port, from: 'Glöckner <bell@example.org>',
            tls: 'none', dkim } });

    for (const kind of Object.keys(KEYS))
        it(`signs with ${kind}, and any change shows`, async () => {
            const { privateKey, p } = KEYS[kind]();
            const record = `v=DKIM1; k=${kind}; p=${p.toString('base64')}`;
            await configure({ domain: 'example.org', selector: kind,
                private_key: privateKey.export({ type: 'pkcs8',
                    format: 'pem' }) });
            const n = server.to('tim@test.example').length;
            await belfry.send({ to: 'tim', channels: ['email'],
                title: 'Überraschung: ' + 'sehr lang '.repeat(12).trim(),
                body: 'Grüße\n\n  two  blanks \t\n.\nend \n\n\n',
                html: `<p>${'Grüße '.repeat(100)}</p>` });
            const { raw } = await server.received('tim@test.example', n + 1);
            const { word, headers } = judge(raw, kind, record);
            assert.equal(word, 'good');
            for (const h of ['from', 'to', 'subject', 'date', 'message-id',
                'list-unsubscribe', 'list-unsubscribe-post'])
                assert.ok(headers.includes(h), h);
            const changed = [
                raw.replace('Subject: ', 'Subject: x'),
                raw.replace('One-Click', 'Two-Click'),
                raw.replace('two', 'one'),
                raw.replace('\r\nDate: ', '\r\nSubject: another\r\nDate: '),
                raw.replace('\r\nDate: ', '\r\nFrom: e@evil.example\r\nDate: '),
            ];
            for (const other of changed)
                assert.equal(judge(other, kind, record).word, 'bad');
            const { config } = await belfry.get('/v1/providers/mail');
            assert.equal(config.dkim, '***');
            await configure('***'); // kept
            await belfry.send({ to: 'tim', channels: ['email'], title: 'x' });
            const again = await server.received('tim@test.example', n + 2);
            assert.equal(judge(again.raw, kind, record).word, 'good');
        });
});
