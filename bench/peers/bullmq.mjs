// BullMQ as docs.bullmq.io advises for a high rate: four bulk inserts in
// flight, a hundred jobs at once in a worker, completed ones removed; commands
// of one tick in one pipeline. What makes it durable is Redis's own
// `appendonly yes` with `appendfsync always`.

import { Queue, Worker } from 'bullmq';
import IORedis from 'ioredis';
import { main } from './peer.mjs';

const QUEUE = 'send';

await main(async (url) => {
    const connect = () => new IORedis(url, {
        maxRetriesPerRequest: null, enableAutoPipelining: true,
    });
    const queue = new Queue(QUEUE, {
        connection: connect(),
        defaultJobOptions: { removeOnComplete: true },
    });
    await queue.waitUntilReady();
    return {
        bulkAtOnce: 4,
        add: (data) => queue.add('send', data),
        bulk: (payloads) => queue.addBulk(
            payloads.map((data) => ({ name: 'send', data }))),
        async work(done) {
            const worker = new Worker(QUEUE, async () => done(1), {
                connection: connect(), concurrency: 100,
            });
            worker.on('error', (error) => { throw error; });
            await worker.waitUntilReady();
        },
        async left() {
            const counts = await queue.getJobCounts();
            return Object.values(counts).reduce((sum, n) => sum + n, 0);
        },
    };
});
