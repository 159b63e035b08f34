// mailgun.mjs - Mailgun's API as its own client and documents tell it: a form,
// Basic authentication as the user "api"; 401 is plain text.

import { createHmac, randomBytes } from 'node:crypto';
import { json, refuse, text } from '../lib/fake.mjs';
import { checkHeaders, FROM, isFromShop, isToUser, parseAddress, user }
    from './mail.mjs';

const error = (status, message, headers) => json(status, { message }, headers);
const KNOWN = ['from', 'to', 'cc', 'bcc', 'subject', 'text', 'html',
    'amp-html', 'template', 'attachment', 'inline', 'recipient-variables'];

// Node's own fetch reads the form with files; a quotation mark of a name is left
// as a form has it by Node 18.
async function formOf(call) {
    const type = call.headers['content-type'];
    if (type === 'application/x-www-form-urlencoded')
        return new URLSearchParams(call.body);
    return new Response(call.raw, { headers: { 'Content-Type': type } })
        .formData().catch(() => null);
}

const filesOf = (form) => Promise.all(form.getAll('attachment').map(
    async (f) => ({ filename: f.name.replaceAll('%22', '"'), type: f.type,
        content: Buffer.from(await f.arrayBuffer()) })));

function faultOf(form) {
    for (const name of form.keys())
        if (!KNOWN.includes(name) && !/^[ohvt]:/.test(name))
            return `unknown parameter ${name}`;
    if (!isFromShop(form.get('from'))) return 'from parameter is not valid';
    if (!form.getAll('to').every((a) => isToUser(parseAddress(a)?.spec)))
        return 'to parameter is not a valid address. please check '
            + 'documentation';
    if (!form.get('text') && !form.get('html'))
        return 'Need at least one of "text" or "html" parameters specified';
    return null;
}

// What its webhooks tell of the mail of a call; the signature covers no more
// than the time and a token.
function telling(name, fields, want) {
    return { name, want, make(fake, call) {
        const timestamp = `${Math.floor(Date.now() / 1000)}`;
        const token = randomBytes(25).toString('hex');
        const signature = createHmac('sha256', face.config.webhook_signing_key)
            .update(timestamp + token).digest('hex');
        return { headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ signature: { timestamp, token, signature },
                'event-data': { id: fake.nextId('', 22),
                    timestamp: Date.now() / 1000,
                    recipient: parseAddress(call.form.get('to')).spec,
                    message: { headers: { 'message-id': call.form
                        .get('h:Message-Id').slice(1, -1) } },
                    'user-variables': { delivery_id: call.form
                        .get('v:delivery_id') }, ...fields } }) };
    } };
}

const face = {
    driver: 'mailgun',
    channel: 'email',
    config: { api_key: 'key-canary-mailgun-0123456789',
        domain: 'mg.example.com', from: FROM,
        webhook_signing_key: 'canary-mailgun-hook-0123456789' },
    user,

    files: (call) => call.files,

    async take(call, fake) {
        const login = Buffer.from(`api:${this.config.api_key}`)
            .toString('base64');
        if (call.headers.authorization !== `Basic ${login}`)
            return refuse(call, 'key', text(401, 'Forbidden'));
        if (call.method !== 'POST' ||
            call.path !== `/v3/${this.config.domain}/messages`)
            return refuse(call, 'path', error(404, 'Domain not found'));
        call.form = await formOf(call);
        if (!call.form) return refuse(call, 'type', error(400, 'no form'));
        call.files = await filesOf(call.form);
        const fault = faultOf(call.form);
        if (fault) return refuse(call, fault, error(400, fault));
        return json(200, { id: call.form.get('h:Message-Id') ??
            `<${fake.nextId('', 14)}@${this.config.domain}>`,
        message: 'Queued. Thank you.' });
    },

    faults: {
        transient: error(500, 'internal error'),
        rate: error(429, 'too many requests', { 'Retry-After': '1' }),
        permanent: error(400, "'to' parameter is not a valid address"),
        oversize: error(413, 'message too large'),
        credentials: text(401, 'Forbidden'),
        unpaid: error(402, 'account is disabled'),
    },
    verdicts: { oversize: 'rejected', unpaid: 'credentials' },

    receipts: [
        telling('accepted', { event: 'accepted' }, {}),
        telling('delivered', { event: 'delivered', 'delivery-status': {
            code: 250, message: 'OK' } }, { status: 'delivered',
            event: 'delivered' }),
        telling('no such address', { event: 'failed', severity: 'permanent',
            reason: 'bounce', 'delivery-status': { code: 550,
                'enhanced-code': '5.1.1', message: 'no such user' } },
        { status: 'failed', event: 'bounced' }),
        telling('refused', { event: 'failed', severity: 'permanent',
            reason: 'generic', 'delivery-status': { code: 554 } },
        { status: 'failed', event: 'failed' }),
        telling('later', { event: 'failed', severity: 'temporary',
            reason: 'generic', 'delivery-status': { code: 451 } },
        { event: 'deferred' }),
        telling('opened', { event: 'opened' }, { event: 'opened' }),
        telling('clicked', { event: 'clicked', url: 'https://example.com/' },
            { event: 'clicked' }),
        telling('unsubscribed', { event: 'unsubscribed' },
            { event: 'unsubscribed' }),
        telling('complained', { event: 'complained' },
            { event: 'complained' }),
    ],

    check(assert, call) {
        assert.equal(call.form.get('subject'), 'Order 7');
        assert.equal(call.form.get('text'), 'It is paid.');
        assert.match(call.form.get('v:delivery_id'), /^dlv_/);
        checkHeaders(assert, [...call.form].filter(([k]) => k.startsWith('h:'))
            .map(([k, value]) => ({ name: k.slice(2), value })));
    },
};

export default face;
