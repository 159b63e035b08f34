// belfry user import: files of users, CSV and NDJSON, of any size.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BINARY, ROOT_KEY, start } from './lib/belfry.mjs';
import { until } from './lib/until.mjs';

describe('belfry user', { timeout: 180000 }, () => {
    let belfry;

    const file = async (name, text) => {
        const at = path.join(belfry.dir, name);
        await writeFile(at, text);
        return at;
    };
    const summary = (out) => JSON.parse(out.stdout);

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('puts, gets, lists and deletes one', async () => {
        const doc = await file('one.json',
            JSON.stringify({ id: 'one:1', email: 'one@example.org' }));
        const put = await belfry.cli(['user', 'put', doc]);
        assert.equal(put.code, 0, put.stderr);
        assert.match(put.stderr, /created/);
        const got = await belfry.cli(['user', 'get', 'one:1', '--json']);
        assert.equal(JSON.parse(got.stdout).email, 'one@example.org');
        const ls = await belfry.cli(['user', 'ls']);
        assert.match(ls.stdout, /one:1 +one@example\.org/);
        const gone = await belfry.cli(['user', 'delete', 'one:1']);
        assert.equal(gone.code, 0, gone.stderr);
        assert.equal((await belfry.cli(['user', 'get', 'one:1'])).code, 1);
        assert.equal((await belfry.cli(['user', 'get'])).code, 2);
        assert.equal((await belfry.cli(['user', 'put', '-'],
            { input: '{"email":"x@example.org"}' })).code, 2);
    });

    it('imports CSV as RFC 4180 has it', async () => {
        const csv = await file('people.csv', '\ufeffid,email,phone,locale,' +
            'timezone,roles,attributes.plan,attributes.note\r\n' +
            'csv:1,"ada@example.org",+4930123456,de-AT,Europe/Vienna,' +
            'admin; dev,gold,"says ""hi"",\r\nand more"\r\n' +
            '\r\n' +
            'csv:2,,,,,,,\r\n');
        const out = await belfry.cli(['user', 'import', csv, '--json']);
        assert.equal(out.code, 0, out.stderr);
        assert.deepEqual(summary(out), { rows: 2, created: 2, replaced: 0,
            refused: 0, skipped: 0, dry_run: false, stopped_at: null });
        const { created_at, updated_at, version, ...ada } =
            await belfry.get('/v1/users/csv:1');
        assert.deepEqual(ada, { id: 'csv:1', email: 'ada@example.org',
            phone: '+4930123456', locale: 'de-AT', timezone: 'Europe/Vienna',
            roles: ['admin', 'dev'],
            attributes: { plan: 'gold', note: 'says "hi",\r\nand more' } });
        assert.deepEqual(Object.keys(await belfry.get('/v1/users/csv:2')).sort(),
            ['created_at', 'id', 'updated_at', 'version']);
    });

    it('imports one JSON object a line, from stdin too', async () => {
        const input = '{"id":"nd-1","attributes":{"n":1.50}}\n\n' +
            '{"id":"nd-2","email":"two@example.org"}';
        const out = await belfry.cli(['user', 'import', '-', '--json'],
            { input });
        assert.equal(out.code, 0, out.stderr);
        assert.equal(summary(out).created, 2);
        const again = await belfry.cli(['user', 'import', '-', '--json'],
            { input });
        assert.equal(summary(again).replaced, 2);
        assert.equal((await belfry.get('/v1/users/nd-2')).email,
            'two@example.org');
    });

    it('is told what a file is where nobody can see it', async () => {
        const input = '\ufeff{"id":"told-1"}\n';
        const wrong = await belfry.cli(['user', 'import', '-'], { input });
        assert.equal(wrong.code, 1);
        const out = await belfry.cli(['user', 'import', '-', '--format',
            'ndjson'], { input });
        assert.equal(out.code, 0, out.stderr);
        const none = await belfry.cli(['user', 'import', '-', '--format',
            'xml'], { input });
        assert.equal(none.code, 2);
    });

    it('names rows that are refused, and goes on', async () => {
        const csv = await file('bad.csv', 'id,email,locale\n' +
            'bad-1,no address,de\n' +
            'bad-2,good@example.org\n' +
            ',noid@example.org,de\n' +
            '"bad-4"x,a@example.org,de\n' +
            'bad-5,good@example.org,de\n' +
            'bad/6,good@example.org,not_a_tag\n');
        const errors = path.join(belfry.dir, 'refused.ndjson');
        const out = await belfry.cli(['user', 'import', csv, '--json',
            '--errors', errors]);
        assert.equal(out.code, 1);
        assert.equal(summary(out).created, 1);
        assert.equal(summary(out).refused, 5);
        assert.match(out.stderr, /line 3, bad-2: has 2 fields/);
        assert.match(out.stderr, /line 2, bad-1: email /);
        const written = (await readFile(errors, 'utf8')).trim().split('\n')
            .map((l) => JSON.parse(l));
        assert.deepEqual(written.map((e) => e.line).sort(), [2, 3, 4, 5, 7]);
        const six = written.find((e) => e.line === 7);
        assert.match(six.reason, /\bid\b/);
        assert.match(six.reason, /\blocale\b/);
        await belfry.get('/v1/users/bad-5');
        await belfry.want(404, 'GET', '/v1/users/bad-1');
    });

    it('refuses a row that is too deep to be sent with others', async () => {
        // The row is one, its attributes are the second.
        const row = (id, depth) => `{"id":"${id}","attributes":${
            '{"a":'.repeat(depth - 1)}1${'}'.repeat(depth)}`;
        const input = [row('deep-1', 2), row('deep-2', 31), row('deep-3', 32),
            row('deep-4', 30), row('deep-5', 2)].join('\n');
        const out = await belfry.cli(['user', 'import', '-', '--json'],
            { input });
        assert.equal(out.code, 1);
        assert.equal(summary(out).created, 3, out.stderr);
        assert.equal(summary(out).refused, 2);
        assert.match(out.stderr, /line 2, deep-2: has more than 30 /);
        assert.match(out.stderr, /line 3, deep-3: has more than 30 /);
        await belfry.get('/v1/users/deep-5');
    });

    it('says more than it shows only in the errors file', async () => {
        const rows = Array.from({ length: 50 }, (_, i) => `{"id":"no ${i}"}`);
        const input = [...rows, 'null', '{"id":', '{}'].join('\n');
        const errors = path.join(belfry.dir, 'many.ndjson');
        const out = await belfry.cli(['user', 'import', '-', '--errors',
            errors], { input });
        assert.equal(out.code, 1);
        assert.ok(out.stderr.split('\n').length < 30, out.stderr);
        const written = (await readFile(errors, 'utf8')).trim().split('\n');
        assert.equal(written.length, 53);
        const same = await belfry.cli(['user', 'import', errors, '--errors',
            errors]);
        assert.equal(same.code, 2);
        assert.equal((await readFile(errors, 'utf8')).trim().split('\n').length,
            53, 'the file is not emptied');
    });

    it('refuses a header that it does not know', async () => {
        for (const [header, why] of [['id,emial', /"emial"/],
            ['email', /named id/], ['id,id', /twice/], ['', /empty/],
            ['id,attributes.', /"attributes\."/]]) {
            const out = await belfry.cli(['user', 'import', '-'],
                { input: `${header}\n` });
            assert.equal(out.code, 1, header);
            assert.match(out.stderr, why);
        }
    });

    it('knows every text that a user has', async () => {
        const document = await (await fetch(`${belfry.url}/openapi.json`))
            .json();
        const { properties } = document.paths['/v1/users/{id}'].put.requestBody
            .content['application/json'].schema;
        const texts = Object.keys(properties).filter((n) => n !== 'attributes');
        const out = await belfry.cli(['user', 'import', '-'],
            { input: `${texts.join(',')}\n` });
        assert.equal(out.code, 0, out.stderr);
    });

    it('stores nothing in a dry run, and says what would be', async () => {
        await belfry.put('/v1/users/dry-old', { email: 'old@example.org' });
        const input = '{"id":"dry-old"}\n{"id":"dry-new"}\n{"id":"dry-new"}\n' +
            '{"id":"dry-bad","timezone":"Mars/Base"}\n';
        const out = await belfry.cli(['user', 'import', '-', '--dry-run',
            '--json'], { input });
        assert.equal(out.code, 1);
        assert.deepEqual(summary(out), { rows: 4, created: 1, replaced: 2,
            refused: 1, skipped: 0, dry_run: true, stopped_at: null });
        await belfry.want(404, 'GET', '/v1/users/dry-new');
        assert.equal((await belfry.get('/v1/users/dry-old')).email,
            'old@example.org');
        await belfry.post('/v1/users/bulk', { dry_run: true,
            users: [{ id: 'dry-new' }] });
        await belfry.want(404, 'GET', '/v1/users/dry-new');
    });

    it('takes many, and goes on from a line', async () => {
        const n = 3500;
        const lines = ['id,attributes.n'];
        for (let i = 0; i < n; i++) lines.push(`many-${i},${i}`);
        const csv = await file('many.csv', lines.join('\n'));
        const tail = await belfry.cli(['user', 'import', csv, '--from', '3002',
            '--json']);
        assert.equal(tail.code, 0, tail.stderr);
        assert.deepEqual([summary(tail).created, summary(tail).skipped],
            [500, 3000]);
        await belfry.want(404, 'GET', '/v1/users/many-2999');
        await belfry.get('/v1/users/many-3000');
        const all = await belfry.cli(['user', 'import', csv, '--json']);
        assert.deepEqual([summary(all).created, summary(all).replaced],
            [3000, 500]);
        assert.equal((await belfry.get('/v1/users/many-3499')).attributes.n,
            '3499');
    });

    it('ends with 4 and 5 as every command does', async () => {
        const input = '{"id":"x"}';
        const key = await belfry.cli(['user', 'import', '-'],
            { input, env: { BELFRY_KEY: 'bf_wrong' } });
        assert.equal(key.code, 4);
        assert.match(key.stderr, /--from 1\b/);
        const gone = await belfry.cli(['user', 'import', '-'],
            { input, env: { BELFRY_URL: 'http://127.0.0.1:1' } });
        assert.equal(gone.code, 5);
    });
});

// A server that can be told how to answer.
async function fake(t, answer) {
    const server = createServer(async (request, response) => {
        let body = '';
        for await (const part of request) body += part;
        answer(JSON.parse(body).users, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    return `http://127.0.0.1:${server.address().port}`;
}

const taken = (users, response, headers = {}) => {
    response.writeHead(200, { 'Content-Type': 'application/json', ...headers });
    response.end(JSON.stringify({ results: users.map(({ id }) =>
        ({ id, status: 201 })) }));
};

const run = (url, args, input) => {
    const child = spawn(BINARY, ['user', 'import', ...args], {
        env: { PATH: process.env.PATH, HOME: '/nonexistent',
            BELFRY_URL: url, BELFRY_KEY: ROOT_KEY } });
    const out = { stdout: '', stderr: '', child };
    child.stdout.on('data', (d) => (out.stdout += d));
    child.stderr.on('data', (d) => (out.stderr += d));
    child.stdin.on('error', () => {});
    if (input !== undefined) child.stdin.end(input);
    out.end = once(child, 'close').then(([code]) => (out.code = code));
    return out;
};

describe('an import', { timeout: 120000 }, () => {
    it('repeats what a busy server did not take', async (t) => {
        let n = 0;
        const url = await fake(t, (users, response) => {
            if (n++ > 0) return taken(users, response);
            response.writeHead(503, { 'Content-Type':
                'application/problem+json', 'Retry-After': '1' });
            response.end('{"title":"busy","status":503}');
        });
        const out = run(url, ['-', '--json'], '{"id":"a"}\n{"id":"b"}\n');
        await out.end;
        assert.equal(out.code, 0, out.stderr);
        assert.equal(JSON.parse(out.stdout).created, 2);
        assert.equal(n, 2);
        assert.match(out.stderr, /again in 1 s/);
    });

    it('says where to go on when it is interrupted', async (t) => {
        let held = 0;
        const url = await fake(t, (users, response) => {
            if (users[0].id === 'u0') taken(users, response);
            else held++; /* never answers */
        });
        const rows = Array.from({ length: 1500 }, (_, i) => `{"id":"u${i}"}\n`);
        const out = run(url, ['-', '--json'], rows.join(''));
        await until('the second chunk is asked', () => held > 0);
        out.child.kill('SIGINT');
        await out.end;
        assert.equal(out.code, 1);
        assert.deepEqual(JSON.parse(out.stdout), { rows: 1000, created: 1000,
            replaced: 0, refused: 0, skipped: 0, dry_run: false,
            stopped_at: 1001 });
        assert.match(out.stderr, /--from 1001/);
    });

    it('takes no more memory for a large file than for a small one',
        async (t) => {
            const url = await fake(t, taken);
            const out = run(url, ['-', '--json']);
            const row = (i) => `{"id":"u${i}","attributes":{"x":"${
                'y'.repeat(500)}"}}\n`;
            let peak = 0, early = 0;
            for (let i = 0; i < 40000; i += 1000) {
                let text = '';
                for (let k = 0; k < 1000; k++) text += row(i + k);
                if (!out.child.stdin.write(text))
                    await once(out.child.stdin, 'drain');
                const status = await readFile(`/proc/${out.child.pid}/status`,
                    'utf8');
                peak = Number(/^VmHWM:\s+(\d+)/m.exec(status)[1]);
                if (i === 10000) early = peak;
            }
            out.child.stdin.end();
            await out.end;
            assert.equal(out.code, 0, out.stderr);
            assert.equal(JSON.parse(out.stdout).created, 40000);
            assert.ok(peak - early < 16384, `${early} KiB, then ${peak} KiB`);
        });
});
