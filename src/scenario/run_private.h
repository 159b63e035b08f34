/* run_private.h - between run.c, verify.c and facts.c. */
#pragma once

#include "base/map.h"
#include "scenario/run.h"
#include "scenario/world.h"

struct run {
    struct arena *arena;
    const struct scenario *scenario;
    struct world *world;
    const struct zone *zone;
    int64_t now_ms; /* as the scenario says; the world is a little ahead */
    struct world_answer answer; /* to the last request */
    const struct step *asked;   /* what asked for it; NULL: nothing yet */
    bool is_refused;            /* and nobody expected that so far */
    struct map *names;          /* struct str *, what was remembered */
    struct map *ticked;         /* inbox items that an expectation named */
    struct run_result *result;
};

/* False. `got` is what came instead; the story is of that user, or of all. */
bool run_fail(struct run *r, const struct step *s, struct str expected,
              struct str got);
/* For what is no expectation: the machinery failed. */
bool run_break(struct run *r, const struct step *s, const char *why);
/* Asks; the answer is not the scenario's. Complains unless it is a 2xx. */
bool run_look(struct run *r, const struct step *s, struct str path,
              struct json *ret);
struct str run_time(struct run *r, int64_t ms); /* as the scenario's clock */
/* The instant's clock shows what was said, as far as it was. */
bool run_is_moment(struct run *r, const struct moment *m, int64_t ms);
struct str run_moment(struct run *r, const struct moment *m); /* as text */
/* "${first}" becomes what was remembered. False: it was not. */
bool run_fill(struct run *r, const struct step *s, struct str text,
              struct str *ret);

/* verify.c */
bool run_verify(struct run *r, const struct step *s);

/* facts.c */
struct fact { /* a delivery, as the API tells it */
    struct str id, notification, user, channel, provider, status, reason;
    int64_t attempts, created_ms, updated_ms, due_ms;
};
/* Of a user, or of all (empty), newest first. */
bool facts_deliveries(struct run *r, const struct step *s, struct str user,
                      struct fact **ret, size_t *ret_n);
struct message { /* what a user got: an item, or what was caught */
    int64_t at_ms;
    struct str id; /* of an item */
    struct str user, channel, provider, to, title, body, html;
    struct caught *caught; /* NULL: an item */
    bool is_ticked;
};
/* Of a user, or of all (empty), oldest first; channel empty: any. */
bool facts_messages(struct run *r, const struct step *s, struct str user,
                    struct str channel, struct message **ret, size_t *ret_n);
void facts_tick(struct run *r, struct message *m);
/* What became of everything for that user, or for all, a line each. */
struct str facts_story(struct run *r, struct str user);
struct str message_text(struct run *r, const struct message *m);
