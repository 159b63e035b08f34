// What several processes on one database know, asked of any of them: a worker
// opens no listening socket, so others tell of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { started } from './lib/belfry.mjs';
import { LEASE_MS, nodes } from './lib/nodes.mjs';
import { query, startPostgres } from './lib/postgres.mjs';
import { pause, until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

const UPKEEP_MS = 5000; // as in src/serve_upkeep.c
const REPORTED = { timeout: 3 * UPKEEP_MS, every: 100 };
const WEBHOOK = { to: 'u1', title: 'x', channels: ['webhook'] };

async function hookFor(t) {
    const hook = await receiver();
    t.after(() => hook.close());
    return hook;
}

const putHook = (belfry, hook, name = 'hook', options = {}) =>
    belfry.put(`/v1/providers/${name}`, {
        channel: 'webhook', driver: 'webhook',
        config: { url: hook.url('/in'), secret: hook.secret },
        ...options.more,
    }, options);

async function sendMany(belfry, n, options) {
    const { results } = await belfry.want(200, 'POST',
        '/v1/notifications/batch', Array(n).fill(WEBHOOK), options);
    return results.map((r) => r.id);
}

async function cluster(t, ...roles) {
    const all = await nodes(t);
    const started = await Promise.all(roles.map((r) => all.start(r)));
    return [all, ...started];
}

const component = async (belfry, name, options) =>
    (await belfry.get('/v1/health', options)).components
        .find((c) => c.name === name);

// Series and their values, as one that scrapes reads them; each line once.
async function scrape(belfry) {
    const { status, text } = await belfry.api('GET', '/metrics', undefined,
        { unchecked: true });
    assert.equal(status, 200);
    const series = new Map();
    for (const line of text.split('\n')) {
        if (!line || line.startsWith('#')) continue;
        const [, name, value] = /^(.*) (\S+)$/.exec(line);
        assert.ok(!series.has(name), `twice: ${name}`);
        series.set(name, Number(value));
    }
    return series;
}

const sum = (series, name, ...labels) => [...series]
    .filter(([k]) => k.startsWith(`${name}{`) || k === name)
    .filter(([k]) => labels.every((l) => k.includes(l)))
    .reduce((all, [, v]) => all + v, 0);

const nodeOf = async (belfry, child) =>
    (await belfry.get('/v1/system/processors')).data
        .find((p) => p.pid === child.pid);

const workspace = async (belfry, name) => {
    await belfry.api('PUT', `/v1/workspaces/${name}`, {},
        { unchecked: true });
    const { key } = await belfry.want(201, 'POST', '/v1/keys',
        { name, scopes: ['send', 'read', 'write', 'admin'] },
        { workspace: name });
    return { key };
};

describe('the health of several processes', { timeout: 180000 }, () => {
    it('has what only a worker knows, on every api process', async (t) => {
        const [, a, b, worker] = await cluster(t, 'api', 'api', 'worker');
        const hook = await hookFor(t);
        await putHook(a, hook, 'hook', { more: { timeout: '2s',
            retry: { strategy: 'fixed', base: '1s', attempts: 50 } } });
        await a.reaches(await a.send(WEBHOOK), 'webhook', 'delivered');
        for (const belfry of [a, b]) {
            const c = await until('it is there', () =>
                component(belfry, 'provider/default/hook'), REPORTED);
            assert.equal(c.status, 'ok');
            const { node } = await nodeOf(belfry, worker.child);
            assert.equal(c.detail, `node ${node}`);
        }
        hook.script('/in', Array(1000).fill('close'));
        await sendMany(a, 20);
        for (const belfry of [a, b]) {
            const c = await until('it is said to be down', async () => {
                const found = await component(belfry,
                    'provider/default/hook');
                return found.status !== 'ok' && found;
            }, REPORTED);
            assert.match(c.detail, /\(node \d+\)$/);
            assert.notEqual((await belfry.get('/v1/health')).status, 'ok');
        }
    });

    it('tells each component once, and of each process', async (t) => {
        const [all, a, b] = await cluster(t, 'api', 'api', 'worker',
            'scheduler');
        await pause(UPKEEP_MS + 1000);
        for (const belfry of [a, b]) {
            const { status, components } = await belfry.get('/v1/health');
            assert.equal(status, 'ok', JSON.stringify(components));
            const names = components.map((c) => c.name).sort();
            assert.deepEqual(names,
                ['node/0', 'node/1', 'node/2', 'node/3', 'store']);
            assert.equal(components.find((c) => c.name === 'store').detail,
                'postgres');
            for (const { child, options } of all.all)
                assert.ok(components.some((c) =>
                    c.detail.startsWith(`${options.roles} on `) &&
                    c.detail.endsWith(`, pid ${child.pid}`)));
        }
    });

    it('is degraded while one is overdue, and forgets one that left',
        async (t) => {
            const [, a, worker] = await cluster(t, 'api', 'worker');
            const { node } = await nodeOf(a, worker.child);
            const name = `node/${node}`;
            assert.equal((await component(a, name)).status, 'ok');
            worker.child.kill('SIGSTOP');
            try {
                const c = await until('it is overdue', async () => {
                    const found = await component(a, name);
                    return found?.status === 'degraded' && found;
                }, { timeout: LEASE_MS + 3000, every: 20 });
                assert.match(c.detail, /, is silent$/);
            } finally {
                worker.child.kill('SIGCONT');
            }
            await until('it is back', async () =>
                (await component(a, name))?.status === 'ok');
            await worker.stop();
            assert.equal(await component(a, name), undefined);
        });

    it('shows a workspace its own', async (t) => {
        const [, a, b] = await cluster(t, 'api', 'api', 'worker');
        const hook = await hookFor(t);
        const left = await workspace(a, 'left');
        const right = await workspace(a, 'right');
        for (const [side, name] of [[left, 'one'], [right, 'two']]) {
            await putHook(a, hook, name, side);
            await a.reaches(await a.send(WEBHOOK, side), 'webhook',
                'delivered', side);
        }
        for (const belfry of [a, b])
            for (const [side, own] of [[left, 'provider/left/one'],
                [right, 'provider/right/two']]) {
                const names = await until('it is there', async () => {
                    const { components } = await belfry.get('/v1/health',
                        side);
                    const found = components.map((c) => c.name);
                    return found.includes(own) && found;
                }, REPORTED);
                assert.deepEqual(names.sort(), [own, 'store']);
            }
    });
});

describe('the metrics of several processes', { timeout: 180000 }, () => {
    it('are summed by any api process', async (t) => {
        const [, a, b, worker] = await cluster(t, 'api', 'api', 'worker');
        const hook = await hookFor(t);
        await putHook(a, hook);
        const ids = [...await sendMany(a, 3), ...await sendMany(b, 4)];
        for (const id of ids)
            await a.reaches(id, 'webhook', 'delivered');
        for (const belfry of [a, b]) {
            const accepted = 'belfry_events_accepted_total{source="api"}';
            const seen = await until('all are counted', async () => {
                const s = await scrape(belfry);
                return s.get(accepted) === 7 &&
                    sum(s, 'belfry_deliveries_total', 'provider="hook"',
                        'outcome="delivered"') === 7 && s;
            }, REPORTED);
            assert.equal(sum(seen,
                'belfry_delivery_attempt_duration_seconds_count'), 7);
            const nodes = await Promise.all([a, b, worker].map(
                async (x) => (await nodeOf(belfry, x.child)).node));
            for (const node of nodes) {
                assert.equal(sum(seen, 'belfry_build_info',
                    `node="${node}"`), 1);
                assert.ok(seen.get(
                    `process_resident_memory_bytes{node="${node}"}`) > 1e6);
            }
        }
    });

    it('count what is in the database once', async (t) => {
        const [, a, b] = await cluster(t, 'api', 'api', 'scheduler',
            'scheduler');
        const hook = await hookFor(t);
        await putHook(a, hook);
        const ids = await sendMany(a, 5);
        const depth = 'belfry_queue_depth{queue="default/hook",state="ready"}';
        const age = 'belfry_queue_oldest_ready_age_seconds' +
            '{queue="default/hook"}';
        for (const belfry of [a, b])
            await until('both schedulers have counted', async () =>
                (await scrape(belfry)).get(depth) === 5, REPORTED);
        await pause(UPKEEP_MS + 1000);
        for (const belfry of [a, b]) {
            const s = await scrape(belfry);
            assert.equal(s.get(depth), 5);
            assert.ok(s.get(age) > 5 && s.get(age) < 60, `${s.get(age)}`);
        }
        for (const id of ids)
            await a.want(200, 'POST', `/v1/notifications/${id}/cancel`);
        await until('nothing is there', async () =>
            (await scrape(b)).get(depth) === 0, REPORTED);
    });

    it('never fall, whoever leaves and whoever is asked', async (t) => {
        const [all, a, b, worker] = await cluster(t, 'api', 'api', 'worker');
        const hook = await hookFor(t);
        await putHook(a, hook);
        const sent = () => 'belfry_deliveries_total{channel="webhook",' +
            'provider="hook",outcome="delivered"}';
        let last = new Map();
        const look = async (belfry) => {
            const s = await scrape(belfry);
            for (const [name, value] of last)
                if (/_(total|count|bucket)\b/.test(name) &&
                    !/^process_/.test(name))
                    assert.ok(s.get(name) >= value,
                        `${name}: ${value}, then ${s.get(name)}`);
            return (last = s);
        };
        const round = async (n) => {
            for (const id of await sendMany(a, 4))
                await b.reaches(id, 'webhook', 'delivered');
            await until('they are counted', async () =>
                (await look(b), await look(a)).get(sent()) === n, REPORTED);
        };
        await round(4);
        await worker.stop(); // says what it counted before it goes
        assert.equal((await look(a)).get(sent()), 4);
        await all.start('worker');
        await round(8);
        await b.stop();
        await look(a);
        const third = await all.start('api');
        await look(third);
        await look(a);
        assert.equal((await look(third)).get(sent()), 8);
    });
});

describe('while the database is away', { timeout: 120000 }, () => {
    it('a process tells of itself, and sums stand', async (t) => {
        const server = await startPostgres(t);
        const all = await nodes(t, server.url);
        const [a] = await Promise.all([all.start('api'),
            all.start('worker')]);
        await a.put('/v1/providers/p', { channel: 'webhook', driver: 'null',
            config: {} });
        const ids = await sendMany(a, 3);
        for (const id of ids)
            await a.reaches(id, 'webhook', 'delivered');
        const sent = 'belfry_deliveries_total{channel="webhook",' +
            'provider="p",outcome="delivered"}';
        await until('they are counted', async () =>
            (await scrape(a)).get(sent) === 3, REPORTED);
        await server.kill();
        const began = Date.now();
        const s = await scrape(a);
        assert.equal(s.get(sent), 3);
        assert.equal(sum(s, 'process_open_fds') > 0, true);
        assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
        await until('it is said to be down', async () =>
            (await component(a, 'store')).status === 'down');
        assert.equal((await a.api('GET', '/v1/system/processors')).status,
            503);
        await server.start();
        await until('all is well', async () =>
            (await a.get('/v1/health')).components
                .filter((c) => c.status === 'ok').length === 4, REPORTED);
        assert.equal((await scrape(a)).get(sent), 3);
    });
});

describe('what those counted that ended', { timeout: 120000 }, () => {
    it('is added up, and their reports go', async (t) => {
        const [all, a] = await cluster(t, 'api', 'scheduler');
        const name = 'belfry_idempotent_replays_total';
        const report = (process, age, text) => query(all.url,
            'INSERT INTO node_report (process, incarnation, slot, at, ' +
            'health, metrics) VALUES ($1, $1, 900, clock_timestamp() - ' +
            '$2::interval, \'[{"name":"x","status":"down"}]\', $3)',
            [process, age, text]);
        await report(11, '1 hour', `${name} 5\nbelfry_http_connections 1000`);
        await report(12, '2 hours', `${name} 6\nnonsense\n`);
        await report(13, '1 minute', `${name} 7\n`);
        const check = async () => {
            const s = await scrape(a);
            assert.equal(s.get(name), 18);
            assert.ok(s.get('belfry_http_connections') < 1000);
            assert.equal(await component(a, 'x'), undefined);
        };
        await check();
        await until('they are added up', async () => (await query(all.url,
            'SELECT process FROM node_report WHERE process < 100 ORDER BY 1'))
            .map((r) => Number(r.process)).join() === '0,13',
        { timeout: 45000, every: 500 });
        await check();
    });
});

describe('lanes', { timeout: 120000 }, () => {
    it('tell what is in them and whose they are', async (t) => {
        const [, a, b, worker] = await cluster(t, 'api', 'api', 'worker');
        const hook = await hookFor(t);
        hook.script('/in', Array(100).fill({ status: 200, after: 3000 }));
        await putHook(a, hook, 'hook', { more: { concurrency: 1 } });
        await a.put('/v1/providers/idle', { channel: 'log_file',
            driver: 'null', config: {} });
        const ids = await sendMany(a, 4);
        await hook.called('/in');
        const { data, next } = await b.get('/v1/lanes');
        assert.equal(next, null);
        assert.deepEqual(data.map((l) => [l.lane, l.provider, l.channel]),
            [['hook', 'hook', 'webhook'], ['idle', 'idle', 'log_file']]);
        const [busy, idle] = data;
        const me = await nodeOf(b, worker.child);
        assert.equal(busy.node, me.node);
        assert.equal(busy.locked_by, me.id);
        assert.ok(Date.parse(busy.locked_at) >= Date.parse(me.started_at));
        assert.equal(busy.ready, 4);
        assert.equal(busy.waiting, 0);
        assert.match(busy.oldest_ready_age, /^\d+(ms|s)$/);
        assert.deepEqual([idle.node, idle.locked_by, idle.locked_at,
            idle.ready, idle.waiting, idle.oldest_ready_age],
        [null, null, null, 0, 0, null]);
        for (const id of ids)
            await a.reaches(id, 'webhook', 'delivered', { timeout: 30000 });
        assert.equal((await a.get('/v1/lanes')).data[0].ready, 0);
        await worker.stop();
        assert.equal((await a.get('/v1/lanes')).data[0].locked_by, null);
    });

    it('are a workspace\'s own, a page at a time', async (t) => {
        const belfry = await started(t);
        const left = await workspace(belfry, 'left');
        const right = await workspace(belfry, 'right');
        const provider = { channel: 'webhook', driver: 'null', config: {} };
        for (const name of ['c', 'a', 'b'])
            await belfry.put(`/v1/providers/${name}`, provider, left);
        await belfry.put('/v1/providers/other', provider, right);
        await belfry.send(WEBHOOK, right);
        const names = (page) => page.data.map((l) => l.lane);
        assert.deepEqual(names(await belfry.get('/v1/lanes', left)),
            ['a', 'b', 'c']);
        assert.deepEqual(names(await belfry.get('/v1/lanes', right)),
            ['other']);
        const first = await belfry.get('/v1/lanes?limit=2', left);
        assert.deepEqual(names(first), ['a', 'b']);
        const second = await belfry.get(
            `/v1/lanes?limit=2&after=${first.next}`, left);
        assert.deepEqual(names(second), ['c']);
        assert.equal(second.next, null);
        await belfry.want(422, 'GET', '/v1/lanes?after=x', undefined, left);
    });
});

describe('processors', { timeout: 120000 }, () => {
    it('tell who runs, and what each did', async (t) => {
        const [all, a, b, worker] = await cluster(t, 'api', 'api,scheduler',
            'worker');
        const hook = await hookFor(t);
        await putHook(a, hook);
        for (const id of await sendMany(a, 6))
            await a.reaches(id, 'webhook', 'delivered');
        for (const belfry of [a, b]) {
            const p = await until('it has reported', async () => {
                const found = await nodeOf(belfry, worker.child);
                return found.per_minute === 6 && found;
            }, REPORTED);
            assert.deepEqual([p.live, p.lanes, p.ended, p.failed, p.roles],
                [true, 1, 6, 0, ['worker']]);
            assert.match(p.beat_age, /^\d+(ms|s)$/);
            assert.ok(Date.now() - Date.parse(p.started_at) < 120000);
            const { data } = await belfry.get('/v1/system/processors');
            assert.deepEqual(data.map((d) => d.pid).sort(),
                all.all.map((x) => x.child.pid).sort());
            assert.deepEqual((await nodeOf(belfry, b.child)).roles,
                ['api', 'scheduler']);
            assert.equal(new Set(data.map((d) => d.version)).size, 1);
        }
        await worker.stop();
        const gone = await nodeOf(a, worker.child);
        assert.deepEqual([gone.live, gone.lanes, gone.ended],
            [false, 0, null]);
    });

    it('keep the sums of others from a workspace', async (t) => {
        const [, a] = await cluster(t, 'api,worker');
        const left = await workspace(a, 'left');
        const right = await workspace(a, 'right');
        const provider = { channel: 'webhook', driver: 'null', config: {} };
        await a.put('/v1/providers/p', provider, left);
        await a.put('/v1/providers/p', provider, right);
        await a.reaches(await a.send(WEBHOOK, left), 'webhook', 'delivered',
            left);
        const [root] = (await a.get('/v1/system/processors')).data;
        assert.deepEqual([root.lanes, root.ended], [1, 1]);
        const [own] = (await a.get('/v1/system/processors', left)).data;
        assert.deepEqual([own.lanes, own.ended, own.failed, own.per_minute],
            [1, null, null, null]);
        const [other] = (await a.get('/v1/system/processors', right)).data;
        assert.equal(other.lanes, 0);
        await a.want(403, 'GET', '/v1/system/processors', undefined,
            { key: (await a.want(201, 'POST', '/v1/keys',
                { name: 'r', scopes: ['read'] })).key });
    });
});

describe('one process on SQLite', { timeout: 60000 }, () => {
    it('is the only processor, and has all lanes', async (t) => {
        const belfry = await started(t);
        if (belfry.fresh) {
            t.skip('on PostgreSQL');
            return;
        }
        await belfry.put('/v1/providers/p', { channel: 'webhook',
            driver: 'null', config: {} });
        await belfry.reaches(await belfry.send(WEBHOOK), 'webhook',
            'delivered');
        const { data } = await belfry.get('/v1/system/processors');
        assert.equal(data.length, 1);
        const [p] = data;
        assert.deepEqual([p.pid, p.live, p.lanes, p.ended, p.failed, p.node],
            [belfry.child.pid, true, 1, 1, 0, 0]);
        assert.deepEqual(p.roles, ['api', 'worker', 'scheduler']);
        assert.ok(Math.abs(Date.now() - Date.parse(p.started_at)) < 60000);
        const [lane] = (await belfry.get('/v1/lanes')).data;
        assert.deepEqual([lane.lane, lane.node, lane.locked_by,
            lane.locked_at, lane.ready, lane.oldest_ready_age],
        ['p', null, null, null, 0, null]);
        const health = await belfry.get('/v1/health');
        assert.deepEqual(health.components.map((c) => c.name).sort(),
            ['provider/default/p', 'store']);
        const series = await scrape(belfry);
        assert.equal(series.get('process_open_fds') > 0, true);
        assert.ok(![...series.keys()].some((k) => k.includes('node=')));
    });
});
