// fake.mjs - a provider of our own on loopback that checks what the real one
// checks and answers as the real one does. What a provider is stands in its
// face, one file each under fakes/; the faults that they all share are here.
//
// Steps: 'ok'; the names of the face's own faults ('transient', 'rate',
// 'permanent', 'credentials', 'gone', ...); and of the shared ones below. They
// are used up one by one; after them all is ok.

import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { once } from 'node:events';
import { until } from './until.mjs';

const html = (status) => ({ status, headers: { 'Content-Type': 'text/html' },
    body: `<html><body><h1>${status}</h1></body></html>` });

// What any server may do to any caller.
const SHARED = {
    gateway: () => html(502), // a proxy's words in place of the provider's
    html: () => html(200),
    empty: () => ({ status: 200, headers: {}, body: '' }),
    // Cut JSON in a whole answer.
    cut: (answer) => ({ ...answer, body: String(answer.body ?? '')
        .slice(0, Math.floor(String(answer.body ?? '').length / 2)) }),
    // Half of the body that Content-Length names, then the end.
    half: (answer) => ({ ...answer, isHalf: true }),
    slow: (answer) => ({ ...answer, after: 600 }),
    hang: () => ({ isHung: true }),
    reset: () => ({ isReset: true }),
};
export const SHARED_FAULTS = Object.keys(SHARED);

// An answer in JSON.
export const json = (status, value, headers = {}) => ({ status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(value) });
export const text = (status, body, headers = {}) => ({ status,
    headers: { 'Content-Type': 'text/plain', ...headers }, body });

export class Fake {
    // options: certificates (as of ca.mjs; with them it speaks TLS)
    constructor(face, options = {}) {
        this.face = face;
        this.certificates = options.certificates;
        this.steps = [];
        this.calls = []; // of messages; with the faults that were found
        this.others = []; // for tokens and the like: not scripted
        this.serial = 0;
        this.state = face.begin?.(this) ?? {};
        this.server = this.serve((request, response) =>
            this.take(request, response));
        this.sessions = new Set(); // of HTTP/2: a server waits for their end
        this.server.on('session', (s) => {
            this.sessions.add(s);
            s.on('error', () => {});
            s.on('close', () => this.sessions.delete(s));
        });
    }

    serve(on) {
        const pair = this.certificates && { key: this.certificates.key,
            cert: this.certificates.cert };
        if (this.face.isHttp2) return http2.createSecureServer(pair, on);
        return pair ? https.createServer(pair, on) : http.createServer(on);
    }

    script(steps) {
        this.steps = [...steps];
    }

    // Ids in the order of the calls, in the provider's own shape.
    nextId(prefix = '', width = 8) {
        return prefix + String(++this.serial).padStart(width, '0');
    }

    async take(request, response) {
        const parts = [];
        try {
            for await (const part of request) parts.push(part);
        } catch {
            return;
        }
        const raw = Buffer.concat(parts);
        const url = new URL(request.url, this.base);
        const call = { at: Date.now(), method: request.method, url,
            path: url.pathname, query: url.searchParams,
            headers: request.headers, raw, body: raw.toString('utf8'),
            faults: [] };
        try {
            call.json = JSON.parse(call.body);
        } catch {
            call.json = undefined;
        }
        const aside = await this.face.aside?.(call, this);
        if (aside) {
            this.others.push(call);
            this.answer(aside, response);
            return;
        }
        call.step = this.steps.shift() ?? 'ok';
        this.calls.push(call);
        this.answer(await this.decide(call), response);
    }

    // Its own check comes first: a fault of Belfry's shows as the provider's
    // refusal, and in call.faults.
    async decide(call) {
        const answer = await this.face.take(call, this);
        if (call.faults.length > 0 || call.step === 'ok') return answer;
        const own = this.face.faults[call.step];
        if (own) return typeof own === 'function' ? own(call, this) : own;
        return SHARED[call.step](answer);
    }

    answer(a, response) {
        if (a.isHung) return;
        const socket = response.stream?.session?.socket ?? response.socket;
        if (a.isReset) {
            if (response.stream) response.stream.close(
                http2.constants.NGHTTP2_INTERNAL_ERROR);
            else socket.destroy();
            return;
        }
        setTimeout(() => {
            const body = Buffer.from(a.body ?? '');
            if (a.isHalf) {
                response.writeHead(a.status, { ...a.headers,
                    'Content-Length': Math.max(body.length, 2) });
                response.write(body.subarray(0, body.length / 2) , () =>
                    (response.stream ? response.stream.close() :
                        socket.destroy()));
                return;
            }
            response.writeHead(a.status, a.headers ?? {});
            response.end(body);
        }, a.after ?? 0);
    }

    // The n-th call once it is there.
    called(n = 1, options) {
        return until(`call ${n} of ${this.face.driver}`,
            () => this.calls[n - 1], options);
    }

    async listen() {
        this.server.listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        const { port } = this.server.address();
        this.base = this.certificates ? `https://localhost:${port}` :
            `http://127.0.0.1:${port}`;
        return this;
    }

    close() {
        this.server.closeAllConnections?.();
        for (const session of this.sessions) session.destroy();
        return new Promise((done) => this.server.close(done));
    }
}

export const fake = (face, options) => new Fake(face, options).listen();

// For a face's take(): refuses as the provider would, and keeps why.
export function refuse(call, why, answer) {
    call.faults.push(why);
    return answer;
}
