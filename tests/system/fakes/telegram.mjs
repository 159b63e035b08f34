// telegram.mjs - Telegram's Bot API: method names in any case, the token in
// the path, lengths after entities are parsed, MarkdownV2 and HTML as strict
// as the real one, and updates with the secret header.

import { json, refuse } from '../lib/fake.mjs';

const TOKEN = '110201543:canary_telegram_K5PALDsaw0123456789';
const SECRET = 'canary_secret_0123456789';
const MOVED = -1001234567890123;

const not = (code, description, parameters, headers) => json(code, {
    ok: false, error_code: code, description, ...(parameters && { parameters }),
}, headers);
const bad = (words) => not(400, `Bad Request: ${words}`);
const forbidden = (words) => not(403, `Forbidden: ${words}`);

// The text without the marks; null: "can't parse entities".
function parseMarkdown(text) {
    let plain = '', isBold = false;
    for (let i = 0; i < text.length; i++) {
        const c = text[i];
        if (c === '\\' && /[\x01-\x7e]/.test(text[i + 1] ?? '')) {
            plain += text[++i];
        } else if (c === '*') {
            isBold = !isBold;
        } else if (/[_[\]()~`>#+\-=|{}.!\\]/.test(c)) {
            return null;
        } else {
            plain += c;
        }
    }
    return isBold ? null : plain;
}

function parseHtml(text) {
    const plain = text.replace(/<b>([^<>]*)<\/b>/g, '$1');
    if (/[<>]|&(?!(amp|lt|gt|quot|#\d+);)/.test(plain)) return null;
    return plain.replace(/&#(\d+);/g, (_, n) => String.fromCharCode(n))
        .replace(/&(lt|gt|quot|amp);/g, (_, name) =>
            ({ lt: '<', gt: '>', quot: '"', amp: '&' })[name]);
}

const PARSERS = { MarkdownV2: parseMarkdown, HTML: parseHtml };

const isButton = ({ text, url, callback_data: data, ...rest }) => text &&
    Object.keys(rest).length === 0 && !url !== !data &&
    (!url || /^https?:/.test(url)) &&
    (!data || Buffer.byteLength(data) <= 64);

const KNOWN = ['chat_id', 'text', 'parse_mode', 'disable_notification',
    'reply_markup'];

function faultOf(body) {
    const strange = Object.keys(body).find((k) => !KNOWN.includes(k));
    if (strange) return `no parameter ${strange}`;
    const { chat_id: chat, text, parse_mode: mode, reply_markup: markup } =
        body;
    if (!Number.isSafeInteger(chat) && !/^@\w+$/.test(chat))
        return 'chat not found';
    if (typeof text !== 'string') return 'message text is empty';
    const plain = mode === undefined ? text : PARSERS[mode]?.(text);
    if (plain === null || plain === undefined)
        return 'can\'t parse entities: character is reserved';
    if (plain.trim() === '') return 'message text is empty';
    if (plain.length > 4096) return 'message is too long';
    const rows = markup?.inline_keyboard ?? [[{ text: 'x', url: 'https:' }]];
    if (rows.length === 0 || !rows.flat().every(isButton))
        return 'BUTTON_DATA_INVALID';
    return null;
}

const sent = (fake, body) => json(200, { ok: true, result: {
    message_id: Number(fake.nextId()), date: Math.floor(Date.now() / 1000),
    chat: { id: body.chat_id, type: body.chat_id < 0 ? 'supergroup' :
        'private' }, text: body.text } });

const ACTIONS = [
    { id: 'open', label: 'Open', url: 'https://example.org/7' },
    { id: 'ack', label: 'Ack' },
];

const update = (fake, value) => ({ body: JSON.stringify({
    update_id: 10000 + Number(fake.nextId()), ...value }), headers: {
    'Content-Type': 'application/json',
    'X-Telegram-Bot-Api-Secret-Token': SECRET } });

const from = (call) => ({ id: call.json.chat_id, is_bot: false,
    first_name: 'A' });
const chatOf = (call) => ({ id: call.json.chat_id, type: 'private' });

const receipts = [{
    name: 'button pressed',
    make: (fake, call) => update(fake, { callback_query: {
        id: '4382bfdwdsb323b2d9', from: from(call), chat_instance: '-123',
        message: { message_id: 7, date: 1700000000, chat: chatOf(call),
            text: call.json.text },
        data: call.json.reply_markup.inline_keyboard[1][0].callback_data } }),
    want: { event: 'action' },
}, {
    name: 'bot blocked',
    make: (fake, call) => update(fake, { my_chat_member: { chat: chatOf(call),
        from: from(call), date: Math.floor(Date.now() / 1000),
        old_chat_member: { status: 'member' },
        new_chat_member: { status: 'kicked', until_date: 0 } } }),
    want: {}, // of the chat, whatever was sent there
}];

const makeFace = (name, mode, text) => ({
    name,
    driver: 'telegram',
    channel: 'telegram',
    config: { bot_token: TOKEN, secret_token: SECRET,
        ...(mode && { parse_mode: mode }) },
    message: { title: 'Order 7.', body: 'It is <paid> & *done*!',
        actions: ACTIONS },
    user: (serial) => ({ telegram: String(1000 + serial) }),

    // What follows a migration, and the word for a pressed button.
    aside(call, fake) {
        if (call.path.toLowerCase() ===
            `/bot${TOKEN}/answercallbackquery`.toLowerCase())
            return json(200, { ok: true, result: true });
        return call.json?.chat_id === MOVED && !faultOf(call.json) ?
            sent(fake, call.json) : null;
    },

    take(call, fake) {
        const [, token, method] = call.path.match(/^\/bot([^/]+)\/(\w+)$/) ??
            [];
        if (!token) return refuse(call, 'path', not(404, 'Not Found'));
        if (token !== TOKEN)
            return refuse(call, 'token', not(401, 'Unauthorized'));
        if (method.toLowerCase() !== 'sendmessage')
            return refuse(call, 'method',
                not(404, 'Not Found: method not found'));
        const fault = call.json ? faultOf(call.json) : 'object expected';
        if (fault) return refuse(call, fault, bad(fault));
        return sent(fake, call.json);
    },

    faults: {
        transient: not(500, 'Internal Server Error: restart'),
        rate: not(429, 'Too Many Requests: retry after 1', { retry_after: 1 },
            { 'Retry-After': '1' }),
        permanent: bad('can\'t parse entities: character \'.\' is reserved'),
        credentials: not(401, 'Unauthorized'),
        noToken: not(404, 'Not Found'),
        gone: forbidden('bot was blocked by the user'),
        deactivated: forbidden('user is deactivated'),
        unknown: bad('chat not found'),
        migrated: not(400, 'Bad Request: group chat was upgraded to a ' +
            'supergroup chat', { migrate_to_chat_id: MOVED }),
    },
    verdicts: { noToken: 'credentials', deactivated: 'gone', unknown: 'gone',
        migrated: 'sent', html: 'unknown', empty: 'unknown', cut: 'unknown' },
    receipts,

    check(assert, call) {
        assert.equal(call.json.chat_id, 1001);
        assert.equal(call.json.text, text);
        const [[open], [ack]] = call.json.reply_markup.inline_keyboard;
        assert.equal(open.url, 'https://example.org/7');
        assert.match(ack.callback_data, /^[0-9a-z]{26}:[\w-]{8}:ack$/);
    },
});

export default [
    makeFace('telegram', undefined, 'Order 7.\nIt is <paid> & *done*!'),
    makeFace('telegram_markdown', 'MarkdownV2',
        '*Order 7\\.*\nIt is <paid\\> & \\*done\\*\\!'),
    makeFace('telegram_html', 'HTML',
        '<b>Order 7.</b>\nIt is &lt;paid&gt; &amp; *done*!'),
];
