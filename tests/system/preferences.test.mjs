// What users want, and what a workspace and its categories make of it: asked of
// a dry run, and seen in what is delivered.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';

describe('preferences', { timeout: 120000 }, () => {
    let belfry;

    before(async () => {
        belfry = await start();
        for (const channel of ['email', 'sms'])
            await belfry.put(`/v1/providers/${channel}`,
                { channel, driver: 'null', config: {} });
        await belfry.put('/v1/categories/news',
            { name: 'News', channels: ['in_app', 'email'] });
        await belfry.put('/v1/categories/alarm',
            { channels: ['sms'], critical: true });
        for (const user of ['ada', 'bob', 'eve'])
            await belfry.put(`/v1/users/${user}`,
                { email: `${user}@example.org`, phone: '+491700000' });
    });
    after(() => belfry?.stop());

    const prefer = (user, doc) => belfry.want(200, 'PUT',
        `/v1/users/${user}/preferences`, doc);

    // {channel: verdict or reason} of a dry run.
    async function planned(to, send) {
        const a = await belfry.want(200, 'POST', '/v1/notifications',
            { to, title: 't', dry_run: true, ...send });
        return Object.fromEntries(a.plan.map((d) => [d.channel,
            d.verdict === 'send' ? 'send' : d.reason]));
    }

    it('are {} until something is set', async () => {
        const a = await belfry.get('/v1/users/nobody/preferences');
        assert.deepEqual({ ...a, version: 0 }, { user: 'nobody', version: 0,
            created_at: null, updated_at: null });
    });

    it('send on the channels of the category', async () => {
        assert.deepEqual(await planned('ada', { category: 'news' }),
            { in_app: 'send', email: 'send' });
        assert.deepEqual(await planned('ada',
            { category: 'news', channels: ['sms'] }), { sms: 'send' });
        assert.deepEqual(await planned('ada', { category: 'never-set-up' }),
            { in_app: 'send' });
    });

    it('decide by channel, category and both', async () => {
        await prefer('ada', { channels: { sms: false }, categories: {
            news: { channels: { email: false } }, offers: { enabled: false } },
        });
        assert.deepEqual(await planned('ada', { category: 'news' }),
            { in_app: 'send', email: 'pref.channel_off' });
        assert.deepEqual(await planned('ada', { category: 'offers',
            channels: ['in_app', 'email', 'sms'] }), {
            in_app: 'pref.category_off', email: 'pref.category_off',
            sms: 'pref.category_off' });
        assert.deepEqual(await planned('ada', { channels: ['email', 'sms'] }),
            { email: 'send', sms: 'pref.channel_off' });
        assert.deepEqual(await planned('bob', { category: 'news' }),
            { in_app: 'send', email: 'send' });
    });

    it('hold for what is delivered, and its trace says why', async () => {
        const id = await belfry.send({ to: ['ada', 'bob'], title: 't',
            category: 'news' });
        const n = await belfry.settled(id);
        assert.deepEqual(n.counts, { delivered: 3, suppressed: 1 });
        const off = n.deliveries.find((d) => d.status === 'suppressed');
        assert.equal(off.user, 'ada');
        assert.equal(off.channel, 'email');
        assert.equal(off.reason, 'pref.channel_off');
        const steps = (await belfry.trace(id)).filter((s) =>
            s.user === 'ada' && s.channel === 'email');
        assert.equal(steps.at(-1).reason, 'pref.channel_off');
    });

    it('do not hold up a critical category', async () => {
        await prefer('bob', { muted_until: '2099-01-01T00:00:00.000Z' });
        assert.deepEqual(await planned('bob', { category: 'news' }),
            { in_app: 'pref.global_off', email: 'pref.global_off' });
        assert.deepEqual(await planned('bob', { category: 'alarm' }),
            { sms: 'send' });
    });

    it('end a mute at its time', async () => {
        await prefer('bob', { muted_until: '2020-01-01T00:00:00.000Z' });
        assert.deepEqual(await planned('bob', { category: 'news' }),
            { in_app: 'send', email: 'send' });
    });

    it('are replaced by PUT and merged by PATCH', async () => {
        await prefer('eve', { channels: { sms: false, email: false } });
        const patched = await belfry.want(200, 'PATCH',
            '/v1/users/eve/preferences', { channels: { sms: null },
                categories: { news: { enabled: false } } });
        assert.deepEqual(patched.channels, { email: false });
        assert.deepEqual(patched.categories, { news: { enabled: false } });
        const put = await prefer('eve', { channels: { sms: false } });
        assert.equal(put.categories, undefined);
        assert.deepEqual(await belfry.get('/v1/users/eve/preferences'), put);
    });

    it('are the user\'s own to change', async () => {
        const key = await belfry.token('eve');
        await belfry.want(200, 'PATCH', '/v1/inbox/preferences',
            { channels: { email: false, sms: null } }, { key });
        const own = await belfry.get('/v1/inbox/preferences', { key });
        assert.equal(own.user, 'eve');
        assert.deepEqual(own.channels, { email: false });
        assert.deepEqual(await planned('eve', { channels: ['email', 'sms'] }),
            { email: 'pref.channel_off', sms: 'send' });
        await belfry.want(403, 'GET', '/v1/inbox/preferences?user=ada',
            undefined, { key });
    });

    it('fall back to the workspace\'s', async () => {
        await belfry.want(201, 'PUT', '/v1/workspaces/quiet',
            { preferences: { channels: { email: false },
                categories: { news: { channels: { email: true } } } } });
        const workspace = 'quiet';
        const ask = async (send) => (await belfry.want(200, 'POST',
            '/v1/notifications', { to: 'ada', title: 't', dry_run: true,
                channels: ['email'], ...send }, { workspace })).plan[0].reason;
        assert.equal(await ask({}), 'pref.channel_off');
        assert.equal(await ask({ category: 'news' }), 'provider.none');
        await belfry.want(200, 'PUT', '/v1/users/ada/preferences',
            { channels: { email: true } }, { workspace });
        assert.equal(await ask({}), 'provider.none');
        await belfry.want(200, 'PUT', '/v1/workspaces/quiet', {});
        await until('the defaults are gone', async () =>
            (await belfry.want(200, 'POST', '/v1/notifications',
                { to: 'bob', title: 't', dry_run: true, channels: ['email'] },
                { workspace })).plan[0].reason === 'provider.none');
    });

    it('hold what would disturb in quiet hours', async () => {
        const hhmm = (ms) => new Date(ms).toISOString().slice(11, 16);
        const now = Date.now();
        const end = Math.ceil((now + 3600000) / 60000) * 60000;
        await prefer('ada', { quiet_hours: { start: hhmm(now - 3600000),
            end: hhmm(end), timezone: 'Etc/UTC' } });
        const all = { channels: ['in_app', 'email'] };
        assert.deepEqual(await planned('ada', all),
            { in_app: 'send', email: 'quiet.deferred_until' });
        assert.deepEqual(await planned('ada', { ...all,
            priority: 'critical' }), { in_app: 'send', email: 'send' });
        const id = await belfry.send({ to: 'ada', title: 't', ...all });
        const held = await belfry.delivery(id, 'email');
        assert.equal(held.status, 'held');
        assert.equal(held.reason, 'quiet.deferred_until');
        assert.equal((await belfry.delivery(id, 'in_app')).status,
            'delivered');
        const c = await belfry.want(200, 'POST',
            `/v1/notifications/${id}/cancel`);
        assert.equal(c.stopped, 1);
        assert.equal((await belfry.delivery(id, 'email')).status,
            'cancelled');
        for (const [policy, verdict] of [['drop', 'quiet.dropped'],
            ['break_through', 'send'], ['defer', 'quiet.deferred_until']]) {
            await belfry.put('/v1/categories/night', { quiet_hours: policy });
            assert.deepEqual(await planned('ada', { ...all,
                category: 'night' }), { in_app: 'send', email: verdict });
        }
        await prefer('ada', {});
    });

    // Quiet hours end with a minute: this one waits for the next.
    it('are asked again when quiet hours end', async () => {
        const hhmm = (ms) => new Date(ms).toISOString().slice(11, 16);
        const end = Math.ceil((Date.now() + 5000) / 60000) * 60000;
        const quiet_hours = { start: hhmm(end - 3600000), end: hhmm(end),
            timezone: 'Etc/UTC' };
        await belfry.put('/v1/categories/bundle', { quiet_hours: 'digest' });
        for (const user of ['kay', 'lou']) {
            await belfry.put(`/v1/users/${user}`,
                { email: `${user}@example.com` });
            await prefer(user, { quiet_hours });
        }
        const to = ['kay', 'lou'];
        const send = (category) => belfry.send({ to, title: 't', category,
            channels: ['email'] });
        const id = await send('news');
        const parts = [await send('bundle'), await send('bundle')];
        await prefer('lou', { quiet_hours,
            categories: { news: { enabled: false } } });
        const n = await belfry.settled(id, { timeout: 75000 });
        assert.ok(Date.now() >= end);
        const of = (user) => n.deliveries.find((d) => d.user === user);
        assert.equal(of('kay').status, 'delivered');
        assert.deepEqual([of('lou').status, of('lou').reason,
            of('lou').attempts], ['suppressed', 'pref.category_off', 0]);
        for (const part of parts)
            assert.deepEqual((await belfry.settled(part)).counts,
                { merged: 2 });
    });

    it('refuse what nobody could mean', async () => {
        for (const [pointer, doc] of [
            ['/channels/e-mail', { channels: { 'e-mail': false } }],
            ['/channels/email', { channels: { email: 'no' } }],
            ['/categories/news/channels/fax',
                { categories: { news: { channels: { fax: true } } } }],
            ['/muted_until', { muted_until: 'tomorrow' }],
            ['/mute', { mute: true }],
            ['/quiet_hours/end', { quiet_hours: { start: '22:00' } }],
            ['/quiet_hours/start',
                { quiet_hours: { start: '25:00', end: '07:00' } }],
            ['/quiet_hours/timezone', { quiet_hours: { start: '22:00',
                end: '07:00', timezone: 'Europe/Berlinn' } }],
        ]) {
            const a = await belfry.want(422, 'PUT',
                '/v1/users/ada/preferences', doc);
            assert.equal(a.errors[0].pointer, pointer);
        }
        const a = await belfry.want(422, 'PUT', '/v1/categories/x',
            { channels: ['in_app', 'fax'] });
        assert.equal(a.errors[0].pointer, '/channels/1');
    });

    it('go with a category only as far as it is named', async () => {
        await belfry.want(204, 'DELETE', '/v1/categories/alarm');
        await prefer('bob', { categories: { alarm: { enabled: false } } });
        assert.deepEqual(await planned('bob', { category: 'alarm' }),
            { in_app: 'pref.category_off' });
    });
});
