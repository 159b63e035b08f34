#include "domain/plan.h"

#include "domain/preference.h"

static struct str
field_of(struct arena *a, const struct plan_recipient *r, const char *field)
{
    struct json given = json_get(r->given, field);

    if (!json_is(given, JSON_ABSENT))
        return json_str(a, given);
    return json_str_of(a, r->stored, field);
}

struct str
plan_address(struct arena *a, const struct plan_recipient *r, const char *field,
             const char *fallback)
{
    struct str address = STR_NONE;

    if (field)
        address = field_of(a, r, field);
    if (address.n == 0 && fallback)
        address = field_of(a, r, fallback);
    return address;
}

/* The order in which they decide is part of the contract: the suppression list,
 * a critical category, then what was chosen. */
static enum reason
why_unwanted(const struct plan *p, const struct plan_recipient *r,
             const struct plan_channel *c)
{
    const struct preference_query q = {
        .arena = p->arena,
        .user = r->preferences,
        .defaults = p->defaults,
        .category = p->category,
        .channel = c->name,
        .now_ms = p->now_ms,
    };

    if (p->configured && p->configured->is_critical)
        return REASON_NONE;
    return preference_decide(&q);
}

static enum reason
why_unreachable(const struct plan_recipient *r, const struct plan_channel *c,
                struct str address)
{
    if (c->is_in_app)
        return r->user.n == 0 ? REASON_CONTACT_MISSING : REASON_NONE;
    if (c->lane == 0)
        return REASON_PROVIDER_NONE;
    return address.n > 0 || c->has_target ? REASON_NONE
                                          : REASON_CONTACT_MISSING;
}

static enum reason
why_not(const struct plan *p, const struct plan_recipient *r,
        const struct plan_channel *c)
{
    struct str address = STR_NONE;
    enum reason why = REASON_NONE;

    if (p->is_expired)
        return REASON_EXPIRED;
    if (!c->is_in_app)
        address =
            plan_address(p->arena, r, c->address_field, c->address_fallback);
    if (address.n > 0 && p->suppressed)
        why = p->suppressed(p->arg, c->name, address);
    if (why == REASON_NONE)
        why = why_unwanted(p, r, c);
    return why != REASON_NONE ? why : why_unreachable(r, c, address);
}

void
plan_decide(const struct plan *p, struct plan_decision *ret)
{
    for (size_t i = 0; i < p->n_recipients; i++) {
        for (size_t j = 0; j < p->n_channels; j++) {
            enum reason why = why_not(p, &p->recipients[i], &p->channels[j]);

            *ret++ = (struct plan_decision){
                .recipient = &p->recipients[i],
                .channel = &p->channels[j],
                .verdict = why == REASON_NONE ? PLAN_SEND : PLAN_SKIP,
                .reason = why,
            };
        }
    }
}

const char *
plan_verdict_name(enum plan_verdict v)
{
    static const char *const names[] = {"send", "skip", "hold"};

    return names[v];
}
