// sink.mjs - the provider: notes what it gets before it answers. A process of
// its own, which nobody kills: `fork('sink.mjs', [LEDGER, SECRET])` says
// {port}; after {flush} all of it is in the file, and it says {flushed}.
//
// Of a thousand calls a few fail in each of the ways that a provider has:
//   500   it did not take it
//   cut   it took it, and the connection ends before the answer
//   late  it took it, and answers when nobody waits any more

import http from 'node:http';
import { createHash, createHmac } from 'node:crypto';
import { Ledger, hashOf } from './ledger.mjs';

const LATE_MS = 1500;
const FAILURES = [['500', 4], ['cut', 3], ['late', 2]]; // of a thousand

const [file, secret] = process.argv.slice(2);
const ledger = new Ledger(file);
const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
const seen = new Map();

function isSigned(headers, body) {
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`;
    const mac = createHmac('sha256', key).update(text).update(body)
        .digest('base64');
    return headers['webhook-signature'] === `v1,${mac}`;
}

// The same for the same delivery and call, whenever it comes.
function answerTo(id, n) {
    const digest = createHash('sha1').update(`${id} ${n}`).digest();
    let at = digest.readUInt32BE(0) % 1000;
    for (const [answer, share] of FAILURES) {
        if (at < share) return answer;
        at -= share;
    }
    return '200';
}

function note(request, body) {
    const id = request.headers['webhook-id'];
    const n = (seen.get(id) ?? 0) + 1;
    seen.set(id, n);
    let json = {};
    try {
        json = JSON.parse(body.toString('utf8'));
    } catch {
        // the hash will tell
    }
    const gave = answerTo(id, n);
    ledger.add({ id, n, gave, path: request.url, name: json.title ?? null,
        hash: hashOf(json), ntf: json.notification_id,
        signed: isSigned(request.headers, body) });
    return gave;
}

const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (d) => parts.push(d));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
        const gave = note(request, Buffer.concat(parts));
        if (gave === 'cut') {
            request.socket.destroy();
        } else if (gave === 'late') {
            setTimeout(() => response.end('late\n'), LATE_MS);
        } else {
            response.writeHead(Number(gave));
            response.end();
        }
    });
});
server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () =>
    process.send({ port: server.address().port }));

process.on('message', (m) => {
    if (!m.flush) return;
    ledger.flush();
    process.send({ flushed: true });
});
process.on('disconnect', () => process.exit());
