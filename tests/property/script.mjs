// script.mjs - a sequence of commands as a scenario of `belfry test`, with all
// that the model expects of it. A command is a plain object; one that has
// nothing to act on (as others were taken away) is left out.

import { Model, PROVIDERS, Unclear } from './model.mjs';

export const USERS = ['u1', 'u2', 'u3', 'u4'];
const SECOND = 1000;
const DAY = 86_400_000;

const EMAIL = { channel: 'email', driver: 'smtp', timeout: '10s',
    config: { host: 'mail.example', from: 'x@example.org' } };
const WEBHOOK = { channel: 'webhook', driver: 'webhook', timeout: '10s',
    config: { url: 'https://hook.example/' } };
const DOCUMENTS = { email: { ...EMAIL, order: 500 },
    spare: { ...EMAIL, order: 900 }, webhook: { ...WEBHOOK, order: 500 } };

// How each channel says what ANSWERS in model.mjs names.
const REPLIES = {
    email: { busy: '451 "4.3.0 busy"', rejected: '550 "5.7.1 spam"',
        gone: '550 "5.1.1 no such user"' },
    webhook: { busy: '503', rejected: null, gone: '410' },
};

function clock(ms) {
    return new Date(ms).toISOString().slice(0, 19).replace('T', ' ') + ' UTC';
}

// What the API is to tell of a delivery.
function told(d) {
    const out = { user: d.user, channel: d.channel, status: d.status };
    if (d.status === 'sending') return out; // a call counts when it is over
    Object.assign(out, { attempts: d.attempts, reason: d.reason });
    if (d.due?.isExact) out.due_at = new Date(d.due.at).toISOString();
    return out;
}

class Script {
    lines = [];
    told = new Map(); // what was expected already, by the path

    constructor(start, model) {
        this.model = model;
        this.say(`at ${clock(start)}`);
        for (const [name, doc] of Object.entries(DOCUMENTS)) {
            this.say(`provider ${name}`, { ...doc, retry: { strategy: 'fixed',
                base: '2m', attempts: PROVIDERS[doc.channel][name] } });
        }
    }

    say(line, json) {
        this.lines.push(json ? `${line} ${JSON.stringify(json)}` : line);
    }

    play(command) {
        if (!this.model.isUp && !['after', 'edge', 'start'].includes(command.do)) return;
        this[command.do](command);
        if (this.model.isUp) this.look();
    }

    // ---- documents ----

    user({ user, doc }) {
        this.say(`user ${user}`, doc);
        this.model.setUser(user, doc);
    }

    preferences({ user, doc }) {
        this.say(`preferences ${user}`, doc);
        this.model.setPreferences(user, doc);
    }

    patch({ user, doc }) {
        this.say(`PATCH /v1/inbox/preferences as ${user}`, doc);
        this.model.patchPreferences(user, doc);
    }

    defaults({ doc }) {
        this.model.defaults = doc;
        this.workspace();
    }

    attention({ doc }) {
        this.model.attention = doc;
        this.workspace();
    }

    workspace() {
        this.say('PUT /v1/workspaces/default', { name: 'x',
            preferences: this.model.defaults, attention: this.model.attention });
    }

    category({ key, doc }) {
        this.say(`category ${key}`, { name: key, ...doc });
        this.model.categories.set(key, doc);
    }

    subscribe({ user, topic, isOn }) {
        this.say(isOn ? `subscribe ${user} to ${topic}`
            : `unsubscribe ${user} from ${topic}`);
        const members = this.model.topics.get(topic) ?? new Set();
        this.model.topics.set(topic, members);
        if (isOn) members.add(user);
        else members.delete(user);
    }

    fault({ provider, answer }) {
        const reply = REPLIES[DOCUMENTS[provider].channel][answer] ?? answer;
        if (reply === 'rejected') return;
        this.say(answer ? `provider ${provider} always answers ${reply}`
            : `provider ${provider} answers normally`);
        this.model.faults.set(provider, answer);
    }

    // ---- sending ----

    send({ name, body }) {
        this.say(`send ${name}`, body);
        const [{ status, duplicate, said }] = this.model.send([{ name, body }]);
        this.say(`expect status ${status}`);
        if (duplicate) this.say('expect answer', { duplicate });
        if (said) this.say('expect answer', { status: said });
    }

    batch({ sends }) {
        const results = this.model.send(sends);
        this.say('POST /v1/notifications/batch', sends.map((s) => s.body));
        this.say('expect answer', { results: results.map(
            ({ status, duplicate }) => (duplicate ? { status, duplicate }
                : { status })) });
        sends.forEach(({ name }, i) =>
            this.say(`remember ${name} /results/${i}/id`));
    }

    plan({ body }) {
        this.say('plan', body);
        this.say('expect answer', { plan: this.model.dryRun(body) });
    }

    cancel({ name }) {
        const n = this.model.names.get(name);
        if (!n) return;
        this.say(`cancel ${name}`);
        this.say('expect answer', this.model.cancel(n));
    }

    decide({ name, decision }) {
        const n = this.model.names.get(name);
        if (!n || (n.isCancelled && n.decision === 'approved')) return;
        const { status, said } = this.model.decide(n, decision);
        this.say(`${decision === 'approved' ? 'approve' : 'reject'} ${name}`);
        this.say(`expect status ${status}`);
        if (said) this.say('expect answer', said);
    }

    // By the link in a mail that arrived.
    leave({ user, title }) {
        const mail = this.model.mails.findLast((m) => m.user === user &&
            m.channel === 'email' && m.title === title);
        if (!mail) return;
        this.say(`${user} unsubscribes from "${title}"`);
        this.model.suppress('email', mail.address, 'suppress.unsubscribe');
    }

    cancelKey({ key }) {
        this.say(`cancel key ${key}`);
        this.say('expect answer', this.model.cancelKey(key));
    }

    // ---- by hand ----

    // One of its deliveries that may be: `find` says which.
    delivery(name, nth, find) {
        const all = this.model.names.get(name)?.deliveries.filter(find) ?? [];
        if (all.length === 0) return null;
        const d = all[nth % all.length];
        this.say(`GET /v1/deliveries?notification_id=\${${d.n.name}}` +
            `&user=${d.user}&channel=${d.channel}`);
        this.say('remember one /data/0/id');
        return d;
    }

    retryOne({ name, nth }) {
        const d = this.delivery(name, nth, (one) => this.model.isDead(one));
        if (!d) return;
        this.say('POST /v1/deliveries/${one}/retry');
        this.model.retry(d);
    }

    cancelOne({ name, nth }) {
        const d = this.delivery(name, nth, (one) => this.model.canCancel(one));
        if (!d) return;
        this.say('POST /v1/deliveries/${one}/cancel');
        this.model.cancelOne(d);
    }

    flush({ nth }) {
        const open = [...this.model.windows].reverse();
        this.say('GET /v1/digests?limit=100');
        this.say('expect answer', { data: open.map((w) => ({ user: w.user,
            channel: w.channel,
            ...(w.key.startsWith('belfry/attention:') ? {} : { key: w.key }),
            count: w.members.filter((d) => d.status === 'held').length })) });
        if (open.length === 0) return;
        this.say(`remember one /data/${nth % open.length}/id`);
        this.say('POST /v1/digests/${one}/flush');
        this.model.flush(open[nth % open.length]);
    }

    // ---- the inbox ----

    mark({ user, title, verb }) {
        const item = this.model.items(user).find((i) => i.title === title &&
            i.archived === (verb === 'unarchive'));
        if (!item) return;
        this.say(`${user} ${{ archive: 'archives', unarchive: 'unarchives',
            seen: 'sees', read: 'reads', unread: 'unreads' }[verb]} "${title}"`);
        this.model.mark(user, item, verb);
    }

    markAll({ user, verb }) {
        this.say(`POST /v1/inbox/mark as ${user}`, { change: verb, all: true });
        this.model.items(user).filter((item) => !item.archived)
            .forEach((item) => this.model.mark(user, item, verb));
    }

    // ---- time and power ----

    after({ seconds }) {
        const at = this.model.now + seconds * SECOND;
        this.moveTo(at);
    }

    edge({ at }) {
        if (at > this.model.now) this.moveTo(at);
    }

    moveTo(ms) {
        this.say(`at ${clock(this.model.isUp ? this.model.advance(ms)
            : this.model.stay(ms))}`);
    }

    stop() {
        this.say('stop');
        this.model.stop();
    }

    start() {
        if (this.model.isUp) return;
        this.say('start');
        this.model.begin();
    }

    restart() {
        this.endAndBegin('restart');
    }

    crash() {
        this.endAndBegin('crash');
    }

    endAndBegin(how) {
        this.say(how);
        this.model.stop();
        this.model.begin();
    }

    // ---- what is expected ----

    // All that is another than when it was looked at last.
    look() {
        for (const it of this.model.touched) {
            if (typeof it === 'string') this.lookAtInbox(it);
            else if (it.name) this.lookAtNotification(it);
        }
        this.model.touched.clear();
    }

    lookAtNotification(n) {
        this.expect(`/v1/notifications/\${${n.name}}`, '',
            { status: this.model.statusOf(n),
                deliveries: n.deliveries.map(told) });
    }

    lookAtInbox(user) {
        const all = this.model.items(user);
        const shown = (items) => items.map(({ title, body, read, seen }) =>
            ({ title, body, ...(read ? {} : { read_at: null }),
                ...(seen ? {} : { seen_at: null }) }));
        this.expect('/v1/inbox?limit=100', `as ${user} `,
            { data: shown(all.filter((item) => !item.archived)),
                counts: this.model.counts(user) });
        this.expect('/v1/inbox?limit=100&archived=true', `as ${user} `,
            { data: shown(all.filter((item) => item.archived)) });
    }

    expect(path, who, json) {
        const line = `expect GET ${path} ${who}${JSON.stringify(json)}`;
        if (this.told.get(path + who) === line) return;
        this.told.set(path + who, line);
        this.say(line);
    }

    end() {
        const { model } = this;
        this.start();
        this.after({ seconds: 9 * DAY / SECOND });
        this.look();
        for (const m of model.mails) {
            this.say(`expect ${m.user} gets ${m.channel} "${m.title}"` +
                ` from ${m.from}` +
                (m.isExact ? ` at ${clock(m.at)}` : '') +
                ` with body ${JSON.stringify(m.body)}`);
        }
        for (const [channel, providers] of Object.entries(PROVIDERS)) {
            for (const user of USERS) {
                this.say(`expect ${user} gets no ${channel}`);
            }
            for (const provider of Object.keys(providers)) {
                this.say(`expect provider ${provider} called ${
                    model.calls.get(provider) ?? 0} times`);
            }
        }
    }
}

// { lines }: the statements of a scenario; or { unclearAt }: the command at
// which the model has no say any more.
export function scriptOf({ start, commands }, Rules = Model) {
    const script = new Script(start, new Rules(start));
    let at = 0;
    try {
        for (; at < commands.length; at++) script.play(commands[at]);
        script.end();
    } catch (error) {
        if (error instanceof Unclear) return { unclearAt: at };
        throw error;
    }
    return { lines: script.lines };
}
