// ntfy.mjs - a server of ntfy as its server/errors.go and docs/publish.md tell
// it: JSON to the root, a token, one topic.

import { json, refuse } from '../lib/fake.mjs';

const error = (code, http, message, headers) => json(http, { code, http,
    error: message, link: 'https://ntfy.sh/docs/publish/' }, headers);

const KNOWN = ['topic', 'message', 'title', 'tags', 'priority', 'click',
    'attach', 'icon', 'markdown', 'filename', 'delay', 'email', 'call',
    'actions'];

function faultOf({ topic, message, priority, actions = [], ...rest }) {
    const strange = Object.keys(rest).find((k) => !KNOWN.includes(k));
    if (strange) return [40024, `unknown field ${strange}`];
    if (!/^[-_A-Za-z0-9]{1,64}$/.test(topic)) return [40009, 'topic invalid'];
    if (typeof message !== 'string') return [40024, 'message is no text'];
    if (!(priority >= 1 && priority <= 5)) return [40007, 'priority invalid'];
    if (actions.length > 3 || actions.some((a) => a.action !== 'view' ||
        !a.label || !/^https?:/.test(a.url))) return [40018, 'actions invalid'];
    return null;
}

export default {
    driver: 'ntfy',
    channel: 'ntfy',
    config: { topic: 'alerts', token: 'tk_canary_ntfy_0123456789' },

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/')
            return refuse(call, 'path', error(40401, 404, 'page not found'));
        if (call.headers.authorization !== `Bearer ${this.config.token}`)
            return refuse(call, 'token', error(40101, 401, 'unauthorized'));
        const fault = call.json ? faultOf(call.json) : [40024, 'invalid JSON'];
        if (fault) return refuse(call, fault[1], error(fault[0], 400,
            fault[1]));
        const { topic, title, message, priority } = call.json;
        const time = Math.floor(Date.now() / 1000);
        return json(200, { id: fake.nextId('', 12), time,
            expires: time + 43200, event: 'message', topic, title, message,
            priority });
    },

    faults: {
        transient: error(50001, 500, 'internal server error'),
        rate: error(42901, 429, 'limit reached: too many requests',
            { 'Retry-After': '1' }),
        permanent: error(40009, 400, 'invalid request: topic invalid'),
        credentials: error(40301, 403, 'forbidden'),
        gone: error(50701, 507, 'cannot publish to UnifiedPush topic'),
    },
    verdicts: {},

    // What a message looks like at the provider.
    check(assert, call) {
        assert.equal(call.json.title, 'Order 7');
        assert.equal(call.json.message, 'It is paid.');
        assert.equal(call.json.priority, 3);
    },
};
