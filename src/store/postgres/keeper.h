/* keeper.h - who keeps house in the database, for all processes: clears the hot
 * tables of dead rows before autovacuum gets to it, and looks for a transaction
 * that keeps it from doing so. On a connection of its own, as clearing may take
 * long, and only while it is this process' turn (table duty). */
#pragma once

struct pg_store;
struct pg_keeper;

/* In the store's thread. */
struct pg_keeper *pg_keeper_start(struct pg_store *s);
void pg_keeper_free(struct pg_keeper *k); /* NULL is allowed */
