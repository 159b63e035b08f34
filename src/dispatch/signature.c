/* signature.c - see signature.h. */
#include "dispatch/signature.h"

#include "base/buf.h"

/* Longer words are tokens, hashes or paths rather than language. */
#define WORD_MAX 24

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str
without_punctuation(struct str w)
{
    while (w.n > 0 && !is_letter(w.p[0]) && !is_digit(w.p[0]))
        w = str_sub(w, 1, w.n - 1);
    while (w.n > 0 && !is_letter(w.p[w.n - 1]) && !is_digit(w.p[w.n - 1]))
        w.n--;
    return w;
}

static bool
varies(struct str w)
{
    if (w.n > WORD_MAX)
        return true;
    for (size_t i = 0; i < w.n; i++) {
        if (is_digit(w.p[i]) || w.p[i] == '@' || w.p[i] == '/')
            return true;
    }
    return false;
}

static struct str
next_word(struct str *rest)
{
    size_t n = 0;
    struct str w;

    while (n < rest->n && (unsigned char)rest->p[n] > ' ')
        n++;
    w = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n + 1, rest->n);
    return w;
}

struct str
signature_of(struct arena *a, enum verdict v, int status, struct str detail)
{
    struct buf b;
    bool was_blot = false;

    buf_init(&b, a);
    buf_put_cstr(&b, verdict_name(v));
    if (status != 0) {
        buf_put_char(&b, ' ');
        buf_put_i64(&b, status);
    }
    for (int words = 0; detail.n > 0 && words < SIGNATURE_WORDS_MAX;) {
        struct str w = without_punctuation(next_word(&detail));
        bool is_blot = varies(w);

        if (w.n == 0 || (is_blot && was_blot))
            continue;
        was_blot = is_blot;
        buf_put_char(&b, ' ');
        buf_put_str(&b, is_blot ? STR("#") : str_lower(a, w));
        words++;
    }
    return buf_str(&b);
}
