// Several mails in one request, where a provider takes them: each has a verdict
// of its own, and what goes wrong for all is true of each.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { fake } from './lib/fake.mjs';
import { until } from './lib/until.mjs';
import postmark from './fakes/postmark.mjs';
import resend from './fakes/resend.mjs';
import sendgrid from './fakes/sendgrid.mjs';

const idOf = {
    postmark: (mail) => mail.Metadata.delivery_id,
    resend: (mail) => mail.tags.find((t) => t.name === 'delivery_id').value,
    sendgrid: (mail) => mail.custom_args.delivery_id,
};
// The mails of a call.
const mailsOf = (face, { json }) =>
    face === sendgrid ? json.personalizations : [json].flat();

for (const [face, config] of [[postmark, { batch: 100 }],
    [resend, { batch: 100 }], [sendgrid, { batch: 100 }]])
    describe(`batches of ${face.driver}`, { timeout: 120000 }, () => {
        let belfry, provider, serial = 0;

        before(async () => {
            provider = await fake(face);
            belfry = await start();
        });
        after(async () => {
            await belfry?.stop();
            await provider?.close();
        });

        const configure = (more = {}) => belfry.put('/v1/providers/mail', {
            channel: 'email', driver: face.driver, timeout: '2s',
            concurrency: 8, retry: { strategy: 'fixed', base: '100ms',
                attempts: 5 }, ...more,
            config: { ...face.config, ...config, ...more.config,
                base_url: provider.base } });

        // So many wait when the first request is made; their ids, in order.
        async function queue(n) {
            const first = provider.calls.length;
            await belfry.post('/v1/providers/mail/pause', {});
            const users = Array.from({ length: n }, () => ++serial);
            const ids = [];
            for (const u of users) {
                await belfry.put(`/v1/users/u${u}`, face.user(u));
                ids.push(await belfry.send({ to: `u${u}`, title: `T${u}`,
                    channels: ['email'], body: 'B' }));
            }
            return { ids, users, addresses: users.map((u) =>
                face.user(u).email), calls: () =>
                provider.calls.slice(first) };
        }
        const go = () => belfry.post('/v1/providers/mail/resume', {});
        const end = (id, status) => belfry.reaches(id, 'email', status);

        it('take what waits together, and each once', async () => {
            await configure();
            const q = await queue(12);
            await go();
            for (const id of q.ids) {
                const d = await end(id, 'sent');
                assert.equal(d.log.length, 1);
            }
            const mails = q.calls().flatMap((c) => mailsOf(face, c));
            assert.equal(mails.length, 12);
            assert.equal(new Set(mails.map(idOf[face.driver])).size, 12);
            assert.ok(q.calls().length < 12, `${q.calls().length} calls`);
            assert.ok(q.calls().some((c) => face === sendgrid ?
                c.json.personalizations.length > 1 : /batch$/.test(c.path)));
            for (const c of q.calls()) assert.deepEqual(c.faults, []);
        });

        it('count each message for the rate', async () => {
            await configure({ rate: { per: '1s', limit: 3, burst: 3 } });
            const q = await queue(6);
            await go();
            for (const id of q.ids) await end(id, 'sent');
            assert.ok(q.calls().every((c) => mailsOf(face, c).length <= 3));
        });

        it('go each by itself where nothing else is asked for', async () => {
            await configure({ config: { batch: undefined } });
            const q = await queue(4);
            await go();
            for (const id of q.ids) await end(id, 'sent');
            assert.equal(q.calls().length, 4);
        });

        if (face === postmark)
            it('fail in part', async () => {
                await configure();
                const q = await queue(8);
                provider.inactive = new Set([q.addresses[2]]);
                await go();
                for (const [i, id] of q.ids.entries()) {
                    const d = await end(id, i === 2 ? 'failed' : 'sent');
                    assert.equal(d.log.length, 1);
                    assert.equal(d.log[0].verdict, i === 2 ? 'gone' : 'sent');
                }
                await belfry.get(`/v1/suppressions/${
                    encodeURIComponent(q.addresses[2])}`);
            });

        it('are tried again each by itself when refused as a whole',
            async () => {
                await configure();
                const q = await queue(6);
                provider.script(['permanent']);
                await go();
                const logs = [];
                for (const id of q.ids)
                    logs.push((await end(id, 'sent')).log);
                const refused = logs.filter((log) => log.length > 1);
                const [first, ...others] = q.calls();
                assert.equal(refused.length, mailsOf(face, first).length);
                assert.ok(refused.length > 1);
                for (const log of refused) {
                    assert.equal(log[0].verdict, 'retry');
                    assert.equal(log[0].status,
                        face === sendgrid ? 400 : 422);
                }
                const again = new Set(mailsOf(face, first)
                    .map(idOf[face.driver]));
                for (const c of others)
                    for (const mail of mailsOf(face, c))
                        if (again.has(idOf[face.driver](mail)))
                            assert.equal(mailsOf(face, c).length, 1);
            });

        if (face === sendgrid)
            it('hold those with the same words', async () => {
                await configure();
                const q = await queue(4);
                const other = await belfry.send({ to: `u${q.users[0]}`,
                    title: 'Other', channels: ['email'], body: 'Other words' });
                await go();
                for (const id of [...q.ids, other]) await end(id, 'sent');
                const alone = q.calls().find((c) =>
                    c.json.content[0].value === 'Other words');
                assert.equal(alone.json.personalizations.length, 1);
                for (const c of q.calls()) assert.deepEqual(c.faults, []);
            });

        // A 2xx of SendGrid's has no body that could be spoiled.
        for (const [step, verdict] of [['transient', 'retry'],
            ['rate', 'rate'], ['hang', 'unknown'], ['reset', 'unknown'],
            ...face === sendgrid ? [] : [['cut', 'unknown'],
                ['empty', 'unknown']], ['gateway', 'retry']])
            it(`meet ${step} each`, async () => {
                await configure();
                const q = await queue(5);
                provider.script([step]);
                await go();
                const firsts = [];
                for (const id of q.ids) {
                    const d = await end(id, 'sent');
                    if (d.log.length > 1) firsts.push(d.log[0]);
                }
                assert.equal(firsts.length,
                    mailsOf(face, q.calls()[0]).length);
                assert.ok(firsts.length > 1);
                for (const one of firsts) assert.equal(one.verdict, verdict);
                // one call: its breaker has seen one failure
                const { components } = await belfry.get('/v1/health');
                assert.ok(components.filter((c) =>
                    c.name.startsWith('provider/'))
                    .every((c) => c.status === 'ok'), step);
                await until('nothing is left', async () => (await belfry.get(
                    '/v1/deliveries?status=retrying')).data.length === 0);
            });
    });
