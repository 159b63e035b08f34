// Mail into Debian's own Postfix, which is strict where a library is kind.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { Postfix } from './lib/postfix.mjs';

describe('Postfix', { timeout: 120000 }, () => {
    let belfry, postfix;

    before(async () => {
        postfix = await Postfix.start();
        belfry = await start();
        await belfry.put('/v1/providers/mail', { channel: 'email',
            driver: 'smtp', config: { host: '127.0.0.1', port: postfix.port,
                from: 'Glöckner <bell@example.org>', tls: 'none' } });
        for (const name of ['ada', 'eve', 'nobody'])
            await belfry.put(`/v1/users/${name}`,
                { email: `${name}@test.example` });
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await postfix?.stop();
        }
    });

    it('takes a mail whose parts are all there', async () => {
        // Lines that begin with a dot, are long, or end a message early.
        const body = ['.', '..', '.hidden', 'x'.repeat(2000), 'From me',
            'Grüße — ✓', ''].join('\n');
        const title = 'Überraschung: ' + 'sehr lang '.repeat(20).trim();
        const html = `<p>${'Grüße '.repeat(400)}</p>\n.\n<p>end</p>`;
        const id = await belfry.send({ to: 'ada', title, body, html,
            channels: ['email'] });
        const d = await belfry.reaches(id, 'email', 'sent');
        const { raw, mail } = await postfix.received('ada');
        assert.equal(mail.subject, title);
        assert.equal(mail.from.value[0].name, 'Glöckner');
        assert.equal(mail.text.trimEnd(), body.trimEnd());
        assert.equal(mail.html.trim(), html);
        assert.ok(mail.messageId.includes(d.id));
        const head = raw.slice(0, raw.search(/\r?\n\r?\n/));
        for (const line of head.split(/\r?\n/))
            assert.ok(line.length <= 998, line);
        assert.match(head, /^[\x00-\x7f]*$/);
    });

    it('takes an address outside ASCII as one', async () => {
        await belfry.put('/v1/users/wide', { email: 'jürgen@test.example' });
        const id = await belfry.send({ to: 'wide', title: 'Grüße',
            body: 'x', channels: ['email'] });
        await belfry.reaches(id, 'email', 'sent');
        const { raw, mail } = await postfix.received('juergen');
        assert.equal(mail.subject, 'Grüße');
        assert.match(raw, /^To: jürgen@test\.example$/m);
        assert.match(raw, /with UTF8/);
    });

    it('takes a domain outside ASCII by its A-label', async () => {
        await belfry.put('/v1/users/idn', { email: 'ada@BÜCHER.example' });
        const id = await belfry.send({ to: 'idn', title: 'x',
            channels: ['email'] });
        await belfry.reaches(id, 'email', 'sent');
        const { raw } = await postfix.received('idn');
        assert.match(raw, /^To: ada@xn--bcher-kva\.example$/m);
    });

    it('takes files', async () => {
        const content = Buffer.from('a\r\n.\r\n\0b');
        const id = await belfry.send({ to: 'eve', title: 'With files',
            body: 'x', channels: ['email'], attachments: [{
                filename: 'Größe 1.bin', content_type: 'application/x-size',
                content: content.toString('base64') }] });
        await belfry.reaches(id, 'email', 'sent');
        const { mail } = await postfix.received('eve');
        assert.equal(mail.attachments[0].filename, 'Größe 1.bin');
        assert.ok(mail.attachments[0].content.equals(content));
    });

    it('says who does not exist, and that ends it', async () => {
        const id = await belfry.send({ to: 'nobody', title: 'x',
            channels: ['email'] });
        const d = await belfry.reaches(id, 'email', 'failed');
        assert.equal(d.reason, 'contact.gone');
        assert.equal(d.log[0].status, 550);
        assert.match(d.log[0].detail, /5\.1\.1/);
    });
});
