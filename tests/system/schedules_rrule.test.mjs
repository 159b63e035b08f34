// Random rules of RFC 5545 against npm's `rrule`. It knows no zones, so it says
// which times on the wall a rule has, and lib/zones.mjs makes instants of them
// by RFC 5545 3.3.5. HOURLY and MINUTELY go by elapsed time here and by the wall
// there: the same without changes of clocks, and with them held against real
// hours and minutes, one by one. Where `rrule` by itself differs, the reason
// has to be one of difference().

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import rrule from 'rrule';
import { chance, due } from './lib/due.mjs';
import { changes, instantsOf, wallOf } from './lib/zones.mjs';

const { RRule } = rrule;
const N = 50;
const SECOND = 1e3, MINUTE = 60e3, HOUR = 3600e3, DAY = 24 * HOUR;
const LAST = Date.UTC(2099, 0, 1);
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Sydney',
    'Australia/Lord_Howe', 'America/Sao_Paulo', 'America/Havana',
    'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu'];
const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const range = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => a + i);

const stamp = (ms, z = '') => new Date(ms).toISOString()
    .replace(/[-:]|\.\d+Z/g, '') + z;
const iso = (t) => t === undefined ? 'nothing' : new Date(t).toISOString();

const signed = (c, list) => list.map((v) => c.next() < 0.4 ? -v : v);

const randomDays = (c, freq) => {
    const parts = [];
    const weekdays = () => c.some(range(0, 6), c.between(1, 4))
        .map((v) => WEEKDAYS[v]);
    if (c.next() < 0.3)
        parts.push(`BYMONTH=${c.some(range(1, 12), c.between(1, 4))}`);
    if (freq === 'WEEKLY' || freq === 'DAILY' || freq === 'HOURLY' ||
        freq === 'MINUTELY') {
        if (c.next() < 0.5)
            parts.push(`BYDAY=${weekdays()}`);
        if (freq !== 'WEEKLY' && c.next() < 0.25)
            parts.push(`BYMONTHDAY=${signed(c, c.some(range(1, 31), 4))}`);
        return parts;
    }
    const kind = c.below(freq === 'YEARLY' ? 6 : 4);
    if (kind === 1 || kind === 3)
        parts.push(`BYMONTHDAY=${signed(c, c.some(range(1, 31),
            c.between(1, 6)))}`);
    // All of them with a number, or none: `rrule` asks for both at once.
    if (kind === 2 && c.next() < 0.5)
        parts.push(`BYDAY=${c.some(range(0, 6), 2).map((v) =>
            c.of(['1', '2', '-1', '-2', '+3', '5']) + WEEKDAYS[v])}`);
    else if (kind === 2 || kind === 3)
        parts.push(`BYDAY=${weekdays()}`);
    if (kind === 4)
        parts.push(`BYYEARDAY=${signed(c, c.some(range(1, 366),
            c.between(1, 5)))}`);
    if (kind === 5)
        parts.push(`BYWEEKNO=${signed(c, c.some(range(1, 53),
            c.between(1, 4)))}`, `BYDAY=${weekdays()}`);
    return parts;
};

const randomRule = (c, start) => {
    const freq = c.of(['YEARLY', 'MONTHLY', 'MONTHLY', 'WEEKLY', 'WEEKLY',
        'DAILY', 'DAILY', 'HOURLY', 'MINUTELY']);
    const parts = [`FREQ=${freq}`, ...randomDays(c, freq)];
    if (c.next() < 0.4)
        parts.push(`INTERVAL=${c.of([2, 3, 4, 5, 7, 13])}`);
    if (c.next() < 0.4 && freq !== 'MINUTELY')
        parts.push(`BYMINUTE=${c.some(range(0, 59), c.between(1, 3))}`);
    if (c.next() < 0.4 && freq !== 'HOURLY' && freq !== 'MINUTELY')
        parts.push(`BYHOUR=${c.next() < 0.5 ? c.of(['1', '2', '1,2,3', '0'])
            : c.some(range(0, 23), c.between(1, 3))}`);
    if (c.next() < 0.1)
        parts.push(`BYSECOND=${c.some(range(0, 59), 2)}`);
    // Of a set of two, `rrule` takes the second last for the third last.
    if (parts.some((p) => p.startsWith('BY')) && freq !== 'MINUTELY' &&
        c.next() < 0.25)
        parts.push(`BYSETPOS=${c.of(['-1', '1,-1', '2', '1,3', '4'])}`);
    if (c.next() < 0.4)
        parts.push(`WKST=${c.of(WEEKDAYS)}`);
    if (c.next() < 0.15 && !/HOURLY|MINUTELY|SETPOS/.test(parts.join()))
        parts.push(`COUNT=${c.between(1, 120)}`);
    else if (c.next() < 0.15)
        parts.push(`UNTIL=${stamp(start + c.between(1, 900) * DAY, 'Z')}`);
    const [first, ...rest] = parts;
    return [first, ...rest.sort(() => c.next() - 0.5)].join(';');
};

const randomStart = (c, zone) => {
    const list = changes(zone).filter(({ at }) => at > Date.UTC(2005, 0, 1) &&
        at < Date.UTC(2025, 0, 1));
    if (list.length > 0 && c.next() < 0.6)
        return c.of(list).at - c.between(0, 2 * DAY / MINUTE) * MINUTE;
    return c.between(Date.UTC(2005, 0, 1) / MINUTE,
        Date.UTC(2025, 0, 1) / MINUTE) * MINUTE;
};

// Of what clocks skip: by the offset before the gap.
const instantOf = (zone, wall) => {
    const { found, skippedBy } = instantsOf(zone, wall);
    return found[0] ?? wall - skippedBy.before;
};

// A set of BYSETPOS is that of a whole week, as it is of a whole month. For
// `rrule` the first week begins with the start.
const wholeWeeks = (of, start) => {
    const back = ((start.getUTCDay() + 6) % 7 - (of.wkst?.weekday ?? 0) + 7) % 7;
    return { ...of, byweekday: of.byweekday ?? [(start.getUTCDay() + 6) % 7],
        dtstart: new Date(start - back * DAY) };
};

const byWall = (text, zone, start, after, hasWholeWeeks = true) => {
    const startWall = new Date(wallOf(zone, start));
    const { until, ...of } = RRule.parseString(text);
    const isOfWeeks = hasWholeWeeks && of.freq === RRule.WEEKLY &&
        of.bysetpos !== undefined;
    const found = new Set();
    let n = 0;
    new RRule({ ...isOfWeeks ? wholeWeeks(of, startWall) : of,
        ...isOfWeeks ? {} : { dtstart: startWall },
        until: of.count ? null : new Date(LAST) }).all((date) => {
        const at = instantOf(zone, date.getTime());
        if (at > after && at >= start && at <= (until ?? LAST))
            found.add(at);
        // A gap may change their order.
        return (found.size < N + 30 || date < wallOf(zone, after) + 3 * DAY) &&
            at < Number(until ?? LAST) + 3 * DAY && ++n < 20000;
    });
    return [...found].sort((a, b) => a - b).slice(0, N);
};

const fits = (of, wall) => {
    const d = new Date(wall);
    const has = (list, v) => list === undefined || list === null ||
        [list].flat().length === 0 || [list].flat().includes(v);
    const length = new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1,
        0)).getUTCDate();
    return has(of.bymonth, d.getUTCMonth() + 1) &&
        (has(of.bymonthday, d.getUTCDate()) ||
            has(of.bymonthday, d.getUTCDate() - length - 1)) &&
        has(of.byweekday?.map((v) => v.weekday), (d.getUTCDay() + 6) % 7);
};

// Real hours or minutes from the start on, each looked at.
const byElapsed = (text, zone, start, after) => {
    const of = RRule.parseString(text);
    const unit = of.freq === RRule.HOURLY ? HOUR : MINUTE;
    const size = (of.interval ?? 1) * unit;
    const list = [];
    const seconds = [of.bysecond ?? new Date(start).getUTCSeconds()].flat();
    const minutes = unit === MINUTE ? [0]
        : [of.byminute ?? new Date(wallOf(zone, start)).getUTCMinutes()].flat();
    const setpos = of.bysetpos === undefined ? null : [of.bysetpos].flat();
    for (let at = start; list.length < N && at < after + 12 * 366 * DAY;
        at += size) {
        const wall = wallOf(zone, at);
        const base = at - (((wall % unit) + unit) % unit);
        if (base + unit < after || !fits(of, wall))
            continue;
        const set = minutes.flatMap((m) => seconds.map((s) =>
            base + m * MINUTE + s * SECOND));
        for (const [i, t] of set.entries())
            if (t > after && t >= start && list.length < N && (!setpos ||
                setpos.includes(i + 1) || setpos.includes(i - set.length)))
                list.push(t);
    }
    return list.filter((t) => t <= (of.until ?? LAST));
};

// Why `rrule` alone would have said something else; undefined: it would not.
const difference = (text, zone, start, after, ours) => {
    const plain = byWall(text, zone, start, after, false);
    if (String(plain) === String(ours))
        return undefined;
    if (/WEEKLY/.test(text) && /BYSETPOS/.test(text))
        return 'the first week is a whole one for BYSETPOS';
    // Its hours are those of the wall, and so differ once that has changed.
    if (/HOURLY|MINUTELY/.test(text) && changes(zone).some(({ at }) =>
        at > start && at <= Math.max(ours.at(-1) ?? 0, plain.at(-1) ?? 0)))
        return 'hours and minutes by elapsed time';
    return null;
};

const judgeOf = (text) => /HOURLY|MINUTELY/.test(text) ? byElapsed : byWall;

describe('rrule', () => {
    const c = chance(5545);
    const cases = [];
    for (let i = 0; i < 700; i++) {
        const zone = c.of(ZONES), start = randomStart(c, zone);
        const after = c.next() < 0.4 ? start - 1
            : start + c.between(0, 3 * 365 * DAY / SECOND) * SECOND;
        const text = randomRule(c, start);
        const isElapsed = /HOURLY|MINUTELY/.test(text);
        cases.push({ kind: 'rrule', zone, start, text, n: N,
            after: isElapsed ? start + c.below(5 * DAY) : after });
    }

    it('is due at the times that rrule has, in each zone', () => {
        const answers = due(cases);
        const counts = {}, faults = [];
        const count = (name) => {
            counts[name] = (counts[name] ?? 0) + 1;
        };
        cases.forEach(({ text, zone, start, after }, i) => {
            const isElapsed = /HOURLY|MINUTELY/.test(text);
            // For these, `rrule` would search to the year 9999.
            if (/before it runs/.test(answers[i].why ?? '') &&
                judgeOf(text)(text, zone, start, start - 1).length === 0) {
                count('refused: ends too soon');
                return;
            }
            if (/never run/.test(answers[i].why ?? '')) {
                count('refused: never due');
                if (!/BYSETPOS|BYMONTHDAY|BYYEARDAY|BYWEEKNO|INTERVAL/.test(text))
                    faults.push(`${text}: ${answers[i].why}`);
                return;
            }
            const want = judgeOf(text)(text, zone, start, after)
                .filter((t) => t < LAST);
            const ours = Array.isArray(answers[i])
                ? answers[i].filter((t) => t < LAST) : [];
            const at = want.findIndex((t, j) => t !== ours[j]);
            if (at >= 0 || (ours.length !== want.length && !isElapsed) ||
                (isElapsed && ours.length < want.length) ||
                answers[i].why)
                faults.push(`${text} | ${zone} | ${iso(start)} | ` +
                    `${iso(after)}: [${at}] ${iso(ours[at])} and not ` +
                    `${iso(want[at])} ${answers[i].why ?? ''}`);
            const why = difference(text, zone, start, after, ours);
            if (why === null)
                faults.push(`${text} | ${zone} | ${iso(start)}: no reason`);
            else if (why)
                count(why);
            count(/FREQ=(\w+)/.exec(text)[1]);
        });
        console.log(counts);
        assert.deepEqual(faults.slice(0, 40), []);
    });
});
