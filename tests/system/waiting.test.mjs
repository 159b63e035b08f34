// What waits for its provider is not sent if its addressee or its user has
// turned it off meanwhile.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/belfry.mjs';
import { mailServer } from './lib/smtp.mjs';
import { receiver } from './lib/webhook.mjs';

const RETRY = { strategy: 'fixed', base: '2s', attempts: 5 };

describe('what waits', { timeout: 120000 }, () => {
    let belfry, mail, hook;

    before(async () => {
        mail = await mailServer();
        hook = await receiver();
        belfry = await start();
        await belfry.put('/v1/providers/mail', { channel: 'email',
            driver: 'smtp', config: { host: '127.0.0.1', port: mail.port,
                tls: 'none', from: 'bell@example.org' } });
        await belfry.put('/v1/providers/hook', { channel: 'webhook',
            driver: 'webhook', retry: RETRY,
            config: { url: hook.url('/in'), secret: hook.secret } });
    });
    after(async () => {
        try {
            await belfry?.stop();
        } finally {
            await Promise.all([mail?.close(), hook?.close()]);
        }
    });

    const send = (to, channel, more) =>
        belfry.send({ to, title: 't', channels: [channel], ...more });

    async function outcome(id) {
        const [d] = (await belfry.settled(id)).deliveries;
        return [d.status, d.reason, d.attempts];
    }

    // Sends while the provider is paused, does it, and lets it go on.
    async function pausedWhile(user, more, act) {
        await belfry.want(200, 'POST', '/v1/providers/mail/pause');
        const id = await send(user, 'email', more);
        await act();
        await belfry.want(200, 'POST', '/v1/providers/mail/resume');
        return outcome(id);
    }

    const user = async (id) => {
        await belfry.put(`/v1/users/${id}`, { email: `${id}@example.org`,
            webhook: hook.url(`/${id}`) });
        return id;
    };

    it('is not mailed to who unsubscribes by the link of another mail',
        async () => {
            await user('ada');
            await belfry.settled(await send('ada', 'email'));
            const { raw } = await mail.received('ada@example.org');
            const [, token] = /\/u\/([\w-]+)/.exec(raw.replace(/\r\n\s/g, ''));
            assert.deepEqual(await pausedWhile('ada', {}, () =>
                belfry.want(200, 'POST', `/u/${token}`,
                    'List-Unsubscribe=One-Click', { key: null, headers: {
                        'Content-Type': 'application/x-www-form-urlencoded' } })),
            ['suppressed', 'suppress.unsubscribe', 0]);
            assert.equal(mail.messages.length, 1);
        });

    it('is not mailed where the user has turned it off', async () => {
        await user('bob');
        assert.deepEqual(await pausedWhile('bob', { category: 'news' }, () =>
            belfry.want(200, 'PUT', '/v1/users/bob/preferences',
                { categories: { news: { enabled: false } } })),
        ['suppressed', 'pref.category_off', 0]);
    });

    it('is mailed where nothing of that concerns it', async () => {
        await user('eve');
        assert.deepEqual(await pausedWhile('eve', { category: 'news' }, () =>
            belfry.want(200, 'PUT', '/v1/users/eve/preferences',
                { categories: { other: { enabled: false } } })),
        ['sent', 'accepted', 1]);
    });

    it('is not tried again at an address that is gone by then', async () => {
        await user('dan');
        hook.script('/dan', [503, 410]);
        const first = await send('dan', 'webhook');
        await belfry.reaches(first, 'webhook', 'retrying');
        const second = await send('dan', 'webhook');
        assert.deepEqual(await outcome(second), ['failed', 'contact.gone', 1]);
        assert.deepEqual(await outcome(first),
            ['suppressed', 'contact.gone', 1]);
        assert.equal(hook.all.filter((c) => c.path === '/dan').length, 2);
    });
});
