// belfry migrate and doctor on PostgreSQL: the words of SQLite, next to a
// server that runs.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { once } from 'node:events';
import path from 'node:path';
import { BINARY } from './lib/belfry.mjs';
import { connect, databaseUrl, query } from './lib/postgres.mjs';
import { until } from './lib/until.mjs';

const SECRET = 'hunter2';

async function place(t) {
    const dir = await mkdtemp(path.join(tmpdir(), 'belfry-test-'));
    t.after(() => rm(dir, { recursive: true }));
    const key = path.join(dir, 'secret.key');
    await writeFile(key, 'x'.repeat(32), { mode: 0o600 });
    const url = new URL(await databaseUrl(t));
    url.password = SECRET;
    const env = { PATH: process.env.PATH, HOME: dir, LANG: 'C.UTF-8',
        BELFRY_DATABASE_URL: url.href, BELFRY_SECRET_KEY_FILE: key };
    return { dir, env, url: url.href };
}

function launch(p, args) {
    const child = spawn(BINARY, args, { cwd: p.dir, env: p.env,
        stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { child, stdout: '', stderr: '' };
    child.stdout.on('data', (d) => (out.stdout += d));
    child.stderr.on('data', (d) => (out.stderr += d));
    out.end = once(child, 'close').then(([code]) => (out.code = code));
    return out;
}

// Whatever it says, the password is not in it.
async function cli(p, ...args) {
    const out = launch(p, args);
    await out.end;
    assert.ok(!(out.stdout + out.stderr).includes(SECRET), args.join(' '));
    return out;
}

async function serve(t, p) {
    const out = launch(p, ['serve', '--listen', '127.0.0.1:0']);
    t.after(async () => {
        out.child.kill('SIGTERM');
        await out.end;
    });
    await until('the server is ready', () => {
        assert.equal(out.code, undefined, out.stderr);
        return out.stderr.includes('server.ready');
    }, { timeout: 20000 });
    return out;
}

describe('belfry migrate on PostgreSQL', { timeout: 120000 }, () => {
    it('says what is there, goes up, and goes down', async (t) => {
        const p = await place(t);
        const states = async () => JSON.parse(
            (await cli(p, 'migrate', 'status', '--json')).stdout
                .split('\n')[0]).state;
        assert.equal(await states(), 'pending');
        assert.equal((await cli(p, 'migrate', 'verify')).code, 1);
        const plan = await cli(p, 'migrate', 'plan', '--sql');
        assert.match(plan.stdout, /CREATE TABLE notification/);
        const up = await cli(p, 'migrate', 'up');
        assert.equal(up.code, 0, up.stderr);
        assert.match(up.stderr, /is at version \d/);
        assert.equal(await states(), 'applied');
        assert.equal((await cli(p, 'migrate', 'verify')).code, 0);
        assert.equal((await cli(p, 'migrate', 'down', '--to', '0')).code, 2);
        const down = await cli(p, 'migrate', 'down', '--to', '0', '--yes');
        assert.equal(down.code, 0, down.stderr);
        assert.equal(await states(), 'pending');
    });

    it('refuses an encoding that serve would refuse', async (t) => {
        const p = await place(t);
        const url = new URL(p.url);
        const name = `${url.pathname.slice(1)}_latin`;
        await query(p.url, `CREATE DATABASE ${name} ENCODING 'LATIN1'
            LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
        url.pathname = `/${name}`;
        url.password = SECRET;
        p.env.BELFRY_DATABASE_URL = url.href;
        try {
            const up = await cli(p, 'migrate', 'up');
            assert.equal(up.code, 1);
            assert.match(up.stderr, /encoding must be UTF8/);
            const [{ there }] = await query(url.href,
                `SELECT to_regclass('migration') IS NOT NULL AS there`);
            assert.equal(there, false);
        } finally {
            await query(p.url, `DROP DATABASE ${name}`);
        }
    });

    it('goes up beside a server, and warns of it on the way down',
        async (t) => {
            const p = await place(t);
            await serve(t, p);
            assert.equal((await cli(p, 'migrate', 'up')).code, 0);
            const down = await cli(p, 'migrate', 'down', '--to', '0');
            assert.equal(down.code, 2); // nobody is there to say yes
            assert.match(down.stderr, /a server of version \S+ lives on/);
        });

    it('lets a server start on a newer schema that only adds', async (t) => {
        const p = await place(t);
        await cli(p, 'migrate', 'up');
        await query(p.url, `INSERT INTO migration (number, name, sha256,
            works_with, applied_ms) VALUES (99, 'later', 'x', 1, 1)`);
        const verify = await cli(p, 'migrate', 'verify');
        assert.equal(verify.code, 0);
        assert.match(verify.stderr, /version 99/);
        await serve(t, p);
        await query(p.url, 'UPDATE migration SET works_with = 99 ' +
            'WHERE number = 99');
        const refused = await cli(p, 'serve', '--listen', '127.0.0.1:0');
        assert.notEqual(refused.code, 0);
        assert.match(refused.stderr, /schema 99.*use the newer program/);
    });

    it('is silent of the password when it cannot connect', async (t) => {
        const p = await place(t);
        for (const url of [`postgres://a:${SECRET}@127.0.0.1:1/x`,
            `postgres://a:${SECRET}%zz@127.0.0.1:1/x`,
            `postgres://a:${SECRET}\t@127.0.0.1:1/x`]) {
            p.env.BELFRY_DATABASE_URL = url;
            for (const args of [['migrate', 'status'], ['doctor'],
                ['serve', '--listen', '127.0.0.1:0']])
                assert.notEqual((await cli(p, ...args)).code, 0, url);
        }
    });
});

describe('belfry doctor on PostgreSQL', { timeout: 60000 }, () => {
    it('tells of server, schema, nodes and transactions', async (t) => {
        const p = await place(t);
        await serve(t, p);
        const other = await connect(`${p.url}?application_name=report`);
        t.after(() => other.end());
        await other.query('BEGIN');
        const out = await cli(p, 'doctor', '--json');
        const checks = Object.fromEntries(
            JSON.parse(out.stdout).checks.map((c) => [c.name, c]));
        assert.match(checks.database.detail, /PostgreSQL \d+.*UTF8/);
        for (const name of ['database', 'durability', 'schema', 'nodes',
            'oldest', 'db clock', 'secret'])
            assert.equal(checks[name].status, 'ok', name);
        assert.match(checks.nodes.detail, /^1 live: 1 of \d/);
        assert.match(checks.oldest.detail, /report, idle in transaction/);
    });
});
