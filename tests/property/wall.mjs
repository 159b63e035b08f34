// wall.mjs - what clocks on walls show, by the rules that Node has: another
// source than Belfry's, and another way to ask it. docs/time.md says what holds.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const clocks = new Map();
const offsets = new Map();

function read(zone, ms) {
    if (!clocks.has(zone)) {
        clocks.set(zone, new Intl.DateTimeFormat('en-US', { timeZone: zone,
            hourCycle: 'h23', year: 'numeric', month: 'numeric',
            day: 'numeric', hour: 'numeric', minute: 'numeric' }));
    }
    const at = {};
    for (const { type, value } of clocks.get(zone).formatToParts(ms)) {
        at[type] = Number(value);
    }
    return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute);
}

// Clocks are set at full quarters of an hour only.
function offset(zone, ms) {
    const quarter = Math.floor(ms / (15 * MINUTE)) * 15 * MINUTE;
    const key = zone + quarter;
    if (!offsets.has(key)) offsets.set(key, read(zone, quarter) - quarter);
    return offsets.get(key);
}

// What the wall shows, as if it were UTC.
export function wall(zone, ms) {
    return ms + offset(zone, ms);
}

// The first instant at which it shows that or later.
export function firstShowing(zone, shown) {
    const [early, late] = [offset(zone, shown - 26 * HOUR),
        offset(zone, shown + 26 * HOUR)];
    for (const o of [Math.max(early, late), Math.min(early, late)]) {
        if (offset(zone, shown - o) === o) return shown - o;
    }
    let at = shown - Math.max(early, late); // that hour is skipped
    while (wall(zone, at) < shown) at += MINUTE - at % MINUTE;
    return at;
}

function minutes(text) {
    const [h, m] = text.split(':').map(Number);
    return h * HOUR + m * MINUTE;
}

function nightOf(hours, zone, day) {
    const [start, end] = [minutes(hours.start), minutes(hours.end)];
    if (hours.days && !hours.days.includes(DAYS[new Date(day).getUTCDay()])) {
        return null;
    }
    return { start: firstShowing(zone, day + start),
        end: firstShowing(zone, day + end + (end > start ? 0 : DAY)) };
}

// When the quiet ends that is on at that instant; null: it is not quiet.
export function quietEnd(hours, zone, ms) {
    const today = Math.floor(wall(zone, ms) / DAY) * DAY;
    let end = null;
    for (let i = -2; i < 10; i++) {
        const night = nightOf(hours, zone, today + i * DAY);
        const at = end ?? ms;
        if (night && night.start <= at && at < night.end) end = night.end;
    }
    return end;
}

// The next time after ms. In the second pass of an hour the first is over.
function nextShowing(zone, shown, ms) {
    const first = firstShowing(zone, shown);
    return first > ms ? first : shown - offset(zone, ms);
}

// The next multiple of a length from midnight, or from a Monday's.
export function calendarEnd(zone, length, ms) {
    const shown = wall(zone, ms);
    const midnight = Math.floor(shown / DAY) * DAY;
    if (length < DAY) {
        const next = (Math.floor((shown - midnight) / length) + 1) * length;
        return nextShowing(zone, midnight + Math.min(next, DAY), ms);
    }
    const monday = midnight - (new Date(midnight).getUTCDay() + 6) % 7 * DAY;
    const next = (Math.floor((shown - monday) / length) + 1) * length;
    return nextShowing(zone, monday + Math.min(next, 7 * DAY), ms);
}
