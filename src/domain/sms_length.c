#include "domain/sms_length.h"

#include <string.h>

/* Of one message, and of each where there are several: these have a header. */
#define GSM7_ONE 160
#define GSM7_EACH 153
#define UCS2_ONE 70
#define UCS2_EACH 67

/* The alphabet that every telephone has, and what takes an escape before. */
static const char basic[] =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
static const char extended[] = "\f^{}\\[~]|€";

static bool
holds(struct str set, struct str c)
{
    if (c.n == 1)
        return memchr(set.p, c.p[0], set.n) != NULL;
    while (set.n > 0) {
        size_t n = str_utf8_char(set);

        if (str_eq(str_sub(set, 0, n), c))
            return true;
        set = str_sub(set, n, SIZE_MAX);
    }
    return false;
}

/* 0: it is not in the alphabet. */
static size_t
septets(struct str c)
{
    if (holds(str_from(basic), c))
        return 1;
    return holds(str_from(extended), c) ? 2 : 0;
}

static size_t
count_segments(size_t n, size_t one, size_t each)
{
    return n <= one ? 1 : (n + each - 1) / each;
}

struct sms_length
sms_length_of(struct str text)
{
    struct sms_length length = {.is_gsm7 = true};
    size_t n_gsm7 = 0, n_ucs2 = 0;

    while (text.n > 0) {
        size_t n = str_utf8_char(text);
        struct str c = str_sub(text, 0, n > 0 ? n : 1);
        size_t s = septets(c);

        length.is_gsm7 = length.is_gsm7 && s > 0;
        n_gsm7 += s;
        n_ucs2 += n == 4 ? 2 : 1;
        text = str_sub(text, c.n, SIZE_MAX);
    }
    length.n = length.is_gsm7 ? n_gsm7 : n_ucs2;
    length.segments = length.is_gsm7
                          ? count_segments(n_gsm7, GSM7_ONE, GSM7_EACH)
                          : count_segments(n_ucs2, UCS2_ONE, UCS2_EACH);
    return length;
}
