// rounds.mjs - kill -9 under load, again and again, with a ledger outside the
// server that knows what was promised:
//
//   accepted (202)     has to arrive: in the inbox exactly once, at the
//                      webhook at least once;
//   without an answer  is asked for again under its Idempotency-Key, and so
//                      becomes accepted, exactly once;
//   on the stream      each item of one user exactly once and in order, to a
//                      reader that comes back with its Last-Event-ID;
//   arrived twice      only where the server's own ledger marks an attempt as
//                      interrupted or unknown.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { start } from '../system/lib/belfry.mjs';
import { rawStream } from '../system/lib/sse.mjs';
import { receiver } from '../system/lib/webhook.mjs';
import { pause, until } from '../system/lib/until.mjs';

const USERS = 10;
const SENDERS = 12;

class Ledger {
    constructor() {
        this.entries = [];
    }

    add(round) {
        const n = this.entries.length;
        const entry = { title: `r${round}-n${n}`, user: `u${n % USERS}`,
            key: `chaos-${n}`, id: null };
        this.entries.push(entry);
        return entry;
    }
}

// Reads one user's stream from before the first send to the end, whoever dies.
class Follower {
    constructor(belfry, user, token) {
        Object.assign(this, { belfry, user, token });
        this.frames = [];
        this.openings = 0;
        this.ended = this.run();
        this.ended.catch(() => {}); // check() tells
    }

    async follow() {
        const s = await rawStream(`${this.belfry.url}/v1/inbox/stream`,
            this.token, this.last ? { 'Last-Event-ID': this.last } : {});
        this.stream = s;
        assert.equal(s.status, 200);
        this.openings++;
        let seen = 0;
        while (!s.isClosed && !this.isOver) {
            for (; seen < s.frames.length; seen++) {
                this.frames.push(s.frames[seen]);
                this.last = s.frames[seen].id ?? this.last;
            }
            await pause(5);
        }
        s.close();
    }

    async run() {
        while (!this.isOver) {
            await this.follow().catch((error) => {
                if (error.code === 'ERR_ASSERTION') throw error;
            });
            await pause(20);
        }
    }

    async check(ledger) {
        const wanted = ledger.entries.filter((e) => e.user === this.user);
        const items = () => this.frames.filter((f) =>
            f.name === 'item.upsert');
        await until(() => `${items().length} of ${wanted.length} frames`,
            () => items().length >= wanted.length, { timeout: 30000 });
        this.isOver = true;
        await this.ended;
        assert.equal(this.frames.filter((f) => f.name === 'reset').length, 0);
        assert.deepEqual(items().map((f) => f.data.item.title).sort(),
            wanted.map((e) => e.title).sort(),
            `the stream of ${this.user} brought each item exactly once`);
        const revs = items().map((f) => Number(f.id.split('.')[1]));
        assert.deepEqual(revs, [...revs].sort((a, b) => a - b));
    }
}

async function post(belfry, entry) {
    const a = await belfry.api('POST', '/v1/notifications', {
        to: entry.user, title: entry.title, body: 'b',
        channels: ['in_app', 'webhook'],
    }, {
        unchecked: true, timeout: 10000,
        headers: { 'Idempotency-Key': entry.key },
    });
    if (a.status === 202) {
        assert.ok(entry.id === null || entry.id === a.body.id,
            `${entry.key} has two ids: ${entry.id}, ${a.body.id}`);
        entry.id = a.body.id;
    }
    return a.status;
}

// Sends until the server is gone.
async function sender(belfry, ledger, round) {
    while (!belfry.exited) {
        const entry = ledger.add(round);
        try {
            await post(belfry, entry);
        } catch (error) {
            if (error.code === 'ERR_ASSERTION') throw error;
            return;
        }
    }
}

async function settleUncertain(belfry, ledger) {
    for (const entry of ledger.entries.filter((e) => e.id === null))
        await until(`${entry.key} is accepted`, async () =>
            await post(belfry, entry) === 202, { timeout: 20000, every: 200 });
}

async function everyPage(belfry, route, options) {
    const all = [];
    let after = '';
    for (;;) {
        const page = await belfry.get(`${route}${route.includes('?') ? '&' :
            '?'}limit=100${after && `&after=${encodeURIComponent(after)}`}`,
        options);
        all.push(...page.data);
        if (!page.next) return all;
        after = page.next;
    }
}

async function checkInboxes(belfry, ledger) {
    for (let u = 0; u < USERS; u++) {
        const user = `u${u}`;
        const items = await everyPage(belfry, '/v1/inbox',
            { key: await belfry.token(user) });
        const wanted = ledger.entries.filter((e) => e.user === user);
        assert.deepEqual(items.map((i) => i.title).sort(),
            wanted.map((e) => e.title).sort(),
            `the inbox of ${user} holds each accepted one exactly once`);
        const ids = new Map(wanted.map((e) => [e.title, e.id]));
        for (const i of items)
            assert.equal(i.notification_id, ids.get(i.title));
    }
}

async function checkWebhooks(belfry, ledger, hook) {
    const calls = new Map();
    for (const c of hook.all) {
        assert.ok(c.isVerified, c.fault);
        calls.set(c.headers['webhook-id'],
            (calls.get(c.headers['webhook-id']) ?? 0) + 1);
    }
    const deliveries = await everyPage(belfry,
        '/v1/deliveries?channel=webhook');
    assert.equal(deliveries.length, ledger.entries.length);
    let duplicates = 0;
    for (const d of deliveries) {
        assert.equal(d.status, 'delivered', `${d.id}: ${d.reason}`);
        const n = calls.get(d.id) ?? 0;
        calls.delete(d.id);
        assert.ok(n >= 1, `${d.id} of ${d.notification_id} is lost`);
        if (n === 1) continue;
        duplicates++;
        const { log } = await belfry.get(`/v1/deliveries/${d.id}`);
        const marked = log.filter((a) =>
            ['interrupted', 'unknown'].includes(a.verdict)).length;
        assert.ok(n <= 1 + marked,
            `${d.id} arrived ${n} times, with ${marked} marked attempts`);
    }
    assert.equal(calls.size, 0, 'calls for deliveries that nobody knows');
    return duplicates;
}

// On a copy: the one that the kill left is for Belfry alone to recover.
// PostgreSQL has not been killed.
async function checkDatabase(belfry) {
    if (!belfry.database) return;
    const dir = await mkdtemp(path.join(belfry.dir, 'copy-'));
    for (const tail of ['', '-wal'])
        await copyFile(belfry.database + tail, path.join(dir, `db${tail}`))
            .catch((e) => {
                if (tail === '' || e.code !== 'ENOENT') throw e;
            });
    const said = execFileSync('sqlite3', [path.join(dir, 'db'),
        'PRAGMA integrity_check']).toString().trim();
    assert.equal(said, 'ok');
    await rm(dir, { recursive: true });
}

// Answers with what it saw; throws at the first promise that was broken.
export async function run({ rounds, log = () => {} }) {
    const hook = await receiver();
    const belfry = await start();
    const ledger = new Ledger();
    let follower;
    try {
        await belfry.put('/v1/providers/hook', {
            channel: 'webhook', driver: 'webhook', concurrency: 32,
            timeout: '5s',
            config: { url: hook.url('/in'), secret: hook.secret },
        });
        follower = new Follower(belfry, 'u0', await belfry.token('u0'));
        await until('the stream is open', () => follower.openings === 1);
        for (let round = 1; round <= rounds; round++) {
            const before = ledger.entries.length;
            const senders = Array.from({ length: SENDERS }, () =>
                sender(belfry, ledger, round));
            // From before the first commit to well under load.
            await pause(20 + Math.floor(Math.random() * 700));
            await belfry.kill9();
            await Promise.all(senders);
            await checkDatabase(belfry);
            await belfry.restart();
            const uncertain = ledger.entries.filter((e) =>
                e.id === null).length;
            await settleUncertain(belfry, ledger);
            log(`round ${round}: ${ledger.entries.length - before} sent, ` +
                `${uncertain} without an answer`);
        }
        for (const status of ['queued', 'sending', 'retrying', 'held'])
            await until(`no delivery is ${status}`, async () =>
                (await belfry.get(`/v1/deliveries?status=${status}&limit=1`))
                    .data.length === 0, { timeout: 120000, every: 200 });
        await checkInboxes(belfry, ledger);
        await follower.check(ledger);
        const duplicates = await checkWebhooks(belfry, ledger, hook);
        await belfry.stop();
        return { sent: ledger.entries.length, calls: hook.all.length,
            openings: follower.openings, duplicates };
    } finally {
        if (follower) follower.isOver = true;
        if (!belfry.exited) await belfry.kill9();
        await hook.close();
    }
}
