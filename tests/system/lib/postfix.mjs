// postfix.mjs - Debian's Postfix as a real receiver: unpacked by ./dev, never
// installed, run by postfix.sh in a mount namespace of its own. It needs root
// for that: as another user, sudo.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { simpleParser } from 'mailparser';
import { until } from './until.mjs';

const SCRIPT = fileURLToPath(new URL('postfix.sh', import.meta.url));

export async function freePort() {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

export const greets = (port) => new Promise((done) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('data', (d) => {
        socket.destroy();
        done(d.toString().startsWith('220 '));
    });
    socket.once('error', () => done(false));
});

export class Postfix {
    static async start() {
        const root = process.env.BELFRY_POSTFIX;
        assert.ok(root, 'BELFRY_POSTFIX is where Postfix is unpacked; ' +
            './dev test sees to it');
        const p = new Postfix();
        p.dir = await mkdtemp(path.join(tmpdir(), 'belfry-postfix-'));
        await chmod(p.dir, 0o755);
        p.port = await freePort();
        const command = [SCRIPT, path.resolve(root), p.dir, String(p.port)];
        if (process.getuid() !== 0) command.unshift('sudo', '-n');
        p.child = spawn(command[0], command.slice(1),
            { stdio: ['pipe', 'ignore', 'pipe'] });
        p.stderr = '';
        p.child.stderr.on('data', (d) => (p.stderr += d));
        p.exit = once(p.child, 'close').then(() => (p.hasEnded = true));
        await until(() => `Postfix is up: ${p.stderr}`, () => {
            assert.ok(!p.hasEnded, `Postfix ended: ${p.stderr}`);
            return greets(p.port);
        }, { timeout: 20000, every: 100 });
        return p;
    }

    // The n-th mail in that mailbox, as npm mailparser reads it.
    async received(box, n = 1) {
        const dir = path.join(this.dir, 'mail', box, 'new');
        await this.readable();
        const names = await until(`mail ${n} for ${box}`, async () => {
            await this.readable();
            const all = await readdir(dir).catch(() => []);
            return all.length >= n && all.sort();
        }, { timeout: 15000, every: 100 });
        const raw = await readFile(path.join(dir, names[n - 1]));
        return { raw: raw.toString(), mail: await simpleParser(raw) };
    }

    // The mailboxes belong to Postfix.
    async readable() {
        if (process.getuid() === 0) return;
        const child = spawn('sudo', ['-n', 'chmod', '-R', 'a+rX',
            path.join(this.dir, 'mail')], { stdio: 'ignore' });
        await once(child, 'close');
    }

    async stop() {
        this.child.stdin.end();
        await this.exit;
        await rm(this.dir, { recursive: true, force: true });
    }
}
