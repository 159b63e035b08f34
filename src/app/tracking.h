/* tracking.h - Belfry's own links and pictures in mails, which tell that one
 * was opened and what in it was clicked; only where a category says so. A link
 * carries its target, signed: so it leads only to what was in the mail. */
#pragma once

#include "app/workspace.h"
#include "auth/vault.h"

/* What one of them is about. */
struct tracking {
    int64_t tenant;
    struct str delivery_id; /* the public one */
    struct str url;         /* of a link; empty: the mail was opened */
};

struct str tracking_token(const struct vault *v, struct arena *a,
                          const struct tracking *t);
/* False: it is damaged, or not ours. */
bool tracking_read(const struct vault *v, struct arena *a, struct str token,
                   struct tracking *ret);

struct tracked_mail {
    struct arena *arena;
    const struct vault *vault;
    struct str public_url;
    int64_t tenant;
    struct str delivery_id;
    bool opens, clicks;
};
/* The HTML with what they say. Links to this server stay. */
struct str tracking_html(const struct tracked_mail *m, struct str html);
