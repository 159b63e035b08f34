// Actions of inbox items: pressed in the inbox or in a chat, they call their
// endpoint once, signed, and say what came of it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { start } from './lib/belfry.mjs';
import { fake } from './lib/fake.mjs';
import { Source } from './lib/sse.mjs';
import { until } from './lib/until.mjs';
import { receiver } from './lib/webhook.mjs';
import telegram from './fakes/telegram.mjs';

const MINUTE = { timeout: 60000 };

describe('an action', { timeout: 180000 }, () => {
    let belfry, shop, serial = 0;

    before(async () => {
        belfry = await start();
        shop = await receiver();
        shop.secret = (await belfry.want(200, 'POST',
            '/v1/inbox/actions/secret', {})).secret;
        assert.match(shop.secret, /^whsec_[\w+/]{43}=$/);
    });
    after(async () => {
        await belfry?.stop();
        await shop?.close();
    });

    // A user of its own, with one item that has these actions.
    async function item(actions, more = {}) {
        const id = `a-${++serial}`;
        const ntf = await belfry.send({ to: id, title: 'Order 7',
            channels: ['in_app'], actions, ...more });
        const key = await belfry.token(id);
        const [one] = (await belfry.get('/v1/inbox', { key })).data;
        return { id, key, ntf, item: one,
            read: async () => (await belfry.get('/v1/inbox', { key })).data[0],
            press: (action, options = {}) => belfry.api('POST',
                `/v1/inbox/${one.id}/actions/${action}`, undefined,
                { key, ...options }) };
    }

    const approve = (path, more = {}) => ({ id: 'approve', label: 'Approve',
        api_endpoint: shop.url(path), method: 'POST', data: { order: 7.50 },
        ...more });

    it('calls its endpoint, signed, and says what it answered', async () => {
        const u = await item([approve('/one')]);
        shop.script('/one', [202]);
        const a = await u.press('approve');
        assert.equal(a.status, 200, a.text);
        assert.equal(a.body.status, 'done');
        assert.equal(a.body.http_status, 202);
        assert.equal(a.body.action, 'approve');
        assert.equal(a.body.url, null);
        assert.equal(a.body.reason, null);
        const [call] = shop.calls('/one');
        assert.ok(call.isVerified, call.fault);
        assert.equal(call.method, 'POST');
        assert.match(call.headers['webhook-id'], /^prs_[0-9a-z]{26}$/);
        assert.match(call.body, /"data":\{"order":7.50?\}/);
        const { pressed_at: at, delivery_id: delivery, ...rest } = call.json;
        assert.equal(at, a.body.pressed_at);
        assert.match(delivery, /^dlv_/);
        assert.deepEqual(rest, { action: 'approve', user: u.id,
            item_id: u.item.id, notification_id: u.ntf, channel: 'in_app',
            data: { order: 7.5 } });
    });

    it('reads its item, and tells the stream and the trace', async () => {
        const u = await item([approve('/read')]);
        const source = new Source(`${belfry.url}/v1/inbox/stream`, u.key);
        try {
            await source.next('hello');
            await u.press('approve');
            const state = await source.next('item.state');
            assert.deepEqual(state.data.ids ?? [state.data.id], [u.item.id]);
        } finally {
            source.close();
        }
        assert.ok((await u.read()).read_at);
        const { counts } = await belfry.get('/v1/inbox', { key: u.key });
        assert.equal(counts.unread, 0);
        const { steps } = await belfry.get(
            `/v1/notifications/${u.ntf}/trace`);
        assert.ok(steps.some((s) => s.verdict === 'action' &&
            s.detail.detail === 'approve'), JSON.stringify(steps));
    });

    it('is the event that a workflow waits for', async () => {
        await belfry.put('/v1/workflows/ask', { steps: [
            { type: 'send', channels: ['in_app'], title: 'Shall I?',
                actions: [{ id: 'yes', label: 'Yes' }] },
            { type: 'wait', for_event: 'action', timeout: '1h',
                then: [{ type: 'send', channels: ['in_app'],
                    title: 'I will' }] }] });
        const key = await belfry.token('a-flow');
        const list = async () =>
            (await belfry.get('/v1/inbox', { key })).data;
        await belfry.send({ to: 'a-flow', workflow: 'ask' });
        const [first] = await until('the question', async () => {
            const all = await list();
            return all.length === 1 && all;
        });
        await belfry.want(200, 'POST',
            `/v1/inbox/${first.id}/actions/yes`, {}, { key });
        await until('the answer', async () =>
            (await list()).some((i) => i.title === 'I will'));
    });

    it('of each step of a workflow is its own', async () => {
        const ask = (path) => ({ type: 'send', channels: ['in_app'],
            title: path, actions: [approve(path)] });
        await belfry.put('/v1/workflows/twice', { steps: [ask('/step-1'),
            { type: 'wait', for_event: 'action', timeout: '1h',
                then: [ask('/step-2')] }] });
        const key = await belfry.token('a-twice');
        await belfry.send({ to: 'a-twice', workflow: 'twice' });
        for (const path of ['/step-1', '/step-2']) {
            const one = await until(`the item of ${path}`, async () => {
                const { data } = await belfry.get('/v1/inbox', { key });
                return data.find((i) => i.title === path);
            });
            const a = await belfry.api('POST',
                `/v1/inbox/${one.id}/actions/approve`, {}, { key });
            assert.equal(a.body.status, 'done');
            assert.equal(a.headers.get('idempotent-replayed'), null);
            const [call] = shop.calls(path);
            assert.equal(call.json.item_id, one.id);
            assert.equal(call.json.notification_id, one.notification_id);
        }
    });

    it('is called once, however often it is pressed', async () => {
        const u = await item([approve('/slow')]);
        shop.script('/slow', [{ status: 200, after: 700 }]);
        const first = u.press('approve');
        await shop.called('/slow');
        const second = await u.press('approve');
        assert.equal(second.status, 409);
        assert.equal(second.headers.get('retry-after'), '1');
        assert.equal((await first).body.status, 'done');
        const third = await u.press('approve');
        assert.equal(third.status, 200);
        assert.equal(third.headers.get('idempotent-replayed'), 'true');
        assert.deepEqual(third.body, (await first).body);
        assert.equal(shop.calls('/slow').length, 1);
    });

    it('of many presses at once one calls', async () => {
        const u = await item([approve('/many')]);
        shop.script('/many', [{ status: 200, after: 300 }]);
        const all = await Promise.all(Array.from({ length: 10 },
            () => u.press('approve')));
        assert.ok(all.every((a) => [200, 409].includes(a.status)));
        assert.ok(all.some((a) => a.status === 200));
        assert.equal(shop.calls('/many').length, 1);
    });

    it('that failed is called again as the same, but not under one key',
        async () => {
            const u = await item([approve('/fails')]);
            const headers = { 'Idempotency-Key': 'k1' };
            shop.script('/fails', [503, 200]);
            const first = await u.press('approve', { headers });
            assert.equal(first.status, 200);
            assert.equal(first.body.status, 'failed');
            assert.equal(first.body.http_status, 503);
            const again = await u.press('approve', { headers });
            assert.deepEqual(again.body, first.body);
            assert.equal(shop.calls('/fails').length, 1);
            const next = await u.press('approve');
            assert.equal(next.body.status, 'done');
            const ids = shop.calls('/fails').map((c) =>
                c.headers['webhook-id']);
            assert.equal(ids.length, 2);
            assert.equal(ids[0], ids[1]);
        });

    it('does not follow redirects, and takes each method', async () => {
        const methods = ['GET', 'PUT', 'PATCH', 'DELETE'];
        const u = await item([approve('/moved'), ...methods.map((method) =>
            approve(`/${method}`, { id: method, method }))]);
        shop.script('/moved', [{ status: 307,
            headers: { Location: shop.url('/away') } }]);
        const a = await u.press('approve');
        assert.equal(a.body.status, 'failed');
        assert.equal(a.body.http_status, 307);
        assert.equal(shop.calls('/away').length, 0);
        for (const method of methods) {
            assert.equal((await u.press(method)).body.status, 'done');
            const [call] = shop.calls(`/${method}`);
            assert.equal(call.method, method);
            // npm standardwebhooks parses what it has verified: no body is none
            if (method === 'GET') assert.equal(call.body, '');
            else assert.ok(call.isVerified, call.fault);
        }
    });

    it('says so where nothing answers in time, or at all', async () => {
        const gone = await receiver();
        const nowhere = gone.url('/x');
        await gone.close();
        const u = await item([approve('/never'),
            approve('', { id: 'dead', api_endpoint: nowhere })]);
        shop.script('/never', ['hang']);
        const [late, none] = await Promise.all([u.press('approve'),
            u.press('dead')]);
        assert.deepEqual([late.body.status, late.body.http_status,
            late.body.reason], ['failed', null, 'timeout']);
        assert.deepEqual([none.body.status, none.body.http_status,
            none.body.reason], ['failed', null, 'unreachable']);
    });

    it('that only leads somewhere is recorded, and says where', async () => {
        const u = await item([{ id: 'open', label: 'Open',
            url: 'https://a.example/7' }, { id: 'page', label: 'Page',
            api_endpoint: '/orders/7' }, { id: 'ok', label: 'OK' }]);
        assert.equal((await u.press('open')).body.url, 'https://a.example/7');
        assert.equal((await u.press('page')).body.url, '/orders/7');
        const ok = await u.press('ok');
        assert.deepEqual([ok.body.status, ok.body.url, ok.body.http_status],
            ['done', null, null]);
        assert.ok((await u.read()).read_at);
    });

    it('is of its user, its item, its workspace', async () => {
        const u = await item([approve('/mine')]);
        const other = await item([approve('/mine')]);
        const path = `/v1/inbox/${u.item.id}/actions/approve`;
        await belfry.want(404, 'POST', path, {}, { key: other.key });
        await belfry.want(404, 'POST', `/v1/inbox/${u.item.id}/actions/no`, {},
            { key: u.key });
        await belfry.want(404, 'POST',
            `/v1/inbox/itm_${'0'.repeat(26)}/actions/approve`, {},
            { key: u.key });
        await belfry.want(401, 'POST', path, {}, { key: 'bf_none' });
        await belfry.want(422, 'POST', path, { x: 1 }, { key: u.key });
        await belfry.want(422, 'POST', path, undefined, { key: u.key,
            headers: { 'Idempotency-Key': 'x'.repeat(300) } });
        await belfry.want(405, 'GET', path, undefined, { key: u.key });
        await belfry.put('/v1/workspaces/elsewhere', { name: 'E' });
        await belfry.want(404, 'POST', `${path}?user=${u.id}`, {},
            { workspace: 'elsewhere' });
        const theirs = await belfry.want(200, 'POST',
            '/v1/inbox/actions/secret', {}, { workspace: 'elsewhere' });
        assert.notEqual(theirs.secret, shop.secret);
        await belfry.want([401, 403], 'POST', '/v1/inbox/actions/secret', {},
            { key: u.key });
        assert.equal(shop.calls('/mine').length, 0);
        // by a key, for the user
        await belfry.want(200, 'POST', `${path}?user=${u.id}`, {});
        assert.equal(shop.calls('/mine').length, 1);
    });

    it('is signed with both secrets for a day after a rotation', async () => {
        const workspace = 'rotates';
        const options = { workspace };
        await belfry.put('/v1/workspaces/rotates', { name: 'R' });
        const shown = async (path = '') => belfry.want(200, 'POST',
            `/v1/inbox/actions/secret${path}`, {}, options);
        const first = await shown();
        assert.equal(first.old_secret_until, null);
        const second = await shown('/rotate');
        assert.notEqual(second.secret, first.secret);
        const hours = (Date.parse(second.old_secret_until) - Date.now()) /
            3600000;
        assert.ok(hours > 23.9 && hours <= 24, `${hours} h`);
        assert.deepEqual(await shown(), second);
        const third = await shown('/rotate');
        await belfry.send({ to: 'u', title: 'T', actions: [approve('/new')] },
            options);
        const [one] = (await belfry.get('/v1/inbox?user=u', options)).data;
        await belfry.want(200, 'POST',
            `/v1/inbox/${one.id}/actions/approve?user=u`, {}, options);
        const [call] = shop.calls('/new');
        for (const { secret } of [first, second, third])
            new Webhook(secret).verify(call.body, call.headers);
        assert.equal(call.headers['webhook-signature'].split(' ').length, 3);
        const { data } = await belfry.get('/v1/audit?kind=action_secret',
            options);
        assert.deepEqual(data.map((l) => l.action),
            ['rotate', 'show', 'rotate', 'show']);
        assert.doesNotMatch(JSON.stringify(data), /whsec_/);
        // by the command, and of an endpoint
        const { key: own } = await belfry.want(201, 'POST', '/v1/keys',
            { name: 'cli', scopes: ['read', 'write', 'admin'] }, options);
        const cli = async (...args) => {
            const out = await belfry.cli(['secret', ...args],
                { env: { BELFRY_KEY: own } });
            assert.equal(out.code, 0, out.stderr);
            return out;
        };
        assert.equal((await cli('show')).stdout.trim(), third.secret);
        const fourth = (await cli('rotate')).stdout.trim();
        assert.equal((await shown()).secret, fourth);
        await belfry.put('/v1/endpoints/e', { url: shop.url('/e'),
            events: ['inbox.*'] }, options);
        const out = await cli('rotate', 'e');
        assert.match(out.stdout, /^whsec_[\w+/]{32}\n$/);
        assert.match(out.stderr, /until 20/);
        // the other workspaces have theirs
        assert.equal((await belfry.post('/v1/inbox/actions/secret', {}))
            .secret, shop.secret);
        const key = await belfry.want(201, 'POST', '/v1/keys',
            { name: 'w', scopes: ['read', 'write', 'send'] });
        await belfry.want(403, 'POST', '/v1/inbox/actions/secret/rotate', {},
            { key: key.key });
    });

    it('calls no address that the server may not call', async () => {
        const shut = await start({ env: { BELFRY_EGRESS_ALLOW: undefined } });
        try {
            await shut.send({ to: 'u', title: 'T', actions: [approve('/shut')] });
            const key = await shut.token('u');
            const [one] = (await shut.get('/v1/inbox', { key })).data;
            const a = await shut.want(200, 'POST',
                `/v1/inbox/${one.id}/actions/approve`, {}, { key });
            assert.deepEqual([a.status, a.http_status, a.reason],
                ['failed', null, 'egress.refused']);
            assert.equal(shop.calls('/shut').length, 0);
        } finally {
            await shut.stop();
        }
    });

    it('is pressed with its words filled in', async () => {
        await belfry.put('/v1/templates/ask', { content: { default: {
            title: 'Order {{n}}', actions: [{ id: 'go', label: 'Go {{n}}',
                api_endpoint: `${shop.url('/t')}/{{n}}`,
                data: { n: '{{n}}' } }] } } });
        const id = `a-${++serial}`;
        await belfry.send({ to: id, template: 'ask', channels: ['in_app'],
            data: { n: 9 } });
        const key = await belfry.token(id);
        const [one] = (await belfry.get('/v1/inbox', { key })).data;
        await belfry.want(200, 'POST', `/v1/inbox/${one.id}/actions/go`, {},
            { key });
        assert.deepEqual(shop.calls('/t/9')[0].json.data, { n: '9' });
    });
});

describe('an action of a chat', { timeout: 120000 }, () => {
    const [face] = telegram;
    let belfry, shop, chat, hook, serial = 0;

    before(async () => {
        chat = await fake(face);
        shop = await receiver();
        belfry = await start();
        shop.secret = (await belfry.post('/v1/inbox/actions/secret', {}))
            .secret;
        await belfry.put('/v1/providers/chat', { channel: 'telegram',
            driver: 'telegram', config: { ...face.config,
                base_url: chat.base } });
        hook = (await belfry.get('/v1/providers/chat')).receipt_url;
    });
    after(async () => {
        await belfry?.stop();
        await chat?.close();
        await shop?.close();
    });

    // Sends, and gives what Telegram would tell of the pressed button.
    async function sent(channels, content) {
        const user = `c-${++serial}`;
        await belfry.put(`/v1/users/${user}`, face.user(serial));
        const n = chat.calls.length;
        const id = await belfry.send({ to: user, channels, ...content });
        const call = await until('the message', () => chat.calls[n]);
        assert.deepEqual(call.faults, []);
        const press = (update, of = call,
            data = of.json.reply_markup.inline_keyboard[0][0].callback_data) =>
            fetch(hook, { method: 'POST',
            headers: { 'Content-Type': 'application/json',
                'X-Telegram-Bot-Api-Secret-Token': face.config.secret_token },
            body: JSON.stringify({ update_id: update, callback_query: {
                id: `q${update}`, from: { id: call.json.chat_id },
                message: { message_id: 7,
                    chat: { id: call.json.chat_id, type: 'private' } },
                data } }) });
        return { user, id, call, chat: call.json.chat_id, press };
    }

    const answered = (update) => until('the button\'s answer', () =>
        chat.others.find((c) => /answercallbackquery/i.test(c.path) &&
            c.json.callback_query_id === `q${update}`));

    const inline = (path) => ({ title: 'Order 7', actions: [{ id: 'ack',
        label: 'Ack', api_endpoint: shop.url(path), data: { n: 1 } }] });

    it('does what it does in the inbox, and is answered', async () => {
        const u = await sent(['telegram', 'in_app'], inline('/both'));
        assert.equal((await u.press(11)).status, 200);
        const call = await shop.called('/both');
        assert.ok(call.isVerified, call.fault);
        const key = await belfry.token(u.user);
        const one = await until('the item is read', async () => {
            const [i] = (await belfry.get('/v1/inbox', { key })).data;
            return i.read_at && i;
        });
        assert.equal(call.json.item_id, one.id);
        assert.equal(call.json.user, u.user);
        assert.equal(call.json.channel, 'telegram');
        assert.ok(await answered(11));
        // the same in the inbox is done already
        const again = await until('it has ended', async () => {
            const a = await belfry.api('POST',
                `/v1/inbox/${one.id}/actions/ack`, {}, { key });
            return a.status === 200 && a;
        });
        assert.equal(again.headers.get('idempotent-replayed'), 'true');
        assert.equal(again.body.status, 'done');
        assert.equal(shop.calls('/both').length, 1);
    });

    it('of a step of a workflow is that of the step', async () => {
        await belfry.put('/v1/workflows/chat', { steps: [
            { type: 'send', channels: ['telegram'], title: 'Order {{n}}',
                actions: [{ id: 'ack', label: 'Ack',
                    api_endpoint: shop.url('/step') }] }] });
        const u = await sent(undefined, { workflow: 'chat',
            data: { n: 1 } });
        assert.equal((await u.press(41)).status, 200);
        const call = await shop.called('/step');
        assert.ok(call.isVerified, call.fault);
        assert.equal(call.json.item_id, null);
    });

    it('of a step reads the item that came with it', async () => {
        await belfry.put('/v1/workflows/both', { steps: ['one', 'two'].map(
            (n) => ({ type: 'send', channels: ['telegram', 'in_app'],
                title: n, actions: [{ id: 'ack', label: 'Ack',
                    api_endpoint: shop.url(`/of-${n}`) }] })) });
        const u = await sent(undefined, { workflow: 'both' });
        const key = await belfry.token(u.user);
        const list = () => until('both items', async () => {
            const { data } = await belfry.get('/v1/inbox', { key });
            return data.length === 2 && data;
        });
        await list();
        const last = await until('the second message', () =>
            chat.calls.find((c) => c.json.chat_id === u.chat &&
                c.json.text === 'two'));
        assert.equal((await u.press(51, last)).status, 200);
        const call = await shop.called('/of-two');
        const [two] = (await list()).filter((i) => i.title === 'two');
        assert.equal(call.json.item_id, two.id);
        assert.equal((await u.press(52)).status, 200);
        const other = await shop.called('/of-one');
        assert.notEqual(other.json.item_id, two.id);
    });

    it('is taken only of a button that was sent', async () => {
        const u = await sent(['telegram'], inline('/forged'));
        const data = (call) => call.json.reply_markup.inline_keyboard[0][0]
            .callback_data;
        const [id, mark] = data(u.call).split(':');
        for (const forged of [`${id}:ack`, `${id}::ack`, `${id}:AAAAAAAA:ack`,
            `${id}:${mark}:other`])
            assert.equal((await u.press(61, u.call, forged)).status, 200);
        assert.equal((await u.press(62)).status, 200);
        await shop.called('/forged');
        assert.equal(shop.calls('/forged').length, 1);
        const { deliveries: [d] } = await belfry.get(
            `/v1/notifications/${u.id}`);
        const { log } = await belfry.get(`/v1/deliveries/${d.id}`);
        assert.equal(log.filter((l) => l.verdict === 'action').length, 1);
    });

    it('needs no inbox: its words are those of the message', async () => {
        const u = await sent(['telegram'], inline('/alone'));
        assert.equal((await u.press(21)).status, 200);
        const call = await shop.called('/alone');
        assert.ok(call.isVerified, call.fault);
        assert.equal(call.json.item_id, null);
        assert.deepEqual(call.json.data, { n: 1 });
        // told once more, and pressed once more
        assert.equal((await u.press(21)).status, 200);
        assert.equal((await u.press(22)).status, 200);
        assert.ok(await answered(22));
        assert.equal(shop.calls('/alone').length, 1);
        await belfry.put('/v1/templates/ack', { content: { default: {
            title: 'Order {{n}}', actions: [{ id: 'ack', label: 'Ack',
                api_endpoint: `${shop.url('/t')}/{{n}}/{{user.id}}` }] } } });
        const t = await sent(['telegram'], { template: 'ack',
            data: { n: 5 } });
        assert.equal((await t.press(31)).status, 200);
        assert.ok(await shop.called(`/t/5/${t.user}`));
    });
});

describe('an action whose server dies meanwhile', MINUTE, () => {
    it('is known to be pressed, and is pressed again as the same', async () => {
        const shop = await receiver();
        const belfry = await start();
        try {
            shop.secret = (await belfry.post('/v1/inbox/actions/secret', {}))
                .secret;
            await belfry.send({ to: 'u', title: 'T', actions: [{ id: 'a',
                label: 'A', api_endpoint: shop.url('/k') }] });
            const key = await belfry.token('u');
            const [one] = (await belfry.get('/v1/inbox', { key })).data;
            const press = () => belfry.api('POST',
                `/v1/inbox/${one.id}/actions/a`, {}, { key });
            shop.script('/k', ['hang']);
            const lost = press().catch(() => null);
            await shop.called('/k');
            await belfry.kill9();
            await lost;
            await belfry.restart();
            assert.equal((await press()).status, 409);
            const a = await until('its time is over', async () => {
                const answer = await press();
                return answer.status === 200 && answer;
            }, { timeout: 30000, every: 500 });
            assert.equal(a.body.status, 'done');
            const calls = shop.calls('/k');
            assert.equal(calls.length, 2);
            assert.ok(calls.every((c) => c.isVerified));
            assert.equal(calls[0].headers['webhook-id'],
                calls[1].headers['webhook-id']);
        } finally {
            await belfry.stop();
            await shop.close();
        }
    });
});
