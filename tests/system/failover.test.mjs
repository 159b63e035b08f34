// Who carries a delivery where several providers could: by order, by weight,
// by how well each does; and what becomes of the others when one dies.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { once } from 'node:events';
import { started } from './lib/belfry.mjs';
import { receiver } from './lib/webhook.mjs';
import { pause, until } from './lib/until.mjs';

const RETRY = { strategy: 'fixed', base: '1s', attempts: 20 };

// One receiver for each name, all of them providers of the channel webhook.
async function withProviders(t, providers) {
    const belfry = await started(t);
    const hooks = {};
    for (const [name, more] of Object.entries(providers)) {
        const hook = await receiver();
        t.after(() => hook.close());
        hooks[name] = hook;
        await belfry.put(`/v1/providers/${name}`, {
            channel: 'webhook', driver: 'webhook', retry: RETRY, timeout: '2s',
            config: { url: hook.url('/in'), secret: hook.secret }, ...more,
        });
    }
    return { belfry, hooks };
}

async function sendMany(belfry, n) {
    await belfry.want(200, 'POST', '/v1/notifications/batch',
        Array.from({ length: n }, (_, i) => ({ to: `u${i}`, title: 'x',
            channels: ['webhook'] })));
}

const counts = (hooks) => Object.fromEntries(
    Object.entries(hooks).map(([name, h]) => [name, h.all.length]));
const total = (hooks) => Object.values(counts(hooks))
    .reduce((a, b) => a + b, 0);

describe('providers of the same order', { timeout: 120000 }, () => {
    it('share the load by weight', async (t) => {
        const { belfry, hooks } = await withProviders(t, {
            a: { weight: 3 }, b: {}, spare: { weight: 0 }, late: { order: 2 },
        });
        await sendMany(belfry, 800);
        await until('all of them', () => total(hooks) >= 800);
        const { a, spare, late } = counts(hooks);
        // Five standard deviations of a binomial.
        assert.ok(Math.abs(a - 600) < 62, JSON.stringify(counts(hooks)));
        assert.equal(spare + late, 0);
        const one = await belfry.get('/v1/providers/spare');
        assert.equal(one.weight, 0);
    });

    it('leave what one gives up to the others, those without weight last',
        async (t) => {
            const { belfry, hooks } = await withProviders(t, {
                a: { concurrency: 1 }, spare: { weight: 0 }, late: { order: 2 },
            });
            hooks.a.script('/in', Array(1000).fill(500));
            await sendMany(belfry, 20);
            await until('all of them', () => hooks.spare.all.length === 20);
            assert.equal(hooks.late.all.length, 0);
        });

    it('refuse a weight or an adaptive that is none', async (t) => {
        const { belfry } = await withProviders(t, { a: {} });
        for (const bad of [{ weight: -1 }, { weight: 1001 }, { weight: 1.5 },
            { adaptive: 'yes' }]) {
            const answer = await belfry.api('PUT', '/v1/providers/a', {
                channel: 'webhook', driver: 'null', ...bad });
            assert.equal(answer.status, 422, JSON.stringify(bad));
            assert.equal(answer.body.errors[0].pointer,
                `/${Object.keys(bad)[0]}`);
        }
    });

    for (const [adaptive, least, most] of [[true, 5, 110], [false, 150, 250]])
        it(`${adaptive ? 'give less to' : 'with adaptive off, as much to'} ` +
            'one that is slow', async (t) => {
            const { belfry, hooks } = await withProviders(t, {
                slow: { concurrency: 64, adaptive, weight: 1 },
                fast: { concurrency: 64 },
            });
            hooks.slow.script('/in', Array(10000).fill({ after: 1000 }));
            await sendMany(belfry, 60); // by which they are known
            await until('the first ones', () => total(hooks) >= 60);
            await pause(1500); // the answers of the slow one are still to come
            const before = hooks.slow.all.length;
            await sendMany(belfry, 400);
            await until('all of them', () => total(hooks) >= 460,
                { timeout: 30000 });
            const n = hooks.slow.all.length - before;
            assert.ok(n >= least && n <= most, `${n} of 400`);
        });
});

// A sender that keeps a rate; when each was accepted, by its title.
class Stream {
    constructor(belfry, every) {
        this.belfry = belfry;
        this.sent = new Map();
        this.timer = setInterval(() => this.one(), every);
        this.pending = new Set();
    }

    one() {
        const title = `n${this.sent.size}`;
        this.sent.set(title, Date.now());
        const p = this.belfry.send({ to: 'u1', title,
            channels: ['webhook', 'ntfy'] });
        this.pending.add(p);
        p.finally(() => this.pending.delete(p));
    }

    async end() {
        clearInterval(this.timer);
        await Promise.all(this.pending);
    }
}

const median = (values) => values.sort((x, y) => x - y)[values.length >> 1];

describe('a provider that dies', { timeout: 180000 }, () => {
    it('is left, the next one takes over, the others do not notice, and ' +
        'probes bring it back', async (t) => {
        const { belfry, hooks } = await withProviders(t, {
            first: { order: 1, concurrency: 1 }, second: { order: 2 },
        });
        const other = await receiver();
        t.after(() => other.close());
        await belfry.put('/v1/providers/ntfy', { channel: 'ntfy',
            driver: 'ntfy', config: { topic: 'x', base_url: other.url('') } });
        const stream = new Stream(belfry, 50);
        t.after(() => stream.end());

        // How long what is sent from now on takes to reach the other channel.
        const others = async (ms) => {
            const from = Date.now();
            await pause(ms);
            return median(other.all.filter((c) => c.at > from)
                .map((c) => c.at - stream.sent.get(JSON.parse(c.body).title)));
        };
        const failures = async () => {
            const text = (await belfry.api('GET', '/metrics', undefined,
                { unchecked: true })).text;
            const found = text.match(new RegExp('delivery_attempts_total\\{' +
                '[^}]*provider="first",class="retry"\\} (\\d+)'));
            return Number(found?.[1] ?? 0);
        };
        const health = async () => (await belfry.get('/v1/health'))
            .components.find((c) => c.name === 'provider/default/first');

        const before = await others(2000);
        assert.ok(hooks.first.all.length > 10);
        assert.equal(hooks.second.all.length, 0);

        const port = hooks.first.port;
        await hooks.first.close();
        await until('its breaker is open', async () =>
            (await health()).status === 'degraded');
        assert.equal(await failures(), 5, 'its failure limit, and no more');
        const during = await others(4000);
        const probes = await failures() - 5;
        assert.ok(probes >= 1 && probes <= 4, `${probes} probes`);
        assert.ok(hooks.second.all.length > 40);

        const had = hooks.first.all.length;
        hooks.first.server.listen(port, '127.0.0.1');
        await once(hooks.first.server, 'listening');
        await until('it is back', () => hooks.first.all.length > had + 20,
            { timeout: 20000 });
        assert.equal((await health()).status, 'ok');
        const there = hooks.second.all.length;
        const after = await others(2000);
        assert.equal(hooks.second.all.length, there, 'the load went back');

        await stream.end();
        const all = () => new Set([...hooks.first.all, ...hooks.second.all]
            .map((c) => c.json.title));
        await until('all of them', () => all().size === stream.sent.size);
        assert.ok(Math.max(during, after) < before + 50,
            `${before} ms before, ${during} during, ${after} after`);
    });
});
