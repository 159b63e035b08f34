// Novu's official client, with `serverURL` set to a Belfry: it sends what it
// sends to Novu, and its own schemas judge the answers.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Novu } from '@novu/api';
import { HTTPClient } from '@novu/api/lib/http.js';
import { ROOT_KEY, start, started } from './lib/belfry.mjs';
import { loadDocument } from './lib/openapi.mjs';
import { until } from './lib/until.mjs';

// Each exchange is held against the server's OpenAPI document, too.
function checked(b) {
    return async (request) => {
        const sent = await request.clone().text();
        const response = await fetch(request);
        const text = await response.clone().text();
        const type = (response.headers.get('content-type') ?? '')
            .split(';')[0];
        const route = request.url.slice(b.url.length);
        b.document ??= loadDocument(b.url);
        for (const fault of (await b.document).check({
            method: request.method, route,
            body: sent ? JSON.parse(sent) : undefined,
            contentType: request.headers.get('content-type'),
        }, { status: response.status, headers: response.headers, type, text,
            body: text ? JSON.parse(text) : undefined }))
            b.violations.push(`${request.method} ${route}: ${fault}`);
        return response;
    };
}

const client = (b, options = {}) => new Novu({
    secretKey: ROOT_KEY, serverURL: `${b.url}/novu`,
    retryConfig: { strategy: 'none' },
    httpClient: new HTTPClient({ fetcher: checked(b) }), ...options,
});

const titles = async (b, user) => (await b.get(`/v1/inbox?user=${user}`)).data
    .map((i) => i.title).reverse();

async function makeTemplate(b, key, title = '{{greeting}}') {
    await b.put(`/v1/templates/${key}`, { content: { default: { title } } });
}

// What its client throws when a request is refused.
async function refusal(name, status, promise) {
    let caught;
    await assert.rejects(promise, (e) => {
        caught = e;
        return true;
    });
    assert.equal(caught.name, name, `${caught.name}: ${caught.message} ` +
        `${caught.body} ${caught.cause ?? ''}`);
    assert.equal(caught.statusCode, status);
    return caught;
}

async function pages(list) {
    const all = [];
    let after;
    do {
        const { result } = await list(after);
        all.push(...result.data);
        assert.equal(result.previous, null);
        after = result.next;
    } while (after);
    return all;
}

describe('Novu: trigger', { timeout: 120000 }, () => {
    let b, novu;

    before(async () => {
        b = await start();
        novu = client(b);
        await makeTemplate(b, 'hello');
    });
    after(() => b?.stop());

    it('sends by the template of the workflow to one id', async () => {
        const { result } = await novu.trigger({ workflowId: 'hello', to: 't1',
            payload: { greeting: 'Hi' } });
        assert.equal(result.acknowledged, true);
        assert.equal(result.status, 'processed');
        assert.match(result.transactionId, /^txn_[0-9a-f]{32}$/);
        assert.deepEqual(await titles(b, 't1'), ['Hi']);
        const { data } = await b.get('/v1/inbox?user=t1');
        assert.equal(data[0].category, 'hello');
        assert.deepEqual(data[0].data, { greeting: 'Hi' });
        // Who was not there is there now.
        assert.deepEqual((await b.get('/v1/users/t1')).attributes, undefined);
    });

    it('runs the workflow of that key rather than a template', async () => {
        await makeTemplate(b, 'steps', 'not this');
        await b.put('/v1/workflows/steps', { steps: [
            { type: 'send', channels: ['in_app'], title: 'one' },
            { type: 'send', channels: ['in_app'], title: 'two' },
        ] });
        await novu.trigger({ workflowId: 'steps', to: 'stepper' });
        await until('both steps are made', async () =>
            (await titles(b, 'stepper')).length === 2);
        assert.deepEqual(await titles(b, 'stepper'), ['one', 'two']);
    });

    it('stores and changes the subscribers that it names', async () => {
        await b.put('/v1/users/t2', { email: 'old@example.org', phone: '+491',
            roles: ['ops'], attributes: { own: 1, firstName: 'Old',
                data: { a: 1, b: 2 } } });
        await novu.trigger({ workflowId: 'hello', payload: { greeting: 'a' },
            to: [{ subscriberId: 't2', email: 'new@example.org',
                firstName: 'Ada', lastName: null, data: { c: 3 } }, 't3'] });
        const user = await b.get('/v1/users/t2');
        assert.equal(user.email, 'new@example.org');
        assert.equal(user.phone, '+491');
        assert.deepEqual(user.roles, ['ops']);
        assert.deepEqual(user.attributes,
            { own: 1, firstName: 'Ada', data: { c: 3 } });
        // The same again changes nothing.
        await novu.trigger({ workflowId: 'hello', payload: { greeting: 'b' },
            to: { subscriberId: 't2', email: 'new@example.org' } });
        assert.equal((await b.get('/v1/users/t2')).version, user.version);
        assert.deepEqual(await titles(b, 't2'), ['a', 'b']);
        assert.deepEqual(await titles(b, 't3'), ['a']);
        // Roles are still those of the document.
        const id = await b.send({ to: { roles: ['ops'] }, title: 'c' });
        await b.settled(id);
        assert.deepEqual(await titles(b, 't2'), ['a', 'b', 'c']);
    });

    it('sends once for each transaction', async () => {
        const event = { workflowId: 'hello', to: 't4', transactionId: 'order/7',
            payload: { greeting: 'once' } };
        for (let i = 0; i < 2; i++) {
            const { result } = await novu.trigger(event);
            assert.equal(result.status, 'processed');
            assert.equal(result.transactionId, 'order/7');
        }
        assert.deepEqual(await titles(b, 't4'), ['once']);
    });

    it('answers a repeated request as it did first', async () => {
        const event = { workflowId: 'hello', to: 't5',
            payload: { greeting: 'key' } };
        const first = await novu.trigger(event, 'the-same-key');
        const again = await novu.trigger(event, 'the-same-key');
        assert.deepEqual(again.result, first.result);
        assert.deepEqual(again.headers['idempotent-replayed'], ['true']);
        assert.deepEqual(await titles(b, 't5'), ['key']);
    });

    it('sends to topics, but for some', async () => {
        await novu.subscribers.createBulk({ subscribers: ['p1', 'p2', 'p3']
            .map((subscriberId) => ({ subscriberId })) });
        await novu.topics.subscriptions.create(
            { subscriptions: ['p1', 'p2', 'p3'] }, 'people');
        await novu.trigger({ workflowId: 'hello', payload: { greeting: 'all' },
            to: { type: 'Topic', topicKey: 'people' } });
        await novu.trigger({ workflowId: 'hello', payload: { greeting: 'two' },
            to: [{ type: 'Topic', topicKey: 'people', exclude: ['p2'] }] });
        for (const [user, want] of [['p1', ['all', 'two']], ['p2', ['all']],
            ['p3', ['all', 'two']]])
            await until(`${user} has ${want}`, async () =>
                (await titles(b, user)).join() === want.join());
        await refusal('ValidationErrorDto', 422, novu.trigger({
            workflowId: 'hello', to: ['p2', { type: 'Topic',
                topicKey: 'people', exclude: ['p2'] }] }));
    });

    it('sends to everybody', async () => {
        await makeTemplate(b, 'everybody', 'to all');
        const { result } = await novu.triggerBroadcast({ name: 'everybody',
            payload: {} });
        assert.equal(result.status, 'processed');
        for (const user of ['t2', 'p1'])
            await until(`${user} has it`, async () =>
                (await titles(b, user)).includes('to all'));
    });

    it('triggers many, each by itself', async () => {
        const { result } = await novu.triggerBulk({ events: [
            { workflowId: 'hello', to: 'k1', payload: { greeting: 'one' },
                transactionId: 'k-1' },
            { workflowId: 'nothing', to: 'k2', transactionId: 'k-2' },
            { workflowId: 'hello', to: { subscriberId: 'k1',
                firstName: 'Kim' }, payload: { greeting: 'two' } },
            { workflowId: 'hello', to: { subscriberId: 'k3',
                email: 'nobody' } },
        ] });
        assert.deepEqual(result.map((r) => r.status),
            ['processed', 'error', 'processed', 'error']);
        assert.equal(result[0].transactionId, 'k-1');
        assert.match(result[1].error[0], /^\/name: there is no such template/);
        assert.equal(result[1].acknowledged, false);
        assert.match(result[3].error[0], /^\/to\/email: /);
        assert.deepEqual(await titles(b, 'k1'), ['one', 'two']);
        const { result: k1 } = await novu.subscribers.retrieve('k1');
        assert.equal(k1.firstName, 'Kim');
        // What is refused leaves nothing behind.
        await b.want(404, 'GET', '/v1/users/k2');
        await b.want(404, 'GET', '/v1/users/k3');
    });

    it('refuses what it cannot do, by name', async () => {
        const base = { workflowId: 'hello', to: 'r1' };
        const rows = [
            [{ workflowId: 'none' }, 'name', /no such template/],
            [{ actor: 'r2' }, 'actor', /not supported/],
            [{ tenant: 'acme' }, 'tenant', /not supported/],
            [{ context: { app: 'x' } }, 'context', /not supported/],
            [{ overrides: { providers: { sendgrid: {} } } },
                'overrides.providers', /not supported/],
            [{ overrides: { email: { bcc: ['a@example.org'] } } },
                'overrides.email.bcc', /not supported/],
            [{ overrides: { email: { replyTo: 'nobody' } } },
                'overrides.email.replyTo', /./],
            [{ payload: { attachments: [] } }, 'payload.attachments',
                /not supported/],
            [{ to: { subscriberId: 'r1', phone: 'x'.repeat(65) } },
                'to.phone', /64/],
            [{ to: ['r1', { subscriberId: 'r2', channels: [] }] },
                'to.1.channels', /not supported/],
            [{ to: [] }, 'to', /./],
            [{ to: 'a b' }, 'to', /must be 1 to 128/],
        ];
        for (const [change, name, why] of rows) {
            const e = await refusal('ValidationErrorDto', 422,
                novu.trigger({ ...base, ...change }));
            assert.deepEqual(Object.keys(e.errors), [name]);
            assert.match(e.errors[name].messages[0], why);
            assert.match(e.ctx.code, /^(invalid|not_supported)$/);
            assert.equal(e.path, '/novu/v1/events/trigger');
        }
        await b.want(404, 'GET', '/v1/users/r1');
        // What their client leaves out by itself.
        for (const [to, name] of [
            [{ type: 'Topic', topicKey: 't', subscriberId: 'r1' },
                'to.subscriberId'],
            [{ type: 'Topic', topicKey: 't', email: 'r@example.org' }, 'to'],
            [{ type: 'Topic' }, 'to.topicKey'],
            [{ subscriberId: 'r1', topicKey: 't' }, 'to.topicKey'],
            [{ email: 'r@example.org' }, 'to.subscriberId'],
        ]) {
            const answer = await b.want(422, 'POST',
                '/novu/v1/events/trigger', { name: 'hello', to });
            assert.deepEqual(Object.keys(answer.errors), [name]);
        }
    });

    it('takes their key and its scopes', async () => {
        const bad = client(b, { secretKey: 'not-a-key' });
        await refusal('ErrorDto', 401, bad.subscribers.retrieve('t1'));
        const { key } = await b.want(201, 'POST', '/v1/keys',
            { name: 'sender', scopes: ['send'] });
        const sender = client(b, { secretKey: key });
        await sender.trigger({ workflowId: 'hello', to: 's1',
            payload: { greeting: 'sent' } });
        assert.deepEqual(await titles(b, 's1'), ['sent']);
        await b.want(404, 'GET', '/v1/users/s1');
        await refusal('ErrorDto', 403, sender.trigger({ workflowId: 'hello',
            to: { subscriberId: 's1', email: 's@example.org' } }));
        await refusal('ErrorDto', 403, sender.subscribers.retrieve('t1'));
        const elsewhere = await b.api('GET', '/v1/users/t1', undefined,
            { key: null, headers: { Authorization: `ApiKey ${ROOT_KEY}` } });
        assert.equal(elsewhere.status, 401);
    });
});

describe('Novu: cancel', { timeout: 120000 }, () => {
    it('stops what has not gone out', async (t) => {
        const b = await started(t);
        const novu = client(b);
        await b.put('/v1/providers/mail', { channel: 'email', driver: 'null',
            rate: { per: '1h', limit: 1, burst: 1 } });
        await b.put('/v1/templates/mailing', { channels: ['email'],
            content: { default: { title: 'Mail', body: 'Mail' } } });
        const to = (id) => ({ subscriberId: id, email: `${id}@example.org` });

        await novu.trigger({ workflowId: 'mailing', to: to('c1') });
        await until('the first is out', async () => (await b.get(
            '/v1/deliveries?user=c1')).data[0]?.status === 'delivered');
        const { result } = await novu.trigger({ workflowId: 'mailing',
            to: to('c2') });
        assert.equal((await novu.cancel(result.transactionId)).result, true);
        const { data } = await b.get('/v1/deliveries?user=c2');
        assert.deepEqual(data.map((d) => d.status), ['cancelled']);
        assert.equal((await novu.cancel(result.transactionId)).result, false);
        assert.equal((await novu.cancel('never-there')).result, false);
    });
});

describe('Novu: workspaces', { timeout: 120000 }, () => {
    it('see and stop nothing of each other', async (t) => {
        const b = await started(t);
        const clients = {};
        for (const name of ['left', 'right']) {
            await b.put(`/v1/workspaces/${name}`, {});
            const { key } = await b.want(201, 'POST', '/v1/keys',
                { name, scopes: ['send', 'read', 'write'] },
                { workspace: name });
            clients[name] = client(b, { secretKey: key });
        }
        const { left, right } = clients;
        await b.put('/v1/templates/later', { channels: ['email'],
            content: { default: { title: 'x' } } }, { workspace: 'left' });
        await b.put('/v1/providers/mail', { channel: 'email',
            driver: 'null', rate: { per: '1h', limit: 1, burst: 1 } },
        { workspace: 'left' });
        const { result: made } = await left.subscribers.create(
            { subscriberId: 'u', email: 'u@example.org' });
        assert.equal(made.environmentId, 'left');
        await left.topics.subscriptions.create({ subscriptions: ['u'] }, 'all');
        for (const transactionId of ['first', 'second'])
            await left.trigger({ workflowId: 'later', to: 'u',
                transactionId });

        await refusal('ErrorDto', 404, right.subscribers.retrieve('u'));
        await refusal('ErrorDto', 404, right.subscribers.delete('u'));
        await refusal('ErrorDto', 404, right.topics.get('all'));
        assert.deepEqual((await right.subscribers.search({})).result.data, []);
        const { result } = await right.topics.subscriptions.create(
            { subscriptions: ['u'] }, 'all');
        assert.equal(result.meta.failed, 1);
        await refusal('ValidationErrorDto', 422,
            right.trigger({ workflowId: 'later', to: 'u' }));
        assert.equal((await right.cancel('second')).result, false);
        assert.equal((await left.cancel('second')).result, true);
    });
});

describe('Novu: subscribers', { timeout: 120000 }, () => {
    let b, novu;
    const full = { subscriberId: 'ada', firstName: 'Ada', lastName: 'Lovelace',
        email: 'ada@example.org', phone: '+4412345', avatar: 'https://x.y/z',
        locale: 'en-GB', timezone: 'Europe/London', data: { plan: 'pro' } };

    before(async () => {
        b = await start();
        novu = client(b);
    });
    after(() => b?.stop());

    it('are made, changed, looked at and deleted', async () => {
        const { result: made } = await novu.subscribers.create(full);
        for (const [name, value] of Object.entries(full))
            assert.deepEqual(made[name], value, name);
        assert.equal(made.environmentId, 'default');
        assert.equal(made.deleted, false);
        const user = await b.get('/v1/users/ada');
        assert.equal(user.email, full.email);
        assert.deepEqual(user.attributes, { firstName: 'Ada',
            lastName: 'Lovelace', avatar: full.avatar, data: full.data });

        // What is not given stays.
        await novu.subscribers.create({ subscriberId: 'ada', email: null });
        const { result: after } = await novu.subscribers.retrieve('ada');
        assert.equal(after.email, null);
        assert.equal(after.phone, full.phone);
        const { result: patched } = await novu.subscribers.patch(
            { lastName: 'King', data: { plan: 'free' } }, 'ada');
        assert.equal(patched.lastName, 'King');
        assert.equal(patched.firstName, 'Ada');
        assert.deepEqual(patched.data, { plan: 'free' });

        const { result: gone } = await novu.subscribers.delete('ada');
        assert.equal(gone.acknowledged, true);
        const e = await refusal('ErrorDto', 404,
            novu.subscribers.retrieve('ada'));
        assert.match(e.message, /no such subscriber/);
        await refusal('ErrorDto', 404,
            novu.subscribers.patch({ firstName: 'x' }, 'ada'));
        await refusal('ErrorDto', 404, novu.subscribers.delete('ada'));
    });

    it('keep what several write at once', async () => {
        const fields = Object.entries(full)
            .filter(([name]) => !['subscriberId', 'data'].includes(name));
        await novu.subscribers.create({ subscriberId: 'race' });
        await Promise.all(fields.map(([name, value]) =>
            novu.subscribers.patch({ [name]: value }, 'race')));
        const { result } = await novu.subscribers.retrieve('race');
        for (const [name, value] of fields)
            assert.equal(result[name], value, name);
    });

    it('may have to be new', async () => {
        const made = await novu.subscribers.create(
            { subscriberId: 'new', firstName: 'New' }, true, 'key-of-new');
        assert.equal(made.result.firstName, 'New');
        const again = await novu.subscribers.create(
            { subscriberId: 'new', firstName: 'New' }, true, 'key-of-new');
        assert.deepEqual(again.headers['idempotent-replayed'], ['true']);
        const e = await refusal('SubscriberResponseDto', 409,
            novu.subscribers.create({ subscriberId: 'new',
                firstName: 'Other' }, true));
        assert.equal(e.subscriberId, 'new');
        assert.equal(e.firstName, 'New');
    });

    it('are refused by the rules of users', async () => {
        const rows = [
            [{ email: 'nobody' }, 'email'],
            [{ locale: 'x'.repeat(36) }, 'locale'],
            [{ subscriberId: 'a|b' }, 'subscriberId'],
            [{ data: { x: 'y'.repeat(70000) } }, 'general'],
        ];
        for (const [change, name] of rows) {
            const e = await refusal('ValidationErrorDto', 422,
                novu.subscribers.create({ subscriberId: 'bad', ...change }));
            assert.deepEqual(Object.keys(e.errors), [name]);
        }
        await b.want(404, 'GET', '/v1/users/bad');
        const malformed = await b.api('POST', '/novu/v2/subscribers', '{',
            { headers: { 'Content-Type': 'application/json' } });
        assert.equal(malformed.status, 400);
        assert.equal(malformed.type, 'application/json');
        assert.deepEqual(malformed.body.errors, []);
        const nowhere = await b.api('GET', '/novu/v2/nowhere');
        assert.equal(nowhere.status, 404);
        assert.equal(nowhere.body.statusCode, 404);
        const wrong = await b.api('PUT', '/novu/v2/subscribers/x', {});
        assert.equal(wrong.status, 405);
        assert.equal(wrong.body.ctx.code, 'method_not_allowed');
    });

    it('are made in bulk', async () => {
        await b.put('/v1/users/bulk1', { roles: ['ops'] });
        const { result } = await novu.subscribers.createBulk({ subscribers: [
            { subscriberId: 'bulk1', firstName: 'One' },
            { subscriberId: 'bulk2', firstName: 'Two' },
            { subscriberId: 'bulk3', email: 'nobody' },
            { subscriberId: 'bulk2', lastName: 'Zwei' },
        ] });
        const ids = (list) => list.map((s) => s.subscriberId);
        assert.deepEqual(ids(result.created), ['bulk2']);
        assert.deepEqual(ids(result.updated), ['bulk1']);
        assert.deepEqual(ids(result.failed), ['bulk3']);
        assert.match(result.failed[0].message, /email/);
        assert.deepEqual((await b.get('/v1/users/bulk1')).roles, ['ops']);
        assert.deepEqual((await b.get('/v1/users/bulk2')).attributes,
            { firstName: 'Two', lastName: 'Zwei' });
        const many = Array.from({ length: 501 },
            (_, i) => ({ subscriberId: `m${i}` }));
        await refusal('ValidationErrorDto', 422,
            novu.subscribers.createBulk({ subscribers: many }));
        const all = await novu.subscribers.createBulk(
            { subscribers: many.slice(1) });
        assert.equal(all.result.created.length, 500);
    });

    it('are found by id, e-mail, phone and name, page by page', async () => {
        await novu.subscribers.createBulk({ subscribers: [
            { subscriberId: 'f1', firstName: 'Grace', lastName: 'Hopper',
                email: 'Grace@Example.org' },
            { subscriberId: 'f2', firstName: 'Grace', lastName: 'Jones',
                phone: '+1 2' },
        ] });
        const find = async (request) => (await pages((next) =>
            novu.subscribers.search({ ...request, after: next })))
            .map((s) => s.subscriberId);
        assert.deepEqual(await find({ subscriberId: 'f1' }), ['f1']);
        assert.deepEqual(await find({ subscriberId: 'f9' }), []);
        assert.deepEqual(await find({ email: 'grace@example.org' }), ['f1']);
        assert.deepEqual(await find({ phone: '+1 2' }), ['f2']);
        assert.deepEqual(await find({ name: 'GRACE' }), ['f1', 'f2']);
        assert.deepEqual(await find({ name: 'ce Hop' }), ['f1']);
        assert.deepEqual(await find({ name: 'grace', limit: 1 }),
            ['f1', 'f2']);

        const first = await novu.subscribers.search({});
        assert.equal(first.result.data.length, 10);
        assert.equal(first.result.totalCountCapped, true);
        const all = await find({ limit: 100 });
        assert.ok(all.length > 500);
        assert.deepEqual(all, [...all].sort());
        for (const request of [{ orderDirection: 'DESC' }, { limit: 101 },
            { before: 'x' }, { orderBy: 'updatedAt' }, { after: 'x' },
            { includeCursor: true }])
            await refusal('ValidationErrorDto', 422,
                novu.subscribers.search(request));
    });
});

describe('Novu: preferences', { timeout: 120000 }, () => {
    let b, novu;

    before(async () => {
        b = await start();
        novu = client(b);
        await makeTemplate(b, 'offers', 'Offer');
        await b.put('/v1/categories/alarm', { critical: true });
        await novu.subscribers.create({ subscriberId: 'pat' });
    });
    after(() => b?.stop());

    it('are told as they come to', async () => {
        const { result } = await novu.subscribers.preferences.list(
            { subscriberId: 'pat' });
        assert.deepEqual(result, { global: { enabled: true, channels: {
            email: true, sms: true, inApp: true, chat: true, push: true } },
        workflows: [] });
    });

    it('switch channels of all and of one workflow', async () => {
        let { result } = await novu.subscribers.preferences.update(
            { channels: { chat: false } }, 'pat');
        assert.equal(result.global.channels.chat, false);
        assert.equal(result.global.channels.inApp, true);
        ({ result } = await novu.subscribers.preferences.update(
            { workflowId: 'offers', channels: { inApp: false, chat: true } },
            'pat'));
        assert.equal(result.workflows.length, 1);
        assert.equal(result.workflows[0].workflow.identifier, 'offers');
        assert.equal(result.workflows[0].channels.inApp, false);
        assert.equal(result.workflows[0].channels.chat, true);
        assert.equal(result.workflows[0].enabled, true);
        const own = await b.get('/v1/users/pat/preferences');
        assert.equal(own.channels.slack, false);
        assert.equal(own.channels.telegram, false);
        assert.equal(own.categories.offers.channels.in_app, false);
        assert.equal(own.categories.offers.channels.slack, true);

        // It is what decides.
        await novu.trigger({ workflowId: 'offers', to: ['pat', 'sam'] });
        assert.deepEqual(await titles(b, 'pat'), []);
        assert.deepEqual(await titles(b, 'sam'), ['Offer']);
        await novu.subscribers.preferences.update(
            { workflowId: 'offers', channels: { inApp: true } }, 'pat');
        await novu.trigger({ workflowId: 'offers', to: 'pat' });
        assert.deepEqual(await titles(b, 'pat'), ['Offer']);
    });

    it('switch many at once, and tell the critical apart', async () => {
        const { result } = await novu.subscribers.preferences.bulkUpdate({
            preferences: [
                { workflowId: 'alarm', channels: { sms: false } },
                { workflowId: 'news', channels: { email: false } },
            ] }, 'kim');
        assert.deepEqual(result.map((r) => [r.level, r.workflow.identifier,
            r.workflow.critical, r.channels.sms, r.channels.email]), [
            ['template', 'alarm', true, false, true],
            ['template', 'news', false, true, false]]);
        const list = async (criticality) => (await
        novu.subscribers.preferences.list({ subscriberId: 'kim',
            criticality })).result.workflows.map((w) => w.workflow.slug);
        assert.deepEqual(await list('all'), ['alarm', 'news']);
        assert.deepEqual(await list('critical'), ['alarm']);
        assert.deepEqual(await list(undefined), ['news']);
        await refusal('ValidationErrorDto', 422,
            novu.subscribers.preferences.bulkUpdate({ preferences: [
                { workflowId: 'a', channels: {} },
                { workflowId: 'a', channels: {} }] }, 'kim'));
    });

    it('refuse what they cannot say', async () => {
        for (const [body, name] of [
            [{ schedule: { isEnabled: true } }, 'schedule'],
            [{ channels: { tool: true } }, 'channels.tool'],
            [{ context: { a: 'b' } }, 'context'],
        ]) {
            const e = await refusal('ValidationErrorDto', 422,
                novu.subscribers.preferences.update(body, 'pat'));
            assert.deepEqual(Object.keys(e.errors), [name]);
        }
    });
});

describe('Novu: topics', { timeout: 120000 }, () => {
    let b, novu;

    before(async () => {
        b = await start();
        novu = client(b);
        await novu.subscribers.createBulk({ subscribers: [
            { subscriberId: 's1', firstName: 'One' }, { subscriberId: 's2' },
            { subscriberId: 's3' }] });
    });
    after(() => b?.stop());

    it('are made, renamed, listed and deleted', async () => {
        await b.put('/v1/topics/news.sport', { description: 'stays' });
        const { result: made } = await novu.topics.create(
            { key: 'news', name: 'News' });
        assert.equal(made.key, 'news');
        assert.equal(made.name, 'News');
        await novu.topics.create({ key: 'news.sport', name: 'Sport' });
        assert.equal((await b.get('/v1/topics/news.sport')).description,
            'stays');
        const { result: renamed } = await novu.topics.update(
            { name: 'All news' }, 'news');
        assert.equal(renamed.name, 'All news');
        assert.equal((await novu.topics.get('news')).result.name, 'All news');
        const e = await refusal('TopicResponseDto', 409,
            novu.topics.create({ key: 'news' }, true));
        assert.equal(e.key, 'news');

        const keys = async (request) => (await pages((next) =>
            novu.topics.list({ ...request, after: next })))
            .map((x) => x.key);
        assert.deepEqual(await keys({ limit: 1 }), ['news', 'news.sport']);
        assert.deepEqual(await keys({ key: 'sport' }), ['news.sport']);
        assert.deepEqual(await keys({ name: 'all' }), ['news']);
        assert.equal((await novu.topics.delete('news')).result.acknowledged,
            true);
        await refusal('ErrorDto', 404, novu.topics.get('news'));
        await refusal('ErrorDto', 404, novu.topics.delete('news'));
        await refusal('ErrorDto', 404,
            novu.topics.update({ name: 'x' }, 'news'));
        const bad = await refusal('ValidationErrorDto', 422,
            novu.topics.create({ key: 'x', data: { a: 1 } }));
        assert.deepEqual(Object.keys(bad.errors), ['data']);
    });

    it('get subscribers, and lose them', async () => {
        const { result } = await novu.topics.subscriptions.create(
            { subscriptions: ['s1', 's2', { subscriberId: 's3',
                identifier: 'tk_club:si_s3' }, 'ghost', 's1'] }, 'club');
        assert.deepEqual(result.data.map((d) => d.subscriber.subscriberId),
            ['s1', 's2', 's3']);
        assert.equal(result.data[0].topic.key, 'club');
        assert.equal(result.data[0].subscriber.firstName, 'One');
        assert.deepEqual(result.meta,
            { totalCount: 4, successful: 3, failed: 1 });
        assert.equal(result.errors[0].code, 'SUBSCRIBER_NOT_FOUND');
        assert.equal(result.errors[0].subscriberId, 'ghost');
        assert.deepEqual((await b.get('/v1/topics/club/subscribers')).data
            .map((d) => d.user), ['s1', 's2', 's3']);

        const list = (request) => pages((next) =>
            novu.topics.subscriptions.list(
                { topicKey: 'club', ...request, after: next }));
        assert.deepEqual((await list({ limit: 2 }))
            .map((d) => d.subscriber.subscriberId), ['s1', 's2', 's3']);
        assert.deepEqual((await list({ subscriberId: 's2' }))
            .map((d) => d.identifier), ['tk_club:si_s2']);
        assert.deepEqual(await list({ subscriberId: 'ghost' }), []);
        const of = await pages((next) => novu.subscribers.topics.list(
            { subscriberId: 's1', after: next }));
        assert.deepEqual(of.map((d) => d.topic.key), ['club']);
        const one = await novu.topics.subscriptions.getSubscription('club',
            'tk_club:si_s1');
        assert.equal(one.result.identifier, 'tk_club:si_s1');
        const old = await novu.topics.subscribers.retrieve('s1', 'club');
        assert.equal(old.result.externalSubscriberId, 's1');

        const { result: gone } = await novu.topics.subscriptions.delete(
            { subscriptions: ['s1', { identifier: 'tk_club:si_s2' },
                'ghost'] }, 'club');
        assert.deepEqual(gone.data.map((d) => d.subscriber.subscriberId),
            ['s1', 's2']);
        assert.deepEqual(gone.meta,
            { totalCount: 3, successful: 2, failed: 1 });
        const { result: twice } = await novu.topics.subscriptions.delete(
            { subscriberIds: ['s1'] }, 'club');
        assert.equal(twice.errors[0].code, 'SUBSCRIPTION_NOT_FOUND');
        await refusal('ErrorDto', 404,
            novu.topics.subscribers.retrieve('s1', 'club'));
        await refusal('ErrorDto', 404,
            novu.topics.subscriptions.getSubscription('club',
                'tk_club:si_s1'));
        assert.deepEqual((await list({}))
            .map((d) => d.subscriber.subscriberId), ['s3']);
        await refusal('ErrorDto', 404, novu.topics.subscriptions.delete(
            { subscriptions: ['s1'] }, 'nowhere'));
        await refusal('ErrorDto', 404, novu.topics.subscriptions.list(
            { topicKey: 'nowhere' }));
    });

    it('refuse a second subscription of the same subscriber', async () => {
        for (const [body, name] of [
            [{ subscriptions: [{ subscriberId: 's1', identifier: 'mine' }] },
                'subscriptions.0.identifier'],
            [{ subscriptions: ['s1'], preferences: ['x'] }, 'preferences'],
            [{ subscriptions: ['s1'], context: { a: 'b' } }, 'context'],
            [{ subscriptions: [] }, 'subscriptions'],
        ]) {
            const e = await refusal('ValidationErrorDto', 422,
                novu.topics.subscriptions.create(body, 'club'));
            assert.deepEqual(Object.keys(e.errors), [name]);
        }
    });

    it('are served in their first version, too', async () => {
        await b.want(201, 'POST', '/novu/v1/topics',
            { key: 'first', name: 'First' });
        const added = await b.want(200, 'POST',
            '/novu/v1/topics/first/subscribers',
            { subscribers: ['s1', 'ghost'] });
        assert.deepEqual(added, { data: { succeeded: ['s1'],
            failed: { notFound: ['ghost'] } } });
        await b.want(200, 'GET', '/novu/v1/topics/first/subscribers/s1');
        await b.want(204, 'POST',
            '/novu/v1/topics/first/subscribers/removal',
            { subscribers: ['s1'] });
        await b.want(404, 'GET', '/novu/v1/topics/first/subscribers/s1');
        const got = await b.want(200, 'PATCH', '/novu/v1/topics/first',
            { name: 'Again' });
        assert.equal(got.data.name, 'Again');
        await b.want(200, 'GET', '/novu/v1/topics/first');
        await b.want(204, 'DELETE', '/novu/v1/topics/first');
    });
});
