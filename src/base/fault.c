/* fault.c - see fault.h. SIGKILL, as no handler, no atexit() and no buffer
 * may soften the blow that a test asks for. Any thread. */
#include "base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct str target; /* p == NULL: none */
static atomic_ullong passes_left;

static void
read_target(void)
{
    struct str text = str_from(getenv("BELFRY_FAULT"));
    ptrdiff_t colon = str_find(text, ':');
    uint64_t times = 1;

    if (text.n == 0)
        return;
    if (colon >= 0 &&
        (!str_to_u64(str_sub(text, (size_t)colon + 1, text.n), &times) ||
         times == 0))
        fatal("BELFRY_FAULT: \"%.*s\" is not NAME or NAME:COUNT",
              STR_ARG(text));
    atomic_store(&passes_left, times);
    target = colon >= 0 ? str_sub(text, 0, (size_t)colon) : text;
}

void
fault_point(const char *name)
{
    pthread_once(&once, read_target);
    if (!target.p || !str_is(target, name))
        return;
    if (atomic_fetch_sub(&passes_left, 1) == 1) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}
