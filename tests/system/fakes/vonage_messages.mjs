// vonage_messages.mjs - Vonage's Messages API: JSON, a token that the
// application's key signs, and webhooks whose token has the hash of the body.

import { createHash, createHmac, generateKeyPairSync, verify }
    from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';

const { publicKey, privateKey } = generateKeyPairSync('rsa',
    { modulusLength: 2048 });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' });
const SIGNATURE_SECRET = 'canary_vonage_messages_0123';
const KNOWN = ['channel', 'message_type', 'to', 'from', 'text', 'client_ref'];

const error = (status, title, code, headers) => json(status, {
    type: `https://developer.vonage.com/api-errors/messages#${code}`, title,
    detail: title, instance: 'bf0ca0bf927b3b52e3cb03217e1a1ddf' }, headers);

const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url'));

// Why the token is none; null: it is good.
function faultOfToken(header = '') {
    const [head, claims, signature] = header.replace(/^Bearer /, '').split('.');
    if (!signature || decoded(head).alg !== 'RS256') return 'no token';
    if (!verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), publicKey,
        Buffer.from(signature, 'base64url'))) return 'a wrong signature';
    const { application_id: id, iat, exp, jti } = decoded(claims);
    const now = Date.now() / 1000;
    if (id !== 'app-1') return 'no such application';
    if (!(iat <= now + 1 && exp > now && exp - iat <= 86400)) return 'expired';
    return jti ? null : 'no jti';
}

function faultOf(m) {
    const strange = Object.keys(m).find((k) => !KNOWN.includes(k));
    if (strange) return `unknown ${strange}`;
    if (m.channel !== 'whatsapp' || m.message_type !== 'text') return 'channel';
    if (!/^[1-9]\d{6,14}$/.test(m.to) || !/^[1-9]\d{6,14}$/.test(m.from))
        return 'to or from';
    if (!m.text || m.text.length > 4096) return 'text';
    return m.client_ref.length > 100 ? 'client_ref' : null;
}

// Signed as Vonage signs its webhooks.
export function signed(value) {
    const body = JSON.stringify(value);
    const part = (v) => Buffer.from(JSON.stringify(v)).toString('base64url');
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({
        iat: Math.floor(Date.now() / 1000), iss: 'Vonage', jti: 'j',
        payload_hash: createHash('sha256').update(body).digest('hex'),
        api_key: 'abcd1234' })}`;
    const mac = createHmac('sha256', SIGNATURE_SECRET).update(text)
        .digest('base64url');
    return { method: 'POST', body, headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${text}.${mac}` } };
}

const telling = (name, status, want) => ({ name, want,
    make: (fake, call) => signed({ message_uuid: call.id, to: call.json.to,
        from: call.json.from, timestamp: new Date().toISOString(), status,
        client_ref: call.json.client_ref, channel: 'whatsapp' }) });

export default {
    driver: 'vonage',
    name: 'vonage-messages',
    channel: 'whatsapp',
    config: { application_id: 'app-1', private_key: PEM,
        from: '+447700900001', signature_secret: SIGNATURE_SECRET },
    user: (serial) => ({ phone: `+44 7700 90${1000 + serial}` }),

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/v1/messages')
            return refuse(call, 'path', { status: 404, body: '' });
        if (call.headers['content-type'] !== 'application/json' || !call.json)
            return refuse(call, 'type', error(415, 'Unsupported', 1));
        const why = faultOfToken(call.headers.authorization);
        if (why) return refuse(call, why, error(401, 'Unauthorized', 1));
        const fault = faultOf(call.json);
        if (fault) return refuse(call, fault, error(422, 'Invalid params',
            1150));
        call.id = fake.nextId('aaaaaaaa-bbbb-4ccc-8ddd-', 12);
        return json(202, { message_uuid: call.id });
    },

    faults: {
        transient: error(500, 'Internal error', 1000),
        rate: error(429, 'Rate Limit Hit', 1010, { 'Retry-After': '1' }),
        permanent: error(422, 'Invalid params', 1150),
        credentials: error(401, 'Unauthorized', 1),
        unpaid: error(402, 'Low balance', 1260),
    },
    verdicts: { unpaid: 'credentials' },

    receipts: [
        telling('submitted', 'submitted', {}),
        telling('delivered', 'delivered', { status: 'delivered',
            event: 'delivered' }),
        telling('read', 'read', { event: 'opened' }),
        telling('undeliverable', 'undeliverable', { status: 'failed',
            event: 'failed' }),
    ],

    check(assert, call) {
        assert.equal(call.json.to, '447700901001');
        assert.equal(call.json.text, 'Order 7\nIt is paid.');
        assert.match(call.json.client_ref, /^dlv_/);
    },
};
