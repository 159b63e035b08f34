// The servers that the PostgreSQL tests lean on are tested first: databases
// apart from each other, defaults that are safe, and a kill that is one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { access } from 'node:fs/promises';
import { connect, databaseUrl, query, startPostgres }
    from './lib/postgres.mjs';

const show = async (url, name) =>
    Object.values((await query(url, `SHOW ${name}`))[0])[0];

// databaseUrl() and startPostgres() for a life that ends within the test.
async function living(use) {
    const ends = [];
    try {
        return await use({ after: (end) => ends.unshift(end) });
    } finally {
        for (const end of ends) await end();
    }
}

describe('a database on the server of the stage', { timeout: 60000 }, () => {
    it('is apart from every other', async (t) => {
        const [one, other] = [await databaseUrl(t), await databaseUrl(t)];
        await query(one, 'CREATE TABLE here (n int)');
        const look = "SELECT to_regclass('here') AS found";
        assert.equal((await query(one, look))[0].found, 'here');
        assert.equal((await query(other, look))[0].found, null);
    });

    it('is durable and in UTF-8', async (t) => {
        const url = await databaseUrl(t);
        const safe = { fsync: 'on', synchronous_commit: 'on',
            full_page_writes: 'on', server_encoding: 'UTF8',
            lc_collate: 'C.UTF-8' };
        for (const [name, value] of Object.entries(safe))
            assert.equal(await show(url, name), value, name);
    });

    it('goes with its test, though a client is still there', async () => {
        let url;
        let client;
        await living(async (t) => {
            url = await databaseUrl(t);
            client = await connect(url);
        });
        await assert.rejects(client.query('SELECT 1'));
        await assert.rejects(connect(url), { code: '3D000' });
    });
});

describe('a server of its own', { timeout: 120000 }, () => {
    it('keeps what was committed over kill -9, and no more', async (t) => {
        const server = await startPostgres(t);
        const { url } = server;
        await query(url, 'CREATE TABLE kept (n int)');
        await query(url, 'INSERT INTO kept VALUES (1)');
        const client = await connect(url);
        await client.query('BEGIN');
        await client.query('INSERT INTO kept VALUES (2)');
        await server.kill();
        await assert.rejects(client.query('COMMIT'));
        await assert.rejects(connect(url), { code: 'ECONNREFUSED' });
        await access(`${server.dir}/data/postmaster.pid`);
        await server.start();
        assert.equal(server.url, url);
        assert.deepEqual(await query(url, 'SELECT n FROM kept'), [{ n: 1 }]);
    });

    it('is started again with its settings', async (t) => {
        const server = await startPostgres(t, { max_connections: 7,
            application_name: "it's a name" });
        const pid = await server.tool('pid');
        for (const mode of ['fast', 'immediate']) {
            await server.restart(mode);
            assert.notEqual(await server.tool('pid'), pid);
            assert.equal(await show(server.url, 'max_connections'), '7');
            assert.equal(await show(server.url, 'application_name'),
                "it's a name");
        }
    });

    it('is the same one when it is started twice', async (t) => {
        const server = await startPostgres(t);
        const pid = await server.tool('pid');
        const { url } = server;
        await server.start();
        assert.equal(server.url, url);
        assert.equal(await server.tool('pid'), pid);
    });

    it('leaves nothing behind', async () => {
        const server = await living((t) => startPostgres(t));
        await assert.rejects(connect(server.url), { code: 'ECONNREFUSED' });
        await assert.rejects(access(server.dir), { code: 'ENOENT' });
    });
});
