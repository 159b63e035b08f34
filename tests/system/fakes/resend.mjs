// resend.mjs - Resend's API as its OpenAPI document and its list of errors
// tell it: one mail as JSON, and a key for which a repetition counts once.

import { Webhook } from 'standardwebhooks';
import { json, refuse } from '../lib/fake.mjs';
import { checkHeaders, fileOf, FROM, isBase64, isFromShop, isToUser,
    parseAddress, user } from './mail.mjs';

const error = (statusCode, name, message = name, headers = {}) =>
    json(statusCode, { statusCode, name, message }, headers);

const KNOWN = ['from', 'to', 'subject', 'html', 'text', 'cc', 'bcc',
    'reply_to', 'headers', 'attachments', 'tags', 'scheduled_at', 'template',
    'topic_id'];
const TAG = /^[\w-]{1,256}$/;

function faultOf(mail) {
    const strange = Object.keys(mail).find((k) => !KNOWN.includes(k));
    if (strange) return ['invalid_parameter', `unknown field ${strange}`];
    if (!mail.subject || !mail.from || !mail.to || !(mail.text || mail.html))
        return ['missing_required_field', 'a field is missing'];
    if (![mail.to].flat().every((a) => isToUser(parseAddress(a)?.spec)))
        return ['validation_error', 'to is no address'];
    if (!(mail.tags ?? []).every((t) => TAG.test(t.name) && TAG.test(t.value)))
        return ['invalid_parameter', 'a tag is none'];
    if (!(mail.attachments ?? []).every((a) => isBase64(a.content) &&
        a.filename && a.content_type))
        return ['invalid_attachment', 'an attachment is none'];
    return null;
}

// The same key gets the same answer, or none where the mail is another.
function repeated(call, fake) {
    const key = call.headers['idempotency-key'];
    const first = fake.state.byKey.get(key);
    if (!first) return null;
    if (first.body === call.body) return json(200, { id: first.id });
    return refuse(call, 'another mail under one key', error(409,
        'invalid_idempotent_request'));
}

// What its webhooks tell of the mail of a call, signed by the library of the
// scheme under Svix's names.
function telling(name, type, more, want) {
    return { name, want, make(fake, call) {
        const at = new Date();
        const id = fake.nextId('msg_', 20);
        const body = JSON.stringify({ type, created_at: at.toISOString(),
            data: { email_id: call.id, created_at: at.toISOString(),
                from: call.json.from, subject: call.json.subject,
                to: [call.json.to].flat().map((a) => parseAddress(a).spec),
                tags: Object.fromEntries(call.json.tags.map((t) =>
                    [t.name, t.value])), ...more } });
        return { body, headers: { 'Content-Type': 'application/json',
            'svix-id': id,
            'svix-timestamp': `${Math.floor(at.getTime() / 1000)}`,
            'svix-signature': new Webhook(face.config.webhook_secret)
                .sign(id, at, body) } };
    } };
}

// Several: all of them or none, and nothing attached.
function takeAll(call, fake) {
    if (!Array.isArray(call.json) || call.json.length < 1 ||
        call.json.length > 100)
        return refuse(call, 'no list', error(422, 'validation_error'));
    const fault = call.json.map((mail) => mail.attachments ?
        ['invalid_attachment', 'in a batch'] : faultOf(mail)).find((f) => f);
    if (fault) return refuse(call, fault[1], error(422, ...fault));
    const key = call.headers['idempotency-key'];
    const first = fake.state.byKey.get(key);
    if (first) return first.body === call.body ? json(200, first.answer) :
        refuse(call, 'others under one key', error(409,
            'invalid_idempotent_request'));
    const answer = { data: call.json.map(() => ({
        id: fake.nextId('49a3999c-0ce1-4ea6-ab68-', 12) })) };
    fake.state.byKey.set(key, { answer, body: call.body });
    return json(200, answer);
}

const face = {
    driver: 'resend',
    channel: 'email',
    config: { api_key: 're_canary_resend_0123456789', from: FROM,
        webhook_secret: `whsec_${Buffer.from('canary-resend-webhook-01')
            .toString('base64')}` },
    user,
    begin: () => ({ byKey: new Map() }),

    files: (call) => (call.json.attachments ?? []).map((a) =>
        fileOf(a.filename, a.content_type, a.content)),

    take(call, fake) {
        if (call.method !== 'POST' || !/^\/emails(\/batch)?$/.test(call.path))
            return refuse(call, 'path', error(404, 'not_found'));
        if (call.headers.authorization !== `Bearer ${this.config.api_key}`)
            return refuse(call, 'key', error(401, 'missing_api_key'));
        const key = call.headers['idempotency-key'] ?? '';
        if (key.length < 1 || key.length > 256)
            return refuse(call, 'idempotency key', error(400,
                'invalid_idempotency_key'));
        if (!call.json) return refuse(call, 'json', error(400,
            'validation_error'));
        if (call.path !== '/emails') return takeAll(call, fake);
        if (!isFromShop(call.json.from))
            return refuse(call, 'from', error(403, 'validation_error',
                'The domain is not verified.'));
        const fault = faultOf(call.json);
        if (fault) return refuse(call, fault[1], error(422, ...fault));
        const again = repeated(call, fake);
        if (again) return again;
        const id = call.id = fake.nextId('49a3999c-0ce1-4ea6-ab68-', 12);
        fake.state.byKey.set(key, { id, body: call.body });
        return json(200, { id });
    },

    faults: {
        transient: error(500, 'application_error'),
        locked: error(409, 'concurrent_idempotent_requests'),
        rate: error(429, 'rate_limit_exceeded', undefined,
            { 'retry-after': '1', 'ratelimit-limit': '2',
                'ratelimit-remaining': '0', 'ratelimit-reset': '1' }),
        permanent: error(422, 'invalid_parameter'),
        other: error(409, 'invalid_idempotent_request'),
        credentials: error(403, 'invalid_api_key', 'API key is invalid'),
    },
    verdicts: { locked: 'retry', other: 'rejected' },

    receipts: [
        telling('sent', 'email.sent', {}, {}),
        telling('delivered', 'email.delivered', {}, { status: 'delivered',
            event: 'delivered' }),
        telling('delayed', 'email.delivery_delayed', {},
            { event: 'deferred' }),
        telling('bounced', 'email.bounced', { bounce: { type: 'Permanent',
            subType: 'NoEmail', message: 'no such user' } },
        { status: 'failed', event: 'bounced' }),
        telling('bounced for now', 'email.bounced', { bounce: {
            type: 'Transient', subType: 'MailboxFull', message: 'full' } },
        { status: 'failed', event: 'failed' }),
        telling('complained', 'email.complained', {},
            { event: 'complained' }),
        telling('opened', 'email.opened', {}, { event: 'opened' }),
        telling('clicked', 'email.clicked', { click: {
            link: 'https://example.com/' } }, { event: 'clicked' }),
        telling('failed', 'email.failed', { failed: {
            reason: 'reached_daily_quota' } }, { status: 'failed',
            event: 'failed' }),
    ],

    check(assert, call) {
        assert.equal(call.json.subject, 'Order 7');
        assert.equal(call.json.text, 'It is paid.');
        assert.match(call.json.tags[0].value, /^dlv_/);
        checkHeaders(assert, Object.entries(call.json.headers)
            .map(([name, value]) => ({ name, value })));
    },
};

export default face;
