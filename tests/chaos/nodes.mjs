// nodes.mjs - the processes of a cluster. What dies by a fault's hand is
// started again; what dies of its own accord is noted, as something to answer
// for.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createWriteStream, existsSync, mkdirSync, rmSync, writeFileSync }
    from 'node:fs';
import path from 'node:path';
import { pause, until } from '../system/lib/until.mjs';

export const KEY = 'bf_root_key_of_the_chaos_tests_0123456789';
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const READY = /server\.ready\b/;
// The one way in which a process may end itself: its slot went to another
// while it was thought dead. (One that cannot start without a database is
// started again.)
const YIELDED = /was given to another process meanwhile/;
const REPORT =
    /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: |Assertion .* failed|assert/;

export const hasFaketime = () => existsSync(FAKETIME);

// Below those that the kernel gives to connections that go out, so that none
// takes it while its owner is dead.
export async function freePort() {
    for (;;) {
        const port = 12000 + Math.floor(Math.random() * 8000);
        const server = net.createServer();
        const isFree = await new Promise((done) => {
            server.once('error', () => done(false));
            server.listen(port, '127.0.0.1', () => done(true));
        });
        if (!isFree) continue;
        await new Promise((done) => server.close(done));
        return port;
    }
}

// What libfaketime leaves of a process that was killed.
function removeShared(pid) {
    for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
        rmSync(`/dev/shm/${name}`, { force: true });
}

export class Node {
    // binary, dir, name, roles, port, url (of the database), lease, steps
    // (its wall clock can be moved)
    constructor(options) {
        Object.assign(this, options);
        this.log = createWriteStream(path.join(this.dir, `${this.name}.log`));
        this.tail = '';
        this.complaints = [];
        this.yields = 0;
        this.starts = 0;
        this.clock = path.join(this.dir, `${this.name}.clock`);
        if (this.steps) this.setClock(0);
        mkdirSync(path.join(this.dir, this.name), { recursive: true });
    }

    // Hours beside the real time.
    setClock(hours) {
        writeFileSync(this.clock, `${hours < 0 ? '-' : '+'}${
            Math.abs(hours) * 3600}`);
    }

    environment() {
        return {
            PATH: process.env.PATH, HOME: this.dir, LANG: 'C.UTF-8',
            ASAN_OPTIONS: 'detect_leaks=1:exitcode=99',
            UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
            BELFRY_BOOTSTRAP_KEY: KEY,
            BELFRY_SECRET_KEY_FILE: path.join(this.dir, 'secret.key'),
            BELFRY_EGRESS_ALLOW: '127.0.0.0/8',
            BELFRY_DATABASE_URL: this.url,
            BELFRY_DATABASE_LEASE: this.lease,
            BELFRY_HTTP_THREADS: '1',
            BELFRY_HTTP_RATE_PER_ADDRESS: '1000000',
            ...(this.steps && {
                LD_PRELOAD: FAKETIME, DONT_FAKE_MONOTONIC: '1',
                FAKETIME_TIMESTAMP_FILE: this.clock,
                FAKETIME_NO_CACHE: '1',
            }),
        };
    }

    isAlive() {
        return Boolean(this.child) && !this.ended;
    }

    // Nothing where another fault has done it.
    start() {
        this.isWanted = true;
        if (this.isAlive()) return;
        this.isLeaving = this.isKilled = false;
        this.ended = null;
        this.isReady = false;
        this.starts++;
        this.tail = '';
        this.child = spawn(this.binary, ['serve', '--roles', this.roles,
            '--listen', `127.0.0.1:${this.port}`], {
            cwd: path.join(this.dir, this.name), env: this.environment(),
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.log.write(`---- ${new Date().toISOString()} pid ${
            this.child.pid}\n`);
        const child = this.child;
        for (const stream of [child.stdout, child.stderr])
            stream.on('data', (d) => this.hear(child, String(d)));
        this.exit = once(child, 'close').then(([code, signal]) =>
            this.conclude(child, code, signal));
    }

    hear(child, text) {
        this.log.write(text);
        if (child !== this.child) return;
        this.tail = (this.tail + text).slice(-20000);
        this.isReady ||= READY.test(this.tail);
    }

    conclude(child, code, signal) {
        this.log.write(`---- ended: ${code ?? signal}\n`);
        if (child !== this.child) return;
        this.ended = { code, signal };
        if (this.steps) removeShared(child.pid);
        const how = code ?? signal;
        const isEarly = this.isLeaving && !this.isReady; // knows no signals yet
        if (REPORT.test(this.tail)) this.complain('a report', how);
        else if (this.isKilled || isEarly) return;
        else if (this.isLeaving && code !== 0)
            this.complain('did not stop well', how);
        else if (!this.isLeaving && YIELDED.test(this.tail)) this.yields++;
        else if (!this.isLeaving && (this.isReady || signal))
            this.complain('ended by itself', how);
        if (this.isWanted && !this.isLeaving)
            setTimeout(() => this.isWanted && this.ended && this.start(), 200);
    }

    complain(what, how) {
        this.complaints.push({ node: this.name, what, how,
            text: this.tail.slice(-8000) });
    }

    signal(name) {
        if (this.isAlive()) this.child.kill(name);
    }

    async kill9() {
        this.isKilled = true;
        this.isWanted = false;
        this.signal('SIGKILL');
        await this.exit;
    }

    // SIGTERM; whoever does not end in time is a complaint.
    async stop(within = 30000) {
        if (!this.isAlive()) {
            this.isWanted = false;
            return;
        }
        this.isLeaving = true;
        this.isWanted = false;
        this.signal('SIGTERM');
        const late = setTimeout(() => this.signal('SIGABRT'), within);
        await this.exit;
        clearTimeout(late);
    }

    async ready(timeout = 40000) {
        await until(() => `${this.name} is ready: ${this.tail.slice(-500)}`,
            () => this.isReady && this.isAlive(), { timeout, every: 10 });
    }

    get httpUrl() {
        return `http://127.0.0.1:${this.port}`;
    }

    async close() {
        this.isWanted = false;
        if (this.isAlive()) {
            this.signal('SIGCONT');
            await this.kill9();
        }
        await pause(0);
        this.log.end();
    }
}
