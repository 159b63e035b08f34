/* append.h - blocks of lines at the end of files that others may rotate.
 *
 * Keeps a few files open; before each block it looks whether the path still
 * names the same file. Blocks the caller for the time of the write. Belongs
 * to one thread. */
#pragma once

#include "base/str.h"

enum append_outcome {
    APPEND_DONE,
    APPEND_NOTHING, /* the file is as it was */
    APPEND_UNSURE,  /* a part of it may be there, or all of it */
};

struct append;

struct append *append_new(void);
void append_free(struct append *a);
/* Whether a block could be written there; nothing is made. */
bool append_could(struct str path, char why[static 160]);
/* Makes the file (mode 0640) if it is not there, its folder not. With is_sync
 * one fdatasync ends the call. Unless it is done, why says what failed. */
enum append_outcome append_block(struct append *a, struct str path,
                                 struct str block, bool is_sync,
                                 char why[static 160]);
