// build/.../due: when Belfry finds expressions due, many of them in one go.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { BINARY } from './belfry.mjs';

const PROGRAM = path.join(path.dirname(BINARY), 'due');

// { kind, zone, start, after, n, text } each; instants or { error, at, why }.
export const due = (questions) => {
    const lines = questions.map((q) => [q.kind, q.zone, q.start ?? 0, q.after,
        q.n ?? 50, q.text.replaceAll('\n', '\\n')].join('\t'));
    const run = spawnSync(PROGRAM, { input: lines.join('\n') + '\n',
        encoding: 'utf8', maxBuffer: 64 << 20 });
    assert.equal(run.status, 0, run.stderr || String(run.error));
    const answers = run.stdout.split('\n');
    assert.equal(answers.length, questions.length + 1);
    return answers.slice(0, -1).map((line) => {
        const fault = /^error (\S+) (\d+) (.*)$/.exec(line);
        if (fault)
            return { error: fault[1], at: Number(fault[2]), why: fault[3] };
        return line === '' ? [] : line.split(' ').map(Number);
    });
};

// Chance that is the same on each run.
export const chance = (seed) => {
    let state = seed;
    const next = () => {
        state = (state + 0x6d2b79f5) | 0;
        let v = Math.imul(state ^ (state >>> 15), 1 | state);
        v = (v + Math.imul(v ^ (v >>> 7), 61 | v)) ^ v;
        return ((v ^ (v >>> 14)) >>> 0) / 4294967296;
    };
    const below = (n) => Math.floor(next() * n);
    return {
        next,
        below,
        between: (a, b) => a + below(b - a + 1),
        of: (list) => list[below(list.length)],
        // Different ones, sorted.
        some: (list, n) => {
            const rest = [...list], out = [];
            while (out.length < n && rest.length > 0)
                out.push(...rest.splice(below(rest.length), 1));
            return out.sort((a, b) => a - b);
        },
    };
};
