/* child.c - see child.h. */
#include "plugin/child.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hmac.h"
#include "plugin/box.h"
#include "plugin/guest.h"

#define READ_CHUNK (64 * 1024)

static bool
write_all(struct buf *out)
{
    size_t at = 0;

    while (at < out->n) {
        ssize_t n = write(CHILD_SOCKET, out->p + at, out->n - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    buf_reset(out);
    return true;
}

static bool
read_some(struct buf *in)
{
    ssize_t n;

    buf_reserve(in, READ_CHUNK);
    do
        n = read(CHILD_SOCKET, in->p + in->n, READ_CHUNK);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    in->n += (size_t)n;
    return true;
}

/* False: the host speaks another language. */
static bool
answer_what_came(struct guest *g, struct buf *in, struct buf *out)
{
    struct wire_frame f;
    size_t n;

    for (;;) {
        switch (wire_take(buf_str(in), &f, &n)) {
        case WIRE_MORE:
            return true;
        case WIRE_BAD:
            return false;
        case WIRE_WHOLE:
            break;
        }
        if (!guest_answer(g, &f, out) || !write_all(out))
            return false;
        buf_drop(in, n);
    }
}

int
child_serve(const struct belfry_plugin *plugin)
{
    struct buf in = {0}, out = {0};
    struct guest g;

    guest_init(&g, plugin, &out);
    guest_put_hello(plugin, &out);
    if (write_all(&out))
        while (read_some(&in) && answer_what_came(&g, &in, &out))
            continue;
    return 0;
}

static int
refuse(const char *why)
{
    struct buf out = {0};
    size_t at = wire_begin(&out, WIRE_REFUSED, 0);

    wire_put_str(&out, str_sub(str_from(why), 0, 1000));
    if (wire_end(&out, at))
        (void)write_all(&out);
    return 1;
}

typedef const struct belfry_plugin *entry_fn(void);

/* Nobody knows the file by that path. */
static const char *
without_path(const char *why, const char *path)
{
    struct str s = str_from(why), prefix = str_from(path);

    if (s.n == 0)
        return "it could not be loaded";
    return str_starts(s, prefix) &&
                   str_starts(str_sub(s, prefix.n, 2), STR(": "))
               ? why + prefix.n + 2
               : why;
}

static entry_fn *
load(const char **ret_why)
{
    char path[40];
    entry_fn *entry;
    void *library, *symbol;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", CHILD_FILE);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    symbol = library ? dlsym(library, "belfry_plugin_v1") : NULL;
    if (!symbol) {
        const char *why = dlerror();

        *ret_why = library ? "it exports no belfry_plugin_v1: build it against "
                             "belfry/channel.h of this release"
                           : without_path(why, path);
        return NULL;
    }
    close(CHILD_FILE);
    /* POSIX has it that a function's address fits. */
    memcpy(&entry, &symbol, sizeof(entry));
    return entry;
}

/* OpenSSL looks for its settings when it is first used; after the seal it could
 * not. */
static void
warm_up(void)
{
    struct arena *a = arena_new();

    hmac_sha256(a, STR("key"), STR("text"));
    arena_free(a);
}

int
child_main(void)
{
    const char *why = box_limit();
    entry_fn *entry = why ? NULL : load(&why);

    warm_up();
    if (entry)
        why = box_seal();
    if (!entry || why)
        return refuse(why);
    return child_serve(entry());
}
