// Digests: what a window collected goes out once and whole, whatever dies.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { pause, until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

const body = (user, more) => ({ to: user, title: 't', channels: ['in_app'],
    digest: { window: '1s' }, ...more });

const put = (b, user, more) =>
    b.want(202, 'POST', '/v1/notifications', body(user, more));

const inbox = (b, user) => b.get(`/v1/inbox?user=${user}`);

const windowsOf = async (b, user) => (await b.get('/v1/digests?limit=100'))
    .data.filter((d) => d.user === user);

const settled = (b, id) => b.settled(id, { timeout: 60000 });

const merged = async (b, id) => {
    const n = await settled(b, id);
    assert.deepEqual(n.counts, { merged: n.deliveries.length });
    return n.deliveries;
};

const userSet = (prefix, n) =>
    Array.from({ length: n }, (_, i) => `${prefix}${i}`);

// Each user sent `each` members: one digest, with all of them.
async function assertWhole(b, users, sent, each) {
    const digests = new Set();
    for (const id of sent)
        for (const d of await merged(b, id)) digests.add(d.into);
    assert.equal(digests.size, users.length);
    for (const user of users) {
        const { data } = await inbox(b, user);
        assert.equal(data.length, 1, `the inbox of ${user}`);
        assert.equal(data[0].data.count, each);
        assert.equal(data[0].data.items.length, each);
    }
}

describe('digest', { timeout: 240000 }, () => {
    let belfry, hook;

    before(async () => {
        hook = await receiver();
        belfry = await start({ roles: 'all' });
        await belfry.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook',
            config: { url: hook.url('/in'), secret: hook.secret } });
    });
    after(async () => {
        await belfry?.stop();
        await hook?.close();
    });

    it('is one message on each channel, within a second', async () => {
        const channels = ['in_app', 'webhook'];
        const a = await put(belfry, 'ada', { channels, title: 'one',
            data: { n: 1 } });
        const b = await put(belfry, 'ada', { channels, title: 'two',
            data: { n: 2 } });
        const open = await windowsOf(belfry, 'ada');
        assert.deepEqual(open.map((d) => [d.channel, d.count]).sort(),
            [['in_app', 2], ['webhook', 2]]);
        assert.match(open[0].id, /^dig_/);
        const held = await belfry.get(`/v1/notifications/${a.id}`);
        assert.equal(held.status, 'held');
        assert.deepEqual(held.deliveries.map((d) => d.reason),
            ['digest.waiting', 'digest.waiting']);
        assert.deepEqual((await inbox(belfry, 'ada')).data, []);

        const closes = Math.min(...open.map((d) => Date.parse(d.closes_at)));
        const parts = await merged(belfry, b.id);
        await until('the hook is called', () => hook.all.length > 0);
        const call = hook.all[0];
        assert.equal(hook.all.length, 1);
        assert.ok(call.at >= closes - 50 && call.at < closes + 1500);
        assert.equal(call.json.delivery_id,
            parts.find((d) => d.channel === 'webhook').into);
        assert.equal(call.json.title, 'two');
        assert.equal(call.json.body, '• one\n• two');
        assert.deepEqual(call.json.data,
            { n: 2, items: [{ n: 1 }, { n: 2 }], count: 2 });
        const { data } = await inbox(belfry, 'ada');
        assert.deepEqual(data.map((i) => i.data.count), [2]);

        const steps = await belfry.trace(a.id);
        assert.deepEqual(
            steps.filter((s) => s.channel === 'in_app')
                .map((s) => [s.stage, s.verdict, s.reason, s.detail]),
            [['decide', 'hold', 'digest.waiting', null],
                ['end', 'merged', 'digest.merged_into', { into:
                    parts.find((d) => d.channel === 'in_app').into }]]);
        const whole = (await belfry.trace(data[0].notification_id))
            .find((s) => s.stage === 'digest');
        assert.equal(whole.verdict, 'merge');
        assert.equal(whole.detail.count, 2);
    });

    it('is itself when it is alone', async () => {
        const a = await put(belfry, 'bob', { title: 'alone' });
        const n = await settled(belfry, a.id);
        assert.deepEqual(n.counts, { delivered: 1 });
        const { data } = await inbox(belfry, 'bob');
        assert.deepEqual(data.map((i) => [i.notification_id, i.title]),
            [[a.id, 'alone']]);
    });

    it('counts fifty that come at once', async () => {
        const all = await Promise.all(Array.from({ length: 50 }, (_, i) =>
            put(belfry, 'cid', { data: { i },
                digest: { window: '3s', key: 'k' } })));
        assert.deepEqual((await windowsOf(belfry, 'cid'))
            .map((d) => [d.key, d.count]), [['k', 50]]);
        await assertWhole(belfry, ['cid'], all.map((a) => a.id), 50);
        const { data } = await inbox(belfry, 'cid');
        assert.deepEqual(data[0].data.items.map((d) => d.i)
            .sort((x, y) => x - y), Array.from({ length: 50 }, (_, i) => i));
    });

    it('goes by the key, else the category, else the template', async () => {
        await belfry.put('/v1/templates/tpl', { content: { default: {
            title: '{{count}} of {{n}}',
            body: '{{#items}}{{n}};{{/items}}' } } });
        await belfry.post('/v1/templates/tpl/publish', {});
        const t = { title: undefined, template: 'tpl' };
        await put(belfry, 'dan', { ...t, data: { n: 1 } });
        const a = await put(belfry, 'dan', { ...t, data: { n: 2 } });
        await put(belfry, 'dan', { category: 'news' });
        await put(belfry, 'dan', {});
        assert.deepEqual((await windowsOf(belfry, 'dan'))
            .map((d) => [d.key, d.count]).sort(),
        [['', 1], ['news', 1], ['tpl', 2]]);
        await merged(belfry, a.id);
        const item = (await inbox(belfry, 'dan')).data
            .find((i) => i.data.count === 2);
        assert.deepEqual([item.title, item.body], ['2 of 2', '1;2;']);
    });

    it('lets the first of a leading window out at once', async () => {
        const digest = { window: '1s', leading: true };
        const a = await put(belfry, 'eve', { digest });
        const b = await put(belfry, 'eve', { digest });
        const c = await put(belfry, 'eve', { digest });
        assert.equal((await inbox(belfry, 'eve')).data.length, 1);
        assert.deepEqual((await settled(belfry, a.id)).counts,
            { delivered: 1 });
        await merged(belfry, b.id);
        await merged(belfry, c.id);
        assert.deepEqual((await inbox(belfry, 'eve')).data
            .map((i) => i.data.count), [2, undefined]);
    });

    it('moves its end while members come, up to a maximum', async () => {
        const digest = { window: '1s', mode: 'sliding', max_window: '2s' };
        const began = Date.now();
        const ids = [];
        while (Date.now() < began + 1700) {
            ids.push((await put(belfry, 'fay', { digest })).id);
            await pause(300);
        }
        const [open] = await windowsOf(belfry, 'fay');
        assert.equal(open.count, ids.length);
        assert.equal(Date.parse(open.closes_at) - Date.parse(open.opened_at),
            2000);
        await assertWhole(belfry, ['fay'], ids, ids.length);
    });

    it('ends with the full hour of the user', async () => {
        await belfry.put('/v1/users/gil', { timezone: 'Asia/Kathmandu' });
        await put(belfry, 'gil', { digest: { window: '1h',
            mode: 'calendar' } });
        const [open] = await windowsOf(belfry, 'gil');
        const at = new Date(open.closes_at);
        assert.deepEqual([at.getUTCMinutes(), at.getUTCSeconds(),
            at.getUTCMilliseconds()], [15, 0, 0]);
        assert.ok(at > Date.now() && at <= Date.now() + 3600000);
    });

    it('can be closed by hand', async () => {
        const digest = { window: '24h' };
        const a = await put(belfry, 'hal', { digest });
        await put(belfry, 'hal', { digest });
        const [open] = await windowsOf(belfry, 'hal');
        const told = await belfry.want(202, 'POST',
            `/v1/digests/${open.id}/flush`);
        assert.equal(told.count, 2);
        await merged(belfry, a.id);
        await belfry.want(404, 'POST', `/v1/digests/${open.id}/flush`);
        assert.deepEqual(await windowsOf(belfry, 'hal'), []);
    });

    it('leaves out what was cancelled, and ends without any', async () => {
        const digest = { window: '24h' };
        const a = await put(belfry, 'ina', { digest });
        const b = await put(belfry, 'ina', { digest });
        const stop = (id) => belfry.want(200, 'POST',
            `/v1/notifications/${id}/cancel`);
        assert.equal((await stop(a.id)).stopped, 1);
        assert.deepEqual((await windowsOf(belfry, 'ina'))
            .map((d) => d.count), [1]);
        await stop(b.id);
        assert.deepEqual(await windowsOf(belfry, 'ina'), []);
        assert.deepEqual((await inbox(belfry, 'ina')).data, []);
    });

    it('does not reach who has muted it meanwhile', async () => {
        const a = await put(belfry, 'joe', { category: 'news' });
        await put(belfry, 'joe', { category: 'news' });
        await belfry.put('/v1/users/joe/preferences',
            { categories: { news: { enabled: false } } });
        const n = await settled(belfry, a.id);
        assert.deepEqual(n.counts, { suppressed: 1 });
        assert.equal(n.deliveries[0].reason, 'pref.category_off');
        assert.deepEqual((await inbox(belfry, 'joe')).data, []);
    });

    it('does not hold what is critical', async () => {
        await belfry.put('/v1/categories/alarm', { critical: true });
        await put(belfry, 'kim', { priority: 'critical' });
        await put(belfry, 'kim', { category: 'alarm' });
        assert.equal((await inbox(belfry, 'kim')).data.length, 2);
        assert.deepEqual(await windowsOf(belfry, 'kim'), []);
    });

    it('is told of in a dry run', async () => {
        const a = await belfry.want(200, 'POST', '/v1/notifications',
            body('lea', { dry_run: true }));
        assert.deepEqual(a.plan.map((d) => [d.verdict, d.reason]),
            [['hold', 'digest.waiting']]);
        assert.deepEqual(await windowsOf(belfry, 'lea'), []);
    });

    const prefer = (user, doc) =>
        belfry.put(`/v1/users/${user}/preferences`, doc);

    it('is as long as a user wants it of a category', async () => {
        await prefer('nat', { digest: { offers: '1h' } });
        const a = await put(belfry, 'nat', { category: 'offers',
            digest: undefined, data: { n: 1 } });
        await put(belfry, 'nat', { category: 'offers', data: { n: 2 },
            digest: { window: '1s', key: 'mine' } });
        await put(belfry, 'nat', { category: 'news', digest: undefined });
        assert.equal((await inbox(belfry, 'nat')).data.length, 1);
        const open = await windowsOf(belfry, 'nat');
        assert.deepEqual(open.map((d) => [d.key, d.mode, d.count]),
            [['offers', 'fixed', 2]]);
        assert.equal(Date.parse(open[0].closes_at) -
            Date.parse(open[0].opened_at), 3600000);
        await belfry.want(202, 'POST', `/v1/digests/${open[0].id}/flush`);
        await merged(belfry, a.id);
        assert.deepEqual((await inbox(belfry, 'nat')).data[0].data,
            { n: 2, items: [{ n: 1 }, { n: 2 }], count: 2 });
    });

    it('of a category is the user\'s own to choose', async () => {
        const key = await belfry.token('pam');
        const own = await belfry.want(200, 'PATCH', '/v1/inbox/preferences',
            { digest: { offers: '24h', news: '1h' } }, { key });
        assert.deepEqual(own.digest, { offers: '24h', news: '1h' });
        const less = await belfry.want(200, 'PATCH', '/v1/inbox/preferences',
            { digest: { news: null } }, { key });
        assert.deepEqual(less.digest, { offers: '24h' });
        for (const [pointer, digest] of [['/digest/news', { news: '999ms' }],
            ['/digest/news', { news: '32d' }], ['/digest/news', { news: 7 }],
            ['/digest', '1h']]) {
            const a = await belfry.want(422, 'PUT',
                '/v1/users/pam/preferences', { digest });
            assert.equal(a.errors[0].pointer, pointer);
        }
    });

    it('gathers what quiet hours hold up until they end', async () => {
        const hhmm = (ms) => new Date(ms).toISOString().slice(11, 16);
        const end = Math.ceil(Date.now() / 60000) * 60000 + 3600000;
        const quiet_hours = { start: hhmm(Date.now() - 3600000),
            end: hhmm(end), timezone: 'Etc/UTC' };
        await belfry.put('/v1/categories/night', { quiet_hours: 'digest',
            channels: ['in_app', 'webhook'] });
        await prefer('quin', { quiet_hours });
        const send = (n) => put(belfry, 'quin', { category: 'night',
            channels: undefined, digest: undefined, title: `q${n}` });
        const a = await send(1);
        await send(2);
        assert.equal((await inbox(belfry, 'quin')).data.length, 2);
        const [open] = await windowsOf(belfry, 'quin');
        assert.deepEqual([open.channel, open.count, open.closes_at],
            ['webhook', 2, new Date(end).toISOString()]);
        await prefer('quin', {}); // they end now
        await belfry.want(202, 'POST', `/v1/digests/${open.id}/flush`);
        const n = await settled(belfry, a.id);
        const { into } = n.deliveries.find((d) => d.channel === 'webhook');
        const call = await until('the hook is called', () =>
            hook.all.find((c) => c.json.delivery_id === into));
        assert.equal(call.json.body, '• q1\n• q2');
        assert.equal(call.json.data.count, 2);
    });

    it('that ends in quiet hours waits until they are over', async () => {
        const hhmm = (ms) => new Date(ms).toISOString().slice(11, 16);
        const a = await put(belfry, 'rob', { channels: ['webhook'],
            digest: { window: '24h' } });
        const [open] = await windowsOf(belfry, 'rob');
        await prefer('rob', { quiet_hours: { start: hhmm(Date.now() - 3600000),
            end: hhmm(Date.now() + 3600000), timezone: 'Etc/UTC' } });
        await belfry.want(202, 'POST', `/v1/digests/${open.id}/flush`);
        const d = await until('it is out of its window', async () => {
            const one = await belfry.delivery(a.id, 'webhook');
            return one.reason !== 'digest.waiting' && one;
        });
        assert.deepEqual([d.status, d.reason],
            ['held', 'quiet.deferred_until']);
    });

    it('is listed in pages', async () => {
        for (let i = 0; i < 5; i++)
            await put(belfry, `m${i}`, { digest: { window: '1h' } });
        const seen = [];
        let next = '';
        do {
            const page = await belfry.get(
                `/v1/digests?limit=2${next && `&after=${next}`}`);
            assert.ok(page.data.length <= 2);
            seen.push(...page.data.map((d) => d.id));
            next = page.next;
        } while (next);
        assert.equal(new Set(seen).size, seen.length);
        assert.equal((await belfry.get('/v1/digests?limit=100')).data.length,
            seen.length);
    });
});

describe('a digest outlives', { timeout: 240000 }, () => {
    it('a kill while its window is open', async (t) => {
        const b = await start({ roles: 'all' });
        t.after(() => b.stop());
        const digest = { window: '4s' };
        const sent = [(await put(b, 'ann', { digest })).id];
        await b.kill9();
        await b.launch();
        sent.push((await put(b, 'ann', { digest })).id);
        assert.deepEqual((await windowsOf(b, 'ann')).map((d) => d.count), [2]);
        await assertWhole(b, ['ann'], sent, 2);
    });

    it('kills while many windows end', async (t) => {
        const USERS = 300, EACH = 3;
        const b = await start({ roles: 'all' });
        t.after(() => b.stop());
        const users = userSet('u', USERS);
        const sent = [];
        for (let i = 0; i < EACH; i++)
            sent.push((await put(b, users,
                { digest: { window: '6s' } })).id);
        const ended = async () => (await b.get(
            `/v1/notifications/${sent[0]}`)).counts.merged ?? 0;
        for (const part of [0.05, 0.3, 0.6]) {
            const n = await until('some have ended', async () => {
                const done = await ended();
                return done > part * USERS && done;
            }, { every: 2, timeout: 60000 });
            t.diagnostic(`killed after ${n} of ${USERS}`);
            await b.kill9();
            await b.launch();
        }
        for (const id of sent)
            assert.deepEqual((await settled(b, id)).counts,
                { merged: USERS });
        for (const user of users) {
            const { data } = await inbox(b, user);
            assert.deepEqual(data.map((i) => i.data.count), [EACH]);
        }
    });
});

describe('two processes', { timeout: 240000 }, () => {
    it('fill the same windows and end each once', async (t) => {
        const USERS = 60, EACH = 4;
        const all = await nodes(t);
        const two = [await all.start('all'), await all.start('all')];
        const users = userSet('u', USERS);
        const digest = { window: '3s' };
        const sent = await Promise.all(
            Array.from({ length: EACH }, (_, i) =>
                users.map((u) => put(two[i % 2], u, { digest }))).flat());
        await assertWhole(two[0], users, sent.map((a) => a.id), EACH);
    });

    it('take over what one had in hand', async (t) => {
        const USERS = 100;
        const all = await nodes(t);
        const two = [await all.start('all'), await all.start('all')];
        const users = userSet('u', USERS);
        const digest = { window: '3s' };
        const sent = [];
        for (let i = 0; i < 2; i++)
            sent.push((await put(two[i], users, { digest })).id);
        await until('some have ended', async () => (await two[0].get(
            `/v1/notifications/${sent[0]}`)).counts.merged > 5, { every: 2 });
        await two[1].kill9();
        for (const id of sent)
            assert.deepEqual((await settled(two[0], id)).counts,
                { merged: USERS });
        for (const user of users)
            assert.deepEqual((await inbox(two[0], user)).data
                .map((i) => i.data.count), [2]);
    });
});
