/* http_request.c - looking things up in a request. */
#include "net/http_server.h"

struct str
http_request_header(const struct http_request *r, const char *name)
{
    const struct str wanted = str_from(name);

    for (size_t i = 0; i < r->n_headers; i++)
        if (str_ieq(r->headers[i].name, wanted))
            return r->headers[i].value;
    return STR_NONE;
}

/* As application/x-www-form-urlencoded has it: '+' is a blank. */
static bool
decode(struct arena *a, struct str s, struct str *ret)
{
    char *text = arena_alloc(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            const int high = i + 2 < s.n ? str_hex_digit(s.p[i + 1]) : -1;
            const int low = i + 2 < s.n ? str_hex_digit(s.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        text[n++] = c;
    }
    *ret = (struct str){text, n};
    return true;
}

static bool
is_encoded(struct str s)
{
    return str_find(s, '%') >= 0 || str_find(s, '+') >= 0;
}

bool
http_request_param(const struct http_request *r, const char *name,
                   struct str *ret_value)
{
    struct str rest = r->query, pair;

    while (str_split(&rest, '&', &pair)) {
        const ptrdiff_t mark = str_find(pair, '=');
        struct str key = pair, value = STR("");

        if (mark >= 0) {
            key.n = (size_t)mark;
            value = (struct str){pair.p + mark + 1, pair.n - key.n - 1};
        }
        if (is_encoded(key) && !decode(r->arena, key, &key))
            continue;
        if (!str_is(key, name))
            continue;
        if (is_encoded(value) && !decode(r->arena, value, &value))
            value = STR("");
        *ret_value = value;
        return true;
    }
    return false;
}
