/* jansson_peer.h - what jansson thinks of a text. Its names are those of
 * base/json.h, so no file can include both. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum peer_verdict {
    PEER_TAKES,
    PEER_REFUSES,
    /* No integer beyond 64 bits, no real beyond a double: ours has no such
     * limit, because it keeps a number's text. */
    PEER_AT_LIMIT,
};

enum peer_verdict peer_judge(struct str text);
bool peer_sees_the_same(struct str a, struct str b); /* it must take both */
