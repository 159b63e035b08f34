// graphile-worker as worker.graphile.org/docs/performance advises for a high
// rate: jobs fetched 500 at a time, completions written together, no log.

import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { AT_ONCE, main } from './peer.mjs';

const WORKER = {
    concurrentJobs: 24,
    localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    maxPoolSize: 26, // concurrentJobs + 2, as its manual has it
};

const quiet = new Logger(() => () => {});

await main(async (url) => {
    const utils = await makeWorkerUtils({
        connectionString: url, maxPoolSize: AT_ONCE, logger: quiet,
    });
    const sql = (text) => utils.withPgClient((client) => client.query(text));
    await utils.migrate();
    return {
        bulkAtOnce: 1,
        add: (payload) => utils.addJob('send', payload),
        bulk: (payloads) => utils.addJobs(
            payloads.map((payload) => ({ identifier: 'send', payload }))),
        work: (done) => run({
            preset: {
                worker: { ...WORKER, connectionString: url, logger: quiet },
            },
            noHandleSignals: true,
            taskList: { send: () => done(1) },
        }),
        async left() {
            const { rows } = await sql(
                'SELECT count(*)::int AS n FROM graphile_worker._private_jobs');
            return rows[0].n;
        },
        analyze: () => sql('ANALYZE graphile_worker._private_jobs'),
    };
});
