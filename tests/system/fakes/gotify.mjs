// gotify.mjs - a server of Gotify as its api/message.go checks what comes: an
// application's token, a message, an integer as priority.

import { json, refuse } from '../lib/fake.mjs';

const error = (status, name, description) => json(status, { error: name,
    errorCode: status, errorDescription: description });
const bad = (description) => error(400, 'Bad Request', description);
const unauthorized = error(401, 'Unauthorized', 'you need to provide a valid ' +
    'access token or user credentials to access this api');

const KNOWN = ['message', 'title', 'priority', 'extras'];

function faultOf(body) {
    const strange = Object.keys(body).find((k) => !KNOWN.includes(k));
    if (strange) return `no field ${strange}`;
    const { message, title, priority, extras } = body;
    if (typeof message !== 'string' || message === '')
        return 'Field \'message\' is required';
    if (title !== undefined && typeof title !== 'string')
        return 'title is no text';
    if (!Number.isInteger(priority) || priority < 0 || priority > 10)
        return 'priority is no number from 0 to 10';
    if (extras && Object.keys(extras).some((k) => !/^\w+::\w+$/.test(k)))
        return 'extras are not namespaced';
    return null;
}

export default {
    driver: 'gotify',
    channel: 'gotify',
    config: { token: 'Acanary_gotify_0123456789' },

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/message')
            return refuse(call, 'path', error(404, 'Not Found',
                'page not found'));
        if (call.headers['x-gotify-key'] !== this.config.token)
            return refuse(call, 'token', unauthorized);
        const fault = call.json ? faultOf(call.json) : 'invalid JSON';
        if (fault) return refuse(call, fault, bad(fault));
        return json(200, { id: Number(fake.nextId()), appid: 5, ...call.json,
            date: new Date().toISOString() });
    },

    faults: {
        transient: error(500, 'Internal Server Error', 'database is locked'),
        rate: { status: 429, headers: { 'Retry-After': '1' }, body: '' },
        permanent: bad('Field \'message\' is required'),
        credentials: unauthorized,
        forbidden: error(403, 'Forbidden', 'you are not allowed to access'),
    },
    verdicts: { forbidden: 'credentials' },

    check(assert, call) {
        assert.deepEqual(call.json, { title: 'Order 7',
            message: 'It is paid.', priority: 5 });
    },
};
