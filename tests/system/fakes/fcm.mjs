// fcm.mjs - Google's token service and FCM HTTP v1 behind one address: the
// assertion is checked with the account's public key, the token by its life.

import { generateKeyPairSync, randomUUID, verify } from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';

const account = generateKeyPairSync('rsa', { modulusLength: 2048 });
const EMAIL = 'svc@p-1.iam.gserviceaccount.com';
const PEM = account.privateKey.export({ type: 'pkcs8', format: 'pem' });

const error = (code, status, own, message = own, headers = {}) =>
    json(code, { error: { code, message, status, details: [{
        '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError',
        errorCode: own }] } }, headers);

// Why it is no assertion of the account's; null: it is one.
function faultOfAssertion(token) {
    const [header, claims, signature] = String(token).split('.');
    const read = (part) => JSON.parse(Buffer.from(part, 'base64url'));
    if (!signature || read(header).alg !== 'RS256' ||
        read(header).kid !== 'k1') return 'header';
    if (!verify('sha256', `${header}.${claims}`, account.publicKey,
        Buffer.from(signature, 'base64url'))) return 'signature';
    const { iss, scope, aud, iat, exp } = read(claims);
    const now = Date.now() / 1000;
    if (iss !== EMAIL) return 'iss';
    if (scope !== 'https://www.googleapis.com/auth/firebase.messaging')
        return 'scope';
    if (aud !== 'https://oauth2.googleapis.com/token') return 'aud';
    return iat <= now + 1 && exp > now && exp - iat <= 3600 ? null : 'time';
}

const KNOWN = ['token', 'notification', 'data', 'android', 'apns', 'webpush'];

function faultOfMessage(m) {
    if (!m || typeof m.token !== 'string') return 'token';
    const strange = Object.keys(m).find((k) => !KNOWN.includes(k));
    if (strange) return strange;
    for (const [k, v] of Object.entries(m.data ?? {}))
        if (typeof v !== 'string' || /^(from$|gcm|google)/.test(k))
            return `data.${k}`;
    if (!/^(HIGH|NORMAL)$/.test(m.android?.priority)) return 'priority';
    return /^\d+s$/.test(m.android?.ttl) ? null : 'ttl';
}

export default {
    driver: 'fcm',
    channel: 'mobile_push',
    config: { project_id: 'p-1', client_email: EMAIL, private_key: PEM,
        private_key_id: 'k1' },
    secrets: [PEM.split('\n')[3], 'ya29.canary'],

    begin: () => ({ tokens: new Set() }),

    async prepare(belfry, user, serial, workspace) {
        await belfry.put(`/v1/users/${user}/devices/phone`,
            { kind: 'fcm', token: `registration:${serial}` }, { workspace });
    },

    aside(call, fake) {
        if (call.path !== '/token') return null;
        const form = new URLSearchParams(call.body);
        const fault = call.method !== 'POST' || form.get('grant_type') !==
            'urn:ietf:params:oauth:grant-type:jwt-bearer' ? 'grant_type' :
            faultOfAssertion(form.get('assertion'));
        if (fault) return json(400, { error: 'invalid_grant',
            error_description: fault });
        const token = `ya29.canary${randomUUID()}`;
        fake.state.tokens.add(token);
        return json(200, { access_token: token, expires_in: 3599,
            token_type: 'Bearer' });
    },

    take(call, fake) {
        if (call.method !== 'POST' ||
            call.path !== '/v1/projects/p-1/messages:send')
            return refuse(call, 'path', error(404, 'NOT_FOUND', 'NOT_FOUND'));
        const [, token] = /^Bearer (.*)$/
            .exec(call.headers.authorization ?? '') ?? [];
        if (!fake.state.tokens.has(token))
            return refuse(call, 'token', error(401, 'UNAUTHENTICATED', ''));
        const fault = faultOfMessage(call.json?.message);
        if (fault || call.raw.length > 4096) return refuse(call,
            fault ?? 'size', error(400, 'INVALID_ARGUMENT',
                'INVALID_ARGUMENT'));
        return json(200, { name: `projects/p-1/messages/${fake.nextId()}` });
    },

    faults: {
        transient: error(500, 'INTERNAL', 'INTERNAL'),
        rate: error(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', 'quota',
            { 'Retry-After': '1' }),
        permanent: error(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'),
        credentials: error(401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR'),
        gone: error(404, 'NOT_FOUND', 'UNREGISTERED'),
        mismatch: error(403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH'),
        noToken: error(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT',
            'The registration token is not a valid FCM registration token'),
    },
    verdicts: { mismatch: 'gone', noToken: 'gone' },

    check(assert, call, fake) {
        const { notification, data, android } = call.json.message;
        assert.deepEqual(notification,
            { title: 'Order 7', body: 'It is paid.' });
        assert.match(data.delivery_id, /^dlv_/);
        assert.equal(android.notification.tag, data.delivery_id);
        assert.equal(android.priority, 'NORMAL');
        assert.equal(fake.others.length, 1); // one token
    },
};
