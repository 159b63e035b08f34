// Mails that tell of their readers, where a category says so: read with a mail
// parser, opened and clicked as a mail program does.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';
import { until } from './lib/until.mjs';

const HTML = '<html><body><p><a href="https://shop.example/a?x=1&amp;y=2">one' +
    '</a> <a href=\'http://shop.example/b\'>two</a> ' +
    '<a href="mailto:a@b.example">three</a></p></body></html>';

describe('tracking', { timeout: 60000 }, () => {
    let belfry, server;

    before(async () => {
        server = await mailServer();
        belfry = await start({ roles: 'all' });
        await belfry.put('/v1/providers/mail', { channel: 'email',
            driver: 'smtp', config: { host: '127.0.0.1', port: server.port,
                from: 'belfry@example.org', tls: 'none' } });
        await belfry.put('/v1/categories/news',
            { tracking: { opens: true, clicks: true } });
        await belfry.put('/v1/categories/opened', { tracking: { opens: true } });
        await belfry.put('/v1/categories/private', {});
        await belfry.put('/v1/workflows/nudge', { steps: [
            { id: 'mail', type: 'send', channels: ['email'], title: 'T',
                body: 'B', html: HTML },
            { id: 'wait', type: 'wait', for_event: 'clicked', timeout: '1h',
                then: [{ id: 'thanks', type: 'send', channels: ['in_app'],
                    title: 'Thanks' }] },
        ] });
    });
    after(async () => {
        await belfry?.stop();
        await server?.close();
    });

    const mailed = async (category, n = 1) => {
        const user = `u-${category}-${n}`;
        await belfry.put(`/v1/users/${user}`,
            { email: `${user}@example.org` });
        const id = await belfry.send({ to: user, channels: ['email'],
            category, title: 'T', body: 'see https://shop.example/a',
            html: HTML });
        const d = await belfry.reaches(id, 'email', 'sent');
        const m = await server.received(`${user}@example.org`);
        return { id, delivery: d.id, user, mail: m.mail };
    };
    const links = (html) => [...html.matchAll(/href=["']([^"']*)["']/g)]
        .map((m) => m[1]);
    const call = (url, method = 'GET') => fetch(url,
        { method, redirect: 'manual' });
    const told = async (sent, n) => (await until(`${n} told of`, async () => {
        const d = await belfry.get(`/v1/deliveries/${sent.delivery}`);
        const rows = d.log.filter((row) => row.n === 0);
        return rows.length >= n ? rows : null;
    })).map((row) => [row.verdict, row.provider, row.detail]);

    it('is off unless a category says so', async () => {
        const { mail } = await mailed('private');
        assert.equal(mail.html.trim(), HTML);
        assert.ok(!mail.html.includes('/t/'));
    });

    it('follows links to where they led, and tells of it', async () => {
        const sent = await mailed('news');
        assert.ok(sent.mail.text.includes('see https://shop.example/a'));
        const [one, two, three] = links(sent.mail.html);
        assert.equal(three, 'mailto:a@b.example');
        for (const link of [one, two])
            assert.ok(link.startsWith(`${belfry.url}/t/`), link);
        const first = await call(one);
        assert.equal(first.status, 302);
        assert.equal(first.headers.get('location'),
            'https://shop.example/a?x=1&y=2');
        assert.equal(first.headers.get('cache-control'), 'no-store');
        assert.equal((await call(two)).headers.get('location'),
            'http://shop.example/b');
        await call(one);
        const rows = await told(sent, 2);
        assert.deepEqual(rows.sort(), [
            ['clicked', 'belfry', 'http://shop.example/b'],
            ['clicked', 'belfry', 'https://shop.example/a?x=1&y=2'],
        ]);
        const d = await belfry.get(`/v1/deliveries/${sent.delivery}`);
        assert.equal(d.status, 'sent');
    });

    it('sees that a mail was opened, once, and not by a look', async () => {
        const sent = await mailed('opened');
        const [, src] = /<img src="([^"]+)"[^>]*><\/body>/.exec(
            sent.mail.html);
        assert.equal(links(sent.mail.html)[0],
            'https://shop.example/a?x=1&amp;y=2');
        assert.equal((await call(src, 'HEAD')).status, 200);
        const d = await belfry.get(`/v1/deliveries/${sent.delivery}`);
        assert.equal(d.log.length, 1);
        for (let i = 0; i < 3; i++) {
            const picture = await call(src);
            assert.equal(picture.status, 200);
            assert.equal(picture.headers.get('content-type'), 'image/gif');
            const bytes = Buffer.from(await picture.arrayBuffer());
            assert.equal(bytes.subarray(0, 6).toString(), 'GIF89a');
            assert.equal(bytes.at(-1), 0x3b);
        }
        assert.deepEqual(await told(sent, 1), [['opened', 'belfry', '']]);
        const steps = await belfry.trace(sent.id);
        assert.equal(steps.filter((s) => s.stage === 'receipt').length, 1);
    });

    it('leads nowhere else', async () => {
        const sent = await mailed('news', 2);
        const [link] = links(sent.mail.html);
        const token = link.slice(link.indexOf('/t/') + 3);
        const raw = Buffer.from(token, 'base64url');
        const forged = Buffer.concat([raw.subarray(0, 16), Buffer.from(raw
            .subarray(16).toString().replace('shop', 'evil'))]);
        for (const bad of [forged.toString('base64url'), token.slice(0, -4),
            `A${token.slice(1)}`, 'x', raw.subarray(0, 16)
                .toString('base64url')]) {
            const answer = await call(`${belfry.url}/t/${bad}`);
            assert.equal(answer.status, 404);
            assert.equal(answer.headers.get('location'), null);
        }
    });

    it('lets a workflow go on', async () => {
        await belfry.put('/v1/users/w1', { email: 'w1@example.org' });
        const id = await belfry.send({ to: 'w1', workflow: 'nudge',
            category: 'news' });
        await until('it is mailed', async () => (await belfry.get(
            `/v1/notifications/${id}`)).counts.sent === 1);
        const m = await server.received('w1@example.org');
        await call(links(m.mail.html)[0]);
        await until('it is thanked for', async () => (await belfry.get(
            `/v1/notifications/${id}`)).counts.delivered === 1);
    });
});
