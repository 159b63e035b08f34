// Random expressions of cron against two judges. `cron-parser` reads them and
// says when it would run them. What clocks do is a matter of policy
// (docs/schedules.md), so where it differs, the instants have to be those that
// the policy names: each kind of difference is counted and has its own rule.
// And all of them, whatever the clocks do, are held against that policy in the
// plainest words: every time on the wall, one by one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronExpressionParser } from 'cron-parser';
import { chance, due } from './lib/due.mjs';
import { changes, instantsOf, wallOf } from './lib/zones.mjs';

const N = 50;
const MINUTE = 60e3, HOUR = 3600e3, DAY = 24 * HOUR;
const LAST = Date.UTC(2099, 0, 1); // what is after it, no table has
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Sydney',
    'Australia/Lord_Howe', 'America/Sao_Paulo', 'America/Havana',
    'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu'];
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep',
    'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const range = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => a + i);

const randomField = (c, least, most, names) => {
    const name = (v) => names && c.next() < 0.3 ? names[v - least] : v;
    const a = c.between(least, most), b = c.between(a, most);
    switch (c.below(7)) {
    case 0:
        return `*/${c.between(1, most)}`;
    case 1:
        return `${name(a)}-${name(b)}`;
    case 2:
        return `${a}-${b}/${c.between(1, 9)}`;
    case 3:
        return c.some(range(least, most), c.between(2, 5)).map(name).join(',');
    case 4:
        return c.next() < 0.3 ? `${a}/${c.between(1, 9)}` : `${name(a)}`;
    default:
        return `${name(a)}`;
    }
};

const randomExpression = (c) => {
    if (c.next() < 0.02)
        return c.of(['@hourly', '@daily', '@weekly', '@monthly', '@yearly']);
    const minute = c.next() < 0.15 ? '*' : randomField(c, 0, 59);
    let hour = c.next() < 0.25 ? '*' : randomField(c, 0, 23);
    if (c.next() < 0.3) // where clocks change
        hour = c.of(['0', '1', '2', '3', '1-3', '2,3', '*/2', '0-23/2']);
    let day = '*', weekday = '*';
    if (c.next() < 0.4)
        day = c.next() < 0.2 ? c.of(['L', '15,L', '?', '31', '29'])
            : randomField(c, 1, 31);
    if (c.next() < 0.4)
        weekday = c.next() < 0.3
            ? c.of(['5L', 'monL', '1#2', 'fri#5', '0,7L', '7', '1-5', '?'])
            : randomField(c, 0, 6, WEEKDAYS);
    const month = c.next() < 0.7 ? '*' : randomField(c, 1, 12, MONTHS);
    return `${minute} ${hour} ${day} ${month} ${weekday}`;
};

const randomAfter = (c, zone) => {
    const list = changes(zone).filter(({ at }) => at > Date.UTC(2005, 0, 1) &&
        at < Date.UTC(2031, 0, 1));
    if (list.length > 0 && c.next() < 0.7)
        return c.of(list).at - c.between(0, 2 * DAY / MINUTE) * MINUTE -
            c.of([0, 1, 30e3]);
    return c.between(Date.UTC(2005, 0, 1), Date.UTC(2031, 0, 1));
};

// ---- the policy, in plain words ----

const fieldsOf = (text) =>
    /^@/.test(text) ? ['0', text === '@hourly' ? '*' : '0', '*', '*', '*']
        : text.split(' ');

const star = (field) => /^[*?]/.test(field);

const isDayDue = (read, text, wall) => {
    const [, , dayText, , weekdayText] = fieldsOf(text);
    const { dayOfMonth, dayOfWeek, month } = read.fields;
    const d = new Date(wall);
    const day = d.getUTCDate(), weekday = d.getUTCDay();
    const length = new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1,
        0)).getUTCDate();
    const byDay = dayOfMonth.values.includes(day) ||
        (dayOfMonth.values.includes('L') && day === length);
    const byWeekday = dayOfWeek.values.some((v) =>
        String(v).endsWith('L')
            ? Number(v[0]) % 7 === weekday && day > length - 7
            : v % 7 === weekday && (!dayOfWeek.nthDay ||
                Math.ceil(day / 7) === dayOfWeek.nthDay));
    if (!month.values.includes(d.getUTCMonth() + 1))
        return false;
    if (/^@/.test(text))
        return byDay && byWeekday;
    return star(dayText) || star(weekdayText) ? byDay && byWeekday
        : byDay || byWeekday;
};

const byPolicy = (read, text, zone, after) => {
    const hourText = fieldsOf(text)[1];
    const { hour, minute } = read.fields;
    const found = new Set();
    const start = Math.floor(wallOf(zone, after) / DAY) * DAY - 2 * DAY;
    let enough = Infinity;
    for (let day = start; day < enough && day < LAST; day += DAY) {
        if (!isDayDue(read, text, day))
            continue;
        for (const h of hour.values)
            for (const m of minute.values) {
                const shown = instantsOf(zone, day + h * HOUR + m * MINUTE);
                let at = star(hourText) ? shown.found
                    : shown.found.slice(0, 1);
                if (shown.skippedBy && !(star(hourText) &&
                    hour.values.length === 24))
                    at = [shown.skippedBy.at];
                for (const t of at)
                    if (t > after)
                        found.add(t);
            }
        if (found.size >= N && enough === Infinity)
            enough = day + 3 * DAY;
    }
    return [...found].sort((a, b) => a - b).slice(0, N);
};

// ---- cron-parser, and why it may differ ----

const byParser = (text, zone, after) => {
    const list = [];
    let read;
    try {
        read = CronExpressionParser.parse(text, { tz: zone,
            currentDate: new Date(after) });
    } catch (error) {
        return { list, refused: error.message };
    }
    try {
        while (list.length < N)
            list.push(read.next().getTime());
    } catch {
        // it gives up after some thousand steps
    }
    return { read, list };
};

const differences = (ours, theirs) => {
    const end = Math.min(ours.at(-1) ?? 0, theirs.at(-1) ?? 0, LAST);
    const a = new Set(ours), b = new Set(theirs);
    return {
        ours: ours.filter((t) => t <= end && !b.has(t)),
        theirs: theirs.filter((t) => t <= end && !a.has(t)),
    };
};

const near = (zone, t, before, after) => changes(zone).find(({ at }) =>
    t >= at - before && t <= at + after);

// Whether both fields of days say something, one of them with a step from *:
// here, as in cron, a day has to fit both.
const isStarOfDays = (text) => {
    const [, , day, , weekday] = fieldsOf(text);
    return !/^@/.test(text) && !/^[*?]$/.test(day) && !/^[*?]$/.test(weekday) &&
        (star(day) || star(weekday));
};

const fitsHour = (read, zone, t) => {
    const wall = new Date(wallOf(zone, t));
    return read.fields.hour.values.includes(wall.getUTCHours()) &&
        read.fields.minute.values.includes(wall.getUTCMinutes());
};

// The name of the rule that one instant keeps to; null: it is a fault.
const explain = (text, read, zone, t, isOurs) => {
    const hour = fieldsOf(text)[1];
    const change = near(zone, t, DAY, DAY);
    if (!isOurs && isStarOfDays(text) &&
        !isDayDue(read, text, wallOf(zone, t)))
        return 'a step from * in a field of days';
    if (!change)
        return null;
    const shown = instantsOf(zone, wallOf(zone, t)).found;
    if (change.after > change.before) {
        if (isOurs && t === change.at && !fitsHour(read, zone, t))
            return 'gap: made up at its end';
        if (isOurs && fitsHour(read, zone, t))
            return 'gap: cron-parser leaves out a time that there is';
        if (!isOurs && !fitsHour(read, zone, t) && t >= change.at &&
            t < change.at + 2 * HOUR)
            return 'gap: cron-parser makes up at every minute after it';
        return null;
    }
    if (shown.length !== 2)
        return null;
    if (isOurs && star(hour) && t === shown[1])
        return 'repeat: both of the hours';
    if (isOurs && t === shown[0])
        return 'repeat: cron-parser leaves out the first time';
    if (!isOurs && t === shown[1])
        return 'repeat: cron-parser takes the second time';
    return null;
};

describe('cron', () => {
    const c = chance(20261128);
    const cases = [];
    for (let i = 0; i < 700; i++) {
        const zone = c.of(ZONES);
        cases.push({ kind: 'cron', zone, text: randomExpression(c),
            after: randomAfter(c, zone), n: N });
    }
    const answers = due(cases);

    it('is due when the policy says so, and when cron-parser does', () => {
        const counts = {};
        const faults = [];
        const count = (name) => {
            counts[name] = (counts[name] ?? 0) + 1;
        };
        cases.forEach(({ text, zone, after }, i) => {
            const where = `${text} | ${zone} | ${new Date(after).toISOString()}`;
            const { read, list, refused } = byParser(text, zone, after);
            if (refused && Array.isArray(answers[i]))
                faults.push(`${where}: ${refused}`);
            else if (!Array.isArray(answers[i])) {
                const isOfStars = list.length > 0 && isStarOfDays(text);
                count(isOfStars ? 'refused: no day fits both fields of days'
                    : 'refused: never due');
                if (!/never run/.test(answers[i].why) ||
                    (list.length > 0 && !isOfStars))
                    faults.push(`${where}: ${answers[i].why}`);
            }
            if (refused || !Array.isArray(answers[i]))
                return;
            const ours = answers[i].filter((t) => t < LAST);
            const policy = byPolicy(read, text, zone, after);
            const wrong = ours.findIndex((t, j) => t !== policy[j]);
            if (wrong >= 0 || ours.length !== policy.length)
                faults.push(`policy: ${where}: [${wrong}] ` +
                    `${iso(ours[wrong])} and not ${iso(policy[wrong])}`);
            const differ = differences(ours, list);
            const names = new Set();
            for (const t of differ.ours)
                names.add(explain(text, read, zone, t, true) ??
                    `?? ours ${iso(t)} ${where}`);
            for (const t of differ.theirs)
                names.add(explain(text, read, zone, t, false) ??
                    `?? theirs ${iso(t)} ${where}`);
            if (names.size === 0)
                count('the same');
            for (const name of names)
                if (name.startsWith('??'))
                    faults.push(name);
                else
                    count(name);
        });
        console.log(counts);
        assert.deepEqual(faults.slice(0, 40), []);
    });
});

const iso = (t) => t === undefined ? 'nothing' : new Date(t).toISOString();
