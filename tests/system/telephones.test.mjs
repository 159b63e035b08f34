// What telephones need beyond one call and its faults: the calls of the
// official client taken by the same fake, numbers that are looked up, and
// templates that a send names.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import twilio from 'twilio';
import { start } from './lib/belfry.mjs';
import { fake } from './lib/fake.mjs';
import { makeFace as makeTwilio } from './fakes/twilio.mjs';
import waha from './fakes/waha.mjs';
import cloud from './fakes/whatsapp_cloud.mjs';

const MESSAGE = { title: 'Order 7', body: 'It is paid.' };

// A face alone in a workspace of its own.
async function stage(belfry, face, workspace, config = {}) {
    const provider = await fake(face);
    await belfry.put(`/v1/workspaces/${workspace}`, {});
    await belfry.put('/v1/providers/p', { channel: face.channel,
        driver: face.driver,
        config: { ...face.config, base_url: provider.base, ...config } },
    { workspace });
    return provider;
}

describe('telephones', { timeout: 120000 }, () => {
    let belfry;

    before(async () => {
        belfry = await start({ roles: 'all' });
    });
    after(() => belfry?.stop());

    const send = async (phone, channel, workspace, more = {}) => {
        await belfry.put('/v1/users/u1', { phone }, { workspace });
        return belfry.send({ to: 'u1', channels: [channel], ...MESSAGE,
            ...more }, { workspace });
    };

    it('calls Twilio as the official client does', async () => {
        const face = makeTwilio('sms');
        const provider = await stage(belfry, face, 'client');
        const { account_sid, auth_token, from, status_callback } = face.config;
        // The client's own request, sent to the fake in Twilio's place.
        const httpClient = { request: async (o) => {
            const answer = await fetch(provider.base + new URL(o.uri).pathname,
                { method: o.method, body: new URLSearchParams(o.data),
                    headers: { Authorization: 'Basic ' + Buffer.from(
                        `${o.username}:${o.password}`).toString('base64') } });
            return { statusCode: answer.status, body: await answer.json() };
        } };
        const client = twilio(account_sid, auth_token, { httpClient });
        const theirs = await client.messages.create({ to: '+15555551234', from,
            body: 'Order 7\nIt is paid.', statusCallback: status_callback });
        const id = await send('+1 555 555-1234', 'sms', 'client');
        await belfry.reaches(id, 'sms', 'sent', { workspace: 'client' });

        const [their, our] = provider.calls;
        assert.deepEqual([their.faults, our.faults], [[], []]);
        assert.equal(theirs.sid, their.sid);
        assert.deepEqual(Object.fromEntries(our.form),
            Object.fromEntries(their.form));
        assert.equal(our.headers.authorization, their.headers.authorization);

        for (const { name, make } of face.receipts) {
            const { headers, body } = make(provider, our);
            assert.ok(twilio.validateRequest(auth_token,
                headers['X-Twilio-Signature'], status_callback,
                Object.fromEntries(new URLSearchParams(body))), name);
        }
        await provider.close();
    });

    it('refuses what is no number, and what is too long', async () => {
        const provider = await stage(belfry, makeTwilio('sms'), 'refused');
        const workspace = 'refused';
        const rows = [
            ['0151 12345678', {}, 'content.invalid', /no telephone number/],
            ['+15555551234', { title: undefined, body: 'ä'.repeat(1599) + '🎈' },
                'size.too_large', /1601 characters long \(24 SMS in UCS-2\)/],
        ];
        for (const [phone, more, reason, detail] of rows) {
            const id = await send(phone, 'sms', workspace, more);
            const d = await belfry.reaches(id, 'sms', 'failed', { workspace });
            assert.equal(d.reason, reason);
            assert.match(d.log[0].detail, detail);
        }
        assert.equal(provider.calls.length, 0);
        await provider.close();
    });

    it('writes to no number that WhatsApp does not know', async () => {
        const workspace = 'unknown';
        const provider = await stage(belfry, waha, workspace);
        provider.state.strangers.add('15555551234');
        const id = await send('+1 (555) 555-1234', 'whatsapp', workspace);
        const d = await belfry.reaches(id, 'whatsapp', 'failed', { workspace });
        assert.equal(d.reason, 'contact.gone');
        assert.equal(provider.calls.length, 0);
        assert.equal(provider.others.length, 1);

        // Not asked again until it changes.
        const next = await send('+1 (555) 555-1234', 'whatsapp', workspace);
        await belfry.reaches(next, 'whatsapp', 'suppressed', { workspace });
        const other = await send('+1 (555) 555-1235', 'whatsapp', workspace);
        await belfry.reaches(other, 'whatsapp', 'sent', { workspace });
        assert.equal(provider.others.length, 2);
        await provider.close();
    });

    it('sends the template that a send names', async () => {
        const workspace = 'template';
        const provider = await stage(belfry, cloud, workspace);
        const template = { name: 'order_update', language: { code: 'en_US' },
            components: [{ type: 'body', parameters: [
                { type: 'text', text: '7' }, { type: 'text', text: 'paid' }] }] };
        const id = await send('+15555551234', 'whatsapp', workspace,
            { overrides: { providers: { p: { template } } } });
        await belfry.reaches(id, 'whatsapp', 'sent', { workspace });
        assert.deepEqual(provider.calls[0].faults, []);
        assert.deepEqual(provider.calls[0].json.template, template);
        assert.equal(provider.calls[0].json.text, undefined);

        for (const [providers, pointer] of [
            [{ q: {} }, '/overrides/providers/q'],
            [{ p: { text: 'x' } }, '/overrides/providers/p/text']]) {
            const problem = await belfry.want(422, 'POST', '/v1/notifications',
                { to: 'u1', channels: ['whatsapp'], ...MESSAGE,
                    overrides: { providers } }, { workspace });
            assert.equal(problem.errors[0].pointer, pointer);
        }
        await provider.close();
    });
});
