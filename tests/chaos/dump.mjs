// dump.mjs - the rows that the checker wants, and whether there is still
// something to do.

import { query } from '../system/lib/postgres.mjs';

const ROWS = {
    notification: 'SELECT id, tenant, doc FROM notification',
    ready: 'SELECT id, notification, lane, attempts, channel, reason FROM ready',
    waiting: 'SELECT id, notification, lane, due_ms, attempts, status, channel, reason FROM waiting',
    ended: 'SELECT id, notification, attempts, status, channel, reason, verdict, at_ms FROM ended',
    dead: 'SELECT id, notification, attempts, status, channel, reason FROM dead',
    attempt: 'SELECT delivery, n, at_ms, verdict FROM attempt',
    inbox_item: 'SELECT id, tenant, rev, notification, delivery, user_id, content FROM inbox_item',
    inbox_user: 'SELECT tenant, user_id, rev, unseen, unread FROM inbox_user',
    intent: 'SELECT lane, batch, ids, attempts FROM intent',
    lane: 'SELECT lane, owner, token FROM lane',
    node: `SELECT slot, incarnation, is_live, pid, roles,
        (extract(epoch FROM clock_timestamp() - beat) * 1000)::int
        AS silent_ms FROM node`,
    idem: 'SELECT tenant, key, status FROM idem WHERE status < 0',
};

export async function dump(url, more) {
    const all = { ...more };
    for (const [name, text] of Object.entries(ROWS))
        all[name] = await query(url, text);
    return all;
}

// What is still on its way, by table.
// nodes: those that have told since then that they live.
export async function left(url, since_ms) {
    const [row] = await query(url, `SELECT
        (SELECT count(*)::int FROM ready) AS ready,
        (SELECT count(*)::int FROM waiting) AS waiting,
        (SELECT count(*)::int FROM intent) AS intent,
        (SELECT count(*)::int FROM node WHERE is_live
            AND beat > timestamptz 'epoch' + ${Math.trunc(since_ms)}
            * interval '1 ms') AS nodes`);
    return row;
}
