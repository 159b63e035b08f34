// raw.mjs - bytes to a port, as no HTTP library would send them.

import net from 'node:net';

function parse(text) {
    const end = text.indexOf('\r\n\r\n');
    const head = end < 0 ? text : text.slice(0, end);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
    return { status: status || null, head,
        body: end < 0 ? '' : text.slice(end + 4) };
}

function isWhole(answer) {
    const length = /^content-length:\s*(\d+)/im.exec(answer.head);
    return answer.status !== null && length !== null &&
        Buffer.byteLength(answer.body, 'latin1') >= Number(length[1]);
}

// Sends the parts (string as latin1, or Buffer), `gap` ms between them, and
// answers with what came back: once it is whole, the other side closed, or
// `timeout` has passed (then isLate).
export function exchange(port, parts, { timeout = 5000, gap = 0 } = {}) {
    return new Promise((done, fail) => {
        const began = Date.now();
        const socket = net.connect(port, '127.0.0.1');
        let text = '';
        let isDone = false;
        const finish = (extra) => {
            if (isDone) return;
            isDone = true;
            clearTimeout(late);
            socket.destroy();
            done({ ...parse(text), ms: Date.now() - began, isClosed: false,
                isLate: false, text, ...extra });
        };
        const late = setTimeout(() => finish({ isLate: true }), timeout);
        socket.setNoDelay(true);
        socket.on('data', (d) => {
            text += d.toString('latin1');
            const answer = parse(text);
            if (isWhole(answer)) setTimeout(finish, 5);
        });
        socket.on('end', () => finish({ isClosed: true }));
        socket.on('close', () => finish({ isClosed: true }));
        socket.on('error', (e) => {
            if (e.code === 'ECONNREFUSED') fail(e);
            else finish({ isClosed: true });
        });
        socket.on('connect', async () => {
            for (const part of [].concat(parts)) {
                if (isDone) return;
                socket.write(typeof part === 'string' ?
                    Buffer.from(part, 'latin1') : part);
                if (gap) await new Promise((go) => setTimeout(go, gap));
            }
        });
    });
}
