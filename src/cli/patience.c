#include "cli/patience.h"

#define TRIES 6
#define WAIT_FIRST_MS 1000
#define WAIT_MOST_MS 60000

static bool
is_passing(const struct patience *p, const struct client_answer *a)
{
    switch (a->outcome) {
    case CLIENT_NO_SERVER:
        return p->waits_for_server;
    case CLIENT_LOST:
        return p->repeats_lost;
    case CLIENT_ANSWERED:
        return a->status == 429 || a->status == 503;
    case CLIENT_STOPPED:
        break;
    }
    return false;
}

static int64_t
wait_ms(const struct client_answer *a, int tried)
{
    int64_t ms = (int64_t)WAIT_FIRST_MS << tried;

    if (a->retry_after_s > 0 && a->retry_after_s < WAIT_MOST_MS / 1000)
        return a->retry_after_s * 1000;
    return a->retry_after_s > 0 || ms > WAIT_MOST_MS ? WAIT_MOST_MS : ms;
}

void
patient_call(const struct patience *p, struct arena *a,
             const struct client_call *call, struct client_answer *ret)
{
    struct client *client = p->cli->client;

    for (int tried = 1;; tried++) {
        int64_t ms;

        client_call(client, a, call, ret);
        if (!is_passing(p, ret) || tried == TRIES || client_is_stopped(client))
            return;
        ms = wait_ms(ret, tried - 1);
        if (p->progress)
            progress_hide(p->progress);
        cli_note(p->cli, TERM_AGAIN,
                 "the server cannot take more now; again in %lld s",
                 (long long)ms / 1000);
        if (!client_pause(client, ms))
            return;
    }
}
