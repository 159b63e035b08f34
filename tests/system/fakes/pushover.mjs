// pushover.mjs - Pushover's message API: a form, the two keys, its limits of
// texts, and what an emergency has to say.

import { json, refuse } from '../lib/fake.mjs';

const error = (status, errors, more = {}, headers = {}) => json(status, {
    ...more, errors, status: 0, request: '5042853c-402d-4a18-abcb-168734a801de',
}, headers);
const noToken = error(400, ['application token is invalid'],
    { token: 'invalid' });
const noUser = error(400, ['user key is invalid'], { user: 'invalid' });

const KNOWN = ['token', 'user', 'message', 'title', 'url', 'url_title',
    'device', 'sound', 'priority', 'retry', 'expire', 'timestamp', 'ttl',
    'html', 'monospace'];
const LIMITS = { message: 1024, title: 250, url: 512, url_title: 100 };

function faultOf(form) {
    const strange = [...form.keys()].find((k) => !KNOWN.includes(k));
    if (strange) return `no parameter ${strange}`;
    if (new Set(form.keys()).size < [...form.keys()].length)
        return 'a parameter twice';
    if (!form.get('message')) return 'message cannot be blank';
    for (const [name, max] of Object.entries(LIMITS))
        if ([...(form.get(name) ?? '')].length > max)
            return `${name} is too long`;
    if (!/^(-[12]|[0-2])$/.test(form.get('priority'))) return 'priority';
    if (form.get('priority') === '2') {
        if (!(Number(form.get('retry')) >= 30))
            return 'retry must be at least 30 seconds';
        if (!(Number(form.get('expire')) <= 10800) || !form.get('expire'))
            return 'expire must be at most 10800 seconds';
    }
    if (Math.abs(Number(form.get('timestamp')) - Date.now() / 1000) > 600)
        return 'timestamp';
    return null;
}

export default {
    driver: 'pushover',
    channel: 'pushover',
    config: { token: 'acanaryPushoverToken0123456789',
        user: 'ucanaryPushoverUser01234567890', retry: 90 },
    message: { priority: 'critical' },

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/1/messages.json')
            return refuse(call, 'path', error(404, ['not found']));
        if (call.headers['content-type'] !==
            'application/x-www-form-urlencoded')
            return refuse(call, 'type', error(400, ['no form']));
        const form = new URLSearchParams(call.body);
        if (form.get('token') !== this.config.token)
            return refuse(call, 'token', noToken);
        if (form.get('user') !== this.config.user)
            return refuse(call, 'user', noUser);
        const fault = faultOf(form);
        if (fault) return refuse(call, fault, error(400, [fault]));
        return json(200, { status: 1, request: fake.nextId('req-'),
            ...(form.get('priority') === '2' &&
                { receipt: fake.nextId('r', 29) }) },
        { 'X-Limit-App-Limit': '10000', 'X-Limit-App-Remaining': '7496',
            'X-Limit-App-Reset': String(Math.floor(Date.now() / 1000) +
                86400) });
    },

    faults: {
        transient: { status: 500, headers: {}, body: '' },
        rate: () => error(429, ['application is over its message limit'], {},
            { 'X-Limit-App-Reset': String(Math.ceil(Date.now() / 1000) + 1) }),
        permanent: error(400, ['message cannot be blank'],
            { message: 'cannot be blank' }),
        credentials: noToken,
        user: noUser,
    },
    verdicts: { user: 'credentials' },

    check(assert, call) {
        const form = new URLSearchParams(call.body);
        assert.equal(form.get('title'), 'Order 7');
        assert.equal(form.get('message'), 'It is paid.');
        assert.equal(form.get('priority'), '2');
        assert.equal(form.get('retry'), '90');
        assert.equal(form.get('expire'), '3600');
    },
};
