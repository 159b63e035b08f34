// What stands between a client and the routes: methods, base path, browsers'
// origins, proxies, TLS, the address itself; and how the server starts and
// stops.

import assert from 'node:assert/strict';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT_KEY, Belfry, start, started } from './lib/belfry.mjs';
import { makeCertificates } from './lib/ca.mjs';
import { exchange } from './lib/raw.mjs';
import { until } from './lib/until.mjs';

const AUTH = { Authorization: `Bearer ${ROOT_KEY}` };

describe('a method', { timeout: 60000 }, () => {
    let belfry;
    const raw = (method, route) => exchange(belfry.port,
        `${method} ${route} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
        `Authorization: ${AUTH.Authorization}\r\n\r\n`);
    const lengthOf = (a) => /^content-length: (\d+)/im.exec(a.head)?.[1];

    before(async () => {
        belfry = await start();
        await belfry.put('/v1/users/u1', { email: 'u1@example.org' });
    });
    after(() => belfry?.stop());

    it('HEAD is answered like GET, without the body', async () => {
        for (const route of ['/healthz', '/v1/users/u1', '/openapi.json']) {
            const get = await raw('GET', route);
            const head = await raw('HEAD', route);
            assert.equal(get.status, 200, get.text);
            assert.equal(head.status, 200, head.text);
            assert.equal(lengthOf(head), lengthOf(get), route);
            assert.equal(head.body, '');
        }
        const none = await raw('HEAD', '/v1/users/nobody');
        assert.equal(none.status, 404);
        assert.equal(none.body, '');
        const stream = await raw('HEAD', '/v1/inbox/stream?user=u1');
        assert.equal(stream.status, 200, stream.text);
        assert.equal(stream.body, '');
        assert.ok(stream.isClosed && !stream.isLate);
    });

    it('that a path does not have is refused with those it has', async () => {
        for (const [method, route, allow] of [
            ['DELETE', '/v1/notifications', 'GET, HEAD, POST'],
            ['PUT', '/healthz', 'GET, HEAD'],
            ['TRACE', '/v1/users/u1', 'DELETE, GET, HEAD, PATCH, PUT'],
            ['OPTIONS', '/v1/users', 'GET, HEAD'],
            ['FROB', '/v1/users', 'GET, HEAD'],
        ]) {
            const a = await raw(method, route);
            assert.equal(a.status, 405, `${method} ${route}: ${a.text}`);
            const named = /^allow: (.*)$/im.exec(a.head)[1].split(', ');
            assert.equal(named.sort().join(', '), allow);
        }
    });
});

describe('the base path', { timeout: 60000 }, () => {
    it('is where everything is, and nothing is elsewhere', async (t) => {
        const belfry = await started(t, {
            env: { BELFRY_BASE_PATH: '/belfry' } });
        const bare = belfry.url;
        const outside = await fetch(`${bare}/healthz`);
        assert.equal(outside.status, 404);
        assert.ok(outside.headers.get('x-request-id'));
        for (const near of ['/belfr/healthz', '/belfryhealthz', '/'])
            assert.equal((await fetch(bare + near)).status, 404, near);
        belfry.url += '/belfry';
        await belfry.want(200, 'GET', '/healthz', undefined, { key: null });
        await belfry.send({ to: 'u1', title: 'x' });
        const inbox = await belfry.get('/v1/inbox',
            { key: await belfry.token('u1') });
        assert.equal(inbox.data[0].title, 'x');
        // What it says of itself can be followed.
        const { servers } = await belfry.get('/openapi.json');
        assert.equal(servers[0].url, belfry.url);
        const problem = await belfry.want(404, 'GET', '/v1/users/nobody');
        assert.equal((await fetch(problem.type)).status, 200);
    });
});

describe('another origin', { timeout: 60000 }, () => {
    const HOME = 'https://app.example.org';
    let belfry;
    const ask = (origin, init = {}) => fetch(`${belfry.url}/v1/users`, {
        ...init, headers: { Origin: origin, ...init.headers } });
    const preflight = (origin) => ask(origin, { method: 'OPTIONS', headers: {
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type' } });
    const allowed = (a) => a.headers.get('access-control-allow-origin');

    before(async () => {
        belfry = await start({ env: {
            BELFRY_CORS_ORIGINS: `${HOME}, http://localhost:5173` } });
    });
    after(() => belfry?.stop());

    it('that is listed may call', async () => {
        for (const origin of [HOME, 'http://localhost:5173']) {
            const first = await preflight(origin);
            assert.equal(first.status, 204);
            assert.equal(allowed(first), origin);
            assert.match(first.headers.get('access-control-allow-methods'),
                /\bPOST\b/);
            assert.match(first.headers.get('access-control-allow-headers'),
                /authorization/i);
            const a = await ask(origin, { headers: AUTH });
            assert.equal(a.status, 200);
            assert.equal(allowed(a), origin);
            assert.match(a.headers.get('vary'), /\borigin\b/i);
            assert.match(a.headers.get('access-control-expose-headers'),
                /x-request-id/i);
        }
    });

    it('that is listed may read why it was refused', async () => {
        const a = await ask(HOME);
        assert.equal(a.status, 401);
        assert.equal(allowed(a), HOME);
    });

    it('that is not listed is told nothing', async () => {
        for (const origin of ['https://evil.example', 'null',
            `${HOME}.evil.example`, 'http://app.example.org']) {
            assert.equal(allowed(await preflight(origin)), null, origin);
            assert.equal(allowed(await ask(origin, { headers: AUTH })), null);
        }
    });
});

describe('X-Forwarded-For', { timeout: 60000 }, () => {
    const knock = async (belfry, address, n = 30) => {
        const statuses = await Promise.all(Array.from({ length: n },
            async () => (await fetch(`${belfry.url}/v1/users`, { headers: {
                'X-Forwarded-For': address } })).status));
        assert.ok(statuses.every((s) => [401, 429].includes(s)));
        return statuses.filter((s) => s === 401).length;
    };
    const env = { BELFRY_HTTP_RATE_PER_ADDRESS: '5' };

    it('names the client when a trusted proxy says so', async (t) => {
        const belfry = await started(t, { env: { ...env,
            BELFRY_TRUSTED_PROXIES: '127.0.0.0/8, 10.0.0.0/8' } });
        assert.ok(await knock(belfry, '203.0.113.1') < 20);
        assert.ok(await knock(belfry, '203.0.113.2', 1) === 1);
        // What the client itself put in front does not make it another.
        assert.ok(await knock(belfry, '203.0.113.3, 203.0.113.4') < 20);
        assert.equal(await knock(belfry, '198.51.100.9, 203.0.113.4', 5) < 5,
            true);
    });

    it('says nothing when nobody trusts it', async (t) => {
        const belfry = await started(t, { env });
        assert.ok(await knock(belfry, '203.0.113.1') < 20);
        assert.ok(await knock(belfry, '203.0.113.2', 10) < 10);
    });

    it('shuts what is open to this machine alone', async (t) => {
        const belfry = await started(t);
        const metrics = (headers) => fetch(`${belfry.url}/metrics`,
            { headers });
        assert.equal((await metrics({})).status, 200);
        assert.equal((await metrics({ 'X-Forwarded-For': '127.0.0.1' }))
            .status, 401);
    });
});

describe('TLS', { timeout: 60000 }, () => {
    let dir, one, two;

    before(async () => {
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-tls-'));
        await Promise.all(['1', '2', 'live'].map((d) =>
            mkdir(path.join(dir, d))));
        [one, two] = await Promise.all(['1', '2'].map((d) =>
            makeCertificates(path.join(dir, d), ['localhost', '127.0.0.1'])));
    });
    after(() => rm(dir, { recursive: true }));

    const install = (from) => Promise.all([
        copyFile(from.certFile, path.join(dir, 'live/cert.pem')),
        copyFile(from.keyFile, path.join(dir, 'live/key.pem'))]);
    const get = (belfry, route, { authority }) => new Promise((done, fail) => {
        const request = https.get({ host: '127.0.0.1', port: belfry.port,
            path: route, ca: authority, headers: AUTH, agent: false },
        (answer) => {
            let text = '';
            answer.on('data', (d) => (text += d));
            answer.on('end', () => done({ status: answer.statusCode, text,
                headers: answer.headers }));
        });
        request.on('error', fail);
    });
    const env = () => ({ BELFRY_TLS_CERT_FILE: path.join(dir, 'live/cert.pem'),
        BELFRY_TLS_KEY_FILE: path.join(dir, 'live/key.pem') });

    it('is spoken, and nothing else is then', async (t) => {
        await install(one);
        const belfry = await started(t, { env: env() });
        const ok = await get(belfry, '/v1/users', one);
        assert.equal(ok.status, 200);
        assert.ok(ok.headers['x-request-id']);
        const { servers } = JSON.parse((await get(belfry, '/openapi.json',
            one)).text);
        assert.match(servers[0].url, /^https:/);
        await assert.rejects(get(belfry, '/v1/users', two), /certificate/);
        const plain = await exchange(belfry.port,
            'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n', { timeout: 2000 });
        assert.ok(plain.isClosed, plain.text);
        assert.doesNotMatch(plain.text, /200 OK/);
    });

    it('refuses versions that are known to be broken', async (t) => {
        await install(one);
        const belfry = await started(t, { env: env() });
        const version = (options) => new Promise((done, fail) => {
            const socket = tls.connect({ host: '127.0.0.1',
                port: belfry.port, ca: one.authority, ...options }, () => {
                done(socket.getProtocol());
                socket.destroy();
            });
            socket.on('error', fail);
        });
        assert.equal(await version({}), 'TLSv1.3');
        assert.equal(await version({ maxVersion: 'TLSv1.2' }), 'TLSv1.2');
        await assert.rejects(version({ minVersion: 'TLSv1',
            maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }));
    });

    it('takes a new certificate at SIGHUP, and keeps the old for a bad one',
        async (t) => {
            await install(one);
            const belfry = await started(t, { env: env() });
            const hup = (event) => {
                const mark = belfry.stderr.length;
                belfry.child.kill('SIGHUP');
                return until(event, () =>
                    belfry.stderr.slice(mark).includes(event));
            };
            await install(two);
            await hup('server.reloaded');
            // Each front does it by itself: all of them have, after so many.
            let inARow = 0;
            await until('all have the new one', async () => {
                const a = await get(belfry, '/healthz', two).catch(() => null);
                inARow = a?.status === 200 ? inARow + 1 : 0;
                return inARow === 20;
            }, { every: 0 });
            await assert.rejects(get(belfry, '/healthz', one), /certificate/);
            await writeFile(path.join(dir, 'live/cert.pem'), 'no certificate');
            await hup('tls.reload_failed');
            assert.equal((await get(belfry, '/healthz', two)).status, 200);
        });

    it('is refused at the start without a key that fits', async (t) => {
        await install(one);
        await copyFile(two.keyFile, path.join(dir, 'live/key.pem'));
        await assert.rejects(start({ env: env() }), /key/);
        const belfry = await started(t);
        const half = await belfry.cli(['serve', '--listen', '127.0.0.1:0',
            '--db', `sqlite:${belfry.dir}/other.db`], { env: {
            BELFRY_TLS_CERT_FILE: one.certFile } });
        assert.notEqual(half.code, 0);
        assert.match(half.stderr, /key/i);
    });

    it('leaves who never shakes hands to the deadline', async (t) => {
        await install(one);
        const belfry = await started(t, { env: { ...env(),
            BELFRY_HTTP_HEADER_TIMEOUT: '300ms' } });
        const silent = net.connect(belfry.port, '127.0.0.1');
        const began = Date.now();
        await new Promise((done) => silent.on('close', done).on('error',
            () => {}).resume());
        assert.ok(Date.now() - began < 5000);
        assert.equal((await get(belfry, '/healthz', one)).status, 200);
    });
});

describe('a client that takes too long', { timeout: 60000 }, () => {
    it('is told so, and named', async (t) => {
        const belfry = await started(t, { env: {
            BELFRY_HTTP_HEADER_TIMEOUT: '200ms' } });
        const a = await exchange(belfry.port, 'GET /healthz HTT');
        assert.equal(a.status, 408);
        assert.match(a.head, /^x-request-id: req_/im);
        assert.equal(JSON.parse(a.body).code, 'request_timeout');
    });
});

describe('the address', { timeout: 60000 }, () => {
    it('has one server', async (t) => {
        const belfry = await started(t);
        const second = await belfry.cli(['serve', '--listen', belfry.listen,
            '--db', `sqlite:${belfry.dir}/other.db`]);
        assert.equal(second.code, 1);
        assert.ok(second.stderr.includes(belfry.listen), second.stderr);
        assert.match(second.stderr, /in use/);
        await belfry.get('/v1/users');
    });

    it('has one server for a database, too', async (t) => {
        const belfry = await started(t);
        const second = await belfry.cli(['serve', '--listen', '127.0.0.1:0',
            '--db', `sqlite:${belfry.database}`]);
        assert.equal(second.code, 1);
        assert.match(second.stderr, /database/);
    });

    it('is free again at once after the end', async (t) => {
        const belfry = await started(t);
        await belfry.get('/v1/users');
        belfry.child.kill('SIGTERM');
        await belfry.exit;
        await belfry.restart();
        await belfry.get('/v1/users');
    });
});

describe('start and end', { timeout: 60000 }, () => {
    it('SIGTERM ends an idle server within a second', async (t) => {
        // Looking for leaks is not the server's own time.
        const belfry = await started(t, {
            env: { ASAN_OPTIONS: 'detect_leaks=0:exitcode=99' } });
        await belfry.send({ to: 'u1', title: 'x' });
        const idle = net.connect(belfry.port, '127.0.0.1');
        idle.on('error', () => {});
        await new Promise((done) => idle.once('connect', done));
        const began = Date.now();
        belfry.child.kill('SIGTERM');
        assert.deepEqual(await belfry.exit, { code: 0, signal: null });
        assert.ok(Date.now() - began < 1000, `${Date.now() - began} ms`);
        idle.destroy();
    });

    it('a mistake in the file is named, with what was meant', async (t) => {
        const belfry = await started(t);
        const file = path.join(belfry.dir, 'belfry.conf');
        for (const [text, wanted] of [
            ['[http]\nmax_bdoy = 5\n', /belfry\.conf:2:.*\bmax_body\b/],
            ['[htpp]\nmax_body = 1MiB\n', /belfry\.conf:2:.*\bmax_body\b/],
            ['[http]\nmax_body = many\n', /belfry\.conf:2:.*\bmax_body\b/],
            ['[http]\n\n# a comment\nmax_body\n', /belfry\.conf:4/],
            ['[log]\nlevel = loud\n', /belfry\.conf:2:.*debug/],
        ]) {
            await writeFile(file, text);
            const out = await belfry.cli(['serve', '--config', file,
                '--listen', '127.0.0.1:0', '--db',
                `sqlite:${belfry.dir}/other.db`]);
            assert.equal(out.code, 2, `${text}: ${out.stderr}`);
            assert.match(out.stderr, wanted);
        }
        const none = await belfry.cli(['serve', '--config', `${file}.none`]);
        assert.equal(none.code, 2, none.stderr);
    });

    it('an unknown variable is a warning that names the nearest',
        async (t) => {
            const belfry = await started(t, {
                env: { BELFRY_HTTP_MAX_BDOY: '5' } });
            assert.match(belfry.stderr,
                /warning.*BELFRY_HTTP_MAX_BDOY.*BELFRY_HTTP_MAX_BODY/);
            await belfry.get('/v1/users');
        });

    it('the file is below the variables, and those below the flags',
        async (t) => {
            const dir = await mkdtemp(path.join(tmpdir(), 'belfry-conf-'));
            t.after(() => rm(dir, { recursive: true }));
            const file = path.join(dir, 'belfry.conf');
            await writeFile(file, '[server]\nlisten = 127.0.0.1:1\n' +
                'base_path = /from-file\n[http]\nmax_body = 2KiB\n');
            const belfry = await started(t, { flags: ['--config', file],
                env: { BELFRY_BASE_PATH: '/from-variable' } });
            belfry.url += '/from-variable';
            assert.equal((await belfry.api('POST', '/v1/notifications',
                { to: 'u1', title: 'x', body: 'y'.repeat(3000) })).status,
            413);
        });
});

describe('the harness', { timeout: 60000 }, () => {
    it('fails where an exchange is not what the document says', async () => {
        const belfry = await Belfry.start();
        await belfry.get('/v1/users');
        const { document } = await belfry.document;
        delete document.paths['/v1/users'].get.responses['200'];
        delete document.paths['/v1/users'].get.responses.default;
        await belfry.get('/v1/users');
        await assert.rejects(belfry.stop(), /status 200 is not in the document/);
    });
});
