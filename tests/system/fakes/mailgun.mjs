// mailgun.mjs - Mailgun's API as its own client and documents tell it: a form,
// Basic authentication as the user "api"; 401 is plain text.

import { json, refuse, text } from '../lib/fake.mjs';
import { checkHeaders, FROM, isFromShop, isToUser, parseAddress, user }
    from './mail.mjs';

const error = (status, message, headers) => json(status, { message }, headers);
const KNOWN = ['from', 'to', 'cc', 'bcc', 'subject', 'text', 'html',
    'amp-html', 'template', 'attachment', 'inline', 'recipient-variables'];

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

export default {
    driver: 'mailgun',
    channel: 'email',
    config: { api_key: 'key-canary-mailgun-0123456789',
        domain: 'mg.example.com', from: FROM },
    user,

    take(call, fake) {
        const login = Buffer.from(`api:${this.config.api_key}`)
            .toString('base64');
        if (call.headers.authorization !== `Basic ${login}`)
            return refuse(call, 'key', text(401, 'Forbidden'));
        if (call.method !== 'POST' ||
            call.path !== `/v3/${this.config.domain}/messages`)
            return refuse(call, 'path', error(404, 'Domain not found'));
        if (call.headers['content-type'] !==
            'application/x-www-form-urlencoded')
            return refuse(call, 'type', error(400, 'no form'));
        call.form = new URLSearchParams(call.body);
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

    check(assert, call) {
        assert.equal(call.form.get('subject'), 'Order 7');
        assert.equal(call.form.get('text'), 'It is paid.');
        assert.match(call.form.get('v:delivery_id'), /^dlv_/);
        checkHeaders(assert, [...call.form].filter(([k]) => k.startsWith('h:'))
            .map(([k, value]) => ({ name: k.slice(2), value })));
    },
};
