// belfry_send() on PostgreSQL: what an application sends within its own
// transaction is sent once it commits, once, and only then.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { once } from 'node:events';
import path from 'node:path';
import { BINARY, ROOT_KEY } from './lib/belfry.mjs';
import { connect, databaseUrl, query } from './lib/postgres.mjs';
import { until } from './lib/until.mjs';

async function place(t) {
    const dir = await mkdtemp(path.join(tmpdir(), 'belfry-test-'));
    t.after(() => rm(dir, { recursive: true }));
    const key = path.join(dir, 'secret.key');
    await writeFile(key, 'x'.repeat(32), { mode: 0o600 });
    const url = await databaseUrl(t);
    const env = { PATH: process.env.PATH, HOME: dir, LANG: 'C.UTF-8',
        ASAN_OPTIONS: 'detect_leaks=1:exitcode=99',
        BELFRY_BOOTSTRAP_KEY: ROOT_KEY, BELFRY_DATABASE_LEASE: '2s',
        BELFRY_DATABASE_URL: url, BELFRY_SECRET_KEY_FILE: key };
    return { dir, env, url };
}

async function serve(t, p) {
    const child = spawn(BINARY, ['serve', '--listen', '127.0.0.1:0'],
        { cwd: p.dir, env: p.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const s = { child, stderr: '' };
    child.stderr.on('data', (d) => (s.stderr += d));
    s.end = once(child, 'close').then(([code]) => (s.code = code));
    s.stop = async () => {
        child.kill('SIGTERM');
        await s.end;
        assert.ok(s.code === 0 || s.killed, s.stderr);
    };
    t.after(s.stop);
    const found = await until('the server is ready', () => {
        assert.equal(s.code, undefined, s.stderr);
        return /server\.ready\b.*?\blisten="?([^\s"]+)/.exec(s.stderr);
    }, { timeout: 20000, every: 10 });
    s.url = `http://${found[1]}`;
    return s;
}

async function titles(s, user) {
    const headers = { Authorization: `Bearer ${ROOT_KEY}`,
        'Content-Type': 'application/json' };
    const made = await fetch(`${s.url}/v1/users/${user}/token`,
        { method: 'POST', headers, body: '{}' });
    const { token } = await made.json();
    const all = await fetch(`${s.url}/v1/inbox?limit=100`,
        { headers: { Authorization: `Bearer ${token}` } });
    return (await all.json()).data.map((i) => i.title);
}

const SEND = 'SELECT belfry_send($1::jsonb) AS id';
const doc = (to, title) => JSON.stringify({ to, title, body: 'x' });
const count = async (url, table) =>
    Number((await query(url, `SELECT count(*) AS n FROM ${table}`))[0].n);

describe('belfry_send()', { timeout: 120000 }, () => {
    it('sends with the commit, and not without it', async (t) => {
        const p = await place(t);
        const s = await serve(t, p);
        const app = await connect(p.url);
        t.after(() => app.end());
        await app.query('BEGIN');
        await app.query(SEND, [doc('u1', 'taken back')]);
        await app.query('ROLLBACK');
        await app.query('BEGIN');
        const sent = await app.query(SEND, [doc('u1', 'kept')]);
        assert.match(sent.rows[0].id, /^\d+$/);
        await new Promise((r) => setTimeout(r, 1500));
        assert.deepEqual(await titles(s, 'u1'), []);
        await app.query('COMMIT');
        const began = Date.now();
        await until('it is in the inbox', async () =>
            (await titles(s, 'u1')).length > 0, { timeout: 10000, every: 20 });
        assert.deepEqual(await titles(s, 'u1'), ['kept']);
        assert.ok(Date.now() - began < 5000);
        assert.equal(await count(p.url, 'outbox'), 0);
    });

    it('comes at once when the application rings', async (t) => {
        const p = await place(t);
        const s = await serve(t, p);
        for (let i = 0; i < 5; i++) {
            await query(p.url, `DO $$ BEGIN PERFORM belfry_send(
                '{"to": "u1", "title": "n${i}", "body": "x"}');
                NOTIFY belfry_outbox; END $$`);
            await until('it is there', async () =>
                (await titles(s, 'u1')).includes(`n${i}`),
                { timeout: 5000, every: 5 });
        }
    });

    it('says at once what cannot be', async (t) => {
        const p = await place(t);
        await serve(t, p);
        const refused = (text, values) =>
            assert.rejects(query(p.url, text, values), (e) => {
                assert.match(e.message, /^belfry_send: /);
                return true;
            });
        await refused(SEND, ['[]']);
        await refused(SEND, ['null']);
        await refused(SEND, ['{"title": "nobody"}']);
        await refused('SELECT belfry_send($1::jsonb, $2)',
            [doc('u1', 'x'), 'nowhere']);
        await refused(SEND, [doc('u1', 'x'.repeat(1100000))]);
        assert.equal(await count(p.url, 'outbox'), 0);
    });

    it('puts aside what is not valid, with why', async (t) => {
        const p = await place(t);
        const s = await serve(t, p);
        await query(p.url, SEND, ['{"to": "u1", "no_such": 1}']);
        await query(p.url, SEND, ['{"to": "u1", "dry_run": true}']);
        await query(p.url, SEND, [doc('u1', 'good')]);
        await until('all three are seen to', async () =>
            await count(p.url, 'outbox') === 0 &&
            await count(p.url, 'outbox_refused') === 2);
        const rows = await query(p.url,
            'SELECT * FROM outbox_refused ORDER BY id');
        const problem = JSON.parse(rows[0].problem);
        assert.equal(problem.status, 422);
        assert.equal(problem.errors[0].pointer, '/no_such');
        assert.match(rows[1].problem, /dry_run/);
        assert.deepEqual(JSON.parse(rows[0].doc), { to: 'u1', no_such: 1 });
        await until('the good one is sent', async () =>
            (await titles(s, 'u1')).length === 1);
        assert.match(s.stderr, /outbox\.refused/);
    });

    it('needs no more than EXECUTE, and heeds no search_path', async (t) => {
        const p = await place(t);
        const s = await serve(t, p);
        const role = `app_${Math.random().toString(36).slice(2)}`;
        await query(p.url, `CREATE ROLE ${role} LOGIN`);
        t.after(() => query(process.env.BELFRY_TEST_POSTGRES,
            `DROP ROLE ${role}`));
        const url = new URL(p.url);
        url.username = role;
        await assert.rejects(query(url.href, SEND, [doc('u1', 'x')]),
            /permission denied/);
        await query(p.url, `GRANT EXECUTE ON FUNCTION
            belfry_send(jsonb, text) TO ${role}`);
        const app = await connect(url.href);
        t.after(() => app.end());
        await assert.rejects(app.query('SELECT * FROM outbox'),
            /permission denied/);
        await app.query('CREATE TEMP TABLE object (kind int, tenant int, ' +
            'key text, num int, body text)');
        await app.query("INSERT INTO object VALUES (1, 0, 'evil', 1, '{}')");
        await assert.rejects(app.query('SELECT belfry_send($1::jsonb, $2)',
            [doc('u1', 'x'), 'evil']), /no workspace/);
        await app.query(SEND, [doc('u1', 'hello')]);
        await until('it is sent', async () =>
            (await titles(s, 'u1')).length === 1);
    });

    it('sends each once though a server is killed on the way', async (t) => {
        const N = 600;
        const p = await place(t);
        const one = await serve(t, p), two = await serve(t, p);
        await query(p.url, `SELECT belfry_send(jsonb_build_object(
            'to', 'u' || i % 10, 'title', 't' || i, 'body', 'x'))
            FROM generate_series(1, ${N}) AS g (i)`);
        await until('some are sent', async () =>
            await count(p.url, 'outbox') < N, { every: 1 });
        one.killed = true;
        one.child.kill('SIGKILL');
        await one.end;
        await until('the outbox is empty', async () =>
            await count(p.url, 'outbox') === 0,
            { timeout: 60000, every: 100 });
        const [{ n, m }] = await query(p.url, `SELECT count(*) AS n,
            count(DISTINCT content::jsonb->>'title') AS m FROM inbox_item`);
        assert.deepEqual([Number(n), Number(m)], [N, N]);
        assert.equal(two.code, undefined);
    });
});
