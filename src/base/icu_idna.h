/* icu_idna.h - domain names outside ASCII, by ICU: UTS 46, non-transitional, so
 * as browsers and registries have them. Any thread. */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* The A-labels of a name in UTF-8 ("m\u00fcnchen.example" is
 * "xn--mnchen-3ya.example"). ERR_INVALID: it is no name that could be
 * registered; ERR_UNAVAILABLE: there is no ICU. */
enum err icu_domain(struct arena *a, struct str name,
                    struct str *ret) MUST_CHECK;
