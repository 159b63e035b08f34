// Configuration as files: belfry export, belfry apply, belfry provider.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { mkdir, readFile, readdir, rm, symlink, writeFile }
    from 'node:fs/promises';
import path from 'node:path';
import { start, started } from './lib/belfry.mjs';
import { receiver } from './lib/webhook.mjs';

const HTML = `<html>\n<p>Hello {{name}},</p>\n<p>${'long '.repeat(30)}</p>\n`;

// One of each kind, with keys that are awkward as names of files.
async function furnish(belfry) {
    await belfry.put('/v1/providers/log:1', { channel: 'log_file',
        driver: 'log_file', config: { path: '/tmp/out.log' } });
    await belfry.put('/v1/providers/hook', { channel: 'webhook',
        driver: 'webhook', retry: { attempts: 3 }, config: {
            url: 'http://127.0.0.1:1/x', secret: `whsec_${'c2VjcmV0'.repeat(4)}`,
        } });
    await belfry.put('/v1/categories/news', { name: 'News',
        channels: ['in_app', 'email'], throttle: { limit: 5, per: '1h' } });
    await belfry.put('/v1/topics/sport@home', {});
    await belfry.put('/v1/templates/.frame', { content: { default: {
        html: '<b>{{$content}}{{/content}}</b>', body: 'B' } } });
    await belfry.put('/v1/templates/a.welcome', { layout: '.frame',
        content: { default: { title: 'Hi {{name}}', body: 'Short', html: HTML },
            email: { body: 'two\nlines' } },
        locales: { de: { default: { html: `${HTML}<p>de</p>` } } } });
    await belfry.put('/v1/workflows/greet', { steps: [
        { id: 'one', type: 'send', channels: ['in_app'],
            template: 'a.welcome' }] });
    await belfry.put('/v1/flags/new-look', { enabled: true });
    await belfry.put('/v1/experiments/tone', { goal: 'read', variants: [
        { key: 'old' }, { key: 'new', template: 'a.welcome' }] });
    await belfry.put('/v1/schedules/morning', { cron: '0 9 * * 1-5',
        timezone: 'Europe/Berlin',
        notification: { to: 'u1', title: 'Morning' } });
}

const tree = (dir) => execFileSync('find', ['.', '-type', 'f'], { cwd: dir })
    .toString().trim().split('\n').sort();

describe('belfry export and apply', { timeout: 240000 }, () => {
    let belfry, dir;

    const run = async (code, args, options) => {
        const out = await belfry.cli(args, options);
        assert.equal(out.code, code, `${args}:\n${out.stderr}`);
        return out;
    };
    const apply = async (code, ...args) =>
        JSON.parse((await run(code, ['apply', dir, '--json', ...args])).stdout);
    const edit = async (file, change) => {
        const at = path.join(dir, file);
        const doc = JSON.parse(await readFile(at, 'utf8'));
        await writeFile(at, JSON.stringify(change(doc) ?? doc));
    };

    before(async () => {
        belfry = await start();
        dir = path.join(belfry.dir, 'conf');
        await furnish(belfry);
    });
    after(() => belfry?.stop());

    it('writes one file for each, and longer texts beside it', async () => {
        const out = await run(0, ['export', dir]);
        assert.match(out.stderr, /14 written/);
        assert.deepEqual(tree(dir), [
            './categories/news.json', './experiments/tone.json',
            './flags/new-look.json', './providers/hook.json',
            './providers/log%3A1.json', './schedules/morning.json',
            './templates/%2Eframe.json', './templates/a.welcome+de+default.html',
            './templates/a.welcome+email.txt', './templates/a.welcome.html',
            './templates/a.welcome.json', './topics/sport@home.json',
            './workflows/greet.json', './workspace.json'].sort());
        assert.equal(await readFile(path.join(dir,
            'templates/a.welcome.html'), 'utf8'), HTML);
        assert.equal(await readFile(path.join(dir, 'categories/news.json'),
            'utf8'), `{
  "channels": ["in_app", "email"],
  "name": "News",
  "throttle": {
    "limit": 5,
    "per": "1h"
  }
}
`);
        const hook = JSON.parse(await readFile(path.join(dir,
            'providers/hook.json'), 'utf8'));
        assert.equal(hook.config.secret, '***');
    });

    it('writes the same again, and applies it without a change', async () => {
        const before = tree(dir).map((f) => execFileSync('sha256sum', [f],
            { cwd: dir }).toString());
        const out = await run(0, ['export', dir, '--json']);
        assert.deepEqual(JSON.parse(out.stdout), { written: 0, unchanged: 14,
            removed: 0, without_object: 0, drafts: 0 });
        assert.deepEqual(tree(dir).map((f) => execFileSync('sha256sum', [f],
            { cwd: dir }).toString()), before);
        const none = await run(0, ['apply', dir]);
        assert.match(none.stderr, /no changes/);
        assert.deepEqual(await apply(0), { changes: [], unchanged: 11,
            without_file: 0 });
    });

    it('leaves out what the server says of a schedule', async () => {
        await belfry.put('/v1/templates/gone', { content: { default: {
            title: 'x' } } });
        await belfry.put('/v1/schedules/late', { cron: '0 9 * * *',
            notification: { to: 'u1', template: 'gone' } });
        await belfry.want(204, 'DELETE', '/v1/templates/gone');
        assert.equal((await belfry.get('/v1/schedules/late')).warnings.length,
            1);
        const to = path.join(belfry.dir, 'late');
        await run(0, ['export', to]);
        assert.deepEqual(Object.keys(JSON.parse(await readFile(path.join(to,
            'schedules/late.json'), 'utf8'))), ['cron', 'enabled',
            'notification']);
        await belfry.want(204, 'DELETE', '/v1/schedules/late');
    });

    it('shows a plan first, and does nothing in a dry run', async () => {
        await edit('categories/news.json', (d) => {
            d.name = 'Newer';
            d.sla = '5s';
            delete d.throttle;
        });
        await writeFile(path.join(dir, 'templates/a.welcome.html'),
            HTML.replace('Hello', 'Good day'));
        await writeFile(path.join(dir, 'topics/new.json'), '{}');
        const out = await run(0, ['apply', dir, '--dry-run']);
        assert.equal(out.stdout, `~ categories/news
    ~ /name  "News" -> "Newer"
    + /sla  "5s"
    - /throttle  {"limit":5,"per":"1h"}
+ topics/new
~ templates/a.welcome
    ~ /content/default/html  from line 2 on
        - <p>Hello {{name}},</p>
        + <p>Good day {{name}},</p>
`);
        assert.equal((await belfry.get('/v1/categories/news')).name, 'News');
        await run(2, ['apply', dir]); // nobody is there to say yes
    });

    it('does it with --yes, and has nothing to do then', async () => {
        const done = await apply(0, '--yes');
        assert.deepEqual(done.changes.map((s) =>
            [s.action, s.kind, s.key, s.result]), [
            ['change', 'category', 'news', 'done'],
            ['create', 'topic', 'new', 'done'],
            ['change', 'template', 'a.welcome', 'done']]);
        assert.deepEqual(done.changes[0].diff[0],
            { pointer: '/name', before: 'News', after: 'Newer' });
        const welcome = await belfry.get('/v1/templates/a.welcome');
        assert.match(welcome.content.default.html, /Good day/);
        assert.equal(welcome.published, welcome.latest, 'it is live');
        assert.equal((await belfry.get('/v1/categories/news')).throttle,
            undefined);
        assert.equal((await apply(0, '--yes')).changes.length, 0);
    });

    it('deletes only when it is told to', async () => {
        await rm(path.join(dir, 'topics/new.json'));
        await rm(path.join(dir, 'schedules'), { recursive: true });
        const left = await run(0, ['apply', dir]);
        assert.match(left.stderr, /1 on the server has no file/);
        const done = await apply(0, '--yes', '--delete');
        assert.deepEqual(done.changes.map((s) => [s.action, s.kind, s.key]),
            [['delete', 'topic', 'new']], 'a folder that is not there is no ' +
            'order to delete');
        await belfry.want(404, 'GET', '/v1/topics/new');
        await belfry.get('/v1/schedules/morning');
    });

    it('keeps secrets, and never shows them', async () => {
        const sent = `whsec_${'bmV3c2VjcmV0'.repeat(3)}`;
        const env = { HOOK_SECRET: sent };
        await edit('providers/hook.json', (d) => {
            d.order = 7;
            d.config.secret = '${HOOK_SECRET}';
        });
        const unset = await run(1, ['apply', dir, '--yes']);
        assert.match(unset.stderr, /hook\.json: set HOOK_SECRET/);
        const plan = await run(0, ['apply', dir, '--dry-run', '--secrets'],
            { env });
        assert.match(plan.stdout, /\/config\/secret .*set again/);
        assert.ok(!`${plan.stdout}${plan.stderr}`.includes(sent));
        await run(0, ['apply', dir, '--yes'], { env });
        const quiet = await run(0, ['apply', dir], { env });
        assert.match(quiet.stderr, /no changes/);
        const again = await run(0, ['apply', dir, '--yes', '--secrets',
            '--json'], { env });
        assert.equal(JSON.parse(again.stdout).changes[0].key, 'hook');
        assert.ok(!again.stdout.includes(sent));
        await run(0, ['export', dir]);
        assert.match(await readFile(path.join(dir, 'providers/hook.json'),
            'utf8'), /"\$\{HOOK_SECRET\}"/);
        await edit('providers/hook.json', (d) => {
            d.config.secret = '***';
            d.order = 8;
        });
        await run(0, ['apply', dir, '--yes']);
        assert.equal((await belfry.get('/v1/providers/hook')).order, 8);
    });

    it('refuses a secret that nobody has', async () => {
        const at = path.join(dir, 'providers/other.json');
        await writeFile(at, JSON.stringify({ channel: 'webhook',
            driver: 'webhook', config: { url: 'http://127.0.0.1:1/',
                secret: '***' } }));
        const out = await run(1, ['apply', dir, '--yes']);
        assert.match(out.stderr, /other\.json.*\$\{NAME\}/);
        await belfry.want(404, 'GET', '/v1/providers/other');
        await rm(at);
    });

    it('publishes a draft that is what the file says', async () => {
        const text = (body) => ({ content: { default: { title: 'T', body } } });
        await belfry.put('/v1/templates/drafty', text('one'));
        await belfry.put('/v1/templates/drafty', text('two'));
        const out = await run(0, ['export', dir]);
        assert.match(out.stderr, /1 template has a draft/);
        const at = path.join(dir, 'templates/drafty.json');
        assert.match(await readFile(at, 'utf8'), /"one"/);
        assert.equal((await apply(0, '--yes')).changes.length, 0);
        await edit('templates/drafty.json', () => text('two'));
        const done = await apply(0, '--yes');
        assert.deepEqual(done.changes.map((s) => s.action), ['publish']);
        const { published, latest } =
            await belfry.get('/v1/templates/drafty');
        assert.deepEqual([published, latest], [2, 2]);
    });

    it('says what failed and what was not tried', async () => {
        await edit('categories/news.json', (d) => { d.sla = 'soon'; });
        await writeFile(path.join(dir, 'categories/zoo.json'), '{}');
        await writeFile(path.join(dir, 'topics/later.json'), '{}');
        const done = await apply(1, '--yes');
        assert.deepEqual(done.changes.map((s) => [s.key, s.result]), [
            ['news', 'failed'], ['zoo', 'done'], ['later', 'not_tried']]);
        assert.match(done.changes[0].reason, /sla/);
        const plain = await run(1, ['apply', dir, '--yes']);
        assert.match(plain.stderr, /0 done, 1 failed, 1 not tried/);
        assert.match(plain.stderr, /not tried: topics\/later/);
        await run(0, ['export', dir, '--delete']);
    });

    it('makes layouts before what stands in them', async (t) => {
        const other = await started(t);
        const out = await other.cli(['apply', path.join(dir, '..', 'conf'),
            '--yes', '--json'], { env: { HOOK_SECRET: 'whsec_c2VjcmV0' } });
        // The file of the webhook says "***": all or nothing.
        assert.equal(out.code, 1);
        await rm(path.join(dir, 'providers/hook.json'));
        await edit('templates/%2Eframe.json', (d) => {
            d.layout = 'zz';
        });
        await writeFile(path.join(dir, 'templates/zz.json'), JSON.stringify({
            content: { default: { html: '{{$content}}{{/content}}' } } }));
        const good = await other.cli(['apply', dir, '--yes', '--json']);
        assert.equal(good.code, 0, good.stderr);
        assert.deepEqual(JSON.parse(good.stdout).changes
            .filter((s) => s.kind === 'template').map((s) => s.key),
        ['zz', '.frame', 'a.welcome', 'drafty']);
        await other.get('/v1/workflows/greet');
        const same = await other.cli(['apply', dir]);
        assert.match(same.stderr, /no changes/);
    });

    it('never leaves its folder', async () => {
        const secret = path.join(belfry.dir, 'secret.txt');
        await writeFile(secret, 'SECRET');
        const bad = path.join(belfry.dir, 'bad');
        await mkdir(path.join(bad, 'templates'), { recursive: true });
        const file = (name) => path.join(bad, 'templates', name);
        const doc = (name) => JSON.stringify({ content: { default: {
            body: { $file: name } } } });
        await writeFile(file('up.json'), doc('../../secret.txt'));
        await writeFile(file('root.json'), doc(secret));
        await symlink(secret, file('link.txt'));
        await writeFile(file('link.json'), doc('link.txt'));
        await symlink(file('up.json'), file('soft.json'));
        await writeFile(file('a b.json'), '{}');
        await writeFile(file('%41.json'), '{}');
        await writeFile(file('broken.json'), '{\n"a":');
        await writeFile(file('other.json'), '{"key":"another"}');
        const out = await run(1, ['apply', bad, '--yes']);
        assert.match(out.stderr, /9 files|8 files/);
        for (const why of [/up\.json/, /root\.json/, /link\.json.*symbolic/,
            /soft\.json.*symbolic/, /a b\.json: is named/, /%41\.json/,
            /broken\.json: line 2/, /other\.json: "key" must be "other"/])
            assert.match(out.stderr, why);
        assert.ok(!out.stderr.includes('SECRET'));

        const away = path.join(belfry.dir, 'away');
        await mkdir(away);
        const trap = path.join(belfry.dir, 'trap');
        await mkdir(trap);
        await symlink(away, path.join(trap, 'templates'));
        await run(1, ['export', trap]);
        assert.deepEqual(await readdir(away), []);
        await rm(path.join(trap, 'templates'));
        await rm(path.join(trap, 'workspace.json'));
        await symlink(secret, path.join(trap, 'workspace.json'));
        await run(1, ['export', trap]);
        assert.equal(await readFile(secret, 'utf8'), 'SECRET');
    });

    it('warns of a folder that is misspelt', async () => {
        const odd = path.join(belfry.dir, 'odd');
        await mkdir(path.join(odd, 'template'), { recursive: true });
        const out = await run(0, ['apply', odd]);
        assert.match(out.stderr, /odd\/template .*templates/);
        const none = await run(1, ['apply', path.join(odd, 'nothing')]);
        assert.match(none.stderr, /No such file/);
    });

    it('works with a key of one workspace', async () => {
        const { key } = await belfry.post('/v1/keys',
            { scopes: ['read', 'write'] });
        const env = { BELFRY_KEY: key };
        const to = path.join(belfry.dir, 'scoped');
        const out = await run(0, ['export', to], { env });
        assert.match(out.stderr, /workspace itself is left out/);
        const same = await run(0, ['apply', to], { env });
        assert.match(same.stderr, /no changes/);
        const reader = await belfry.post('/v1/keys', { scopes: ['read'] });
        await writeFile(path.join(to, 'topics/x.json'), '{}');
        const refused = await run(4, ['apply', to, '--yes'],
            { env: { BELFRY_KEY: reader.key } });
        assert.match(refused.stderr, /0 done, 1 failed/);
    });
});

// Hands everything on to the server; `first` runs before the first PUT does.
async function proxy(t, belfry, first) {
    let has_run = false;
    const server = createServer(async (request, response) => {
        if (request.method === 'PUT' && !has_run) {
            has_run = true;
            await first();
        }
        const onward = httpRequest(`${belfry.url}${request.url}`, {
            method: request.method, headers: request.headers }, (answer) => {
            response.writeHead(answer.statusCode, answer.headers);
            answer.pipe(response);
        });
        request.pipe(onward);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    return `http://127.0.0.1:${server.address().port}`;
}

describe('belfry apply', { timeout: 60000 }, () => {
    it('does not overwrite what changed meanwhile', async (t) => {
        const belfry = await started(t);
        const dir = path.join(belfry.dir, 'conf');
        await belfry.put('/v1/categories/a', { name: 'one' });
        await belfry.put('/v1/categories/b', { name: 'one' });
        await belfry.cli(['export', dir]);
        for (const key of ['a', 'b', 'c'])
            await writeFile(path.join(dir, `categories/${key}.json`),
                '{"name":"of the file"}');
        const url = await proxy(t, belfry, async () => {
            await belfry.put('/v1/categories/b', { name: 'of another' });
            await belfry.put('/v1/categories/c', { name: 'of another' });
        });
        const out = await belfry.cli(['apply', dir, '--yes', '--json'],
            { env: { BELFRY_URL: url } });
        assert.equal(out.code, 1);
        const { changes } = JSON.parse(out.stdout);
        assert.deepEqual(changes.map((s) => [s.key, s.result]),
            [['a', 'done'], ['b', 'failed'], ['c', 'failed']]);
        assert.match(changes[1].reason, /changed on the server meanwhile/);
        for (const key of ['b', 'c'])
            assert.equal((await belfry.get(`/v1/categories/${key}`)).name,
                'of another');
    });
});

describe('belfry apply after a failure', { timeout: 60000 }, () => {
    it('deletes nothing, of the same kind neither', async (t) => {
        const belfry = await started(t);
        const dir = path.join(belfry.dir, 'conf');
        await belfry.put('/v1/categories/old', { name: 'Old' });
        await mkdir(path.join(dir, 'categories'), { recursive: true });
        await writeFile(path.join(dir, 'categories/new.json'),
            '{"name":"New","sla":"soon"}');
        const out = await belfry.cli(['apply', dir, '--yes', '--delete',
            '--json']);
        assert.equal(out.code, 1, out.stderr);
        assert.deepEqual(JSON.parse(out.stdout).changes.map((s) =>
            [s.action, s.key, s.result]), [['create', 'new', 'failed'],
            ['delete', 'old', 'not_tried']]);
        await belfry.get('/v1/categories/old');
    });
});

describe('belfry export', { timeout: 60000 }, () => {
    it('says why it cannot open its folder', async (t) => {
        const belfry = await started(t);
        const at = path.join(belfry.dir, 'a-file');
        await writeFile(at, '');
        const out = await belfry.cli(['export', at]);
        assert.equal(out.code, 1);
        assert.match(out.stderr, /a-file: Not a directory|File exists/);
    });

    it('goes on after what cannot be a file, and names it', async (t) => {
        const belfry = await started(t);
        const dir = path.join(belfry.dir, 'conf');
        const long = ':'.repeat(100); // 300 bytes as a file's name
        for (const key of ['a', long, 'z'])
            await belfry.put(`/v1/categories/${key}`, { name: 'A' });
        await belfry.put('/v1/topics/later', {});
        await mkdir(path.join(dir, 'categories'), { recursive: true });
        await writeFile(path.join(dir, 'categories/gone.json'), '{}');
        const out = await belfry.cli(['export', dir, '--delete']);
        assert.equal(out.code, 1, out.stderr);
        assert.match(out.stderr, /%3A\.json: is no name of a file/);
        assert.match(out.stderr, /the export is not whole/);
        assert.deepEqual(tree(dir), ['./categories/a.json',
            './categories/gone.json', './categories/z.json',
            './topics/later.json', './workspace.json']);
    });
});

describe('what a server says', { timeout: 60000 }, () => {
    it('is refused with a message where it makes no sense', async (t) => {
        const belfry = await started(t);
        const server = createServer((request, response) => {
            response.setHeader('content-type', 'application/json');
            response.end(JSON.stringify({ next: null, data:
                request.url.startsWith('/v1/templates')
                    ? [{ key: '../../etc/x', content: {} }] : [] }));
        });
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        t.after(() => server.close());
        const out = await belfry.cli(['template', 'pull', 'all/'], { env: {
            BELFRY_URL: `http://127.0.0.1:${server.address().port}` } });
        assert.equal(out.code, 1);
        assert.match(out.stderr, /list of templates cannot be used/);
        assert.match(out.stderr, /"\.\.\/\.\.\/etc\/x" is no key/);
    });

    it('takes in no file of whoever applies it', async (t) => {
        const belfry = await started(t);
        const dir = path.join(belfry.dir, 'conf');
        const link = { $file: 'private.txt' };
        const content = { default: { title: 'T', body: 'B', actions: [
            { id: 'a', label: 'A', url: 'https://example.org/',
                data: { x: link } }] } };
        await belfry.put('/v1/templates/evil', { content, locales: {
            content: { default: { title: 'T', body: 'B',
                actions: content.default.actions } } } });
        await belfry.cli(['export', dir]);
        await writeFile(path.join(dir, 'templates/private.txt'), 'PRIVATE');
        const file = path.join(dir, 'templates/evil.json');
        const doc = JSON.parse(await readFile(file, 'utf8'));
        doc.content.default.body = 'changed';
        await writeFile(file, JSON.stringify(doc));
        const out = await belfry.cli(['apply', dir, '--yes']);
        assert.equal(out.code, 0, out.stderr);
        const now = await belfry.get('/v1/templates/evil');
        assert.equal(now.content.default.body, 'changed');
        assert.deepEqual(now.content.default.actions[0].data, { x: link });
        assert.deepEqual(now.locales.content.default.actions[0].data,
            { x: link });
        await belfry.cli(['export', dir, '--delete']);
        assert.equal(await readFile(path.join(dir, 'templates/private.txt'),
            'utf8'), 'PRIVATE', 'and it is no text of the template');
    });

    it('reads no variable of whoever applies it', async (t) => {
        const belfry = await started(t);
        const dir = path.join(belfry.dir, 'conf');
        const file = path.join(dir, 'providers/log.json');
        const env = { CI_SECRET: 'of-the-environment' };
        const config = { path: '/tmp/${CI_SECRET}' };
        await belfry.put('/v1/providers/log', { channel: 'log_file',
            driver: 'log_file', config });
        const there = async () =>
            (await belfry.get('/v1/providers/log')).config;
        await belfry.cli(['export', dir], { env });
        const doc = JSON.parse(await readFile(file, 'utf8'));
        assert.deepEqual(doc.config, { path: '/tmp/$${CI_SECRET}' });
        await writeFile(file, JSON.stringify({ ...doc, order: 7 }));
        const out = await belfry.cli(['apply', dir, '--yes'], { env });
        assert.equal(out.code, 0, out.stderr);
        assert.equal((await belfry.get('/v1/providers/log')).order, 7);
        assert.deepEqual(await there(), config);
        await writeFile(file, JSON.stringify({ ...doc, config }));
        const set = await belfry.cli(['apply', dir, '--yes'], { env });
        assert.equal(set.code, 0, set.stderr);
        assert.doesNotMatch(set.stdout, /of-the-environment/);
        assert.deepEqual(await there(), { path: '/tmp/of-the-environment' });
    });
});

describe('belfry template', { timeout: 120000 }, () => {
    let belfry;

    const run = async (code, ...args) => {
        const out = await belfry.cli(['template', ...args]);
        assert.equal(out.code, code, `${args}:\n${out.stderr}`);
        return out;
    };
    const write = (name, doc) =>
        writeFile(path.join(belfry.dir, name), JSON.stringify(doc));
    const text = (title, body = 'b') =>
        ({ content: { default: { title, body } } });

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('pushes drafts, shows how they differ, and publishes', async () => {
        await write('welcome.json', text('Hello {{name}}'));
        assert.match((await run(0, 'push', 'welcome.json')).stderr,
            /welcome: live/);
        await write('welcome.json', text('Hi {{name}}', 'one\ntwo'));
        assert.match((await run(0, 'diff', 'welcome.json')).stdout,
            /\/content\/default\/title  "Hello {{name}}" -> "Hi {{name}}"/);
        assert.match((await run(0, 'push', 'welcome.json')).stderr,
            /welcome: a draft/);
        assert.match((await run(0, 'push', 'welcome.json')).stderr,
            /0 pushed, 1 unchanged/);
        assert.match((await run(0, 'diff', 'welcome.json')).stderr,
            /no differences/);
        assert.match((await run(0, 'diff', 'welcome')).stdout,
            /from what is live to the draft/);

        const preview = ['preview', 'welcome', '--data', 'name=Ada'];
        const draft = await run(0, ...preview);
        assert.match(draft.stdout, /^title\n {2}Hi Ada\nbody\n {2}one\n {2}two\n/);
        assert.match(draft.stderr, /version 2, a draft; sends use 1/);
        const live = await run(0, ...preview, '--live', '--json');
        assert.equal(JSON.parse(live.stdout).title, 'Hello Ada');
        assert.equal(live.stderr, '');

        assert.match((await run(0, 'publish', 'welcome')).stderr,
            /sends use version 2 of 2/);
        assert.match((await run(0, 'diff', 'welcome')).stderr,
            /no differences/);
        assert.match((await run(0, 'rollback', 'welcome')).stderr,
            /sends use version 1 of 2/);
        await run(1, 'rollback', 'welcome');
        assert.match((await run(0, 'ls')).stdout, /welcome +1 +2/);
    });

    it('publishes at once when it is told to', async () => {
        await write('now.json', text('one'));
        await run(0, 'push', 'now.json');
        await write('now.json', text('two'));
        await run(0, 'push', 'now.json');
        await run(0, 'push', 'now.json', '--publish');
        const now = await belfry.get('/v1/templates/now');
        assert.deepEqual([now.latest, now.published], [2, 2]);
        assert.match((await run(0, 'push', 'now.json', '--publish')).stderr,
            /0 pushed, 1 unchanged/);
    });

    it('pulls one here, or all into a folder', async () => {
        await belfry.put('/v1/templates/pulled', { content: { default: {
            title: 'T', html: HTML } } });
        await run(0, 'pull', 'pulled');
        const file = (name) => readFile(path.join(belfry.dir, name), 'utf8');
        assert.equal(await file('pulled.html'), HTML);
        assert.deepEqual(JSON.parse(await file('pulled.json')).content.default
            .html, { $file: 'pulled.html' });
        assert.match((await run(0, 'diff', 'pulled.json')).stderr,
            /no differences/);
        await run(0, 'pull', 'all/');
        assert.equal(await file('all/pulled.html'), HTML);
        assert.match(await file('all/welcome.json'), /Hi/, 'the draft');
        await run(0, 'pull', 'all/', '--live');
        assert.match(await file('all/welcome.json'), /Hello/);
        await run(0, 'push', 'all/');
        assert.equal((await belfry.get('/v1/templates/welcome')).latest, 3);
        await run(1, 'pull', 'not_there');
        await run(1, 'push', 'not_there.json');
        await run(1, 'push', 'no such');
    });

    it('pushes what is well, and names what is not', async () => {
        await mkdir(path.join(belfry.dir, 'mixed'));
        await write('mixed/a.json', text('{{#a}}'));
        await writeFile(path.join(belfry.dir, 'mixed/b.json'), '{');
        await write('mixed/c.json', { content: { default: { titel: 'x' } } });
        await write('mixed/d.json', text('well'));
        const out = await run(1, 'push', 'mixed', 'nowhere.json', '--json');
        assert.deepEqual(JSON.parse(out.stdout),
            { pushed: 1, unchanged: 0, failed: 4 });
        for (const what of [/a: not pushed/, /b\.json: /, /c: not pushed/,
            /d: live/, /nowhere\.json: /, /1 pushed, 0 unchanged, 4 failed/])
            assert.match(out.stderr, what);
        const no = await belfry.cli(['template', 'push', 'mixed'],
            { env: { BELFRY_KEY: 'bf_none' } });
        assert.equal(no.code, 4, 'no use to try each');
    });

    it('shows nothing that would drive a terminal', async () => {
        const title = '\u001b[31mred\u202e\u007f';
        await belfry.put('/v1/templates/evil', text(title, '\u009bx'));
        for (const args of [['preview', 'evil'], ['ls'], ['ls', '--json'],
            ['get', 'evil'], ['get', 'evil', '--json'],
            ['preview', 'evil', '--json'], ['publish', 'evil', '--json']]) {
            const out = await run(0, ...args);
            // eslint-disable-next-line no-control-regex
            assert.doesNotMatch(out.stdout, /[\u001b\u007f-\u009f\u202e]/);
        }
        const got = await run(0, 'get', 'evil', '--json');
        assert.equal(JSON.parse(got.stdout).content.default.title, title);
        const { id } = await belfry.post('/v1/notifications',
            { to: 'u1', title, cancel_key: 'k', category: 'c' });
        const json = await belfry.cli(['get', id, '--json']);
        assert.equal(JSON.parse(json.stdout).id, id);
    });
});

describe('GET /v1/templates/{key}', { timeout: 60000 }, () => {
    it('shows and renders any version', async (t) => {
        const belfry = await started(t);
        const route = '/v1/templates/v';
        for (const title of ['one', 'two', 'three'])
            await belfry.put(route, { content: { default: { title } } });
        const title = async (query) =>
            (await belfry.get(`${route}${query}`)).content.default.title;
        assert.equal(await title(''), 'three');
        assert.equal(await title('?version=latest'), 'three');
        assert.equal(await title('?version=published'), 'one');
        assert.equal(await title('?version=2'), 'two');
        for (const version of ['4', '0', '-1', 'x', '99999999999999999999'])
            await belfry.want(404, 'GET', `${route}?version=${version}`);
        const rendered = (version) =>
            belfry.post(`${route}/preview`, { version });
        assert.equal((await rendered('published')).title, 'one');
        assert.equal((await rendered('2')).title, 'two');
        assert.equal((await belfry.post(`${route}/preview`, {})).title,
            'three');
        await belfry.want(404, 'POST', `${route}/preview`, { version: '9' });
    });
});

describe('belfry provider', { timeout: 60000 }, () => {
    it('lists what holds where nothing is said', async (t) => {
        const belfry = await started(t);
        const doc = { channel: 'webhook', driver: 'null' };
        await belfry.put('/v1/providers/a', doc);
        await belfry.put('/v1/providers/b', { ...doc, order: 7,
            enabled: false });
        await belfry.want(200, 'POST', '/v1/providers/b/pause');
        const out = await belfry.cli(['provider', 'ls']);
        assert.deepEqual(out.stdout.trim().split('\n').slice(1)
            .map((row) => row.split(/ +/)), [
            ['a', 'webhook', 'null', '1', 'true', 'false'],
            ['b', 'webhook', 'null', '7', 'false', 'true']]);
    });

    it('stays paused, whoever changes it at the same time', async (t) => {
        const belfry = await start();
        t.after(() => belfry.stop());
        const hook = { channel: 'webhook', driver: 'webhook',
            config: { url: 'http://127.0.0.1:9/' } };
        for (let n = 0; n < 5; n++) {
            await belfry.put('/v1/providers/hook', hook);
            await belfry.want(200, 'POST', '/v1/providers/hook/resume');
            await Promise.all([...Array.from({ length: 6 }, (_, i) =>
                belfry.put('/v1/providers/hook', { ...hook, order: i + 1 })),
            belfry.want(200, 'POST', '/v1/providers/hook/pause')]);
            assert.equal((await belfry.get('/v1/providers/hook')).paused, true);
        }
    });

    it('pauses and resumes, over restarts and other changes', async (t) => {
        const hook = await receiver();
        t.after(() => hook.close());
        const belfry = await started(t);
        const doc = { channel: 'webhook', driver: 'webhook',
            config: { url: hook.url('/in'), secret: hook.secret } };
        await belfry.put('/v1/providers/hook', doc);
        const paused = await belfry.cli(['provider', 'pause', 'hook']);
        assert.equal(paused.code, 0, paused.stderr);
        const id = await belfry.send({ to: 'u1', title: 'x',
            channels: ['webhook'] });
        await belfry.put('/v1/providers/hook', { ...doc, order: 5,
            paused: false }, { unchecked: true });
        const { paused: still } = await belfry.get('/v1/providers/hook');
        assert.equal(still, true, 'a PUT is no resume');
        const dir = path.join(belfry.dir, 'paused');
        await belfry.cli(['export', dir]);
        assert.doesNotMatch(await readFile(path.join(dir,
            'providers/hook.json'), 'utf8'), /paused/);
        await belfry.kill9();
        await belfry.restart();
        const later = await belfry.send({ to: 'u2', title: 'y',
            channels: ['in_app'] });
        await belfry.settled(later);
        assert.equal((await belfry.delivery(id, 'webhook')).status, 'queued');
        assert.equal(hook.calls('/in').length, 0);
        const [lane] = (await belfry.get('/v1/lanes')).data;
        assert.equal(lane.paused, true);
        const resumed = await belfry.cli(['provider', 'resume', 'hook']);
        assert.equal(resumed.code, 0, resumed.stderr);
        await belfry.reaches(id, 'webhook', 'delivered');
        assert.ok(hook.calls('/in')[0].isVerified, 'its secret is the same');
        await belfry.post('/v1/lanes/hook/pause');
        await belfry.post('/v1/lanes/hook/resume');
        await belfry.want(404, 'POST', '/v1/providers/none/pause');
        assert.equal((await belfry.cli(['provider', 'pause', 'no'])).code, 1);
    });

    it('puts again what it got, word for word', async (t) => {
        const belfry = await started(t);
        const doc = { channel: 'log_file', driver: 'log_file',
            config: { path: '/tmp/${HOME}-$${x}-${.log' } };
        await belfry.put('/v1/providers/log', doc);
        const file = path.join(belfry.dir, 'log.json');
        for (const more of [[], ['--json']]) {
            const got = await belfry.cli(['provider', 'get', 'log', ...more]);
            assert.equal(got.code, 0, got.stderr);
            await writeFile(file, got.stdout);
            const put = await belfry.cli(['provider', 'put', file],
                { env: { HOME: '/of-the-environment' } });
            assert.equal(put.code, 0, put.stderr);
            assert.deepEqual((await belfry.get('/v1/providers/log')).config,
                doc.config);
        }
    });

    it('puts, lists, tests and deletes', async (t) => {
        const hook = await receiver();
        t.after(() => hook.close());
        const belfry = await started(t);
        const file = path.join(belfry.dir, 'hook.json');
        await writeFile(file, JSON.stringify({ channel: 'webhook',
            driver: 'webhook', config: { url: '${HOOK_URL}',
                secret: '${HOOK_SECRET}' } }));
        const env = { HOOK_URL: hook.url('/in'),
            HOOK_SECRET: hook.secret };
        assert.equal((await belfry.cli(['provider', 'put', file])).code, 1);
        const put = await belfry.cli(['provider', 'put', file], { env });
        assert.equal(put.code, 0, put.stderr);
        const ls = await belfry.cli(['provider', 'ls']);
        assert.match(ls.stdout, /hook +webhook +webhook/);
        const got = await belfry.cli(['provider', 'get', 'hook']);
        assert.equal(JSON.parse(got.stdout).config.secret, '***');
        const test = await belfry.cli(['provider', 'test', 'hook', '--title',
            'A test']);
        assert.equal(test.code, 0, test.stderr);
        assert.match(test.stderr, /hook: delivered/);
        assert.ok(hook.calls('/in')[0].isVerified);
        const gone = await belfry.cli(['provider', 'delete', 'hook']);
        assert.equal(gone.code, 0, gone.stderr);
        assert.equal((await belfry.cli(['provider', 'test', 'hook'])).code, 1);
        assert.equal((await belfry.cli(['provider', 'test'])).code, 2);
    });
});
