// source.mjs - the sender: each notification under a key of its own, to any of
// the API processes, and again under the same key until it is known what
// became of it. Its ledger:
//
//   {begin: CALL, key, ws, items: [{name, user, channels, hash}]}
//   {call: CALL, try, api, says}        before each try
//   {call: CALL, try, status, code, replay, ids, error}     after it
//
// A call whose last line is no decision stays undecided.

import http from 'node:http';
import { pause } from '../system/lib/until.mjs';
import { hashOf } from './ledger.mjs';

const BATCH = 20;
const TRY_MS = 2000;
const TICK_MS = 20;
const PENDING_MAX = 200; // calls
const LATE_MS = 2000;
const SINGLE_SHARE = 0.15; // of the notifications
const USERS = 40;

// What surely did not happen says so; anything else may have.
const DECIDED = (status) => status >= 200 && status < 300 ||
    status >= 400 && status < 500 && ![408, 409, 429].includes(status);

export class Source {
    // apis(): the URLs of those that may be there
    constructor({ apis, key, ledger, rng, rate, workspaces }) {
        Object.assign(this, { apis, key, ledger, rng, rate, workspaces });
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
        this.n = 0;
        this.calls = 0;
        this.pending = new Set();
        this.accepted = 0;
        this.answers = {};
        this.isOpen = false;
    }

    item(round) {
        const n = this.n++;
        const name = `r${round}-n${n}`;
        const at = this.rng.next();
        const channels = at < 0.65 ? ['webhook'] :
            at < 0.8 ? ['in_app'] : ['webhook', 'in_app'];
        const content = { title: name,
            body: `body of ${name} `.repeat(1 + n % 5).trim(),
            data: { n, round } };
        return { ...content, to: `u${n % USERS}`, channels };
    }

    // One call: a batch, or one by itself with either kind of key.
    call(round, n) {
        const call = ++this.calls;
        const items = Array.from({ length: n }, () => this.item(round));
        const ws = this.rng.pick(this.workspaces);
        const key = `key-${call}`;
        const isDedup = n === 1 && call % 2 === 0;
        if (isDedup) items[0].dedup_key = key;
        this.ledger.add({ begin: call, key, ws, dedup: isDedup,
            items: items.map((i) => ({ name: i.title, user: i.to,
                channels: i.channels, hash: hashOf(i) })) });
        const job = this.decide({ call, n, ws, key, isDedup,
            route: n > 1 ? '/v1/notifications/batch' : '/v1/notifications',
            body: JSON.stringify(n > 1 ? items : items[0]) });
        this.pending.add(job);
        job.finally(() => this.pending.delete(job));
    }

    async decide(c) {
        for (let n = 1; !this.isGivenUp; n++) {
            const urls = this.apis();
            const url = urls[(c.call + n) % urls.length];
            this.ledger.add({ call: c.call, try: n, api: url });
            const a = await this.post(url, c);
            this.ledger.add({ call: c.call, try: n, ...a });
            const word = a.status ? `${a.status}${a.code ? ` ${a.code}` : ''}` :
                a.error;
            this.answers[word] = (this.answers[word] ?? 0) + 1;
            if (a.status && DECIDED(a.status)) {
                this.accepted += a.ids?.length ?? 0;
                return;
            }
            await pause(20 + Math.min(n, 10) * 20);
        }
    }

    post(url, c) {
        return new Promise((done) => {
            const request = http.request(url + c.route, {
                method: 'POST', agent: this.agent, timeout: TRY_MS,
                headers: {
                    Authorization: `Bearer ${this.key}`,
                    'Content-Type': 'application/json',
                    'Content-Length': Buffer.byteLength(c.body),
                    'X-Belfry-Workspace': c.ws,
                    ...(c.isDedup ? {} : { 'Idempotency-Key': c.key }),
                },
            });
            const late = setTimeout(() =>
                request.destroy(new Error('timeout')), TRY_MS);
            const over = (a) => {
                clearTimeout(late);
                done(a);
            };
            request.on('error', (e) =>
                over({ error: e.message === 'timeout' ? 'timeout' :
                    e.code ?? e.message }));
            request.on('response', (response) => {
                let text = '';
                response.setEncoding('utf8');
                response.on('data', (d) => (text += d));
                response.on('error', (e) => over({ error: e.code ?? 'cut' }));
                response.on('end', () => over(response.complete ?
                    understand(response, text, c) : { error: 'cut' }));
            });
            request.end(c.body);
        });
    }

    // At the given rate until stop(); what faults held up is made up for, as
    // far as LATE_MS of it.
    async run(round) {
        this.isOpen = true;
        let owed = 0;
        let last = Date.now();
        while (this.isOpen) {
            const now = Date.now();
            owed = Math.min(owed + (now - last) * this.rate / 1000,
                this.rate * LATE_MS / 1000);
            last = now;
            while (owed >= 1 && this.pending.size < PENDING_MAX) {
                const n = this.rng.next() < SINGLE_SHARE * BATCH /
                    (1 + SINGLE_SHARE * (BATCH - 1)) ? 1 : BATCH;
                this.call(round, n);
                owed -= n;
            }
            await pause(TICK_MS);
        }
    }

    stop() {
        this.isOpen = false;
    }

    // True: nothing is undecided.
    async settle(ms) {
        const end = Date.now() + ms;
        while (this.pending.size > 0 && Date.now() < end) await pause(20);
        return this.pending.size === 0;
    }

    close() {
        this.isGivenUp = true;
        this.agent.destroy();
    }
}

function understand(response, text, c) {
    const status = response.statusCode;
    const replay = response.headers['idempotent-replayed'] === 'true';
    let json;
    try {
        json = JSON.parse(text);
    } catch {
        return { status, error: 'no JSON' };
    }
    if (status >= 300)
        return { status, code: String(json.type).replace(/.*[/#]/, '') };
    if (c.n === 1)
        return { status, ...(replay && { replay }),
            ...(json.duplicate && { duplicate: true }), ids: [json.id] };
    const results = json.results ?? [];
    const bad = results.filter((r) => !r.id).map((r) => r.problem ?? r);
    return { status, ...(replay && { replay }), ids: results.map((r) =>
        r.id ?? null), ...(bad.length && { bad }) };
}
