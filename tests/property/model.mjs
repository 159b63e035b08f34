// model.mjs - what Belfry decides, said a second time and as plainly as can be:
// from docs/, not from its code. No store, no queue and no thread; a list of
// what waits, and a clock that goes from one to the next.
//
// It says Unclear where the documents promise no single outcome. Sequences that
// lead there are not used.

import { duration, merged } from './values.mjs';
import { calendarEnd, quietEnd } from './wall.mjs';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// Of the windows that hold what is beyond somebody's attention.
const OWN = 'belfry/attention';
const OPEN = new Set(['queued', 'held', 'sending', 'retrying']);
const BREAKER_FAILURES = 5; // in a row; what follows has its own times
const RETRY = { pause: 2 * MINUTE, jitter: 0.05 };
// Of each channel, in their order, and how often each is called.
export const PROVIDERS = { email: { email: 3, spare: 2 }, webhook: { webhook: 3 } };
const TARGET = 'the url of the provider';
const TIMEOUT = 10 * SECOND;

// What the providers of script.mjs may answer, and the reason that this gives.
export const ANSWERS = {
    busy: { retry: 'provider.unavailable', isBad: true },
    unreachable: { retry: 'provider.unavailable', isBad: true },
    timeout: { retry: 'provider.timeout', isBad: true, isLate: true },
    rejected: { failed: 'provider.rejected' },
    gone: { failed: 'contact.gone' },
};

export class Unclear extends Error {}

export class Model {
    now;
    users = new Map();
    preferences = new Map();
    categories = new Map();
    defaults = {}; // the workspace's preferences
    attention = null; // its budget of each user's
    topics = new Map();
    faults = new Map(); // provider -> name in ANSWERS
    failures = new Map(); // provider -> messages that failed in a row
    calls = new Map(); // provider -> how many
    suppressed = new Map(); // channel and address -> the reason
    names = new Map(); // notifications, by the name of their send
    sent = []; // all notifications, the oldest first
    windows = []; // of digests
    taken = []; // budgets: { n, user, category, at }; attention has no category
    deferred = 0; // what has a window of its own
    made = 0; // deliveries
    keys = new Map(); // dedup: { notification, until }
    inbox = new Map();
    mails = []; // what providers took
    ready = []; // deliveries that providers are to be called for now
    touched = new Set(); // notifications and users' ids: what looks another way
    isUp = true;

    constructor(now) {
        this.now = now;
    }

    // ---- documents ----

    setUser(id, doc) {
        this.users.set(id, doc);
    }

    setPreferences(id, doc) {
        this.preferences.set(id, doc);
    }

    patchPreferences(id, patch) {
        this.setPreferences(id, merged(this.wishes(id), patch));
    }

    wishes(user) {
        return this.preferences.get(user) ?? {};
    }

    category(key) {
        return this.categories.get(key) ?? {};
    }

    // Where the user has none on it, a webhook has the provider's.
    address(user, channel) {
        if (channel === 'in_app') return user;
        return this.users.get(user)?.[channel] ??
            (channel === 'webhook' ? TARGET : undefined);
    }

    suppression(user, channel) {
        return this.suppressed.get(`${channel} ${this.address(user, channel)}`);
    }

    zone(user) {
        return this.users.get(user)?.timezone ?? 'UTC';
    }

    // ---- what people want ----

    isMuted(user) {
        const until = this.wishes(user).muted_until;
        return Boolean(until) && !this.isPast(Date.parse(until));
    }

    // The first that says something decides: true, or the reason.
    chosenIn(preferences, category, channel) {
        const own = preferences.categories?.[category];
        const say = (is, reason) => (is === undefined ? null : is || reason);
        return say(own?.channels?.[channel], 'pref.channel_off') ??
            say(own?.enabled, 'pref.category_off') ??
            say(preferences.channels?.[channel], 'pref.channel_off');
    }

    // Null: it is wanted.
    unwanted(n, user, channel) {
        if (this.category(n.category).critical) return null;
        if (this.isMuted(user)) return 'pref.global_off';
        const chosen = this.chosenIn(this.wishes(user), n.category, channel) ??
            this.chosenIn(this.defaults, n.category, channel) ?? true;
        return chosen === true ? null : chosen;
    }

    isCritical(n) {
        return n.priority === 'critical' || this.category(n.category).critical;
    }

    isExpired(n) {
        return n.expires !== undefined && this.isPast(n.expires);
    }

    // The clock of what runs is some milliseconds ahead of this one...
    isPast(ms) {
        if (ms > this.now && ms < this.now + SECOND) {
            throw new Unclear('before or after');
        }
        return ms <= this.now;
    }

    // ...and so are the times that it wrote down.
    isOver(ms) {
        return this.isPast(ms) && this.isPast(ms + SECOND - 1);
    }

    // Why it cannot or must not go out at all; null: it may.
    obstacle(n, user, channel) {
        if (this.isExpired(n)) return ['expired', 'expired.ttl'];
        const why = this.suppression(user, channel) ??
            this.unwanted(n, user, channel) ??
            (this.address(user, channel) ? null : 'contact.missing');
        return why && ['suppressed', why];
    }

    // ---- quiet hours ----

    quietUntil(n, user, channel) {
        const hours = this.wishes(user).quiet_hours;
        if (!hours || channel === 'in_app' || this.isCritical(n) ||
            this.quietPolicy(n) === 'break_through') return null;
        return quietEnd(hours, hours.timezone ?? this.zone(user), this.now);
    }

    quietPolicy(n) {
        return this.category(n.category).quiet_hours ?? 'defer';
    }

    // ---- digests ----

    // The digest that is to collect it; null: none.
    digestOf(n, user, quiet) {
        if (this.isCritical(n)) return null;
        const own = n.category && this.wishes(user).digest?.[n.category];
        const asked = own ? { key: n.category, window: own } : n.digest;
        if (quiet === null || this.quietPolicy(n) !== 'digest') {
            return asked ?? null;
        }
        return { key: n.category, ...asked, atLeast: quiet };
    }

    openWindow(user, channel, key) {
        return this.windows.find((w) => w.user === user &&
            w.channel === channel && w.key === key);
    }

    windowEnd(digest, opened, user) {
        if (!digest.window) return this.now;
        const length = duration(digest.window);
        if (digest.mode === 'calendar') {
            return calendarEnd(this.zone(user), length, this.now);
        }
        if (digest.mode !== 'sliding') return opened + length;
        return Math.min(this.now + length, opened +
            (digest.max_window ? duration(digest.max_window)
                : Math.min(10 * length, 31 * DAY)));
    }

    // False: it opens a window with `leading`, and goes out by itself.
    gather(d, digest) {
        const key = digest.key ?? d.n.category ?? '';
        let w = this.openWindow(d.user, d.channel, key);
        const isFirst = !w;
        if (!w) {
            w = { user: d.user, channel: d.channel, key, digest,
                opened: this.now, atLeast: digest.atLeast ?? 0, members: [] };
            this.windows.push(w);
        }
        if (isFirst || w.digest.mode === 'sliding') {
            w.closes = Math.max(w.atLeast,
                this.windowEnd(w.digest, w.opened, d.user));
        }
        if (isFirst && digest.leading) return false;
        // One that comes out of another window may be older than those here.
        w.members = [...w.members, d].sort((a, b) => a.id - b.id);
        this.set(d, 'held', 'digest.waiting');
        return true;
    }

    close(w) {
        this.windows = this.windows.filter((other) => other !== w);
        const left = w.members.filter((d) => d.status === 'held');
        for (const d of left.filter((one) => this.isExpired(one.n))) {
            this.set(d, 'expired', 'expired.ttl');
        }
        const members = left.filter((d) => d.status === 'held');
        if (members.length > 0) this.goOutTogether(w, members);
    }

    goOutTogether(w, members) {
        const { n } = members.at(-1);
        const settle = (status, reason) => members.forEach((d) =>
            this.set(d, status, reason));
        const { user, channel } = w;
        const obstacle = this.obstacle(n, user, channel);
        if (obstacle) return settle(...obstacle);
        const quiet = this.quietUntil(n, user, channel);
        if (quiet !== null && this.quietPolicy(n) === 'drop') {
            return settle('suppressed', 'quiet.dropped');
        }
        const fates = [{ channel, quiet, digest: null }];
        this.spend(n, user, fates, this.isPutOff(w));
        if (fates.every(({ ends }) => ends)) return settle(...fates[0].ends);
        if (members.length === 1) {
            this.meet(members[0], fates[0]);
            return this.deliverAll(n, user, fates.slice(1));
        }
        settle('merged', 'digest.merged_into');
        return this.deliverAll(this.merged(members), user, fates);
    }

    merged(members) {
        const body = members.map((d) => `• ${d.n.title}`).join('\n');
        const newest = members.at(-1).n;
        const n = { ...newest, name: undefined, cancelKey: undefined, body,
            deliveries: [], place: newest.place ?? newest };
        this.sent.push(n);
        return n;
    }

    // ---- throttles and attention ----

    // What a place is of: { limit, per }.
    budget({ category }) {
        return category === undefined ? this.attention
            : this.category(category).throttle;
    }

    // A place in it, or null: that would be one too many. What goes out in parts
    // has a place with each, and counts once.
    take(place) {
        const { limit, per } = this.budget(place);
        const isOf = (t) => t.user === place.user && t.category === place.category;
        const isIn = (t) => !this.isOver(t.at + duration(per));
        const those = new Set(this.taken.filter((t) => isOf(t) && isIn(t))
            .map(({ n }) => n));
        if (!those.has(place.n) && those.size >= limit) return null;
        this.taken = this.taken.filter((t) => !isOf(t) || isIn(t));
        this.taken = [...this.taken, place];
        return place;
    }

    giveBack(place) {
        this.taken = this.taken.filter((t) => t !== place);
        this.wasGivenBack = true;
    }

    goesOut(fate) {
        return !fate.ends && (!fate.digest || fate.digest.leading);
    }

    // What budgets make of it.
    spend(n, user, fates, isPutOff = false) {
        const going = fates.filter((fate) => this.goesOut(fate));
        const at = { n: n.place ?? n, user, at: this.now };
        if (going.length === 0 || this.isCritical(n)) return;
        let place;
        if (this.category(n.category).throttle) {
            place = this.take({ ...at, category: n.category });
            if (!place) return going.forEach((fate) => {
                fate.ends = ['suppressed', 'throttle.per_user'];
            });
        }
        const loud = going.filter(({ channel }) => channel !== 'in_app');
        if (!this.attention || loud.length === 0 || this.take(at) || isPutOff) {
            return;
        }
        this.overflow(n, user, fates, loud);
        if (place && !fates.some((fate) => this.goesOut(fate))) {
            this.giveBack(place);
        }
    }

    overflow(n, user, fates, loud) {
        const { per, overflow = 'drop' } = this.attention;
        if (overflow === 'defer') this.deferred++;
        const key = overflow === 'digest' ? OWN : `${OWN}:${this.deferred}`;
        for (const fate of loud) {
            if (overflow === 'digest' || overflow === 'defer') {
                fate.digest = { key, window: per, atLeast: fate.quiet ?? 0 };
            } else fate.ends = ['suppressed', 'cap.daily'];
        }
        if (overflow === 'downgrade') this.downgrade(n, user, fates);
    }

    downgrade(n, user, fates) {
        if ([...this.channelsOf(n), ...fates.map((f) => f.channel)]
            .includes('in_app') || this.obstacle(n, user, 'in_app')) return;
        fates.push({ channel: 'in_app', quiet: null, digest: null });
    }

    isPutOff(w) {
        return w.key === OWN || w.key.startsWith(`${OWN}:`);
    }

    // ---- sending ----

    // Each is { name, body }, and the body what the API takes. The answers: the
    // status, and what they hold.
    send(sends) {
        this.wasGivenBack = false;
        const answers = sends.map(({ name, body }) => this.accept(name, body));
        // What attention refuses is given back when the others are decided.
        if (sends.length > 1 && this.wasGivenBack) {
            throw new Unclear('what is left of the throttle');
        }
        this.callProviders();
        return answers;
    }

    accept(name, body) {
        const first = this.duplicate(body.dedup_key);
        this.names.set(name, first ?? this.notification(name, body));
        if (first) return { status: 200, duplicate: true };
        const n = this.names.get(name);
        if (body.dedup_key) {
            this.keys.set(body.dedup_key, { n,
                until: this.now + duration(body.dedup_window ?? '24h') });
        }
        if (n.heldUntil) return { status: 202, said: 'held' };
        if (n.due > this.now) return { status: 202, said: 'scheduled' };
        this.plan(n);
        return { status: 202 };
    }

    duplicate(key) {
        const before = this.keys.get(key);
        return before && !this.isOver(before.until) ? before.n : null;
    }

    notification(name, body) {
        const time = (text) => (text ? Date.parse(text) : undefined);
        const n = { name, title: body.title, body: '', to: body.to,
            channels: body.channels, category: body.category,
            priority: body.priority ?? 'normal', digest: body.digest,
            cancelKey: body.cancel_key, due: time(body.send_at) ?? 0,
            expires: time(body.expires_at), isPlanned: false, deliveries: [] };
        if (body.approval) n.heldUntil = this.lastDecision(n, body.approval);
        this.sent.push(n);
        this.touched.add(n);
        return n;
    }

    // ---- approvals ----

    lastDecision(n, { expires_in: length }) {
        if (this.isExpired(n)) throw new Unclear('whether it may be decided');
        return Math.min(this.now + duration(length), n.expires ?? Infinity);
    }

    // The answer: the status, and what it says.
    decide(n, decision) {
        if (n.heldUntil) return this.decideNow(n, decision);
        if (n.decision !== decision) return { status: 409 };
        return { status: 200, said: { decision } };
    }

    decideNow(n, decision) {
        this.touched.add(n);
        n.heldUntil = undefined;
        n.decision = decision;
        n.isCancelled = decision === 'rejected';
        const said = n.isCancelled ? 'cancelled'
            : n.due > this.now ? 'scheduled' : 'queued';
        if (said === 'queued') this.plan(n);
        this.callProviders();
        return { status: 200, said: { decision, status: said } };
    }

    // Nobody decided in time.
    lapse(n) {
        this.touched.add(n);
        n.heldUntil = undefined;
        n.isCancelled = true;
    }

    // ---- planning ----

    recipients(to) {
        if (typeof to === 'string') return [to];
        if (Array.isArray(to)) return [...new Set(to)];
        const members = (to.topics ?? []).flatMap((topic) =>
            [...(this.topics.get(topic) ?? [])]).sort();
        return [...new Set([...(to.users ?? []), ...members])]
            .filter((user) => !to.exclude?.includes(user));
    }

    channelsOf(n) {
        return n.channels ?? this.category(n.category).channels ?? ['in_app'];
    }

    deliver(n, user, channel) {
        const d = { id: ++this.made, n, user, channel, status: 'queued', reason: 'queued',
            attempts: 0, tries: {} };
        n.deliveries.push(d);
        return d;
    }

    set(d, status, reason) {
        this.touched.add(d.n);
        Object.assign(d, { status, reason, due: undefined });
    }

    plan(n) {
        n.isPlanned = true;
        this.touched.add(n);
        for (const user of this.recipients(n.to)) {
            const fates = this.fates(n, user);
            this.spend(n, user, fates);
            this.deliverAll(n, user, fates);
        }
    }

    deliverAll(n, user, fates) {
        const all = fates.map((fate) => [this.deliver(n, user, fate.channel), fate]);
        all.forEach(([d, fate]) => this.meet(d, fate));
    }

    meet(d, { ends, digest, quiet }) {
        if (ends) this.set(d, ...ends);
        else if (!digest || !this.gather(d, digest)) this.goOut(d, quiet);
    }

    // One for each channel, and for the inbox where it is to stand in for one.
    fates(n, user) {
        const fates = this.channelsOf(n).map((channel) =>
            this.fate(n, user, channel));
        const loud = fates.filter(({ quiet }) => (quiet ?? null) !== null);
        if (loud.length === 0 || this.quietPolicy(n) !== 'reroute') return fates;
        const inbox = fates.find(({ channel }) => channel === 'in_app') ??
            this.fate(n, user, 'in_app');
        if (inbox.ends) return fates;
        loud.forEach((fate) => {
            fate.ends = ['suppressed', 'quiet.rerouted'];
        });
        return fates.includes(inbox) ? fates : [...fates, inbox];
    }

    // What is to become of it, but for throttles: it ends, a digest collects
    // it, or it goes out, at once or when the quiet is over.
    fate(n, user, channel) {
        const obstacle = this.obstacle(n, user, channel);
        if (obstacle) return { channel, ends: obstacle };
        const quiet = this.quietUntil(n, user, channel);
        const digest = this.digestOf(n, user, quiet);
        if (quiet !== null && this.quietPolicy(n) === 'drop' &&
            (!digest || digest.leading)) {
            return { channel, ends: ['suppressed', 'quiet.dropped'] };
        }
        return { channel, digest, quiet };
    }

    // What a dry run says of it.
    planned(fate) {
        if (fate.ends) return { verdict: 'skip', reason: fate.ends[1] };
        if (fate.digest) return { verdict: 'hold', reason: 'digest.waiting' };
        return fate.quiet === null ? { verdict: 'send' }
            : { verdict: 'hold', reason: 'quiet.deferred_until' };
    }

    // It looks at budgets, and takes nothing of them.
    dryRun(body) {
        const n = { category: body.category, channels: body.channels,
            priority: body.priority ?? 'normal', digest: body.digest,
            expires: body.expires_at && Date.parse(body.expires_at) };
        const { taken } = this;
        return this.recipients(body.to).flatMap((user) => {
            const fates = this.fates(n, user);
            this.spend(n, user, fates);
            this.taken = taken;
            return fates.map((fate) => ({ user, channel: fate.channel,
                ...this.planned(fate) }));
        });
    }

    // ---- going out ----

    goOut(d, quiet) {
        if (quiet !== null) {
            this.set(d, 'held', 'quiet.deferred_until');
            d.due = { at: quiet, by: quiet, isExact: true };
        } else if (d.channel === 'in_app') this.arrive(d);
        else this.ready.push(d);
    }

    arrive(d) {
        this.set(d, 'delivered', 'delivered');
        const items = this.items(d.user);
        this.touched.add(d.user);
        this.inbox.set(d.user, items);
        items.unshift({ title: d.n.title, body: d.n.body, at: this.now,
            seen: false, read: false, archived: false });
    }

    // What was decided together is decided before the first call.
    callProviders() {
        this.ready.splice(0).forEach((d) => this.call(d));
    }

    // `early`: when it may have been, as pauses are not exact.
    call(d, early = this.now) {
        d.provider ??= Object.keys(PROVIDERS[d.channel])[0];
        const answer = ANSWERS[this.faults.get(d.provider)];
        this.calls.set(d.provider, (this.calls.get(d.provider) ?? 0) + 1);
        d.attempts++;
        d.tries[d.provider] = this.tries(d, d.provider) + 1;
        if (!answer?.isLate) return this.settle(d, answer, early);
        this.set(d, 'sending', undefined);
        d.due = { at: early + TIMEOUT, by: this.now + TIMEOUT, answer };
        return d;
    }

    tries(d, provider) {
        return d.tries[provider] ?? 0;
    }

    settle(d, answer, early) {
        this.judgeProvider(d, answer?.isBad);
        if (!answer) {
            this.set(d, ...(d.channel === 'webhook'
                ? ['delivered', 'delivered'] : ['sent', 'accepted']));
            this.mails.push({ user: d.user, channel: d.channel,
                address: this.address(d.user, d.channel), from: d.provider,
                title: d.n.title, body: d.n.body, at: this.now,
                isExact: early === this.now });
        } else if (answer.failed) {
            this.set(d, 'failed', answer.failed);
            if (answer.failed === 'contact.gone') this.leaveOut(d);
        } else this.tryAgain(d, answer, early);
    }

    // What the provider itself points to is nobody's address.
    leaveOut(d) {
        const address = this.address(d.user, d.channel);
        if (address !== TARGET) this.suppress(d.channel, address, 'contact.gone');
    }

    suppress(channel, address, reason) {
        this.suppressed.set(`${channel} ${address}`, reason);
    }

    isExhausted(d, provider) {
        return this.tries(d, provider) >= PROVIDERS[d.channel][provider];
    }

    // Those that may be called, the ones with the fewest calls first.
    candidates(d) {
        return Object.keys(PROVIDERS[d.channel])
            .filter((provider) => !this.isExhausted(d, provider))
            .sort((a, b) => this.tries(d, a) - this.tries(d, b));
    }

    // Another provider is called at once where it was called less; where nobody
    // knows whether it was sent, none is.
    tryAgain(d, answer, early) {
        d.isPinned ||= Boolean(answer.isLate);
        const may = this.candidates(d).filter((provider) =>
            !d.isPinned || provider === d.provider);
        const other = may.find((provider) => provider !== d.provider);
        const own = this.tries(d, d.provider);
        if (may.length === 0) {
            this.set(d, 'dead', 'attempts.exhausted');
        } else if (other && this.tries(d, other) < own) {
            d.provider = other;
            this.call(d, early);
        } else {
            [d.provider] = may;
            this.waitForRetry(d, answer.retry, early);
        }
    }

    waitForRetry(d, reason, early) {
        this.set(d, 'retrying', reason);
        d.due = { at: early + RETRY.pause,
            by: this.now + RETRY.pause * (1 + RETRY.jitter) };
    }

    // A breaker opens, and its pauses are nobody's business.
    judgeProvider(d, isBad) {
        const failed = this.failures.get(d.provider) ?? [];
        if (!isBad) this.failures.set(d.provider, []);
        else if (failed.at(-1) !== d) {
            this.failures.set(d.provider, [...failed, d]);
            if (failed.length + 1 >= BREAKER_FAILURES) {
                throw new Unclear('a breaker opens');
            }
        }
    }

    // ---- time ----

    deliveries() {
        return this.sent.flatMap((n) => n.deliveries);
    }

    // All that is due by itself: { at, by, isExact, run }.
    waiting() {
        const of = (at, run) => ({ at, by: at, run });
        return [
            ...this.sent.filter((n) => n.heldUntil).map((n) => ({
                ...of(n.heldUntil, () => this.lapse(n)), n })),
            ...this.sent.filter((n) => !n.isPlanned && !n.isCancelled &&
                !n.heldUntil)
                .map((n) => ({ ...of(n.due, () => this.plan(n)), isExact: true,
                    n })),
            ...this.windows.map((w) => ({ ...of(w.closes, () => this.close(w)),
                isExact: w.closes % MINUTE === 0, w })),
            ...this.deliveries().filter((d) => d.due).map((d) =>
                ({ ...d.due, run: () => this.resume(d), d })),
        ].sort((a, b) => a.by - b.by);
    }

    resume(d) {
        const { answer, at, by } = d.due;
        if (d.n.expires > at && d.n.expires < by + SECOND) {
            throw new Unclear('before or after');
        }
        if (answer) this.settle(d, answer, at);
        else if (d.status === 'held') this.release(d);
        else this.callAgain(d, at);
    }

    // What stands in the way by now of what waited for anything.
    stops(d) {
        const obstacle = d.n.isCancelled ? ['cancelled', 'cancelled']
            : this.obstacle(d.n, d.user, d.channel);
        if (obstacle) this.set(d, ...obstacle);
        return obstacle !== null;
    }

    callAgain(d, early) {
        if (!this.stops(d)) this.call(d, early);
    }

    // The quiet is over.
    release(d) {
        if (!this.stops(d)) this.ready.push(d);
    }

    // A moment from that one on at which nothing hangs on a few milliseconds.
    landing(to) {
        let at = Math.max(to, this.now);
        const delicate = [
            ...this.waiting().filter((w) => !w.isExact),
            ...this.taken.map((t) => ({ at: t.at +
                duration(this.budget(t)?.per ?? '0s') })),
            ...[...this.keys.values()].map((k) => ({ at: k.until })),
        ].sort((a, b) => a.at - b.at);
        for (const { at: from, by = from } of delicate) {
            if (from - SECOND < at && at < by + 2 * SECOND) at = by + 2 * SECOND;
        }
        return at;
    }

    // To that time or a little later. Returns when that is.
    advance(to) {
        let target = this.landing(to);
        for (let due = this.waiting(); due.length > 0 && due[0].by <= target;
            due = this.waiting()) {
            if (due.some((other) => this.isEntangled(due[0], other))) {
                throw new Unclear('which is first');
            }
            this.now = Math.max(this.now, due[0].by);
            due[0].run();
            this.callProviders();
            target = this.landing(target);
        }
        this.now = target;
        return this.now;
    }

    // They are due together, and the order matters.
    isEntangled(a, b) {
        if (a === b || b.at >= a.by + SECOND) return false;
        if (a.n && (b.n || b.w)) return true;
        if (a.w && b.n) return true;
        if (a.w && b.w) return this.areEntangled(a.w, b.w);
        return this.findsGone(a, b.d) || this.findsGone(b, a.d);
    }

    areEntangled(a, b) {
        if (a.user !== b.user) return false;
        if (a.channel === b.channel) return true;
        const [x, y] = [a, b].map(({ members }) => members.findLast((d) =>
            d.status === 'held' && !this.isExpired(d.n))?.n);
        if (this.attention?.overflow === 'downgrade') return true;
        return (x?.place ?? x) !== (y?.place ?? y) && [a, b].some((w) => this.isLimited(w));
    }

    isLimited(w) {
        return this.attention !== null || w.members.some((d) =>
            this.category(d.n.category).throttle);
    }

    // What it calls may come back as gone, and so what d has still to call.
    findsGone(it, d) {
        if (!d || !Object.keys(PROVIDERS[d.channel] ?? {}).some((provider) =>
            this.faults.get(provider) === 'gone')) return false;
        const { user, channel } = it.d ?? it.w ?? d;
        return user === d.user && channel === d.channel;
    }

    // Nothing runs while the server is down; all of it at its start.
    // The server ends. What was being sent may have arrived, and is tried again
    // when it is back.
    stop() {
        for (const d of this.deliveries()) {
            if (d.status !== 'sending') continue;
            d.ends = (d.ends ?? 0) + 1;
            if (d.ends === 3) throw new Unclear('whether these were crashes');
            this.set(d, 'retrying', 'interrupted');
            d.isPinned = true;
            d.due = { at: this.now, by: this.now };
        }
        this.isUp = false;
    }

    stay(to) {
        this.now = this.landing(to);
        return this.now;
    }

    // And begins again, with all that was due meanwhile.
    begin() {
        this.isUp = true;
        const missed = this.waiting().filter((w) => w.at <= this.now);
        if (missed.length > 1) throw new Unclear('which is first at the start');
        for (const { run } of missed) run();
        this.callProviders();
    }

    // ---- changing one's mind ----

    cancel(n) {
        const open = n.deliveries.filter((d) => this.canCancel(d));
        open.forEach((d) => this.cancelOne(d));
        n.isCancelled = true;
        n.heldUntil = undefined;
        this.touched.add(n);
        return { stopped: open.length,
            not_stopped: n.deliveries.length - open.length };
    }

    canCancel(d) {
        return d.status !== 'sending' && OPEN.has(d.status);
    }

    // A window that nobody is left in is over.
    cancelOne(d) {
        this.set(d, 'cancelled', 'cancelled');
        this.windows = this.windows.filter((w) => !w.members.includes(d) ||
            w.members.some((member) => member.status === 'held'));
    }

    isDead(d) {
        return d.status === 'dead' || d.status === 'failed';
    }

    // A person's retry calls whatever came of it before, as often as at first.
    retry(d) {
        Object.assign(d, { tries: {}, provider: undefined, isPinned: false });
        this.callAgain(d);
    }

    // A person's end of a window.
    flush(w) {
        this.close(w);
        this.callProviders();
    }

    cancelKey(key) {
        const found = this.sent.filter((n) => n.cancelKey === key &&
            n.name && !['done', 'cancelled'].includes(this.statusOf(n)));
        const sum = { notifications: found.length, stopped: 0, not_stopped: 0 };
        for (const n of found) {
            const { stopped, not_stopped: rest } = this.cancel(n);
            sum.stopped += stopped;
            sum.not_stopped += rest;
        }
        return sum;
    }

    statusOf(n) {
        if (n.isCancelled) return 'cancelled';
        if (n.heldUntil) return 'held';
        if (!n.isPlanned) return 'scheduled';
        const open = n.deliveries.filter((d) => OPEN.has(d.status));
        if (open.length === 0) return 'done';
        return n.deliveries.every((d) => d.status === 'held') ? 'held' : 'running';
    }

    // ---- the inbox ----

    items(user) {
        return this.inbox.get(user) ?? [];
    }

    mark(user, item, verb) {
        this.touched.add(user);
        const changes = { read: { read: true, seen: true }, unread: { read: false },
            seen: { seen: true }, archive: { archived: true },
            unarchive: { archived: false } };
        Object.assign(item, changes[verb]);
    }

    counts(user) {
        const shown = this.items(user).filter((item) => !item.archived);
        return { unseen: shown.filter((item) => !item.seen).length,
            unread: shown.filter((item) => !item.read).length };
    }
}
