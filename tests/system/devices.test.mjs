// Browsers and phones: registered by the application or by their user, and a
// push to each of them, counted once.

import assert from 'node:assert/strict';
import { createECDH, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import apns from './fakes/apns.mjs';
import fcm from './fakes/fcm.mjs';
import webPush from './fakes/web_push.mjs';
import { start } from './lib/belfry.mjs';
import { makeCertificates } from './lib/ca.mjs';
import { fake, json } from './lib/fake.mjs';
import { until } from './lib/until.mjs';

export function browser(endpoint = 'https://push.example.net/v1/abc') {
    const key = createECDH('prime256v1');
    key.generateKeys();
    return { kind: 'web_push', subscription: { endpoint, expirationTime: null,
        keys: { p256dh: key.getPublicKey('base64url'),
            auth: randomBytes(16).toString('base64url') } } };
}
const phone = (token = 'fcm-token-1') => ({ kind: 'fcm', token });
const apple = (token = 'ab'.repeat(32)) => ({ kind: 'apns', token });

describe('devices', { timeout: 120000 }, () => {
    let belfry;

    before(async () => {
        belfry = await start();
        for (const channel of ['web_push', 'mobile_push'])
            await belfry.put(`/v1/providers/${channel}`,
                { channel, driver: 'null', config: {} });
    });
    after(() => belfry?.stop());

    const at = (user, name = '') => `/v1/users/${user}/devices` +
        (name && `/${name}`);
    const put = (user, name, doc, options) =>
        belfry.api('PUT', at(user, name), doc, options);

    it('are put, read, replaced, listed and deleted', async () => {
        const made = await put('ada', 'phone', phone());
        assert.equal(made.status, 201);
        const { version, created_at, updated_at, ...rest } = made.body;
        assert.deepEqual(rest, { name: 'phone', ...phone() });
        assert.equal(made.headers.get('etag'), `"${version}"`);
        const again = await put('ada', 'phone', phone('another'));
        assert.equal(again.status, 200);
        assert.ok(again.body.version > version);
        assert.equal(again.body.created_at, created_at);
        const laptop = browser();
        assert.equal((await put('ada', 'laptop', laptop)).status, 201);
        assert.deepEqual((await belfry.get(at('ada', 'laptop'))).subscription,
            laptop.subscription);
        const first = await belfry.get(`${at('ada')}?limit=1`);
        assert.deepEqual(first.data.map((d) => d.name), ['laptop']);
        const rest2 = await belfry.get(
            `${at('ada')}?limit=1&after=${first.next}`);
        assert.deepEqual(rest2.data.map((d) => d.name), ['phone']);
        assert.equal(rest2.next, null);
        await belfry.want(204, 'DELETE', at('ada', 'phone'));
        await belfry.want(404, 'GET', at('ada', 'phone'));
        await belfry.want(404, 'DELETE', at('ada', 'phone'));
    });

    it('take If-Match', async () => {
        const made = await put('eve', 'p', phone());
        const old = { headers: { 'If-Match': `"${made.body.version - 1}"` } };
        const now = { headers: { 'If-Match': `"${made.body.version}"` } };
        assert.equal((await put('eve', 'p', phone('x'), old)).status, 412);
        assert.equal((await put('eve', 'p', phone('x'), now)).status, 200);
        await belfry.want(412, 'DELETE', at('eve', 'p'), undefined, now);
    });

    it('are refused with the pointer at fault', async () => {
        const bad = browser();
        bad.subscription.keys.p256dh = 'BAAA';
        const large = browser();
        large.subscription.expirationTime = { any: 'x'.repeat(60000) };
        for (const [doc, pointer] of [
            [{}, '/kind'], [{ kind: 'pager' }, '/kind'],
            [{ kind: 'fcm' }, '/token'], [{ kind: 'fcm', token: 'a b' }, '/token'],
            [{ kind: 'apns', token: 'xyz' }, '/token'],
            [{ kind: 'web_push' }, '/subscription'],
            [{ ...browser(), token: 't' }, '/token'],
            [bad, '/subscription/keys/p256dh'],
            [large, '/subscription/expirationTime'],
            [{ kind: 'fcm', token: 't', name: 'other' }, '/name'],
        ]) {
            const a = await put('bob', 'd', doc);
            assert.equal(a.status, 422, JSON.stringify(doc));
            assert.ok(a.body.errors.some((e) => e.pointer === pointer), a.text);
        }
        await belfry.want(404, 'GET', at('bob', 'd'));
    });

    it('are at most 20, also when many come at once', async () => {
        const answers = await Promise.all(Array.from({ length: 24 }, (_, i) =>
            put('max', `d${i}`, phone(`t${i}`))));
        const made = answers.filter((a) => a.status === 201).length;
        const { data } = await belfry.get(at('max'));
        assert.equal(data.length, made);
        assert.ok(made <= 20);
        for (const a of answers)
            assert.ok([201, 409, 503].includes(a.status), a.text);
    });

    it('get what only a variant of an experiment sends them', async () => {
        await put('zoe', 'phone', phone());
        await belfry.put('/v1/experiments/way', { variants: ['a', 'b'].map(
            (key) => ({ key, channels: ['mobile_push'] })) });
        const n = await belfry.settled(await belfry.send({ to: 'zoe',
            title: 'T', channels: ['in_app'], experiment: 'way' }));
        assert.deepEqual(n.deliveries.map((d) => [d.channel, d.device]),
            [['mobile_push', 'phone']]);
    });

    it('are their users\' own with a token', async () => {
        const token = await belfry.token('own');
        const mine = { key: token };
        await belfry.want(201, 'PUT', '/v1/inbox/devices/laptop', browser(),
            mine);
        assert.equal((await belfry.get('/v1/inbox/devices', mine)).data.length,
            1);
        assert.equal((await belfry.get(at('own'))).data[0].name, 'laptop');
        await belfry.want(403, 'GET', '/v1/inbox/devices?user=ada', undefined,
            mine);
        await belfry.want([401, 403], 'GET', at('ada'), undefined, mine);
        await belfry.want(204, 'DELETE', '/v1/inbox/devices/laptop', undefined,
            mine);
        await belfry.want(404, 'GET', '/v1/inbox/devices/laptop', undefined,
            mine);
    });

    it('get a delivery each, and are named', async () => {
        await put('two', 'phone', phone());
        await put('two', 'iphone', apple());
        await put('two', 'laptop', browser());
        const send = { to: 'two', title: 't', channels: ['mobile_push'] };
        const { plan } = await belfry.want(200, 'POST', '/v1/notifications',
            { ...send, dry_run: true });
        assert.deepEqual(plan.map((d) => [d.device, d.verdict]),
            [['phone', 'send'], ['iphone', 'send']]);
        const id = await belfry.send(send);
        const n = await belfry.settled(id);
        assert.deepEqual(n.counts, { delivered: 2 });
        assert.deepEqual(n.deliveries.map((d) => d.device),
            ['phone', 'iphone']);
        const one = await belfry.get(`/v1/deliveries/${n.deliveries[0].id}`);
        assert.equal(one.device, 'phone');
        const { data } = await belfry.get(
            '/v1/deliveries?user=two&channel=mobile_push');
        assert.deepEqual(data.map((d) => d.device), ['iphone', 'phone']);
        const steps = await belfry.trace(id);
        for (const stage of ['decide', 'attempt', 'end'])
            assert.deepEqual(steps.filter((s) => s.stage === stage)
                .map((s) => s.detail.device).sort(), ['iphone', 'phone'],
            stage);
    });

    it('are listed on the command line', async () => {
        await put('cli', 'phone', phone());
        const { code, stdout } = await belfry.cli(['user', 'devices', 'cli']);
        assert.equal(code, 0);
        assert.match(stdout, /^NAME +KIND.*\nphone +fcm /);
        const shown = await belfry.cli(['user', 'devices', 'cli', '--json']);
        assert.equal(JSON.parse(shown.stdout).name, 'phone');
    });

    it('are needed for a push', async () => {
        const id = await belfry.send({ to: 'nobody', title: 't',
            channels: ['web_push', 'mobile_push', 'in_app'] });
        const n = await belfry.settled(id);
        for (const d of n.deliveries.filter((x) => x.channel !== 'in_app'))
            assert.equal(d.reason, 'contact.missing');
        await belfry.put('/v1/users/left', {});
        await put('left', 'phone', phone());
        await belfry.want(204, 'DELETE', '/v1/users/left');
        await belfry.want(404, 'GET', at('left', 'phone'));
    });

    it('count once in a throttle, and once in a digest', async () => {
        await belfry.put('/v1/categories/few', { channels: ['mobile_push'],
            throttle: { limit: 2, per: '1h' } });
        const ids = [];
        for (let i = 0; i < 3; i++)
            ids.push(await belfry.send({ to: 'two', title: 't',
                category: 'few' }));
        const counts = [];
        for (const id of ids) counts.push((await belfry.settled(id)).counts);
        assert.deepEqual(counts, [{ delivered: 2 }, { delivered: 2 },
            { suppressed: 1 }]);
        const members = [];
        for (let i = 0; i < 2; i++)
            members.push(await belfry.send({ to: 'two', title: `m${i}`,
                channels: ['mobile_push'],
                digest: { key: 'd', window: '1s' } }));
        for (const id of members)
            assert.deepEqual((await belfry.settled(id)).counts, { merged: 1 });
        const out = await until('the digest went to both', async () => {
            const { data } = await belfry.get(
                '/v1/deliveries?user=two&channel=mobile_push&status=delivered');
            const newest = data.filter((d) =>
                d.notification_id === data[0].notification_id);
            return data[0].notification_id > members[1] &&
                newest.length === 2 ? newest : null;
        });
        assert.deepEqual(out.map((d) => d.device).sort(), ['iphone', 'phone']);
        const alone = await belfry.send({ to: 'two', title: 'alone',
            channels: ['mobile_push'], digest: { key: 'e', window: '1s' } });
        assert.deepEqual((await belfry.settled(alone)).counts,
            { delivered: 2 });
    });
});

// Two kinds on one channel.
describe('phones', { timeout: 120000 }, () => {
    let belfry, dir, google, apple;
    const token = 'ab'.repeat(32);

    before(async () => {
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-phones-'));
        const certificates = await makeCertificates(dir);
        google = await fake(fcm);
        // One that left long ago.
        apple = await fake({ ...apns, faults: { left: json(410,
            { reason: 'Unregistered', timestamp: 1437179036000 }) } },
        { certificates });
        belfry = await start({ env: {
            SSL_CERT_FILE: certificates.authorityFile } });
        for (const [face, provider] of [[fcm, google], [apns, apple]])
            await belfry.put(`/v1/providers/${face.driver}`, {
                channel: 'mobile_push', driver: face.driver,
                retry: { strategy: 'fixed', base: '100ms', attempts: 2 },
                config: { ...face.config, base_url: provider.base } });
    });
    after(async () => {
        await belfry?.stop();
        await google?.close();
        await apple?.close();
        await rm(dir, { recursive: true, force: true });
    });

    const register = async (user) => {
        await belfry.put(`/v1/users/${user}/devices/android`,
            { kind: 'fcm', token: 'registration:1' });
        await belfry.put(`/v1/users/${user}/devices/iphone`,
            { kind: 'apns', token });
    };
    const push = async (user) => belfry.settled(await belfry.send(
        { to: user, title: 't', channels: ['mobile_push'] }));
    const by = (n, device) => n.deliveries.find((d) => d.device === device);
    const names = async (user) =>
        (await belfry.get(`/v1/users/${user}/devices`)).data
            .map((d) => d.name).sort();

    it('go by the provider of their kind', async () => {
        await register('ann');
        const n = await push('ann');
        assert.deepEqual(n.counts, { sent: 2 });
        assert.equal(by(n, 'android').provider, 'fcm');
        assert.equal(by(n, 'iphone').provider, 'apns');
        assert.deepEqual([...google.calls, ...apple.calls]
            .flatMap((c) => c.faults), []);
    });

    it('are deleted when they are gone', async () => {
        await register('bob');
        google.script(['gone']);
        const n = await push('bob');
        assert.equal(by(n, 'android').reason, 'token.expired');
        assert.equal(by(n, 'iphone').status, 'sent');
        await until('the device is deleted', async () =>
            (await names('bob')).join() === 'iphone');
    });

    it('stay where they were registered anew', async () => {
        await register('eve');
        apple.script(['left']);
        const n = await push('eve');
        assert.equal(by(n, 'iphone').reason, 'token.expired');
        assert.equal((await push('eve')).counts.sent, 2);
        assert.deepEqual(await names('eve'), ['android', 'iphone']);
    });

    it('are never handed to a provider of another kind', async () => {
        await register('max');
        google.script(['transient', 'transient']);
        const n = await push('max');
        assert.equal(by(n, 'android').status, 'dead');
        assert.equal(by(n, 'android').provider, 'fcm');
        assert.equal(by(n, 'iphone').status, 'sent');
        await belfry.post(`/v1/deliveries/${by(n, 'android').id}/retry`);
        await until('a person brought it', async () =>
            (await belfry.get(`/v1/deliveries/${by(n, 'android').id}`))
                .status === 'sent');
    });

    it('without a provider of their kind are told so', async () => {
        await register('pia');
        await belfry.want(204, 'DELETE', '/v1/providers/apns');
        const n = await push('pia');
        assert.equal(by(n, 'iphone').reason, 'provider.none');
        assert.equal(by(n, 'android').status, 'sent');
        const { plan } = await belfry.want(200, 'POST', '/v1/notifications',
            { to: 'pia', title: 't', channels: ['mobile_push'],
                dry_run: true });
        assert.deepEqual(plan.map((d) => [d.device, d.verdict, d.reason]),
            [['android', 'send', null], ['iphone', 'skip', 'provider.none']]);
    });
});

// Whoever has a token of a user's may name a server of his own.
describe('browsers', { timeout: 120000 }, () => {
    let belfry, dir, service, stranger;

    const server = (status, certificates) => fake({ driver: 'web_push',
        faults: {}, take: () => ({ status, body: 'no' }) }, { certificates });

    before(async () => {
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-browsers-'));
        const certificates = await makeCertificates(dir);
        service = await server(201, certificates);
        stranger = await server(403, certificates);
        belfry = await start({ env: {
            SSL_CERT_FILE: certificates.authorityFile } });
        await belfry.put('/v1/providers/push', { channel: 'web_push',
            driver: 'web_push',
            retry: { strategy: 'fixed', base: '100ms', attempts: 3 },
            config: webPush.config });
    });
    after(async () => {
        await belfry?.stop();
        await service?.close();
        await stranger?.close();
        await rm(dir, { recursive: true, force: true });
    });

    it('of one user stop no pushes to the others', async () => {
        const push = async (user) => belfry.settled(await belfry.send(
            { to: user, title: 't', channels: ['web_push'] }));

        for (const [user, at] of [['eve', stranger], ['ann', service]])
            await belfry.put(`/v1/users/${user}/devices/laptop`,
                browser(`${at.base}/v1/${user}`));
        // Each of its attempts is made: no breaker makes them wait.
        assert.deepEqual((await push('eve')).counts, { dead: 1 });
        assert.equal(stranger.calls.length, 3);
        assert.deepEqual((await push('ann')).counts, { sent: 1 });
        const metrics = await belfry.api('GET', '/metrics', undefined,
            { unchecked: true });
        assert.match(metrics.text,
            /belfry_breaker_state\{provider="push"\} 0/);
    });
});
