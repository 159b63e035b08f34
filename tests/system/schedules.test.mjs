// Schedules that run: each time once, at its time, whoever is there.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from './lib/belfry.mjs';
import { nodes } from './lib/nodes.mjs';
import { until } from './lib/until.mjs';

const inMs = (ms) => Math.ceil((Date.now() + ms) / 1000) * 1000;
const text = (ms) => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
// Once, then.
const at = (ms) => `DTSTART:${text(ms)}\nRRULE:FREQ=DAILY;COUNT=1`;
const each = (n, step) => Array.from({ length: n / step }, (_, i) => i * step)
    .join(',');
// Every 3 seconds.
const OFTEN = `FREQ=HOURLY;BYMINUTE=${each(60, 1)};BYSECOND=${each(60, 3)}`;

// All notifications of that schedule, oldest first.
async function runs(b, key) {
    const page = await b.get('/v1/notifications?limit=100');
    const all = await Promise.all(page.data.map(
        (n) => b.get(`/v1/notifications/${n.id}`)));
    return all.filter((n) => n.metadata?.schedule?.key === key).reverse();
}

const dueOf = (n) => Date.parse(n.metadata.schedule.due_at);

describe('schedules', { timeout: 120000 }, () => {
    let b;

    before(async () => {
        b = await start({ roles: 'all' });
    });
    after(() => b?.stop());

    const put = (key, rrule, more = {}) => b.put(`/v1/schedules/${key}`,
        { rrule, notification: { to: 'ada', title: key }, ...more });

    it('send at their times', async () => {
        const due = inMs(3000);
        const s = await put('soon', at(due), { notification: { to: 'ada',
            title: 't', metadata: { of: 'mine' } } });
        assert.deepEqual(s.next, [new Date(due).toISOString()]);
        const [n] = await until('it has run', async () => {
            const found = await runs(b, 'soon');
            return found[0]?.status === 'done' && found;
        });
        assert.deepEqual(n.metadata, { of: 'mine', schedule: { key: 'soon',
            due_at: new Date(due).toISOString() } });
        const delivered = Date.parse(n.deliveries[0].created_at);
        assert.ok(delivered >= due && delivered < due + 1000,
            `${delivered - due} ms after its time`);
        assert.deepEqual((await b.get('/v1/schedules/soon')).next, []);
    });

    it('make up what was missed', async () => {
        await put('missed', OFTEN);
        await until('it has run', async () =>
            (await runs(b, 'missed')).length > 0);
        b.child.kill('SIGTERM');
        await b.exit;
        await sleep(8000);
        const began = Date.now();
        await b.restart();
        const found = await until('it has run again', async () => {
            const all = await runs(b, 'missed');
            return all.some((n) => dueOf(n) > began) && all;
        });
        await b.want(204, 'DELETE', '/v1/schedules/missed');
        const dues = found.map(dueOf);
        assert.equal(new Set(dues).size, dues.length);
        // Of those of the downtime the last one: the others are a gap.
        const gap = Math.max(...dues.slice(1).map((d, i) => d - dues[i]));
        assert.ok(gap >= 6000, `${gap} ms are missing`);
        assert.ok(dues.some((d) => d <= began && d > began - 3000 - 1000));
    });

    it('outlive a kill', async () => {
        await put('killed', OFTEN);
        await until('it has run', async () =>
            (await runs(b, 'killed')).length > 0);
        await b.kill9();
        await b.launch();
        const n = (await runs(b, 'killed')).length;
        const found = await until('it goes on', async () => {
            const all = await runs(b, 'killed');
            return all.length > n + 1 && all;
        });
        await b.want(204, 'DELETE', '/v1/schedules/killed');
        const dues = found.map(dueOf);
        assert.equal(new Set(dues).size, dues.length);
    });

    it('stop when they are switched off or deleted', async () => {
        const due = inMs(4000);
        await put('off', at(due));
        await put('gone', at(due));
        const s = await put('off', at(due), { enabled: false });
        assert.deepEqual(s.next, []);
        await b.want(204, 'DELETE', '/v1/schedules/gone');
        await sleep(due + 500 - Date.now());
        assert.deepEqual(await runs(b, 'off'), []);
        assert.deepEqual(await runs(b, 'gone'), []);
    });

    it('say what is wrong with them', async () => {
        const refused = async (body, ...pointers) => {
            const a = await b.want(422, 'PUT', '/v1/schedules/bad', body);
            assert.deepEqual(a.errors.map((e) => e.pointer), pointers);
            return a.errors;
        };
        const notification = { to: 'ada', title: 't' };
        await refused({ notification }, '');
        await refused({ cron: '@daily' }, '/notification');
        await refused({ cron: '0 0 30 2 *', timezone: 'Mars/Olympus',
            notification: { to: 'ada' } }, '/timezone', '/notification');
        await refused({ cron: '99 * * * *', notification: { to: {},
            title: 't' } }, '/cron', '/notification/to');
        await refused({ cron: '@daily', notification: { ...notification,
            send_at: '2026-01-01T00:00:00Z', dry_run: false,
            template: 'none' } },
        '/notification/send_at', '/notification/dry_run',
        '/notification/template', '/notification/template');
        await refused({ cron: '@daily', misfire: 'never', notification },
            '/misfire');
        const [e] = (await b.want(422, 'POST', '/v1/notifications',
            { ...notification, dedup_key: 'belfry:schedule:soon@1' })).errors;
        assert.equal(e.pointer, '/dedup_key');
        await b.want(404, 'GET', '/v1/schedules/bad');
    });
});

describe('schedules of several processes', { timeout: 120000 }, () => {
    it('make one notification of each run', async (t) => {
        const all = await nodes(t);
        const a = await all.start('api,worker,scheduler');
        const b = await all.start('api,scheduler');
        await a.put('/v1/schedules/often',
            { rrule: OFTEN, notification: { to: 'ada', title: 't' } });
        await until('it has run twice', async () =>
            (await runs(a, 'often')).length >= 2, { timeout: 30000 });
        await a.kill9();
        await a.launch();
        const found = await until('it goes on', async () => {
            const some = await runs(b, 'often');
            return some.length >= 5 && some;
        }, { timeout: 40000 });
        const dues = found.map(dueOf);
        assert.deepEqual(dues, dues.map((_, i) => dues[0] + i * 3000));
    });
});
