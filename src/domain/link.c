/* link.c - see link.h. */
#include "domain/link.h"

/* Browsers drop tabs and line ends, and take a backslash for a slash: with one
 * of them a path is another host. */
static bool
has_tricks(struct str url)
{
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] < ' ' || url.p[i] == '\\')
            return true;
    return false;
}

bool
link_is_picture(struct str url)
{
    return !has_tricks(url) && (str_starts(url, STR("https://")) ||
                                str_starts(url, STR("http://")));
}

bool
link_is_safe(struct str url)
{
    if (has_tricks(url))
        return false;
    return link_is_picture(url) || str_starts(url, STR("mailto:")) ||
           str_starts(url, STR("tel:")) ||
           (str_starts(url, STR("/")) && !str_starts(url, STR("//")));
}
