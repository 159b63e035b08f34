// generate.mjs - random sequences of commands, the same for the same seed. The
// alphabets are small, so that keys, windows and nights meet.

import { ANSWERS } from './model.mjs';
import { USERS, scriptOf } from './script.mjs';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
// Among them the nights on which clocks change in Berlin and New York.
const STARTS = ['2026-03-02T08:00:00Z', '2026-03-28T19:00:00Z',
    '2026-10-24T18:00:00Z', '2026-03-07T20:00:00Z', '2026-06-12T21:30:00Z'];
const ZONES = [undefined, 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'];
const CATEGORIES = ['ca', 'cb', 'cc'];
const CHANNELS = ['in_app', 'email', 'webhook'];
const TOPICS = ['ta', 'tb'];

// A small generator of good quality: mulberry32.
export function chance(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    const below = (n) => Math.floor(next() * n);
    const pick = (list) => list[below(list.length)];
    return { below, pick, is: (p) => next() < p,
        some: (list) => {
            const out = list.filter(() => next() < 0.4);
            return out.length > 0 ? out : [pick(list)];
        } };
}

// Members that are undefined are left out, as in JSON.
const plain = (value) => JSON.parse(JSON.stringify(value));

class Generator {
    n = 0; // what was sent
    addresses = 0;
    titles = [];

    constructor(seed) {
        this.c = chance(seed);
        this.start = Date.parse(this.c.pick(STARTS));
        this.now = this.start; // about; the model says when exactly
    }

    maybe(p, make) {
        return this.c.is(p) ? make() : undefined;
    }

    time(ms) {
        return new Date(ms).toISOString();
    }

    // A full minute to come, or seldom one that has passed.
    minute() {
        const { c } = this;
        const by = c.is(0.1) ? -c.below(90)
            : c.pick([1, 5, 10, 30, 60, 60 * 6, 60 * 12]) * (1 + c.below(3));
        return Math.floor(this.now / MINUTE) * MINUTE + by * MINUTE;
    }

    // ---- documents ----

    user() {
        const { c } = this;
        const user = c.pick(USERS);
        this.addresses++;
        return { do: 'user', user, doc: plain({
            email: this.maybe(0.8, () => `${user}-${this.addresses}@example.org`),
            webhook: this.maybe(0.8, () => `https://${user}.example/${this.addresses}`),
            timezone: c.pick(ZONES) }) };
    }

    quietHours() {
        const { c } = this;
        return this.c.pick([
            { start: '22:00', end: '07:00' },
            { start: '22:00', end: '07:00', timezone: c.pick(ZONES) },
            { start: '09:00', end: '17:30' },
            { start: '02:30', end: '04:00', timezone: 'Europe/Berlin' },
            { start: '21:00', end: '02:30', timezone: 'America/New_York' },
            { start: '20:00', end: '08:00', days: c.some(['sat', 'sun', 'mon']) },
            { start: '00:00', end: '24:00', days: ['sat', 'sun'] },
        ]);
    }

    choices() {
        const { c } = this;
        const flags = (keys) => Object.fromEntries(c.some(keys)
            .map((key) => [key, c.is(0.4)]));
        return { channels: this.maybe(0.4, () => flags(CHANNELS)),
            categories: this.maybe(0.5, () => Object.fromEntries(
                c.some(CATEGORIES).map((key) => [key, {
                    enabled: this.maybe(0.6, () => c.is(0.4)),
                    channels: this.maybe(0.5, () => flags(CHANNELS)) }]))) };
    }

    wishes() {
        return plain({ ...this.choices(),
            muted_until: this.maybe(0.2, () => this.time(this.minute())),
            quiet_hours: this.maybe(0.5, () => this.quietHours()),
            digest: this.maybe(0.2, () => ({
                [this.c.pick(CATEGORIES)]: this.c.pick(['10m', '1h', '12h']) })) });
    }

    preferences() {
        return { do: 'preferences', user: this.c.pick(USERS), doc: this.wishes() };
    }

    patch() {
        const { c } = this;
        const doc = c.is(0.3)
            ? { [c.pick(['channels', 'categories', 'quiet_hours', 'muted_until',
                'digest'])]: null } : this.wishes();
        return { do: 'patch', user: c.pick(USERS), doc };
    }

    defaults() {
        return { do: 'defaults', doc: plain(this.choices()) };
    }

    attention() {
        const { c } = this;
        return { do: 'attention', doc: c.is(0.3) ? null : plain({
            limit: 1 + c.below(2), per: c.pick(['10m', '1h', '1d']),
            overflow: c.pick([undefined, 'drop', 'defer', 'digest', 'digest',
                'downgrade']) }) };
    }

    category() {
        const { c } = this;
        return { do: 'category', key: c.pick(CATEGORIES), doc: plain({
            channels: this.maybe(0.7, () => c.some(CHANNELS)),
            critical: this.maybe(0.2, () => true),
            quiet_hours: this.maybe(0.5, () => c.pick(['defer', 'drop',
                'break_through', 'digest', 'reroute'])),
            throttle: this.maybe(0.4, () => ({ limit: 1 + c.below(2),
                per: c.pick(['10m', '1h', '1d']) })) }) };
    }

    subscribe() {
        const { c } = this;
        return { do: 'subscribe', user: c.pick(USERS), topic: c.pick(TOPICS),
            isOn: c.is(0.75) };
    }

    fault() {
        const { c } = this;
        return { do: 'fault', provider: c.pick(['email', 'spare', 'webhook']),
            answer: c.is(0.4) ? null : c.pick(Object.keys(ANSWERS)) };
    }

    // ---- sending ----

    to() {
        const { c } = this;
        if (c.is(0.5)) return c.pick(USERS);
        if (c.is(0.5)) return c.some(USERS);
        return plain({ users: this.maybe(0.5, () => c.some(USERS)),
            topics: c.some(TOPICS),
            exclude: this.maybe(0.4, () => [c.pick(USERS)]) });
    }

    digest() {
        const { c } = this;
        const window = c.pick(['5m', '10m', '1h', '1d']);
        return { window,
            key: this.maybe(0.3, () => c.pick(['da', 'db'])),
            mode: c.pick([undefined, 'fixed', 'sliding', 'calendar']),
            max_window: this.maybe(0.2, () =>
                ({ '1h': '2h', '1d': '3d' })[window] ?? '12m'),
            leading: this.maybe(0.2, () => true) };
    }

    body() {
        const { c } = this;
        const key = c.pick(['ka', 'kb']);
        return plain({ to: this.to(),
            channels: this.maybe(0.5, () => c.some(CHANNELS)),
            category: this.maybe(0.7, () => c.pick(CATEGORIES)),
            priority: this.maybe(0.2, () => c.pick(['critical', 'high', 'low'])),
            send_at: this.maybe(0.2, () => this.time(this.minute())),
            expires_at: this.maybe(0.15, () =>
                this.time(this.minute() + 58_000)),
            digest: this.maybe(0.25, () => this.digest()),
            approval: this.maybe(0.1, () =>
                ({ expires_in: c.pick(['10m', '1h', '2d']) })),
            cancel_key: this.maybe(0.2, () => c.pick(['xa', 'xb'])),
            ...(c.is(0.2) ? { dedup_key: key,
                dedup_window: key === 'ka' ? '30m' : undefined } : {}) });
    }

    one() {
        const name = `m${++this.n}`;
        this.titles.push(name);
        return { name, body: { ...this.body(), title: name } };
    }

    send() {
        return { do: 'send', ...this.one() };
    }

    batch() {
        return { do: 'batch', sends: Array.from(
            { length: 2 + this.c.below(2) }, () => this.one()) };
    }

    plan() {
        const { send_at: _, dedup_key: __, approval: ___, ...body } = this.body();
        return { do: 'plan', body: { ...body, title: 'plan' } };
    }

    cancel() {
        return { do: 'cancel', name: `m${1 + this.c.below(this.n + 1)}` };
    }

    decide() {
        const { c } = this;
        return { do: 'decide', name: this.name(),
            decision: c.is(0.8) ? 'approved' : 'rejected' };
    }

    leave() {
        return { do: 'leave', user: this.c.pick(USERS),
            title: this.c.pick(this.titles) ?? 'm1' };
    }

    // One that was sent, rather of late.
    name() {
        const { c } = this;
        return `m${c.is(0.6) ? Math.max(1, this.n - c.below(4))
            : 1 + c.below(this.n + 1)}`;
    }

    ofOne(verb) {
        return { do: verb, name: this.name(),
            nth: this.c.below(4) };
    }

    retryOne() {
        return this.ofOne('retryOne');
    }

    cancelOne() {
        return this.ofOne('cancelOne');
    }

    flush() {
        return { do: 'flush', nth: this.c.below(4) };
    }

    cancelKey() {
        return { do: 'cancelKey', key: this.c.pick(['xa', 'xb']) };
    }

    // ---- the inbox, time, power ----

    mark() {
        const { c } = this;
        const verb = c.pick(['read', 'unread', 'seen', 'archive', 'unarchive']);
        if (c.is(0.1)) return { do: 'markAll', user: c.pick(USERS), verb: 'read' };
        return { do: 'mark', user: c.pick(USERS), verb,
            title: c.pick(this.titles) ?? 'm1' };
    }

    after() {
        const { c } = this;
        const minutes = c.is(0.6) ? 1 + c.below(15)
            : c.is(0.8) ? 30 + c.below(12 * 60) : 24 * 60;
        this.now += minutes * MINUTE;
        return { do: 'after', seconds: minutes * 60 + c.below(50) };
    }

    // To a full half hour or shortly before: there nights begin and end.
    edge() {
        const next = (Math.floor(this.now / (HOUR / 2)) + 1 + this.c.below(24)) *
            (HOUR / 2) - this.c.pick([0, 1, 1, 30]) * 1000;
        this.now = next;
        return { do: 'edge', at: next };
    }

    power() {
        return { do: this.c.pick(['restart', 'crash', 'crash', 'stop', 'start', 'start']) };
    }

    next() {
        return this[this.c.pick(WEIGHTS)]();
    }
}

const WEIGHTS = Object.entries({ user: 2, preferences: 4, patch: 2, defaults: 1,
    category: 3, attention: 2, subscribe: 2, fault: 3, send: 18, batch: 2, plan: 3, cancel: 2,
    cancelKey: 1, decide: 3, leave: 2, mark: 5, after: 9, edge: 3, power: 2,
    retryOne: 2, cancelOne: 4, flush: 2 })
    .flatMap(([name, n]) => Array(n).fill(name));

// Commands that lead where nothing is promised are left out.
export function generate(seed) {
    const g = new Generator(seed);
    const commands = USERS.slice(0, 3).map(() => g.user());
    if (g.c.is(0.3)) commands.push(g.attention());
    if (g.c.is(0.3)) commands.push(g.category());
    const length = 10 + g.c.below(31);
    while (commands.length < length) commands.push(g.next());
    return { seed, ...clear(g.start, commands) };
}

// Without the commands at which it is not clear any more what comes.
function clear(start, all) {
    const commands = [...all];
    for (;;) {
        const script = scriptOf({ start, commands });
        if (script.lines) return { start, commands, ...script };
        commands.splice(Math.min(script.unclearAt, commands.length - 1), 1);
    }
}
