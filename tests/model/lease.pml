/*
 * Who may send what is queued on a lane: the ownership protocol of workers
 * that share one PostgreSQL database, for Spin. README.md says what is left
 * out and how to read a counterexample; ./run verifies all of it.
 *
 * A d_step is what nothing can come between: one transaction, or the part of
 * it up to the next moment that matters. A worker that is not
 * scheduled is a paused worker, so a pause can fall between any two blocks.
 * What happens only so often is a budget: spent, it does not happen again.
 *
 * The steps 1 to 9 are those of README.md. A mutant (-DNO_...) takes one rule
 * away and must break the promise that rests on it.
 */

#ifndef DELIVERIES
#define DELIVERIES 1
#endif
#ifndef CRASHES
#define CRASHES 1 /* kill -9 of a worker */
#endif
#ifndef LOSSES
#define LOSSES 1 /* connections lost while a transaction runs */
#endif
#ifndef LAPSES
#define LAPSES 1 /* heartbeats that fail to come for too long */
#endif
#ifndef NAPS
#define NAPS 1 /* pauses beyond TTL between looking at the clock and sending */
#endif
#ifndef RELEASES
#define RELEASES 1
#endif
#ifndef GIVE_BACKS
#define GIVE_BACKS 1 /* claimed rows that are not sent after all */
#endif
#ifndef CANCELS
#define CANCELS 1
#endif

#define WORKERS 2
#define MAX_CALLS 2   /* a delivery is dead after as many calls... */
#define MAX_CRASHES 2 /* ...or when it was interrupted as often */
#define NODES 8 /* incarnations, from 1 */
#define BATCHES 4
#define ZOMBIES LOSSES
#define CONNECTIONS (WORKERS + ZOMBIES)
#define NOBODY 0

/* Where a delivery is: in exactly one table. */
mtype = {READY, WAITING, ENDED};
/* What a node row says of its process. ABSENT is for good: an incarnation is
 * never used again. */
mtype = {ABSENT, FRESH, STALE};
/* What a worker knows of a row it claimed; 0 is: it claimed none. */
mtype = {CLAIMED, SENT, DONE, RETRY, GIVEN_BACK};
/* What a transaction on a lane is for; 0 is: none runs. */
mtype = {ACQUIRE, CYCLE, REACQUIRE, RELEASE};

/* ---- The database ---- */

typedef Delivery {
    mtype place;
    byte attempts;
    byte crashes;
    /* For the promises only; no step reads these. */
    byte ledger;    /* the highest n in table attempt */
    byte receipts;  /* what the provider got */
    byte explained; /* attempts that are interrupted, retry or unknown */
    bool stopped;   /* a cancel has said so */
    bool in_flight; /* claimed by a committed cycle, and not back */
};

typedef Lane {
    byte owner;
    byte token;
    byte shared;    /* transactions that hold the row FOR SHARE */
    bool exclusive; /* one holds it FOR UPDATE beyond a d_step */
};

typedef Intent {
    byte ids; /* a bit for each delivery; 0: the batch has no row */
    byte attempts[DELIVERIES];
};

Delivery delivery[DELIVERIES];
Lane lane;
Intent intent[BATCHES];
mtype node[NODES];
byte newest = 0; /* incarnation */

/* ---- The workers ---- */

typedef Worker {
    byte incarnation; /* 0: not registered */
    byte token;       /* 0: holds no lane */
    bool valid;       /* its clock is before valid_until */
    bool uncertain;   /* a cycle's commit was not answered */
    mtype row[DELIVERIES];
    byte attempts[DELIVERIES]; /* as claimed */
    byte batch[DELIVERIES];
    byte aim;   /* 1 + the delivery for which it looked at the clock */
    bool dozed; /* it slept beyond TTL there */
    bool gone;  /* and does not come back */
};

Worker worker[WORKERS];

/* A transaction on the lane, as the server process sees it: 0 and 1 are those
 * of the workers, the others those whose client is gone (zombies). */
typedef Transaction {
    mtype kind;
    bool fenced; /* a cycle that has passed (a), and holds the row FOR SHARE */
    byte incarnation, token; /* of the worker */
    byte owner;              /* of the lane, when it was looked at */
    mtype back[DELIVERIES];  /* (b) what finished, or is given back */
    byte attempts[DELIVERIES];
    byte batch[DELIVERIES];
    byte all_back; /* (c) a bit for each batch */
    byte held;     /* claimed in memory: a bit for each delivery (a cycle's),
                      or batch (of a re-acquire) */
    byte claim;    /* (d) a bit for each delivery */
    byte claim_batch;
    byte claim_attempts[DELIVERIES];
};

Transaction tx[CONNECTIONS];

/* Faults stop once everything has ended: a late send needs none. */
byte crashes = CRASHES, losses = LOSSES, lapses = LAPSES, naps = NAPS,
     releases = RELEASES, give_backs = GIVE_BACKS;

/* The first to ask for the lane is called worker 0: so half of the runs, which
 * are the same with the names exchanged, need no look. */
bool asked;

/* Scratch, of no meaning between two blocks. Spin does not tell states apart
 * by these, which is only sound because every block is a d_step: what it reads
 * of them, it has written. */
hidden byte b, d, i, j, k, taken, ok;

/* ---- The promises ---- */

/* Named by a variable each, because that is what pan prints of a broken one. */
hidden byte P2_terminal_is_stable, P2_only_the_current_token,
    P3_calls_explained, P4_no_send_after_stopped, P4_no_unrecorded_send,
    P5_attempts_rise_by_one, P6_interrupted_is_true, P6_no_stray_intent,
    bounds_suffice;

#define PROMISE(name, condition) name = (condition); assert(name)

#define ALL_ENDED                                                            \
    (delivery[0].place == ENDED &&                                           \
     delivery[DELIVERIES - 1].place == ENDED)

#ifdef LIVENESS
ltl P1_nothing_lost { <> ALL_ENDED }
#endif

inline end_delivery(x)
{
    PROMISE(P2_terminal_is_stable, delivery[x].place != ENDED);
    delivery[x].place = ENDED;
    delivery[x].in_flight = false
}

inline record_attempt(x, n)
{
    PROMISE(P5_attempts_rise_by_one, (n) == delivery[x].ledger + 1);
    delivery[x].ledger = n;
    delivery[x].attempts = n
}

/* ---- Parts of transactions ---- */

#define LANE_IS_FREE (lane.shared == 0 && !lane.exclusive)

inline clear(t)
{
    tx[t].kind = 0;
    tx[t].fenced = false;
    tx[t].incarnation = 0;
    tx[t].token = 0;
    tx[t].owner = 0;
    tx[t].all_back = 0;
    tx[t].held = 0;
    tx[t].claim = 0;
    tx[t].claim_batch = 0;
    for (k : 0 .. DELIVERIES - 1) {
        tx[t].back[k] = 0;
        tx[t].attempts[k] = 0;
        tx[t].batch[k] = 0;
        tx[t].claim_attempts[k] = 0
    }
}

inline roll_back(t)
{
    if
#ifndef NO_LOCK_IN_FENCE
    :: tx[t].fenced -> lane.shared = lane.shared - 1
#endif
    :: else
    fi;
    clear(t)
}

/* A batch id is never used again. Here one is when nobody remembers it. */
inline choose_batch(t)
{
    tx[t].claim_batch = 0;
    ok = false;
    for (b : 0 .. BATCHES - 1) {
        taken = intent[b].ids;
        for (j : 0 .. WORKERS - 1) {
            for (k : 0 .. DELIVERIES - 1) {
                if
                :: worker[j].row[k] && worker[j].batch[k] == b -> taken = 1
                :: else
                fi
            }
        }
        for (j : 0 .. CONNECTIONS - 1) {
            if
            :: tx[j].claim && tx[j].claim_batch == b && j != t -> taken = 1
            :: else
            fi;
            for (k : 0 .. DELIVERIES - 1) {
                if
                :: tx[j].back[k] && tx[j].batch[k] == b -> taken = 1
                :: else
                fi
            }
        }
        if
        :: !taken && !ok -> tx[t].claim_batch = b; ok = true
        :: else
        fi
    }
    PROMISE(bounds_suffice, ok)
}

/* 4 (d), the statement that reads: what is committed when it begins. */
inline read_ready(t)
{
    tx[t].claim = 0;
    for (k : 0 .. DELIVERIES - 1) {
        if
        :: delivery[k].place == READY && !(tx[t].held & (1 << k)) ->
            tx[t].claim = tx[t].claim | (1 << k);
            tx[t].claim_attempts[k] = delivery[k].attempts
        :: else
        fi
    }
    if
    :: tx[t].claim -> choose_batch(t)
    :: else
    fi
}

#if defined(NO_FENCE)
#define FENCE_HOLDS(t) true
#elif defined(NO_TOKEN_IN_FENCE)
#define FENCE_HOLDS(t) (lane.owner == tx[t].incarnation)
#else
#define FENCE_HOLDS(t)                                                       \
    (lane.owner == tx[t].incarnation && lane.token == tx[t].token)
#endif

/* 4 (a): the row stays locked FOR SHARE to the end of the transaction. */
inline fence(t)
{
    ok = FENCE_HOLDS(t);
    if
    :: ok ->
        tx[t].fenced = true;
#ifndef NO_LOCK_IN_FENCE
        lane.shared = lane.shared + 1;
#endif
#ifndef NO_STATEMENT_AFTER_FENCE
        read_ready(t)
#endif
    :: else
    fi;
    ok = tx[t].fenced;
    printf("connection %d passes the fence: %d; would claim %d\n", t, ok,
           tx[t].claim)
}

/* 4 (b), one row: only one that is still as it was claimed. */
#if defined(NO_LOOK_AT_ROW)
#define STILL_THERE(t, x) true
#elif defined(NO_ATTEMPTS_IN_FINISH)
#define STILL_THERE(t, x) (delivery[x].place == READY)
#else
#define STILL_THERE(t, x)                                                    \
    (delivery[x].place == READY && delivery[x].attempts == tx[t].attempts[x])
#endif

inline finish(t, x)
{
    if
    :: tx[t].back[x] == GIVEN_BACK ->
        intent[tx[t].batch[x]].ids = intent[tx[t].batch[x]].ids & ~(1 << x);
        intent[tx[t].batch[x]].attempts[x] = 0;
        delivery[x].in_flight = false
    :: tx[t].back[x] == DONE && STILL_THERE(t, x) ->
        record_attempt(x, tx[t].attempts[x] + 1);
        end_delivery(x)
    :: tx[t].back[x] == RETRY && STILL_THERE(t, x) ->
        record_attempt(x, tx[t].attempts[x] + 1);
        delivery[x].explained = delivery[x].explained + 1;
        delivery[x].in_flight = false;
        if
        :: delivery[x].attempts >= MAX_CALLS -> end_delivery(x)
        :: else -> delivery[x].place = WAITING
        fi
    :: else
    fi
}

/* 4 (b) to COMMIT. */
inline commit_cycle(t)
{
    printf("connection %d commits a cycle: claims %d in batch %d\n", t,
           tx[t].claim, tx[t].claim_batch);
    PROMISE(P2_only_the_current_token,
            lane.owner == tx[t].incarnation && lane.token == tx[t].token);
    for (d : 0 .. DELIVERIES - 1) {
        if
        :: tx[t].back[d] -> finish(t, d)
        :: else
        fi
    }
    for (b : 0 .. BATCHES - 1) {
        if
        :: tx[t].all_back & (1 << b) ->
            intent[b].ids = 0;
            for (k : 0 .. DELIVERIES - 1) {
                intent[b].attempts[k] = 0
            }
        :: else
        fi
    }
    if
    :: tx[t].claim ->
#ifndef NO_INTENT_BEFORE_SEND
        intent[tx[t].claim_batch].ids = tx[t].claim;
#endif
        for (k : 0 .. DELIVERIES - 1) {
            if
            :: tx[t].claim & (1 << k) ->
                delivery[k].in_flight = true;
                intent[tx[t].claim_batch].attempts[k] = tx[t].claim_attempts[k]
            :: else
            fi
        }
    :: else
    fi;
#ifndef NO_LOCK_IN_FENCE
    lane.shared = lane.shared - 1;
#endif
    tx[t].fenced = false
}

/* 3: what went out and may not have come back. */
#ifdef NO_ATTEMPTS_IN_RESCUE
#define STILL_IN_FLIGHT(x) (delivery[x].place == READY)
#else
#define STILL_IN_FLIGHT(x)                                                   \
    (delivery[x].place == READY &&                                           \
     delivery[x].attempts == intent[b].attempts[x])
#endif

inline rescue()
{
    for (b : 0 .. BATCHES - 1) {
        for (d : 0 .. DELIVERIES - 1) {
            if
            :: (intent[b].ids & (1 << d)) && STILL_IN_FLIGHT(d) ->
                printf("delivery %d was interrupted; ", d);
                PROMISE(P6_interrupted_is_true, delivery[d].in_flight);
                record_attempt(d, delivery[d].attempts + 1);
                delivery[d].explained = delivery[d].explained + 1;
                delivery[d].crashes = delivery[d].crashes + 1;
                delivery[d].in_flight = false;
                if
                :: delivery[d].crashes == MAX_CRASHES -> end_delivery(d)
                :: else
                fi
            :: else
            fi
        }
        intent[b].ids = 0;
        for (k : 0 .. DELIVERIES - 1) {
            intent[b].attempts[k] = 0
        }
    }
}

/* 6: batches that the owner forgot were never sent. */
inline delete_unheld_intents(t)
{
    for (b : 0 .. BATCHES - 1) {
        if
        :: !(tx[t].held & (1 << b)) ->
            for (d : 0 .. DELIVERIES - 1) {
                if
                :: (intent[b].ids & (1 << d)) &&
                   delivery[d].attempts == intent[b].attempts[d] ->
                    delivery[d].in_flight = false
                :: else
                fi;
                intent[b].attempts[d] = 0
            }
            intent[b].ids = 0
        :: else
        fi
    }
}

/* Every change of the lane row compares it with what an earlier transaction
 * has read: one that runs late, when its client has long tried again, finds
 * another token and changes nothing. */
#ifdef NO_COMPARE_IN_ACQUIRE
#define ACQUIRE_HOLDS(t)                                                     \
    (lane.owner == NOBODY || lane.owner == tx[t].incarnation ||              \
     node[lane.owner] == ABSENT)
#else
#define ACQUIRE_HOLDS(t)                                                     \
    (lane.owner == tx[t].owner && lane.token == tx[t].token)
#endif

#ifdef NO_TOKEN_BUMP_IN_TAKEOVER
#define TAKEOVER_BUMP 0
#else
#define TAKEOVER_BUMP 1
#endif
#ifdef NO_TOKEN_BUMP_IN_REACQUIRE
#define REACQUIRE_BUMP 0
#else
#define REACQUIRE_BUMP 1
#endif

/* 3, 6 and 8, all of it: the update locks the row, and what follows are later
 * statements. Leaves in ok whether the row was changed. */
inline change_lane(t)
{
    printf("connection %d does %e: ", t, tx[t].kind);
    if
    :: tx[t].kind == ACQUIRE ->
        ok = ACQUIRE_HOLDS(t) && node[tx[t].incarnation] != ABSENT;
        if
        :: ok ->
            lane.owner = tx[t].incarnation;
            lane.token = lane.token + TAKEOVER_BUMP;
            rescue()
        :: else
        fi
    :: tx[t].kind == REACQUIRE ->
        ok = (lane.owner == tx[t].incarnation && lane.token == tx[t].token);
        if
        :: ok ->
            lane.token = lane.token + REACQUIRE_BUMP;
            delete_unheld_intents(t)
        :: else
        fi
    :: tx[t].kind == RELEASE ->
        ok = (lane.owner == tx[t].incarnation && lane.token == tx[t].token);
        if
        :: ok ->
            lane.owner = NOBODY;
            lane.token = lane.token + 1
        :: else
        fi
    fi;
    printf("changed %d; owner %d, token %d\n", ok, lane.owner, lane.token)
}

/* ---- A worker ---- */

#define ME worker[w]
#define MY tx[w]

inline forget_rows()
{
    for (k : 0 .. DELIVERIES - 1) {
        ME.row[k] = 0;
        ME.attempts[k] = 0;
        ME.batch[k] = 0
    }
    ME.token = 0;
    ME.uncertain = false
}

/* The client is gone; what it asked for may still be done, or not at all. */
inline leave_to_server()
{
    losses = losses - 1;
    for (i : WORKERS .. CONNECTIONS - 1) {
        if
        :: tx[i].kind == 0 && MY.kind ->
            tx[i].kind = MY.kind;
            tx[i].fenced = MY.fenced;
            tx[i].incarnation = MY.incarnation;
            tx[i].token = MY.token;
            tx[i].owner = MY.owner;
            tx[i].all_back = MY.all_back;
            tx[i].held = MY.held;
            tx[i].claim = MY.claim;
            tx[i].claim_batch = MY.claim_batch;
            for (k : 0 .. DELIVERIES - 1) {
                tx[i].back[k] = MY.back[k];
                tx[i].attempts[k] = MY.attempts[k];
                tx[i].batch[k] = MY.batch[k];
                tx[i].claim_attempts[k] = MY.claim_attempts[k]
            }
            clear(w)
        :: else
        fi
    }
}

inline lose_connection()
{
    printf("worker %d loses the connection during %e\n", w, MY.kind);
    if
    :: MY.kind == CYCLE -> ME.uncertain = true
    :: MY.kind == RELEASE -> forget_rows()
    :: else
    fi;
    leave_to_server()
#ifdef NO_REACQUIRE
    ;
    ME.uncertain = false
#endif
}

/* 4, what the worker asks for. */
inline ask_cycle()
{
    MY.kind = CYCLE;
    MY.incarnation = ME.incarnation;
    MY.token = ME.token;
    for (d : 0 .. DELIVERIES - 1) {
        if
        :: ME.row[d] ->
            MY.held = MY.held | (1 << d);
            if
            :: ME.row[d] == CLAIMED || ME.row[d] == SENT
            :: else ->
                MY.back[d] = ME.row[d];
                MY.attempts[d] = ME.attempts[d];
                MY.batch[d] = ME.batch[d];
                MY.all_back = MY.all_back | (1 << ME.batch[d])
            fi
        :: else
        fi
    }
    for (d : 0 .. DELIVERIES - 1) {
        if
        :: ME.row[d] == CLAIMED || ME.row[d] == SENT ->
            MY.all_back = MY.all_back & ~(1 << ME.batch[d])
        :: else
        fi
    }
#ifdef NO_STATEMENT_AFTER_FENCE
    read_ready(w)
#endif
}

/* 4, answered: what it claimed may be sent, what it finished is forgotten. */
inline take_cycle_answer()
{
    for (d : 0 .. DELIVERIES - 1) {
        if
        :: MY.back[d] ->
            ME.row[d] = 0;
            ME.attempts[d] = 0;
            ME.batch[d] = 0
        :: else
        fi;
        if
        :: MY.claim & (1 << d) ->
            ME.row[d] = CLAIMED;
            ME.attempts[d] = MY.claim_attempts[d];
            ME.batch[d] = MY.claim_batch
        :: else
        fi
    }
    clear(w)
}

#ifdef NO_FINISHES_KEPT
#define KEEPS_BATCH_OF(row) (row == CLAIMED || row == SENT)
#else
#define KEEPS_BATCH_OF(row) (row != 0)
#endif

inline ask_lane(what)
{
    printf("worker %d asks to %e, having seen owner %d, token %d\n", w, what,
           lane.owner, lane.token);
    MY.kind = what;
    MY.incarnation = ME.incarnation;
    MY.owner = lane.owner;
    MY.token = (what == ACQUIRE -> lane.token : ME.token);
    if
    :: what == REACQUIRE ->
        for (d : 0 .. DELIVERIES - 1) {
            if
            :: KEEPS_BATCH_OF(ME.row[d]) ->
                MY.held = MY.held | (1 << ME.batch[d])
            :: else
            fi
        }
    :: else
    fi
}

inline take_lane_answer()
{
    if
    :: MY.kind == RELEASE -> forget_rows()
    :: MY.kind != RELEASE && ok ->
        ME.token = lane.token;
        ME.uncertain = false
    :: MY.kind == REACQUIRE && !ok -> forget_rows()
    :: else
    fi;
    clear(w)
}

#define MAY_ACQUIRE                                                          \
    (!ALL_ENDED && (w == 0 || asked) &&                                      \
     (lane.owner == NOBODY || OWNED_BY_ME || OWNER_IS_DEAD))
#ifdef NO_ACQUIRE_OF_MY_OWN
#define OWNED_BY_ME false
#else
#define OWNED_BY_ME (lane.owner == ME.incarnation)
#endif
#ifdef NO_BURIAL
#define OWNER_IS_DEAD (node[lane.owner] != FRESH)
#else
#define OWNER_IS_DEAD (node[lane.owner] == ABSENT)
#endif

/* There is something to claim or to bring back. */
#define IS_BACK(x)                                                           \
    (ME.row[x] == DONE || ME.row[x] == RETRY || ME.row[x] == GIVEN_BACK)
#define HAS_WORK(x) (IS_BACK(x) || delivery[x].place == READY && ME.row[x] == 0)
#define MAY_CYCLE                                                            \
    (ME.token && !ME.aim && MY.kind == 0 && !ME.uncertain &&                 \
     (HAS_WORK(0) || HAS_WORK(DELIVERIES - 1)))
#define HOLDS_NO_ROW (ME.row[0] == 0 && ME.row[DELIVERIES - 1] == 0)

#ifdef NO_CLOCK_BEFORE_SEND
#define MAY_LOOK_AT_CLOCK(x) (ME.row[x] == CLAIMED && !ME.aim)
#else
#define MAY_LOOK_AT_CLOCK(x) (ME.row[x] == CLAIMED && !ME.aim && ME.valid)
#endif

inline look_at_clock(x)
{
    printf("worker %d looks at the clock to send %d\n", w, x);
    ME.aim = x + 1
}

inline send(x)
{
    printf("worker %d SENDS %d\n", w, x);
    ME.row[x] = SENT;
    delivery[x].receipts = delivery[x].receipts + 1;
    PROMISE(P3_calls_explained,
            delivery[x].receipts <= 1 + delivery[x].explained);
    PROMISE(P4_no_send_after_stopped, !delivery[x].stopped || ME.dozed);
    ME.aim = 0;
    ME.dozed = false
}

/* The provider: it got the call, and takes it, or does not, or says nothing. */
inline answer(x, what)
{
    printf("the provider answers worker %d about %d: %e\n", w, x, what);
    ME.row[x] = what
}

#define MAY_GIVE_BACK(x) (give_backs && ME.row[x] == CLAIMED && !ME.aim)

inline give_back(x)
{
    printf("worker %d will not send %d after all\n", w, x);
    give_backs = give_backs - 1;
    ME.row[x] = GIVEN_BACK
}

#define MAY_DIE (crashes && ME.incarnation && !ALL_ENDED)
#define MAY_GO (!worker[1 - w].gone)

inline die()
{
    printf("worker %d is killed\n", w);
    crashes = crashes - 1;
    forget_rows();
    ME.incarnation = 0;
    ME.valid = false;
    ME.aim = 0;
    ME.dozed = false
}

proctype Work(byte w)
{
end:
    do
    /* 1. */
    :: d_step {
        ME.incarnation == 0 && !ME.gone ->
        newest = newest + 1;
        PROMISE(bounds_suffice, newest < NODES);
        ME.incarnation = newest;
        node[newest] = FRESH;
        printf("worker %d registers as %d\n", w, newest);
        ME.valid = true;
        skip
    }
    /* 2. The budgets make it as rare as it matters. */
    :: d_step {
        ME.incarnation && !ME.aim && MY.kind == 0 &&
            (!ME.valid || node[ME.incarnation] != FRESH) ->
        if
        :: node[ME.incarnation] == ABSENT ->
            printf("worker %d learns that %d is dead\n", w, ME.incarnation);
            forget_rows();
            ME.incarnation = 0;
            ME.valid = false
        :: else ->
            printf("worker %d heartbeats\n", w);
            node[ME.incarnation] = FRESH;
            ME.valid = true
        fi;
        skip
    }
    /* 2, of the others: who was silent for TTL is deleted, and so can never
     * again be taken for alive. The delete looks at hb under the row's lock. */
#ifndef NO_BURIAL
    :: d_step {
        ME.incarnation && !ME.aim &&
            (node[1] == STALE || node[2] == STALE || node[3] == STALE ||
             node[4] == STALE || node[5] == STALE || node[6] == STALE ||
             node[7] == STALE) ->
        for (i : 1 .. NODES - 1) {
            if
            :: node[i] == STALE ->
                printf("worker %d buries node %d\n", w, i);
                node[i] = ABSENT
            :: else
            fi
        };
        skip
    }
#endif
    /* 3, 6, 8: the look at the lane, then the change of it. */
    :: d_step {
        ME.valid && !ME.aim && MY.kind == 0 && ME.token == 0 && MAY_ACQUIRE ->
        asked = true;
        ask_lane(ACQUIRE);
        skip
    }
    :: d_step {
        ME.token && !ME.aim && MY.kind == 0 && ME.uncertain ->
        ask_lane(REACQUIRE);
        skip
    }
    :: d_step {
        releases && ME.token && !ME.aim && MY.kind == 0 && !ME.uncertain &&
            HOLDS_NO_ROW && !ALL_ENDED && lane.owner == ME.incarnation &&
            lane.token == ME.token ->
        releases = releases - 1;
        ask_lane(RELEASE);
        skip
    }
    :: d_step {
        MY.kind && MY.kind != CYCLE && !ME.aim && LANE_IS_FREE ->
        change_lane(w);
        take_lane_answer();
        skip
    }
    /* 4. What is asked matters to the database from the fence on. */
    :: d_step {
        MAY_CYCLE && losses ->
        ask_cycle();
        lose_connection();
        skip
    }
#ifdef NO_STATEMENT_AFTER_FENCE
    :: d_step { MAY_CYCLE -> ask_cycle(); skip }
    :: d_step {
        MY.kind == CYCLE && !MY.fenced && !ME.aim && !lane.exclusive ->
#else
    :: d_step {
        MAY_CYCLE && !lane.exclusive ->
        ask_cycle();
#endif
        fence(w);
        if
        :: ok
        :: else ->
            clear(w);
            forget_rows()
        fi;
        skip
    }
    :: d_step {
        MY.kind == CYCLE && MY.fenced && !ME.aim ->
        commit_cycle(w);
        take_cycle_answer();
        skip
    }
    /* 6. */
    :: d_step {
        losses && MY.kind && !ME.aim && !ALL_ENDED ->
        lose_connection();
        skip
    }
    /* 5. */
    :: d_step { MAY_LOOK_AT_CLOCK(0) -> look_at_clock(0) }
    :: d_step { ME.aim == 1 -> send(0) }
    :: d_step { ME.row[0] == SENT && !ME.aim -> answer(0, DONE) }
    :: d_step { ME.row[0] == SENT && !ME.aim -> answer(0, RETRY) }
    :: d_step { MAY_GIVE_BACK(0) -> give_back(0) }
#if DELIVERIES > 1
    :: d_step { MAY_LOOK_AT_CLOCK(1) -> look_at_clock(1) }
    :: d_step { ME.aim == 2 -> send(1) }
    :: d_step { ME.row[1] == SENT && !ME.aim -> answer(1, DONE) }
    :: d_step { ME.row[1] == SENT && !ME.aim -> answer(1, RETRY) }
    :: d_step { MAY_GIVE_BACK(1) -> give_back(1) }
#endif
    /* kill -9. What the server was asked for may go on without the client. One
     * worker always comes back. */
    :: d_step { MAY_DIE -> roll_back(w); die(); skip }
    :: d_step { MAY_DIE && MAY_GO -> roll_back(w); die(); ME.gone = true }
    :: d_step { MAY_DIE && losses && MY.kind -> leave_to_server(); die(); skip }
    :: d_step {
        MAY_DIE && losses && MY.kind && MAY_GO ->
        leave_to_server();
        die();
        ME.gone = true
    }
    od
}

/* ---- All others ---- */

/* A server process whose client is gone: it goes on, or rolls back. */
inline give_up(t)
{
    printf("connection %d, without a client, rolls back\n", t);
    roll_back(t)
}

inline fence_late(t)
{
    fence(t);
    if
    :: ok
    :: else -> clear(t)
    fi
}

inline commit_late(t)
{
    commit_cycle(t);
    for (j : 0 .. WORKERS - 1) {
        PROMISE(P6_no_stray_intent,
                !tx[t].claim || worker[j].incarnation != tx[t].incarnation ||
                    worker[j].token != tx[t].token || worker[j].uncertain)
    }
    clear(t)
}

#define CHANGES_LATE(t) (tx[t].kind && tx[t].kind != CYCLE && LANE_IS_FREE)
#define FENCES_LATE(t)                                                       \
    (tx[t].kind == CYCLE && !tx[t].fenced && !lane.exclusive)
#define COMMITS_LATE(t) (tx[t].kind == CYCLE && tx[t].fenced)

proctype Database()
{
end:
    do
#if LOSSES > 0
    :: d_step { tx[2].kind -> give_up(2); skip }
    :: d_step { CHANGES_LATE(2) -> change_lane(2); clear(2); skip }
    :: d_step { FENCES_LATE(2) -> fence_late(2); skip }
    :: d_step { COMMITS_LATE(2) -> commit_late(2); skip }
#endif
#if LOSSES > 1
    :: d_step { tx[3].kind -> give_up(3); skip }
    :: d_step { CHANGES_LATE(3) -> change_lane(3); clear(3); skip }
    :: d_step { FENCES_LATE(3) -> fence_late(3); skip }
    :: d_step { COMMITS_LATE(3) -> commit_late(3); skip }
#endif
    /* A row that waits is due again. */
    :: d_step { delivery[0].place == WAITING -> delivery[0].place = READY }
#if DELIVERIES > 1
    :: d_step { delivery[1].place == WAITING -> delivery[1].place = READY }
#endif
    od
}

/* 7. */
proctype Cancel()
{
    d_step {
#ifndef NO_LOCK_IN_CANCEL
        LANE_IS_FREE -> lane.exclusive = true;
#endif
        skip
    }
    d_step { /* a later statement: it sees what was committed meanwhile */
        ok = (delivery[0].place != ENDED);
        for (b : 0 .. BATCHES - 1) {
            ok = ok && (delivery[0].place == WAITING || !(intent[b].ids & 1))
        }
        if
        :: ok ->
            PROMISE(P4_no_unrecorded_send,
                    delivery[0].receipts <= delivery[0].explained);
            printf("the cancel says: stopped\n");
            end_delivery(0);
            delivery[0].stopped = true
        :: else -> printf("the cancel says: not stopped\n")
        fi;
        lane.exclusive = false;
        skip
    }
}

/* A node is stale in the database only after its own clock said so, unless it
 * slept between the look at the clock and the send. */
#define IS_FRESH(w)                                                          \
    (worker[w].incarnation && node[worker[w].incarnation] == FRESH)
#define LAPSES_NOW(w) (!ALL_ENDED && lapses && worker[w].valid && IS_FRESH(w))
#define STALE_NOW(w) (IS_FRESH(w) && !worker[w].valid && !worker[w].aim)
#define DOZES_NOW(w) (!ALL_ENDED && naps && IS_FRESH(w) && worker[w].aim)
#define LEFT_BEHIND(n)                                                       \
    (node[n] == FRESH && worker[0].incarnation != n &&                       \
     worker[1].incarnation != n)

inline lapse(w)
{
    printf("worker %d had no heartbeat until valid_until\n", w);
    lapses = lapses - 1;
    worker[w].valid = false
}

inline grow_stale(w)
{
    printf("worker %d was silent for TTL\n", w);
    node[worker[w].incarnation] = STALE
}

inline doze(w)
{
    printf("worker %d sleeps beyond TTL before its send\n", w);
    naps = naps - 1;
    worker[w].valid = false;
    worker[w].dozed = true;
    node[worker[w].incarnation] = STALE
}

proctype Time()
{
end:
    do
    :: d_step { LAPSES_NOW(0) -> lapse(0) }
    :: d_step { LAPSES_NOW(1) -> lapse(1) }
    :: d_step { STALE_NOW(0) -> grow_stale(0) }
    :: d_step { STALE_NOW(1) -> grow_stale(1) }
    :: d_step { DOZES_NOW(0) -> doze(0) }
    :: d_step { DOZES_NOW(1) -> doze(1) }
    :: d_step { LEFT_BEHIND(1) -> node[1] = ABSENT }
    :: d_step { LEFT_BEHIND(2) -> node[2] = ABSENT }
    :: d_step { LEFT_BEHIND(3) -> node[3] = ABSENT }
    :: d_step { LEFT_BEHIND(4) -> node[4] = ABSENT }
    :: d_step { LEFT_BEHIND(5) -> node[5] = ABSENT }
    :: d_step { LEFT_BEHIND(6) -> node[6] = ABSENT }
    :: d_step { LEFT_BEHIND(7) -> node[7] = ABSENT }
    od
}

init
{
    d_step {
        for (i : 0 .. NODES - 1) {
            node[i] = ABSENT
        }
        for (i : 0 .. DELIVERIES - 1) {
            delivery[i].place = READY
        }
        lane.token = 1;
        for (i : 0 .. WORKERS - 1) {
            newest = newest + 1;
            worker[i].incarnation = newest;
            worker[i].valid = true;
            node[newest] = FRESH
        }
        skip
    }
    atomic {
        run Work(0);
        run Work(1);
        run Database();
        run Time();
#if CANCELS
        run Cancel()
#endif
    }
}
