/* append.c - see append.h. */
#include "dispatch/append.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum append_outcome
write_all(int fd, struct str bytes)
{
    size_t at = 0;

    while (at < bytes.n) {
        ssize_t n = write(fd, bytes.p + at, bytes.n - at);

        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return at == 0 ? APPEND_NOTHING : APPEND_PART;
    }
    return APPEND_DONE;
}

/* Pipes and sockets could block for ever. */
static bool
is_writable_kind(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode));
}

enum append_outcome
append_to_file(struct arena *a, struct str path, struct str bytes,
               struct str *ret_why)
{
    enum append_outcome outcome = APPEND_NOTHING;
    int fd =
        open(str_cstr(a, path),
             O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
             0640);

    if (fd < 0) {
        *ret_why = str_fmt(a, "cannot open the file: %s", strerror(errno));
        return APPEND_NOTHING;
    }
    if (!is_writable_kind(fd)) {
        *ret_why = STR("the path is not a regular file");
    } else {
        outcome = write_all(fd, bytes);
        if (outcome != APPEND_DONE)
            *ret_why = str_fmt(a, "cannot write the file: %s", strerror(errno));
    }
    if (close(fd) != 0 && outcome == APPEND_DONE) {
        outcome = APPEND_PART;
        *ret_why = str_fmt(a, "cannot close the file: %s", strerror(errno));
    }
    return outcome;
}
