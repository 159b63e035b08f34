// postmark.mjs - Postmark's API as its overview and its own client tell it:
// one mail as JSON, a token of the server in a header.

import { json, refuse } from '../lib/fake.mjs';
import { checkHeaders, fileOf, FROM, isBase64, isFromShop, isToUser,
    parseAddress, user } from './mail.mjs';

const error = (status, code, message) => json(status, { ErrorCode: code,
    Message: message });

const KNOWN = ['From', 'To', 'Cc', 'Bcc', 'Subject', 'HtmlBody', 'TextBody',
    'ReplyTo', 'Tag', 'Metadata', 'Headers', 'TrackOpens', 'TrackLinks',
    'MessageStream', 'Attachments'];

function faultOf(mail) {
    const strange = Object.keys(mail).find((k) => !KNOWN.includes(k));
    if (strange) return [403, `unknown field ${strange}`];
    if (!isFromShop(mail.From)) return [400, `no signature for ${mail.From}`];
    if (!isToUser(parseAddress(mail.To)?.spec))
        return [300, `Invalid 'To' address: '${mail.To}'.`];
    if (!mail.TextBody && !mail.HtmlBody)
        return [300, "Provide either email TextBody or HtmlBody or both."];
    if (mail.MessageStream !== 'outbound') return [300, 'no such stream'];
    if (!(mail.Headers ?? []).every((h) => /^[!-9;-~]+$/.test(h.Name) &&
        typeof h.Value === 'string' && !/[\r\n]/.test(h.Value)))
        return [300, 'a header is none'];
    if (!(mail.Attachments ?? []).every((a) => isBase64(a.Content) &&
        a.Name && a.ContentType))
        return [403, 'an attachment is none'];
    return null;
}

// Several: each has an answer of its own, in their order.
function takeAll(call, fake) {
    if (!Array.isArray(call.json) || call.json.length < 1)
        return refuse(call, 'no list', error(422, 402, 'Invalid JSON'));
    if (call.json.length > 500)
        return refuse(call, 'too many', error(422, 410, 'Too many messages'));
    return json(200, call.json.map((mail) => {
        const to = parseAddress(mail.To)?.spec;
        const fault = faultOf(mail) ?? (fake.inactive?.has(to) ?
            [406, `Found inactive addresses: ${to}. Inactive recipients are`] :
            null);
        if (fault) return { ErrorCode: fault[0], Message: fault[1] };
        return { To: mail.To, SubmittedAt: new Date().toISOString(),
            MessageID: fake.nextId('b7bc2f4a-e38e-4336-af7d-', 12),
            ErrorCode: 0, Message: 'OK' };
    }));
}

// What its webhooks tell of the mail of a call: nothing is signed.
const telling = (name, fields, want) => ({ name, want, make: (fake, call) => ({
    headers: { 'Content-Type': 'application/json',
        Authorization: `Basic ${Buffer.from(
            `${face.config.webhook_username}:${face.config.webhook_password}`)
            .toString('base64')}` },
    body: JSON.stringify({ MessageID: call.id, ServerID: 23,
        MessageStream: 'outbound', Metadata: call.json.Metadata, ...fields(
            parseAddress(call.json.To).spec, new Date().toISOString()) }) }) });

const face = {
    driver: 'postmark',
    channel: 'email',
    config: { server_token: 'canary-postmark-0123456789', from: FROM,
        webhook_username: 'postmark',
        webhook_password: 'canary-postmark-hook' },
    user,

    files: (call) => (call.json.Attachments ?? []).map((a) =>
        fileOf(a.Name, a.ContentType, a.Content)),

    take(call, fake) {
        if (call.raw.length > (call.path === '/email/batch' ? 50e6 : 10e6))
            return refuse(call, 'size', error(413, 0, 'Payload Too Large'));
        if (call.method !== 'POST' || !/^\/email(\/batch)?$/.test(call.path))
            return refuse(call, 'path', error(404, 0, 'Not Found'));
        if (call.headers.accept !== 'application/json' ||
            call.headers['content-type'] !== 'application/json')
            return refuse(call, 'type', error(422, 409, 'JSON required'));
        if (call.headers['x-postmark-server-token'] !==
            this.config.server_token)
            return refuse(call, 'token', error(401, 10, 'No Account or Server '
                + 'API tokens were supplied in the HTTP headers.'));
        if (!call.json) return refuse(call, 'json', error(422, 402, 'JSON'));
        if (call.path !== '/email') return takeAll(call, fake);
        const fault = faultOf(call.json);
        if (fault) return refuse(call, fault[1], error(422, ...fault));
        call.id = fake.nextId('b7bc2f4a-e38e-4336-af7d-', 12);
        return json(200, { To: call.json.To,
            SubmittedAt: new Date().toISOString(), MessageID: call.id,
            ErrorCode: 0, Message: 'OK' });
    },

    faults: {
        transient: error(500, 0, 'Internal Server Error'),
        rate: json(429, { ErrorCode: 0, Message: 'Rate limit exceeded' },
            { 'Retry-After': '1' }),
        permanent: error(422, 300, 'Invalid email request'),
        credentials: error(401, 10, 'Bad or missing API token'),
        unconfirmed: error(422, 401, 'Sender signature not confirmed'),
        gone: (call) => error(422, 406, 'You tried to send to recipient(s) '
            + 'that have been marked as inactive. Found inactive addresses: '
            + `${call.json.To}. Inactive recipients are ones that have `
            + 'generated a hard bounce, a spam complaint, or a manual '
            + 'suppression.'),
        oversize: error(413, 0, 'Payload Too Large'),
    },
    verdicts: { unconfirmed: 'credentials', oversize: 'rejected' },

    receipts: [
        telling('delivery', (Recipient, DeliveredAt) => ({
            RecordType: 'Delivery', Recipient, DeliveredAt,
            Details: '250 2.0.0 OK' }), { status: 'delivered',
            event: 'delivered' }),
        telling('hard bounce', (Email, BouncedAt) => ({ RecordType: 'Bounce',
            Type: 'HardBounce', TypeCode: 1, Email, BouncedAt, Inactive: true,
            Description: 'The server was unable to deliver your message' }),
        { status: 'failed', event: 'bounced' }),
        telling('soft bounce', (Email, BouncedAt) => ({ RecordType: 'Bounce',
            Type: 'SoftBounce', TypeCode: 4096, Email, BouncedAt,
            Inactive: false }), { status: 'failed', event: 'failed' }),
        telling('complaint', (Email, BouncedAt) => ({ Email, BouncedAt,
            RecordType: 'SpamComplaint', Type: 'SpamComplaint' }),
        { event: 'complained' }),
        telling('open', (Recipient, ReceivedAt) => ({ RecordType: 'Open',
            Recipient, ReceivedAt, FirstOpen: true }), { event: 'opened' }),
        telling('click', (Recipient, ReceivedAt) => ({ RecordType: 'Click',
            Recipient, ReceivedAt, OriginalLink: 'https://example.com/' }),
        { event: 'clicked' }),
        telling('inbound', () => ({ RecordType: 'Inbound' }), {}),
    ],

    check(assert, call) {
        const { Subject, TextBody, Headers, Metadata } = call.json;
        assert.equal(Subject, 'Order 7');
        assert.equal(TextBody, 'It is paid.');
        assert.match(Metadata.delivery_id, /^dlv_/);
        checkHeaders(assert, Headers.map((h) => ({ name: h.Name,
            value: h.Value })));
    },
};

export default face;
