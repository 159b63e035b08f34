// What no client should send: each case is refused at once with the status
// that the contract names, in problem+json, and leaves nothing behind.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ROOT_KEY, start } from './lib/belfry.mjs';
import { exchange } from './lib/raw.mjs';

const AUTH = `Authorization: Bearer ${ROOT_KEY}\r\n`;
const GOOD = '{"to":"u1","title":"x"}';

// A POST of JSON with these lines in its head.
const post = (head, body = GOOD) => 'POST /v1/notifications HTTP/1.1\r\n' +
    head + '\r\n' + body;
const sized = (body) => `Content-Length: ${Buffer.byteLength(body)}\r\n`;
const HOST = 'Host: a\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const FULL = HOST + AUTH + JSON_TYPE + sized(GOOD);

// name, bytes, statuses; null: the connection may be closed instead.
const HTTP = [
    ['no method', ' /healthz HTTP/1.1\r\nHost: a\r\n\r\n', [400]],
    ['a method of symbols', 'G(T /healthz HTTP/1.1\r\nHost: a\r\n\r\n',
        [400]],
    ['no target', 'GET HTTP/1.1\r\nHost: a\r\n\r\n', [400]],
    ['two spaces in the request line',
        'GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n', [400]],
    ['a tab in the request line',
        'GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n', [400]],
    ['a target that is no path', 'GET healthz HTTP/1.1\r\nHost: a\r\n\r\n',
        [400]],
    ['a control byte in the target',
        'GET /health\x01z HTTP/1.1\r\nHost: a\r\n\r\n', [400]],
    ['a NUL in the target', 'GET /health\0z HTTP/1.1\r\nHost: a\r\n\r\n',
        [400]],
    ['version 2.0', 'GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n', [400, 505]],
    ['version 1.10', 'GET /healthz HTTP/1.10\r\nHost: a\r\n\r\n',
        [400, 505]],
    ['a version in small letters', 'GET /healthz http/1.1\r\nHost: a\r\n\r\n',
        [400, 505]],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
        [400, null]],
    ['bare LF after the request line', 'GET /healthz HTTP/1.1\nHost: a\n\n',
        [400]],
    ['bare LF after a header',
        'GET /healthz HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', [400]],
    ['bare CR in a header',
        'GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n', [400]],
    ['a folded header', post(FULL + 'X-A: b\r\n c\r\n'), [400]],
    ['a space before the first header',
        'GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n', [400]],
    ['a space before a colon', post(HOST + AUTH + JSON_TYPE +
        `Content-Length : ${GOOD.length}\r\n`), [400]],
    ['a header without a name', 'GET /healthz HTTP/1.1\r\nHost: a\r\n: b\r\n' +
        '\r\n', [400]],
    ['a header without a colon',
        'GET /healthz HTTP/1.1\r\nHost: a\r\nNonsense\r\n\r\n', [400]],
    ['a NUL in a header', 'GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n' +
        '\r\n', [400]],
    ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', [400]],
    ['two Hosts', 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
        [400]],
    ['a Host with a space', 'GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n',
        [400]],
    ['two lengths that differ', post(FULL + 'Content-Length: 5\r\n'), [400]],
    ['two lengths in one', post(HOST + AUTH + JSON_TYPE +
        `Content-Length: ${GOOD.length}, 5\r\n`), [400]],
    ['a negative length', post(HOST + AUTH + 'Content-Length: -1\r\n'),
        [400]],
    ['a length with a sign', post(HOST + AUTH + JSON_TYPE +
        `Content-Length: +${GOOD.length}\r\n`), [400]],
    ['a length in hex', post(HOST + AUTH + 'Content-Length: 0x17\r\n'),
        [400]],
    ['a length that overflows', post(HOST + AUTH +
        'Content-Length: 99999999999999999999\r\n'), [400, 413]],
    ['an empty length', post(HOST + AUTH + 'Content-Length: \r\n'), [400]],
    ['a length and chunks', post(FULL + 'Transfer-Encoding: chunked\r\n',
        '0\r\n\r\n'), [400]],
    ['an unknown transfer coding', post(HOST + AUTH +
        'Transfer-Encoding: gzip\r\n'), [400, 501]],
    ['chunked that is not last', post(HOST + AUTH +
        'Transfer-Encoding: chunked, gzip\r\n'), [400, 501]],
    ['chunked twice', post(HOST + AUTH +
        'Transfer-Encoding: chunked, chunked\r\n'), [400, 501]],
    ['a control byte before chunked', post(HOST + AUTH +
        'Transfer-Encoding: \x0bchunked\r\n'), [400, 501]],
    ['chunks in HTTP/1.0', 'POST /v1/notifications HTTP/1.0\r\n' + HOST +
        AUTH + 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', [400, 501]],
    ['a chunk size that is no number', post(HOST + AUTH + JSON_TYPE +
        'Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n'), [400]],
    ['a chunk size that overflows', post(HOST + AUTH + JSON_TYPE +
        'Transfer-Encoding: chunked\r\n', 'ffffffffffffffffff\r\n{}'),
    [400, 413]],
    ['a chunk without its end', post(HOST + AUTH + JSON_TYPE +
        'Transfer-Encoding: chunked\r\n', '2\r\n{}xx0\r\n\r\n'), [400]],
    ['a chunk with bare LF', post(HOST + AUTH + JSON_TYPE +
        'Transfer-Encoding: chunked\r\n', '2\n{}\n0\n\n'), [400]],
    ['a request line of 20 KiB',
        `GET /${'a'.repeat(20000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
        [414, 431, 400, null]],
    ['a header of 100 KiB', 'GET /healthz HTTP/1.1\r\nHost: a\r\nX: ' +
        `${'a'.repeat(100000)}\r\n\r\n`, [431, null]],
    ['a thousand headers', 'GET /healthz HTTP/1.1\r\nHost: a\r\n' +
        'X: y\r\n'.repeat(1000) + '\r\n', [431, null]],
    ['a broken escape in the query',
        `GET /v1/users?after=%zz HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
        [400, 422]],
    ['a path that climbs',
        `GET /v1/../../etc/passwd HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
        [400, 404]],
    ['a body over the limit', post(HOST + AUTH + JSON_TYPE +
        'Content-Length: 90000000\r\n', ''), [413]],
    ['a body of 9 MB by a stranger', post(HOST + JSON_TYPE +
        'Content-Length: 9000000\r\n', ''), [413]],
    ['a batch of 7 MB by a stranger', post(HOST + JSON_TYPE +
        'Authorization: Bearer bf_nobody_0123456789abcdef0123456789abcdef' +
        '\r\nContent-Length: 7000000\r\n', '').replace('notifications',
        'notifications/batch'), [413]],
    ['chunks over the limit', post(HOST + AUTH + JSON_TYPE +
        'Transfer-Encoding: chunked\r\n', '200000\r\n' +
        ' '.repeat(0x200000) + '\r\n0\r\n\r\n'), [413, null]],
    ['no key', post(HOST + JSON_TYPE + sized(GOOD)), [401]],
    ['a wrong key', post(HOST + JSON_TYPE + sized(GOOD) +
        'Authorization: Bearer bf_nonsense\r\n'), [401]],
    ['a key of another scheme', post(HOST + JSON_TYPE + sized(GOOD) +
        `Authorization: Basic ${ROOT_KEY}\r\n`), [401]],
    ['a key with a tail', post(HOST + JSON_TYPE + sized(GOOD) +
        `Authorization: Bearer ${ROOT_KEY}x\r\n`), [401]],
    ['an empty key', post(HOST + JSON_TYPE + sized(GOOD) +
        'Authorization: Bearer \r\n'), [401]],
    ['an unknown path', `GET /v1/nonsense HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
        [404]],
    ['another method', `DELETE /v1/notifications HTTP/1.1\r\n${HOST}${AUTH}` +
        '\r\n', [405]],
    ['a method nobody knows', `FROB /v1/notifications HTTP/1.1\r\n${HOST}` +
        `${AUTH}\r\n`, [405, 501]],
    ['an id that is none', `GET /v1/notifications/ntf_x HTTP/1.1\r\n${HOST}` +
        `${AUTH}\r\n`, [404]],
    ['an id of another kind', 'GET /v1/notifications/dlv_' +
        `${'0'.repeat(26)} HTTP/1.1\r\n${HOST}${AUTH}\r\n`, [404]],
    ['a content type that is not taken', post(HOST + AUTH + sized(GOOD) +
        'Content-Type: application/xml\r\n'), [415, 422, 400]],
];

// name, body, statuses
const JSON_BODIES = [
    ['nothing', '', [400, 422]],
    ['no JSON', 'hello', [400]],
    ['half a document', '{"to":"u1","title":', [400]],
    ['two documents', GOOD + GOOD, [400]],
    ['trailing bytes', GOOD + ' x', [400]],
    ['a trailing comma', '{"to":"u1","title":"x",}', [400]],
    ['a comment', '{"to":"u1",/* */"title":"x"}', [400]],
    ['single quotes', "{'to':'u1','title':'x'}", [400]],
    ['NaN', '{"to":"u1","title":"x","data":{"n":NaN}}', [400]],
    ['Infinity', '{"to":"u1","title":"x","data":{"n":-Infinity}}', [400]],
    ['a number with a leading zero',
        '{"to":"u1","title":"x","data":{"n":01}}', [400]],
    ['a number that ends in a point',
        '{"to":"u1","title":"x","data":{"n":1.}}', [400]],
    ['a duplicate key', '{"to":"u1","title":"x","title":"y"}', [400]],
    ['a duplicate key by escape', '{"to":"u1","title":"x","t\\u0069tle":"y"}',
        [400]],
    ['a duplicate key deep in data',
        '{"to":"u1","title":"x","data":{"a":{"b":1,"b":2}}}', [400]],
    ['a raw control byte in a string', '{"to":"u1","title":"a\x01b"}', [400]],
    ['an escaped NUL', '{"to":"u1","title":"a\\u0000b"}', [400]],
    ['a raw NUL', '{"to":"u1","title":"a\0b"}', [400]],
    ['a lone high surrogate', '{"to":"u1","title":"\\ud83d"}', [400]],
    ['a lone low surrogate', '{"to":"u1","title":"\\ude00x"}', [400]],
    ['an unknown escape', '{"to":"u1","title":"\\x41"}', [400]],
    ['invalid UTF-8', Buffer.from('{"to":"u1","title":"\xff\xfe"}', 'latin1'),
        [400]],
    ['overlong UTF-8', Buffer.from('{"to":"u1","title":"\xc0\xaf"}',
        'latin1'), [400]],
    ['a surrogate in UTF-8', Buffer.from(
        '{"to":"u1","title":"\xed\xa0\x80"}', 'latin1'), [400]],
    ['a byte order mark', Buffer.from('\xef\xbb\xbf' + GOOD, 'latin1'),
        [400]],
    ['UTF-16', Buffer.from(GOOD, 'utf16le'), [400]],
    ['a depth of 40', '{"to":"u1","title":"x","data":' + '{"a":'.repeat(40) +
        '1' + '}'.repeat(40) + '}', [400]],
    ['a depth of 100,000', '['.repeat(100000), [400]],
    ['an array', '[]', [422, 400]],
    ['a string', '"x"', [422, 400]],
    ['null', 'null', [422, 400]],
];

// body, the pointer that must be among the errors
const FIELDS = [
    [{ title: 'x' }, '/to'],
    [{ to: 'u1' }, ''],
    [{ to: 'u1', title: 'x', colour: 'red' }, '/colour'],
    [{ to: 'u1', titel: 'x' }, '/titel'],
    [{ to: 7, title: 'x' }, '/to'],
    [{ to: [], title: 'x' }, '/to'],
    [{ to: '', title: 'x' }, '/to'],
    [{ to: 'has space', title: 'x' }, '/to'],
    [{ to: ['u1', 'a/b'], title: 'x' }, '/to/1'],
    [{ to: 'u'.repeat(129), title: 'x' }, '/to'],
    [{ to: { users: ['u1'], colour: 1 }, title: 'x' }, '/to/colour'],
    [{ to: 'u1', title: 7 }, '/title'],
    [{ to: 'u1', title: 'x'.repeat(1025) }, '/title'],
    [{ to: 'u1', title: 'x', body: ['y'] }, '/body'],
    [{ to: 'u1', title: 'x', channels: ['pigeon'] }, '/channels/0'],
    [{ to: 'u1', title: 'x', channels: 'email' }, '/channels'],
    [{ to: 'u1', title: 'x', priority: 'urgent' }, '/priority'],
    [{ to: 'u1', title: 'x', send_at: 'tomorrow' }, '/send_at'],
    [{ to: 'u1', title: 'x', send_at: '2026-02-30T00:00:00Z' }, '/send_at'],
    [{ to: 'u1', title: 'x', dedup_key: 'k', dedup_window: '-1s' },
        '/dedup_window'],
    [{ to: 'u1', template: 'no-such-template' }, '/template'],
    [{ to: 'u1', workflow: 'no-such-workflow' }, '/workflow'],
    [{ to: 'u1', title: 'x', data: 'text' }, '/data'],
    [{ to: 'u1', title: 'x', actions: [{ id: 'a' }] }, '/actions/0'],
    [{ to: { recipients: [{ id: 'a', email: 'no address' }] }, title: 'x' },
        '/to/recipients/0/email'],
    [{ to: 'u1', title: 'x', overrides: { email: { from: 'a\nb' } } },
        '/overrides/email/from'],
];

describe('bad input', { timeout: 180000 }, () => {
    let belfry;

    before(async () => {
        // So that freed memory comes back at once and can be measured.
        belfry = await start({ env: {
            ASAN_OPTIONS: 'detect_leaks=1:exitcode=99:quarantine_size_mb=1:' +
                'malloc_context_size=4',
        } });
    });
    after(() => belfry?.stop());

    const request = (body) => {
        const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body, 'utf8');
        return [post(HOST + AUTH + JSON_TYPE +
            `Content-Length: ${bytes.length}\r\n`, ''), bytes];
    };
    async function refuse(bytes, statuses) {
        const a = await exchange(belfry.port, bytes, { timeout: 4000 });
        const text = `${a.status} in ${a.ms} ms: ${a.text.slice(0, 300)}`;
        assert.ok(!a.isLate, `not at once: ${text}`);
        if (a.status === null) {
            assert.ok(statuses.includes(null), text);
            return a;
        }
        assert.ok(statuses.includes(a.status), text);
        assert.match(a.head, /content-type: application\/problem\+json/i);
        const problem = JSON.parse(Buffer.from(a.body, 'latin1').toString());
        assert.equal(problem.status, a.status);
        for (const field of ['type', 'title', 'code', 'detail'])
            assert.equal(typeof problem[field], 'string', field);
        const id = /^x-request-id: (\S+)$/im.exec(a.head)?.[1];
        assert.ok(id, a.head);
        assert.equal(problem.request_id, id);
        return { ...a, problem };
    }

    for (const [name, bytes, statuses] of HTTP)
        it(`over HTTP: ${name}`, () => refuse(bytes, statuses));

    for (const [name, body, statuses] of JSON_BODIES)
        it(`as JSON: ${name}`, () => refuse(request(body), statuses));

    for (const [body, pointer] of FIELDS)
        it(`as a field: ${JSON.stringify(body).slice(0, 60)}`, async () => {
            const a = await refuse(request(JSON.stringify(body)), [422]);
            const at = (a.problem.errors ?? []).map((e) => e.pointer);
            assert.ok(at.some((p) => p === pointer ||
                p.startsWith(`${pointer}/`)), `${pointer} in ${at}`);
            assert.ok(a.problem.errors.every((e) => e.detail));
        });

    it('in hundreds of fields names them within bounds', async () => {
        const body = { to: 'u1', title: 'x' };
        for (let i = 0; i < 5000; i++) body[`unknown${i}`] = i;
        const a = await refuse(request(JSON.stringify(body)), [422]);
        assert.ok(a.problem.errors.length >= 1);
        assert.ok(a.body.length < 64 << 10);
    });

    it('in the query is named, with what was meant', async () => {
        const fault = async (query) => {
            const a = await belfry.api('GET', `/v1/deliveries?${query}`);
            assert.equal(a.status, 422, query);
            return a.body.errors.map((e) => `${e.pointer} ${e.detail}`).join();
        };
        assert.equal(await fault('statsu=dead'),
            '/statsu unknown query parameter; did you mean "status"?');
        assert.equal(await fault('a/b=1'), '/a~1b unknown query parameter');
        assert.equal(await fault('status=dead&status=sent'),
            '/status repeated query parameter');
        assert.match(await fault('status=gone'),
            /^\/status must be one of queued, held, .*, cancelled, expired$/);
    });

    it('that comes byte by byte is refused all the same', async () => {
        const bytes = 'GET /healthz HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n';
        const a = await exchange(belfry.port, [...bytes], { gap: 1 });
        assert.equal(a.status, 400);
    });

    it('is not read as a second request', async () => {
        // What follows a refused head must not be run.
        const second = post(FULL);
        for (const head of [
            HOST + AUTH + 'Content-Length: 0\r\nContent-Length: 5\r\n',
            HOST + AUTH + 'Transfer-Encoding: \x0bchunked\r\n',
            HOST + AUTH + 'Content-Length: 0\r\n' +
                'Transfer-Encoding: chunked\r\n'])  {
            const a = await exchange(belfry.port, post(head, second));
            assert.ok([400, 501].includes(a.status));
            assert.equal(a.text.split('HTTP/1.1 ').length, 2, a.text);
        }
    });

    it('leaves nothing behind', async () => {
        const list = await belfry.get('/v1/notifications');
        assert.deepEqual(list.data, []);
        const inbox = await belfry.get('/v1/inbox',
            { key: await belfry.token('u1') });
        assert.deepEqual(inbox.data, []);
        const deliveries = await belfry.get('/v1/deliveries');
        assert.deepEqual(deliveries.data, []);
    });

    it('keeps memory flat', async () => {
        const all = [...HTTP.map(([, bytes]) => bytes),
            ...JSON_BODIES.map(([, body]) => request(body)),
            ...FIELDS.map(([body]) => request(JSON.stringify(body)))];
        const round = () => Promise.all(all.map((bytes) =>
            exchange(belfry.port, bytes, { timeout: 4000 })));
        for (let i = 0; i < 5; i++) await round();
        const before_ = await belfry.residentKiB();
        for (let i = 0; i < 25; i++) await round();
        const grown = await belfry.residentKiB() - before_;
        assert.ok(grown < 8 << 10,
            `${grown} KiB more after ${25 * all.length} bad requests`);
        await belfry.send({ to: 'u1', title: 'still well' });
    });
});
