/* env.h - the world, as one thing that is handed in. main fills it for each
 * thread, the simulator fills it for a test; nobody else does, and nothing
 * else reads the clock, draws a number or opens a connection. */
#pragma once

struct loop;
struct clock;
struct rng;
struct fetch;
struct store;

struct env {
    struct loop *loop; /* of this thread */
    struct clock *clock;
    struct rng *rng;     /* of this thread */
    struct fetch *fetch; /* NULL in threads that call nobody */
    struct store *store;
};
