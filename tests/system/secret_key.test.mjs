// A database and its secret key file belong together.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { started } from './lib/belfry.mjs';

describe('another secret key file', { timeout: 60000 }, () => {
    it('is refused at the start, and the right one goes on', async (t) => {
        const belfry = await started(t);
        const file = belfry.keyFile;
        const right = await readFile(file);
        const id = await belfry.send({ to: 'u1', title: 'x' });
        await belfry.kill9();
        await writeFile(file, randomBytes(32));
        await assert.rejects(belfry.restart());
        assert.match(belfry.stderr, /another secret key file/);
        assert.equal(belfry.exited.code, 1);
        await writeFile(file, right);
        await belfry.restart();
        const n = await belfry.want(200, 'GET', `/v1/notifications/${id}`);
        assert.equal((n.body ?? n).id, id);
    });
});
