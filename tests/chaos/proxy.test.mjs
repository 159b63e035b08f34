// The proxy does to a commit what it says that it does.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Proxy } from './proxy.mjs';
import { connect, databaseUrl, query } from '../system/lib/postgres.mjs';
import { pause, until } from '../system/lib/until.mjs';

async function through(t) {
    const url = await databaseUrl(t);
    await query(url, 'CREATE TABLE kept (n int)');
    const proxy = new Proxy(Number(new URL(url).port));
    const [port] = await proxy.open(1);
    t.after(() => proxy.close());
    const own = new URL(url);
    own.port = String(port);
    return { proxy, url, own: own.href,
        count: async () => (await query(url,
            'SELECT count(*)::int AS n FROM kept'))[0].n };
}

// A statement that is prepared under that name is what a COMMIT is to it.
const insert = (client, name = 'commit') => client.query({ name,
    text: 'INSERT INTO kept VALUES ($1)', values: [1] });

describe('the proxy', { timeout: 60000 }, () => {
    it('passes everything on while nothing is asked of it', async (t) => {
        const { own, count } = await through(t);
        const client = await connect(own);
        await insert(client);
        await client.end();
        assert.equal(await count(), 1);
    });

    for (const [how, n] of Object.entries({ deaf: 1, mute: 0, torn: 0,
        tail: 1 }))
        it(`leaves ${n} row of a commit that is cut by '${how}'`,
            async (t) => {
                const { own, proxy, count } = await through(t);
                const client = await connect(own);
                await insert(client);
                proxy.do({ what: 'arm', of: [0], on: 'commit', how, count: 1 });
                await client.query('SELECT 1'); // that is none
                await assert.rejects(insert(client));
                assert.equal(await count(), 1 + n);
                assert.equal(proxy.routes[0].tripped, 1);
                const next = await connect(own);
                await insert(next, 'x');
                await next.end();
            });

    it('lets a commit come late, when nobody waits for it', async (t) => {
        const { own, proxy, count } = await through(t);
        const client = await connect(own);
        proxy.do({ what: 'arm', of: [0], on: 'commit', how: 'late', count: 1,
            ms: 300 });
        await client.query('BEGIN');
        await assert.rejects(insert(client));
        assert.equal(await count(), 0);
        const other = await connect(own);
        proxy.do({ what: 'arm', of: [0], on: 'sync', how: 'late', count: 1,
            ms: 300 });
        await assert.rejects(insert(other, 'y'));
        assert.equal(await count(), 0);
        await until('it came', async () => await count() === 1,
            { timeout: 3000 });
    });

    it('stalls, trickles, refuses and resets', async (t) => {
        const { own, proxy } = await through(t);
        const client = await connect(own);
        proxy.do({ what: 'stall', of: [0], ms: 300 });
        let began = Date.now();
        await client.query('SELECT 1');
        assert.ok(Date.now() - began >= 250);
        proxy.do({ what: 'trickle', of: [0], ms: 200 });
        began = Date.now();
        await client.query('SELECT 1');
        assert.ok(Date.now() - began >= 20);
        proxy.do({ what: 'refuse', of: [0], ms: 300 });
        await assert.rejects(connect(own));
        await client.query('SELECT 1');
        proxy.do({ what: 'reset', of: [0] });
        await pause(50);
        await assert.rejects(client.query('SELECT 1'));
        await pause(300);
        await (await connect(own)).end();
    });
});
