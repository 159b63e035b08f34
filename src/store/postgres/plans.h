/* plans.h - what the sessions leave of the planner's freedom.
 *
 * It reckons with statistics that tell of another moment: of a queue that was
 * empty, and is a million rows long now, or the other way round. A plan that
 * was good then reads whole tables today. So each row is found by an index,
 * whatever they say. Settings alone do not see to that (they make a path dear,
 * not impossible); the statements do, in one of these ways:
 *
 *   - only one index can be used: others on that table are partial, and open
 *     to who says their condition (`lane <> 0`, `due_ms > 0`);
 *   - a table is looked into for each row of a list by LATERAL (... OFFSET 0);
 *   - where it is changed, the place of the row is, if that is locked; else the
 *     tenant is = ANY of an array of one, and the rest of the key BETWEEN
 * itself and itself, as nothing is merged or hashed by that. Unlike the place
 * it still finds a row that was changed while we waited for it. (A row of
 *     columns BETWEEN two of them reads on to the end of the tenant.) Where
 *     only a list of keys is known, they are = ANY of it.
 *
 * A test explains all statements against hostile statistics. */
#pragma once

/* A list is read from an index and ends early. By its figures, which are those
 * of the average tenant, the planner would sort all that a big one has. */
#define PG_PLANS                                                               \
    "SET jit = off; SET plan_cache_mode = force_generic_plan; "                \
    "SET enable_seqscan = off; SET enable_bitmapscan = off; "                  \
    "SET max_parallel_workers_per_gather = 0; "
/* What is written was named before: no two tables are ever compared whole. */
#define PG_PLANS_WRITER                                                        \
    "SET enable_hashjoin = off; SET enable_mergejoin = off; "                  \
    "SET enable_material = off; "
