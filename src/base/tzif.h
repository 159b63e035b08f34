/* tzif.h - the rules of a time zone as the system keeps them: files of RFC 9636
 * with 64-bit times. A distribution renews these in a stable release, as laws
 * change; ICU's own it may not. */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* From at_ms on, what is shown is offset_ms more than UTC. */
struct zone_change {
    int64_t at_ms;
    int32_t offset_ms;
};

struct zone_changes {
    struct zone_change *row; /* in order; no two neighbours of one offset */
    size_t n;
};

#define TZIF_FOLDER "/usr/share/zoneinfo"
#define TZIF_SIZE_MAX                                                          \
    (64 * 1024) /* bytes of a file; the largest has 3.6 KB                     \
                 */

/* What holds at from_ms, and each change of the offset after it and before
 * until_ms, out of a file's bytes. Rows are on the heap and the caller's to
 * free. ERR_INVALID: it is no such file. */
enum err tzif_read(struct str bytes, int64_t from_ms, int64_t until_ms,
                   struct zone_changes *ret) MUST_CHECK;
/* The same of the file with that name below TZIF_FOLDER. ERR_NOT_FOUND: there
 * is none, or the name is not one of a zone. */
enum err tzif_zone_changes(struct str name, int64_t from_ms, int64_t until_ms,
                           struct zone_changes *ret) MUST_CHECK;
