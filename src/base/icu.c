/* icu.c - see icu.h. The headers of ICU put their version on each name by
 * macro: ucal_open is ucal_open_72, in code, in the struct below and in the
 * text that dlsym() gets. So what is loaded is what was compiled against, or
 * nothing is. */
#include "base/icu_private.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>

#include "base/arena.h"

/* It names libicuuc and libicudata among what it needs, and dlsym() looks
 * there, too. */
#define LIBRARY "libicui18n.so." U_ICU_VERSION_SHORT
#define CHANGES_MAX 4096 /* a change a fortnight for 131 years */

#define CALLS(CALL)                                                            \
    CALL(ucal_close)                                                           \
    CALL(ucal_get)                                                             \
    CALL(ucal_getCanonicalTimeZoneID)                                          \
    CALL(ucal_getTZDataVersion)                                                \
    CALL(ucal_getTimeZoneTransitionDate)                                       \
    CALL(ucal_open)                                                            \
    CALL(ucal_openTimeZoneIDEnumeration)                                       \
    CALL(ucal_setMillis)                                                       \
    CALL(uenum_close)                                                          \
    CALL(uenum_next)

static struct {
    CALLS(ICU_MEMBER)
} icu;

static const struct icu_symbol symbols[] = {CALLS(ICU_SYMBOL)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library; /* NULL: it could not be loaded */
static bool is_there;
static char fault[256];

static bool
bind(const struct icu_symbol *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        void *p = dlsym(library, rows[i].name);

        if (!p)
            return false;
        memcpy(rows[i].slot, &p, sizeof(p));
    }
    return true;
}

static void
load(void)
{
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(fault, sizeof(fault), "ICU cannot be loaded: %s", dlerror());
        return;
    }
    is_there = bind(symbols, sizeof(symbols) / sizeof(symbols[0]));
    if (!is_there)
        snprintf(fault, sizeof(fault), "ICU cannot be used: %s", dlerror());
}

const char *
icu_fault(void)
{
    pthread_once(&once, load);
    return is_there ? NULL : fault;
}

bool
icu_bind(const struct icu_symbol *rows, size_t n)
{
    return !icu_fault() && bind(rows, n);
}

struct str
icu_zones_version(void)
{
    UErrorCode status = U_ZERO_ERROR;
    const char *version;

    if (icu_fault())
        return STR_NONE;
    version = icu.ucal_getTZDataVersion(&status);
    return U_SUCCESS(status) ? str_from(version) : STR_NONE;
}

/* ICU takes UTF-16; names of zones are of A-Z a-z 0-9 _ + - and /. */
static bool
widen(struct str name, UChar wide[static ICU_ZONE_NAME_MAX])
{
    if (name.n == 0 || name.n > ICU_ZONE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (c <= ' ' || c >= 0x7f)
            return false;
        wide[i] = c;
    }
    return true;
}

/* ucal_open() makes GMT of a name that it does not know, and a zone of its own
 * of "GMT+3"; only what its tables hold is a system zone. */
static bool
is_known(const UChar *wide, int32_t n)
{
    UChar canonical[ICU_ZONE_NAME_MAX];
    UErrorCode status = U_ZERO_ERROR;
    UBool is_system = false;

    icu.ucal_getCanonicalTimeZoneID(wide, n, canonical, ICU_ZONE_NAME_MAX,
                                    &is_system, &status);
    return U_SUCCESS(status) && is_system;
}

static int32_t
offset_at(UCalendar *calendar, double at_ms, UErrorCode *status)
{
    icu.ucal_setMillis(calendar, at_ms, status);
    return icu.ucal_get(calendar, UCAL_ZONE_OFFSET, status) +
           icu.ucal_get(calendar, UCAL_DST_OFFSET, status);
}

/* Some of what ICU calls a change is of the name or of what is summer time,
 * and not of the sum. */
static UErrorCode
walk(UCalendar *calendar, int64_t from_ms, int64_t until_ms,
     struct zone_changes *ret)
{
    UErrorCode status = U_ZERO_ERROR;
    double at_ms = (double)from_ms, next_ms;
    size_t cap = 1;

    ret->row = xmalloc(cap * sizeof(*ret->row));
    ret->row[0] =
        (struct zone_change){from_ms, offset_at(calendar, at_ms, &status)};
    ret->n = 1;
    while (U_SUCCESS(status) && ret->n < CHANGES_MAX &&
           icu.ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT,
                                              &next_ms, &status) &&
           next_ms > at_ms && next_ms < (double)until_ms) {
        int32_t offset_ms = offset_at(calendar, next_ms, &status);

        at_ms = next_ms;
        if (offset_ms == ret->row[ret->n - 1].offset_ms)
            continue;
        if (ret->n == cap) {
            cap = cap * 2;
            ret->row = xrealloc(ret->row, cap * sizeof(*ret->row));
        }
        ret->row[ret->n++] = (struct zone_change){(int64_t)at_ms, offset_ms};
    }
    ret->row = xrealloc(ret->row, ret->n * sizeof(*ret->row));
    return status;
}

enum err
icu_zone_changes(struct str name, int64_t from_ms, int64_t until_ms,
                 struct zone_changes *ret)
{
    UChar wide[ICU_ZONE_NAME_MAX];
    UErrorCode status = U_ZERO_ERROR;
    struct zone_changes changes = {0};
    UCalendar *calendar;

    if (icu_fault())
        return ERR_UNAVAILABLE;
    if (!widen(name, wide) || !is_known(wide, (int32_t)name.n))
        return ERR_NOT_FOUND;
    calendar =
        icu.ucal_open(wide, (int32_t)name.n, "", UCAL_GREGORIAN, &status);
    if (U_SUCCESS(status)) {
        status = walk(calendar, from_ms, until_ms, &changes);
        icu.ucal_close(calendar);
    }
    if (U_FAILURE(status)) { /* its data is missing or broken */
        free(changes.row);
        return ERR_UNAVAILABLE;
    }
    *ret = changes;
    return ERR_OK;
}

enum err
icu_zone_each(void (*each)(void *arg, struct str name), void *arg)
{
    UErrorCode status = U_ZERO_ERROR;
    UEnumeration *names;
    const char *name;
    int32_t n;

    if (icu_fault())
        return ERR_UNAVAILABLE;
    names = icu.ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_ANY, NULL, NULL,
                                               &status);
    if (U_FAILURE(status))
        return ERR_UNAVAILABLE;
    while ((name = icu.uenum_next(names, &n, &status)) != NULL)
        each(arg, (struct str){name, (size_t)n});
    icu.uenum_close(names);
    return U_FAILURE(status) ? ERR_UNAVAILABLE : ERR_OK;
}
