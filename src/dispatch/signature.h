/* signature.h - the same failure gets the same text, so that dead letters can
 * be put in groups: verdict, status, and the first words of what the other
 * side said with numbers, ids and addresses blotted out. Pure. */
#pragma once

#include "base/arena.h"
#include "domain/verdict.h"

#define SIGNATURE_WORDS_MAX 6

struct str signature_of(struct arena *a, enum verdict v, int status,
                        struct str detail);
