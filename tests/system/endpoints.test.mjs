// Belfry's own events, out to endpoints: what happened, once, signed so that
// npm standardwebhooks believes it, and whatever dies in between.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { start, started } from './lib/belfry.mjs';
import { query } from './lib/postgres.mjs';
import { pause, until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';

const ALL = ['delivery.*', 'inbox.*', 'endpoint.*', 'suppression.*'];
const NULLS = { channel: 'webhook', driver: 'null', config: {} };

// Of an endpoint's calls, what they told.
const told = (hook, path) => hook.calls(path).filter((c) => c.step === 200)
    .map((c) => ({ id: c.headers['webhook-id'], ...JSON.parse(c.body) }));

const types = (hook, path) => told(hook, path).map((e) => e.type);

const refusal = async (b, body) => {
    const a = await b.api('PUT', '/v1/endpoints/refused', body);
    assert.equal(a.status, 422, a.text);
    return a.body.errors;
};

describe('endpoints', { timeout: 180000 }, () => {
    let b, hook;

    before(async () => {
        hook = await receiver();
        b = await start();
        await b.put('/v1/providers/nowhere', NULLS);
    });
    after(async () => {
        await b?.stop();
        await hook?.close();
    });

    const listen = (key, events = ALL, more = {}) =>
        b.put(`/v1/endpoints/${key}`, { url: hook.url(`/${key}`), events,
            secret: hook.secret, ...more });

    it('hear of a delivery, signed', async () => {
        await listen('first');
        const id = await b.send({ to: 'ada', title: 'hello',
            body: 'the words of it', channels: ['webhook'],
            category: 'news', metadata: { order: 7 } });
        const call = await hook.called('/first');
        assert.ok(call.isVerified, call.fault);
        const n = await b.settled(id);
        const { type, timestamp, data } = call.json;
        assert.equal(type, 'delivery.delivered');
        assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60000);
        assert.deepEqual(data, { delivery_id: n.deliveries[0].id,
            notification_id: id, user: 'ada', channel: 'webhook',
            provider: 'nowhere', reason: 'delivered', attempts: 1,
            category: 'news', metadata: { order: 7 } });
        assert.match(call.headers['webhook-id'], /^evt_[0-9a-z]{26}$/);
        assert.ok(!call.body.includes('the words of it'));
    });

    it('hear of what is in the inbox, and of what a user does there', async () => {
        await listen('inbox', ['delivery.delivered', 'inbox.*']);
        const token = await b.token('ben');
        await b.send({ to: 'ben', title: 'hello' });
        await hook.called('/inbox');
        const { data: [item] } = await b.get('/v1/inbox', { key: token });
        for (const deed of ['seen', 'read', 'unread', 'archive', 'unarchive'])
            await b.post(`/v1/inbox/${item.id}/${deed}`, undefined,
                { key: token });
        await hook.called('/inbox', 6);
        assert.deepEqual(types(hook, '/inbox').sort(), ['delivery.delivered',
            'inbox.archived', 'inbox.read', 'inbox.seen', 'inbox.unarchived',
            'inbox.unread']);
        const { data } = told(hook, '/inbox')
            .find((e) => e.type === 'inbox.read');
        assert.equal(data.item_id, item.id);
        assert.equal(data.user, 'ben');
    });

    it('hear of what was pressed, and that it was read by it', async () => {
        await listen('pressed', ['inbox.*']);
        const token = await b.token('cleo');
        const id = await b.send({ to: 'cleo', title: 'hello',
            category: 'news', metadata: { order: 8 },
            actions: [{ id: 'ok', label: 'OK' }] });
        const { data: [item] } = await b.get('/v1/inbox', { key: token });
        for (let i = 0; i < 2; i++)
            await b.want(200, 'POST', `/v1/inbox/${item.id}/actions/ok`, {},
                { key: token });
        await hook.called('/pressed', 2);
        const all = told(hook, '/pressed');
        assert.deepEqual(all.map((e) => e.type).sort(),
            ['inbox.action', 'inbox.read']);
        const { data } = all.find((e) => e.type === 'inbox.action');
        const { delivery_id: delivery, ...rest } = data;
        assert.match(delivery, /^dlv_/);
        assert.deepEqual(rest, { notification_id: id, item_id: item.id,
            user: 'cleo', channel: 'in_app', action: 'ok', category: 'news',
            metadata: { order: 8 } });
    });

    it('hear of who is written to no more, and of who is again', async () => {
        await listen('list', ['suppression.*']);
        const path = '/v1/suppressions/Zoe%40example.org';
        await b.put(path, { channel: 'email' });
        await b.put(path, { channel: 'email', note: 'once more' });
        await b.want(204, 'DELETE', `${path}?channel=email`);
        await b.want(404, 'DELETE', `${path}?channel=email`);
        await hook.called('/list', 2);
        const all = told(hook, '/list')
            .sort((x, y) => x.type.localeCompare(y.type));
        assert.deepEqual(all.map((e) => [e.type, e.data]), [
            ['suppression.added', { channel: 'email',
                reason: 'suppress.manual', address: 'zoe@example.org' }],
            ['suppression.removed', { channel: 'email',
                address: 'zoe@example.org' }]]);
    });

    it('hear of what was not sent, and why', async () => {
        await listen('why', ['delivery.suppressed', 'delivery.cancelled']);
        await b.send({ to: 'eve', title: 'x', channels: ['email'] });
        await b.put('/v1/providers/still', { ...NULLS, channel: 'gotify' });
        await b.post('/v1/providers/still/pause');
        const later = await b.send({ to: 'eve', title: 'x',
            channels: ['gotify'] });
        await b.post(`/v1/notifications/${later}/cancel`);
        await hook.called('/why', 2);
        const all = told(hook, '/why');
        assert.deepEqual(all.map((e) => [e.type, e.data.reason]).sort(),
            [['delivery.cancelled', 'cancelled'],
                ['delivery.suppressed', 'provider.none']]);
        assert.ok(all.every((e) => e.data.user === 'eve'));
    });

    it('tell nothing of their own deliveries, and show them', async () => {
        const calls = hook.calls('/first').length;
        const list = await b.get(
            '/v1/deliveries?channel=endpoint&provider=first');
        assert.ok(list.data.length > 0);
        await b.settled(list.data.at(-1).notification_id);
        assert.equal(hook.calls('/first').length, calls);
        const all = await b.get('/v1/notifications?limit=100');
        assert.ok(!all.data.some((n) =>
            n.id === list.data[0].notification_id));
        const one = await b.get(`/v1/deliveries/${list.data[0].id}`);
        assert.equal(one.log[0].status, 200);
        assert.equal(one.status, 'delivered');
        const steps = await b.trace(one.notification_id);
        assert.ok(steps.some((s) => s.channel === 'endpoint'));
    });

    it('are tried again with the same id', async () => {
        await listen('again', ['delivery.delivered']);
        hook.script('/again', [500]);
        await b.send({ to: 'ada', title: 'x', channels: ['webhook'] });
        const [one, two] = [await hook.called('/again', 1),
            await hook.called('/again', 2, { timeout: 20000 })];
        assert.equal(one.headers['webhook-id'], two.headers['webhook-id']);
        assert.ok(two.isVerified);
    });

    it('are shown their secret once', async () => {
        const made = await b.want(201, 'PUT', '/v1/endpoints/secret',
            { url: hook.url('/secret'), events: ['delivery.sent'] });
        assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{32}$/);
        assert.equal((await b.get('/v1/endpoints/secret')).secret, '***');
        assert.equal((await listen('first')).secret, '***');
        const kept = await b.want(200, 'PUT', '/v1/endpoints/secret',
            { url: hook.url('/secret'), events: ['delivery.*'] });
        assert.equal(kept.secret, '***');
        await b.post('/v1/endpoints/secret/test', {});
        const call = hook.calls('/secret')[0];
        new Webhook(made.secret).verify(call.body, call.headers);
        assert.ok(!b.stderr.includes(made.secret.slice(6)));
        await b.want(204, 'DELETE', '/v1/endpoints/secret');
    });

    it('rotate it, and both sign for a day', async () => {
        await listen('rotated', ['delivery.delivered']);
        const { secret, old_secret_until } =
            await b.post('/v1/endpoints/rotated/rotate', {});
        assert.match(secret, /^whsec_/);
        assert.notEqual(secret, hook.secret);
        const hours = (Date.parse(old_secret_until) - Date.now()) / 3600000;
        assert.ok(hours > 23.9 && hours <= 24, `${hours} h`);
        assert.equal((await b.get('/v1/endpoints/rotated')).secret, '***');
        await b.send({ to: 'ada', title: 'x', channels: ['webhook'] });
        const call = await hook.called('/rotated');
        assert.ok(call.isVerified, 'by the old one');
        new Webhook(secret).verify(call.body, call.headers);
        assert.equal(call.headers['webhook-signature'].split(' ').length, 2);
        // who has lost the answer rotates once more, and all still sign
        const next = await b.post('/v1/endpoints/rotated/rotate', {});
        await b.post('/v1/endpoints/rotated/test', {});
        const last = hook.calls('/rotated').at(-1);
        assert.ok(last.isVerified, 'by the first one');
        for (const s of [secret, next.secret])
            new Webhook(s).verify(last.body, last.headers);
        const { data: [line] } = await b.get(
            '/v1/audit?kind=endpoint&key=rotated');
        assert.equal(line.action, 'rotate');
        await b.want(404, 'POST', '/v1/endpoints/nobody/rotate', {});
    });

    it('can be tested at once', async () => {
        await listen('tested', ['inbox.read']);
        const a = await b.post('/v1/endpoints/tested/test', {});
        assert.equal(a.verdict, 'delivered');
        const [call] = hook.calls('/tested');
        assert.equal(call.json.type, 'inbox.read');
        hook.script('/tested', [503]);
        const bad = await b.post('/v1/endpoints/tested/test',
            { type: 'delivery.dead' });
        assert.equal(bad.status, 503);
        await b.want(422, 'POST', '/v1/endpoints/tested/test',
            { type: 'nothing' });
    });

    it('are told again what is kept, once each time', async () => {
        await listen('replayed', ['delivery.delivered']);
        const from = new Date().toISOString();
        for (let i = 0; i < 3; i++)
            await b.send({ to: 'ada', title: `${i}`, channels: ['webhook'] });
        await hook.called('/replayed', 3);
        const to = new Date(Date.now() + 1000).toISOString();
        const a = await b.want(202, 'POST',
            '/v1/endpoints/replayed/replay', { from, to });
        assert.equal(a.events, 3);
        assert.equal(a.next, null);
        await hook.called('/replayed', 6);
        const ids = told(hook, '/replayed').map((e) => e.id).sort();
        for (let i = 0; i < 6; i += 2) assert.equal(ids[i], ids[i + 1]);
        assert.equal(new Set(ids).size, 3);
        assert.equal((await b.post('/v1/endpoints/replayed/replay',
            { from, to, events: ['delivery.dead'] })).events, 0);
        await b.want(422, 'POST', '/v1/endpoints/replayed/replay',
            { from: to, to: from });
    });

    // 100,001 events, of which nobody is told: a kind that it did not ask for.
    it('are told much in several requests', { skip:
        process.env.BELFRY_TEST_DATABASE !== 'postgres' }, async () => {
        const began = Date.now() - 3600000; // before all others
        await listen('much', ['inbox.read']);
        await query(b.databaseUrl, `INSERT INTO told (tenant, kind, at_ms,
            delivery, notification, item, attempts)
            SELECT x.num, 4, $1::int8 + n, 0, 0, 0, 0
            FROM generate_series(0, 100000) AS n CROSS JOIN (SELECT num
            FROM object WHERE kind = 1 AND key = 'default') AS x`, [began]);
        const at = (ms) => new Date(began + ms).toISOString();
        const range = { from: at(0), to: at(100001) };
        const first = await b.want(202, 'POST', '/v1/endpoints/much/replay',
            range);
        assert.deepEqual(first, { events: 0,
            next: at(99999) });
        assert.deepEqual(await b.post('/v1/endpoints/much/replay',
            { ...range, from: first.next }), { events: 0, next: null });
    });

    it('that answer 410 are disabled, and the others hear of it', async () => {
        await listen('watch', ['endpoint.disabled']);
        await listen('gone', ['delivery.delivered']);
        hook.script('/gone', [410]);
        await b.send({ to: 'ada', title: 'x', channels: ['webhook'] });
        const e = await until('it is disabled', async () => {
            const now = await b.get('/v1/endpoints/gone');
            return !now.enabled && now;
        });
        assert.equal(e.disabled_reason, 'endpoint.gone');
        assert.ok(Date.parse(e.disabled_at) > Date.now() - 60000);
        const call = await hook.called('/watch');
        assert.deepEqual(call.json.data,
            { reason: 'endpoint.gone', endpoint: 'gone' });
        const audit = await b.get('/v1/audit?kind=endpoint&key=gone');
        assert.equal(audit.data[0].action, 'disable');
        assert.equal(audit.data[0].actor, 'server');
        assert.match(b.stderr, /endpoint\.disabled.*endpoint=gone/);
        const back = await b.want(200, 'PATCH', '/v1/endpoints/gone',
            { enabled: true });
        assert.equal(back.disabled_at, undefined);
        await b.send({ to: 'ada', title: 'y', channels: ['webhook'] });
        await hook.called('/gone', 2);
        const { data: [dead] } = await b.get(
            '/v1/deliveries?channel=endpoint&provider=gone&status=failed');
        assert.equal(dead.reason, 'contact.gone');
        await b.post(`/v1/deliveries/${dead.id}/retry`, undefined);
        const last = await hook.called('/gone', 3);
        assert.equal(last.headers['webhook-id'],
            hook.calls('/gone')[0].headers['webhook-id']);
        await b.put('/v1/endpoints/gone', { url: hook.url('/gone'),
            events: ['delivery.delivered'], enabled: false });
        await b.want(409, 'POST', '/v1/endpoints/gone/replay',
            { from: '2026-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' });
    });

    it('are refused with what is wrong', async () => {
        const url = hook.url('/x');
        const [typo] = await refusal(b, { url, events: ['delivery.*', 'inbox.raed'] });
        assert.equal(typo.pointer, '/events/1');
        assert.match(typo.detail, /did you mean inbox\.read\?/);
        const [none] = await refusal(b, { url, events: [] });
        assert.equal(none.pointer, '/events');
        const [where] = await refusal(b,
            { url: 'http://10.0.0.1/', events: ['inbox.*'] });
        assert.equal(where.pointer, '/url');
        assert.match(where.detail, /BELFRY_EGRESS_ALLOW=/);
        const [secret] = await refusal(b,
            { url, events: ['inbox.*'], secret: 'whsec_!' });
        assert.equal(secret.pointer, '/secret');
    });

    it('are another workspace\'s own', async () => {
        await b.put('/v1/workspaces/other', {});
        const options = { workspace: 'other' };
        await b.put('/v1/providers/nowhere', NULLS, options);
        await b.put('/v1/endpoints/theirs', { url: hook.url('/theirs'),
            events: ALL, secret: hook.secret }, options);
        await b.want(404, 'GET', '/v1/endpoints/first', undefined, options);
        await b.send({ to: 'ada', title: 'x', channels: ['webhook'] }, options);
        const mine = hook.calls('/first').length;
        await hook.called('/theirs');
        assert.equal(hook.calls('/theirs').length, 1);
        assert.equal(hook.calls('/first').length, mine);
    });

    it('are applied and exported by the command', async () => {
        const out = await b.cli(['export', 'tree']);
        assert.equal(out.code, 0, out.stderr);
        const again = await b.cli(['apply', 'tree']);
        assert.equal(again.code, 0, again.stderr);
        const kept = await b.get('/v1/endpoints/first');
        assert.deepEqual(kept.events, ALL);
        await b.post('/v1/endpoints/first/test', {});
        assert.ok(hook.calls('/first').at(-1).isVerified, 'the same secret');
    });
});

describe('endpoints, whatever dies', { timeout: 180000 }, () => {
    it('miss nothing and hear nothing twice', async (t) => {
        const hook = await receiver();
        t.after(() => hook.close());
        const b = await started(t);
        await b.put('/v1/providers/nowhere', NULLS);
        await b.put('/v1/endpoints/all', { url: hook.url('/all'),
            events: ['delivery.delivered'], secret: hook.secret });
        const sent = [];
        for (let round = 0; round < 3; round++) {
            const bodies = Array.from({ length: 40 }, (_, i) => ({
                to: `u${i}`, title: 'x', channels: ['webhook', 'in_app'] }));
            const a = await b.want(200, 'POST', '/v1/notifications/batch',
                bodies);
            sent.push(...a.results.map((r) => r.id));
            await pause(30 * round);
            await b.kill9();
            await b.restart();
        }
        const deliveries = new Map();
        for (const id of sent) {
            const n = await b.settled(id, { timeout: 60000 });
            for (const d of n.deliveries)
                if (d.status === 'delivered') deliveries.set(d.id, n.id);
        }
        await until(() => `all are told: ${told(hook, '/all').length} of ` +
            `${deliveries.size}`, () => new Set(told(hook, '/all')
            .map((e) => e.data.delivery_id)).size === deliveries.size,
        { timeout: 60000 });
        // One event a delivery, whoever died; a call that was cut off is
        // repeated with the id that it had.
        const ids = new Map();
        for (const e of told(hook, '/all')) {
            assert.ok(deliveries.has(e.data.delivery_id));
            ids.set(e.data.delivery_id,
                (ids.get(e.data.delivery_id) ?? new Set()).add(e.id));
        }
        for (const [, of] of ids) assert.equal(of.size, 1);
        const list = [];
        for (let after = ''; after !== null;) {
            const page = await b.get('/v1/deliveries?channel=endpoint&' +
                `limit=100${after && `&after=${after}`}`);
            list.push(...page.data);
            after = page.next;
        }
        assert.equal(list.length, deliveries.size);
    });
});
