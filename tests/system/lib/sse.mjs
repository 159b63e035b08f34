// sse.mjs - two readers of a stream: npm eventsource as people use it, and a
// plain one that can stop reading.

import http from 'node:http';
import { EventSource } from 'eventsource';
import { until } from './until.mjs';

export const FRAMES = ['hello', 'item.upsert', 'item.state', 'items.state',
    'reset', 'bye'];

// npm eventsource; `events` are {name, id, data}.
export class Source {
    constructor(url, token, { lastEventId } = {}) {
        this.events = [];
        this.errors = [];
        this.source = new EventSource(url, {
            fetch: (input, init) => fetch(input, {
                ...init,
                headers: {
                    ...init.headers,
                    Authorization: `Bearer ${token}`,
                    ...(lastEventId && !init.headers['Last-Event-ID'] ?
                        { 'Last-Event-ID': lastEventId } : {}),
                },
            }),
        });
        this.source.addEventListener('error', (e) => this.errors.push(e));
        for (const name of FRAMES)
            this.source.addEventListener(name, (e) => this.events.push({
                name, id: e.lastEventId, data: JSON.parse(e.data),
                at: Date.now(),
            }));
    }

    named(name) {
        return this.events.filter((e) => e.name === name);
    }

    next(name, n = 1, options) {
        return until(`event ${n} "${name}" among ${this.events.length}`,
            () => this.named(name)[n - 1], options);
    }

    close() {
        this.source.close();
    }
}

function parseFrame(text) {
    const frame = { name: 'message', id: undefined, data: '', comments: [] };
    const data = [];
    for (const line of text.split('\n')) {
        const at = line.indexOf(':');
        const field = at < 0 ? line : line.slice(0, at);
        const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
        if (field === '') frame.comments.push(value);
        else if (field === 'event') frame.name = value;
        else if (field === 'id') frame.id = value;
        else if (field === 'retry') frame.retry = Number(value);
        else if (field === 'data') data.push(value);
    }
    if (data.length) frame.data = JSON.parse(data.join('\n'));
    return frame;
}

// Plain HTTP; stop() leaves the socket's window to fill.
export class RawStream {
    constructor() {
        this.frames = [];
        this.rest = '';
        this.bytes = 0;
        this.isClosed = false;
    }

    async open(url, token, headers = {}) {
        this.request = http.get(url, {
            agent: false,
            headers: {
                Accept: 'text/event-stream',
                ...(token ? { Authorization: `Bearer ${token}` } : {}),
                ...headers,
            },
        });
        this.response = await new Promise((done, fail) => {
            this.request.once('response', done);
            this.request.once('error', fail);
        });
        this.status = this.response.statusCode;
        this.response.setEncoding('utf8');
        this.response.on('data', (d) => this.take(d));
        for (const event of ['end', 'close', 'error'])
            this.response.on(event, () => (this.isClosed = true));
        this.request.on('error', () => (this.isClosed = true));
        return this;
    }

    take(text) {
        this.bytes += text.length;
        const parts = (this.rest + text).split('\n\n');
        this.rest = parts.pop();
        for (const part of parts)
            if (part) this.frames.push(parseFrame(part));
    }

    stop() {
        this.response.pause();
        this.request.socket.pause();
    }

    go() {
        this.request.socket.resume();
        this.response.resume();
    }

    named(name) {
        return this.frames.filter((f) => f.name === name);
    }

    next(name, n = 1, options) {
        return until(`frame ${n} "${name}" among ${this.frames.length}`,
            () => this.named(name)[n - 1], options);
    }

    close() {
        this.request.destroy();
    }
}

export const rawStream = (url, token, headers) =>
    new RawStream().open(url, token, headers);
