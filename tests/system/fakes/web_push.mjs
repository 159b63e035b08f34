// web_push.mjs - a push service as RFC 8030 and 8292 have it, with errors in the
// words of Mozilla's. It makes the browsers, too: http_ece reads what they get,
// and node:crypto judges who sent it.

import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto';
import ece from 'http_ece';
import { json, refuse } from '../lib/fake.mjs';

const base64 = (b) => b.toString('base64url');

// Of the application.
const application = createECDH('prime256v1');
application.generateKeys();
const PUBLIC = base64(application.getPublicKey());
const PRIVATE = base64(application.getPrivateKey());

const error = (code, errno, message, headers) => json(code, { code, errno,
    error: String(code), message }, headers);

function verifies(token) {
    const [header, claims, signature] = token.split('.');
    const raw = application.getPublicKey();
    const key = createPublicKey({ format: 'jwk', key: { kty: 'EC',
        crv: 'P-256', x: base64(raw.subarray(1, 33)),
        y: base64(raw.subarray(33)) } });
    return JSON.parse(Buffer.from(header, 'base64url')).alg === 'ES256' &&
        verify('sha256', `${header}.${claims}`, { key,
            dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
}

// What is wrong with who calls; null: nothing.
function faultOfVapid(call) {
    const found = /^vapid t=([^,]+), k=([\w-]+)$/
        .exec(call.headers.authorization ?? '');
    if (!found) return [401, 109, 'no vapid'];
    const [, token, key] = found;
    if (key !== PUBLIC || !verifies(token)) return [403, 109, 'signature'];
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    const left = claims.exp - Date.now() / 1000;
    if (claims.aud !== 'https://push.example.net') return [403, 109, 'aud'];
    if (!(left > 0 && left <= 86400)) return [403, 109, 'exp'];
    return /^(mailto:|https:)/.test(claims.sub) ? null : [403, 109, 'sub'];
}

function faultOfCall(call) {
    if (!/^\d+$/.test(call.headers.ttl ?? '')) return [400, 111, 'TTL'];
    if (call.headers['content-encoding'] !== 'aes128gcm')
        return [400, 110, 'encoding'];
    if (!/^(very-low|low|normal|high)$/.test(call.headers.urgency ?? 'normal'))
        return [400, 101, 'urgency'];
    if (!/^[\w-]{1,32}$/.test(call.headers.topic ?? 'none'))
        return [400, 113, 'topic'];
    return call.raw.length > 4096 ? [413, 104, 'too large'] : null;
}

export default {
    driver: 'web_push',
    channel: 'web_push',
    config: { public_key: PUBLIC, private_key: PRIVATE,
        subject: 'mailto:ops@example.org' },
    secrets: [PRIVATE],

    begin: () => ({ browsers: new Map() }),

    async prepare(belfry, user, serial, workspace, fake) {
        const key = createECDH('prime256v1');
        key.generateKeys();
        const auth = randomBytes(16);
        const path = `/v1/subscription-${serial}`;
        fake.state.browsers.set(path, { key, auth });
        await belfry.put(`/v1/users/${user}/devices/laptop`, {
            kind: 'web_push', subscription: {
                endpoint: `https://push.example.net${path}`,
                expirationTime: null,
                keys: { p256dh: base64(key.getPublicKey()),
                    auth: base64(auth) } },
        }, { workspace });
    },

    take(call, fake) {
        const browser = fake.state.browsers.get(call.path);
        if (call.method !== 'POST' || !browser)
            return refuse(call, 'path', error(404, 102, 'unknown'));
        const fault = faultOfVapid(call) ?? faultOfCall(call);
        if (fault) return refuse(call, fault[2], error(...fault));
        try {
            call.plain = JSON.parse(ece.decrypt(call.raw, {
                version: 'aes128gcm', privateKey: browser.key,
                authSecret: base64(browser.auth),
            }).toString('utf8'));
        } catch (e) {
            return refuse(call, e.message, error(400, 110, 'cipher'));
        }
        return { status: 201, body: '', headers: {
            Location: `https://push.example.net/m/${fake.nextId()}`,
            TTL: call.headers.ttl } };
    },

    faults: {
        transient: error(503, 201, 'use exponential back-off'),
        rate: error(429, 201, 'too many', { 'Retry-After': '1' }),
        permanent: error(400, 113, 'invalid topic'),
        credentials: error(401, 109, 'invalid authentication'),
        gone: error(410, 106, 'no such subscription'),
        unknown: error(404, 102, 'expired'),
    },
    verdicts: { unknown: 'gone' },

    check(assert, call) {
        assert.equal(call.plain.title, 'Order 7');
        assert.equal(call.plain.body, 'It is paid.');
        assert.match(call.plain.delivery_id, /^dlv_/);
        assert.equal(call.headers.topic, call.plain.delivery_id);
        assert.equal(call.headers.urgency, 'normal');
        assert.equal(call.headers.ttl, String(28 * 86400));
    },
};
