// ses.mjs - Amazon SES v2 as botocore's service description tells it: the
// signature is computed again, and npm mailparser reads the mail.

import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { simpleParser } from 'mailparser';
import { json, refuse } from '../lib/fake.mjs';
import { checkHeaders, FROM, isToUser, parsedFiles, user }
    from './mail.mjs';

const PATH = '/v2/email/outbound-emails';
const error = (status, name, message) => json(status, { message },
    { 'x-amzn-ErrorType': `${name}:http://internal.amazon.com/coral/` });
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const AUTHORIZATION = new RegExp('^AWS4-HMAC-SHA256 Credential=([^/]+)/(\\d{8})'
    + '/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), '
    + 'Signature=([0-9a-f]{64})$');

function faultOfSignature(call, config) {
    const m = AUTHORIZATION.exec(call.headers.authorization ?? '');
    if (!m) return ['IncompleteSignatureException', 'no signature'];
    const [, id, date, region, service, names, signature] = m;
    const time = call.headers['x-amz-date'] ?? '';
    if (id !== config.access_key_id || region !== config.region)
        return ['UnrecognizedClientException', 'another key or region'];
    const at = Date.parse(time.replace(
        /^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    if (!(Math.abs(at - Date.now()) < 300000) || !time.startsWith(date))
        return ['InvalidSignatureException', 'Signature expired'];
    for (const must of ['host', 'x-amz-date', 'x-amz-security-token'])
        if (!names.split(';').includes(must))
            return ['InvalidSignatureException', `${must} is not signed`];
    const canonical = [call.method, call.path, '', ...names.split(';').map(
        (n) => `${n}:${call.headers[n]}`), '', names, sha256(call.raw)]
        .join('\n');
    const text = ['AWS4-HMAC-SHA256', time,
        `${date}/${region}/${service}/aws4_request`, sha256(canonical)]
        .join('\n');
    const key = [date, region, 'ses', 'aws4_request'].reduce(hmac,
        `AWS4${config.secret_access_key}`);
    return hmac(key, text).toString('hex') === signature ? null :
        ['InvalidSignatureException', 'The request signature we calculated '
            + 'does not match the signature you provided.'];
}

async function faultOf(call) {
    const { FromEmailAddress, Destination, Content, EmailTags } = call.json;
    if (FromEmailAddress !== 'shop@example.com')
        return ['MessageRejected', 'Email address is not verified.'];
    if (!(Destination?.ToAddresses ?? []).every(isToUser))
        return ['BadRequestException', 'no destination'];
    if (!(EmailTags ?? []).every((t) => /^[\w-]{1,256}$/.test(t.Name) &&
        /^[\w-]{1,256}$/.test(t.Value)))
        return ['BadRequestException', 'a tag is none'];
    const raw = Buffer.from(Content?.Raw?.Data ?? '', 'base64');
    if (!raw.length) return ['BadRequestException', 'no content'];
    call.mail = await simpleParser(raw);
    return call.mail.from?.value[0]?.address === FromEmailAddress ? null :
        ['MessageRejected', 'no From'];
}

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:mail';
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

// What a topic of SNS tells of the mail of a call. Its address is that of
// Amazon; the key of the certificate is ours.
function telling(name, event, want, version = '2') {
    return { name, want, make(fake, call) {
        const { Destination, EmailTags } = call.json;
        const timestamp = new Date().toISOString();
        const Message = JSON.stringify({ ...event(Destination.ToAddresses[0],
            timestamp), mail: { timestamp, messageId: call.id,
            destination: Destination.ToAddresses,
            tags: { [EmailTags[0].Name]: [EmailTags[0].Value] } } });
        const envelope = { Type: 'Notification', Message,
            MessageId: fake.nextId('4d4dc071-ddbf-465d-bba8-', 12),
            TopicArn: TOPIC, Timestamp: timestamp };
        const text = Object.keys(envelope).sort()
            .map((k) => `${k}\n${envelope[k]}\n`).join('');
        const Signature = sign(version === '1' ? 'sha1' : 'sha256',
            Buffer.from(text), keys.privateKey).toString('base64');
        return { headers: { 'Content-Type': 'text/plain; charset=UTF-8',
            'x-amz-sns-message-type': 'Notification' },
        body: JSON.stringify({ Signature, ...envelope,
            SignatureVersion: version, SigningCertURL: 'https://sns.eu-central-'
                + '1.amazonaws.com/SimpleNotificationService-0.pem' }) };
    } };
}

export default {
    driver: 'ses',
    channel: 'email',
    config: { region: 'eu-central-1', access_key_id: 'AKIDcanary0123456789',
        secret_access_key: 'canary-ses-secret-0123456789/+abc',
        session_token: 'canary-ses-token-0123456789==', from: FROM,
        sns_topic_arn: TOPIC, sns_certificate: keys.publicKey.export({
            type: 'spki', format: 'pem' }) },
    user,

    files: (call) => parsedFiles(call.mail),

    async take(call, fake) {
        if (call.method !== 'POST' || call.path !== PATH)
            return refuse(call, 'path', error(404, 'UnknownOperationException',
                ''));
        if (call.headers['x-amz-security-token'] !== this.config.session_token)
            return refuse(call, 'token', error(403,
                'UnrecognizedClientException', 'invalid token'));
        const wrong = faultOfSignature(call, this.config);
        if (wrong) return refuse(call, wrong[1], error(403, ...wrong));
        if (!call.json) return refuse(call, 'json', error(400,
            'SerializationException', ''));
        const fault = await faultOf(call);
        if (fault) return refuse(call, fault[1], error(400, ...fault));
        call.id = fake.nextId('010701842b9f-', 12);
        return json(200, { MessageId: call.id });
    },

    faults: {
        transient: error(500, 'InternalServiceErrorException', ''),
        rate: error(429, 'TooManyRequestsException', 'Too Many Requests'),
        throttled: error(400, 'ThrottlingException',
            'Maximum sending rate exceeded.'),
        permanent: error(400, 'MessageRejected', 'Transaction failed'),
        credentials: error(403, 'InvalidSignatureException', 'no'),
        paused: error(400, 'SendingPausedException', 'Email sending is paused'),
        unverified: error(400, 'MessageRejected', 'Email address is not '
            + 'verified. The following identities failed the check'),
    },
    verdicts: { throttled: 'rate', paused: 'credentials',
        unverified: 'credentials' },

    receipts: [
        telling('send', () => ({ eventType: 'Send', send: {} }), {}),
        telling('delivery', (to, timestamp) => ({ eventType: 'Delivery',
            delivery: { timestamp, recipients: [to],
                smtpResponse: '250 OK' } }), { status: 'delivered',
            event: 'delivered' }),
        telling('delivery, signed as of old', (to, timestamp) => ({
            notificationType: 'Delivery', delivery: { timestamp,
                recipients: [to] } }), { status: 'delivered',
            event: 'delivered' }, '1'),
        telling('bounce', (to, timestamp) => ({ eventType: 'Bounce', bounce: {
            bounceType: 'Permanent', bounceSubType: 'NoEmail', timestamp,
            bouncedRecipients: [{ emailAddress: to, status: '5.1.1' }] } }),
        { status: 'failed', event: 'bounced' }),
        telling('complaint', (to, timestamp) => ({ eventType: 'Complaint',
            complaint: { complaintFeedbackType: 'abuse', timestamp,
                complainedRecipients: [{ emailAddress: to }] } }),
        { event: 'complained' }),
        telling('open', (to, timestamp) => ({ eventType: 'Open', open: {
            timestamp } }), { event: 'opened' }),
        telling('click', (to, timestamp) => ({ eventType: 'Click', click: {
            timestamp, link: 'https://example.com/' } }),
        { event: 'clicked' }),
    ],

    check(assert, call) {
        assert.equal(call.mail.subject, 'Order 7');
        assert.equal(call.mail.text.trim(), 'It is paid.');
        assert.match(call.json.EmailTags[0].Value, /^dlv_/);
        checkHeaders(assert, call.mail.headerLines.map(({ line }) => ({
            name: line.slice(0, line.indexOf(':')),
            value: line.slice(line.indexOf(':') + 1).trim() })));
    },
};
