// Words in the reader's language: the same lookup for previews, dry runs,
// inboxes and mail, for one and for many.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';

const SHIPPED = {
    locale: 'en',
    content: {
        default: { title: 'Shipped', body: 'On its way, {{name}}',
            html: '<p>On its way' },
        email: { title: 'Your order has shipped' },
    },
    locales: {
        de: {
            default: { title: 'Versandt', body: 'Unterwegs, {{name}}' },
            email: { title: 'Ihre Bestellung ist unterwegs' },
        },
        'de-CH': { default: { title: 'Verschickt' } },
        'pt-BR': { default: { title: 'Enviado' } },
    },
};

describe('a template with locales', () => {
    let belfry, mail;
    const preview = (locale, channel) => belfry.want(200, 'POST',
        '/v1/templates/shipped/preview', { data: { name: 'Ada' }, locale, channel });
    const refused = async (method, route, body) => {
        const a = await belfry.api(method, route, body, { unchecked: true });
        assert.equal(a.status, 422, JSON.stringify(a.body));
        return a.body.errors.map((e) => e.pointer);
    };

    before(async () => {
        mail = await mailServer();
        belfry = await start();
        await belfry.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp', config: {
                host: '127.0.0.1', port: mail.port, from: 'a@example.org',
                tls: 'none',
            },
        });
        await belfry.want(201, 'PUT', '/v1/templates/shipped', SHIPPED);
        const people = { anna: 'de-AT', urs: 'de-CH-1901', rui: 'pt-br',
            zoe: 'fr', tim: 'en-GB' };
        for (const [id, locale] of Object.entries(people))
            await belfry.put(`/v1/users/${id}`,
                { email: `${id}@example.org`, locale });
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await mail?.close();
        }
    });

    it('of mail nobody names is told by its words', async () => {
        const language = async (to, body) => {
            await belfry.send({ to, channels: ['email'], ...body });
            const { mail: m } = await mail.received(`${to}@example.org`);
            return m.headers.get('content-language');
        };
        const german = { title: 'Rechnung',
            body: 'Ihre Rechnung ist fällig. Bitte zahlen Sie bis Montag.' };
        await belfry.put('/v1/users/one', { email: 'one@example.org',
            locale: 'fr' });
        assert.equal(await language('one', german), 'de');
        await belfry.put('/v1/users/two', { email: 'two@example.org' });
        assert.equal(await language('two', { ...german, locale: 'de-AT' }),
            'de-AT');
        await belfry.put('/v1/users/three', { email: 'three@example.org' });
        assert.equal(await language('three', { title: 'OK', body: '42' }),
            undefined);
    });

    it('goes by Accept-Language where nobody says more', async () => {
        const title = async (to, language, more = {}) => {
            const a = await belfry.want(200, 'POST', '/v1/notifications',
                { to, template: 'shipped', dry_run: true, ...more },
                { headers: { 'Accept-Language': language } });
            return a.plan[0].rendered.title;
        };
        assert.equal(await title('nobody', 'fr;q=0.4, de-LU'), 'Versandt');
        assert.equal(await title('nobody', '*'), 'Shipped');
        assert.equal(await title('nobody', 'de', { locale: 'pt-BR' }),
            'Enviado');
        assert.equal(await title('tim', 'de'), 'Shipped');
        const id = (await belfry.want(202, 'POST', '/v1/notifications',
            { to: 'lena', template: 'shipped' },
            { headers: { 'Accept-Language': 'de' } })).id;
        const { data } = await belfry.get('/v1/inbox?user=lena');
        assert.equal(data[0].notification_id, id);
        assert.equal(data[0].title, 'Versandt');
    });

    it('is kept as it was sent', async () => {
        const t = await belfry.get('/v1/templates/shipped');
        assert.deepEqual(t.locales, SHIPPED.locales);
        assert.equal(t.locale, 'en');
    });

    it('looks each text up from the locale outwards', async () => {
        const title = async (...a) => (await preview(...a)).title;
        assert.equal(await title(), 'Shipped');
        assert.equal(await title('de'), 'Versandt');
        assert.equal(await title('de-AT', 'email'),
            'Ihre Bestellung ist unterwegs');
        assert.equal(await title('de-CH', 'email'), 'Verschickt');
        assert.equal(await title('PT-br'), 'Enviado');
        assert.equal(await title('pt'), 'Shipped');
        assert.equal(await title('fr', 'email'), 'Your order has shipped');
        const swiss = await preview('de-CH-1901');
        assert.equal(swiss.body, 'Unterwegs, Ada');
        assert.equal(swiss.html, '<p>On its way');
    });

    it('is what the inbox, the mail and the dry run show', async () => {
        const to = ['anna', 'urs', 'rui', 'zoe', 'tim', 'nobody'];
        const want = ['Versandt', 'Verschickt', 'Enviado', 'Shipped',
            'Shipped', 'Shipped'];
        const send = { to, template: 'shipped', data: { name: 'x' } };
        const { plan } = await belfry.want(200, 'POST', '/v1/notifications',
            { ...send, dry_run: true });
        assert.deepEqual(plan.map((p) => p.rendered.title), want);
        const id = await belfry.send({ ...send, channels: ['in_app', 'email'] });
        await belfry.settled(id);
        for (const [i, user] of to.entries()) {
            const inbox = await belfry.get('/v1/inbox',
                { key: await belfry.token(user) });
            assert.equal(inbox.data[0].title, want[i], user);
        }
        const german = (await mail.received('anna@example.org')).mail;
        assert.equal(german.subject, 'Ihre Bestellung ist unterwegs');
        assert.equal(german.headers.get('content-language'), 'de');
        const french = (await mail.received('zoe@example.org')).mail;
        assert.equal(french.subject, 'Your order has shipped');
        assert.equal(french.headers.get('content-language'), 'en');
    });

    it('takes a locale from the recipient, the profile, then the send',
        async () => {
            const { plan } = await belfry.want(200, 'POST', '/v1/notifications', {
                to: { users: ['anna', 'nobody'],
                    recipients: [{ id: 'zoe', locale: 'de' },
                        { id: 'rui', locale: null }] },
                template: 'shipped', locale: 'de-CH', dry_run: true });
            assert.deepEqual(
                Object.fromEntries(plan.map((p) => [p.user, p.rendered.title])),
                { zoe: 'Versandt', rui: 'Verschickt', anna: 'Versandt',
                    nobody: 'Verschickt' });
        });

    it('serves many, planned in the background, each in their own', async () => {
        const users = Array.from({ length: 300 }, (_, i) => ({
            id: `m${i}`, locale: ['de', 'pt-BR', 'fr'][i % 3] }));
        await belfry.want(200, 'POST', '/v1/users/bulk', { users });
        const id = await belfry.send({ to: users.map((u) => u.id),
            template: 'shipped' });
        await belfry.settled(id);
        for (const [user, title] of [['m297', 'Versandt'], ['m298', 'Enviado'],
            ['m299', 'Shipped']]) {
            const inbox = await belfry.get('/v1/inbox',
                { key: await belfry.token(user) });
            assert.equal(inbox.data[0].title, title);
        }
    });

    it('names inline content by the locale of the send', async () => {
        const id = await belfry.send({ to: 'anna', title: 'Boa noite',
            body: 'x', locale: 'pt', channels: ['email'] });
        await belfry.settled(id);
        const m = (await mail.received('anna@example.org', 2)).mail;
        assert.equal(m.subject, 'Boa noite');
        assert.equal(m.headers.get('content-language'), 'pt');
    });

    it('refuses what is no tag, wherever it stands', async () => {
        const put = (body) => refused('PUT', '/v1/templates/wrong',
            { content: { default: { title: 'x' } }, ...body });
        assert.deepEqual(await put({ locales: { de_DE: {}, 'pt-br': {},
            '': {}, fr: { default: { title: '{{#x}}' } } } }),
        ['/locales/de_DE', '/locales/pt-br', '/locales/',
            '/locales/fr/default/title']);
        assert.deepEqual(await put({ locales: { de: { fax: {} } } }),
            ['/locales/de/fax']);
        assert.deepEqual(await put({ locale: 'english language' }),
            ['/locale']);
        const many = Object.fromEntries(Array.from({ length: 201 },
            (_, i) => [`x-${i}`, { default: { title: 'x' } }]));
        assert.deepEqual(await put({ locales: many }), ['/locales']);
        await belfry.want(404, 'GET', '/v1/templates/wrong');
        assert.deepEqual(await refused('POST',
            '/v1/templates/shipped/preview', { locale: 'de_DE' }), ['/locale']);
        assert.deepEqual(await refused('PUT', '/v1/users/bad',
            { locale: 'de_DE.UTF-8' }), ['/locale']);
        assert.deepEqual(await refused('POST', '/v1/notifications',
            { to: 'anna', title: 'x', locale: '-' }), ['/locale']);
        assert.deepEqual(await refused('POST', '/v1/notifications',
            { to: { recipients: [{ id: 'a', locale: 'd' }] }, title: 'x' }),
        ['/to/recipients/0/locale']);
    });
});

describe('helpers of a template', () => {
    let belfry;
    const shown = async (title, body) => {
        await belfry.put('/v1/templates/h', { content: { default: { title } } });
        const p = await belfry.want(200, 'POST', '/v1/templates/h/preview',
            body, { headers: { 'Content-Type': 'application/json' } });
        return p.title;
    };

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('write numbers as browsers do', async () => {
        const locales = ['en', 'de', 'fr', 'en-IN', 'ar-EG', 'ja'];
        for (const locale of locales) {
            assert.equal(
                await shown('{{x | number}}', { locale, data: { x: 1234567.891 } }),
                new Intl.NumberFormat(locale).format(1234567.891));
            assert.equal(
                await shown('{{x | currency:EUR}}',
                    { locale, data: { x: '1234.565' } }),
                new Intl.NumberFormat(locale, { style: 'currency',
                    currency: 'EUR' }).format('1234.565'));
        }
    });

    it('never take a price through a binary float', async () => {
        const price = '9007199254740993.123456789012345678';
        assert.equal(await shown('{{x | number}}',
            { locale: 'de', data: { x: price } }),
        '9.007.199.254.740.993,123456789012345678');
        const raw = `{"locale":"en","data":{"x":${price}}}`;
        assert.equal(await shown('{{x | number:2}}', raw),
            '9,007,199,254,740,993.12');
    });

    it('go by the profile: language, zone, forms of words', async () => {
        await belfry.want(201, 'PUT', '/v1/templates/due', {
            locale: 'en',
            content: { default: {
                title: '{{n | plural:"=0 {Nothing} one {# invoice} ' +
                    'other {# invoices}"}}, {{sum | currency:cur}}',
                body: '{{at | date:long}} {{at | time}} {{at | relative}}',
                html: '<p>{{n | plural:"one {<#>} other {<#s>}"}}',
            } },
            locales: { pl: { default: {
                title: '{{n | plural:"one {# faktura} few {# faktury} ' +
                    'many {# faktur} other {# faktury}"}}, {{sum | currency:cur}}',
                body: '{{at | date:long}} {{at | time}}',
            } } },
        });
        await belfry.put('/v1/users/ola',
            { locale: 'pl', timezone: 'Europe/Warsaw' });
        await belfry.put('/v1/users/jim',
            { locale: 'en-GB', timezone: 'America/New_York' });
        const { plan } = await belfry.want(200, 'POST', '/v1/notifications', {
            to: ['ola', 'jim'], template: 'due', dry_run: true,
            data: { n: 5, sum: '1234.50', cur: 'EUR',
                at: '2020-03-01T23:30:00Z' } });
        const [ola, jim] = plan.map((p) => p.rendered);
        assert.equal(ola.title, '5 faktur, 1234,50\u00a0€');
        assert.equal(ola.body, '2 marca 2020 00:30');
        assert.equal(ola.html, '<p>&lt;5s&gt;');
        assert.equal(jim.title, '5 invoices, €1,234.50');
        assert.match(jim.body, /^1 March 2020 18:30 \d+ years ago$/);
    });

    it('are refused where they are wrong, and else leave a value alone',
        async () => {
            const a = await belfry.api('PUT', '/v1/templates/wrong', {
                content: { default: { title: 'a {{x | nummer}}',
                    body: '{{x | plural:"one {#}"}}', html: '{{x | date:tiny}}',
                    actions: [{ id: 'a', label: '{{#x | number}}{{/x}}' }] } } });
            assert.equal(a.status, 422);
            assert.deepEqual(a.body.errors.map((e) => [e.pointer, e.detail]), [
                ['/content/default/title',
                    'does not compile at byte 2: there is no such helper; ' +
                    'did you mean number?'],
                ['/content/default/body',
                    'does not compile at byte 0: needs a text for other'],
                ['/content/default/html', 'does not compile at byte 0: ' +
                    'the length must be short, medium, long or full'],
                ['/content/default/actions/0/label',
                    'does not compile at byte 0: a section takes no helper'],
            ]);
            assert.equal(await shown('{{x | number}} {{y | date}} {{z | number}}',
                { data: { x: 'much', y: 7 } }), 'much 7 ');
        });

    it('stop at their budget', async () => {
        await belfry.put('/v1/templates/h', { content: { default: {
            title: '{{#l}}{{. | number}}{{/l}}' } } });
        const a = await belfry.api('POST', '/v1/templates/h/preview',
            { data: { l: new Array(6000).fill(1) } });
        assert.equal(a.status, 422);
    });
});
