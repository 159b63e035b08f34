// twilio.mjs - Twilio's Messages resource (twilio-oai twilio_api_v2010.json):
// a form, basic authentication, numbers with a plus, signed callbacks. Twilio's
// own library judges both in telephones.test.mjs.

import { createHash, createHmac } from 'node:crypto';
import { json, refuse } from '../lib/fake.mjs';

const SID = 'AC0db966d80e9f1662da09c61287f8bba1';
const TOKEN = 'canary_twilio_0123456789abcdef';
const PATH = `/2010-04-01/Accounts/${SID}/Messages.json`;
const ADDRESS = /^(whatsapp:)?\+[1-9]\d{6,14}$/;

const error = (status, code, message) => json(status, { code, message,
    more_info: `https://www.twilio.com/docs/errors/${code}`, status });

const KNOWN = ['To', 'From', 'MessagingServiceSid', 'Body', 'StatusCallback',
    'ContentSid', 'ContentVariables'];

function faultOf(form) {
    const names = [...form.keys()];
    const strange = names.find((n) => !KNOWN.includes(n));
    if (strange || new Set(names).size < names.length)
        return [21602, `parameter ${strange} or one twice`];
    const [to, from, service] = ['To', 'From', 'MessagingServiceSid']
        .map((n) => form.get(n));
    if (!ADDRESS.test(to)) return [21211, `Invalid 'To' ${to}`];
    if (!from === !service) return [21603, "A 'From' is required"];
    if (from && !ADDRESS.test(from)) return [21212, `Invalid 'From' ${from}`];
    if (from && from.startsWith('whatsapp:') !== to.startsWith('whatsapp:'))
        return [63007, 'not a channel of that sender'];
    const body = form.get('Body'), content = form.get('ContentSid');
    if (content && (body || !/^HX[0-9a-f]{32}$/.test(content)))
        return [21656, 'The ContentSid is invalid'];
    if (form.has('ContentVariables')) JSON.parse(form.get('ContentVariables'));
    if (!body && !content) return [21602, 'Message body is required'];
    if (body?.length > 1600) return [21617, 'body exceeds 1600 characters'];
    const callback = form.get('StatusCallback');
    if (callback && !/^https?:\/\/[^_/]+\//.test(callback))
        return [21609, "Invalid 'StatusCallback'"];
    return null;
}

// The message as Twilio shows it.
const message = (sid, form) => ({ account_sid: SID, api_version: '2010-04-01',
    body: form.get('Body'), date_created: new Date().toUTCString(),
    direction: 'outbound-api', error_code: null, error_message: null,
    from: form.get('From'), num_media: '0', num_segments: '1', price: null,
    price_unit: 'USD', sid, status: 'queued', to: form.get('To'),
    uri: `/2010-04-01/Accounts/${SID}/Messages/${sid}.json` });

// A callback about the message, for what `fields` say of it.
function callback(call, status, fields = {}) {
    const url = call.form.get('StatusCallback');
    const params = { MessageSid: call.sid, SmsSid: call.sid,
        MessageStatus: status, SmsStatus: status, To: call.form.get('To'),
        From: call.form.get('From'), AccountSid: SID,
        ApiVersion: '2010-04-01', ...fields };
    const text = url + Object.keys(params).sort()
        .map((name) => name + params[name]).join('');
    const signature = createHmac('sha1', TOKEN).update(text).digest('base64');
    return { method: 'POST', headers: { 'X-Twilio-Signature': signature,
        'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8' },
        body: new URLSearchParams(params).toString() };
}

// A message that somebody sent to `url`.
export function incoming(url, from, words, fields = {}) {
    const sid = `SM${createHash('md5').update(`${from}${words}`).digest('hex')}`;
    const params = { MessageSid: sid, SmsMessageSid: sid,
        SmsStatus: 'received', From: from, To: '+15005550006', Body: words,
        NumMedia: '0', AccountSid: SID, ApiVersion: '2010-04-01', ...fields };
    const text = url + Object.keys(params).sort()
        .map((name) => name + params[name]).join('');
    return { method: 'POST', headers: {
        'X-Twilio-Signature': createHmac('sha1', TOKEN).update(text)
            .digest('base64'),
        'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(params).toString() };
}

const telling = (name, status, fields, want) => ({ name, want,
    make: (fake, call) => callback(call, status, fields) });

export const makeFace = (channel) => ({
    driver: 'twilio',
    name: `twilio-${channel}`,
    channel,
    config: { account_sid: SID, auth_token: TOKEN, from: '+15005550006',
        status_callback: 'https://belfry.example/v1/receipts/twilio' },
    user: (serial) => ({ phone: `+1 (555) 555-${1000 + serial}` }),

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== PATH)
            return refuse(call, 'path', error(404, 20404, 'was not found'));
        const login = Buffer.from(`${SID}:${TOKEN}`).toString('base64');
        if (call.headers.authorization !== `Basic ${login}`)
            return refuse(call, 'login', error(401, 20003, 'Authenticate'));
        if (!/^application\/x-www-form-urlencoded(; *charset=utf-8)?$/i
            .test(call.headers['content-type']))
            return refuse(call, 'type', error(415, 20415, 'Unsupported'));
        call.form = new URLSearchParams(call.body);
        const fault = faultOf(call.form);
        if (fault) return refuse(call, fault[1], error(400, ...fault));
        call.sid = `SM${createHash('md5').update(fake.nextId()).digest('hex')}`;
        return json(201, message(call.sid, call.form));
    },

    faults: {
        transient: error(503, 20503, 'Service unavailable'),
        rate: error(429, 20429, 'Too Many Requests'),
        permanent: error(400, 21408, 'Permission to send to that region has ' +
            'not been enabled'),
        credentials: error(401, 20003, 'Authenticate'),
        suspended: error(400, 30002, 'Account suspended'),
        gone: error(400, 21614, "'To' number is not a valid mobile number"),
        stopped: error(400, 21610, 'Attempt to send to unsubscribed recipient'),
    },
    verdicts: { suspended: 'credentials', stopped: 'gone' },

    receipts: [
        telling('sent', 'sent', {}, {}),
        telling('delivered', 'delivered', {}, { status: 'delivered',
            event: 'delivered' }),
        telling('read', 'read', {}, { event: 'opened' }),
        telling('failed', 'undelivered', { ErrorCode: '30007',
            ErrorMessage: 'Carrier violation' }, { status: 'failed',
            event: 'failed' }),
        telling('no such handset', 'undelivered', { ErrorCode: '30005',
            ErrorMessage: 'Unknown destination handset' }, { status: 'failed',
            event: 'bounced' }),
    ],

    check(assert, call) {
        const prefix = channel === 'whatsapp' ? 'whatsapp:' : '';
        assert.equal(call.form.get('To'), `${prefix}+15555551001`);
        assert.equal(call.form.get('From'), `${prefix}+15005550006`);
        assert.equal(call.form.get('Body'), 'Order 7\nIt is paid.');
    },
});

export default makeFace('sms');
