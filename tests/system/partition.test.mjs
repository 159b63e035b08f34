// Nodes that can reach some of the others and not all of them: packets are lost
// in silence, so no connection ends, and nobody is told.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, chmod, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WEBHOOK, balance, sendMany } from './lib/ledger.mjs';
import { Network, network } from './lib/netns.mjs';
import { LEASE_MS, nodes } from './lib/nodes.mjs';
import { query, startPostgres } from './lib/postgres.mjs';
import { pause, until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

const net = await network(import.meta.url, {
    hub: { test: 254, hook: 201, beside: 202, silent: 203 },
    members: { db: 1, api1: 11, api2: 12, worker1: 21, worker2: 22 },
});
const CONCURRENCY = 8;
const skip = typeof net === 'string' && net;

// Of a server that listens on the network, and believes whom it hears there.
async function database(t) {
    const dir = await mkdtemp(path.join(tmpdir(), 'belfry-partition-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    await chmod(dir, 0o755);
    const rules = path.join(dir, 'pg_hba.conf');
    await writeFile(rules, ['local all all trust',
        `host all all ${Network.subnet()} trust`, ''].join('\n'),
    { mode: 0o644 });
    const server = await startPostgres(t,
        { listen_addresses: '*', hba_file: rules }, net.at('db'));
    return server.url.replace('127.0.0.1', net.address('db'));
}

const within = async (what, ms, look) => {
    const began = Date.now();
    await until(what, look, { timeout: ms + 3000, every: 10 });
    const took = Date.now() - began;
    assert.ok(took <= ms, `${what}: ${took} ms`);
    return took;
};

const quantile = (all, part) =>
    [...all].sort((a, b) => a - b)[Math.floor(all.length * part)];

// Sends one after another, each under a key of its own until it is accepted
// or, once it is over, given up.
class Sender {
    constructor(api, name) {
        this.answers = [];
        this.ids = [];
        this.isOver = false;
        this.end = this.run(api, name);
    }

    async run(api, name) {
        for (let i = 0; !this.isOver; i++) {
            const headers = { 'Idempotency-Key': `${name}-${i}` };
            for (let id; !id && !this.isOver;) {
                const at = Date.now();
                const a = await api.api('POST', '/v1/notifications', WEBHOOK,
                    { headers });
                this.answers.push({ at, ms: Date.now() - at, text: a.text,
                    status: a.status, retry: a.headers.get('retry-after') });
                id = a.body?.id;
                if (id) this.ids.push(id);
                await pause(20);
            }
        }
    }

    stop() {
        this.isOver = true;
        return this.end;
    }

    between(from, to) {
        return this.answers.filter((a) => a.at >= from && a.at < to);
    }
}

describe('a network that loses packets', { skip, timeout: 120000 }, () => {
    const ends = [];
    let all, start, hook, beside, api1, api2, workers;

    const putHook = (which, more, options) => api1.put('/v1/providers/hook', {
        channel: 'webhook', driver: 'webhook', timeout: '3s',
        concurrency: CONCURRENCY,
        retry: { strategy: 'fixed', base: '500ms', attempts: 100 },
        config: { url: which.url('/in'), secret: which.secret },
        ...more }, options);

    before(async () => {
        const t = { after: (end) => ends.unshift(end) };
        all = await nodes(t, await database(t));
        start = (roles, name, more) => all.start(roles, { at: net.at(name),
            listen: `${net.address(name)}:0`,
            env: { BELFRY_EGRESS_ALLOW: Network.subnet() }, ...more });
        [api1, api2, ...workers] = [await start('api', 'api1'),
            ...await Promise.all([start('api', 'api2'),
                start('worker', 'worker1'), start('worker', 'worker2')])];
        workers.forEach((w, i) => (w.name = `worker${i + 1}`));
        [hook, beside] = [await receiver(net.address('hook')),
            await receiver(net.address('beside'))];
        t.after(() => Promise.all([hook.close(), beside.close()]));
        await putHook(hook);
        await api1.put('/v1/workspaces/beside', {});
        await putHook(beside, {}, { workspace: 'beside' });
    });
    after(async () => {
        for (const end of ends) await end();
    });

    const callsFrom = (name) => hook.all.filter((c) =>
        c.from === net.address(name));

    // The owner of the lane and the other worker, with calls under way, as many
    // as there may be, that take so long.
    async function busy(ids, longMs) {
        const takes = (ms) => ({ status: 200, after: ms });
        hook.script('/in', [takes(50), ...Array(CONCURRENCY).fill(
            takes(longMs)), ...Array(1000).fill(takes(250))]);
        const before = hook.all.length;
        ids.push(await api1.send(WEBHOOK));
        await until('a call', () => hook.all.length > before);
        const { from } = hook.all.at(-1);
        ids.push(...await sendMany(api1, 150));
        await until('all calls at once', () =>
            hook.all.length > before + CONCURRENCY);
        const owns = (w) => net.address(w.name) === from;
        return [workers.find(owns), workers.find((w) => !owns(w))];
    }

    async function isolate(t, longMs, cut, heal) {
        const ids = [];
        const [owner, other] = await busy(ids, longMs);
        const mark = owner.stderr.length;
        const fresh = callsFrom(other.name).length;
        cut(owner.name);
        const cutAt = Date.now();
        const gap = await within('the other takes over', LEASE_MS + 3000,
            () => callsFrom(other.name).length > fresh);
        const last = callsFrom(owner.name).at(-1).at;
        const first = callsFrom(other.name)[fresh].at;
        await pause(1000);
        const done = [];
        for (const id of ids.slice(0, 60)) {
            const d = await api1.delivery(id, 'webhook');
            if (d.status === 'delivered') done.push(d);
        }
        heal(owner.name);
        const back = await within('it is back', 5000, () =>
            /node\.back/.test(owner.stderr.slice(mark)));
        const twice = await balance(api1, hook, ids);
        for (const d of done)
            assert.deepEqual(await api1.want(200, 'GET',
                `/v1/deliveries/${d.id}`), d);
        assert.equal(callsFrom(owner.name).at(-1).at, last,
            'it began calls after it was back, of a lane that it had lost');
        assert.ok(done.length > 20, `${done.length} were settled`);
        t.diagnostic(`last call ${last - cutAt} ms after the cut, the other ` +
            `on after ${gap} ms; back ${back} ms after; ${twice} twice`);
        assert.ok(last - cutAt <= LEASE_MS, `${last - cutAt} ms`);
        assert.ok(last < first, `${last - first} ms after the other`);
        assert.ok(twice > 0, 'calls were in flight');
    }

    // The calls end when the lease is over: what it has claimed beside them it
    // must not begin any more.
    it('between a lane\'s owner and the database', (t) => isolate(t,
        LEASE_MS + 100, (name) => net.cut(name, 'db'),
        (name) => net.heal(name, 'db')));

    // By now the other one owns it, so the first has to take part again.
    it('from the database to a lane\'s owner', (t) => isolate(t,
        200, (name) => net.lose('db', name), (name) => net.find('db', name)));

    // Milliseconds from being sent to being called, of the lane beside.
    async function latencies(ms) {
        const took = [];
        for (const end = Date.now() + ms; Date.now() < end;) {
            const n = beside.all.length;
            const began = Date.now();
            await api1.send(WEBHOOK, { workspace: 'beside' });
            await until('a call', () => beside.all.length > n, { every: 2 });
            took.push(beside.all[n].at - began);
        }
        return took;
    }

    it('between the workers and a receiver', async (t) => {
        hook.script('/in', []);
        await putHook(hook, { timeout: '1s' });
        const normal = quantile(await latencies(1500), 0.5);
        const ids = [];
        for (const w of workers) net.lose(w.name, 'hook');
        const cutAt = hook.all.length;
        ids.push(...await sendMany(api1, 100));
        const meanwhile = quantile(await latencies(4000), 0.5);
        assert.equal(hook.all.length, cutAt);
        for (const w of workers) net.find(w.name, 'hook');
        const healed = Date.now();
        for (const id of ids)
            await api1.reaches(id, 'webhook', 'delivered');
        t.diagnostic(`the lane beside: ${normal} ms, ${meanwhile} ms in the ` +
            `meantime; all delivered ${Date.now() - healed} ms after`);
        assert.ok(meanwhile < 500 && meanwhile <= 3 * Math.max(normal, 20),
            `${normal} ms, then ${meanwhile} ms`);
    });

    it('between an api node and the database', async (t) => {
        const ready = async () =>
            (await api1.api('GET', '/readyz')).status;
        const cutOff = Array.from({ length: 4 }, (_, i) =>
            new Sender(api1, `cut-${i}`));
        const whole = new Sender(api2, 'whole');
        await pause(1500);
        const began = Date.now();
        net.cut('api1', 'db');
        const unready = await within('it is not ready', 2500,
            async () => await ready() === 503);
        await pause(began + 5000 - Date.now());
        net.heal('api1', 'db');
        const healed = Date.now();
        const back = await within('it takes again', 5000, () =>
            cutOff.some((s) => s.answers.some((a) =>
                a.at > healed && a.status === 202)));
        const readyAgain = await within('it is ready', 5000,
            async () => await ready() === 200);
        await pause(500);
        await Promise.all([...cutOff, whole].map((s) => s.stop()));
        const answers = cutOff.flatMap((s) => s.between(began - 50, healed));
        const refused = answers.filter((a) => a.status !== 202);
        const longest = Math.max(...refused.map((a) => a.ms));
        const p99 = quantile(whole.between(began, healed).map((a) => a.ms),
            0.99);
        const before = quantile(whole.between(0, began).map((a) => a.ms),
            0.99);
        t.diagnostic(`503 after at most ${longest} ms, not ready after ` +
            `${unready} ms; takes again ${back} ms and ready ${readyAgain} ` +
            `ms after; the other's p99 ${p99} ms, ${before} ms before`);
        for (const a of refused) {
            assert.ok([503, 409].includes(a.status), a.text);
            assert.ok(Number(a.retry) >= 1, `Retry-After: ${a.text}`);
        }
        assert.ok(refused.some((a) => a.status === 503));
        assert.ok(longest < 2500, `${longest} ms`);
        assert.deepEqual(whole.answers.filter((a) => a.status !== 202), []);
        assert.ok(p99 < 1000, `${p99} ms`);
        await balance(api2, hook, [...cutOff, whole].flatMap((s) => s.ids));
    });

    it('between a node and the first of several servers', async (t) => {
        const url = new URL(all.url);
        const other = `${net.address('silent')}:${url.port}`;
        net.lose('api1', 'silent');
        const api = await start('api', 'api1',
            { postgres: all.url.replace('@', `@${other},`) });
        const began = Date.now();
        await api.send({ to: 'u1', title: 'x' });
        t.diagnostic(`takes ${Date.now() - began} ms after its start`);
        await api.stop();
        all.all = all.all.filter((b) => b !== api);
    });

    it('and leaves no session behind on the server', async () => {
        await until('there are as many as nodes need', async () =>
            (await query(all.url, `SELECT FROM pg_stat_activity
                WHERE application_name LIKE 'belfry %'`)).length <= 4 * 6,
        { timeout: 15000 });
    });
});
