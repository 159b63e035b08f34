/* append.h - bytes at the end of a file, for drivers that log. Opened anew for
 * each batch, so that rotation needs no signal. Blocks for as long as the
 * file's disk does. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

enum append_outcome {
    APPEND_DONE,
    APPEND_NOTHING, /* the file is as it was */
    APPEND_PART,    /* some bytes may be there */
};

/* *ret_why, for people, in the arena unless it is done. */
enum append_outcome append_to_file(struct arena *a, struct str path,
                                   struct str bytes, struct str *ret_why);
