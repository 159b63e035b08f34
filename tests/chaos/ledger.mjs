// ledger.mjs - what was promised and what arrived: files of JSON lines that
// only grow, written outside of what is killed; and the names in them.

import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

const FLUSH_BYTES = 1 << 16;
const FLUSH_MS = 50;

export class Ledger {
    constructor(file) {
        this.fd = openSync(file, 'a');
        this.lines = [];
        this.n = 0;
        this.timer = setInterval(() => this.flush(), FLUSH_MS);
        this.timer.unref();
    }

    add(line) {
        const text = `${JSON.stringify({ t: Date.now(), ...line })}\n`;
        this.lines.push(text);
        this.n += text.length;
        if (this.n >= FLUSH_BYTES) this.flush();
    }

    flush() {
        if (this.n === 0) return;
        writeSync(this.fd, this.lines.join(''));
        this.lines = [];
        this.n = 0;
    }

    close() {
        clearInterval(this.timer);
        this.flush();
        closeSync(this.fd);
    }
}

export function readLedger(file) {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
        .map((line) => JSON.parse(line));
}

// Of what the reader gets to see.
export function hashOf({ title, body, data }) {
    return createHash('sha1').update(JSON.stringify([title, body,
        data ?? null])).digest('base64').slice(0, 16);
}

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const EPOCH_MS = 1704067200000n;

// The number in the database behind a public id (src/base/id.h); null: none.
export function numberOf(id) {
    const m = /^[a-z]+_([0-9a-z]{26})$/.exec(id ?? '');
    if (!m) return null;
    let v = 0n;
    for (const c of m[1]) {
        const digit = DIGITS.indexOf(c);
        if (digit < 0) return null;
        v = v << 5n | BigInt(digit);
    }
    const ms = v >> 80n;
    const rest = v >> 40n & (1n << 22n) - 1n;
    return String((ms - EPOCH_MS) << 22n | rest);
}

// Chance that comes again: mulberry32.
export class Rng {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    // [0, 1)
    next() {
        this.state = this.state + 0x6d2b79f5 >>> 0;
        let t = this.state;
        t = Math.imul(t ^ t >>> 15, t | 1);
        t ^= t + Math.imul(t ^ t >>> 7, t | 61);
        return ((t ^ t >>> 14) >>> 0) / 4294967296;
    }

    between(low, high) {
        return low + Math.floor(this.next() * (high - low + 1));
    }

    pick(list) {
        return list[Math.floor(this.next() * list.length)];
    }
}
