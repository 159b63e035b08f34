// cluster.mjs - six processes on one PostgreSQL, under load, while everything
// that can go wrong does; then the checker. A series is some rounds on one
// database: load with faults, peace, drain; at its end the books are balanced
// and what it left is removed. All chance comes from the seed; time does not,
// so a seed brings the same faults again, not the same instants.

import { execFileSync, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Postgres, query } from '../system/lib/postgres.mjs';
import { pause, until } from '../system/lib/until.mjs';
import { checkFolder } from './checker.mjs';
import { dump, left } from './dump.mjs';
import { faults } from './faults.mjs';
import { KEY, Node, freePort, hasFaketime } from './nodes.mjs';
import { Ledger, Rng } from './ledger.mjs';
import { Source } from './source.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const LEASE_MS = 2000;
const SWEEP_MS = 5000;
const N_APIS = 3;
const N_WORKERS = 3;
const LOAD_MS = [2500, 4500]; // of a round
const FAULTS = [1, 4]; // a round
const DRAIN_MS = 60000;
const SLOW_MS = 15000; // a drain that took longer is a fault by itself
const WORKSPACES = ['default', 'east', 'west'];

// A forked process that answers.
class Helper {
    constructor(file, ...args) {
        this.child = fork(path.join(HERE, file), args.map(String));
        this.waiting = new Map();
        this.n = 0;
        this.child.on('message', ({ id, value }) => {
            this.waiting.get(id)?.(value);
            this.waiting.delete(id);
        });
    }

    async first() {
        const [m] = await once(this.child, 'message');
        return m;
    }

    ask(m) {
        const id = ++this.n;
        this.child.send({ id, ...m });
        return new Promise((done) => this.waiting.set(id, done));
    }

    async close() {
        if (this.child.exitCode !== null) return;
        this.child.disconnect();
        await once(this.child, 'exit');
    }
}

class Series {
    constructor(run, seed) {
        Object.assign(this, { run, seed, lease_ms: LEASE_MS });
        this.rng = new Rng(seed);
        this.postgres = run.postgres;
        this.database = Promise.resolve();
        this.nodes = [];
        this.events = [];
        this.dir = path.join(run.dir, `series-${seed}`);
        mkdirSync(this.dir);
    }

    note(what, more) {
        this.events.push({ t: Date.now(), what, ...more });
    }

    async open() {
        const name = `chaos_${this.seed}`;
        await query(this.postgres.url, `CREATE DATABASE ${name}`);
        const url = new URL(this.postgres.url);
        url.pathname = `/${name}`;
        this.url = url.href;
        this.name = name;
        this.proxy = new Helper('proxy.mjs', url.port, N_APIS + N_WORKERS);
        const { ports } = await this.proxy.first();
        writeFileSync(path.join(this.dir, 'secret.key'), randomBytes(32),
            { mode: 0o600 });
        for (let i = 0; i < N_APIS + N_WORKERS; i++)
            this.nodes.push(this.node(i, ports[i], await freePort()));
        this.apis = this.nodes.slice(0, N_APIS);
        this.workers = this.nodes.slice(N_APIS);
        for (const n of this.nodes) n.start();
        for (const n of this.nodes) await n.ready();
        await this.openLoad();
    }

    node(i, route, port) {
        const url = new URL(this.url);
        url.port = String(route);
        url.searchParams.set('sslmode', 'disable');
        url.searchParams.set('gssencmode', 'disable');
        const isApi = i < N_APIS;
        return new Node({
            binary: this.run.binary, dir: this.dir, url: url.href, port,
            route: i,
            name: isApi ? `api-${i}` : `worker-${i - N_APIS}`,
            roles: isApi ? 'api' : 'worker,scheduler',
            lease: `${LEASE_MS}ms`,
            steps: this.run.hasClocks && (i === 0 || i === N_APIS),
        });
    }

    async openLoad() {
        const secret = `whsec_${randomBytes(24).toString('base64')}`;
        this.sink = new Helper('sink.mjs', path.join(this.dir, 'sink.jsonl'),
            secret);
        const { port } = await this.sink.first();
        for (const ws of WORKSPACES) await this.workspace(ws, port, secret);
        this.ledger = new Ledger(path.join(this.dir, 'source.jsonl'));
        this.source = new Source({ key: KEY, ledger: this.ledger,
            rng: new Rng(this.seed + 1), rate: this.run.rate,
            workspaces: WORKSPACES,
            apis: () => this.apis.map((n) => n.httpUrl) });
        await pause(1200); // until each process knows of all providers
    }

    async workspace(ws, port, secret) {
        if (ws !== 'default')
            await this.put(`/v1/workspaces/${ws}`, {}, 'default');
        const names = ws === 'default' ? ['hook', 'other'] : ['hook'];
        for (const [i, name] of names.entries())
            await this.put(`/v1/providers/${name}`, {
                channel: 'webhook', driver: 'webhook', order: i + 1,
                concurrency: 64, timeout: '1s',
                retry: { strategy: 'fixed', base: '200ms', attempts: 30 },
                config: { url: `http://127.0.0.1:${port}/${ws}/${name}`,
                    secret },
            }, ws);
    }

    async put(route, body, ws) {
        const a = await fetch(this.apis[0].httpUrl + route, {
            method: 'PUT', body: JSON.stringify(body),
            headers: { Authorization: `Bearer ${KEY}`,
                'Content-Type': 'application/json',
                'X-Belfry-Workspace': ws },
        });
        if (!a.ok)
            throw new Error(`PUT ${route}: ${a.status} ${await a.text()}`);
    }

    // ---- a round ----

    pickFaults() {
        const { only } = this.run;
        const names = Object.keys(faults).filter((n) => only ?
            only.some((o) => n.includes(o)) :
            n !== 'step a clock' || this.run.hasClocks);
        return Array.from({ length: this.rng.between(...FAULTS) }, () =>
            this.rng.pick(names));
    }

    async strike(name, at) {
        await pause(at);
        this.note('begin', { name });
        await faults[name](this);
        this.note('end', { name });
    }

    async round(n) {
        const names = this.pickFaults();
        const load_ms = this.rng.between(...this.run.load);
        const began = Date.now();
        const before = this.source.accepted;
        this.note('round', { n, names });
        const load = this.source.run(n);
        const strikes = names.map((name) => this.strike(name,
            this.rng.between(100, load_ms - 500)));
        await pause(load_ms);
        this.source.stop();
        await load;
        const loaded = Date.now();
        const accepted = this.source.accepted - before;
        await Promise.all(strikes);
        await this.heal();
        await this.drain();
        return { names, accepted, loaded_ms: loaded - began,
            took_ms: Date.now() - began };
    }

    async heal() {
        await this.database;
        await this.proxy.ask({ what: 'heal' });
        for (const n of this.nodes) {
            n.signal('SIGCONT');
            await n.ready();
        }
        this.note('healed');
    }

    async drain() {
        const began = Date.now();
        let last;
        if (!await this.source.settle(DRAIN_MS))
            throw new Error(`${this.source.pending.size} calls are undecided`);
        await until(() => `drained: ${JSON.stringify(last)}`, async () => {
            last = await left(this.url, began);
            return last.ready + last.waiting + last.intent === 0 &&
                last.nodes === this.nodes.length;
        }, { timeout: DRAIN_MS, every: 50 }).catch((e) => {
            this.stuck = e.message; // the checker says what it is
        });
        this.note('drained');
        const ms = Date.now() - began;
        if (ms > SLOW_MS) this.stuck ??= `it took ${ms} ms to drain`;
    }

    // ---- the end ----

    async check() {
        this.ledger.flush();
        this.sink.child.send({ flush: true });
        await pause(100);
        const all = await dump(this.url,
            { missed_after_ms: LEASE_MS + SWEEP_MS });
        writeFileSync(path.join(this.dir, 'dump.json'), JSON.stringify(all));
        const report = checkFolder(this.dir);
        for (const n of this.nodes)
            for (const c of n.complaints) {
                report.faults[c.what] ??= { n: 0, examples: [] };
                report.faults[c.what].n++;
                report.faults[c.what].examples.push(c);
            }
        if (this.stuck) report.faults.stuck = { n: 1, examples: [this.stuck] };
        report.isGood = Object.keys(report.faults).length === 0;
        const { figures } = report;
        figures.yields = this.nodes.reduce((n, x) => n + x.yields, 0);
        figures.starts = this.nodes.reduce((n, x) => n + x.starts, 0);
        figures.cuts = (await this.proxy.ask({ what: 'tripped' }))
            .reduce((n, x) => n + x, 0);
        report.answers = this.source.answers;
        return report;
    }

    async stopAll() {
        await Promise.all(this.nodes.map((n) => n.stop()));
    }

    async close() {
        this.source?.close();
        for (const n of this.nodes) await n.close();
        await this.database.catch(() => {});
        this.ledger?.close();
        await this.sink?.close();
        await this.proxy?.close();
        writeFileSync(path.join(this.dir, 'events.json'),
            this.events.map((e) => JSON.stringify(e)).join('\n'));
    }

    async remove() {
        await query(this.postgres.url, `DROP DATABASE ${this.name} WITH (FORCE)`);
        rmSync(this.dir, { recursive: true });
    }
}

function add(total, figures) {
    for (const [name, n] of Object.entries(figures))
        total[name] = (total[name] ?? 0) + n;
}

// A sanitizer wants to be loaded first, which is the place of libfaketime.
const hasSanitizer = (binary) =>
    /lib[at]san/.test(execFileSync('ldd', [binary]).toString());

async function oneSeries(run, seed, rounds, total) {
    const s = run.current = new Series(run, seed);
    let report;
    try {
        await s.open();
        for (let n = 1; n <= rounds && !s.stuck; n++) {
            const r = await s.round(n);
            total.rounds++;
            total.load_ms += r.loaded_ms;
            run.log(`seed ${seed} round ${n}: ${r.accepted} accepted in ${
                r.loaded_ms} ms, ${r.took_ms} ms in all: ${
                r.names.join(', ')}`);
        }
        if (!s.stuck) await s.stopAll();
        report = await s.check();
    } catch (e) {
        report = { figures: {}, isGood: false,
            faults: { harness: { n: 1, examples: [String(e.stack)] } } };
    } finally {
        await s.close();
    }
    add(total.figures, report.figures);
    add(total.answers, report.answers ?? {});
    writeFileSync(path.join(s.dir, 'report.json'),
        JSON.stringify(report, null, 1));
    if (report.isGood && !run.keep) await s.remove();
    return { ...report, dir: s.dir, seed };
}

// Answers with the sums, and with `failed`, the report of the series that did
// not balance, where it ended.
export async function run({ rounds, seed, binary, rate = 2000, series = 5,
    minutes = Infinity,
    load = LOAD_MS, only = null, keep = false, log = () => {},
    onStart = () => {} }) {
    const dir = mkdtempSync(path.join(tmpdir(), 'belfry-chaos-'));
    const folder = mkdtempSync(path.join(process.env.BELFRY_POSTGRES_FOLDER ??
        tmpdir(), 'belfry-postgres-'));
    const postgres = new Postgres(folder, { max_wal_size: '512MB' });
    const self = { binary, rate, load, only, keep, log, dir, postgres,
        hasClocks: hasFaketime() && !hasSanitizer(binary) };
    const end = Date.now() + minutes * 60000;
    const total = { rounds: 0, load_ms: 0, figures: {}, answers: {} };
    onStart(async () => { // to be called when one must end at once
        await self.current?.close();
        await postgres.remove();
    });
    try {
        await postgres.start();
        for (let n = 0; total.rounds < rounds && Date.now() < end; n++) {
            const r = await oneSeries(self, seed + n,
                Math.min(series, rounds - total.rounds), total);
            if (!r.isGood) {
                total.failed = r;
                break;
            }
        }
    } finally {
        await postgres.remove();
        if (!total.failed && !keep) rmSync(dir, { recursive: true });
    }
    return total;
}
