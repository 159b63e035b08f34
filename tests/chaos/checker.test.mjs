// The checker is tested first: each fault that it is there for, planted in the
// books of a small world that is otherwise in order, is found and named.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check } from './checker.mjs';
import { hashOf, numberOf } from './ledger.mjs';

// As src/base/id.c writes it, with a tag that nobody looks at.
function publicId(prefix, number) {
    const n = BigInt(number);
    const ms = (n >> 22n) + 1704067200000n;
    let v = ms << 80n | 8n << 76n | 2n << 62n | (n & (1n << 22n) - 1n) << 40n;
    let text = '';
    for (let i = 0; i < 26; i++, v >>= 5n)
        text = '0123456789abcdefghjkmnpqrstvwxyz'[Number(v & 31n)] + text;
    return `${prefix}_${text}`;
}

const DELIVERED = 4;
const DEAD = 7;

// Three notifications: a to a webhook, b to an inbox, c to both, in one batch
// with b; and d to a webhook, called twice, as a worker died.
function world() {
    const w = { source: [], sink: [], dump: { notification: [], ready: [],
        waiting: [], ended: [], dead: [], attempt: [], inbox_item: [],
        inbox_user: [], intent: [], lane: [], node: [], idem: [],
        missed_after_ms: 7000 } };
    const content = (name) => ({ title: name, body: `of ${name}`, data: null });
    let n = 1000n << 22n;
    const next = () => String(n += 7n);
    const begin = (call, items) => w.source.push({ begin: call,
        key: `key-${call}`, ws: 'default', items: items.map(
            ([name, channels]) => ({ name, channels, user: 'u1',
                hash: hashOf(content(name)) })) },
    { call, try: 1, api: 'http://x' });
    const answer = (call, ids) => w.source.push({ call, try: 1, status: 202,
        ids: ids.map((id) => publicId('ntf', id)) });
    const notify = (name) => {
        const id = next();
        w.dump.notification.push({ id, tenant: '1',
            doc: JSON.stringify({ title: name }) });
        return id;
    };
    const end = (notification, channel, attempts, verdict) => {
        const id = next();
        w.dump.ended.push({ id, notification, channel, attempts, verdict,
            status: DELIVERED, reason: 'delivered', at_ms: '1' });
        return id;
    };
    const receive = (name, notification, delivery) => w.sink.push({ t: 1,
        id: publicId('dlv', delivery), ntf: publicId('ntf', notification),
        path: '/in', name, signed: true, gave: '200',
        hash: hashOf(content(name)) });
    const put = (name, notification, rev) => w.dump.inbox_item.push({
        id: next(), tenant: '1', rev, notification, user_id: 'u1',
        delivery: end(notification, 'in_app', 0, null),
        content: JSON.stringify(content(name)) });

    begin(1, [['a', ['webhook']]]);
    const a = notify('a');
    answer(1, [a]);
    receive('a', a, end(a, 'webhook', 1, 'delivered'));

    begin(2, [['b', ['in_app']], ['c', ['webhook', 'in_app']]]);
    const b = notify('b');
    const c = notify('c');
    answer(2, [b, c]);
    put('b', b, '1');
    put('c', c, '2');
    receive('c', c, end(c, 'webhook', 1, 'delivered'));

    begin(3, [['d', ['webhook']]]);
    const d = notify('d');
    answer(3, [d]);
    const twice = end(d, 'webhook', 2, 'delivered');
    w.dump.attempt.push({ delivery: twice, n: 1, at_ms: '1',
        verdict: 'interrupted' });
    receive('d', d, twice);
    receive('d', d, twice);

    w.dump.inbox_user.push({ tenant: '1', user_id: 'u1', rev: '2',
        unseen: '2', unread: '2' });
    w.dump.node.push({ slot: 0, incarnation: '11', is_live: true, silent_ms: 90 },
        { slot: 1, incarnation: '12', is_live: true, silent_ms: 6900 },
        { slot: 2, incarnation: '13', is_live: false, silent_ms: 7100 });
    w.dump.lane.push({ lane: '5', owner: '11', token: '3' });
    return w;
}

const ended = (w, name, channel) => {
    const n = w.dump.notification.find((x) => JSON.parse(x.doc).title === name);
    return w.dump.ended.find((d) => d.notification === n.id &&
        d.channel === channel);
};
const drop = (list, what) => list.splice(list.indexOf(what), 1)[0];
const received = (w, name) => w.sink.find((s) => s.name === name);

// What is planted, and the one fault that it is.
const PLANTED = {
    'an acknowledged one that never arrived': ['lost', (w) =>
        drop(w.sink, received(w, 'a'))],
    'one that the sink only ever refused': ['lost', (w) => {
        received(w, 'a').gave = '500';
    }],
    'an acknowledged one without a row': ['lost', (w) => {
        drop(w.sink, received(w, 'a'));
        drop(w.dump.ended, ended(w, 'a', 'webhook'));
        drop(w.dump.notification, w.dump.notification[0]);
    }],
    'an end without a reason': ['lost', (w) =>
        Object.assign(ended(w, 'a', 'webhook'), { status: DEAD,
            reason: null })],
    'a receipt too many': ['duplicate without an explanation', (w) =>
        w.sink.push({ ...received(w, 'a') })],
    'one more than is explained': ['duplicate without an explanation', (w) =>
        w.sink.push({ ...received(w, 'd') })],
    'a second call that a retry does not explain': [
        'duplicate without an explanation', (w) => {
            w.dump.attempt[0].verdict = 'retry';
        }],
    'a body that was changed': ['mutated', (w) => {
        received(w, 'a').hash = hashOf({ title: 'a', body: 'of b' });
    }],
    'a signature that is wrong': ['mutated', (w) => {
        received(w, 'a').signed = false;
    }],
    "another's notification in a call": ['mutated', (w) => {
        received(w, 'a').ntf = received(w, 'c').ntf;
    }],
    'a receipt of what was never sent': ['unexpected', (w) =>
        w.sink.push({ ...received(w, 'a'), name: 'z' })],
    'a receipt of a delivery that nobody knows': ['unexpected', (w) =>
        w.sink.push({ ...received(w, 'a'), id: publicId('dlv', 4242n << 22n) })],
    'a notification that nobody sent': ['unexpected', (w) =>
        w.dump.notification.push({ id: '77', tenant: '1',
            doc: '{"title":"z"}' })],
    'an item twice in an inbox': ['in-app duplicate', (w) => {
        const i = w.dump.inbox_item[0];
        w.dump.inbox_item.push({ ...i, id: '78', rev: '3' });
        Object.assign(w.dump.inbox_user[0], { rev: '3', unseen: '3',
            unread: '3' });
    }],
    'an item that is missing': ['in-app missing', (w) => {
        w.dump.inbox_item.pop();
        Object.assign(w.dump.inbox_user[0], { rev: '1', unseen: '1',
            unread: '1' });
    }],
    'an item in the wrong inbox': ['mutated', (w) => {
        for (const i of w.dump.inbox_item) i.user_id = 'u2';
        w.dump.inbox_user[0].user_id = 'u2';
    }],
    'an inbox that counts wrong': ['counts of an inbox', (w) => {
        w.dump.inbox_user[0].unread = '3';
    }],
    'two items with one rev': ['counts of an inbox', (w) => {
        w.dump.inbox_item[1].rev = '1';
    }],
    'two notifications for one key': ['two for one key', (w) =>
        w.dump.notification.push({ ...w.dump.notification[0], id: '79' })],
    'two answers for one key': ['two ids', (w) =>
        w.source.push({ call: 1, try: 2, status: 202,
            ids: [publicId('ntf', 99n << 22n)] })],
    'a delivery in two tables': ['in two places', (w) =>
        w.dump.dead.push({ ...ended(w, 'a', 'webhook'), status: DEAD })],
    'a delivery that is in none': ['delivery missing', (w) =>
        drop(w.dump.ended, ended(w, 'c', 'in_app'))],
    'one that is ready still': ['left lying', (w) =>
        w.dump.ready.push({ ...drop(w.dump.ended, ended(w, 'a', 'webhook')),
            lane: '5', attempts: 0 })],
    'one that waits still': ['left lying', (w) =>
        w.dump.waiting.push({ ...drop(w.dump.ended, ended(w, 'a', 'webhook')),
            attempts: 0, status: 3, due_ms: '5' })],
    'a hole in the attempts': ['attempts with holes', (w) => {
        w.dump.attempt[0].n = 3;
    }],
    'an attempt that is not counted': ['attempts with holes', (w) => {
        ended(w, 'd', 'webhook').attempts = 3;
    }],
    'an attempt of nothing': ['attempt without a delivery', (w) =>
        w.dump.attempt.push({ delivery: '80', n: 1, verdict: 'retry' })],
    'a delivery of nothing': ['delivery without a notification', (w) =>
        w.dump.ended.push({ ...ended(w, 'a', 'webhook'), id: '81',
            notification: '82' })],
    'an intent of the dead': ['orphaned intent', (w) =>
        w.dump.intent.push({ lane: '6', batch: '1', ids: ['1'],
            attempts: [0] })],
    'an intent of the living': ['orphaned intent', (w) =>
        w.dump.intent.push({ lane: '5', batch: '1', ids: ['1'],
            attempts: [0] })],
    'one node too many': ['dead nodes among the living', (w) => {
        w.dump.node[2].is_live = true;
    }],
    'a key that is claimed and never answered': ['key claimed for ever', (w) =>
        w.dump.idem.push({ tenant: '1', key: 'key-1', status: -1 })],
    'a call without a decision': ['undecided', (w) => {
        w.source.find((l) => l.call === 1 && l.status).status = 503;
        delete w.source.find((l) => l.call === 1 && l.ids).ids;
    }],
    'a refusal': ['refused', (w) =>
        w.source.push({ begin: 9, key: 'k', ws: 'default', items: [
            { name: 'y', channels: ['webhook'], user: 'u1', hash: '' }] },
        { call: 9, try: 1, api: 'http://x' },
        { call: 9, try: 1, status: 422 })],
    'a refusal of what was done all the same': ['false refusal', (w) => {
        w.source.splice(2, 1, { call: 1, try: 1, status: 503, code: 'io' },
            { call: 1, try: 2, api: 'http://x' },
            { ...w.source[2], try: 2, replay: true });
    }],
    'an error inside': ['internal error', (w) =>
        w.source.splice(2, 0, { call: 1, try: 0, status: 500 })],
};

describe('the checker', () => {
    it('reads the number in a public id', () => {
        const n = String((123456789n << 22n) + 4242n);
        assert.equal(numberOf(publicId('ntf', n)), n);
        assert.equal(numberOf('ntf_il'), null);
    });

    it('finds nothing where all is well, and says what there is', () => {
        const { figures, faults, isGood } = check(world());
        assert.deepEqual(faults, {});
        assert.equal(isGood, true);
        assert.equal(figures.attempts, 4);
        assert.equal(figures.acknowledged, 4);
        assert.equal(figures.ok, 4);
        assert.equal(figures.lost, 0);
        assert.equal(figures.receipts, 4);
        assert.equal(figures.duplicated, 1);
        assert.equal(figures['duplicates taken'], 1);
    });

    it('lets a dead letter be that says why, and counts it', () => {
        const w = world();
        drop(w.sink, received(w, 'a'));
        const d = drop(w.dump.ended, ended(w, 'a', 'webhook'));
        w.dump.dead.push({ ...d, status: DEAD, reason: 'crash.loop' });
        w.dump.attempt.push({ delivery: d.id, n: 1, at_ms: '1',
            verdict: 'interrupted' });
        const { figures, isGood } = check(w);
        assert.equal(isGood, true);
        assert.equal(figures['ended dead crash.loop'], 1);
        assert.equal(figures.ok, 3);
    });

    it('lets a retry after a refusal be', () => {
        const w = world();
        w.dump.attempt[0].verdict = 'retry';
        received(w, 'd').gave = '500';
        assert.deepEqual(check(w).faults, {});
    });

    it('knows what came although the first answer did not', () => {
        const w = world();
        w.source.splice(2, 1, { call: 1, try: 1, error: 'ECONNRESET' },
            { call: 1, try: 2, api: 'http://x' },
            { ...w.source[2], try: 2, replay: true });
        const { figures, faults } = check(w);
        assert.deepEqual(faults, {});
        assert.equal(figures.recovered, 1);
    });

    for (const [what, [kind, plant]] of Object.entries(PLANTED))
        it(`finds ${what}`, () => {
            const w = world();
            plant(w);
            const { faults, isGood } = check(w);
            assert.equal(isGood, false);
            assert.ok(faults[kind], `${kind}, not ${Object.keys(faults)}`);
            assert.ok(faults[kind].examples.length > 0);
        });
});
