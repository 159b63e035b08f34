// apns.mjs - Apple's push service: HTTP/2 over TLS, the team's token by its age
// and its renewals, a topic, a device.

import { generateKeyPairSync, randomUUID, verify } from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';

const team = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = team.privateKey.export({ type: 'pkcs8', format: 'pem' });

const error = (status, reason, more = {}, headers = {}) =>
    json(status, { reason, ...more }, headers);

// Why the token is refused; null: it is good. Another instant within twenty
// minutes is one too many.
function faultOfToken(authorization, state) {
    const [, token] = /^bearer (.*)$/.exec(authorization ?? '') ?? [];
    if (!token) return [403, 'MissingProviderToken'];
    const [header, claims, signature] = token.split('.');
    const read = (part) => JSON.parse(Buffer.from(part, 'base64url'));
    const { alg, kid } = read(header);
    const { iss, iat } = read(claims);
    const good = verify('sha256', `${header}.${claims}`, { key: team.publicKey,
        dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
    if (!good || alg !== 'ES256' || kid !== 'ABC123DEFG' ||
        iss !== 'DEF123GHIJ') return [403, 'InvalidProviderToken'];
    const age = Date.now() / 1000 - iat;
    if (age > 3600) return [403, 'ExpiredProviderToken'];
    if (age < -1) return [403, 'InvalidProviderToken'];
    if (state.iat !== undefined && iat !== state.iat &&
        iat - state.iat < 1200) return [429, 'TooManyProviderTokenUpdates'];
    state.iat = iat;
    return null;
}

function faultOfCall(call) {
    const h = call.headers;
    if (!/^\/3\/device\/[0-9a-f]{64}$/.test(call.path)) return [404, 'BadPath'];
    if (h['apns-topic'] !== 'org.example.app') return [400, 'BadTopic'];
    if (h['apns-push-type'] !== 'alert') return [400, 'InvalidPushType'];
    if (!/^(10|5|1)$/.test(h['apns-priority'])) return [400, 'BadPriority'];
    if (!/^\d+$/.test(h['apns-expiration'])) return [400, 'BadExpirationDate'];
    if (Buffer.byteLength(h['apns-collapse-id'] ?? '') > 64)
        return [400, 'BadCollapseId'];
    if (call.raw.length > 4096) return [413, 'PayloadTooLarge'];
    return call.json?.aps?.alert ? null : [400, 'PayloadEmpty'];
}

export default {
    driver: 'apns',
    channel: 'mobile_push',
    isHttp2: true,
    config: { key_id: 'ABC123DEFG', team_id: 'DEF123GHIJ', private_key: PEM,
        topic: 'org.example.app' },
    secrets: [PEM.split('\n')[1]],

    begin: () => ({}),

    async prepare(belfry, user, serial, workspace) {
        await belfry.put(`/v1/users/${user}/devices/phone`, { kind: 'apns',
            token: serial.toString(16).padStart(64, '0') }, { workspace });
    },

    take(call, fake) {
        const fault = (call.method !== 'POST' && [405, 'MethodNotAllowed']) ||
            faultOfToken(call.headers.authorization, fake.state) ||
            faultOfCall(call);
        if (fault) return refuse(call, fault[1], error(...fault));
        return { status: 200, headers: { 'apns-id': randomUUID() }, body: '' };
    },

    faults: {
        transient: error(503, 'Shutdown'),
        rate: error(429, 'TooManyRequests', {}, { 'Retry-After': '1' }),
        permanent: error(400, 'PayloadEmpty'),
        credentials: error(403, 'InvalidProviderToken'),
        gone: () => error(410, 'Unregistered', { timestamp: Date.now() }),
        badDevice: error(400, 'BadDeviceToken'),
    },
    verdicts: { badDevice: 'gone' },

    check(assert, call) {
        assert.deepEqual(call.json.aps.alert,
            { title: 'Order 7', body: 'It is paid.' });
        assert.match(call.json.delivery_id, /^dlv_/);
        assert.equal(call.headers['apns-collapse-id'], call.json.delivery_id);
        assert.equal(call.headers['apns-priority'], '10');
    },
};
