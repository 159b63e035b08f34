// postgres.mjs - real PostgreSQL: a fresh database on the server that ./dev
// keeps for the stage, or a server of the test's own that it may kill.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

// A client that outlives its server is no error of the test's.
export async function connect(url) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    return client;
}

// One statement over a connection of its own; answers with the rows.
export async function query(url, text, values) {
    const client = await connect(url);
    try {
        return (await client.query(text, values)).rows;
    } finally {
        await client.end();
    }
}

// A new, empty database: its URL, and how to drop it, whoever is still in it.
// `server` is a URL as well: by default that of the stage's server.
export async function createDatabase(
    server = process.env.BELFRY_TEST_POSTGRES) {
    assert.ok(server, 'BELFRY_TEST_POSTGRES is the URL of a PostgreSQL ' +
        'server; ./dev test sees to it');
    const name = `test_${randomBytes(8).toString('hex')}`;
    await query(server, `CREATE DATABASE ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return { url: url.href, drop: () =>
        query(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

// The URL of one that is dropped after the test.
export async function databaseUrl(t, server) {
    const { url, drop } = await createDatabase(server);
    t.after(drop);
    return url;
}

export class Postgres {
    // settings: as in postgresql.conf, {log_statement: 'all'}; kept over
    // restarts. at: what the commands begin with
    constructor(dir, settings, at = []) {
        this.dir = dir;
        this.at = at;
        this.settings = Object.entries(settings).map((s) => s.join('='));
    }

    async tool(command, ...args) {
        const tool = process.env.BELFRY_POSTGRES_TOOL;
        assert.ok(tool, 'BELFRY_POSTGRES_TOOL is tools/postgres; ' +
            './dev test sees to it');
        const [program, ...words] = [...this.at, tool, command, this.dir,
            ...args];
        const { stdout } = await run(program, words);
        return stdout.trim();
    }

    async start() {
        this.url = await this.tool('start', ...this.settings);
    }

    // 'fast' ends sessions and writes a checkpoint; 'immediate' leaves
    // recovery to the next start.
    stop(mode = 'fast') {
        return this.tool('stop', mode);
    }

    async restart(mode) {
        await this.stop(mode);
        await this.start();
    }

    // kill -9 to all of its processes.
    kill() {
        return this.tool('kill');
    }

    remove() {
        return this.tool('remove');
    }
}

// A server for one test, gone after it.
export async function startPostgres(t, settings = {}, at = []) {
    const folder = process.env.BELFRY_POSTGRES_FOLDER ?? tmpdir();
    const dir = await mkdtemp(path.join(folder, 'belfry-postgres-'));
    const server = new Postgres(dir, settings, at);
    t.after(() => server.remove());
    await server.start();
    return server;
}
