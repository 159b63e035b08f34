// run.mjs - sequences through `belfry test`, and the smallest part of one that
// still differs.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { generate } from './generate.mjs';
import { scriptOf } from './script.mjs';

const FILE_MAX = 900_000; // of 1 MiB that a file may have
const CHUNK = 500; // sequences that are made and run at once
const PROCESSES = 2;

export function scenario(name, lines) {
    return `scenario: ${name}\n${lines.map((l) => `  ${l}\n`).join('')}\n`;
}

// Lines of JSON, one a scenario; throws where belfry itself fails.
function belfry(files, { store, seed = 1 }) {
    return new Promise((resolve, reject) => {
        const child = spawn(process.env.BELFRY_BIN, ['test', '--json', '--db',
            store, '--seed', String(seed), ...files]);
        const out = [];
        const words = [];
        child.stdout.on('data', (chunk) => out.push(chunk));
        child.stderr.on('data', (chunk) => words.push(chunk));
        child.on('error', reject);
        child.on('close', (code, signal) => {
            const lines = Buffer.concat(out).toString().split('\n')
                .filter(Boolean).map((line) => JSON.parse(line));
            const broken = lines.find((line) => line.error);
            if (code <= 1 && !signal && !broken) resolve(lines);
            else reject(new Error(`belfry test: ${signal ?? code} ${
                broken ? JSON.stringify(broken) : Buffer.concat(words)}`));
        });
    });
}

function inFiles(texts) {
    const files = [''];
    for (const text of texts) {
        if (files.at(-1).length + Buffer.byteLength(text) > FILE_MAX) {
            files.push('');
        }
        files[files.length - 1] += text;
    }
    return files;
}

// What came of each scenario, by its name.
export async function runAll(scenarios, options) {
    const dir = await mkdtemp(path.join(tmpdir(), 'belfry-property-'));
    const results = new Map();
    try {
        const texts = inFiles(scenarios.map(({ name, lines }) =>
            scenario(name, lines)));
        const names = texts.map((_, i) => path.join(dir, `${i}.scn`));
        await Promise.all(texts.map((text, i) => writeFile(names[i], text)));
        const halves = Array.from({ length: PROCESSES }, (_, half) =>
            names.filter((name, i) => i % PROCESSES === half));
        for (const lines of await Promise.all(halves.filter((h) => h.length > 0)
            .map((half) => belfry(half, options)))) {
            for (const line of lines) results.set(line.scenario, line);
        }
    } finally {
        await rm(dir, { recursive: true });
    }
    return results;
}

const nameOf = (sequence) => `seed ${sequence.seed}`;

// Of sequences that generate() made: those in which Belfry differs.
export async function differences(sequences, options) {
    const results = await runAll(sequences.map((s) =>
        ({ name: nameOf(s), lines: s.lines })), options);
    return sequences.filter((s) => !results.get(nameOf(s)).passed);
}

// Delta debugging: takes away ever smaller parts, as long as it differs.
export async function shrink(sequence, { Rules, ...options }) {
    const script = (commands) => scriptOf({ ...sequence, commands }, Rules);
    let { commands } = sequence;
    for (let size = commands.length >> 1; size >= 1;) {
        const parts = [];
        for (let at = 0; at < commands.length; at += size) {
            parts.push([...commands.slice(0, at), ...commands.slice(at + size)]);
        }
        const candidates = parts.map((part, i) => ({ name: `${i}`,
            commands: part, ...script(part) })).filter(({ lines }) => lines);
        const results = await runAll(candidates, options);
        const next = candidates.find(({ name }) => !results.get(name).passed);
        if (next) commands = next.commands;
        if (!next || size > commands.length) size >>= 1;
    }
    return { ...sequence, commands, ...script(commands) };
}

// For people: the scenario, and what came in place of what was expected.
export async function story(sequence, options) {
    const name = nameOf(sequence);
    const { lines } = sequence;
    const result = (await runAll([{ name, lines }], options)).get(name);
    if (result.passed) return `${name} differs no more\n`;
    const upTo = lines.slice(0, result.failed_line - 2)
        .filter((line) => !/^expect (GET|answer|status)/.test(line));
    return scenario(name, [...upTo, lines[result.failed_line - 2]]) +
        `expected ${result.expected}\n` +
        `got      ${result.got.split('\n')[0]}\n` +
        result.because.map((line) => `         ${line}\n`).join('');
}

// Tells of the first `shown` that differ; returns the seeds of all that do.
export async function explore({ first, seeds, shown, tell, ...options }) {
    const failed = [];
    let running = Promise.resolve([]);
    for (let seed = first; seed < first + seeds; seed += CHUNK) {
        const sequences = Array.from(
            { length: Math.min(CHUNK, first + seeds - seed) },
            (_, i) => generate(seed + i));
        failed.push(...await running);
        running = differences(sequences, options);
    }
    failed.push(...await running);
    for (const { seed } of failed.slice(0, shown)) {
        tell(await story(await shrink(generate(seed), options), options));
    }
    return failed.map(({ seed }) => seed);
}
