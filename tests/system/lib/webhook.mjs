// webhook.mjs - an endpoint that verifies what it gets with npm
// standardwebhooks and answers as the test says.
//
// Steps of a path: a status number; {status, headers, body, after: ms}; 'hang'
// never answers; 'close' closes before the first byte, 'half' in the middle of the
// answer. They are used up one by one; after them all is 200.

import http from 'node:http';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { until } from './until.mjs';

export class Receiver {
    constructor() {
        this.secret = `whsec_${randomBytes(32).toString('base64')}`;
        this.scripts = new Map();
        this.all = [];
        this.server = http.createServer((request, response) =>
            this.take(request, response));
        this.server.keepAliveTimeout = 60000;
    }

    script(path, steps) {
        this.scripts.set(path, [...steps]);
    }

    async take(request, response) {
        const parts = [];
        try {
            for await (const part of request) parts.push(part);
        } catch {
            return;
        }
        const body = Buffer.concat(parts).toString('utf8');
        const step = this.scripts.get(request.url)?.shift() ?? 200;
        this.all.push({
            at: Date.now(), path: request.url, method: request.method,
            headers: request.headers, body, step,
            from: request.socket.remoteAddress,
            ...this.verify(body, request.headers),
        });
        this.answer(step, request, response);
    }

    verify(body, headers) {
        try {
            const json = new Webhook(this.secret).verify(body, headers);
            return { isVerified: true, json };
        } catch (error) {
            return { isVerified: false, fault: String(error) };
        }
    }

    answer(step, request, response) {
        if (step === 'hang') return;
        if (step === 'close') {
            request.socket.destroy();
        } else if (step === 'half') {
            response.writeHead(200, { 'Content-Length': 1000 });
            response.write('some', () => request.socket.destroy());
        } else if (typeof step === 'number') {
            response.writeHead(step, { 'Content-Type': 'text/plain' });
            response.end(`answer ${step}\n`);
        } else {
            setTimeout(() => {
                response.writeHead(step.status ?? 200, step.headers ?? {});
                response.end(step.body ?? '');
            }, step.after ?? 0);
        }
    }

    url(path) {
        return `http://${this.host}:${this.port}${path}`;
    }

    calls(path) {
        return this.all.filter((c) => c.path === path);
    }

    // The n-th call of that path, once it is there.
    called(path, n = 1, options) {
        return until(`call ${n} of ${path}`, () => this.calls(path)[n - 1],
            options);
    }

    async listen(host) {
        this.host = host;
        this.server.listen(0, host);
        await once(this.server, 'listening');
        this.port = this.server.address().port;
        return this;
    }

    close() {
        this.server.closeAllConnections();
        return new Promise((done) => this.server.close(done));
    }
}

export const receiver = (host = '127.0.0.1') => new Receiver().listen(host);
