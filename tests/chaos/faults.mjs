// faults.mjs - what goes wrong, by name. Each one is begun in the middle of
// the load, and has ended when its promise is kept; `c` is the cluster.

import { query } from '../system/lib/postgres.mjs';
import { pause } from '../system/lib/until.mjs';

// What is killed is started again, sometimes at once.
async function killAndStart(c, nodes, mayWait = 800) {
    await Promise.all(nodes.map((n) => n.kill9()));
    if (c.rng.next() < 0.5) await pause(c.rng.between(0, mayWait));
    for (const n of nodes) n.start();
}

async function freeze(c, node, ms) {
    node.signal('SIGSTOP');
    await pause(ms);
    node.signal('SIGCONT');
}

// Not those that hold what is in flight alone: everybody's, if nobody's is
// asked for.
async function terminate(c, ports) {
    const whose = ports ? 'client_port = ANY ($1::int[])' :
        "application_name LIKE 'belfry %' AND $1::int[] IS NOT NULL";
    await query(c.postgres.url, 'SELECT pg_terminate_backend(pid) FROM ' +
        `pg_stat_activity WHERE pid <> pg_backend_pid() AND ${whose}`,
    [ports ?? []]).catch(() => {}); // it may be away itself
}

async function terminateOf(c, nodes) {
    for (const n of nodes)
        await terminate(c, await c.proxy.ask({ what: 'ports', of: [n.route] }));
}

// The database is one: who wants it stopped waits for who stopped it.
async function withoutDatabase(c, stop) {
    c.database = c.database.then(async () => {
        await stop();
        await pause(c.rng.between(0, 1500));
        await c.postgres.start();
    });
    await c.database;
}

function arm(c, nodes, how, on) {
    return c.proxy.ask({ what: 'arm', of: nodes.map((n) => n.route), on, how,
        count: c.rng.between(1, 6), ms: c.rng.between(100, 2500) });
}

const HOW = ['deaf', 'mute', 'late', 'torn', 'tail'];

export const faults = {
    'kill an api': (c) => killAndStart(c, [c.rng.pick(c.apis)]),
    'kill a worker': (c) => killAndStart(c, [c.rng.pick(c.workers)]),
    'kill two workers': (c) => {
        const spared = c.rng.pick(c.workers);
        return killAndStart(c, c.workers.filter((n) => n !== spared));
    },
    'kill all workers': (c) => killAndStart(c, c.workers),
    'kill everything': (c) => killAndStart(c, c.nodes),
    'kill one again and again': async (c) => {
        const n = c.rng.pick(c.nodes);
        for (let i = 0; i < 3; i++) {
            await killAndStart(c, [n], 200);
            await pause(c.rng.between(50, 600));
        }
    },
    'pause a worker': (c) => freeze(c, c.rng.pick(c.workers),
        c.rng.between(c.lease_ms / 2, 3 * c.lease_ms)),
    'pause two workers': (c) => {
        const spared = c.rng.pick(c.workers);
        const ms = c.rng.between(c.lease_ms / 2, 2 * c.lease_ms);
        return Promise.all(c.workers.filter((n) => n !== spared)
            .map((n) => freeze(c, n, ms + c.rng.between(0, 300))));
    },
    'pause an api': (c) => freeze(c, c.rng.pick(c.apis),
        c.rng.between(300, 2 * c.lease_ms)),
    'terminate one': (c) => terminateOf(c, [c.rng.pick(c.nodes)]),
    'terminate a storm': async (c) => {
        for (let i = c.rng.between(1, 6); i > 0; i--) {
            await terminate(c, null);
            await pause(c.rng.between(10, 300));
        }
    },
    'stop the database': (c) => withoutDatabase(c, () =>
        c.postgres.stop('immediate')),
    'kill the database': (c) => withoutDatabase(c, () => c.postgres.kill()),
    'cut a worker at COMMIT': (c) => arm(c, [c.rng.pick(c.workers)],
        c.rng.pick(HOW), 'commit'),
    'cut an api at COMMIT': (c) => arm(c, [c.rng.pick(c.apis)],
        c.rng.pick(HOW), 'commit'),
    'cut everybody at COMMIT': (c) => arm(c, c.nodes, c.rng.pick(HOW),
        'commit'),
    'cut everybody anywhere': (c) => arm(c, c.nodes, c.rng.pick(HOW), 'sync'),
    'cut a worker for good and all': async (c) => {
        const of = [c.rng.pick(c.workers).route];
        const ms = c.rng.between(c.lease_ms / 2, 2 * c.lease_ms);
        await c.proxy.ask({ what: 'refuse', of, ms });
        await c.proxy.ask({ what: 'reset', of });
        await pause(ms);
    },
    'stall a process': async (c) => {
        const ms = c.rng.between(200, 3 * c.lease_ms);
        await c.proxy.ask({ what: 'stall', ms,
            of: [c.rng.pick(c.nodes).route] });
        await pause(ms);
    },
    'stall everybody': async (c) => {
        const ms = c.rng.between(200, 1.5 * c.lease_ms);
        await c.proxy.ask({ what: 'stall', ms, of: c.nodes.map((n) =>
            n.route) });
        await pause(ms);
    },
    'trickle a process': async (c) => {
        const ms = c.rng.between(200, c.lease_ms);
        await c.proxy.ask({ what: 'trickle', ms,
            of: [c.rng.pick(c.nodes).route] });
        await pause(ms);
    },
    'reset everybody': async (c) => {
        for (let i = c.rng.between(1, 20); i > 0; i--) {
            await c.proxy.ask({ what: 'reset',
                of: c.nodes.map((n) => n.route) });
            await pause(c.rng.between(20, 200));
        }
    },
    'step a clock': async (c) => {
        const node = c.rng.pick(c.nodes.filter((n) => n.steps));
        if (!node) return;
        node.setClock(c.rng.pick([-1, 1]));
        await pause(c.rng.between(1200, 2500));
        node.setClock(0);
    },
    'stop and start one': async (c) => {
        const n = c.rng.pick(c.nodes);
        await n.stop();
        n.start();
    },
    'stop and start each': async (c) => {
        for (const n of c.nodes) {
            await n.stop();
            n.start();
            await pause(100);
        }
    },
};
