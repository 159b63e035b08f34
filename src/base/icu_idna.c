#include "base/icu_idna.h"

#include <pthread.h>
#include <unicode/uidna.h>

#include "base/arena.h"
#include "base/icu_private.h"

#define NAME_MAX_BYTES 1024 /* of what is asked */
#define ASCII_MAX 254

#define CALLS(CALL)                                                            \
    CALL(uidna_nameToASCII_UTF8)                                               \
    CALL(uidna_openUTS46)

static struct {
    CALLS(ICU_MEMBER)
} icu;

static const struct icu_symbol symbols[] = {CALLS(ICU_SYMBOL)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static UIDNA *rules; /* immutable, once opened; NULL: there are none */

static void
open_rules(void)
{
    UErrorCode status = U_ZERO_ERROR;

    if (!icu_bind(symbols, sizeof(symbols) / sizeof(symbols[0])))
        return;
    rules = icu.uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII |
                                    UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI |
                                    UIDNA_CHECK_CONTEXTJ,
                                &status);
    if (U_FAILURE(status))
        rules = NULL;
}

enum err
icu_domain(struct arena *a, struct str name, struct str *ret)
{
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UErrorCode status = U_ZERO_ERROR;
    char ascii[ASCII_MAX];
    int32_t n;

    pthread_once(&once, open_rules);
    if (!rules)
        return ERR_UNAVAILABLE;
    if (name.n == 0 || name.n > NAME_MAX_BYTES || !str_is_utf8(name))
        return ERR_INVALID;
    n = icu.uidna_nameToASCII_UTF8(rules, name.p, (int32_t)name.n, ascii,
                                   ASCII_MAX, &info, &status);
    if (U_FAILURE(status) || info.errors != 0 || n <= 0 || n >= ASCII_MAX)
        return ERR_INVALID;
    *ret = str_dup(a, (struct str){ascii, (size_t)n});
    return ERR_OK;
}
