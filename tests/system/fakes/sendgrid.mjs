// sendgrid.mjs - SendGrid's v3 API as its OpenAPI document tells it: one mail
// as JSON, 202 without a body, the id in a header.

import { generateKeyPairSync, sign } from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';
import { checkHeaders, fileOf, FROM, isBase64, isToUser, user }
    from './mail.mjs';

const error = (status, message, field = null, headers = {}) => json(status,
    { errors: [{ message, field, help: null }] }, headers);

const KNOWN = ['personalizations', 'from', 'reply_to', 'reply_to_list',
    'subject', 'content', 'attachments', 'template_id', 'headers',
    'categories', 'custom_args', 'send_at', 'batch_id', 'asm',
    'ip_pool_name', 'mail_settings', 'tracking_settings'];
const RESERVED = ['x-sg-id', 'x-sg-eid', 'received', 'dkim-signature',
    'content-type', 'content-transfer-encoding', 'to', 'from', 'subject',
    'reply-to', 'cc', 'bcc'];

const OF_PERSON = ['to', 'cc', 'bcc', 'from', 'subject', 'headers',
    'substitutions', 'dynamic_template_data', 'custom_args', 'send_at'];

const reservedOf = (headers) => Object.keys(headers ?? {}).find((h) =>
    RESERVED.includes(h.toLowerCase()));

function faultOfPerson(person, at) {
    const strange = Object.keys(person).find((k) => !OF_PERSON.includes(k));
    if (strange) return [`unknown field ${strange}`, `${at}.${strange}`];
    const named = [...person.to, ...person.cc ?? []].map((a) =>
        a.email.toLowerCase());
    if (!isToUser(named[0])) return ['no address', `${at}.to`];
    if (new Set(named).size < named.length)
        return ['Each email address in the personalization block should be '
            + 'unique between to, cc, and bcc.', at];
    const reserved = reservedOf(person.headers);
    return reserved ? ['a reserved header', `${at}.headers.${reserved}`] : null;
}

function faultOf(mail) {
    const strange = Object.keys(mail).find((k) => !KNOWN.includes(k));
    if (strange) return [`unknown field ${strange}`, strange];
    const people = mail.personalizations ?? [];
    if (people.length < 1 || people.length > 1000)
        return ['1 to 1000 are required', 'personalizations'];
    for (const [i, person] of people.entries()) {
        const fault = faultOfPerson(person, `personalizations.${i}`);
        if (fault) return fault;
    }
    if (mail.from?.email !== 'shop@example.com')
        return ['does not match a verified Sender Identity', 'from'];
    if (!mail.subject && !people.every((p) => p.subject))
        return ['The subject is required.', 'subject'];
    const types = (mail.content ?? []).map((c) => c.type);
    if (types.length === 0 || mail.content.some((c) => !c.value) ||
        types.indexOf('text/plain') > 0)
        return ['The content value must be a string at least one character '
            + 'in length, text/plain first.', 'content'];
    if (!(mail.attachments ?? []).every((a) => isBase64(a.content) &&
        a.filename && /^[^;\r\n]+$/.test(a.type) &&
        ['attachment', 'inline'].includes(a.disposition)))
        return ['The attachment is none.', 'attachments'];
    const reserved = reservedOf(mail.headers);
    return reserved ? ['a reserved header', `headers.${reserved}`] : null;
}

const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

// What its event webhook tells of the mail of a call.
function telling(name, fields, want) {
    return { name, want, make(fake, call) {
        const [person] = call.json.personalizations;
        const timestamp = Math.floor(Date.now() / 1000);
        const body = `${JSON.stringify([{ email: person.to[0].email, timestamp,
            sg_event_id: fake.nextId('ZHJvcC0', 30),
            sg_message_id: `${call.id}.filterdrecv-p3mdw1-756b745b58.0`,
            ...person.custom_args, ...fields }])}\r\n`;
        return { body, headers: { 'Content-Type': 'application/json',
            'X-Twilio-Email-Event-Webhook-Timestamp': `${timestamp}`,
            'X-Twilio-Email-Event-Webhook-Signature': sign('sha256',
                Buffer.from(`${timestamp}${body}`), keys.privateKey)
                .toString('base64') } };
    } };
}

export default {
    driver: 'sendgrid',
    channel: 'email',
    config: { api_key: 'SG.canary_sendgrid_0123456789', from: FROM,
        webhook_verification_key: keys.publicKey.export({ type: 'spki',
            format: 'der' }).toString('base64') },
    user,

    files: (call) => (call.json.attachments ?? []).map((a) =>
        fileOf(a.filename, a.type, a.content)),

    take(call, fake) {
        if (call.path !== '/v3/mail/send')
            return refuse(call, 'path', error(404, 'not found'));
        if (call.method !== 'POST')
            return refuse(call, 'method', error(405, 'method not allowed'));
        if (call.headers.authorization !== `Bearer ${this.config.api_key}`)
            return refuse(call, 'key', error(401, 'authorization required'));
        if (!call.json) return refuse(call, 'json', error(400, 'Bad Request'));
        const fault = faultOf(call.json);
        if (fault) return refuse(call, fault[0], error(400, ...fault));
        call.id = fake.nextId('14c5d75ce93', 11);
        return { status: 202, headers: { 'X-Message-Id': call.id,
            'X-RateLimit-Limit': '600', 'X-RateLimit-Remaining': '599' } };
    },

    faults: {
        transient: error(503, 'service unavailable'),
        rate: () => error(429, 'too many requests', null,
            { 'X-RateLimit-Reset': `${Math.ceil(Date.now() / 1000) + 1}`,
                'X-RateLimit-Remaining': '0' }),
        permanent: error(400, 'Does not contain a valid address.',
            'personalizations.0.to.0.email'),
        oversize: error(413, 'content too large'),
        credentials: error(401, 'The provided authorization grant is invalid'),
        forbidden: error(403, 'access forbidden'),
    },
    verdicts: { oversize: 'rejected', forbidden: 'credentials' },

    receipts: [
        telling('processed', { event: 'processed' }, {}),
        telling('delivered', { event: 'delivered', response: '250 OK' },
            { status: 'delivered', event: 'delivered' }),
        telling('deferred', { event: 'deferred', response: '400 later',
            attempt: '2' }, { event: 'deferred' }),
        telling('bounce', { event: 'bounce', type: 'bounce',
            reason: '550 5.1.1 no such user', status: '5.1.1' },
        { status: 'failed', event: 'bounced' }),
        telling('blocked', { event: 'bounce', type: 'blocked',
            reason: '554 policy', status: '5.7.1' }, { status: 'failed',
            event: 'failed' }),
        telling('dropped', { event: 'dropped', reason: 'Bounced Address' },
            { status: 'failed', event: 'bounced' }),
        telling('open', { event: 'open' }, { event: 'opened' }),
        telling('click', { event: 'click', url: 'https://example.com/' },
            { event: 'clicked' }),
        telling('spam report', { event: 'spamreport' },
            { event: 'complained' }),
        telling('unsubscribe', { event: 'unsubscribe' },
            { event: 'unsubscribed' }),
    ],

    check(assert, call) {
        const { subject, content, headers, personalizations } = call.json;
        assert.equal(subject, 'Order 7');
        assert.equal(content[0].value, 'It is paid.');
        assert.match(personalizations[0].custom_args.delivery_id, /^dlv_/);
        checkHeaders(assert, Object.entries(headers)
            .map(([name, value]) => ({ name, value })));
    },
};
