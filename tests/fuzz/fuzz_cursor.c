/* fuzz_cursor.c - any Last-Event-ID: no crash, and what is taken for a cursor
 * is exactly what the server would have written; any event data: as many lines
 * as it has, all of them data. */
#include "app/inbox_json.h"
#include "realtime/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

static void
check_cursor(struct str text)
{
    char again[INBOX_CURSOR_SIZE];
    struct inbox_cursor c;

    if (!inbox_cursor_parse(text, &c))
        return;
    CHECK(c.rev >= 0);
    CHECK(str_eq(inbox_cursor_format(again, c), text));
}

static void
check_frame(struct str text)
{
    struct buf out = {0};
    struct str rest, line;

    frame_put(&out, "x", STR("1.1"), text);
    rest = buf_str(&out);
    CHECK(str_ends(rest, STR("\n\n")));
    rest = str_sub(rest, 0, rest.n - 2);
    CHECK(str_split(&rest, '\n', &line) && str_is(line, "event: x"));
    CHECK(str_split(&rest, '\n', &line) && str_is(line, "id: 1.1"));
    while (str_split(&rest, '\n', &line)) {
        CHECK(str_starts(line, STR("data: ")));
        CHECK(str_find(line, '\r') < 0);
    }
    buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str text = {(const char *)data, size};

    check_cursor(text);
    check_frame(text);
    return 0;
}
