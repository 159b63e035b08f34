// The command line: data on stdout, messages on stderr, exit codes.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { start, started } from './lib/belfry.mjs';

describe('belfry(1)', { timeout: 120000 }, () => {
    let belfry;
    const json = (out) => {
        assert.equal(out.code, 0, out.stderr);
        return JSON.parse(out.stdout);
    };

    before(async () => {
        belfry = await start();
    });
    after(() => belfry?.stop());

    it('tells its version', async () => {
        const plain = await belfry.cli(['version']);
        assert.equal(plain.code, 0);
        assert.match(plain.stdout, /\b\d+\.\d+\.\d+\b/);
        const v = json(await belfry.cli(['version', '--json']));
        assert.match(v.version, /^\d+\.\d+\.\d+/);
    });

    it('sends, gets, lists and explains', async () => {
        const sent = json(await belfry.cli(['send', 'cli1', 'Hello there',
            '--json']));
        assert.match(sent.id, /^ntf_/);
        const n = json(await belfry.cli(['get', sent.id, '--json']));
        assert.equal(n.id, sent.id);
        const why = await belfry.cli(['why', sent.id]);
        assert.equal(why.code, 0, why.stderr);
        assert.match(why.stdout, /in_app/);
        const ls = await belfry.cli(['ls']);
        assert.equal(ls.code, 0, ls.stderr);
        assert.ok(ls.stdout.includes(sent.id));
    });

    it('says why languages are not guessed', async () => {
        const check = async (env) => json(await belfry.cli(['doctor', '--json'],
            { env })).checks.find((one) => one.name === 'language');
        assert.equal((await check({})).status, 'ok');
        const lib = path.join(belfry.dir, 'lib');
        await mkdir(lib);
        await writeFile(path.join(lib, 'libexttextcat-2.0.so.0'), '');
        const broken = await check({ LD_LIBRARY_PATH: lib });
        assert.equal(broken.status, 'warning');
        assert.match(broken.detail, /libexttextcat cannot be loaded: .*short/);
        assert.match(broken.fix, /libexttextcat-data/);
    });

    it('prints a token that works', async () => {
        const out = await belfry.cli(['token', 'cli1']);
        assert.equal(out.code, 0, out.stderr);
        await belfry.get('/v1/inbox', { key: out.stdout.trim() });
    });

    it('writes no colours into a pipe', async () => {
        for (const args of [['ls'], ['send', 'cli2', 'x'], ['nonsense'],
            ['help']]) {
            const out = await belfry.cli(args);
            assert.ok(!out.stdout.includes('\x1b['), args[0]);
            assert.ok(!out.stderr.includes('\x1b['), args[0]);
        }
    });

    it('says what went wrong by its exit code', async () => {
        const code = async (args, env) => {
            const out = await belfry.cli(args, { env });
            assert.equal(out.stdout, '', `${args}: nothing on stdout`);
            assert.notEqual(out.stderr, '', `${args}: a line on stderr`);
            return out.code;
        };
        assert.equal(await code(['nonsense']), 2);
        assert.equal(await code(['send', '--no-such-flag']), 2);
        assert.equal(await code(['get']), 2);
        assert.equal(await code(['get', 'ntf_' + '0'.repeat(26)]), 1);
        assert.equal(await code(['ls'], { BELFRY_KEY: 'bf_wrong' }), 4);
        assert.equal(await code(['ls'],
            { BELFRY_URL: 'http://127.0.0.1:1' }), 5);
    });

    it('names the nearest command', async () => {
        const out = await belfry.cli(['sned', 'u1', 'x']);
        assert.equal(out.code, 2);
        assert.match(out.stderr, /\bsend\b/);
    });

    it('completes for bash', async () => {
        const out = await belfry.cli(['completion', 'bash']);
        assert.equal(out.code, 0, out.stderr);
        execFileSync('bash', ['-n'], { input: out.stdout });
    });
});

describe('belfry serve', { timeout: 120000 }, () => {
    it('ends within a second of SIGTERM when it has nothing to do',
        async (t) => {
            const belfry = await started(t);
            await belfry.send({ to: 'u1', title: 'x' });
            const began = Date.now();
            belfry.child.kill('SIGTERM');
            const end = await belfry.exit;
            assert.deepEqual(end, { code: 0, signal: null });
            // A sanitizer build looks for leaks on its way out.
            assert.ok(Date.now() - began < 2000, `${Date.now() - began} ms`);
        });

    it('refuses what it does not know', async (t) => {
        const belfry = await started(t);
        const flag = await belfry.cli(['serve', '--no-such-flag']);
        assert.equal(flag.code, 2);
        const file = path.join(belfry.dir, 'belfry.conf');
        await writeFile(file, '[http]\nmax_bdoy = 5\n');
        const conf = await belfry.cli(['serve', '--config', file, '--listen',
            '127.0.0.1:0', '--db', `sqlite:${belfry.dir}/other.db`]);
        assert.notEqual(conf.code, 0);
        assert.match(conf.stderr, /max_body/);
    });

    it('says so when its address is taken', async (t) => {
        const belfry = await started(t);
        const out = await belfry.cli(['serve', '--listen', belfry.listen,
            '--db', `sqlite:${belfry.dir}/other.db`]);
        assert.equal(out.code, 1);
        assert.ok(out.stderr.includes(belfry.listen), out.stderr);
    });

    it('has its secrets in files that only it can read', async (t) => {
        const belfry = await started(t);
        const modes = execFileSync('find', [belfry.dir, '-type', 'f',
            '-name', '*key*', '-printf', '%m %f\n']).toString().trim();
        assert.match(modes, /^600 /m);
        assert.doesNotMatch(modes, /^(?!600 )/m);
    });

    it('answers when it is well', async (t) => {
        const belfry = await started(t);
        for (const route of ['/healthz', '/readyz'])
            await belfry.want(200, 'GET', route, undefined, { key: null });
        const health = await belfry.get('/v1/health');
        assert.equal(health.status, 'ok');
        assert.ok(health.components.length > 0);
        const a = await belfry.api('GET', '/metrics', undefined,
            { key: null, unchecked: true });
        assert.equal(a.status, 200);
        assert.match(a.text, /^# TYPE belfry_\S+ counter$/m);
    });
});
