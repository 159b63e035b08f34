#include "domain/attachment.h"

/* ---- names ---- */

/* Of a character that is longer than a byte: controls of C1, the separators
 * that some software takes for line ends, and what turns the direction of
 * writing, by which "exe.txt" can read as "txt.exe". */
static bool
is_treacherous(struct str c)
{
    static const char *const from_to[][2] = {
        {"\xc2\x80", "\xc2\x9f"},
        {"\xe2\x80\x8e", "\xe2\x80\x8f"},
        {"\xe2\x80\xa8", "\xe2\x80\xae"},
        {"\xe2\x81\xa6", "\xe2\x81\xa9"},
    };

    for (size_t i = 0; i < sizeof(from_to) / sizeof(from_to[0]); i++)
        if (str_cmp(c, str_from(from_to[i][0])) >= 0 &&
            str_cmp(c, str_from(from_to[i][1])) <= 0)
            return true;
    return false;
}

const char *
attachment_name_fault(struct str name)
{
    if (name.n == 0 || name.n > ATTACHMENT_NAME_MAX)
        return "must be 1 to 255 bytes";
    if (!str_is_utf8(name))
        return "must be UTF-8";
    for (size_t i = 0, n; i < name.n; i += n) {
        struct str rest = str_sub(name, i, name.n);
        unsigned char c = (unsigned char)rest.p[0];

        n = str_utf8_char(rest);
        if (c == '/' || c == '\\')
            return "must be a name without a path";
        if (c < 0x20 || c == 0x7f ||
            (n > 1 && is_treacherous(str_sub(rest, 0, n))))
            return "must not have control characters";
    }
    if (str_is(name, ".") || str_is(name, "..") || str_trim(name).n != name.n)
        return "must be a name that a file can have";
    return NULL;
}

/* ---- media types ---- */

static bool
is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || (c != 0 && strchr("!#$&^_.+-", c));
}

static bool
is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char(s.p[i]))
            return false;
    return s.n > 0;
}

/* name=value, whose value is a token, with quotes or without. */
static bool
is_parameter(struct str s)
{
    ptrdiff_t sign = str_find(s, '=');
    struct str value;

    if (sign <= 0)
        return false;
    value = str_sub(s, (size_t)sign + 1, s.n);
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = str_sub(value, 1, value.n - 2);
    return is_token(str_sub(s, 0, (size_t)sign)) && is_token(value);
}

const char *
attachment_type_fault(struct str type)
{
    struct str rest = type, essence, parameter;
    ptrdiff_t slash;

    if (type.n == 0 || type.n > ATTACHMENT_TYPE_MAX)
        return "must be 1 to 255 bytes";
    str_split(&rest, ';', &essence);
    slash = str_find(essence, '/');
    if (slash <= 0 || !is_token(str_sub(essence, 0, (size_t)slash)) ||
        !is_token(str_sub(essence, (size_t)slash + 1, essence.n)))
        return "must be a media type such as \"application/pdf\"";
    while (str_split(&rest, ';', &parameter))
        if (!is_parameter(str_trim(parameter)))
            return "must be a media type with parameters such as "
                   "\"text/csv; charset=utf-8\"";
    essence = str_sub(essence, 0, (size_t)slash);
    if (str_ieq(essence, STR("multipart")) || str_ieq(essence, STR("message")))
        return "must be the type of a file, not of a mail or a part of one";
    return NULL;
}

/* ---- base64 ---- */

static bool
is_base64_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool
attachment_size(struct str base64, size_t *ret)
{
    size_t n = base64.n, n_pads = 0;

    if (n % 4 != 0)
        return false;
    while (n_pads < 2 && n > 0 && base64.p[n - 1] == '=') {
        n--;
        n_pads++;
    }
    for (size_t i = 0; i < n; i++)
        if (!is_base64_char(base64.p[i]))
            return false;
    *ret = base64.n / 4 * 3 - n_pads;
    return true;
}
