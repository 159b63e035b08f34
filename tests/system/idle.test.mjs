// Ten thousand people who wait.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import net from 'node:net';
import { started } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';

const READERS = 10000;
const AT_ONCE = 200;

// As small as a reader can be: it keeps the status and counts events.
function open(port, token) {
    return new Promise((done, fail) => {
        const socket = net.connect(port, '127.0.0.1');
        const reader = { socket, text: '', upserts: 0, isClosed: false };
        socket.on('connect', () => socket.write('GET /v1/inbox/stream ' +
            `HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`));
        socket.on('data', (d) => {
            const text = d.toString('latin1');
            reader.upserts += text.split('event: item.upsert').length - 1;
            if (reader.text === '') done(reader);
            if (reader.text.length < 64) reader.text += text.slice(0, 64);
        });
        socket.on('close', () => (reader.isClosed = true));
        socket.on('error', fail);
    });
}

async function connections(belfry) {
    const { text } = await belfry.api('GET', '/metrics', undefined,
        { unchecked: true });
    return Number(/^belfry_hub_connections\S* (\d+)$/m.exec(text)[1]);
}

describe('10,000 idle streams', { timeout: 300000 }, () => {
    it('are held, each hears its own, and they leave without a trace',
        async (t) => {
            const limit = execFileSync('sh', ['-c', 'ulimit -Hn'])
                .toString().trim();
            assert.ok(limit === 'unlimited' || Number(limit) > READERS + 500,
                `open files: ${limit}, more than ${READERS + 500} are needed`);
            const belfry = await started(t, { env: {
                BELFRY_REALTIME_PER_USER: '0',
                BELFRY_REALTIME_PER_ADDRESS: '0',
                BELFRY_REALTIME_CONNECT_RATE: '0',
            } });
            const users = 100;
            const tokens = [];
            for (let i = 0; i < users; i++)
                tokens.push(await belfry.token(`r${i}`));
            const before = await belfry.residentKiB();
            const readers = [];
            t.after(() => readers.forEach((r) => r.socket.destroy()));
            for (let i = 0; i < READERS; i += AT_ONCE)
                readers.push(...await Promise.all(Array.from(
                    { length: AT_ONCE }, (_, j) =>
                        open(belfry.port, tokens[(i + j) % users]))));
            assert.ok(readers.every((r) =>
                r.text.startsWith('HTTP/1.1 200 ')));
            const each = (await belfry.residentKiB() - before) / READERS;
            t.diagnostic(`${each.toFixed(2)} KiB a stream in this build`);
            await belfry.send({ to: tokens.map((_, i) => `r${i}`),
                title: 'all' });
            await until('each has heard it', () =>
                readers.every((r) => r.upserts === 1), { timeout: 60000 });
            assert.ok(readers.every((r) => !r.isClosed));
            assert.equal(await connections(belfry), READERS);
            readers.forEach((r) => r.socket.destroy());
            await until('each has left', async () =>
                await connections(belfry) === 0, { timeout: 30000 });
            await belfry.send({ to: 'r0', title: 'still there' });
        });
});
