// nodes.mjs - several processes of Belfry on one PostgreSQL database.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BINARY, makeKeyFile, start } from './belfry.mjs';
import { createDatabase } from './postgres.mjs';

export const LEASE_MS = 2000;

export class Nodes {
    constructor(t) {
        this.t = t;
        this.all = [];
    }

    // One more process, stopped and judged after the test.
    async start(roles, options = {}) {
        const b = await start({ roles, postgres: this.url,
            keyFile: this.keyFile, ...options,
            env: { BELFRY_DATABASE_LEASE: `${LEASE_MS}ms`, ...options.env } });
        this.all.push(b);
        return b;
    }

    async stop() {
        const ends = await Promise.allSettled(this.all.map((b) => b.stop()));
        await rm(this.dir, { recursive: true, force: true });
        await this.drop?.();
        const failed = ends.find((e) => e.status === 'rejected');
        if (failed) throw failed.reason;
    }
}

// A fresh database; or the server `url`, which is the test's own.
export async function nodes(t, url) {
    const n = new Nodes(t);
    n.dir = await mkdtemp(path.join(tmpdir(), 'belfry-nodes-'));
    n.keyFile = await makeKeyFile(n.dir);
    n.url = url;
    if (!url) ({ url: n.url, drop: n.drop } = await createDatabase());
    t.after(() => n.stop());
    return n;
}

// A server that is expected to end by itself: how, and what it said.
export async function refused(args, env = {}) {
    const dir = await mkdtemp(path.join(tmpdir(), 'belfry-refused-'));
    const began = Date.now();
    const child = spawn(BINARY, ['serve', '--listen', '127.0.0.1:0', ...args],
        { cwd: dir, env: { PATH: process.env.PATH, HOME: dir, ...env },
            stdio: ['ignore', 'ignore', 'pipe'] });
    const late = setTimeout(() => child.kill('SIGKILL'), 20000);
    let said = '';
    child.stderr.on('data', (d) => (said += d));
    const [code] = await once(child, 'close');
    clearTimeout(late);
    await rm(dir, { recursive: true, force: true });
    return { code, said, ms: Date.now() - began };
}

const LISTEN = '0A'; // in /proc/net/tcp

// How many TCP sockets that process listens on.
export async function listening(pid) {
    const links = await Promise.all((await readdir(`/proc/${pid}/fd`)).map(
        (fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    const own = new Set(links.map((l) => /^socket:\[(\d+)\]$/.exec(l)?.[1]));
    let n = 0;
    for (const table of ['tcp', 'tcp6']) {
        const text = await readFile(`/proc/${pid}/net/${table}`, 'utf8')
            .catch(() => '');
        for (const line of text.split('\n')) {
            const columns = line.trim().split(/\s+/);
            if (columns[3] === LISTEN && own.has(columns[9])) n++;
        }
    }
    return n;
}
