// whatsapp_cloud.mjs - Meta's Cloud API: a bearer token, texts and approved
// templates, webhooks signed with the app's secret as Meta writes them: with
// \u escapes, so who signs what was parsed signs something else.

import { createHmac } from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';

const TOKEN = 'canary_whatsapp_token_0123456789';
const SECRET = 'canary_whatsapp_secret_0123';
const VERIFY = 'canary_whatsapp_verify_0123';
const NUMBER_ID = '106540352242922';

// Approved: the language, and how many parameters the body has.
const TEMPLATES = { order_update: { en_US: 2 } };

const error = (status, code, message, details = '') => json(status, { error: {
    message: `(#${code}) ${message}`, type: 'OAuthException', code,
    error_data: { messaging_product: 'whatsapp', details },
    fbtrace_id: 'AbCdEf' } });

function templateFault({ name, language, components = [] }) {
    const languages = TEMPLATES[name];
    const want = languages?.[language?.code];
    if (want === undefined) return [132001, 'Template name does not exist'];
    const given = components.flatMap((c) => c.parameters ?? []);
    if (components.some((c) => c.type !== 'body')) return [132012, 'component'];
    if (given.length !== want) return [132000, 'Number of parameters'];
    if (given.some((p) => p.type !== 'text' || !p.text ||
        /[\n\t]| {5}/.test(p.text))) return [132018, 'parameter text'];
    return null;
}

const KNOWN = ['messaging_product', 'recipient_type', 'to', 'type', 'text',
    'template', 'biz_opaque_callback_data'];

function faultOf(m) {
    const strange = Object.keys(m).find((k) => !KNOWN.includes(k));
    if (strange) return [100, `Unexpected key "${strange}"`];
    if (m.messaging_product !== 'whatsapp') return [100, 'messaging_product'];
    if (!/^[1-9]\d{6,14}$/.test(m.to)) return [131009, 'to'];
    if (m.type === 'template') return templateFault(m.template ?? {});
    if (m.type !== 'text') return [131051, 'Unsupported message type'];
    if (!m.text?.body) return [131008, 'text.body is required'];
    return m.text.body.length > 4096 ? [100, 'text.body is too long'] : null;
}

// What Meta tells of the message.
function status(call, name, errors) {
    const body = JSON.stringify({ object: 'whatsapp_business_account',
        entry: [{ id: '102290129340398', changes: [{ field: 'messages',
            value: { messaging_product: 'whatsapp',
                metadata: { display_phone_number: '15550783881',
                    phone_number_id: NUMBER_ID },
                statuses: [{ id: call.id, status: name,
                    timestamp: String(Math.floor(Date.now() / 1000)),
                    recipient_id: call.json.to, biz_opaque_callback_data:
                        call.json.biz_opaque_callback_data, errors }] } }] }],
    }).replace(/[^\x20-\x7e]/g, (c) => '\\u' +
        c.charCodeAt(0).toString(16).padStart(4, '0'));
    const signature = createHmac('sha256', SECRET).update(body).digest('hex');
    return { method: 'POST', headers: { 'Content-Type': 'application/json',
        'X-Hub-Signature-256': `sha256=${signature}` }, body };
}

const telling = (name, errors, want) => ({ name: errors ?
    `failed ${errors[0].code}` : name, want,
make: (fake, call) => status(call, name, errors) });
const failure = (code, title) => [{ code, title, message: title,
    error_data: { details: 'Nicht zugestellt: für immer' } }];

export const makeFace = (template) => ({
    driver: 'whatsapp_cloud',
    name: template ? 'whatsapp_cloud-template' : 'whatsapp_cloud',
    channel: 'whatsapp',
    config: { phone_number_id: NUMBER_ID, access_token: TOKEN,
        app_secret: SECRET, verify_token: VERIFY,
        ...(template && { template }) },
    user: (serial) => ({ phone: `+49 (151) 123-${1000 + serial}` }),

    take(call, fake) {
        if (call.method !== 'POST' ||
            !/^\/v\d+\.\d+\/106540352242922\/messages$/.test(call.path))
            return refuse(call, 'path', error(404, 100, 'Unsupported post'));
        if (call.headers.authorization !== `Bearer ${TOKEN}`)
            return refuse(call, 'token', error(401, 190, 'Error validating'));
        const why = call.json ? faultOf(call.json) : [100, 'no JSON'];
        if (why) return refuse(call, why[1], error(400, ...why));
        call.id = `wamid.${fake.nextId('HBgL', 20)}`;
        return json(200, { messaging_product: 'whatsapp',
            contacts: [{ input: call.json.to, wa_id: call.json.to }],
            messages: [{ id: call.id, message_status: 'accepted' }] });
    },

    faults: {
        transient: error(500, 131000, 'Something went wrong'),
        unavailable: error(400, 131016, 'Service unavailable'),
        rate: error(429, 130429, 'Rate limit hit'),
        permanent: error(400, 131047, 'Re-engagement message'),
        credentials: error(401, 190, 'Error validating access token'),
        unpaid: error(400, 131042, 'Business eligibility payment issue'),
        gone: error(400, 131030, 'Recipient phone number not in allowed list'),
        stopped: error(400, 131050, 'User has stopped marketing messages'),
        // Once is no proof that nobody is there.
        undeliverable: error(400, 131026, 'Message undeliverable'),
    },
    verdicts: { unavailable: 'retry', unpaid: 'credentials', stopped: 'gone',
        undeliverable: 'retry' },

    receipts: [
        telling('sent', undefined, {}),
        telling('delivered', undefined, { status: 'delivered',
            event: 'delivered' }),
        telling('read', undefined, { event: 'opened' }),
        telling('failed', failure(131049, 'not delivered'),
            { status: 'failed', event: 'failed' }),
        telling('failed', failure(131026, 'Message undeliverable'),
            { status: 'failed', event: 'bounced' }),
    ],

    check(assert, call) {
        assert.equal(call.json.to, '491511231001');
        assert.match(call.json.biz_opaque_callback_data, /^dlv_/);
        if (template)
            assert.deepEqual(call.json.template.components[0].parameters,
                [{ type: 'text', text: 'Order 7' },
                    { type: 'text', text: 'It is paid.' }]);
        else
            assert.equal(call.json.text.body, 'Order 7\nIt is paid.');
    },
});

export default makeFace();
