/* progress.h - how far a long command is: a bar on a terminal, else a plain
 * line now and then. On stderr. */
#pragma once

#include "cli/cli_private.h"

struct progress {
    struct cli *cli;
    const char *what; /* "users"; what is counted */
    int64_t drawn_ms; /* last; 0: not yet */
    bool is_drawn;    /* there is a bar to wipe away */
};

/* Of `whole`, 0: nobody knows how much it is, `done` are done; `n` is shown. */
void progress_show(struct progress *p, uint64_t done, uint64_t whole,
                   uint64_t n);
/* Makes room for a line of something else; the next one draws it again. */
void progress_hide(struct progress *p);
