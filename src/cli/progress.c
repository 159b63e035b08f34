#include "cli/progress.h"

#define BAR_EVERY_MS 100
#define LINE_EVERY_MS 5000
#define WIDTH 20

static void
put_bar(const struct term *t, uint64_t done, uint64_t whole, struct buf *out)
{
    uint64_t filled = done >= whole ? WIDTH : done * WIDTH / whole;

    for (uint64_t i = 0; i < WIDTH; i++)
        buf_put_cstr(out, term_symbol(t, i < filled ? TERM_BAR : TERM_DOT));
    buf_printf(out, " %3u %%  ",
               (unsigned)(done >= whole ? 100 : done * 100 / whole));
}

static void
draw(struct progress *p, uint64_t done, uint64_t whole, uint64_t n)
{
    struct term *t = &p->cli->err;
    struct buf out = {0};

    buf_put_cstr(&out, "\r\033[K");
    if (whole > 0)
        put_bar(t, done, whole, &out);
    buf_printf(&out, "%llu %s", (unsigned long long)n, p->what);
    term_write(t, buf_str(&out));
    buf_fini(&out);
    p->is_drawn = true;
}

void
progress_show(struct progress *p, uint64_t done, uint64_t whole, uint64_t n)
{
    bool is_tty = p->cli->err.is_tty;
    int64_t now = clock_system()->mono_ms(clock_system());

    if (p->drawn_ms == 0)
        p->drawn_ms = now; /* what is quick needs no word */
    if (now - p->drawn_ms < (is_tty ? BAR_EVERY_MS : LINE_EVERY_MS))
        return;
    p->drawn_ms = now;
    if (is_tty)
        draw(p, done, whole, n);
    else
        fprintf(p->cli->err.file, "%llu %s\n", (unsigned long long)n, p->what);
}

void
progress_hide(struct progress *p)
{
    if (p->is_drawn)
        term_write(&p->cli->err, STR("\r\033[K"));
    p->is_drawn = false;
}
