// pagerduty.mjs - PagerDuty's Events API v2: what makes an event valid, and
// the alerts by their dedup_key, which several events may share.

import { json, refuse } from '../lib/fake.mjs';

const invalid = (...errors) => json(400, { status: 'invalid event',
    message: 'Event object is invalid', errors });
const badKey = invalid('Length of \'routing_key\' is incorrect (should be 32 ' +
    'characters)');
const throttled = (headers) => json(429, { status: 'throttle exceeded',
    message: 'Requests for this service are arriving too quickly.  Please ' +
        'retry later.', errors: ['Enhance Your Calm.'] }, headers);

const KNOWN = ['routing_key', 'event_action', 'dedup_key', 'payload', 'links',
    'images', 'client', 'client_url'];
const OF_PAYLOAD = ['summary', 'source', 'severity', 'timestamp', 'component',
    'group', 'class', 'custom_details'];

function faultOf(event, raw) {
    const strange = [
        ...Object.keys(event).filter((k) => !KNOWN.includes(k)),
        ...Object.keys(event.payload ?? {})
            .filter((k) => !OF_PAYLOAD.includes(k)),
    ];
    if (strange.length > 0) return `'${strange[0]}' is unknown`;
    if (raw.length > 512000) return 'the event is larger than 512 KB';
    if (event.event_action !== 'trigger')
        return '\'event_action\' is missing or blank';
    if (!event.dedup_key || event.dedup_key.length > 255)
        return '\'dedup_key\' is incorrect';
    const { summary, source, severity, timestamp, custom_details: details } =
        event.payload ?? {};
    if (!summary || [...summary].length > 1024)
        return '\'payload.summary\' is missing, blank or too long';
    if (!source) return '\'payload.source\' is missing or blank';
    if (!['critical', 'error', 'warning', 'info'].includes(severity))
        return '\'payload.severity\' is invalid';
    if (Number.isNaN(Date.parse(timestamp)))
        return '\'payload.timestamp\' is invalid';
    if (typeof details !== 'object') return '\'payload.custom_details\'';
    if (!event.links.every(({ href, text }) => /^https?:/.test(href) && text))
        return '\'links\' is invalid';
    return null;
}

export default {
    driver: 'pagerduty',
    channel: 'pagerduty',
    config: { routing_key: 'R0canaryPagerduty234567890123456' },
    begin: () => ({ alerts: new Map() }),

    take(call, fake) {
        if (call.method !== 'POST' || call.path !== '/v2/enqueue')
            return refuse(call, 'path', { status: 404, body: '' });
        const event = call.json;
        if (!event) return refuse(call, 'JSON', invalid('Invalid JSON'));
        if (event.routing_key?.length !== 32)
            return refuse(call, 'routing_key', badKey);
        if (event.routing_key !== this.config.routing_key)
            return refuse(call, 'routing_key', invalid('Invalid routing_key'));
        const fault = faultOf(event, call.raw);
        if (fault) return refuse(call, fault, invalid(fault));
        const { alerts } = fake.state;
        alerts.set(event.dedup_key, (alerts.get(event.dedup_key) ?? 0) + 1);
        return json(202, { status: 'success', message: 'Event processed',
            dedup_key: event.dedup_key });
    },

    faults: {
        transient: { status: 500, headers: {}, body: '' },
        rate: throttled({ 'Retry-After': '1' }),
        permanent: invalid('\'payload.summary\' is missing or blank'),
        credentials: badKey,
        forbidden: { status: 403, headers: {}, body: '' },
    },
    verdicts: { forbidden: 'credentials' },

    check(assert, call, fake) {
        const { payload } = call.json;
        assert.equal(payload.summary, 'Order 7');
        assert.equal(payload.custom_details.body, 'It is paid.');
        assert.equal(payload.severity, 'warning');
        assert.match(call.json.dedup_key, /^ntf_/);
        assert.equal(fake.state.alerts.size, 1);
    },
};
