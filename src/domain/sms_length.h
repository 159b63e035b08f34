/* sms_length.h - how long a text is as an SMS (3GPP TS 23.038, 23.040): in the
 * GSM alphabet of 7 bits, or where it does not suffice in UCS-2. Pure. */
#pragma once

#include "base/str.h"

struct sms_length {
    bool is_gsm7;
    size_t n;        /* septets, or units of 16 bits */
    size_t segments; /* messages that it is sent as */
};

struct sms_length sms_length_of(struct str text);
