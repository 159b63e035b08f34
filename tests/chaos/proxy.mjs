// proxy.mjs - stands between each process and PostgreSQL, and breaks what one
// asks it to:
//
//   arm     the next exchanges with a COMMIT (on: 'commit') or the next at all
//           ('sync') go wrong, as `how` says:
//             deaf   it is carried out, nobody hears of it
//             mute   it never arrives
//             late   the process loses the connection now; it arrives `ms`
//                    later, with nobody at the other end
//             torn   half of it arrives
//             tail   half of the answer arrives
//   stall   nothing passes for `ms`, then all of it
//   reset   all connections of a process end (RST)
//   refuse  new ones do, for `ms`
//   trickle a few bytes at a time, for `ms`
//
// A route is a port of its own with its own switches: one for each process.

import net from 'node:net';
import { fileURLToPath } from 'node:url';

const ANSWER_MS = 3000; // to wait for an answer that nobody shall hear
const SSL_REQUESTS = new Set([80877103, 80877104]); // and the one for GSS
const TRICKLE_BYTES = 7;
const TRICKLE_MS = 3;

// Cuts a stream of the protocol, from its first byte or from the first after
// the start-up, into messages: on_message(type, body).
class Framer {
    constructor(onMessage, isStarting) {
        this.onMessage = onMessage;
        this.isStarting = isStarting;
        this.rest = Buffer.alloc(0);
    }

    feed(chunk) {
        let all = this.rest.length ? Buffer.concat([this.rest, chunk]) : chunk;
        for (;;) {
            const head = this.isStarting ? 0 : 1;
            if (all.length < head + 4) break;
            const n = head + all.readUInt32BE(head);
            if (all.length < n) break;
            const body = all.subarray(head + 4, n);
            if (!this.isStarting)
                this.onMessage(String.fromCharCode(all[0]), body);
            else if (!SSL_REQUESTS.has(body.readUInt32BE(0)))
                this.isStarting = false;
            all = all.subarray(n);
        }
        this.rest = all;
    }
}

// The prepared statement that a Bind is for.
function statementOf(body) {
    const from = body.indexOf(0) + 1;
    return body.toString('latin1', from, body.indexOf(0, from));
}

class Link {
    constructor(route, client) {
        this.route = route;
        this.client = client;
        this.server = net.connect(route.proxy.port, '127.0.0.1');
        this.isDeaf = false;
        this.saw = { commit: false, sync: false };
        this.framer = new Framer((type, body) => {
            if (type === 'B' && statementOf(body) === 'commit')
                this.saw.commit = true;
            if (type === 'S') this.saw.sync = true;
        }, true);
        for (const s of [client, this.server]) {
            s.setNoDelay(true);
            s.on('error', () => {});
        }
        client.on('data', (d) => this.fromClient(d));
        this.server.on('data', (d) => this.fromServer(d));
        client.on('end', () => this.server.end());
        client.on('close', () => this.isDeaf || this.end());
        this.server.on('end', () => this.isDeaf || client.end());
        this.server.on('close', () => this.end());
    }

    end() {
        this.route.links.delete(this);
        this.client.destroy();
        this.server.destroy();
    }

    reset() {
        this.route.links.delete(this);
        this.client.resetAndDestroy();
        this.server.resetAndDestroy();
    }

    pass(to, data) {
        if (this.isOver) return;
        if (this.queue) {
            this.queue.push([to, data]);
            return;
        }
        to.write(data);
    }

    fromClient(data) {
        this.saw.commit = this.saw.sync = false;
        this.framer.feed(data);
        const armed = this.route.armed;
        if (!armed || !this.saw[armed.on] || this.isDeaf || this.queue) {
            this.pass(this.server, data);
            return;
        }
        if (--armed.count === 0) this.route.armed = null;
        this.route.tripped++;
        this.trip(armed, data);
    }

    // No answer is on its way: the process waits for each before it goes on.
    trip({ how, ms }, data) {
        this.isDeaf = true;
        if (how === 'mute') {
            this.reset();
        } else if (how === 'torn') {
            this.server.write(data.subarray(0, data.length / 2), () =>
                this.reset());
        } else if (how === 'late') {
            this.client.resetAndDestroy();
            setTimeout(() => this.server.write(data), ms);
            this.listen(ms);
        } else if (how === 'tail') {
            this.isDeaf = false;
            this.isTorn = true;
            this.server.write(data);
        } else {
            this.server.write(data);
            this.listen(0);
        }
    }

    listen(ms) {
        this.answer = new Framer((type) => {
            if (type === 'Z') this.reset();
        }, false);
        setTimeout(() => this.reset(), ms + ANSWER_MS).unref();
    }

    fromServer(data) {
        if (this.isTorn) {
            this.client.write(data.subarray(0, data.length / 2), () =>
                this.reset());
            this.isTorn = false;
            this.isDeaf = true;
        } else if (this.isDeaf) {
            this.answer?.feed(data);
        } else {
            this.pass(this.client, data);
        }
    }

    stall(ms) {
        if (this.queue) return;
        this.queue = [];
        setTimeout(() => this.release(), ms);
    }

    release() {
        const queue = this.queue ?? [];
        this.queue = null;
        for (const [to, data] of queue) to.write(data);
    }

    async trickle(ms) {
        if (this.queue) return;
        const queue = this.queue = [];
        const end = Date.now() + ms;
        while (Date.now() < end) {
            await new Promise((done) => setTimeout(done, TRICKLE_MS));
            const first = queue.shift();
            if (!first) continue;
            const [to, data] = first;
            to.write(data.subarray(0, TRICKLE_BYTES));
            if (data.length > TRICKLE_BYTES)
                queue.unshift([to, data.subarray(TRICKLE_BYTES)]);
        }
        this.release();
    }
}

class Route {
    constructor(proxy) {
        Object.assign(this, { proxy, armed: null, tripped: 0 });
        this.links = new Set();
        this.refusedUntil = 0;
        this.stalledUntil = 0;
        this.server = net.createServer((client) => this.take(client));
    }

    take(client) {
        const now = Date.now();
        if (now < this.refusedUntil) {
            client.resetAndDestroy();
            return;
        }
        const link = new Link(this, client);
        this.links.add(link);
        if (now < this.stalledUntil) link.stall(this.stalledUntil - now);
    }

    stall(ms) {
        this.stalledUntil = Date.now() + ms;
        for (const link of this.links) link.stall(ms);
    }
}

export class Proxy {
    constructor(port) {
        this.port = port;
        this.routes = [];
    }

    async open(n) {
        for (let i = 0; i < n; i++) {
            const route = new Route(this);
            await new Promise((done) =>
                route.server.listen(0, '127.0.0.1', done));
            this.routes.push(route);
        }
        return this.routes.map((r) => r.server.address().port);
    }

    // of: the numbers of routes
    do({ what, of, ...rest }) {
        for (const route of of.map((i) => this.routes[i])) {
            if (what === 'arm') route.armed = { ...rest };
            else if (what === 'stall') route.stall(rest.ms);
            else if (what === 'refuse')
                route.refusedUntil = Date.now() + rest.ms;
            else if (what === 'trickle')
                for (const link of route.links) link.trickle(rest.ms);
            else if (what === 'reset')
                for (const link of route.links) link.reset();
        }
    }

    // All is well from now on.
    heal() {
        for (const route of this.routes) {
            route.armed = null;
            route.refusedUntil = route.stalledUntil = 0;
        }
    }

    // The ports by which PostgreSQL knows the connections of a route.
    portsOf(i) {
        return [...this.routes[i].links].map((l) => l.server.localPort)
            .filter(Boolean);
    }

    close() {
        for (const route of this.routes) {
            route.server.close();
            for (const link of route.links) link.reset();
        }
    }
}

// As a process: fork('proxy.mjs', [PORT, ROUTES]) says {ports}, and answers
// each {id, ...} with {id, value}.
if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) {
    const proxy = new Proxy(Number(process.argv[2]));
    process.send({ ports: await proxy.open(Number(process.argv[3])) });
    process.on('message', ({ id, ...m }) => {
        let value;
        if (m.what === 'heal') value = proxy.heal();
        else if (m.what === 'ports') value = proxy.portsOf(m.of[0]);
        else if (m.what === 'tripped')
            value = proxy.routes.map((r) => r.tripped);
        else value = proxy.do(m);
        process.send({ id, value: value ?? null });
    });
    process.on('disconnect', () => process.exit());
}
