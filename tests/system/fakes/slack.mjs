// slack.mjs - Slack by both ways: incoming webhooks with their words in plain
// text, and chat.postMessage, which says at HTTP 200 whether it worked.
// Pressed buttons come signed.

import { createHmac } from 'node:crypto';
import { json, refuse, text } from '../lib/fake.mjs';

const PATH = '/services/T00000000/B00000000/canary_slack_0123456789abcdef';
const SECRET = 'canary_signing_8f742231b10e8888abcd99yyyzzz85a5';
const TOKEN = 'xoxb-canary-slack-0123456789';

const isPlain = (t, max) => t?.type === 'plain_text' && t.text &&
    t.text.length <= max;

function faultOfBlock(block) {
    if (block.type === 'section')
        return block.text?.type === 'mrkdwn' && block.text.text &&
            block.text.text.length <= 3000 ? null : 'section';
    if (block.type !== 'actions') return block.type;
    const ids = block.elements.map((e) => e.action_id);
    if (ids.length === 0 || ids.length > 25 || new Set(ids).size < ids.length)
        return 'elements';
    return block.elements.every((e) => e.type === 'button' &&
        isPlain(e.text, 75) && e.action_id.length <= 255 &&
        e.value.length <= 2000 &&
        (e.url === undefined || /^https?:/.test(e.url))) ? null : 'button';
}

// The word for what is wrong, and why.
function faultOf(body, known) {
    if (!body) return ['invalid_payload', 'JSON'];
    const strange = Object.keys(body).find((k) => !known.includes(k));
    if (strange) return ['invalid_payload', strange];
    if (typeof body.text !== 'string' || body.text === '')
        return ['no_text', 'text'];
    if (body.text.length > 40000) return ['msg_too_long', 'text'];
    if (/<|>|&(?!(amp|lt|gt);)/.test(body.text))
        return ['invalid_payload', 'mrkdwn is not escaped'];
    const fault = (body.blocks ?? []).map(faultOfBlock).find((f) => f);
    return fault || body.blocks?.length > 50 ? ['invalid_blocks', fault] : null;
}

const pressed = (id) => ({
    name: `${id} pressed`,
    make(fake, call) {
        const button = call.json.blocks.at(-1).elements
            .find((e) => e.action_id === id);
        const body = new URLSearchParams({ payload: JSON.stringify({
            type: 'block_actions', trigger_id: fake.nextId('13345224609.'),
            user: { id: 'U2CERLKJA', name: 'roadrunner' },
            actions: [{ ...button, action_ts: String(Date.now() / 1000) }],
        }) }).toString();
        const at = String(Math.floor(Date.now() / 1000));
        const hex = createHmac('sha256', SECRET).update(`v0:${at}:${body}`)
            .digest('hex');
        return { body, headers: {
            'Content-Type': 'application/x-www-form-urlencoded',
            'X-Slack-Request-Timestamp': at, 'X-Slack-Signature': `v0=${hex}`,
        } };
    },
    want: { event: 'action' },
});

const ACTIONS = [
    { id: 'open', label: 'Open', url: 'https://example.org/7' },
    { id: 'ack', label: 'Ack' },
];

function check(assert, call) {
    assert.equal(call.json.text, 'Order 7\nIt is paid.');
    const [section, actions] = call.json.blocks;
    assert.equal(section.text.text, 'Order 7\nIt is paid.');
    assert.deepEqual(actions.elements.map((e) => [e.action_id, e.url]),
        [['open', 'https://example.org/7'], ['ack', undefined]]);
    assert.match(actions.elements[1].value, /^dlv_/);
}

const webhook = {
    driver: 'slack',
    channel: 'slack',
    config: { webhook_url: `https://hooks.slack.com${PATH}`,
        signing_secret: SECRET },
    message: { actions: ACTIONS },

    take(call) {
        if (call.method !== 'POST' || call.path !== PATH)
            return refuse(call, 'path', text(404, 'no_service'));
        if (call.headers.authorization)
            return refuse(call, 'authorization', text(403, 'invalid_token'));
        const fault = faultOf(call.json, ['text', 'blocks']);
        if (fault) return refuse(call, fault[1], text(400, fault[0]));
        return text(200, 'ok');
    },

    faults: {
        transient: text(500, 'rollup_error'),
        rate: text(429, 'rate_limited', { 'Retry-After': '1' }),
        permanent: text(400, 'invalid_payload'),
        credentials: text(403, 'action_prohibited'),
        revoked: text(404, 'no_service'),
        archived: text(410, 'channel_is_archived'),
    },
    // Nobody's but the provider's own webhook.
    verdicts: { revoked: 'credentials', archived: 'credentials' },
    receipts: ACTIONS.map((a) => pressed(a.id)),
    check,
};

const not = (error, headers) => json(200, { ok: false, error }, headers);

const bot = {
    name: 'slack_bot',
    driver: 'slack',
    channel: 'slack',
    config: { bot_token: TOKEN, signing_secret: SECRET },
    message: { actions: ACTIONS },
    user: (serial) => ({ slack: `U${String(serial).padStart(8, '0')}` }),

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/api/chat.postMessage')
            return refuse(call, 'path', { status: 404, body: '' });
        if (call.headers.authorization !== `Bearer ${TOKEN}`)
            return refuse(call, 'token', not('invalid_auth'));
        if (call.headers['content-type'] !== 'application/json; charset=utf-8')
            return refuse(call, 'type', not('invalid_json'));
        if (!/^[CUDG]\w+$/.test(call.json?.channel))
            return refuse(call, 'channel', not('channel_not_found'));
        const fault = faultOf(call.json, ['channel', 'text', 'blocks']);
        if (fault) return refuse(call, fault[1], not(fault[0]));
        return json(200, { ok: true, channel: call.json.channel,
            ts: `1503435956.${fake.nextId('', 6)}`,
            message: { text: call.json.text } });
    },

    faults: {
        transient: not('internal_error'),
        unavailable: { status: 503, headers: {}, body: '' },
        rate: json(429, { ok: false, error: 'ratelimited' },
            { 'Retry-After': '1' }),
        limited: not('ratelimited', { 'Retry-After': '1' }),
        permanent: not('msg_too_long'),
        credentials: not('token_revoked'),
        gone: not('channel_not_found'),
    },
    // At HTTP 200 the body alone says whether it worked.
    verdicts: { unavailable: 'retry', limited: 'rate', html: 'unknown',
        empty: 'unknown', cut: 'unknown' },
    receipts: ACTIONS.map((a) => pressed(a.id)),
    check,
};

export default [webhook, bot];
