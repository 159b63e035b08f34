/* attach.h - the member "attachments" of a notification, from the files and
 * URLs that --attach names. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "cli/args.h"

/* The media type that the end of a file's name stands for. */
const char *attach_type(struct str name);
/* Reads the files. ERR_INVALID: *ret_why says which of them, and why. */
enum err attach_write(struct arena *a, const struct args *args,
                      struct json_writer *w, struct str *ret_why) MUST_CHECK;
