// belfry.mjs - a Belfry of its own for each test: the real binary in a
// directory that goes away, and an `api()` that holds each exchange against
// the OpenAPI document that the server itself serves.
//
// With BELFRY_TEST_DATABASE=postgres its database is a fresh one on the
// stage's PostgreSQL server in place of a file. Several servers share one that
// is given as `postgres`, with one `keyFile`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { loadDocument } from './openapi.mjs';
import { createDatabase } from './postgres.mjs';
import { until } from './until.mjs';

export const ROOT_KEY = 'bf_root_key_of_the_system_tests_0123456789';
export const BINARY = path.resolve(process.env.BELFRY_BIN ?? 'build/belfry');
const ON_POSTGRES = process.env.BELFRY_TEST_DATABASE === 'postgres';

// A sanitizer's report, wherever in the output.
const REPORT =
    /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: |Assertion .* failed/;

// After kill -9 the next one owns what the last one did once this is over.
const LEASE = '4s';

export async function makeKeyFile(dir) {
    const file = path.join(dir, 'secret.key');
    await writeFile(file, randomBytes(32), { mode: 0o600 });
    return file;
}

function environment(dir, extra) {
    const env = {
        PATH: process.env.PATH,
        HOME: dir,
        LANG: 'C.UTF-8',
        ASAN_OPTIONS: 'detect_leaks=1:exitcode=99',
        UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
        BELFRY_BOOTSTRAP_KEY: ROOT_KEY,
        BELFRY_EGRESS_ALLOW: '127.0.0.0/8,::1/128',
        BELFRY_LOG_FORMAT: 'logfmt',
        // Receivers count calls; what is about probes turns them on.
        BELFRY_HEALTH_PROBE_EVERY: '0s',
        ...extra,
    };
    for (const name of Object.keys(env))
        if (env[name] === undefined) delete env[name];
    return env;
}

export class Belfry {
    constructor(options) {
        this.options = options;
        this.violations = [];
        this.stderr = '';
        this.stdout = '';
        this.child = null;
    }

    // options: dev, flags [], env {}, listen, database (a path), roles (a
    // list), postgres (a URL), keyFile, at (what the command begins with)
    static async start(options = {}) {
        const b = new Belfry(options);
        b.dir = await mkdtemp(path.join(tmpdir(), 'belfry-test-'));
        try {
            await b.findDatabase();
            await b.launch();
        } catch (error) {
            await b.leave();
            throw error;
        }
        return b;
    }

    // Sets `databaseUrl`, as --db takes it, and `keyFile`; on SQLite
    // `database`, a path.
    async findDatabase() {
        const { database, postgres, keyFile } = this.options;
        if (!postgres && (database || !ON_POSTGRES)) {
            this.database = database ?? path.join(this.dir, 'belfry.db');
            this.databaseUrl = `sqlite:${this.database}`;
            this.keyFile = `${this.database}.key`;
            return;
        }
        if (!postgres) this.fresh = await createDatabase();
        this.databaseUrl = postgres ?? this.fresh.url;
        this.keyFile = keyFile ?? await makeKeyFile(this.dir);
    }

    async leave() {
        await rm(this.dir, { recursive: true, force: true });
        await this.fresh?.drop();
    }

    async launch() {
        const { dev, flags = [], env = {}, roles, at = [] } = this.options;
        const listen = this.listen || this.options.listen || '127.0.0.1:0';
        const args = ['serve', '--listen', listen, '--db', this.databaseUrl];
        if (dev) args.push('--dev');
        if (roles) args.push('--roles', roles);
        const [program, ...words] = [...at, BINARY, ...args, ...flags];
        const child = spawn(program, words, {
            cwd: this.dir,
            env: environment(this.dir, this.database ? env : {
                BELFRY_SECRET_KEY_FILE: this.keyFile,
                BELFRY_DATABASE_LEASE: LEASE, ...env,
            }),
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.child = child;
        this.exited = null;
        this.exit = once(child, 'close').then(([code, signal]) => {
            this.exited = { code, signal };
            return this.exited;
        });
        const mark = this.stderr.length;
        child.stdout.on('data', (d) => (this.stdout += d));
        child.stderr.on('data', (d) => (this.stderr += d));
        const ready = /server\.ready\b.*?\blisten="?([^\s"]*)/;
        const found = await until('the server is ready', () => {
            if (this.exited)
                throw new Error(`belfry ended at once:\n${this.stderr}`);
            return ready.exec(this.stderr.slice(mark));
        }, { timeout: 20000, every: 10 });
        this.document = null;
        this.listen = found[1]; // empty: not with these roles
        if (!this.listen) return;
        this.url = `http://${this.listen}`;
        const [, port] = /:(\d+)$/.exec(this.listen);
        this.port = Number(port);
    }

    // ---- requests ----

    // Validated against the document unless `unchecked`. A string or Buffer
    // goes out as it is.
    async api(method, route, body, options = {}) {
        const { key = ROOT_KEY, headers = {}, unchecked, workspace } = options;
        const all = { ...headers };
        if (key) all.Authorization ??= `Bearer ${key}`;
        if (workspace) all['X-Belfry-Workspace'] = workspace;
        let payload = body;
        if (body !== undefined && typeof body !== 'string' &&
            !Buffer.isBuffer(body)) {
            payload = JSON.stringify(body);
            all['Content-Type'] ??= 'application/json';
        }
        const response = await fetch(this.url + route, {
            method, headers: all, body: payload, redirect: 'manual',
            signal: AbortSignal.timeout(options.timeout ?? 30000),
        });
        const text = await response.text();
        const type = (response.headers.get('content-type') ?? '')
            .split(';')[0].trim();
        const answer = {
            status: response.status, headers: response.headers, type, text,
            body: /json$/.test(type) && text ? JSON.parse(text) : undefined,
        };
        if (!unchecked) {
            this.document ??= loadDocument(this.url);
            for (const fault of (await this.document).check({
                method, route, body, contentType: all['Content-Type'],
            }, answer)) this.violations.push(`${method} ${route}: ${fault}`);
        }
        return answer;
    }

    // The body of an answer that must have this status.
    async want(status, method, route, body, options) {
        const a = await this.api(method, route, body, options);
        const accepted = [].concat(status);
        assert.ok(accepted.includes(a.status),
            `${method} ${route}: ${a.status}, not ${accepted}: ${a.text}`);
        return a.body;
    }

    get(route, options) {
        return this.want(200, 'GET', route, undefined, options);
    }

    put(route, body, options) {
        return this.want([200, 201], 'PUT', route, body, options);
    }

    post(route, body, options) {
        return this.want([200, 201, 202], 'POST', route, body, options);
    }

    // ---- what nearly every test does ----

    // The id of a notification that was accepted.
    async send(body, options) {
        const a = await this.want(202, 'POST', '/v1/notifications', body,
            options);
        assert.match(a.id, /^ntf_[0-9a-z]{26}$/);
        return a.id;
    }

    // The notification once each of its deliveries has ended.
    settled(id, options = {}) {
        return until(`${id} is done`, async () => {
            const n = await this.get(`/v1/notifications/${id}`, options);
            return n.status === 'done' ? n : null;
        }, { timeout: options.timeout ?? 20000, every: 50 });
    }

    // The one delivery of that channel, by id, with its log.
    async delivery(id, channel, options) {
        const n = await this.get(`/v1/notifications/${id}`, options);
        const found = n.deliveries.filter((d) => d.channel === channel);
        assert.equal(found.length, 1, `one ${channel} of ${id}`);
        return this.get(`/v1/deliveries/${found[0].id}`, options);
    }

    // That delivery once its status is one of those.
    reaches(id, channel, status, options = {}) {
        const wanted = [].concat(status);
        let last;
        return until(() => `${channel} of ${id} is ${wanted}: ${last?.status}`,
            async () => {
                last = await this.delivery(id, channel, options);
                return wanted.includes(last.status) ? last : null;
            }, { timeout: options.timeout ?? 20000, every: 50 });
    }

    async trace(id, options) {
        const t = await this.get(`/v1/notifications/${id}/trace`, options);
        return t.steps;
    }

    async token(user, options) {
        const t = await this.post(`/v1/users/${user}/token`, { ttl: '1h' },
            options);
        return t.token;
    }

    // ---- the process ----

    // One command of the client against this server.
    async cli(args, { input, env = {} } = {}) {
        const child = spawn(BINARY, args, {
            cwd: this.dir,
            env: environment(this.dir, {
                BELFRY_BOOTSTRAP_KEY: undefined,
                BELFRY_URL: this.url, BELFRY_KEY: ROOT_KEY, ...env,
            }),
        });
        const out = { stdout: '', stderr: '' };
        child.stdout.on('data', (d) => (out.stdout += d));
        child.stderr.on('data', (d) => (out.stderr += d));
        child.stdin.on('error', () => {});
        child.stdin.end(input ?? '');
        [out.code] = await once(child, 'close');
        assert.doesNotMatch(out.stderr, REPORT);
        return out;
    }

    async residentKiB() {
        const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
        return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]);
    }

    async kill9() {
        this.child.kill('SIGKILL');
        await this.exit;
    }

    // The same database and the same address again.
    restart() {
        assert.ok(this.exited, 'restart() is for a server that has ended');
        return this.launch();
    }

    // SIGTERM, then the promises about the end: exit 0 in time, no report of
    // a sanitizer; and no exchange that the document does not describe.
    async stop({ within = 30000 } = {}) {
        if (!this.exited) {
            this.child.kill('SIGTERM');
            const late = setTimeout(() => this.child.kill('SIGABRT'), within);
            await this.exit;
            clearTimeout(late);
            assert.deepEqual(this.exited, { code: 0, signal: null },
                `the end of its log:\n${this.stderr.slice(-4000)}`);
        }
        if (REPORT.test(this.stderr)) {
            const at = this.stderr.search(REPORT);
            assert.fail(this.stderr.slice(Math.max(0, at - 500), at + 6000));
        }
        await this.leave();
        const violations = [...new Set(this.violations)];
        assert.equal(violations.length, 0, 'exchanges that the OpenAPI ' +
            `document does not describe:\n${violations.join('\n')}`);
    }
}

export const start = (options) => Belfry.start(options);

// A server for one test, stopped and judged after it.
export async function started(t, options) {
    const b = await start(options);
    t.after(() => b.stop());
    return b;
}
