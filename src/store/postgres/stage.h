/* stage.h - a database for a play: made on the same server, with a clock that
 * who plays owns, and dropped after. Statements that ask what time it is get
 * that clock's time, as its functions stand before PostgreSQL's own in the
 * search path; the lives of processes go by pg_catalog's, which is named there.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct postgres_stage;

/* url: of any database on the server, by a user who may make databases.
 * ERR_IO, ERR_INVALID with a line in *ret_why. */
enum err postgres_stage_make(const char *url, int64_t wall_ms,
                             struct postgres_stage **ret,
                             const char **ret_why) MUST_CHECK;
const char *postgres_stage_url(const struct postgres_stage *s);
bool postgres_stage_set_time(struct postgres_stage *s, int64_t wall_ms);
void postgres_stage_remove(struct postgres_stage *s); /* NULL is allowed */
