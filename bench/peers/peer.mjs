// peer - what is measured of a queue, the same for each; how each is used at
// its best is in a file of its own, which ends in main().
//
//   node graphile.mjs add|bulk|drain|cycle|latency --url URL [--n N]
//       [--seconds S] [--wait]
//
// prints one line of JSON. With --wait it says first that it is ready, and
// begins when it reads a line: whoever asks can then read clocks of his own.
//
// A queue is what open(url, measure) gives:
//   add(job)     one durable job; bulk(jobs) many in one call
//   work(done)   starts the worker; done(k) as k jobs reach a handler
//   left()       jobs not yet durably completed
//   analyze()    so that its statements are planned for a full queue, as they
//                are once autovacuum has come by

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const BATCH = 1000;
export const AT_ONCE = 64;
const IDLE_MS = 20;
const MEASURES = { add, bulk, drain, cycle, latency, produce };

// What Belfry is sent, see send_body() in ../server.py.
const job = {
    to: 'user-1234',
    channels: ['webhook'],
    title: 'Your order is on its way',
    body: 'It left our warehouse this morning and should be with you ' +
        'tomorrow before noon.',
    data: {
        order: 'A-100234', carrier: 'post', items: 3, total: '59.90',
        currency: 'EUR',
        tracking: 'https://post.example/t/00340434161094042557',
    },
};
const batch = Array(BATCH).fill(job);

const nowUs = () => Number(process.hrtime.bigint() / 1000n);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');

function cpuUs() {
    const { user, system } = process.cpuUsage();
    return user + system;
}

function startClock() {
    const began_us = nowUs(), cpu = cpuUs();
    return () => ({
        began_us, took_us: nowUs() - began_us, cpu_us: cpuUs() - cpu,
    });
}

// n times, so many at once, or as often as the time allows.
async function repeat(n, atOnce, one, seconds = Infinity) {
    const until = nowUs() + seconds * 1e6;
    let begun = 0;
    async function lane() {
        while (begun < n && nowUs() < until) {
            begun++;
            await one();
        }
    }
    await Promise.all(Array.from({ length: atOnce }, lane));
    return begun;
}

function insert(queue, n) {
    let left = n;
    return repeat(Math.ceil(n / BATCH), queue.bulkAtOnce, () => {
        const jobs = batch.slice(0, left);
        left -= jobs.length;
        return queue.bulk(jobs);
    });
}

// Resolves when n jobs were handled and the queue says that none is left.
async function worked(queue, n) {
    let handled = 0, all;
    const enough = new Promise((resolve) => { all = resolve; });
    await queue.work((k) => {
        handled += k;
        if (handled >= n) all();
    });
    return async () => {
        await enough;
        while (await queue.left() > 0) await sleep(1);
    };
}

async function add({ open, url, n, seconds, ready }) {
    const queue = await open(url, 'add');
    await repeat(AT_ONCE * 4, AT_ONCE, () => queue.add(job));
    await ready();
    const clock = startClock();
    const added = await repeat(n, AT_ONCE, () => queue.add(job), seconds);
    return { n: added, ...clock() };
}

async function bulk({ open, url, n, ready }) {
    const queue = await open(url, 'bulk');
    await insert(queue, 4 * BATCH);
    await ready();
    const clock = startClock();
    await insert(queue, n);
    return { n, ...clock() };
}

async function drain({ open, url, n, ready }) {
    const queue = await open(url, 'drain');
    await insert(queue, n);
    await queue.analyze?.();
    await ready();
    const clock = startClock();
    await (await worked(queue, n))();
    return { n, ...clock() };
}

// The producer is a process of its own, as it would be; its clock begins with
// its first insert, and both read the machine's.
async function cycle({ open, url, n, ready }) {
    const queue = await open(url, 'cycle');
    const end = await worked(queue, n);
    const producer = spawn(process.execPath, [
        process.argv[1], 'produce', '--url', url, '--n', n, '--wait',
    ], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(producer.stdout)[Symbol.asyncIterator]();
    const answer = async () => JSON.parse((await lines.next()).value);
    await answer();
    await ready();
    const clock = startClock();
    producer.stdin.write('\n');
    await end();
    const ended_us = nowUs(), { cpu_us } = clock();
    const produced = await answer();
    return {
        n, began_us: produced.began_us, took_us: ended_us - produced.began_us,
        cpu_us: cpu_us + produced.cpu_us,
        rate_in: Math.round(n * 1e6 / produced.took_us),
    };
}

async function produce({ open, url, n, ready }) {
    const queue = await open(url, 'produce');
    await queue.left(); // connected
    await ready();
    const clock = startClock(), first = Math.ceil(n / 10);
    await insert(queue, first);
    await queue.analyze?.();
    await insert(queue, n - first);
    return { n, ...clock() };
}

async function latency({ open, url, n, ready }) {
    const queue = await open(url, 'latency');
    const times = [];
    let started;
    await queue.work(() => started(nowUs()));
    await ready();
    const clock = startClock();
    for (let i = -20; i < n; i++) {
        await sleep(IDLE_MS);
        const came = new Promise((resolve) => { started = resolve; });
        const began = nowUs();
        await queue.add(job);
        const at = await came;
        if (i >= 0) times.push(at - began);
    }
    times.sort((a, b) => a - b);
    const quantile = (q) => times[Math.min(n - 1, Math.floor(n * q))];
    return { n, p50_us: quantile(0.5), p99_us: quantile(0.99), ...clock() };
}

// A line on stdin begins the measure, its end ends the process: who has gone
// wants no answer.
function waiter() {
    const lines = createInterface(process.stdin);
    lines.on('close', () => process.exit(1));
    return () => new Promise((resolve) => {
        lines.once('line', resolve);
        say({ ready: true });
    });
}

export async function main(open) {
    const { values, positionals: [measure] } = parseArgs({
        allowPositionals: true,
        options: {
            url: { type: 'string' },
            n: { type: 'string' },
            seconds: { type: 'string' },
            wait: { type: 'boolean' },
        },
    });
    if (!(measure in MEASURES) || !values.url)
        throw new Error(`usage: ${Object.keys(MEASURES).join('|')} --url URL`);
    const seconds = values.seconds && Number(values.seconds);
    say(await MEASURES[measure]({
        open,
        url: values.url,
        n: Number(values.n ?? (seconds ? Infinity : 10_000)),
        seconds,
        ready: values.wait ? waiter() : async () => {},
    }));
    process.exit(0); // workers would run on
}
