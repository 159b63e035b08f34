// vonage.mjs - Vonage's SMS API: a form with key and secret in it, and an
// answer of 200 whose parts say what came of it; delivery receipts signed with
// SHA-256 HMAC.

import { createHmac } from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';

const SECRET = 'canary_vonage_0123456789';
const SIGNATURE_SECRET = 'canary_vonage_signature_0123';
const KNOWN = ['api_key', 'api_secret', 'from', 'to', 'text', 'type',
    'callback', 'client-ref'];

const parts = (...row) => json(200, { 'message-count': String(row.length),
    messages: row });
const fault = (status, text) => ({ status: String(status),
    'error-text': text });
const part = (id, form) => ({ to: form.get('to'), 'message-id': id,
    status: '0', 'remaining-balance': '15.53590000',
    'message-price': '0.03330000', network: '23410',
    'client-ref': form.get('client-ref') });

function faultOf(form, config) {
    const strange = [...form.keys()].find((n) => !KNOWN.includes(n));
    if (strange) return [3, `Invalid parameter ${strange}`];
    const missing = ['from', 'to', 'text'].find((n) => !form.get(n));
    if (missing) return [2, `Missing ${missing}`];
    if (form.get('api_key') !== config.api_key ||
        form.get('api_secret') !== SECRET) return [4, 'Bad Credentials'];
    if (!/^[1-9]\d{6,14}$/.test(form.get('to'))) return [3, 'Invalid to'];
    if (!/^([1-9]\d{6,14}|[A-Za-z0-9 ]{1,11})$/.test(form.get('from')))
        return [15, 'Illegal Sender Address'];
    if (form.get('client-ref').length > 100) return [3, 'Invalid client-ref'];
    if (form.get('type') !== 'unicode' &&
        /[^\n\r -~£¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€]/
            .test(form.get('text'))) return [6, 'text needs type=unicode'];
    return null;
}

// A delivery receipt for the message.
function receipt(call, status, code) {
    const params = { 'api-key': call.form.get('api_key'),
        'client-ref': call.form.get('client-ref'), 'err-code': code,
        'message-timestamp': '2020-01-01 12:00:00 +0000',
        messageId: call.id, msisdn: call.form.get('to'),
        'network-code': '23410', nonce: 'ec11dd3e-1e7f-4db5-9467-82b02cd223b9',
        price: '0.03330000', scts: '2001011400', status,
        timestamp: String(Math.floor(Date.now() / 1000)),
        to: call.form.get('from') };
    const text = Object.keys(params).sort()
        .map((n) => `&${n}=${params[n].replace(/[&=]/g, '_')}`).join('');
    params.sig = createHmac('sha256', SIGNATURE_SECRET).update(text)
        .digest('hex').toUpperCase();
    return { method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(params) };
}

const telling = (name, status, code, want) => ({ name, want,
    make: (fake, call) => receipt(call, status, code) });

export default {
    driver: 'vonage',
    channel: 'sms',
    config: { api_key: 'abcd1234', api_secret: SECRET, from: 'Belfry',
        signature_secret: SIGNATURE_SECRET,
        callback: 'https://belfry.example/v1/receipts/vonage' },
    user: (serial) => ({ phone: `+44 7700 90${1000 + serial}` }),

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/sms/json')
            return refuse(call, 'path', { status: 404, body: '' });
        if (call.headers['content-type'] !==
            'application/x-www-form-urlencoded')
            return refuse(call, 'type', parts(fault(2, 'Missing api_key')));
        call.form = new URLSearchParams(call.body);
        const why = faultOf(call.form, this.config);
        if (why) return refuse(call, why[1], parts(fault(...why)));
        call.id = fake.nextId('0A', 14);
        return parts(part(call.id, call.form));
    },

    faults: {
        transient: parts(fault(5, 'Internal Error')),
        unavailable: { status: 503, body: '' },
        rate: parts(fault(1, 'Throttled')),
        permanent: parts(fault(6, 'Invalid Message')),
        credentials: parts(fault(4, 'Bad Credentials')),
        quota: parts(fault(9, 'Partner quota exceeded')),
        unpaid: { status: 402, headers: { 'Content-Type': 'text/html' },
            body: '<html><h1>402</h1></html>' },
        gone: parts(fault(7, 'Number barred.')),
        // One of two went out.
        mixed: (call) => parts(part('0A9', call.form), fault(1, 'Throttled')),
    },
    // Only the body says whether it was taken.
    verdicts: { unavailable: 'retry', quota: 'credentials',
        unpaid: 'credentials', mixed: 'rejected', html: 'unknown',
        empty: 'unknown', cut: 'unknown' },

    receipts: [
        telling('accepted', 'accepted', '0', {}),
        telling('delivered', 'delivered', '0', { status: 'delivered',
            event: 'delivered' }),
        telling('expired', 'expired', '1', { status: 'failed',
            event: 'failed' }),
        telling('not active', 'failed', '3', { status: 'failed',
            event: 'bounced' }),
    ],

    check(assert, call) {
        assert.equal(call.form.get('to'), '447700901001');
        assert.equal(call.form.get('text'), 'Order 7\nIt is paid.');
        assert.equal(call.form.get('type'), 'text');
        assert.match(call.form.get('client-ref'), /^dlv_/);
    },
};
