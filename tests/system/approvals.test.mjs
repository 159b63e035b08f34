// What is sent with `approval` waits until somebody decides: once, whoever asks
// and whoever dies meanwhile.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start, started } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { until } from './lib/until.mjs';

const route = (id, verb) => `/v1/notifications/${id}/${verb}`;
const hold = (b, more) => b.want(202, 'POST', '/v1/notifications',
    { to: ['ada', 'bob'], title: 't', approval: true, ...more });
const decide = (b, id, verb, body) => b.api('POST', route(id, verb), body);
const status = async (b, id) => (await b.get(`/v1/notifications/${id}`)).status;
const becomes = (b, id, wanted) => until(`${id} is ${wanted}`,
    async () => await status(b, id) === wanted, { timeout: 20000 });
const approvals = async (b, id, query = '') => (await b.get(
    `${route(id, 'trace')}${query}`)).steps
    .filter((s) => s.stage === 'approval');

describe('approval', { timeout: 120000 }, () => {
    let b;

    before(async () => {
        b = await start({ roles: 'all' });
        await b.put('/v1/users/eve', { roles: ['editor'] });
    });
    after(() => b?.stop());

    it('holds it until somebody approves', async () => {
        const a = await hold(b, { approval: { roles: ['editor'], note: 'n' } });
        assert.equal(a.status, 'held');
        const n = await b.get(`/v1/notifications/${a.id}`);
        assert.equal(n.status, 'held');
        assert.deepEqual([n.counts, n.deliveries], [{}, []]);
        assert.deepEqual([n.approval.roles, n.approval.note],
            [['editor'], 'n']);
        const week = Date.parse(n.created_at) + 7 * 24 * 3600 * 1000;
        assert.ok(Math.abs(Date.parse(n.approval.until) - week) < 5000);
        for (const body of [{}, { by: 'ada' }, undefined]) {
            const no = await decide(b, a.id, 'approve', body);
            assert.equal(no.status, 403, no.text);
            assert.match(no.body.detail, /editor/);
        }
        const yes = await decide(b, a.id, 'approve', { by: 'eve', note: 'go' });
        assert.equal(yes.status, 200, yes.text);
        assert.deepEqual({ ...yes.body, decided_at: undefined }, { id: a.id,
            status: 'queued', decision: 'approved', decided_at: undefined,
            by: 'eve', note: 'go' });
        assert.equal((await b.settled(a.id)).counts.delivered, 2);
        const steps = await approvals(b, a.id);
        assert.deepEqual(steps.map((s) => [s.verdict, s.reason]),
            [['hold', 'approval.pending'], ['approved', null]]);
        assert.deepEqual(steps[0].detail, n.approval);
        assert.deepEqual(steps[1].detail, { by: 'eve', note: 'go' });
        assert.equal(steps[1].at, yes.body.decided_at);
        assert.deepEqual(await approvals(b, a.id, '?user=ada'), steps);
    });

    it('ends it where somebody rejects', async () => {
        const { id } = await hold(b, { to: { all: true } });
        const no = await decide(b, id, 'reject', { note: 'not now' });
        assert.equal(no.body.status, 'cancelled');
        const n = await b.get(`/v1/notifications/${id}`);
        assert.deepEqual([n.status, n.counts, n.approval],
            ['cancelled', {}, null]);
        const again = await decide(b, id, 'reject', { note: 'not now' });
        assert.deepEqual(again.body, no.body);
        const other = await decide(b, id, 'approve', { by: 'eve' });
        assert.equal(other.status, 409);
        assert.match(other.body.detail, /^it was rejected at 20/);
        const [, rejected] = await approvals(b, id);
        assert.deepEqual([rejected.verdict, rejected.reason, rejected.detail],
            ['rejected', 'approval.rejected', { by: null, note: 'not now' }]);
    });

    it('expires within a second of its time', async () => {
        const before = Date.now();
        const { id } = await hold(b, { approval: { expires_in: '1s' } });
        await becomes(b, id, 'cancelled');
        assert.ok(Date.now() >= before + 1000);
        const n = await b.get(`/v1/notifications/${id}`);
        const [held, expired] = await approvals(b, id);
        const late = Date.parse(expired.at) - Date.parse(held.detail.until);
        assert.ok(late >= 0 && late < 1000, `${late} ms`);
        assert.deepEqual([expired.verdict, expired.reason, expired.detail],
            ['expired', 'expired.ttl', null]);
        assert.deepEqual([n.counts, n.deliveries], [{}, []]);
        const no = await decide(b, id, 'approve');
        assert.equal(no.status, 409);
        assert.match(no.body.detail, /^nobody decided in time/);
    });

    it('is listed while it waits, page by page', async () => {
        const ids = [];
        for (let i = 0; i < 3; i++) ids.unshift((await hold(b)).id);
        await b.send({ to: 'ada', title: 'not held' });
        const found = [];
        let after = '';
        do {
            const page = await b.get(
                `/v1/notifications?status=held&limit=2${after}`);
            found.push(...page.data);
            after = page.next ? `&after=${page.next}` : null;
        } while (after);
        assert.deepEqual(found.map((n) => n.id), ids);
        assert.ok(found.every((n) => n.status === 'held' && n.approval.until));
        assert.equal((await b.api('GET', '/v1/notifications?status=done'))
            .status, 422);
        for (const id of ids) await decide(b, id, 'reject');
        assert.deepEqual((await b.get('/v1/notifications?status=held')).data,
            []);
    });

    it('is for keys that may write, in their workspace', async () => {
        const { id } = await hold(b);
        const { key } = await b.post('/v1/keys',
            { name: 'sender', scopes: ['send', 'read'] });
        const no = await b.api('POST', route(id, 'approve'), {}, { key });
        assert.equal(no.status, 403);
        await b.put('/v1/workspaces/w2', { name: 'w2' });
        const other = await b.api('POST', route(id, 'approve'), {},
            { workspace: 'w2' });
        assert.equal(other.status, 404);
        for (const body of [{ by: 7 }, { by: 'a b' }, { who: 'eve' },
            { note: 'x'.repeat(1001) }])
            assert.equal((await decide(b, id, 'approve', body)).status, 422);
        assert.equal(await status(b, id), 'held');
        await b.want(200, 'POST', route(id, 'cancel'));
        const late = await decide(b, id, 'approve');
        assert.equal(late.status, 409);
        assert.equal(late.body.detail, 'it was cancelled');
    });

    it('is for the command line, too', async () => {
        const { id } = await hold(b, { approval: { roles: ['editor'] } });
        const no = await b.cli(['approve', id, '--by', 'ada']);
        assert.notEqual(no.code, 0);
        assert.match(no.stderr, /editor/);
        const yes = await b.cli(['approve', id, '--by', 'eve', '--note', 'go']);
        assert.equal(yes.code, 0, yes.stderr);
        assert.match(yes.stdout, /approved by eve: now queued/);
        const other = await hold(b);
        const third = await hold(b, { approval: { roles: ['editor', 'boss'],
            note: 'look at it' } });
        const list = (await b.cli(['ls', '--held', '--limit', '2'])).stdout
            .trim().split('\n');
        assert.match(list[0],
            /^NOTIFICATION +MADE +UNTIL +TEMPLATE +APPROVER +NOTE$/);
        assert.match(list[1], new RegExp(
            `^${third.id} .*editor,boss +look at it$`));
        assert.match(list[2], new RegExp(`^${other.id} `));
        assert.equal((await b.cli(['ls', '--held', '--json'])).stdout
            .includes(id), false, 'it is approved');
        assert.equal((await b.cli(['ls', '--held', '--dead'])).code, 2);
        const json = await b.cli(['reject', other.id, '--json']);
        assert.equal(JSON.parse(json.stdout).decision, 'rejected');
        assert.equal((await b.cli(['reject', 'dlv_1'])).code, 2);
        const words = await b.cli(['completion', 'bash']);
        assert.match(words.stdout, /\bapprove\b[^]*\breject\b/);
        assert.match((await b.cli(['help', 'reject'])).stdout, /--note/);
    });
});

describe('approval and kill -9', { timeout: 120000 }, () => {
    it('keeps what was decided, and lets each be repeated', async (t) => {
        const b = await started(t, { roles: 'all' });
        const ids = [];
        for (let i = 0; i < 30; i++)
            ids.push((await hold(b, { to: `u${i}` })).id);
        const verb = (i) => i % 3 ? 'approve' : 'reject';
        const first = ids.map((id, i) => decide(b, id, verb(i),
            { by: 'eve', note: 'first' }).catch(() => null));
        await Promise.any(first); // some are answered, some are not
        await b.kill9();
        const before = await Promise.all(first);
        await b.launch();
        for (const [i, id] of ids.entries()) {
            const again = await decide(b, id, verb(i),
                { by: 'eve', note: 'again' });
            assert.equal(again.status, 200, again.text);
            if (before[i]) assert.deepEqual(again.body, before[i].body);
            const other = await decide(b, id, i % 3 ? 'reject' : 'approve');
            assert.equal(other.status, 409);
        }
        for (const [i, id] of ids.entries()) {
            await becomes(b, id, i % 3 ? 'done' : 'cancelled');
            const inbox = await b.get(`/v1/users/u${i}/inbox`);
            assert.equal(inbox.data.length, i % 3 ? 1 : 0);
            assert.equal((await approvals(b, id)).length, 2);
        }
    });

    it('expires what nobody decided meanwhile', async (t) => {
        const b = await started(t, { roles: 'all' });
        const { id } = await hold(b, { approval: { expires_in: '1s' } });
        const { id: other } = await hold(b);
        await b.kill9();
        await b.launch();
        await becomes(b, id, 'cancelled');
        assert.equal(await status(b, other), 'held');
    });
});

describe('approval and an older schema', { timeout: 120000 }, () => {
    it('does not let go what nobody has approved', async (t) => {
        const b = await started(t, { roles: 'all' });
        const { id } = await hold(b);
        const sent = await b.send({ to: 'ada', title: 't' });
        b.child.kill('SIGTERM');
        await b.exit;
        const migrate = async (...words) => {
            const out = await b.cli(['migrate', ...words,
                '--db', b.databaseUrl],
            { env: { BELFRY_SECRET_KEY_FILE: b.keyFile } });
            assert.equal(out.code, 0, out.stderr);
            return out.stdout;
        };
        const { number } = (await migrate('status', '--json')).trim()
            .split('\n').map((line) => JSON.parse(line))
            .find((m) => m.name === 'approval');
        await migrate('down', '--to', String(number - 1), '--yes');
        await migrate('up');
        await b.launch();
        assert.equal(await status(b, id), 'cancelled');
        assert.equal(await status(b, sent), 'done');
    });
});

describe('approval by several processes', {
    timeout: 120000,
    skip: process.env.BELFRY_TEST_DATABASE !== 'postgres',
}, () => {
    it('is decided once, and planned by another one', async (t) => {
        const all = await nodes(t);
        const apis = [await all.start('api'), await all.start('api')];
        const worker = await all.start('worker');
        const held = [];
        for (let i = 0; i < 10; i++) held.push((await hold(apis[0])).id);
        const decisions = await Promise.all(held.map((id, i) =>
            Promise.all(Array.from({ length: 8 }, (_, k) => decide(
                apis[k % 2], id, (i + k) % 4 < 2 ? 'approve' : 'reject',
                { by: `u${k}` })))));
        for (const [i, id] of held.entries()) {
            const good = decisions[i].filter((a) => a.status === 200);
            assert.equal(good.length, 1);
            const { decision, by, decided_at: at } = good[0].body;
            for (const a of decisions[i])
                if (a.status !== 200) {
                    assert.equal(a.status, 409, a.text);
                    assert.equal(a.body.detail,
                        `it was ${decision} by ${by} at ${at}`);
                }
            await becomes(apis[i % 2], id,
                decision === 'approved' ? 'done' : 'cancelled');
            const n = await apis[i % 2].get(`/v1/notifications/${id}`);
            assert.equal(n.deliveries.length,
                decision === 'approved' ? 2 : 0);
            assert.equal((await approvals(apis[0], id)).length, 2);
        }
        // An approval that was answered holds, whoever dies then.
        const { id } = await hold(apis[0]);
        const yes = await decide(apis[0], id, 'approve', { by: 'u1' });
        assert.equal(yes.status, 200);
        await Promise.all([apis[0].kill9(), worker.kill9()]);
        await all.start('worker');
        await becomes(apis[1], id, 'done');
        assert.equal((await decide(apis[1], id, 'reject')).status, 409);
    });
});
