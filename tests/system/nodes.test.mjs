// Several processes on one PostgreSQL database: each does its part, another
// takes over from one that dies, and all of them see the same.

import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WEBHOOK, balance, sendMany } from './lib/ledger.mjs';
import { LEASE_MS, listening, nodes, refused } from './lib/nodes.mjs';
import { query, startPostgres } from './lib/postgres.mjs';
import { mailServer } from './lib/smtp.mjs';
import { rawStream } from './lib/sse.mjs';
import { pause, until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

async function hookFor(t) {
    const hook = await receiver();
    t.after(() => hook.close());
    return hook;
}

const putHook = (belfry, hook, more = {}) =>
    belfry.put('/v1/providers/hook', {
        channel: 'webhook', driver: 'webhook', timeout: '20s',
        config: { url: hook.url('/in'), secret: hook.secret }, ...more,
    });

const UPKEEP_MS = 5000; // as in src/serve_upkeep.c

const owns = (belfry) => /lane\.acquired/.test(belfry.stderr);

describe('roles', { timeout: 120000 }, () => {
    it('api takes, worker calls, and only api listens', async (t) => {
        const all = await nodes(t);
        const hook = await hookFor(t);
        const api = await all.start('api');
        await putHook(api, hook);
        const id = await api.send(WEBHOOK);
        await pause(700);
        assert.equal(hook.all.length, 0, 'an api process calls nobody');
        const worker = await all.start('worker');
        await api.reaches(id, 'webhook', 'delivered');
        assert.equal(worker.listen, '');
        assert.equal(await listening(worker.child.pid), 0);
        assert.ok(await listening(api.child.pid) > 0);
    });

    it('worker sends mails whose links lead to the public URL', async (t) => {
        const all = await nodes(t);
        const mails = await mailServer();
        t.after(() => mails.close());
        const api = await all.start('api');
        await api.put('/v1/providers/mail', {
            channel: 'email', driver: 'smtp',
            config: { host: '127.0.0.1', port: mails.port, tls: 'none',
                from: 'Bell <bell@example.com>' },
        });
        await api.put('/v1/users/ada', { email: 'ada@example.com' });
        const worker = await all.start('worker',
            { env: { BELFRY_PUBLIC_URL: 'https://bell.example.com' } });
        const send = () => api.send(
            { to: 'ada', channels: ['email'], title: 'x' });
        await send();
        assert.match((await mails.received('ada@example.com')).raw,
            /^List-Unsubscribe: <https:\/\/bell\.example\.com\/u\//m);
        assert.doesNotMatch(worker.stderr, /public_url\.unset/);
        // Without one they go out all the same, and it says so.
        await worker.stop();
        const other = await all.start('worker');
        assert.match(other.stderr, /public_url\.unset/);
        await send();
        assert.match((await mails.received('ada@example.com', 2)).raw,
            /^List-Unsubscribe: <http:\/\/127\.0\.0\.1:/m);
    });

    it('scheduler, and no other, removes what is over, and all are known', async (t) => {
        const all = await nodes(t);
        const [api] = await Promise.all([all.start('api'),
            all.start('worker')]);
        await api.send({ to: 'u1', title: 'x' },
            { headers: { 'Idempotency-Key': 'k' } });
        await query(all.url, 'UPDATE idem SET until_ms = 1');
        const kept = async () => (await query(all.url,
            'SELECT FROM idem')).length;
        await pause(UPKEEP_MS + 1000);
        assert.equal(await kept(), 1);
        await all.start('scheduler');
        await until('it is gone', async () => await kept() === 0);
        let shown;
        await until(() => `all are shown: ${JSON.stringify(shown)}`,
            async () => {
                const { components } = await api.get('/v1/health');
                shown = components.filter((c) => /^node\//.test(c.name))
                    .map((c) => `${c.status} ${c.detail}`).sort();
                return shown.length === 3;
            });
        for (const b of all.all)
            assert.ok(shown.some((n) => n.startsWith(`ok ${b.options.roles} `)
                && n.endsWith(`pid ${b.child.pid}`)), shown.join('\n'));
    });

    it('scheduler sends on what is due, and calls nobody', async (t) => {
        const all = await nodes(t);
        const hook = await hookFor(t);
        hook.script('/in', [500]);
        const api = await all.start('api');
        await putHook(api, hook,
            { retry: { strategy: 'fixed', base: '2s', attempts: 3 } });
        const worker = await all.start('worker');
        const id = await api.send(WEBHOOK);
        await api.reaches(id, 'webhook', 'retrying');
        await worker.stop();
        await pause(2500);
        assert.equal((await api.delivery(id, 'webhook')).status, 'retrying',
            'nobody is there to send it on');
        const scheduler = await all.start('scheduler');
        await api.reaches(id, 'webhook', 'queued', { timeout: 2000 });
        assert.equal(await listening(scheduler.child.pid), 0);
        // One that is not due yet when it starts, by the bell of others.
        const first = hook.all.length;
        const other = await all.start('worker');
        await api.reaches(id, 'webhook', 'delivered');
        assert.equal(first, 1);
        hook.script('/in', [500]);
        const next = await api.send(WEBHOOK);
        await api.reaches(next, 'webhook', 'retrying');
        await other.stop();
        const d = await api.reaches(next, 'webhook', 'queued');
        const late = Date.now() - Date.parse(d.log[0].retry_at);
        assert.ok(late >= 0 && late < 1000, `${late} ms after it was due`);
    });

    it('that does not exist is refused', async () => {
        const end = await refused(['--roles', 'api,wroker']);
        assert.equal(end.code, 2);
        assert.match(end.said, /"wroker".*did you mean worker\?/);
    });
});

describe('a worker', { timeout: 180000 }, () => {
    it('hears at once what an api process took', async (t) => {
        const all = await nodes(t);
        const hook = await hookFor(t);
        const [api] = await Promise.all([all.start('api'),
            all.start('worker')]);
        await putHook(api, hook);
        const took = [];
        for (let i = 0; i < 40; i++) {
            const began = Date.now();
            await api.send(WEBHOOK);
            await until('it is there', () => hook.all.length > i,
                { every: 2 });
            took.push(hook.all[i].at - began);
        }
        took.sort((a, b) => a - b);
        t.diagnostic(`median ${took[20]} ms, longest ${took[39]} ms`);
        assert.ok(took[20] < 500, `median ${took[20]} ms`);
    });

    it('that is killed is followed by another, which marks what it cannot ' +
        'know', async (t) => {
        const all = await nodes(t);
        const hook = await hookFor(t);
        hook.script('/in', Array(1000).fill({ status: 200, after: 400 }));
        const [api, first] = await Promise.all([all.start('api'),
            all.start('worker')]);
        await putHook(api, hook, { concurrency: 4 });
        const ids = [await api.send(WEBHOOK)];
        await hook.called('/in');
        assert.ok(owns(first));
        const second = await all.start('worker');
        ids.push(...await sendMany(api, 40));
        await hook.called('/in', 9);
        await first.kill9();
        const killed = Date.now();
        const before = hook.all.length;
        await until('the other goes on', () => hook.all.length > before,
            { timeout: LEASE_MS + 4000, every: 5 });
        const gap = Date.now() - killed;
        assert.ok(gap < LEASE_MS + 2000, `${gap} ms`);
        assert.ok(owns(second));
        const twice = await balance(api, hook, ids);
        t.diagnostic(`${twice} made twice, on after ${gap} ms`);
        assert.ok(twice > 0, 'calls were in flight');
    });

    it('that is killed while it plans for all is followed by another',
        async (t) => {
            const n = await nodes(t);
            const api = await n.start('api');
            const first = await n.start('worker');
            for (let from = 0; from < 5000; from += 1000)
                await api.post('/v1/users/bulk', { users: Array.from(
                    { length: 1000 }, (_, i) => ({ id: `u${from + i}` })) });
            const id = await api.send({ title: 'x', to: { all: true } });
            const planned = () => api.get(`/v1/notifications/${id}`)
                .then((got) => got.counts.delivered ?? 0);
            await until('it has begun', planned, { every: 5 });
            await first.kill9();
            t.diagnostic(`killed after ${await planned()} of 5000`);
            await n.start('worker');
            const all = await api.settled(id, { timeout: 60000 });
            assert.deepEqual(all.counts, { delivered: 5000 });
        });

    it('that stops while it plans for all leaves the rest at once',
        async (t) => {
            const n = await nodes(t);
            const api = await n.start('api');
            const first = await n.start('worker');
            for (let from = 0; from < 10000; from += 1000)
                await api.post('/v1/users/bulk', { users: Array.from(
                    { length: 1000 }, (_, i) => ({ id: `u${from + i}` })) });
            const id = await api.send({ title: 'x', to: { all: true } });
            const planned = () => api.get(`/v1/notifications/${id}`)
                .then((got) => got.counts.delivered ?? 0);
            await until('it has begun', planned, { every: 5 });
            // Asleep, so that the other is there before it has done it all.
            first.child.kill('SIGSTOP');
            await n.start('worker');
            const before = await planned();
            assert.ok(before < 10000, `${before}`);
            const end = first.stop();
            first.child.kill('SIGCONT');
            await end;
            // Its lease would hide the rest for 15 s.
            const all = await api.settled(id, { timeout: 8000 });
            assert.deepEqual(all.counts, { delivered: 10000 });
            t.diagnostic(`stopped after ${before} of 10000`);
        });

    it('that sleeps beyond its lease begins nothing when it wakes',
        async (t) => {
            const all = await nodes(t);
            const hook = await hookFor(t);
            hook.script('/in', Array(1000).fill({ status: 200, after: 100 }));
            const [api, first] = await Promise.all([all.start('api'),
                all.start('worker')]);
            await putHook(api, hook, { concurrency: 4 });
            const ids = [await api.send(WEBHOOK)];
            await hook.called('/in');
            await all.start('worker');
            ids.push(...await sendMany(api, 150));
            await hook.called('/in', 9);
            first.child.kill('SIGSTOP');
            await pause(200);
            await hook.called('/in', hook.all.length + 20);
            first.child.kill('SIGCONT');
            const twice = await balance(api, hook, ids);
            assert.ok(twice > 0 && twice <= 4, `${twice} made twice`);
            await until('it is back', () => /node\.back/.test(first.stderr));
        });

    it('that is told to stop gives back what it has not begun', async (t) => {
        const all = await nodes(t);
        const hook = await hookFor(t);
        hook.script('/in', Array(1000).fill({ status: 200, after: 200 }));
        const [api, first] = await Promise.all([all.start('api'),
            all.start('worker')]);
        await putHook(api, hook, { concurrency: 2 });
        const ids = [await api.send(WEBHOOK)];
        await hook.called('/in');
        const second = await all.start('worker');
        ids.push(...await sendMany(api, 40));
        await hook.called('/in', 6);
        await first.stop();
        const stopped = Date.now();
        const before = hook.all.length;
        await until('the other goes on', () => hook.all.length > before,
            { every: 5 });
        const gap = Date.now() - stopped;
        assert.ok(gap < 1500, `${gap} ms`);
        assert.ok(owns(second));
        for (const id of ids)
            assert.deepEqual((await api.reaches(id, 'webhook', 'delivered'))
                .log.map((a) => a.verdict), ['delivered']);
        assert.equal(hook.all.length, ids.length);
        t.diagnostic(`on after ${gap} ms`);
    });
});

describe('two api processes', { timeout: 120000 }, () => {
    const within = async (what, ms, look) => {
        const began = Date.now();
        await until(what, look, { timeout: ms + 3000, every: 10 });
        const took = Date.now() - began;
        assert.ok(took <= ms, `${what}: ${took} ms`);
        return took;
    };
    const pair = async (t, ...more) => {
        const all = await nodes(t);
        return Promise.all(['api', 'api', ...more].map((r) => all.start(r)));
    };

    it('and a worker go by what was configured at one', async (t) => {
        const [a, b] = await pair(t, 'worker');
        const hook = await hookFor(t);
        await putHook(a, hook);
        const took = [];
        took.push(await within('the other has the provider', 1000, async () =>
            (await b.api('GET', '/v1/providers/hook')).status === 200));
        await b.send(WEBHOOK);
        await hook.called('/in');
        for (const path of ['/two', '/three', '/four']) {
            await putHook(a, hook,
                { config: { url: hook.url(path), secret: hook.secret } });
            took.push(await within(`the worker calls ${path}`, 1000,
                async () => {
                    const n = hook.all.length;
                    await b.send(WEBHOOK);
                    await until('a call', () => hook.all.length > n,
                        { every: 2 });
                    return hook.all.at(-1).path === path;
                }));
        }
        await a.put('/v1/templates/hello', { content: { default:
            { title: 'Hi {{name}}' } } });
        took.push(await within('the other has the template', 1000, async () =>
            (await b.api('POST', '/v1/templates/hello/preview',
                { data: { name: 'Bo' } })).body?.title === 'Hi Bo'));
        t.diagnostic(`seen after ${took} ms`);
    });

    it('know a key, and that it is revoked', async (t) => {
        const [a, b] = await pair(t);
        const made = await a.want(201, 'POST', '/v1/keys',
            { name: 'k', scopes: ['read'] });
        const asks = async () =>
            (await b.api('GET', '/v1/notifications', undefined,
                { key: made.key })).status;
        await within('the key works', 1000, async () => await asks() === 200);
        await a.want(204, 'DELETE', `/v1/keys/${made.id}`);
        await within('the key is revoked', 2000,
            async () => await asks() === 401);
    });

    // 409 says that the first one is under way; then it is asked again.
    const insist = async (belfry, body, headers) => {
        for (;;) {
            const a = await belfry.api('POST', '/v1/notifications', body,
                { headers });
            if (a.status !== 409) return a;
            assert.ok(a.headers.get('retry-after'));
            await pause(50);
        }
    };

    it('make one of fifty with the same Idempotency-Key', async (t) => {
        const both = await pair(t);
        const answers = await Promise.all(Array.from({ length: 50 },
            (_, i) => insist(both[i % 2], { to: 'u1', title: 'once' },
                { 'Idempotency-Key': 'one' })));
        assert.deepEqual([...new Set(answers.map((a) => a.status))], [202]);
        assert.equal(new Set(answers.map((a) => a.body.id)).size, 1);
        const { data } = await both[1].get('/v1/notifications');
        assert.equal(data.length, 1);
    });

    it('make one of fifty with the same dedup_key', async (t) => {
        const both = await pair(t);
        const answers = await Promise.all(Array.from({ length: 50 },
            (_, i) => both[i % 2].api('POST', '/v1/notifications',
                { to: 'u1', title: 'once', dedup_key: 'd' })));
        const fresh = answers.filter((a) => a.status === 202);
        assert.equal(fresh.length, 1);
        for (const a of answers) {
            assert.ok([200, 202].includes(a.status), a.text);
            assert.equal(a.body.id, fresh[0].body.id);
        }
        const { data } = await both[0].get('/v1/notifications');
        assert.equal(data.length, 1);
    });

    it('show the same inbox on their streams, in order', async (t) => {
        const both = await pair(t);
        const key = await both[0].token('u1');
        const streams = await Promise.all(both.map((b) =>
            rawStream(`${b.url}/v1/inbox/stream`, key)));
        t.after(() => streams.forEach((s) => s.close()));
        await Promise.all(streams.map((s) => s.next('hello')));
        const n = 200;
        await Promise.all(Array.from({ length: n }, (_, i) =>
            both[i % 2].send({ to: 'u1', title: `t${i}` })));
        for (const s of streams) {
            await s.next('item.upsert', n);
            const frames = s.named('item.upsert');
            const revs = frames.map((f) => Number(f.id.split('.')[1]));
            assert.deepEqual(revs, revs.map((_, i) => revs[0] + i));
            assert.equal(new Set(frames.map((f) => f.data.item.title)).size,
                n);
            assert.equal(s.named('reset').length, 0);
        }
    });
});

describe('a PostgreSQL server that dies', { timeout: 180000 }, () => {
    // Sends on and on, each under a key, until it is accepted.
    const sender = async (api, ledger, name) => {
        for (let i = 0; !ledger.isOver; i++)
            for (let id; !id;) {
                const a = await api.api('POST', '/v1/notifications', WEBHOOK,
                    { headers: { 'Idempotency-Key': `${name}-${i}` } });
                ledger.answers.push({ at: Date.now(), status: a.status,
                    retry: a.headers.get('retry-after') });
                id = a.body?.id;
                if (id) ledger.ids.push(id);
                else await pause(50);
            }
    };
    const ready = async (belfry) =>
        (await belfry.api('GET', '/readyz')).status;

    it('is waited for, and nothing is lost', async (t) => {
        const server = await startPostgres(t);
        const all = await nodes(t, server.url);
        const hook = await hookFor(t);
        const [api] = await Promise.all([all.start('api'),
            all.start('worker')]);
        await putHook(api, hook);
        const ledger = { ids: [], answers: [], isOver: false };
        const senders = Array.from({ length: 6 }, (_, i) =>
            sender(api, ledger, `s${i}`));
        await until('there is traffic', () => hook.all.length > 50);

        await server.kill();
        const killed = Date.now();
        const refusal = await until('it is refused', () =>
            ledger.answers.find((a) => a.at > killed && a.status === 503));
        assert.ok(refusal.at - killed < 2000,
            `${refusal.at - killed} ms until 503`);
        assert.ok(Number(refusal.retry) >= 1, 'Retry-After');
        await until('it is not ready', async () => await ready(api) === 503,
            { timeout: 2500 });
        await pause(Math.max(0, killed + 3000 - Date.now()));
        await server.start();
        const back = Date.now();
        const accepted = await until('it is accepted again', () =>
            ledger.answers.find((a) => a.at > back && a.status === 202));
        await until('it is ready', async () => await ready(api) === 200,
            { timeout: 3000 });
        const n = hook.all.length;
        await until('the worker is back', () => hook.all.length > n + 20);
        const worked = Date.now() - back;
        ledger.isOver = true;
        await Promise.all(senders);
        const bad = ledger.answers.filter((a) =>
            ![202, 409, 503].includes(a.status));
        assert.deepEqual(bad, []);
        const twice = await balance(api, hook, ledger.ids);
        t.diagnostic(`refused after ${refusal.at - killed} ms, accepted ` +
            `${accepted.at - back} ms and delivered ${worked} ms after it ` +
            `was back; ${ledger.ids.length} sent, ${twice} made twice`);
        for (const b of all.all)
            assert.doesNotMatch(b.stderr, /node\.buried/,
                'nobody was dead, the server was');
        assert.ok(accepted.at - back < 3000, `${accepted.at - back} ms`);
        assert.ok(worked < 3000, `${worked} ms`);
    });
});

describe('a start that would not end well', { timeout: 120000 }, () => {
    const secret = 'pass-4711-word';
    const withPassword = (url) => url.replace('belfry@', `belfry:${secret}@`);
    const check = (end, pattern) => {
        assert.equal(end.code, 1, end.said);
        assert.match(end.said, pattern);
        assert.ok(!end.said.includes(secret), end.said);
        assert.ok(end.said.split('\n').length < 8, end.said);
        return end;
    };

    it('is refused without a secret key file', async (t) => {
        const { url } = await nodes(t);
        check(await refused(['--db', url]), /BELFRY_SECRET_KEY_FILE/);
    });

    it('is refused on a server without fsync', async (t) => {
        const server = await startPostgres(t, { fsync: 'off' });
        const { keyFile } = await nodes(t, server.url);
        check(await refused(['--db', withPassword(server.url)],
            { BELFRY_SECRET_KEY_FILE: keyFile }), /fsync/);
    });

    it('is refused with another secret key than the others have',
        async (t) => {
            const all = await nodes(t);
            const { keyFile } = await nodes(t, all.url);
            const first = await all.start('api,worker');
            check(await refused(['--db', withPassword(all.url)],
                { BELFRY_SECRET_KEY_FILE: keyFile }),
            /another secret key file/);
            await first.send({ to: 'u1', title: 'goes on' });
        });

    it('is given up where no server is, or none that answers', async (t) => {
        const silent = net.createServer(() => {});
        silent.listen(0, '127.0.0.1');
        await once(silent, 'listening');
        const { port } = silent.address();
        const { keyFile } = await nodes(t, 'postgres://nowhere');
        const at = (p) => refused(['--db',
            `postgres://belfry:${secret}@127.0.0.1:${p}/belfry`],
        { BELFRY_SECRET_KEY_FILE: keyFile });
        t.after(() => silent.close());
        const late = check(await at(port), /timeout expired/);
        assert.ok(late.ms < 8000, `${late.ms} ms`);
        silent.close();
        const none = check(await at(1), /Connection refused/);
        assert.ok(none.ms < 5000, `${none.ms} ms`);
    });

    it('never tells the password', async (t) => {
        const all = await nodes(t);
        for (const word of [`${secret}/x`, `x/${secret}`, `x@${secret}`,
            `${secret}%x`])
            check(await refused(['--db',
                `postgres://belfry:${word}@127.0.0.1/belfry`],
            { BELFRY_SECRET_KEY_FILE: all.keyFile }), /percent-encoded/);
        const url = withPassword(all.url);
        const dev = await all.start('all', { dev: true,
            postgres: `${url}?sslpassword=${secret}` });
        assert.match(dev.stderr, /postgres:\/\/belfry@127/);
        assert.ok(!dev.stderr.includes(secret), dev.stderr);
    });
});
