// pg-boss as pgboss.io advises for a high rate: a thousand jobs a fetch, the
// next one at once while fetches are full, three fetching in turns. Where
// latency counts it is one with LISTEN/NOTIFY, which slows a full queue down.

import { PgBoss } from 'pg-boss';
import { AT_ONCE, main } from './peer.mjs';

const QUEUE = 'send';
const WORKER = {
    batchSize: 1000,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
};

await main(async (url, measure) => {
    const notify = measure === 'latency';
    const boss = new PgBoss({
        connectionString: url, max: AT_ONCE, useListenNotify: notify,
    });
    boss.on('error', (error) => { throw error; });
    await boss.start();
    if (!await boss.getQueue(QUEUE)) await boss.createQueue(QUEUE, { notify });
    const sql = (text) => boss.getDb().executeSql(text);
    return {
        bulkAtOnce: measure === 'bulk' ? 2 : 1,
        add: (data) => boss.send(QUEUE, data),
        bulk: (payloads) => boss.insert(
            QUEUE, payloads.map((data) => ({ data }))),
        work: (done) => boss.work(
            QUEUE, { ...WORKER, localConcurrency: notify ? 1 : 3 },
            async (jobs) => done(jobs.length)),
        async left() {
            const { rows } = await sql('SELECT count(*)::int AS n ' +
                "FROM pgboss.job WHERE state < 'completed'");
            return rows[0].n;
        },
        analyze: () => sql('ANALYZE pgboss.job'),
    };
});
