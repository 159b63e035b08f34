/* patience.h - calls of a server that may be busy: it is asked again as long
 * as it says so, a few times. */
#pragma once

#include "cli/progress.h"

struct patience {
    struct cli *cli;
    struct progress *progress; /* hidden before a word; NULL: there is none */
    bool repeats_lost;     /* what may have been done already is done again */
    bool waits_for_server; /* one that cannot be reached may come back */
};

void patient_call(const struct patience *p, struct arena *a,
                  const struct client_call *call, struct client_answer *ret);
