// checker.mjs - holds what the source was promised and what the sink got
// against what the database says; a pure function of the three. The names are
// those of Jepsen's total-queue:
//
//   attempts      notifications that a call was begun for
//   acknowledged  those that were answered with 2xx
//   received      those that came to their destinations: the webhook at least
//                 once, the inbox exactly once
//   ok            acknowledged and received
//   lost          acknowledged, not received, and not ended with a reason
//   unexpected    received, or in the database, and never sent
//   recovered     received, although no answer to the first try said so
//   duplicated    receipts beyond the first of a delivery
//
// Faults are: lost, unexpected and mutated ones; a key with two notifications;
// more receipts than attempts that explain them; an inbox item twice or not at
// all; what is left lying after the drain; a delivery in two places or in
// none; holes among attempts; sums that are wrong. How receipts are explained:
//
//   - each is a call, and each call is an attempt: receipts <= attempts;
//   - what the sink took (all but its own 500s) comes once, and once more for
//     each attempt whose end nobody saw: interrupted, unknown.
//
// `node checker.mjs DIR` does it again with what a run left in DIR.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashOf, numberOf, readLedger } from './ledger.mjs';

const EXAMPLES = 5;
const UNSEEN = ['interrupted', 'unknown'];
const TABLES = ['ready', 'waiting', 'ended', 'dead'];
const STATUS = ['queued', 'held', 'sending', 'retrying', 'delivered', 'sent',
    'failed', 'dead', 'suppressed', 'merged', 'cancelled', 'expired'];
const ARRIVED = ['delivered', 'sent'];
// "It did not happen", not "it may have".
const REFUSALS = ['io', 'timeout', 'unavailable', 'shutting_down',
    'overloaded'];

class Report {
    constructor() {
        this.figures = {};
        this.faults = {};
    }

    fault(kind, what) {
        this.faults[kind] ??= { n: 0, examples: [] };
        const f = this.faults[kind];
        if (f.n++ < EXAMPLES) f.examples.push(what);
    }

    count(name, by = 1) {
        this.figures[name] = (this.figures[name] ?? 0) + by;
    }
}

function push(map, key, value) {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
}

// ---- the ledgers ----

// What became of each call and so of each name.
function readSource(lines) {
    const calls = new Map();
    const items = new Map();
    for (const l of lines) {
        if (l.begin) {
            const call = { ...l, tries: [], answers: [] };
            calls.set(l.begin, call);
            l.items.forEach((i, k) => items.set(i.name, { ...i, k, call,
                ids: new Set() }));
        } else if (l.api) {
            calls.get(l.call).tries.push(l);
        } else {
            calls.get(l.call).answers.push(l);
        }
    }
    for (const item of items.values())
        for (const a of item.call.answers)
            if (a.ids?.[item.k]) item.ids.add(a.ids[item.k]);
    return { calls, items };
}

const isAcknowledged = (item) => item.ids.size > 0;
const isRefused = (call) => call.answers.some((a) => a.status >= 400 &&
    a.status < 500 && ![408, 409, 429].includes(a.status));

function checkCalls(w, r) {
    for (const call of w.calls.values()) {
        const last = call.answers.at(-1);
        const names = call.items[0].name;
        if (isRefused(call)) r.fault('refused', { call: names, last });
        else if (!call.items.every((i) => isAcknowledged(w.items.get(i.name))))
            r.fault('undecided', { call: names, last });
        for (const a of call.answers) {
            if (a.status === 500) r.fault('internal error', { names, a });
            if (a.bad) r.fault('refused', { names, a });
        }
        checkRefusals(call, r);
    }
    for (const item of w.items.values())
        if (item.ids.size > 1)
            r.fault('two ids', { name: item.name, ids: [...item.ids] });
}

// A replay means that an earlier try was carried out; not one of those that
// said they were not.
function checkRefusals(call, r) {
    const at = call.answers.findIndex((a) => a.replay || a.duplicate);
    if (at < 0) return;
    const before = call.answers.slice(0, at);
    r.count('replays');
    if (before.length === call.tries.slice(0, at).length &&
        before.every((a) => REFUSALS.includes(a.code)))
        r.fault('false refusal', { call: call.items[0].name, before });
}

// ---- the database ----

// Each delivery with all the places that it is in.
function readDeliveries(dump) {
    const all = new Map();
    for (const table of TABLES)
        for (const row of dump[table])
            push(all, row.id, { ...row, table, status: table === 'ready' ?
                'queued' : STATUS[row.status] });
    return all;
}

function understand(source, sink, dump) {
    const w = { ...readSource(source), sink, dump,
        deliveries: readDeliveries(dump), byName: new Map(),
        byNotification: new Map(), attempts: new Map(), receipts: new Map(),
        inbox: new Map() };
    for (const n of dump.notification)
        push(w.byName, JSON.parse(n.doc).title, n);
    for (const rows of w.deliveries.values())
        push(w.byNotification, rows[0].notification, rows);
    for (const a of dump.attempt) push(w.attempts, a.delivery, a);
    for (const s of sink) push(w.receipts, numberOf(s.id), s);
    for (const i of dump.inbox_item) push(w.inbox, i.notification, i);
    return w;
}

// ---- one by one ----

// Attempts of a delivery that tell of an end that nobody saw, and all. The
// last one of an ended one is in its own row.
function attemptsOf(w, d) {
    const rows = w.attempts.get(d.id) ?? [];
    const own = d.table === 'ended' && d.verdict ? [{ delivery: d.id,
        n: d.attempts, verdict: d.verdict }] : [];
    return [...rows, ...own];
}

function checkAttempts(w, d, r) {
    const all = attemptsOf(w, d);
    const numbers = all.map((a) => a.n).sort((a, b) => a - b);
    for (const a of all) r.count(`attempts ${a.verdict}`);
    if (numbers.some((n, i) => n !== i + 1) || numbers.length !== d.attempts)
        r.fault('attempts with holes', { delivery: d.id, table: d.table,
            attempts: d.attempts, numbers });
}

function checkReceipts(w, d, r) {
    const got = w.receipts.get(d.id) ?? [];
    const all = attemptsOf(w, d);
    const unseen = all.filter((a) => UNSEEN.includes(a.verdict)).length;
    const taken = got.filter((s) => s.gave !== '500').length;
    r.count('receipts', got.length);
    r.count('duplicated', Math.max(0, got.length - 1));
    r.count('duplicates taken', Math.max(0, taken - 1));
    if (got.length > all.length || taken > 1 + unseen)
        r.fault('duplicate without an explanation', { delivery: d.id,
            receipts: got.map((s) => [s.t, s.path, s.gave]),
            attempts: all.map((a) => [a.n, a.verdict, a.at_ms]) });
    return taken > 0;
}

function checkWebhook(w, item, d, r) {
    const isThere = checkReceipts(w, d, r);
    if (isThere && ARRIVED.includes(d.status)) {
        r.count('webhook ok');
    } else if (!ARRIVED.includes(d.status) && d.reason &&
        (d.table === 'ended' || d.table === 'dead')) {
        r.count(`ended ${d.status} ${d.reason}`);
        return isThere ? 'received' : 'ended';
    } else if (d.table === 'ended' || d.table === 'dead') {
        if (isAcknowledged(item))
            r.fault('lost', { name: item.name, delivery: d.id,
                status: d.status, reason: d.reason });
        return 'lost';
    }
    return isThere ? 'received' : 'open';
}

function checkInbox(w, item, n, d, r) {
    const all = w.inbox.get(n.id) ?? [];
    if (all.length !== 1) {
        r.fault(all.length ? 'in-app duplicate' : 'in-app missing',
            { name: item.name, items: all.map((i) => i.id) });
        return 'lost';
    }
    const [i] = all;
    const c = JSON.parse(i.content);
    if (i.user_id !== item.user || i.delivery !== d.id ||
        c.title !== item.name ||
        (c.body !== undefined && hashOf({ title: c.title, body: c.body,
            data: c.data }) !== item.hash))
        r.fault('mutated', { name: item.name, item: i });
    r.count('in-app ok');
    return 'received';
}

function checkDelivery(w, item, n, d, r) {
    checkAttempts(w, d, r);
    if (d.channel === 'webhook') return checkWebhook(w, item, d, r);
    return checkInbox(w, item, n, d, r);
}

function checkItem(w, item, r) {
    const all = w.byName.get(item.name) ?? [];
    r.count('attempts');
    if (isAcknowledged(item)) r.count('acknowledged');
    if (all.length > 1)
        r.fault('two for one key', { name: item.name,
            ids: all.map((n) => n.id) });
    if (all.length === 0) {
        if (isAcknowledged(item))
            r.fault('lost', { name: item.name, ids: [...item.ids] });
        return;
    }
    const [n] = all;
    if (isAcknowledged(item) && ![...item.ids].some((id) =>
        numberOf(id) === n.id))
        r.fault('two ids', { name: item.name, ids: [...item.ids], row: n.id });
    if (isRefused(item.call)) r.fault('refused, but there', item.name);
    const rows = w.byNotification.get(n.id) ?? [];
    const channels = rows.map((places) => places[0].channel).sort();
    if (channels.join() !== [...item.channels].sort().join())
        r.fault('delivery missing', { name: item.name, channels });
    const ends = rows.map(([d]) => checkDelivery(w, item, n, d, r));
    if (isAcknowledged(item) && ends.every((e) => e === 'received'))
        r.count('ok');
    const [first] = item.call.answers;
    if (ends.includes('received') && !(first?.status < 300 && !first.replay))
        r.count('recovered');
}

// ---- the other way round ----

function checkStrangers(w, r) {
    const known = new Set(w.dump.notification.map((n) => n.id));
    for (const s of w.sink) {
        const item = w.items.get(s.name);
        const id = numberOf(s.id);
        if (!item || !w.deliveries.has(id))
            r.fault('unexpected', s);
        else if (s.hash !== item.hash || !s.signed ||
            !known.has(numberOf(s.ntf)) ||
            w.deliveries.get(id)[0].notification !== numberOf(s.ntf))
            r.fault('mutated', s);
    }
    for (const [name, rows] of w.byName)
        if (!w.items.has(name)) r.fault('unexpected', { name, rows });
    for (const rows of w.deliveries.values())
        if (!known.has(rows[0].notification))
            r.fault('delivery without a notification', rows[0]);
    for (const i of w.dump.inbox_item)
        if (!known.has(i.notification)) r.fault('unexpected', i);
    for (const id of w.attempts.keys())
        if (!w.deliveries.has(id))
            r.fault('attempt without a delivery', { id });
}

function checkPlaces(w, r) {
    for (const [id, rows] of w.deliveries) {
        if (rows.length > 1)
            r.fault('in two places', { id, tables: rows.map((d) => d.table) });
        for (const d of rows)
            if (d.table === 'ready' || d.table === 'waiting')
                r.fault('left lying', { id, table: d.table, lane: d.lane,
                    due_ms: d.due_ms, attempts: d.attempts });
    }
    const live = new Set(w.dump.node.filter((n) => n.is_live)
        .map((n) => n.incarnation));
    for (const i of w.dump.intent) {
        const owner = w.dump.lane.find((l) => l.lane === i.lane)?.owner;
        r.fault('orphaned intent', { ...i, owner, lives: live.has(owner) });
    }
    // Who fell silent just now may not have been missed yet.
    const overdue = w.dump.node.filter((n) => n.is_live &&
        n.silent_ms > w.dump.missed_after_ms);
    if (overdue.length > 0)
        r.fault('dead nodes among the living', { live: overdue });
    for (const k of w.dump.idem)
        if (k.status < 0) r.fault('key claimed for ever', k);
}

// The counts that an inbox shows are those of its items; its revs are 1..n.
function checkSums(w, r) {
    const users = new Map();
    for (const i of w.dump.inbox_item)
        push(users, `${i.tenant}/${i.user_id}`, i);
    for (const u of w.dump.inbox_user) {
        const items = users.get(`${u.tenant}/${u.user_id}`) ?? [];
        const n = items.length;
        const revs = new Set(items.map((i) => Number(i.rev)));
        if (Number(u.unread) !== n || Number(u.unseen) !== n ||
            Number(u.rev) !== n || revs.size !== n)
            r.fault('counts of an inbox', { ...u, items: n,
                revs: revs.size });
        users.delete(`${u.tenant}/${u.user_id}`);
    }
    for (const [user, items] of users)
        r.fault('counts of an inbox', { user, items: items.length });
}

// {figures, faults: {kind: {n, examples}}, isGood}
export function check({ source, sink, dump }) {
    const r = new Report();
    for (const name of ['attempts', 'acknowledged', 'ok', 'recovered',
        'receipts', 'duplicated', 'duplicates taken']) r.count(name, 0);
    const w = understand(source, sink, dump);
    checkCalls(w, r);
    for (const item of w.items.values()) checkItem(w, item, r);
    checkStrangers(w, r);
    checkPlaces(w, r);
    checkSums(w, r);
    for (const kind of ['lost', 'unexpected', 'mutated'])
        r.figures[kind] = r.faults[kind]?.n ?? 0;
    return { figures: r.figures, faults: r.faults,
        isGood: Object.keys(r.faults).length === 0 };
}

export function checkFolder(dir) {
    return check({
        source: readLedger(path.join(dir, 'source.jsonl')),
        sink: readLedger(path.join(dir, 'sink.jsonl')),
        dump: JSON.parse(readFileSync(path.join(dir, 'dump.json'), 'utf8')),
    });
}

export function print({ figures, faults }, to = console.log) {
    to(Object.entries(figures).map(([k, v]) => `${k} ${v}`).join(', '));
    for (const [kind, { n, examples }] of Object.entries(faults)) {
        to(`FAULT ${kind}: ${n}`);
        for (const e of examples) to(`    ${JSON.stringify(e)}`);
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const report = checkFolder(process.argv[2]);
    print(report);
    process.exit(report.isGood ? 0 : 1);
}
