// Warnings of templates: POST /v1/templates/{key}/lint, belfry template lint.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { start } from './lib/belfry.mjs';

const ROUTE = '/v1/templates/t/lint';

const odd = {
    channels: ['email', 'sms'],
    content: {
        default: { title: 'Order', body: `{{> footer}} ${'long '.repeat(40)}` },
        email: { html: '<a href="{{link}}" class={{kind}}>{{{name}}}</a>' },
    },
    locales: {
        de: { default: { title: 'Bestellung {{nmae}}' } },
        fr: { sms: { html: '<p>x</p>' } },
    },
};

describe('a template', { timeout: 120000 }, () => {
    let belfry;

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('is warned of what is most likely not meant', async () => {
        const { warnings } = await belfry.post(ROUTE, odd);
        assert.deepEqual(warnings.map((w) => `${w.code} ${w.pointer}`), [
            'locale.untold /content',
            'partial.unknown /content/default/body',
            'sms.long /content/default/body',
            'html.unquoted /content/email/html',
            'html.url /content/email/html',
            'html.raw /content/email/html',
            'locale.variable /locales/de/default/title',
            'body.missing /locales/fr/sms/html',
            'locale.fallback /locales/fr/sms/html',
        ]);
        const sms = warnings.find((w) => w.code === 'sms.long');
        assert.match(sms.detail,
            /^at least 207 characters of the GSM alphabet: 2 messages$/);
        const docs = await readFile(new URL('../../docs/lints.md',
            import.meta.url), 'utf8');
        for (const { code, help } of warnings)
            assert.ok(docs.includes(`## \`${code}\`\n\n${help}\n`), code);
        await belfry.want(404, 'GET', '/v1/templates/t');
    });

    it('is refused as PUT would refuse it', async () => {
        const broken = { content: { default: { body: '{{#open}}',
            html: '{{n | nonsense}}' } } };
        for (const [method, route] of [['POST', ROUTE],
            ['PUT', '/v1/templates/t']]) {
            const { errors } = await belfry.want(422, method, route, broken);
            assert.deepEqual(errors.map((e) => e.pointer),
                ['/content/default/body', '/content/default/html']);
        }
        await belfry.want(422, 'POST', ROUTE, { content: {} });
        await belfry.want(422, 'POST', ROUTE, { content: { pigeon: {} } });
        await belfry.want(422, 'POST', ROUTE, { ...odd, key: 'other' });
        await belfry.want(404, 'POST', '/v1/templates/none/lint');
    });

    it('that is stored is looked at without a body', async () => {
        await belfry.put('/v1/templates/stored', { content: { default: {
            html: '<p>{{{x}}}</p>' } } });
        const { warnings } =
            await belfry.post('/v1/templates/stored/lint');
        assert.deepEqual(warnings.map((w) => w.code),
            ['html.raw', 'body.missing']);
        await belfry.put('/v1/templates/footer',
            { content: { default: { body: 'f' } } });
        const again = await belfry.post(ROUTE, odd);
        assert.ok(!again.warnings.some((w) => w.code === 'partial.unknown'));
    });

    it('is looked at by the command', async () => {
        const dir = path.join(belfry.dir, 'conf');
        await mkdir(path.join(dir, 'templates'), { recursive: true });
        const write = (name, text) =>
            writeFile(path.join(dir, 'templates', name), text);
        await write('good.json', JSON.stringify({ content: { default: {
            body: { $file: 'good.txt' } } } }));
        await write('good.txt', 'Hello {{name}}\n');
        const lint = (...args) =>
            belfry.cli(['template', 'lint', ...args]);
        const good = await lint(dir, '--strict');
        assert.equal(good.code, 0, good.stderr);
        assert.match(good.stderr, /0 errors, 0 warnings/);

        await write('odd.json', JSON.stringify(odd));
        const warned = await lint(path.join(dir, 'templates/odd.json'));
        assert.equal(warned.code, 0);
        assert.match(warned.stdout, /odd\.json \/content\/email\/html: \{\{\{name\}\}\} is not escaped\n +html\.raw: Write/);
        assert.equal((await lint(dir, '--strict')).code, 1);

        await write('bad.json', '{"content":{"default":{"body":"{{#x}}"}}}');
        const bad = await lint(dir, '--json');
        assert.equal(bad.code, 1);
        const found = JSON.parse(bad.stdout);
        assert.deepEqual(found.filter((f) => f.severity === 'error')
            .map((f) => [path.basename(f.template), f.pointer]),
        [['bad.json', '/content/default/body']]);
        assert.ok(found.some((f) => f.code === 'html.url' && f.help));

        const key = await lint('stored');
        assert.match(key.stdout, /stored \/content\/default\/html/);
        assert.equal((await lint('none')).code, 1);
    });
});
