// waha.mjs - a WAHA server: a key in X-Api-Key, numbers that are looked up,
// sessions that must be WORKING, webhooks signed with SHA-512 HMAC.

import { createHmac } from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';

const KEY = 'canary_waha_0123456789';
const HMAC_KEY = 'canary_waha_hmac_0123';

const error = (statusCode, message) => json(statusCode, { message,
    statusCode });
const session = (status) => json(422, { error: 'Session status is not as ' +
    'expected. Try again later or restart the session', session: 'shop',
status, expected: ['WORKING'] });
const unknown = (name) => error(404, `We didn't find a session with name ` +
    `'${name}'.\nPlease start it first by using POST /api/sessions/${name}` +
    '/start request');

// Brazilian numbers may have a chat without their ninth digit.
const chatOf = (digits) => `${digits.replace(/^(55\d\d)9/, '$1')}@c.us`;

function webhook(call, ack, ackName) {
    const body = JSON.stringify({ event: 'message.ack', session: 'shop',
        engine: 'WEBJS', payload: { id: call.id, from: call.json.chatId,
            fromMe: true, ack, ackName } });
    return { method: 'POST', headers: { 'Content-Type': 'application/json',
        'X-Webhook-Request-Id': `01${call.id}${ack}`,
        'X-Webhook-Timestamp': String(Date.now()),
        'X-Webhook-Hmac-Algorithm': 'sha512',
        'X-Webhook-Hmac': createHmac('sha512', HMAC_KEY).update(body)
            .digest('hex') }, body };
}

const telling = (ack, ackName, want) => ({ name: ackName, want,
    make: (fake, call) => webhook(call, ack, ackName) });

export default {
    driver: 'waha',
    channel: 'whatsapp',
    config: { api_key: KEY, session: 'shop', hmac_key: HMAC_KEY },
    user: (serial) => ({ phone: `+55 11 98765-${1000 + serial}` }),
    // No user of WhatsApp has such a number.
    begin: () => ({ strangers: new Set() }),

    aside(call, fake) {
        if (call.path !== '/api/contacts/check-exists') return null;
        if (call.headers['x-api-key'] !== KEY)
            return error(401, 'Unauthorized');
        const phone = call.query.get('phone');
        if (call.method !== 'GET' || !/^[1-9]\d{6,14}$/.test(phone))
            return error(400, 'phone must be digits');
        if (call.query.get('session') !== 'shop')
            return unknown(call.query.get('session'));
        return json(200, fake.state.strangers.has(phone) ?
            { numberExists: false } :
            { numberExists: true, chatId: chatOf(phone) });
    },

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/api/sendText')
            return refuse(call, 'path', error(404, 'Cannot POST'));
        if (call.headers['x-api-key'] !== KEY)
            return refuse(call, 'key', error(401, 'Unauthorized'));
        const { session: name, chatId, text, ...rest } = call.json ?? {};
        if (call.headers['content-type'] !== 'application/json' ||
            Object.keys(rest).length > 0 || typeof text !== 'string' ||
            !/^[\d-]+@(c\.us|g\.us|lid|newsletter)$/.test(chatId))
            return refuse(call, 'body', error(400, 'Bad Request'));
        if (name !== 'shop') return refuse(call, 'session', unknown(name));
        call.id = `true_${chatId}_${fake.nextId('3EB0')}`;
        // By the server's engine.
        const id = fake.serial % 2 ? call.id : { fromMe: true,
            remote: chatId, _serialized: call.id };
        return json(201, { id, timestamp: 1666943582, body: text });
    },

    faults: {
        transient: error(500, 'Protocol error'),
        starting: session('STARTING'),
        permanent: error(422, 'The method is not implemented by the engine'),
        credentials: error(401, 'Unauthorized'),
        unpaired: session('SCAN_QR_CODE'),
        stopped: unknown('shop'),
    },
    verdicts: { starting: 'retry', unpaired: 'credentials',
        stopped: 'credentials' },

    receipts: [
        telling(1, 'SERVER', {}),
        telling(2, 'DEVICE', { status: 'delivered', event: 'delivered' }),
        telling(3, 'READ', { event: 'opened' }),
        telling(-1, 'ERROR', { status: 'failed', event: 'failed' }),
    ],

    check(assert, call) {
        assert.equal(call.json.chatId, '551187651001@c.us');
        assert.equal(call.json.text, 'Order 7\nIt is paid.');
    },
};
