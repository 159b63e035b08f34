// teams.mjs - a workflow of Microsoft Teams behind its URL: the signature in
// the query, the card, which Microsoft's own library judges, and what
// connectors of before said at HTTP 200.

import { createRequire } from 'node:module';
import { json, refuse, text } from '../lib/fake.mjs';

const { AdaptiveCard, SerializationContext, Versions } =
    createRequire(import.meta.url)('adaptivecards/dist/adaptivecards.js');

const error = (status, code, message, headers) => json(status,
    { error: { code, message } }, headers);
const unauthorized = error(401, 'DirectApiAuthorizationRequired',
    'The request must be authenticated by Shared Access scheme.');
const bad = error(400, 'TriggerInputSchemaMismatch',
    'The input body does not match input schema.');

// Signed: %2F has to stay %2F.
const QUERY = '?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0' +
    '&sig=canary_teams_0123456789-AbCd%2BEf';
const PATH = '/workflows/0123456789abcdef0123456789abcdef/triggers/manual/' +
    'paths/invoke';
const POWER_PATH = `/powerautomate/automations/direct${PATH}`;
const POWER_QUERY = '?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0' +
    '&sig=canary_power_0123456789-AbCd%2BEf';

// What the library says of it; null: nothing.
function faultOfCard(content) {
    const card = new AdaptiveCard();
    const context = new SerializationContext(Versions.v1_4);
    card.parse(content, context);
    if (context.eventCount > 0) return context.getEventAt(0).message;
    if (card.getItemCount() === 0) return 'an empty card';
    return card.validateProperties().validationEvents[0]?.message ?? null;
}

function faultOf(body) {
    if (body.type !== 'message' || body.attachments?.length !== 1)
        return 'message';
    const [{ contentType, contentUrl, content }] = body.attachments;
    if (contentType !== 'application/vnd.microsoft.card.adaptive')
        return 'contentType';
    if (contentUrl !== null) return 'contentUrl';
    if (content.type !== 'AdaptiveCard' || content.version !== '1.4' ||
        content.$schema !==
            'http://adaptivecards.io/schemas/adaptive-card.json') return 'card';
    // The library has these; a webhook's card has not.
    if (content.actions.some((action) => action.type !== 'Action.OpenUrl'))
        return 'actions';
    return faultOfCard(content);
}

const face = (name, config, path, query) => ({
    name,
    driver: 'teams',
    channel: 'teams',
    config,

    take(call) {
        if (call.method !== 'POST' || call.path !== path)
            return refuse(call, 'path', error(404, 'WorkflowNotFound', ''));
        if (call.url.href.slice(call.url.href.indexOf('?')) !== query)
            return refuse(call, 'sig', unauthorized);
        const fault = call.json ? faultOf(call.json) : 'JSON';
        if (fault) return refuse(call, fault, bad);
        return { status: 202, headers: {}, body: '' };
    },

    faults: {
        transient: error(500, 'InternalServerError', ''),
        rate: error(429, 'TooManyRequests', '', { 'Retry-After': '1' }),
        throttled: error(429, 'TooManyRequests', ''),
        told: text(200, 'Webhook message delivery failed with error: ' +
            'Microsoft Teams endpoint returned HTTP error 429 with ContextId ' +
            'tcid=0,server=DB3PEPF00000068,cv=x'),
        connector: text(200, '1'),
        permanent: bad,
        credentials: unauthorized,
        notFound: error(404, 'WorkflowNotFound', ''),
    },
    verdicts: { throttled: 'rate', told: 'rate', connector: 'sent',
        notFound: 'credentials' },

    check(assert, call) {
        const [{ content }] = call.json.attachments;
        assert.deepEqual(content.body.map((b) => b.text),
            ['Order 7', 'It is paid.']);
        assert.deepEqual(content.actions, [{ type: 'Action.OpenUrl',
            title: 'Open', url: 'https://example.org/7' }]);
    },
    message: { actions: [{ id: 'open', label: 'Open',
        url: 'https://example.org/7' }] },
});

// One for each form of the URL.
export default [
    face('teams', { webhook_url:
        `https://prod-07.westeurope.logic.azure.com:443${PATH}${QUERY}` },
    PATH, QUERY),
    face('teams_power', { webhook_url:
        'https://default0.ab.environment.api.powerplatform.com:443' +
        POWER_PATH + POWER_QUERY }, POWER_PATH, POWER_QUERY),
];
