#include "base/url.h"

#include <string.h>

struct str
url_host(struct str url)
{
    struct str rest = url;
    ptrdiff_t at = str_find(url, ':');
    size_t n = 0;

    if (at < 0 || !str_starts(str_sub(url, (size_t)at, 3), STR("://")))
        return STR_NONE;
    rest = str_sub(url, (size_t)at + 3, url.n);
    while (n < rest.n && !strchr("/?#\\", rest.p[n]))
        n++;
    rest.n = n;
    while ((at = str_find(rest, '@')) >= 0)
        rest = str_sub(rest, (size_t)at + 1, rest.n);
    if (rest.n > 0 && rest.p[0] == '[') {
        at = str_find(rest, ']');
        return at < 0 ? STR_NONE : str_sub(rest, 0, (size_t)at + 1);
    }
    at = str_find(rest, ':');
    return at < 0 ? rest : str_sub(rest, 0, (size_t)at);
}

struct str
url_rest(struct str url)
{
    ptrdiff_t at = str_find(url, ':');
    size_t i = at < 0 ? url.n : (size_t)at + 3;

    while (i < url.n && !strchr("/?#", url.p[i]))
        i++;
    return str_sub(url, i, url.n);
}

/* Readers of URLs disagree on logins and backslashes, so neither is taken. */
const char *
url_fault(struct str url)
{
    if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        return "must be an http or https URL";
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f ||
            url.p[i] == '\\')
            return "must not have blanks, control characters or backslashes";
    if (url.n > URL_MAX || url_host(url).n == 0)
        return "must name a host and be at most 2048 bytes long";
    for (size_t i = str_starts(url, STR("https")) ? 8 : 7;
         i < url.n && !strchr("/?#", url.p[i]); i++)
        if (url.p[i] == '@')
            return "must not hold a login";
    return NULL;
}

bool
url_owns_header(struct str name)
{
    static const char *const ours[] = {
        "host",       "content-length", "transfer-encoding",
        "connection", "expect",         "upgrade",
        "te",         "trailer",        "keep-alive",
    };

    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (str_ieq(name, str_from(ours[i])))
            return true;
    return false;
}
