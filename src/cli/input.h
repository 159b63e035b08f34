/* input.h - what a command reads: files, or stdin by the name "-". */
#pragma once

#include <stdio.h>

#include "cli/cli_private.h"

#define INPUT_MAX (8u * 1024 * 1024)

/* All that is left; false: it cannot be read, or is larger than INPUT_MAX. */
bool input_read(struct arena *a, FILE *file, struct str *ret);
/* A file that holds one JSON object. False: complained of; *ret is the exit
 * code. */
bool input_object(struct cli *c, struct str name, struct json *ret_doc,
                  int *ret);
/* Text as JSON; false with what is wrong, and in which line. */
bool input_parse(struct arena *a, struct str text, struct json *ret,
                 struct str *ret_why);
