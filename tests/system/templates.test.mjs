// Words: variants, partials, escaping, drafts.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';

describe('a template', () => {
    let belfry, mail;
    const preview = (key, body) =>
        belfry.want(200, 'POST', `/v1/templates/${key}/preview`, body);
    const itemOf = async (user) => (await belfry.get('/v1/inbox',
        { key: await belfry.token(user) })).data[0];

    before(async () => {
        mail = await mailServer();
        belfry = await start();
        await belfry.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp', config: {
                host: '127.0.0.1', port: mail.port, from: 'a@example.org',
                tls: 'none',
            },
        });
        await belfry.want(201, 'PUT', '/v1/templates/welcome', {
            content: {
                default: {
                    title: 'Hello {{name}}',
                    body: 'You have {{n}} & more, {{name}}',
                    html: '<p>{{name}}: {{{raw}}}</p>',
                    actions: [{ id: 'go', label: 'Go, {{name}}',
                        url: 'https://example.org/{{id}}' }],
                },
                email: { title: 'Mail for {{name}}' },
            },
        });
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await mail?.close();
        }
    });

    it('escapes in html and nowhere else', async () => {
        const p = await preview('welcome', { data: {
            name: '<Ada> & "Co"', n: 2, raw: '<i>x</i>', id: 7 } });
        assert.equal(p.title, 'Hello <Ada> & "Co"');
        assert.equal(p.body, 'You have 2 & more, <Ada> & "Co"');
        assert.equal(p.html,
            '<p>&lt;Ada&gt; &amp; &quot;Co&quot;: <i>x</i></p>');
        assert.equal(p.actions[0].label, 'Go, <Ada> & "Co"');
        assert.equal(p.actions[0].url, 'https://example.org/7');
    });

    it('falls back from a variant of a channel to the default', async () => {
        const p = await preview('welcome',
            { data: { name: 'Ada', n: 1 }, channel: 'email' });
        assert.equal(p.title, 'Mail for Ada');
        assert.equal(p.body, 'You have 1 & more, Ada');
        const typo = await belfry.want(422, 'POST',
            '/v1/templates/welcome/preview', { channel: 'emial' });
        assert.deepEqual(typo.errors, [{ pointer: '/channel',
            detail: 'there is no such channel; did you mean "email"?' }]);
    });

    it('is what the inbox and the mail show', async () => {
        await belfry.put('/v1/users/tina', { email: 'tina@example.org' });
        const id = await belfry.send({ to: 'tina', template: 'welcome',
            channels: ['in_app', 'email'], data: { name: 'Tina', n: 3 } });
        await belfry.settled(id);
        const item = await itemOf('tina');
        assert.equal(item.title, 'Hello Tina');
        assert.equal(item.body, 'You have 3 & more, Tina');
        const m = await mail.received('tina@example.org');
        assert.equal(m.mail.subject, 'Mail for Tina');
        assert.equal(m.mail.html.trim(), '<p>Tina: </p>');
    });

    it('shows a draft in the preview and publishes it when told', async () => {
        const put = (title) => belfry.put('/v1/templates/draft',
            { content: { default: { title } } });
        const sent = async (user) => {
            const id = await belfry.send({ to: user, template: 'draft' });
            await belfry.settled(id);
            return (await itemOf(user)).title;
        };
        await put('one');
        await put('two');
        assert.equal((await preview('draft', { data: {} })).title, 'two');
        assert.equal(await sent('t1'), 'one');
        await belfry.want([200, 201, 202, 204], 'POST',
            '/v1/templates/draft/publish');
        assert.equal(await sent('t2'), 'two');
        await belfry.want([200, 201, 202, 204], 'POST',
            '/v1/templates/draft/rollback');
        assert.equal(await sent('t3'), 'one');
        await belfry.want(409, 'POST', '/v1/templates/draft/rollback');
        // What was never live does not become so.
        await put('three');
        await put('four');
        await belfry.want(200, 'POST', '/v1/templates/draft/publish');
        await belfry.want(200, 'POST', '/v1/templates/draft/publish');
        await belfry.want(200, 'POST', '/v1/templates/draft/rollback');
        assert.equal(await sent('t4'), 'one');
        await belfry.want(404, 'POST', '/v1/templates/nobody/rollback');
    });

    it('includes partials, and nothing for an unknown one', async () => {
        await belfry.put('/v1/templates/footer', { content: { default: {
            html: '<hr>{{firm}}', body: '-- {{firm}}' } } });
        await belfry.put('/v1/templates/letter', { content: { default: {
            title: 'x{{> footer}}', body: 'b{{> footer}}{{> nobody}}',
            html: 'h{{> footer}}' } } });
        const p = await preview('letter', { data: { firm: 'A&B' } });
        assert.equal(p.title, 'x-- A&B');
        assert.equal(p.body, 'b-- A&B');
        assert.equal(p.html, 'h<hr>A&amp;B');
    });

    it('stands in its layout, in mails and previews', async () => {
        const put = (key, body) => belfry.api('PUT', `/v1/templates/${key}`, body);
        const inner = { layout: 'frame', content: { default: { title: 'T',
            body: 'Hi {{name}}', html: '<p>Hi {{name}}</p>' } } };
        const early = await put('framed', inner);
        assert.equal(early.status, 422);
        assert.equal(early.body.errors[0].pointer, '/layout');
        await belfry.put('/v1/templates/frame', { content: { default: {
            body: 'Shop\n{{$content}}{{/content}}\n-- {{firm}}',
            html: '<h1>Shop</h1>{{$content}}{{/content}}<i>{{firm}}</i>' } } });
        assert.equal((await put('framed', inner)).status, 201);
        const itself = await put('frame', { ...inner });
        assert.equal(itself.body.errors[0].pointer, '/layout');
        const data = { name: '<Ada>', firm: 'A&B' };
        const p = await preview('framed', { data });
        assert.equal(p.title, 'T');
        assert.equal(p.body, 'Shop\nHi <Ada>\n-- A&B');
        assert.equal(p.html,
            '<h1>Shop</h1><p>Hi &lt;Ada&gt;</p><i>A&amp;B</i>');
        await belfry.put('/v1/users/fay', { email: 'fay@example.org' });
        const id = await belfry.send({ to: 'fay', template: 'framed', data,
            channels: ['in_app', 'email'] });
        await belfry.settled(id);
        assert.equal((await itemOf('fay')).body, p.body);
        const m = await mail.received('fay@example.org');
        assert.equal(m.mail.html.trim(), p.html);
        // Without its layout it is as it is.
        await belfry.want(204, 'DELETE', '/v1/templates/frame');
        assert.equal((await preview('framed', { data })).body, 'Hi <Ada>');
    });

    it('keeps an unknown name as written where it says so', async () => {
        await belfry.put('/v1/templates/keeps', { unknown: 'keep',
            content: { default: { title: '{{known}} {{unknown}}' } } });
        const p = await preview('keeps', { data: { known: 'a' } });
        assert.equal(p.title, 'a {{unknown}}');
        await belfry.put('/v1/templates/drops', {
            content: { default: { title: '{{known}} {{unknown}}' } } });
        const q = await preview('drops', { data: { known: 'a' } });
        assert.equal(q.title, 'a ');
    });

    it('runs sections over lists', async () => {
        await belfry.put('/v1/templates/list', { content: { default: {
            title: '{{#items}}{{name}},{{/items}}{{^items}}none{{/items}}',
        } } });
        const p = await preview('list',
            { data: { items: [{ name: 'a' }, { name: 'b' }] } });
        assert.equal(p.title, 'a,b,');
        assert.equal((await preview('list', { data: { items: [] } })).title,
            'none');
    });

    it('is refused where it does not compile', async () => {
        const a = await belfry.api('PUT', '/v1/templates/broken',
            { content: { default: { title: '{{#open}}never closed' } } });
        assert.equal(a.status, 422);
        assert.equal(a.body.errors[0].pointer, '/content/default/title');
        await belfry.want(404, 'GET', '/v1/templates/broken');
    });

    it('is refused when sent by an unknown key', async () => {
        const a = await belfry.api('POST', '/v1/notifications',
            { to: 'u1', template: 'no-such' });
        assert.equal(a.status, 422);
        assert.equal(a.body.errors[0].pointer, '/template');
    });

    it('comes and goes, with versions that If-Match guards', async () => {
        const route = '/v1/templates/life';
        const body = { content: { default: { title: 'x' } } };
        const first = await belfry.api('PUT', route, body);
        assert.equal(first.status, 201);
        const read = await belfry.api('GET', route);
        const tag = read.headers.get('etag');
        assert.ok(tag, 'GET answers with an ETag');
        const wrong = await belfry.api('PUT', route, body,
            { headers: { 'If-Match': '"nonsense"' } });
        assert.equal(wrong.status, 412);
        const right = await belfry.api('PUT', route, body,
            { headers: { 'If-Match': tag } });
        assert.equal(right.status, 200);
        const list = await belfry.get('/v1/templates');
        assert.ok(Array.isArray(list.data));
        assert.equal((await belfry.api('DELETE', route)).status, 204);
        assert.equal((await belfry.api('GET', route)).status, 404);
    });
});
