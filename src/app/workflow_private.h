/* workflow_private.h - a turn of an instance, for the files that take one:
 * workflow_run.c, and one for each step that asks somebody. Such a step gets
 * its answer, notes it, and ends the turn by slot_move(). */
#pragma once

#include "app/cancel.h"
#include "app/instance.h"
#include "app/outcall.h"
#include "app/taker.h"
#include "app/workflow_run.h"
#include "store/budget.h"
#include "store/member.h"

#define SLOT_ROOTS 5 /* of conditions: data, user, digest, fetch, flags */
/* Steps that are told of one turn: each is passed once, or asked. */
#define PASSED_MAX (WORKFLOW_STEPS_MAX + 8)

/* A throttle's question, and what is given back where the turn is lost. */
struct slot_throttle {
    struct store_budget budget; /* granted > 0: it has some of it */
    struct store_budget_take take;
    struct store_budget_give_back give_back;
    enum err outcome; /* of the turn */
    bool is_gone;
};

/* An instance that is taken on. */
struct slot {
    struct taker_slot base;
    struct workflows *owner;
    struct arena *row_arena; /* of `row` */
    struct store_work_row row;
    const struct workspace *workspace; /* NULL: it was deleted */
    struct str me; /* whose instance it is; empty: nobody's that has an id */
    struct str user_key;
    struct store_object_get user;
    struct store_event_look look;
    int64_t looked_at; /* the instruction that it waits at */
    /* the turn */
    int64_t now_ms;
    struct json doc, given;
    struct str key; /* of the workflow */
    struct workflow *workflow;
    struct instance instance;
    struct condition_root roots[SLOT_ROOTS];
    struct workflow_turn asks; /* what it stands at, where that asks */
    struct slot_throttle throttle;
    struct store_join join;
    struct member_set role; /* that is asked */
    struct store_members members;
    struct outcall outcall;
    bool may_call;   /* it is one of those that do */
    bool is_calling; /* and does */
    struct store_turn turn;
    struct store_step steps[PASSED_MAX];
    size_t n_steps;
    struct store_accept accept;
    struct store_accept_item only; /* a turn without a send */
    struct send send;
    struct send_item item;
    struct cancel cancel;
};

const struct app *slot_app(const struct slot *s);
struct store_req slot_req(struct slot *s,
                          void (*on_done)(struct store_req *, enum err));
/* What is told of it. */
void slot_note(struct slot *s, struct str id, const char *verdict,
               enum reason reason);
/* Ends the turn; it goes on from where it stands then. */
void slot_move(struct slot *s);
/* Ends the turn by s->join. */
void slot_join(struct slot *s);
/* Ends the turn where it stands; it is due again in so long. */
void slot_put_off(struct slot *s, int64_t ms);
/* Says where it stands, and that nobody else takes it on before due_ms; the
 * turn goes on. */
void slot_say(struct slot *s, int64_t due_ms,
              void (*on_said)(struct store_req *, enum err));
/* Whether one more may be calling; until the turn ends, it is one of them. */
bool slot_may_call(struct slot *s);
void slot_call(struct slot *s);   /* s->outcall */
void slot_called(struct slot *s); /* is answered */
/* Sends what s->asks says, to whom it says, and ends the turn. */
void slot_send(struct slot *s);
/* What it has is another: conditions and templates know. */
void slot_know(struct slot *s);
/* Something failed before the end: all of the turn again, later. */
void slot_fail(struct slot *s, enum err e);
/* The turn has ended: the row is done with, or lost. */
void slot_end(struct slot *s, enum err e, bool is_gone);
/* A template of the step, filled in. False: it is more than there may be. */
bool slot_render(struct slot *s, const char *name, enum template_escape escape,
                 struct str *ret);

/* Asks what s->asks does. */
void slot_throttle(struct slot *s);
void slot_digest(struct slot *s);
void slot_fetch(struct slot *s);
void slot_escalate(struct slot *s);
/* Goes on with a cancel: all that there is to the turn of such a row. */
void slot_cancel(struct slot *s);
/* What the turn has taken is given back where it came to nothing, and then the
 * slot ends. False: there is nothing to give back. */
bool slot_throttle_back(struct slot *s, enum err e, bool is_gone);
