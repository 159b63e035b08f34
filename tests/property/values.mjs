// values.mjs - texts and documents of the API as values.

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function duration(text) {
    return Number(text.slice(0, -1)) * UNITS[text.at(-1)];
}

// RFC 7396
export function merged(target, patch) {
    const out = { ...target };
    for (const [key, value] of Object.entries(patch)) {
        if (value === null) delete out[key];
        else if (typeof value === 'object' && !Array.isArray(value)) {
            out[key] = merged(out[key] ?? {}, value);
        } else out[key] = value;
    }
    return out;
}
