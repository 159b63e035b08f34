/* serve.h - `belfry serve`: the parts of a server put together, run, and
 * taken apart in order. Wiring only; every decision is made elsewhere.
 *
 *   main thread   signals, configuration snapshots, upkeep
 *   front-N       HTTP, streams
 *   dispatch      providers
 *   store-*       of the store's driver */
#pragma once

int serve_main(int argc, char **argv, const char *const *environment);
