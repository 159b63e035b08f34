#include "domain/condition.h"

#include "base/decimal.h"

enum op { EQ, NE, GT, GTE, LT, LTE, IN, CONTAINS, EXISTS };

/* By enum op. */
static const char *const op_names[] = {"eq",  "ne", "gt",       "gte",    "lt",
                                       "lte", "in", "contains", "exists", NULL};

static const struct field leaf_fields[] = {
    {.name = "path",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 512,
     .doc = "What is asked about: \"data.total\", \"user.roles.0\"."},
    {.name = "op",
     .type = FIELD_ENUM,
     .flags = FIELD_REQUIRED,
     .values = op_names},
    {.name = "value",
     .type = FIELD_ANY,
     .doc = "What it is compared with; of `exists`, true or false."},
    {.type = FIELD_END},
};

static const struct field flag_fields[] = {
    {.name = "flag", .type = FIELD_KEY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

/* ---- checking ---- */

struct checking {
    struct problem *problem;
    const char *const *roots;
    int n_nodes, depth;
};

/* The first part of *path, which it loses. */
static struct str
next_part(struct str *path)
{
    ptrdiff_t dot = str_find(*path, '.');
    struct str part = *path;

    if (dot >= 0)
        part = str_sub(*path, 0, (size_t)dot);
    *path = dot < 0 ? STR_NONE : str_sub(*path, (size_t)dot + 1, path->n);
    return part;
}

bool
condition_is_path(struct str path, const char *const *roots)
{
    struct str first = next_part(&path);

    for (; *roots; roots++)
        if (str_is(first, *roots))
            return true;
    return false;
}

struct str
condition_roots_text(struct arena *a, const char *const *roots)
{
    struct buf out;

    buf_init(&out, a);
    for (size_t i = 0; roots[i]; i++)
        buf_printf(&out, "%s\"%s\"",
                   i == 0         ? ""
                   : roots[i + 1] ? ", "
                                  : " or ",
                   roots[i]);
    return buf_str(&out);
}

static void
check_path(struct checking *c, struct json v, struct str at)
{
    struct arena *a = c->problem->arena;
    struct str path = json_str_of(a, v, "path");

    if (path.n > 0 && !condition_is_path(path, c->roots))
        problem_add(c->problem, ERR_INVALID, field_pointer(a, at, STR("path")),
                    "must begin with %.*s",
                    STR_ARG(condition_roots_text(a, c->roots)));
}

static void check(struct checking *c, struct json v, struct str at);

static void
check_list(struct checking *c, struct json list, struct str at)
{
    size_t i = 0;

    if (!json_is(list, JSON_ARRAY) || json_count(list) == 0) {
        problem_add(c->problem, ERR_INVALID, at,
                    "must be an array of at least one condition");
        return;
    }
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v), i++)
        check(c, v, str_fmt(c->problem->arena, "%.*s/%zu", STR_ARG(at), i));
}

static void
check_leaf(struct checking *c, struct json v, struct str at)
{
    struct problem *p = c->problem;
    struct str op = json_str_of(p->arena, v, "op");
    struct json value = json_get(v, "value");
    struct str value_at = field_pointer(p->arena, at, STR("value"));

    field_check(leaf_fields, v, at, p);
    check_path(c, v, at);
    if (str_is(op, "in") && !json_is(value, JSON_ARRAY))
        problem_add(p, ERR_INVALID, value_at, "must be an array");
    else if (str_is(op, "exists") && !json_is(value, JSON_ABSENT) &&
             !json_is(value, JSON_TRUE) && !json_is(value, JSON_FALSE))
        problem_add(p, ERR_INVALID, value_at, "must be true or false");
    else if (op.n > 0 && !str_is(op, "exists") && json_is(value, JSON_ABSENT))
        problem_add(p, ERR_INVALID, value_at, "is required");
}

static void
check_node(struct checking *c, struct json v, struct str at)
{
    static const char *const groups[] = {"all", "any", "not"};
    struct problem *p = c->problem;

    for (size_t i = 0; i < 3; i++) {
        struct json group = json_get(v, groups[i]);
        struct str below = field_pointer(p->arena, at, str_from(groups[i]));

        if (json_is(group, JSON_ABSENT))
            continue;
        if (json_count(v) > 1)
            problem_add(p, ERR_INVALID, at, "must be \"%s\" alone", groups[i]);
        else if (i < 2)
            check_list(c, group, below);
        else
            check(c, group, below);
        return;
    }
    if (json_is(json_get(v, "flag"), JSON_ABSENT))
        check_leaf(c, v, at);
    else
        field_check(flag_fields, v, at, p);
}

static void
check(struct checking *c, struct json v, struct str at)
{
    if (!json_is(v, JSON_OBJECT))
        problem_add(c->problem, ERR_INVALID, at, "must be an object");
    else if (c->depth == CONDITION_DEPTH_MAX)
        problem_add(c->problem, ERR_INVALID, at,
                    "must not be more than %d conditions deep",
                    CONDITION_DEPTH_MAX);
    else if (c->n_nodes == CONDITION_NODES_MAX)
        problem_add(c->problem, ERR_INVALID, at,
                    "must not be one of more than %d conditions",
                    CONDITION_NODES_MAX);
    else {
        c->n_nodes++;
        c->depth++;
        check_node(c, v, at);
        c->depth--;
    }
}

void
condition_check(struct json condition, const char *const *roots, struct str at,
                struct problem *p)
{
    struct checking c = {.problem = p, .roots = roots};

    check(&c, condition, at);
}

/* ---- asking ---- */

struct asking {
    struct arena *arena;
    const struct condition_root *roots;
    size_t n;
};

struct json
condition_look_up(struct str path, const struct condition_root *roots, size_t n)
{
    struct str part = next_part(&path);
    struct json v = {0};
    uint64_t index;

    for (size_t i = 0; i < n; i++)
        if (str_is(part, roots[i].name))
            v = roots[i].value;
    while (path.n > 0) {
        part = next_part(&path);
        if (!json_is(v, JSON_ARRAY))
            v = json_get_str(v, part);
        else if (str_to_u64(part, &index) && index < json_count(v))
            v = json_at(v, (uint32_t)index);
        else
            return (struct json){0};
    }
    return v;
}

static bool
number_of(const struct asking *q, struct json v, struct decimal *ret)
{
    if (json_is(v, JSON_NUMBER))
        return decimal_parse(json_raw(v), ret);
    return json_is(v, JSON_STRING) && decimal_parse(json_str(q->arena, v), ret);
}

/* False: they are not in any order. */
static bool
compare(const struct asking *q, struct json a, struct json b, int *ret)
{
    struct decimal x, y;

    if (number_of(q, a, &x) && number_of(q, b, &y)) {
        *ret = decimal_cmp(&x, &y);
        return true;
    }
    if (!json_is(a, JSON_STRING) || !json_is(b, JSON_STRING))
        return false;
    *ret = str_cmp(json_str(q->arena, a), json_str(q->arena, b));
    return true;
}

/* Two strings are equal as text: "1" is not "1.0". */
static bool
is_equal(const struct asking *q, struct json a, struct json b)
{
    int by;

    if (json_is(a, JSON_STRING) && json_is(b, JSON_STRING))
        return str_eq(json_str(q->arena, a), json_str(q->arena, b));
    if (json_is(a, JSON_NUMBER) || json_is(b, JSON_NUMBER))
        return compare(q, a, b, &by) && by == 0;
    return json_type(a) == json_type(b) &&
           (json_is(a, JSON_TRUE) || json_is(a, JSON_FALSE) ||
            json_is(a, JSON_NULL));
}

static bool
has(const struct asking *q, struct json list, struct json v)
{
    for (struct json x = json_first(list); !json_is(x, JSON_ABSENT);
         x = json_next(list, x))
        if (is_equal(q, x, v))
            return true;
    return false;
}

static bool
has_text(struct str text, struct str part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (str_eq(str_sub(text, i, part.n), part))
            return true;
    return false;
}

static bool
contains(const struct asking *q, struct json v, struct json part)
{
    if (json_is(v, JSON_ARRAY))
        return has(q, v, part);
    return json_is(v, JSON_STRING) && json_is(part, JSON_STRING) &&
           has_text(json_str(q->arena, v), json_str(q->arena, part));
}

static enum op
op_of(struct str name)
{
    for (size_t i = 0; op_names[i]; i++)
        if (str_is(name, op_names[i]))
            return (enum op)i;
    return EQ;
}

static bool
leaf_holds(const struct asking *q, struct json leaf)
{
    struct json v =
        condition_look_up(json_str_of(q->arena, leaf, "path"), q->roots, q->n);
    struct json value = json_get(leaf, "value");
    enum op op = op_of(json_str_of(q->arena, leaf, "op"));
    int by;

    switch (op) {
    case EQ:
        return is_equal(q, v, value);
    case NE:
        return !is_equal(q, v, value);
    case IN:
        return has(q, value, v);
    case CONTAINS:
        return contains(q, v, value);
    case EXISTS:
        return json_is(v, JSON_ABSENT) == json_is(value, JSON_FALSE);
    default:
        return compare(q, v, value, &by) &&
               ((op == GT && by > 0) || (op == GTE && by >= 0) ||
                (op == LT && by < 0) || (op == LTE && by <= 0));
    }
}

static bool
flag_holds(const struct asking *q, struct str key)
{
    struct json flags = condition_look_up(STR("flags"), q->roots, q->n);

    return json_is(json_get_str(flags, key), JSON_TRUE);
}

static bool
holds(const struct asking *q, struct json v)
{
    struct json all = json_get(v, "all"), any = json_get(v, "any"),
                not = json_get(v, "not");

    if (json_is(all, JSON_ARRAY)) {
        for (struct json x = json_first(all); !json_is(x, JSON_ABSENT);
             x = json_next(all, x))
            if (!holds(q, x))
                return false;
        return true;
    }
    if (json_is(any, JSON_ARRAY)) {
        for (struct json x = json_first(any); !json_is(x, JSON_ABSENT);
             x = json_next(any, x))
            if (holds(q, x))
                return true;
        return false;
    }
    if (json_is(not, JSON_OBJECT))
        return !holds(q, not );
    if (json_is(json_get(v, "flag"), JSON_STRING))
        return flag_holds(q, json_str_of(q->arena, v, "flag"));
    return leaf_holds(q, v);
}

bool
condition_holds(struct arena *a, struct json condition,
                const struct condition_root *roots, size_t n)
{
    struct asking q = {.arena = a, .roots = roots, .n = n};

    return holds(&q, condition);
}

static bool
is_root(struct str path, const struct condition_root *roots, size_t n)
{
    struct str first = next_part(&path);

    for (size_t i = 0; i < n; i++)
        if (str_is(first, roots[i].name))
            return true;
    return false;
}

bool
condition_is_known(struct arena *a, struct json condition,
                   const struct condition_root *roots, size_t n)
{
    static const char *const groups[] = {"all", "any"};
    struct json not = json_get(condition, "not");

    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        struct json list = json_get(condition, groups[i]);

        for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
             v = json_next(list, v))
            if (!condition_is_known(a, v, roots, n))
                return false;
        if (json_is(list, JSON_ARRAY))
            return true;
    }
    if (json_is(not, JSON_OBJECT))
        return condition_is_known(a, not, roots, n);
    return is_root(json_str_of(a, condition, "path"), roots, n);
}
