// ledger.mjs - what was sent to a webhook, against what has arrived.

import assert from 'node:assert/strict';

export const WEBHOOK = { to: 'u1', title: 'x', channels: ['webhook'] };

// Their ids.
export async function sendMany(belfry, n) {
    const { results } = await belfry.want(200, 'POST',
        '/v1/notifications/batch', Array(n).fill(WEBHOOK));
    return results.map((r) => r.id);
}

const counts = (hook) => {
    const n = new Map();
    for (const c of hook.all)
        n.set(c.headers['webhook-id'], (n.get(c.headers['webhook-id']) ?? 0)
            + 1);
    return n;
};

const marks = (delivery) => delivery.log.filter((a) =>
    ['interrupted', 'unknown'].includes(a.verdict)).length;

// Each has arrived, and more than once only where its log says why. How many
// more than once.
export async function balance(belfry, hook, ids) {
    const all = [];
    let twice = 0;
    for (const id of ids)
        all.push(await belfry.reaches(id, 'webhook', 'delivered',
            { timeout: 60000 }));
    const calls = counts(hook);
    for (const d of all) {
        const n = calls.get(d.id) ?? 0;
        assert.ok(n >= 1, `${d.id} is lost`);
        assert.ok(n <= 1 + marks(d),
            `${d.id} came ${n} times: ${JSON.stringify(d.log)}`);
        twice += n > 1;
    }
    return twice;
}
