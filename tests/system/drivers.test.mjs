// Every driver against a fake of its provider, and every fault of that: the
// verdict that the table of the provider says, a retry where there is one,
// nothing lost, and no secret anywhere.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { start } from './lib/belfry.mjs';
import { makeCertificates } from './lib/ca.mjs';
import { until } from './lib/until.mjs';
import { fake, SHARED_FAULTS } from './lib/fake.mjs';
import { faces } from './fakes/all.mjs';

// Of the first attempt, where a face says nothing else. What a provider took
// without a readable word was sent.
const VERDICTS = {
    ok: 'sent', slow: 'sent', html: 'sent', empty: 'sent', cut: 'sent',
    half: 'unknown', hang: 'unknown', reset: 'unknown', gateway: 'retry',
    transient: 'retry', rate: 'rate', permanent: 'rejected',
    credentials: 'credentials', gone: 'gone',
};
const STATUSES = {
    delivered: 'delivered', sent: 'sent', rejected: 'failed', gone: 'failed',
};
const MESSAGE = { title: 'Order 7', body: 'It is paid.' };

// Every string of the configuration that is a secret.
const canaries = (face) => [...(face.secrets ?? []),
    ...(JSON.stringify(face.config).match(/[\w-]*canary[\w-]*/g) ?? [])];
// One that does not care who calls it, for all that speak HTTP; a face that
// serves itself has one of its own.
const plain = faces.find((face) => !face.isHttp2 && !face.serve);
const serve = (face, options) => (face.serve ?? fake)(face, options);

// A driver with two ways to its provider has two faces.
const nameOf = (face) => face.name ?? face.driver;

describe('drivers', { timeout: 300000, concurrency: 4 }, () => {
    let belfry, dir, certificates, unknown, stranger, nobody, unused;

    before(async () => {
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-drivers-'));
        unknown = await makeCertificates(dir);
        stranger = await fake(plain, { certificates: unknown });
        certificates = await makeCertificates(dir);
        const gone = await fake(plain);
        await gone.close();
        nobody = gone.base;
        unused = Number(new URL(nobody).port);
        belfry = await start({
            roles: 'all', env: { SSL_CERT_FILE: certificates.authorityFile },
        });
    });
    after(async () => {
        await belfry?.stop();
        await stranger?.close();
        await rm(dir, { recursive: true, force: true });
    });

    for (const face of faces)
        describe(nameOf(face), { concurrency: 1 }, () => {
            const workspace = `w-${nameOf(face)}`;
            let provider, foreigner, serial = 0;

            before(async () => {
                provider = await serve(face,
                    face.isSecure || face.isHttp2 ? { certificates } : {});
                foreigner = face.serve ? await face.serve(face,
                    { certificates: unknown }) : stranger;
                await belfry.put(`/v1/workspaces/${workspace}`, {});
            });
            after(async () => {
                await provider?.close();
                if (face.serve) await foreigner?.close();
            });

            // Another version of the provider: its breaker is as new.
            const configure = (base = provider.base, more = {}) =>
                belfry.put(`/v1/providers/${face.driver}`, {
                    channel: face.channel, driver: face.driver,
                    timeout: '2s',
                    retry: { strategy: 'fixed', base: '100ms', attempts: 5 },
                    config: { ...face.config,
                        ...(face.at?.(base) ?? { base_url: base }) },
                    ...more,
                }, { workspace });

            const send = async () => {
                const user = `u${++serial}`;
                await belfry.put(`/v1/users/${user}`, face.user?.(serial) ?? {},
                    { workspace });
                await face.prepare?.(belfry, user, serial, workspace, provider);
                return belfry.send({ to: user, channels: [face.channel],
                    ...MESSAGE, ...face.message }, { workspace });
            };

            const reaches = (id, status) => belfry.reaches(id, face.channel,
                status, { workspace });

            // A first attempt; soon after, it may wait for its turn again.
            const tried = (id) => until(`an attempt of ${id}`, async () =>
                (await belfry.delivery(id, face.channel, { workspace }))
                    .log.length > 0);

            it('brings the message as the provider wants it', async () => {
                await configure();
                const d = await reaches(await send(),
                    [STATUSES[face.verdicts.ok ?? 'sent'], 'failed']);
                const [call] = provider.calls;
                assert.deepEqual(call.faults, []);
                assert.equal(d.log.length, 1, JSON.stringify(d.log));
                assert.equal(d.log[0].verdict, face.verdicts.ok ?? 'sent');
                face.check(assert, call, provider);
            });

            for (const step of [...Object.keys(face.faults),
                ...face.shared ?? SHARED_FAULTS])
                it(`meets ${step}`, async () => {
                    const want = face.verdicts[step] ?? VERDICTS[step];
                    const n = provider.calls.length;
                    await configure();
                    provider.script([step]);
                    const id = await send();
                    const end = STATUSES[want];
                    if (want === 'credentials') {
                        // Nothing goes out until somebody mends it.
                        await tried(id);
                        await configure();
                    }
                    const d = await reaches(id, end ??
                        STATUSES[face.verdicts.ok ?? 'sent']);
                    assert.equal(d.log[0].verdict, want,
                        JSON.stringify(d.log));
                    assert.equal(d.log.length, end ? 1 : 2,
                        JSON.stringify(d.log));
                    assert.equal(provider.calls.length, n + d.log.length);
                    for (const call of provider.calls.slice(n))
                        assert.deepEqual(call.faults, []);
                });

            it('retries where nobody listens', async () => {
                await configure(face.at ? unused : nobody);
                const id = await send();
                await tried(id);
                await configure();
                const d = await reaches(id,
                    STATUSES[face.verdicts.ok ?? 'sent']);
                assert.equal(d.log[0].verdict, 'retry');
            });

            it('tells nothing to a server that it cannot trust', async () => {
                await configure(foreigner.base);
                const id = await send();
                await tried(id);
                await configure();
                const d = await reaches(id,
                    STATUSES[face.verdicts.ok ?? 'sent']);
                assert.equal(d.log[0].verdict,
                    face.verdicts.stranger ?? 'retry');
                assert.equal(foreigner.calls.length, 0);
            });

            face.more?.(it, assert, { configure, send,
                get provider() { return provider; },
                reaches });

            it('tells nobody the secrets', async () => {
                const shown = await belfry.get(
                    `/v1/providers/${face.driver}`, { workspace });
                const logs = [JSON.stringify(shown), belfry.stderr];
                const { data } = await belfry.get(
                    '/v1/deliveries?limit=100', { workspace });
                const attempts = [];
                for (const { id } of data) {
                    const d = await belfry.get(`/v1/deliveries/${id}`,
                        { workspace });
                    logs.push(JSON.stringify(d));
                    attempts.push(...d.log);
                }
                for (const secret of canaries(face))
                    for (const log of logs)
                        assert.ok(!log.includes(secret), secret);
                // How a call went out stands there, but not to whom.
                const asked = attempts.filter((a) => a.request);
                assert.ok(asked.length > 0);
                for (let i = 1; i <= serial; i++)
                    for (const address of Object.values(face.user?.(i) ?? {}))
                        for (const { request } of asked)
                            assert.ok(!JSON.stringify(request)
                                .includes(address), address);
            });
        });
});
