/* manifest.c - see manifest.h. Pure. */
#include "plugin/manifest.h"

#include "base/url.h"
#include "belfry/channel.h"
#include "plugin/codec.h"
#include "plugin/wire.h"

#define NAME_MAX_BYTES 32
#define VERSION_MAX 64
#define DOC_MAX 500
#define TEXT_MAX (64 * 1024)
#define CHOICES_MAX 32

struct reading {
    struct arena *arena;
    struct wire_reader in;
    struct manifest *m;
    const char *why; /* NULL: all is well so far */
};

bool
manifest_is_name(struct str s)
{
    if (s.n == 0 || s.n > NAME_MAX_BYTES || s.p[0] < 'a' || s.p[0] > 'z')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

static bool
is_line(struct str s, size_t max)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return s.n > 0 && s.n <= max && str_is_utf8(s);
}

static const char *
say(struct reading *r, const char *what, struct str name, const char *fault)
{
    if (!r->why)
        r->why = str_cstr(
            r->arena,
            str_fmt(r->arena, "its %s %.*s %s", what,
                    STR_ARG(manifest_is_name(name) ? name : STR("")), fault));
    return r->why;
}

/* ---- channels ---- */

static const char *
address_field(struct str s)
{
    static const char *const known[] = {"email",    "phone",   "whatsapp",
                                        "telegram", "webhook", "slack",
                                        "discord",  NULL};

    for (size_t i = 0; known[i]; i++)
        if (str_is(s, known[i]))
            return known[i];
    return NULL;
}

static void
read_channel(struct reading *r, size_t i)
{
    struct manifest *m = r->m;
    struct str name = wire_get_str(&r->in, NAME_MAX_BYTES);
    uint32_t flags = wire_get_u32(&r->in);
    struct str address = wire_get_str(&r->in, NAME_MAX_BYTES);
    const uint32_t known =
        BELFRY_CHANNEL_NEEDS_ADDRESS | BELFRY_CHANNEL_HAS_TITLE;

    if (!manifest_is_name(name) || str_is(name, "in_app") ||
        str_is(name, "default"))
        say(r, "channel", name, "has a name that none may have");
    if (address.n > 0 && !address_field(address))
        say(r, "channel", name, "takes an address that users do not have");
    if (flags & ~known)
        say(r, "channel", name, "has flags that this release does not know");
    if ((flags & BELFRY_CHANNEL_NEEDS_ADDRESS) && address.n == 0)
        say(r, "channel", name, "needs an address, and users have none");
    m->channels[i] = str_cstr(r->arena, name);
    m->infos[i] = (struct channel_info){
        .name = m->channels[i],
        .address_field = address_field(address),
        .needs_address = flags & BELFRY_CHANNEL_NEEDS_ADDRESS,
        .has_title = flags & BELFRY_CHANNEL_HAS_TITLE,
    };
}

static void
read_channels(struct reading *r)
{
    size_t n = wire_get_count(&r->in, MANIFEST_CHANNELS_MAX, 12);

    r->m->channels = ARENA_ARRAY(r->arena, const char *, n + 1);
    r->m->infos = ARENA_ARRAY(r->arena, struct channel_info, n + 1);
    r->m->n_infos = n;
    for (size_t i = 0; i < n && !r->why; i++)
        read_channel(r, i);
    if (n == 0 && !r->why)
        r->why = "it serves no channel, or more than eight";
}

/* ---- settings ---- */

static enum field_type
type_of(uint32_t type)
{
    static const enum field_type types[] = {
        [BELFRY_TYPE_STRING] = FIELD_STRING,
        [BELFRY_TYPE_INTEGER] = FIELD_INT,
        [BELFRY_TYPE_BOOLEAN] = FIELD_BOOL,
        [BELFRY_TYPE_DURATION] = FIELD_DURATION,
        [BELFRY_TYPE_URL] = FIELD_URL,
        [BELFRY_TYPE_CHOICE] = FIELD_ENUM,
    };

    return type < sizeof(types) / sizeof(types[0]) ? types[type] : FIELD_END;
}

static const char *const *
read_choices(struct reading *r, struct str text)
{
    const char **list = ARENA_ARRAY(r->arena, const char *, CHOICES_MAX + 1);
    struct str one;
    size_t n = 0;

    while (n < CHOICES_MAX && str_split(&text, ' ', &one))
        if (one.n > 0)
            list[n++] = str_cstr(r->arena, one);
    return list;
}

static bool
is_choice(const struct field *f, struct str text)
{
    for (const char *const *v = f->values; *v; v++)
        if (str_is(text, *v))
            return true;
    return false;
}

static bool
is_within(const struct field *f, int64_t n)
{
    return (f->min == 0 && f->max == 0) ||
           (n >= f->min && (f->max == 0 || n <= f->max));
}

static bool
read_default(const struct field *f, struct str text, struct manifest_value *v)
{
    *v = (struct manifest_value){.is_set = text.n > 0};
    if (text.n == 0)
        return true;
    switch (f->type) {
    case FIELD_INT:
        return str_to_i64(text, &v->number) && is_within(f, v->number);
    case FIELD_DURATION:
        return str_to_duration_ms(text, &v->number) && is_within(f, v->number);
    case FIELD_BOOL:
        v->number = str_is(text, "true");
        return str_is(text, "true") || str_is(text, "false");
    case FIELD_ENUM:
        v->text = text;
        return is_choice(f, text);
    case FIELD_URL:
        v->text = text;
        return !url_fault(text);
    case FIELD_STRING:
    default:
        v->text = text;
        return str_is_utf8(text) && is_within(f, (int64_t)text.n);
    }
}

static void
check_setting(struct reading *r, const struct field *f, uint32_t flags)
{
    struct str name = str_from(f->name);

    if (!manifest_is_name(name))
        say(r, "setting", name, "has a name that none may have");
    if (f->type == FIELD_END)
        say(r, "setting", name, "has a type that this release does not know");
    if (flags & ~(BELFRY_SETTING_REQUIRED | BELFRY_SETTING_SECRET))
        say(r, "setting", name, "has flags that this release does not know");
    if ((f->flags & FIELD_SECRET) && f->type != FIELD_STRING)
        say(r, "setting", name, "is secret and no string");
    if (f->min > f->max && f->max != 0)
        say(r, "setting", name, "has its least above its most");
    if (f->type == FIELD_STRING && (f->min < 0 || f->max > TEXT_MAX))
        say(r, "setting", name, "has bounds that no text has");
    if (str_is(name, "base_url") && f->type != FIELD_URL)
        say(r, "setting", name, "is no URL");
    if (f->type == FIELD_ENUM && !f->values[0])
        say(r, "setting", name, "is a choice of nothing");
    if (!is_line(str_from(f->doc), DOC_MAX))
        say(r, "setting", name, "says no sentence of what it is for");
    for (const struct field *g = r->m->config; g < f; g++)
        if (str_is(name, g->name))
            say(r, "setting", name, "is there twice");
}

static void
read_setting(struct reading *r, size_t i)
{
    struct field *f = &r->m->config[i];
    struct str name = wire_get_str(&r->in, NAME_MAX_BYTES), otherwise, choices;
    uint32_t type = wire_get_u32(&r->in), flags = wire_get_u32(&r->in);

    f->name = str_cstr(r->arena, name);
    f->type = type_of(type);
    f->flags = (flags & BELFRY_SETTING_REQUIRED ? FIELD_REQUIRED : 0u) |
               (flags & BELFRY_SETTING_SECRET ? FIELD_SECRET : 0u);
    f->min = wire_get_i64(&r->in);
    f->max = wire_get_i64(&r->in);
    otherwise = str_dup(r->arena, wire_get_str(&r->in, TEXT_MAX));
    choices = wire_get_str(&r->in, TEXT_MAX);
    if (f->type == FIELD_ENUM)
        f->values = read_choices(r, choices);
    f->doc = str_cstr(r->arena, wire_get_str(&r->in, DOC_MAX));
    if (r->in.is_bad)
        return;
    check_setting(r, f, flags);
    if (!r->why && !read_default(f, otherwise, &r->m->otherwise[i]))
        say(r, "setting", name, "has a default that it would refuse");
    if (otherwise.n > 0 && (flags & BELFRY_SETTING_REQUIRED))
        say(r, "setting", name, "is required and has a default");
}

static void
read_settings(struct reading *r)
{
    size_t n = wire_get_count(&r->in, MANIFEST_SETTINGS_MAX, 40);

    r->m->config = ARENA_ARRAY(r->arena, struct field, n + 1);
    r->m->otherwise = ARENA_ARRAY(r->arena, struct manifest_value, n + 1);
    r->m->n_settings = n;
    for (size_t i = 0; i < n && !r->why && !r->in.is_bad; i++)
        read_setting(r, i);
}

/* ---- all of it ---- */

static void
read_head(struct reading *r)
{
    uint32_t abi = wire_get_u32(&r->in), flags = wire_get_u32(&r->in);
    struct str name = wire_get_str(&r->in, NAME_MAX_BYTES);
    struct str version = wire_get_str(&r->in, VERSION_MAX);

    r->m->title_max = wire_get_u32(&r->in);
    r->m->body_max = wire_get_u32(&r->in);
    r->m->name = str_cstr(r->arena, name);
    r->m->version = str_cstr(r->arena, version);
    r->m->has_target = flags & BELFRY_PLUGIN_HAS_TARGET;
    r->m->takes_receipts = flags & CODEC_TAKES_RECEIPTS;
    if (abi != BELFRY_ABI_VERSION)
        r->why = str_cstr(r->arena,
                          str_fmt(r->arena,
                                  "it was built for ABI %u, and this release "
                                  "has %d: build it anew",
                                  abi, BELFRY_ABI_VERSION));
    else if (!manifest_is_name(name))
        r->why = "its name is not [a-z][a-z0-9_]{0,31}";
    else if (!is_line(version, VERSION_MAX))
        r->why = "it tells no version of 1 to 64 bytes";
    else if (flags & ~(BELFRY_PLUGIN_HAS_TARGET | CODEC_TAKES_RECEIPTS))
        r->why = "it has flags that this release does not know";
}

enum err
manifest_read(struct arena *a, struct str payload, struct manifest *ret,
              const char **ret_why)
{
    struct manifest m = {0};
    struct reading r = {.arena = a, .in = {.rest = payload}, .m = &m};

    read_head(&r);
    if (!r.why)
        read_channels(&r);
    if (!r.why)
        read_settings(&r);
    if (!r.why && !wire_is_done(&r.in))
        r.why = "what it says of itself is not as the ABI has it";
    if (r.why) {
        *ret_why = r.why;
        return ERR_INVALID;
    }
    *ret = m;
    return ERR_OK;
}

struct manifest_value
manifest_value(const struct manifest *m, struct arena *a, struct json config,
               size_t i)
{
    const struct field *f = &m->config[i];
    struct json v = json_get(config, f->name);
    struct manifest_value x = {.is_set = true};

    if (json_is(v, JSON_ABSENT) || json_is(v, JSON_NULL))
        return m->otherwise[i];
    if (f->type == FIELD_INT)
        x.is_set = json_int(v, &x.number);
    else if (f->type == FIELD_BOOL)
        x.number = json_bool(v, false);
    else if (f->type == FIELD_DURATION)
        x.is_set = str_to_duration_ms(json_str(a, v), &x.number);
    else
        x.text = json_str(a, v);
    return x;
}
