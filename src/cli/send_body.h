/* send_body.h - the document that `belfry send` posts, from its flags and
 * from what came on stdin. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "cli/args.h"

/* One "k=v" or "k:=json" of --data. */
enum err data_read(struct arena *a, struct str text, struct str *ret_key,
                   struct str *ret_json, struct str *ret_why) MUST_CHECK;

/* The member "data", of all of --data. */
enum err data_write(struct arena *a, const struct args *args,
                    struct json_writer *w, struct str *ret_why) MUST_CHECK;

struct send_words {
    const struct args *args;
    struct str to, text; /* empty: not said */
    int64_t now_ms;
};
/* An object with what the flags say. */
enum err send_body_of_flags(struct arena *a, const struct send_words *w,
                            struct str *ret, struct str *ret_why) MUST_CHECK;

struct send_input {
    struct str body;
    const char *path; /* of the route */
    const char *type;
    bool is_batch;
};
/* An object, with `flags` laid over it; an array or NDJSON only without. */
enum err send_body_of_input(struct arena *a, struct str input, struct str flags,
                            struct send_input *ret,
                            struct str *ret_why) MUST_CHECK;
