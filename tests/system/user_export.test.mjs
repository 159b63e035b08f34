// GET /v1/users/{id}/export: all that is kept about one person, and nobody else.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readFile } from 'node:fs/promises';
import { ROOT_KEY, start } from './lib/belfry.mjs';

const MANY = 11; // batches of a thousand
const TEXT = 'x'.repeat(3000);

describe('export of a person', { timeout: 300000 }, () => {
    let b;
    const lines = (text) => text.trim().split('\n').map(JSON.parse);
    const fetched = async (id, key = ROOT_KEY) => fetch(
        `${b.url}/v1/users/${id}/export`,
        { headers: { Authorization: `Bearer ${key}` } });
    const exported = async (id) => {
        const answer = await fetched(id);
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-type'),
            'application/x-ndjson');
        const rows = lines(await answer.text());
        const end = rows.pop();
        assert.deepEqual(end, { kind: 'end', data: { rows: rows.length } });
        return rows;
    };
    const of = (rows, kind) => rows.filter((r) => r.kind === kind)
        .map((r) => r.data);

    before(async () => {
        /* What is freed is to be free: the sanitizer would keep it. */
        b = await start({ roles: 'all', env: { ASAN_OPTIONS:
            'detect_leaks=1:exitcode=99:quarantine_size_mb=1' } });
        await b.put('/v1/users/ada', { email: 'ada@example.org',
            roles: ['editor'], timezone: 'Europe/Berlin' });
        await b.put('/v1/users/bob', { email: 'bob@example.org' });
        await b.put('/v1/users/ada/preferences', { channels: { sms: false } });
        await b.want(201, 'PUT', '/v1/users/ada/devices/phone',
            { kind: 'fcm', token: 'token-of-ada' });
        await b.want(200, 'POST', '/v1/topics/news/subscribers',
            { add: ['ada', 'bob'] });
    });
    after(() => b?.stop());

    it('has what is kept, and ends with a count', async () => {
        const sent = await b.want(202, 'POST', '/v1/notifications', { to: {
            users: ['ada', 'bob'], recipients: [{ id: 'eve',
                email: 'eve@example.org', data: { code: 'secret-of-eve' } }] },
            channels: ['in_app', 'email'], title: 'Hi', data: { n: 1 } });
        await b.settled(sent.id);
        const rows = await exported('ada');
        assert.equal(of(rows, 'user')[0].email, 'ada@example.org');
        assert.deepEqual(of(rows, 'preferences')[0].channels, { sms: false });
        assert.deepEqual(of(rows, 'device').map((d) => [d.name, d.kind,
            d.token]), [['phone', 'fcm', 'token-of-ada']]);
        assert.deepEqual(of(rows, 'topic'), [{ key: 'news' }]);
        assert.equal(of(rows, 'inbox_item')[0].title, 'Hi');
        const [n, ...more] = of(rows, 'notification');
        assert.deepEqual([n.id, n.title, n.data, more],
            [sent.id, 'Hi', { n: 1 }, []]);
        assert.deepEqual(of(rows, 'delivery').map((d) => [d.user, d.channel,
            d.status]).sort(), [['ada', 'email', 'suppressed'],
            ['ada', 'in_app', 'delivered']]);
        assert.doesNotMatch(JSON.stringify(rows), /bob|eve/);
        assert.match(JSON.stringify(of(await exported('eve'), 'notification')),
            /secret-of-eve/);
    });

    it('has what was read and archived, and when people read', async () => {
        const [item] = (await b.get('/v1/inbox?user=bob')).data;
        await b.want(200, 'POST', `/v1/inbox/${item.id}/read?user=bob`);
        await b.want(200, 'POST', `/v1/inbox/${item.id}/archive?user=bob`);
        const rows = await exported('bob');
        assert.ok(of(rows, 'inbox_item')[0].archived_at);
        assert.equal(Number(of(rows, 'best_time')[0].reads), 1);
    });

    it('has which actions were pressed, page after page', async () => {
        const actions = Array.from({ length: 16 }, (_, i) => (
            { id: `a${i}`, label: 'A' }));
        for (let n = 0; n < 7; n++)
            await b.send({ to: 'pat', title: 'Which?', actions });
        await b.send({ to: 'bob', title: 'Which?', actions });
        const items = (await b.get('/v1/inbox?user=pat')).data;
        for (const { id } of items)
            await Promise.all(actions.map((a) => b.want(200, 'POST',
                `/v1/inbox/${id}/actions/${a.id}?user=pat`, {})));
        const [bobs] = (await b.get('/v1/inbox?user=bob')).data;
        await b.want(200, 'POST',
            `/v1/inbox/${bobs.id}/actions/a0?user=bob`, {});
        const presses = of(await exported('pat'), 'press');
        assert.equal(presses.length, 7 * 16);
        assert.deepEqual(presses.map((p) => `${p.notification_id} ${p.action}`)
            .sort(), items.flatMap((i) => actions.map((a) =>
            `${i.notification_id} ${a.id}`)).sort());
        const [{ status, http_status: code, reason, times, pressed_at: at }] =
            presses;
        assert.deepEqual([status, code, reason, times],
            ['done', null, null, 1]);
        assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60000);
    });

    it('has what a workflow and a window hold', async () => {
        await b.put('/v1/workflows/flow', { steps: [{ id: 'a', type: 'send',
            channels: ['in_app'], title: 'Flow' }] });
        await b.send({ to: 'cid', workflow: 'flow' });
        await b.send({ to: 'cid', title: 'Later',
            digest: { key: 'k', window: '1h' } });
        const rows = await exported('cid');
        assert.deepEqual(of(rows, 'user'), []);
        assert.deepEqual(of(rows, 'digest').map((d) => [d.key, d.members]),
            [['k', 1]]);
    });

    it('has what was posted of them, and their parts in experiments',
        async () => {
            await b.put('/v1/experiments/tone', { goal: 'bought',
                variants: [{ key: 'a', weight: 1 }, { key: 'b', weight: 0 }] });
            await b.put('/v1/experiments/other', { variants: [{ key: 'a' }] });
            await b.settled(await b.send({ to: ['dan', 'bob'], title: 'Try',
                experiment: 'tone' }));
            for (let n = 0; n < 250; n++)
                await b.want(202, 'POST', '/v1/events',
                    { name: n % 2 ? 'bought' : 'seen', user: 'dan',
                        data: { n } });
            await b.want(202, 'POST', '/v1/events',
                { name: 'bought', user: 'bob', data: { of: 'bob' } });
            const rows = await exported('dan');
            const [part, ...more] = of(rows, 'experiment');
            assert.deepEqual([part.key, part.variant, more.length],
                ['tone', 'a', 0]);
            assert.ok(part.at && part.delivered_at && part.goal_at);
            assert.equal(part.read_at, null);
            assert.deepEqual(of(rows, 'event').map((e) => e.data.n)
                .sort((x, y) => x - y), Array.from({ length: 250 },
                (_, n) => n));
            assert.equal(of(rows, 'event')[0].name, 'bought');
        });

    it('is empty of somebody of whom nothing is kept', async () => {
        assert.deepEqual(await exported('nobody'), []);
    });

    it('is for administrators, and stands in the books', async () => {
        const key = await b.want(201, 'POST', '/v1/keys',
            { name: 'r', scopes: ['read', 'write', 'send'] });
        assert.equal((await fetched('ada', key.key)).status, 403);
        const { data } = await b.get('/v1/audit?action=export&key=ada');
        assert.deepEqual([data[0].kind, data[0].actor], ['user', 'root']);
    });

    it('is what belfry user export writes', async () => {
        const out = await b.cli(['user', 'export', 'ada']);
        assert.equal(out.code, 0, out.stderr);
        const rows = lines(out.stdout);
        assert.equal(rows.pop().kind, 'end');
        assert.deepEqual(rows, await exported('ada'));
        assert.equal((await b.cli(['user', 'export', 'not a key'])).code, 1);
    });

    it('takes no more memory for many rows', async () => {
        const peak = async () => Number(/VmHWM:\s+(\d+)/.exec(await readFile(
            `/proc/${b.child.pid}/status`, 'utf8'))[1]);
        for (let i = 0; i < MANY; i++)
            await b.want(200, 'POST', '/v1/notifications/batch',
                Array.from({ length: 1000 }, () => (
                    { to: 'max', title: 'm', body: TEXT })));
        const before = await peak();
        const answer = await fetched('max');
        const counts = {};
        let bytes = 0, rest = '';
        const decoder = new TextDecoder();
        for await (const part of answer.body) {
            bytes += part.length;
            const all = (rest + decoder.decode(part, { stream: true }))
                .split('\n');
            rest = all.pop();
            for (const line of all) {
                const { kind } = JSON.parse(line);
                counts[kind] = (counts[kind] ?? 0) + 1;
            }
        }
        assert.deepEqual(counts, { inbox_item: MANY * 1000,
            notification: MANY * 1000, delivery: MANY * 1000, end: 1 });
        const grown = await peak() - before;
        assert.ok(bytes > 60e6, `${bytes} bytes`);
        assert.ok(grown < 24 * 1024, `${grown} KiB more for ${bytes} bytes`);
    });
});
