// What providers tell later: each face that says what its provider sends
// (`receipts`), end to end: send, be taken, be told, see the status; a wrong
// signature, the same once more, out of order, a crash in between.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { fake } from './lib/fake.mjs';
import { until } from './lib/until.mjs';
import { faces } from './fakes/all.mjs';

const MESSAGE = { title: 'Order 7', body: 'It is paid.' };
const ENDS = ['sent', 'delivered', 'failed', 'dead'];
const tellers = faces.filter((face) => face.receipts?.length > 0);

// Of a provider whose configuration says where its webhooks go.
function withCallback(config, url) {
    const name = ['status_callback', 'callback'].find((n) => config[n]);
    return name && /^http/.test(config[name]) ?
        { ...config, [name]: url } : config;
}

// One with its own signature spoiled, wherever that stands.
function spoil(made) {
    const headers = { ...made.headers };
    const name = Object.keys(headers).find((n) => /sign|token|secret|auth|hmac/i
        .test(n));
    if (name) {
        // Not the last one: in base 64 some of its bits are nobody's.
        const at = headers[name].search(/[\w+/-]{5}[^\w+/-]*$/);
        assert.ok(at >= 0);
        const turned = headers[name].slice(0, at) +
            (headers[name][at] === '0' ? '1' : '0') +
            headers[name].slice(at + 1);
        return { ...made, headers: { ...headers, [name]: turned } };
    }
    return { ...made, body: String(made.body)
        .replace(/[0-9a-f](?=[0-9a-f]{8})/, (c) => (c === '0' ? '1' : '0')) };
}

for (const face of tellers)
    describe(`receipts of ${face.name ?? face.driver}`, { timeout: 180000 }, () => {
        const name = `p-${face.driver}`;
        let belfry, provider, hook, serial = 0;

        const configure = async (options) => {
            const document = (config) => ({ channel: face.channel,
                driver: face.driver, timeout: '5s',
                config: { ...config, base_url: provider.base } });
            await belfry.put(`/v1/providers/${name}`, document(face.config),
                options);
            const { receipt_url: url } = await belfry.get(
                `/v1/providers/${name}`, options);
            assert.ok(url.startsWith(`${belfry.url}/v1/receipts/${name}?key=`),
                url);
            await belfry.put(`/v1/providers/${name}`,
                document(withCallback(face.config, url)), options);
            return url;
        };

        before(async () => {
            provider = await fake(face);
            belfry = await start({ roles: 'all' });
            hook = await configure();
        });
        after(async () => {
            await belfry?.stop();
            await provider?.close();
        });

        const send = async (options) => {
            const user = `u${++serial}`;
            await belfry.put(`/v1/users/${user}`, face.user?.(serial) ?? {},
                options);
            await face.prepare?.(belfry, user, serial, options?.workspace,
                provider);
            const n = provider.calls.length;
            const id = await belfry.send({ to: user,
                channels: [face.channel], ...MESSAGE, ...face.message },
                options);
            const d = await belfry.reaches(id, face.channel, ENDS, options);
            assert.ok(['sent', 'delivered'].includes(d.status),
                JSON.stringify(d));
            return { id, user, delivery: d.id, call: provider.calls[n] };
        };

        // As the provider calls: without a key of ours.
        const post = async (made, url = hook) => {
            const to = new URL(url);
            for (const [k, v] of new URLSearchParams(made.query ?? ''))
                to.searchParams.append(k, v);
            const response = await fetch(to, { method: made.method ?? 'POST',
                headers: made.headers, body: made.body });
            return { status: response.status, text: await response.text() };
        };
        // Where the address is signed, it is that one.
        const called = (sent, url) => {
            const form = sent.call.form && new URLSearchParams(sent.call.form);
            form?.set('StatusCallback', url);
            return { ...sent, call: { ...sent.call, ...form && { form } } };
        };
        const told = async (sent, receipt, url) =>
            post(await receipt.make(provider, sent.call), url);
        const look = (sent, options) =>
            belfry.get(`/v1/deliveries/${sent.delivery}`, options);
        const receiptsOf = (d) => d.log.filter((row) => row.n === 0);
        const find = (event) => face.receipts.find((r) =>
            r.want.event === event);

        for (const receipt of face.receipts)
            it(`hears: ${receipt.name}`, async () => {
                const sent = await send();
                const was = (await look(sent)).status;
                const answer = await told(sent, receipt);
                assert.equal(answer.status, 200, answer.text);
                const d = await look(sent);
                assert.equal(d.status, receipt.want.status ?? was,
                    JSON.stringify(d));
                assert.deepEqual(receiptsOf(d).map((row) => row.verdict),
                    receipt.want.event ? [receipt.want.event] : []);
                const { steps } = await belfry.get(
                    `/v1/notifications/${sent.id}/trace`);
                assert.deepEqual(steps.filter((s) => s.stage === 'receipt')
                    .map((s) => s.verdict),
                    receipt.want.event ? [receipt.want.event] : []);
                const n = await belfry.get(`/v1/notifications/${sent.id}`);
                assert.deepEqual(n.counts, { [d.status]: 1 });
            });

        it('hears the same once, however often it is told', async () => {
            const receipt = face.receipts.find((r) => r.want.event);
            const sent = await send();
            const made = await receipt.make(provider, sent.call);
            const answers = await Promise.all(
                Array.from({ length: 5 }, () => post(made)));
            assert.deepEqual(answers.map((a) => a.status), Array(5).fill(200));
            assert.equal((await post(made)).status, 200);
            assert.equal(receiptsOf(await look(sent)).length, 1);
        });

        it('goes nowhere backwards', async (t) => {
            const bad = find('bounced') ?? find('failed');
            const good = find('delivered');
            if (!bad || !good) return t.skip('it tells of one end only');
            const sent = await send();
            assert.equal((await told(sent, bad)).status, 200);
            assert.equal((await told(sent, good)).status, 200);
            const d = await look(sent);
            assert.equal(d.status, 'failed');
            assert.equal(receiptsOf(d).length, 2);
        });

        it('suppresses who bounces', async (t) => {
            const bounced = find('bounced');
            if (!bounced) return t.skip('it tells of no bounces');
            const sent = await send();
            assert.equal((await told(sent, bounced)).status, 200);
            const { plan } = await belfry.want(200, 'POST',
                '/v1/notifications', { to: sent.user,
                    channels: [face.channel], ...MESSAGE, dry_run: true });
            assert.equal(plan[0].verdict, 'skip');
            assert.equal(plan[0].reason, 'suppress.bounce');
        });

        it('refuses what is not signed, and says so', async () => {
            const receipt = face.receipts.find((r) => r.want.event);
            const sent = await send();
            const made = await receipt.make(provider, sent.call);
            const bare = { ...made, headers: Object.fromEntries(
                Object.entries(made.headers).filter(([n]) =>
                    /^content-type$/i.test(n))) };
            const isInHeader = Object.keys(bare.headers).length <
                Object.keys(made.headers).length;
            for (const wrong of [spoil(made), ...isInHeader ? [bare] : []]) {
                const answer = await post(wrong);
                assert.equal(answer.status, 401, answer.text);
                assert.equal(JSON.parse(answer.text).code, 'unauthorized');
            }
            assert.deepEqual(receiptsOf(await look(sent)), []);
            assert.equal((await post(made)).status, 200);
        });

        it('tells the workspace by the key alone', async () => {
            await belfry.put('/v1/workspaces/other', {});
            const options = { workspace: 'other' };
            const url = await configure(options);
            const sent = await send(options);
            const receipt = face.receipts.find((r) => r.want.event);
            const bare = new URL(url);
            bare.search = '';
            for (const to of [`${url}A`, url.replace('key=', 'key=A'),
                url.replace(name, 'nobody')])
                assert.equal((await told(sent, receipt, to)).status, 404);
            assert.equal((await told(sent, receipt, url)).status, 200);
            assert.equal(receiptsOf(await look(sent, options)).length, 1);
            await configure();
        });

        // With the same keys, and the very ids: of another one's delivery.
        it('changes nothing of another workspace', async () => {
            const receipt = face.receipts.find((r) => r.want.status) ??
                face.receipts.find((r) => r.want.event);
            const sent = await send();
            const was = await look(sent);
            await belfry.put('/v1/workspaces/thief', {});
            const url = await configure({ workspace: 'thief' });
            await configure();
            const answer = await told(called(sent, url), receipt, url);
            assert.equal(answer.status, 200, answer.text);
            assert.deepEqual(await look(sent), was);
            const { data } = await belfry.get('/v1/suppressions',
                { workspace: 'thief' });
            assert.deepEqual(data, []);
        });

        // Of a message of another workspace's, signed with the same keys.
        it('counts what it does not know, and takes it', async () => {
            const receipt = face.receipts.find((r) => r.want.event);
            const options = { workspace: 'stranger' };
            await belfry.put('/v1/workspaces/stranger', {});
            await configure(options);
            const sent = await send(options);
            await configure();
            const count = async () => {
                const metrics = await belfry.api('GET', '/metrics', undefined,
                    { unchecked: true });
                const found = new RegExp('belfry_receipts_total\\{' +
                    `provider="${name}",event="${receipt.want.event}",` +
                    'outcome="unknown"\\} (\\d+)').exec(metrics.text);
                return Number(found?.[1] ?? 0);
            };
            const n = await count();
            const answer = await told(called(sent, hook), receipt);
            assert.equal(answer.status, 200, answer.text);
            await until('it is counted', async () => await count() > n);
        });

        it('loses nothing that it has heard', async () => {
            const receipt = face.receipts.find((r) => r.want.status) ??
                face.receipts.find((r) => r.want.event);
            const sent = await send();
            const made = await receipt.make(provider, sent.call);
            assert.equal((await post(made)).status, 200);
            await belfry.kill9();
            await belfry.restart();
            let d = await look(sent);
            assert.equal(receiptsOf(d).length, 1);
            if (receipt.want.status)
                assert.equal(d.status, receipt.want.status);
            // What dies before the answer comes again, and counts once.
            const again = await send();
            const word = await receipt.make(provider, again.call);
            const cut = post(word).catch(() => ({ status: 0 }));
            await belfry.kill9();
            await cut;
            await belfry.restart();
            await until('it is told again', async () =>
                (await post(word).catch(() => ({}))).status === 200);
            d = await look(again);
            assert.equal(receiptsOf(d).length, 1, JSON.stringify(d));
        });
    });

describe('receipts of nobody', { timeout: 60000 }, () => {
    let belfry;

    before(async () => {
        belfry = await start({ roles: 'all' });
    });
    after(() => belfry?.stop());

    it('are not taken', async () => {
        await belfry.put('/v1/providers/silent',
            { channel: 'email', driver: 'null' });
        const shown = await belfry.get('/v1/providers/silent');
        assert.equal(shown.receipt_url, undefined);
        for (const name of ['silent', 'nobody', 'a%2Fb']) {
            const a = await belfry.api('POST', `/v1/receipts/${name}?x=1`,
                '{}', { key: null });
            assert.equal(a.status, 404, a.text);
            assert.equal(a.type, 'application/problem+json');
        }
        const g = await belfry.api('GET', '/v1/receipts/silent', undefined,
            { key: null });
        assert.equal(g.status, 404);
        assert.deepEqual(belfry.violations, []);
    });

    it('are not taken where they are too long', async () => {
        const a = await belfry.api('POST', '/v1/receipts/silent',
            Buffer.alloc((1 << 20) + 1, 32), { key: null, unchecked: true });
        assert.equal(a.status, 413);
    });
});
