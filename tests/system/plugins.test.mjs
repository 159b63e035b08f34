// Plugins: the example, built out of tree with the header alone, and one that
// misbehaves on request (plugins/tricks.c).

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync,
    mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync,
    symlinkSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import path from 'node:path';
import { BINARY, start, started } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { receiver } from './lib/webhook.mjs';
import { until } from './lib/until.mjs';

const ROOT = path.resolve(import.meta.dirname ??
    path.dirname(new URL(import.meta.url).pathname), '../..');

// A folder that only root can write, and all above it: not one in /tmp.
const above = path.dirname(BINARY);
const isRoots = (() => {
    if (process.getuid() !== 0) return false;
    for (let dir = above; ; dir = path.dirname(dir)) {
        const s = statSync(dir);
        if (s.uid !== 0 || s.mode & 0o022) return false;
        if (dir === '/') return true;
    }
})();
const skip = isRoots ? false :
    `needs root, and a build below folders that only root can write: ${above}`;

const run = (program, args) => execFileSync(program, args,
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

describe('the header of plugins', () => {
    const header = path.join(ROOT, 'include/belfry/channel.h');
    const strict = ['-Wall', '-Wextra', '-Wpedantic', '-Werror',
        '-fsyntax-only'];

    it('is a C11 one by itself', () => {
        run('cc', ['-std=c11', ...strict, '-x', 'c', header]);
    });
    it('is a C++11 one by itself', () => {
        run('c++', ['-std=c++11', ...strict, '-x', 'c++', header]);
    });
});

// ---- plugins ----

let folder, hashes;

const hash = (name) => run(BINARY, ['plugin', 'hash',
    path.join(folder, `${name}.so`)]).trim();

function build() {
    folder = mkdtempSync(path.join(above, 'plugins-test-'));
    chmodSync(folder, 0o755);
    const out = mkdtempSync(path.join(above, 'plugins-out-'));
    for (const file of ['chat.c', 'Makefile'])
        copyFileSync(path.join(ROOT, 'plugins/example', file),
            path.join(out, file));
    run('make', ['-C', out, `CPPFLAGS=-I${path.join(ROOT, 'include')}`]);
    copyFileSync(path.join(out, 'chat.so'), path.join(folder, 'chat.so'));
    run('cc', ['-std=gnu11', '-Wall', '-Werror', '-shared', '-fPIC',
        `-I${path.join(ROOT, 'include')}`,
        path.join(ROOT, 'tests/system/plugins/tricks.c'),
        '-o', path.join(folder, 'tricks.so')]);
    rmSync(out, { recursive: true });
    hashes = { chat: hash('chat'), tricks: hash('tricks') };
}

const withPlugins = (allow, env = {}) => ({ env: {
    BELFRY_PLUGINS_FOLDER: folder, BELFRY_PLUGINS_ALLOW: allow, ...env } });

// The child of that plugin.
function childOf(belfry, name) {
    for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
        try {
            const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
                .split('\0');
            const [, parent] = /^PPid:\s+(\d+)/m.exec(
                readFileSync(`/proc/${pid}/status`, 'utf8'));
            if (Number(parent) === belfry.child.pid && words[2] === 'run' &&
                words[3] === name) return Number(pid);
        } catch { /* it has ended meanwhile */ }
    }
    return null;
}

before(() => isRoots && build());
after(() => folder && rmSync(folder, { recursive: true }));

describe('the example plugin', { skip, timeout: 120000 }, () => {
    const TOKEN = 'a-token-of-the-bot';
    const SECRET = 'a-secret-of-webhooks';
    let belfry, server, config;

    before(async () => {
        server = await receiver();
        belfry = await start({ roles: 'all', ...withPlugins(hashes.chat) });
        config = { base_url: server.url('/api/'), token: TOKEN, room: 'ops',
            webhook_secret: SECRET };
        await belfry.put('/v1/providers/team', { channel: 'chat',
            driver: 'chat', retry: { strategy: 'fixed', base: '100ms' },
            config });
        await belfry.put('/v1/users/u1', {});
    });
    after(async () => {
        await belfry?.stop();
        await server?.close();
    });

    const PATH = '/api/rooms/ops/messages';
    const send = (title) => belfry.send({ to: 'u1', channels: ['chat'], title,
        body: 'a "body"' });

    it('sends a message', async () => {
        server.script(PATH, [{ status: 201,
            headers: { 'Content-Type': 'application/json' },
            body: '{"id":"m1"}' }]);
        const id = await send('Hello');
        const d = await belfry.reaches(id, 'chat', 'sent');
        const [call] = server.calls(PATH);
        assert.equal(call.headers.authorization, `Bearer ${TOKEN}`);
        assert.deepEqual(JSON.parse(call.body), { key: d.id, notify: 'here',
            title: 'Hello', text: 'a "body"' });
        assert.equal(d.log.length, 1);
        assert.equal(d.log[0].status, 201);
    });

    it('is tried by hand', async () => {
        server.script(PATH, [{ status: 201, body: '{"id":"m0"}' },
            { status: 401, body: `who is ${TOKEN}?` }]);
        const n = server.calls(PATH).length;
        const good = await belfry.cli(['provider', 'test', 'team', '--title',
            'By hand']);
        assert.equal(good.code, 0, good.stderr);
        const call = server.calls(PATH)[n];
        assert.equal(JSON.parse(call.body).title, 'By hand');
        const bad = await belfry.cli(['provider', 'test', 'team']);
        assert.equal(bad.code, 1);
        assert.match(bad.stderr, /team: credentials: who is \*\*\*\?/);
    });

    it('masks its secrets, also where the other side tells them', async () => {
        const shown = await belfry.get('/v1/providers/team');
        assert.equal(shown.config.token, '***');
        assert.equal(shown.config.room, 'ops');
        server.script(PATH, [{ status: 400, body: `no ${TOKEN} here` }]);
        const d = await belfry.reaches(await send('No'), 'chat', 'failed');
        assert.equal(d.log[0].detail, 'no *** here');
    });

    it('refuses a configuration by its own table', async () => {
        for (const [change, pointer] of [
            [{ token: undefined }, '/config/token'],
            [{ token: 'short' }, '/config/token'],
            [{ room: '' }, '/config/room'],
            [{ notify: 'everybody' }, '/config/notify'],
            [{ base_url: 'ftp://x/' }, '/config/base_url'],
            [{ colour: 'red' }, '/config/colour'],
        ]) {
            const a = await belfry.api('PUT', '/v1/providers/bad', {
                channel: 'chat', driver: 'chat',
                config: { ...config, ...change } });
            assert.equal(a.status, 422, a.text);
            assert.deepEqual(a.body.errors.map((e) => e.pointer), [pointer]);
        }
        const a = await belfry.api('PUT', '/v1/providers/bad', {
            channel: 'email', driver: 'chat', config });
        assert.equal(a.body.errors[0].pointer, '/driver');
    });

    it('keeps a secret only for the host that it was given for', async () => {
        const a = await belfry.api('PUT', '/v1/providers/team', {
            channel: 'chat', driver: 'chat', config: { ...config,
                token: '***', webhook_secret: '***',
                base_url: 'http://127.0.0.2:1/' } });
        assert.equal(a.status, 422, a.text);
        assert.match(a.body.errors[0].detail, /give the secret again/);
    });

    it('waits as the other side asks', async () => {
        server.script(PATH, [{ status: 429, headers: { 'Retry-After': '1' } }]);
        const d = await belfry.reaches(await send('Slowly'), 'chat', 'sent');
        assert.deepEqual(d.log.map((a) => a.verdict), ['rate', 'sent']);
    });

    it('hears what the other side tells later', async () => {
        server.script(PATH, [{ status: 201, body: '{"id":"m9"}' }]);
        const id = await send('Read me');
        await belfry.reaches(id, 'chat', 'sent');
        const { receipt_url: url } = await belfry.get('/v1/providers/team');
        const body = '{"id":"e1","event":"delivered","message":"m9"}';
        const sign = (secret) => createHmac('sha256', secret).update(body)
            .digest('hex');
        const tell = (signature) => fetch(url, { method: 'POST', body,
            headers: { 'X-Chat-Signature': signature,
                'Content-Type': 'application/json' } });
        assert.equal((await tell(sign('another secret'))).status, 401);
        const told = await tell(sign(SECRET));
        assert.equal(told.status, 200);
        assert.equal(told.headers.get('x-content-type-options'), 'nosniff');
        assert.match(told.headers.get('content-security-policy'), /sandbox/);
        await belfry.reaches(id, 'chat', 'delivered');
        // Webhooks have a child of their own.
        const pids = readdirSync('/proc').filter((n) => /^\d+$/.test(n) &&
            (() => {
                try {
                    return readFileSync(`/proc/${n}/status`, 'utf8').includes(
                        `PPid:\t${belfry.child.pid}\n`);
                } catch { return false; }
            })());
        assert.equal(pids.length, 2);
    });

    it('loses nothing when its child is killed in the middle', async () => {
        server.script(PATH, [{ status: 201, after: 500, body: '{"id":"m2"}' }]);
        const n = server.calls(PATH).length;
        const id = await send('Half-way');
        await server.called(PATH, n + 1);
        process.kill(childOf(belfry, 'chat'), 'SIGKILL');
        const d = await belfry.reaches(id, 'chat', 'sent');
        assert.equal(d.log.length, 1);
        assert.equal(server.calls(PATH).length, n + 1); // and nothing twice
    });

    it('has a child that holds nothing of the server', () => {
        const pid = childOf(belfry, 'chat');
        const open = readdirSync(`/proc/${pid}/fd`).map((fd) =>
            readlinkSync(`/proc/${pid}/fd/${fd}`));
        assert.deepEqual(open.sort(), ['/dev/null', '/dev/null', '/dev/null',
            open.find((o) => o.startsWith('socket:'))].sort());
        assert.equal(readFileSync(`/proc/${pid}/environ`, 'utf8'), '');
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        assert.match(status, /^NoNewPrivs:\s+1$/m);
        assert.match(status, /^Seccomp:\s+2$/m);
        assert.match(status, /^Uid:\s+65534\s+65534\s+65534/m);
        const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
        for (const what of ['core file size', 'file size', 'processes'])
            assert.match(limits, new RegExp(`^Max ${what}\\s+0\\s+0\\s`, 'm'));
    });

    it('is told of in health and metrics', async () => {
        const health = await belfry.get('/v1/health');
        const mine = health.components.find((c) => c.name === 'plugin/chat');
        assert.equal(mine.status, 'ok');
        const { text } = await belfry.api('GET', '/metrics', undefined,
            { unchecked: true });
        assert.match(text, /^belfry_plugin_ends_total\{plugin="chat"\} 1$/m);
    });
});

describe('plugins of a server', { skip, timeout: 60000 }, () => {
    const PROVIDER = { channel: 'chat', driver: 'chat', config: {
        base_url: 'http://127.0.0.1:1', token: 'a-token-of-the-bot',
        room: 'ops' } };

    it('end with it, also when it is killed', async (t) => {
        const belfry = await started(t, withPlugins(hashes.chat));
        const pid = childOf(belfry, 'chat');
        assert.ok(pid);
        await belfry.kill9();
        await until('its child is gone', () => !existsSync(`/proc/${pid}`));
        await belfry.restart();
        assert.ok(childOf(belfry, 'chat'));
    });

    it('send nothing in development', async (t) => {
        const belfry = await started(t, { dev: true,
            ...withPlugins(hashes.chat) });
        await belfry.put('/v1/providers/team', PROVIDER);
        const id = await belfry.send({ to: 'u1', channels: ['chat'],
            title: 'Caught' });
        await belfry.reaches(id, 'chat', 'sent');
        const { data } = await belfry.get('/v1/dev/messages');
        assert.deepEqual(data.map((m) => [m.channel, m.driver]),
            [['chat', 'chat']]);
        assert.doesNotMatch(JSON.stringify(data), /a-token-of-the-bot/);
    });

    it('serve processes that only have a part of it', async (t) => {
        if (process.env.BELFRY_TEST_DATABASE !== 'postgres') {
            t.skip('several processes need PostgreSQL');
            return;
        }
        const server = await receiver();
        t.after(() => server.close());
        const all = await nodes(t);
        const api = await all.start('api', withPlugins(hashes.chat));
        await all.start('worker,scheduler', withPlugins(hashes.chat));
        const a = await api.api('PUT', '/v1/providers/team', { ...PROVIDER,
            config: { ...PROVIDER.config, room: '' } });
        assert.deepEqual(a.body.errors.map((e) => e.pointer),
            ['/config/room']);
        await api.put('/v1/providers/team', { ...PROVIDER, config: {
            ...PROVIDER.config, base_url: server.url(''),
            webhook_secret: 'a-secret-of-webhooks' } });
        server.script('/rooms/ops/messages', [{ body: '{"id":"m1"}' }]);
        const id = await api.send({ to: 'u1', channels: ['chat'],
            title: 'Across' });
        await api.reaches(id, 'chat', 'sent');
        const { receipt_url: url } = await api.get('/v1/providers/team');
        const body = '{"id":"e1","event":"delivered","message":"m1"}';
        const told = await fetch(url, { method: 'POST', body, headers: {
            'X-Chat-Signature': createHmac('sha256', 'a-secret-of-webhooks')
                .update(body).digest('hex') } });
        assert.equal(told.status, 200);
        await api.reaches(id, 'chat', 'delivered');
    });
});

describe('a plugin that misbehaves', { skip, timeout: 120000 }, () => {
    let belfry, server;

    before(async () => {
        server = await receiver();
        belfry = await start({ roles: 'all',
            ...withPlugins(`${hashes.tricks}, ${hashes.chat}`,
                { BELFRY_PLUGINS_TIMEOUT: '1500ms' }) });
        const retry = { strategy: 'fixed', base: '100ms', attempts: 20 };
        await belfry.put('/v1/providers/tricks', { channel: 'slack',
            driver: 'tricks', retry, config: { base_url: server.url(''),
                token: 'canary-of-tricks' } });
        await belfry.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook', config: { url: server.url('/other'),
                secret: server.secret } });
        await belfry.put('/v1/users/u1', {});
    });
    after(async () => {
        await belfry?.stop();
        await server?.close();
    });

    const send = (title) => belfry.send({ to: 'u1', channels: ['slack'],
        title });

    for (const [title, why] of [['crash', /SIGABRT/],
        ['hang', /did not answer within 1500 ms/],
        ['nonsense', /nothing that the ABI has/]])
        it(`gives up a message that makes it ${title}, and no other`,
            async () => {
                const id = await send(title);
                const others = await Promise.all([1, 2, 3].map(() =>
                    send('fine')));
                const hook = await belfry.send({ to: 'u1',
                    channels: ['webhook'], title: 'other' });
                await belfry.reaches(hook, 'webhook', 'delivered',
                    { timeout: 1400 });
                for (const other of others)
                    await belfry.reaches(other, 'slack', 'sent');
                const d = await belfry.reaches(id, 'slack', 'dead');
                assert.equal(d.reason, 'plugin.crash_loop');
                assert.equal(d.log.length, 3);
                for (const a of d.log) {
                    assert.equal(a.verdict, 'retry');
                    assert.match(a.detail, why);
                }
            });

    it('is asked again what an answer means, three times at most', async () => {
        const n = server.calls('/hook').length;
        const d = await belfry.reaches(await send('judge'), 'slack', 'dead');
        assert.equal(d.reason, 'plugin.crash_loop');
        assert.deepEqual(d.log.map((a) => a.verdict), ['unknown']);
        assert.equal(server.calls('/hook').length, n + 1); // sent once
    });

    it('loses nothing when it is killed with a message in hand', async () => {
        await belfry.reaches(await send('fine'), 'slack', 'sent');
        const pid = childOf(belfry, 'tricks');
        // It woke, and sleeps a second with the message in its hands.
        const wakes = () => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(
            readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
        const before = wakes();
        const id = await send('wait');
        await until('its child has the message', () => wakes() > before,
            { every: 5 });
        process.kill(pid, 'SIGKILL');
        const d = await belfry.reaches(id, 'slack', 'sent');
        assert.deepEqual(d.log.map((a) => a.verdict), ['retry', 'sent']);
        assert.match(d.log[0].detail, /SIGKILL/);
    });

    it('can reach nothing', async () => {
        const d = await belfry.reaches(await send('look'), 'slack', 'failed');
        assert.equal(d.log[0].detail, 'socket refused, open refused, ' +
            'fork refused, kill refused, tgkill refused, environment none');
    });

    it('logs lines that are no lines of the log', async () => {
        await belfry.reaches(await send('say'), 'slack', 'sent');
        assert.match(belfry.stderr, new RegExp(
            String.raw`plugin\.says plugin=tricks provider=tricks ` +
            String.raw`id=dlv_\w+ line="a line of the plugin"`));
    });

    it('logs no secret that it was told', async () => {
        await belfry.reaches(await send('tell'), 'slack', 'sent');
        assert.match(belfry.stderr, /plugin\.says .* line="?\*\*\*"?\n/);
        assert.doesNotMatch(belfry.stderr, /canary-of-tricks/);
    });
});

describe('what is not loaded', { skip, timeout: 120000 }, () => {
    const refused = async (allow, env) => {
        const options = withPlugins(allow, env);
        let text;
        await start(options).then((b) => b.stop().then(() =>
            assert.fail('it started')), (error) => (text = String(error)));
        assert.doesNotMatch(text, /Sanitizer|runtime error/);
        return text;
    };

    // What doctor says of the one plugin that is allowed.
    const doctored = (allow, status) => {
        const { stdout } = spawnSync(BINARY, ['doctor', '--json'], { env: {
            BELFRY_PLUGINS_FOLDER: folder, BELFRY_PLUGINS_ALLOW: allow,
            BELFRY_DATABASE_URL: `sqlite:${folder}/none.db` },
        encoding: 'utf8' });
        const [check, ...more] = JSON.parse(stdout).checks.filter((c) =>
            c.name === 'plugin');
        assert.deepEqual(more, []);
        assert.equal(check.status, status, stdout);
        return check.detail;
    };

    it('is one with another hash', async () => {
        const other = `chat=sha256:${'0'.repeat(64)}`;
        for (const text of [await refused(other), doctored(other, 'problem')]) {
            assert.ok(text.includes(`its hash is ${hashes.chat.slice(5)}`),
                text);
            assert.match(text, /put this hash there/);
        }
    });

    it('is one that others may write, or own', async () => {
        const file = path.join(folder, 'chat.so');
        for (const [spoil, mend, why] of [
            [() => chmodSync(file, 0o664), () => chmodSync(file, 0o644),
                /chat\.so can be written by others than root: chmod go-w it/],
            [() => chownSync(file, 1, 0), () => chownSync(file, 0, 0),
                /chat\.so does not belong to root: chown root it/],
            [() => chmodSync(folder, 0o777), () => chmodSync(folder, 0o755),
                /plugins-test-\w+ can be written by others/],
        ]) {
            spoil();
            assert.match(await refused(hashes.chat), why);
            const ls = spawnSync(BINARY, ['plugin', 'ls'], { encoding: 'utf8',
                env: { BELFRY_PLUGINS_FOLDER: folder,
                    BELFRY_PLUGINS_ALLOW: hashes.chat } });
            assert.equal(ls.status, 1);
            assert.match(ls.stdout.replace(/\s+/g, ' '), why);
            assert.match(doctored(hashes.chat, 'problem'), why);
            mend();
            assert.match(doctored(hashes.chat, 'ok'), /^chat may be loaded$/);
        }
    });

    it('is one behind a symbolic link', async () => {
        symlinkSync(path.join(folder, 'chat.so'), path.join(folder, 'linked.so'));
        assert.match(await refused(hashes.chat.replace('chat', 'linked')),
            /linked\.so is a symbolic link/);
        assert.match(await refused(hashes.chat,
            { BELFRY_PLUGINS_FOLDER: 'plugins' }), /is no absolute path/);
    });

    it('is no plugin, or calls itself otherwise', async () => {
        writeFileSync(path.join(folder, 'text.so'), 'no library');
        assert.match(await refused(hash('text')), /plugin text: file too short/);
        copyFileSync(path.join(folder, 'chat.so'),
            path.join(folder, 'talk.so'));
        assert.match(await refused(hash('talk')), /calls itself otherwise/);
        mkdirSync(path.join(folder, 'dir.so'));
        assert.match(await refused(hashes.chat.replace('chat', 'dir')),
            /dir\.so is no file/);
    });

    it('is what the settings do not name', async () => {
        const belfry = await start(withPlugins(''));
        const a = await belfry.api('PUT', '/v1/providers/team', {
            channel: 'chat', driver: 'chat', config: {} });
        assert.equal(a.status, 422);
        assert.deepEqual(a.body.errors.map((e) => e.pointer),
            ['/channel', '/driver']);
        await belfry.stop();
        const text = run('env', [`BELFRY_PLUGINS_FOLDER=${folder}`, BINARY,
            'plugin', 'ls']);
        assert.ok(text.includes(`put ${hashes.chat} into plugins.allow`), text);
    });
});
