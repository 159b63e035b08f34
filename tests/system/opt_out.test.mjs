// Words that people answer by SMS: STOP, and nothing more goes to that number;
// START, and it does again.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createHmac } from 'node:crypto';
import twilioLibrary from 'twilio';
import { start } from './lib/belfry.mjs';
import { fake } from './lib/fake.mjs';
import twilio, { incoming } from './fakes/twilio.mjs';
import vonage from './fakes/vonage.mjs';

// As Vonage signs: names in order, & and = of values as _.
function incomingVonage(url, from, words) {
    const { signature_secret: secret } = vonage.config;
    const params = { msisdn: from.slice(1), to: '447700900001',
        messageId: `0A${Math.random().toString(16).slice(2)}`, text: words,
        type: 'text', keyword: words.split(' ')[0].toUpperCase(),
        'message-timestamp': '2026-01-01 00:00:00', nonce: 'n1',
        timestamp: String(Math.floor(Date.now() / 1000)) };
    const text = Object.keys(params).sort().map((name) =>
        `&${name}=${params[name].replace(/[&=]/g, '_')}`).join('');
    params.sig = createHmac('sha256', secret).update(text).digest('hex');
    return { method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(params) };
}

for (const [face, making] of [[twilio, incoming], [vonage, incomingVonage]])
    describe(`words to ${face.driver}`, { timeout: 60000 }, () => {
        let belfry, provider, hook, serial = 0;

        before(async () => {
            provider = await fake(face);
            belfry = await start();
            await belfry.put('/v1/providers/sms', { channel: 'sms',
                driver: face.driver, config: { ...face.config,
                    base_url: provider.base } });
            hook = (await belfry.get('/v1/providers/sms')).receipt_url;
        });
        after(async () => {
            await belfry?.stop();
            await provider?.close();
        });

        // A user whose number is written as people do.
        async function person() {
            const user = `u${++serial}`;
            const digits = String(5551000 + serial);
            await belfry.put(`/v1/users/${user}`, { phone:
                `+1 (555) ${digits.slice(0, 3)}-${digits.slice(3)}` });
            const number = `+1555${digits}`;
            return { user, number,
                say: async (words, fields) => (await fetch(hook,
                    making(hook, number, words, fields))).status,
                goes: async () => {
                    const id = await belfry.send({ to: user, body: 'Hi',
                        channels: ['sms'] });
                    const d = await belfry.reaches(id, 'sms',
                        ['sent', 'suppressed']);
                    return d.status === 'sent' ? 'sent' : d.reason;
                } };
        }

        it('STOP ends it, START begins it again', async () => {
            const p = await person();
            assert.equal(await p.goes(), 'sent');
            assert.equal(await p.say(' stop '), 200);
            assert.equal(await p.goes(), 'suppress.unsubscribe');
            const { suppressions } = await belfry.get(
                `/v1/suppressions/${encodeURIComponent(p.number)}`);
            assert.deepEqual(suppressions.map((s) => [s.channel, s.reason]),
                [['sms', 'suppress.unsubscribe']]);
            assert.equal(await p.say('Start'), 200);
            assert.equal(await p.goes(), 'sent');
        });

        it('others change nothing', async () => {
            const p = await person();
            for (const words of ['HELP', 'stop it', 'yes', '', 'I said STOP'])
                assert.equal(await p.say(words), 200);
            assert.equal(await p.goes(), 'sent');
        });

        it('START lifts nothing but that', async () => {
            const p = await person();
            await belfry.put(`/v1/suppressions/${
                encodeURIComponent(p.number)}`, { channel: 'sms' });
            assert.equal(await p.say('START'), 200);
            assert.equal(await p.goes(), 'suppress.manual');
        });

        it('are nobody\'s without a signature', async () => {
            const p = await person();
            const made = making(hook, p.number, 'STOP');
            const forged = await fetch(hook, { ...made, headers: {
                ...made.headers, 'X-Twilio-Signature': 'AAAA' },
            body: made.body.replace(/"sig":"./, '"sig":"x') });
            assert.equal(forged.status, 401);
            assert.equal(await p.goes(), 'sent');
        });

        if (face === twilio)
            it('are what Twilio made of them', async () => {
                const p = await person();
                const made = making(hook, p.number, 'arrêt',
                    { OptOutType: 'STOP' });
                // the library agrees with how the test signs
                assert.ok(twilioLibrary.validateRequest(face.config.auth_token,
                    made.headers['X-Twilio-Signature'], hook,
                    Object.fromEntries(new URLSearchParams(made.body))));
                assert.equal((await fetch(hook, made)).status, 200);
                assert.equal(await p.goes(), 'suppress.unsubscribe');
                assert.equal(await p.say('go', { OptOutType: 'START' }), 200);
                assert.equal(await p.goes(), 'sent');
            });
    });
