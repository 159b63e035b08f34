// belfry test: what it says, and how it ends. That scenarios do what they say
// is for tests/scenario/.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const GOOD = `scenario: hello
  send {"to":"anna","title":"Hello"}
  expect anna gets in_app "Hello"
`;
const BAD = `scenario: nobody is told why
  user anna {}
  send {"to":"anna","channels":["email"],"title":"Hello"}
  expect anna gets email "Hello"
`;

describe('belfry test', { timeout: 120000 }, () => {
    let dir;

    // Without a home, a server or a key: it needs none of them.
    const run = (...args) => new Promise((resolve) => {
        execFile(process.env.BELFRY_BIN, ['test', ...args],
            { cwd: dir, env: { PATH: process.env.PATH } },
            (error, stdout, stderr) => resolve(
                { code: error ? error.code : 0, stdout, stderr }));
    });
    const save = (name, text) => writeFile(path.join(dir, name), text);

    before(async () => {
        dir = await mkdtemp(path.join(tmpdir(), 'belfry-scenarios-'));
    });
    after(() => rm(dir, { recursive: true }));

    it('exits with 0 where all is as expected', async () => {
        await save('good.scn', GOOD);
        for (const db of ['memory', 'sqlite', 'sqlite:new.db']) {
            const out = await run('good.scn', '--db', db);
            assert.equal(out.code, 0, out.stderr);
            assert.match(out.stdout, /hello/);
            assert.match(out.stderr, /1 passed, 0 failed/);
        }
    });

    it('says what came instead, and why', async () => {
        await save('bad.scn', GOOD + BAD);
        const out = await run('bad.scn');
        assert.equal(out.code, 1);
        assert.match(out.stdout,
            /bad\.scn:7: expect anna gets email "Hello"/);
        assert.match(out.stdout, /expected +email "Hello"\n/);
        assert.match(out.stdout, /got +nothing\n/);
        assert.match(out.stdout, /email suppressed contact\.missing/);
        assert.match(out.stderr, /1 passed, 1 failed/);
    });

    it('writes a line of JSON a scenario', async () => {
        await save('bad.scn', GOOD + BAD);
        const out = await run('bad.scn', '--json');
        const [good, bad] = out.stdout.trim().split('\n').map(JSON.parse);
        assert.equal(out.code, 1);
        assert.deepEqual(good, { file: 'bad.scn', line: 1, scenario: 'hello',
            passed: true, expectations: 1 });
        assert.equal(bad.passed, false);
        assert.equal(bad.failed_line, 7);
        assert.equal(bad.got, 'nothing');
        assert.match(bad.because[0], /contact\.missing/);
    });

    it('runs those that are named, and fails where there are none', async () => {
        await save('bad.scn', GOOD + BAD);
        assert.equal((await run('bad.scn', '--only', 'hello')).code, 0);
        assert.equal((await run('bad.scn', '--only', 'nonsense')).code, 1);
    });

    it('names line and fault of a file that it cannot read', async () => {
        const refused = async (text, message) => {
            await save('wrong.scn', text);
            const out = await run('wrong.scn');
            assert.equal(out.code, 1, text);
            assert.equal(out.stdout, '');
            assert.match(out.stderr, message);
        };
        await refused('scenario: x\n  usr anna\n',
            /wrong\.scn:2: there is no statement "usr"; did you mean "user"/);
        await refused(Buffer.from([0x73, 0x0a, 0xff]),
            /wrong\.scn:2: this is not text in UTF-8/);
        await refused(`${GOOD}#${'x'.repeat(1 << 20)}`,
            /wrong\.scn:1: the file is too large/);
        await refused(`scenario: x\n  send\n    ${'['.repeat(40)}`,
            /wrong\.scn:3: expected a JSON object/);
        await refused(`scenario: x\n  send {"a":${'['.repeat(40)}`,
            /wrong\.scn:2: the JSON is not well formed/);
        assert.match((await run('nowhere.scn')).stderr, /nowhere\.scn: No such/);
    });

    it('does not touch a database that is there', async () => {
        await save('good.scn', GOOD);
        await save('mine.db', 'mine');
        const out = await run('good.scn', '--db', 'sqlite:mine.db');
        assert.equal(out.code, 1);
        assert.match(out.stdout, /there is such a file already/);
        assert.equal((await run('good.scn', '--db', 'nonsense')).code, 2);
        assert.equal((await run()).code, 2);
    });
});
