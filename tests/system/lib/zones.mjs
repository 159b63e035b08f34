// What clocks on the wall show, by Intl: offsets of a zone as a table.

const formats = new Map();

const format = (zone) => {
    if (!formats.has(zone))
        formats.set(zone, new Intl.DateTimeFormat('en-US', {
            timeZone: zone, hourCycle: 'h23', year: 'numeric',
            month: 'numeric', day: 'numeric', hour: 'numeric',
            minute: 'numeric', second: 'numeric',
        }));
    return formats.get(zone);
};

const askedOffset = (zone, ms) => {
    const part = {};
    for (const { type, value } of format(zone).formatToParts(ms))
        part[type] = Number(value);
    return Date.UTC(part.year, part.month - 1, part.day, part.hour,
        part.minute, part.second) - Math.floor(ms / 1000) * 1000;
};

const HOUR = 3600e3;
const tables = new Map();

// Each change of the offset in these years: { at, before, after }, ms.
export const changes = (zone, from = 1995, to = 2130) => {
    const key = `${zone} ${from} ${to}`;
    if (tables.has(key))
        return tables.get(key);
    const list = [];
    const end = Date.UTC(to, 0, 1);
    let at = Date.UTC(from, 0, 1);
    let offset = askedOffset(zone, at);
    for (let next = at; next < end; next += 7 * 24 * HOUR) {
        const later = askedOffset(zone, next);
        if (later === offset) {
            at = next;
            continue;
        }
        let low = at, high = next;
        while (high - low > 1000) {
            const middle = Math.floor((low + high) / 2000) * 1000;
            if (askedOffset(zone, middle) === offset)
                low = middle;
            else
                high = middle;
        }
        list.push({ at: high, before: offset, after: later });
        at = next;
        offset = later;
    }
    list.first = askedOffset(zone, Date.UTC(from, 0, 1));
    tables.set(key, list);
    return list;
};

export const offsetAt = (zone, ms) => {
    const list = changes(zone);
    let offset = list.first;
    for (const change of list) {
        if (change.at > ms)
            break;
        offset = change.after;
    }
    return offset;
};

// As if it were UTC.
export const wallOf = (zone, ms) => ms + offsetAt(zone, ms);

// All instants at which clocks show that, in order; and the change that skips
// it, if there are none.
export const instantsOf = (zone, wall) => {
    const found = [];
    let skippedBy = null;
    const list = changes(zone);
    for (let i = 0; i <= list.length; i++) {
        const offset = i === 0 ? list.first : list[i - 1].after;
        const at = wall - offset;
        if ((i === 0 || at >= list[i - 1].at) &&
            (i === list.length || at < list[i].at))
            found.push(at);
        if (i < list.length && wall >= list[i].at + list[i].before &&
            wall < list[i].at + list[i].after)
            skippedBy = list[i];
    }
    return { found, skippedBy: found.length > 0 ? null : skippedBy };
};
