/* jansson_peer.c - see jansson_peer.h. */
#include "jansson_peer.h"

#include <jansson.h>

static json_t *
peer_load(struct str text, json_error_t *ret_error)
{
    return json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                      ret_error);
}

enum peer_verdict
peer_judge(struct str text)
{
    json_error_t error;
    json_t *value = peer_load(text, &error);

    if (value) {
        json_decref(value);
        return PEER_TAKES;
    }
    switch (json_error_code(&error)) {
    case json_error_numeric_overflow:
    case json_error_stack_overflow:
    case json_error_out_of_memory:
        return PEER_AT_LIMIT;
    default:
        return PEER_REFUSES;
    }
}

bool
peer_sees_the_same(struct str a, struct str b)
{
    json_error_t error;
    json_t *x = peer_load(a, &error), *y = peer_load(b, &error);
    bool is_same = x && y && json_equal(x, y);

    json_decref(x);
    json_decref(y);
    return is_same;
}
