// discord.mjs - Discord's webhooks: id and token in the path, what a message
// may hold, and the several forms of its 429. Without wait=true it answers 204
// and tells of no error.

import { json, refuse } from '../lib/fake.mjs';

const error = (status, code, message, more = {}) => json(status, { message,
    code, ...more });
const invalid = (field) => error(400, 50035, 'Invalid Form Body', { errors: {
    [field]: { _errors: [{ code: 'BASE_TYPE_BAD', message: '' }] } } });
const limited = (scope, global) => json(429, {
    message: 'You are being rate limited.', retry_after: 1.0025, global,
}, { 'Retry-After': '2', 'X-RateLimit-Scope': scope,
    ...(global && { 'X-RateLimit-Global': 'true' }) });

const TOKEN = 'canary_discord_0123456789abcdefghijklmnopqrstuvwxyz';
const KNOWN = ['content', 'username', 'avatar_url', 'embeds', 'components',
    'allowed_mentions', 'flags', 'tts', 'thread_name'];

function faultOf(body) {
    const strange = Object.keys(body).find((k) => !KNOWN.includes(k));
    if (strange) return strange;
    if (typeof body.content !== 'string' || body.content === '' ||
        [...body.content].length > 2000) return 'content';
    if (body.username && [...body.username].length > 80) return 'username';
    if (!Array.isArray(body.allowed_mentions?.parse) ||
        body.allowed_mentions.parse.length > 0) return 'allowed_mentions';
    return null;
}

export default {
    driver: 'discord',
    channel: 'discord',
    config: { username: 'Belfry', webhook_url:
        `https://discord.com/api/v10/webhooks/223704706495545344/${TOKEN}` },
    // Users with webhooks of their own.
    user: (n) => ({ discord:
        `https://discord.com/api/webhooks/${n}/own_${TOKEN}` }),

    take(call, fake) {
        const [, id, token] = call.path.match(
            /^\/api(?:\/v10)?\/webhooks\/(\d+)\/([\w-]+)$/) ?? [];
        if (call.method !== 'POST' || !id)
            return refuse(call, 'path', error(404, 0, '404: Not Found'));
        if (token !== TOKEN && token !== `own_${TOKEN}`)
            return refuse(call, 'token', error(401, 50027,
                'Invalid Webhook Token'));
        if (call.query.get('wait') !== 'true')
            return refuse(call, 'wait', { status: 204, headers: {} });
        if (!call.json) return refuse(call, 'JSON', error(400, 50109,
            'The request body contains invalid JSON.'));
        const fault = faultOf(call.json);
        if (fault) return refuse(call, fault, invalid(fault));
        return json(200, { id: fake.nextId('11300', 19), type: 0,
            channel_id: '1', webhook_id: id, content: call.json.content },
        { 'X-RateLimit-Limit': '5', 'X-RateLimit-Remaining': '4',
            'X-RateLimit-Reset': String(Date.now() / 1000 + 2),
            'X-RateLimit-Reset-After': '2.000',
            'X-RateLimit-Bucket': `b${id}` });
    },

    faults: {
        transient: error(500, 0, '500: Internal Server Error'),
        rate: limited('user', false),
        shared: limited('shared', false),
        global: limited('global', true),
        permanent: invalid('content'),
        forbidden: error(403, 50013, 'Missing Permissions'),
        gone: error(404, 10015, 'Unknown Webhook'),
        token: error(401, 50027, 'Invalid Webhook Token'),
    },
    // A user's own webhook says nothing of the provider's.
    verdicts: { shared: 'rate', global: 'rate', forbidden: 'rejected',
        token: 'gone' },

    check(assert, call) {
        assert.equal(call.json.content, 'Order 7\nIt is paid.');
        assert.equal(call.json.username, 'Belfry');
        assert.match(call.path, /^\/api\/webhooks\/1\/own_/);
    },
};
