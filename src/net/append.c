/* append.c - see append.h. */
#include "net/append.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#define FILES_MAX 16
#define PATH_BYTES_MAX 1024
#define WHY_SIZE 160

struct open_file {
    char *path; /* NULL: this slot is free */
    int fd;
    dev_t device;
    ino_t inode;
    uint64_t used; /* the order of uses */
};

struct append {
    struct open_file files[FILES_MAX];
    uint64_t uses;
};

struct append *
append_new(void)
{
    return xcalloc(1, sizeof(struct append));
}

static void
close_file(struct open_file *f)
{
    if (!f->path)
        return;
    close(f->fd);
    free(f->path);
    *f = (struct open_file){0};
}

void
append_free(struct append *a)
{
    if (!a)
        return;
    for (int i = 0; i < FILES_MAX; i++)
        close_file(&a->files[i]);
    free(a);
}

static void
tell(char why[static WHY_SIZE], const char *what, int error)
{
    char text[64];

    /* The GNU one: the text may be elsewhere than in the buffer. */
    snprintf(why, WHY_SIZE, "%s: %s", what,
             strerror_r(error, text, sizeof(text)));
}

/* Its open file, or the slot to open it in: free, or the least used. */
static struct open_file *
find_slot(struct append *a, const char *path)
{
    struct open_file *best = &a->files[0];

    for (int i = 0; i < FILES_MAX; i++) {
        struct open_file *f = &a->files[i];

        if (f->path && strcmp(f->path, path) == 0)
            return f;
        if (best->path && (!f->path || f->used < best->used))
            best = f;
    }
    close_file(best);
    return best;
}

static bool
is_same_file(const struct open_file *f, const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_dev == f->device &&
           st.st_ino == f->inode;
}

static bool
open_file(struct open_file *f, const char *path, char why[static WHY_SIZE])
{
    /* Not to hang on a pipe that nobody reads. */
    int flags =
        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat st;
    int fd = open(path, flags, 0640);

    if (fd < 0) {
        tell(why, "cannot open the file", errno);
        return false;
    }
    if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))) {
        snprintf(why, WHY_SIZE, "cannot open the file: it is no plain file");
        close(fd);
        return false;
    }
    *f = (struct open_file){.path = xstrdup(path),
                            .fd = fd,
                            .device = st.st_dev,
                            .inode = st.st_ino};
    return true;
}

/* After a write that failed half-way: back to how it was, unless somebody
 * else has written too. */
static enum append_outcome
cut_back(const struct open_file *f, off_t before, size_t written)
{
    struct stat st;

    if (written == 0)
        return APPEND_NOTHING;
    if (fstat(f->fd, &st) == 0 && st.st_size == before + (off_t)written &&
        ftruncate(f->fd, before) == 0)
        return APPEND_NOTHING;
    return APPEND_UNSURE;
}

static enum append_outcome
write_block(const struct open_file *f, struct str block,
            char why[static WHY_SIZE])
{
    struct stat st;
    size_t written = 0;

    if (fstat(f->fd, &st) < 0) {
        tell(why, "cannot look at the file", errno);
        return APPEND_NOTHING;
    }
    while (written < block.n) {
        ssize_t n = write(f->fd, block.p + written, block.n - written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            tell(why, "cannot write the file", n < 0 ? errno : ENOSPC);
            return cut_back(f, st.st_size, written);
        }
        written += (size_t)n;
    }
    return APPEND_DONE;
}

static bool
take_path(struct str path, char name[static PATH_BYTES_MAX + 1],
          char why[static WHY_SIZE])
{
    why[0] = 0;
    if (path.n == 0 || path.n > PATH_BYTES_MAX || memchr(path.p, 0, path.n)) {
        snprintf(why, WHY_SIZE, "cannot open the file: no such path");
        return false;
    }
    memcpy(name, path.p, path.n);
    name[path.n] = 0;
    return true;
}

/* The folder of a file that is not there. */
static bool
may_make(char *name)
{
    char *slash = strrchr(name, '/');

    if (!slash)
        return access(".", W_OK | X_OK) == 0;
    slash[slash == name] = 0;
    return access(name, W_OK | X_OK) == 0;
}

bool
append_could(struct str path, char why[static WHY_SIZE])
{
    char name[PATH_BYTES_MAX + 1];

    if (!take_path(path, name, why))
        return false;
    if (access(name, W_OK) == 0 || (errno == ENOENT && may_make(name)))
        return true;
    tell(why, "cannot open the file", errno);
    return false;
}

enum append_outcome
append_block(struct append *a, struct str path, struct str block, bool is_sync,
             char why[static WHY_SIZE])
{
    char name[PATH_BYTES_MAX + 1];
    enum append_outcome outcome;
    struct open_file *f;

    if (!take_path(path, name, why))
        return APPEND_NOTHING;
    f = find_slot(a, name);
    if (f->path && !is_same_file(f, name))
        close_file(f);
    if (!f->path && !open_file(f, name, why))
        return APPEND_NOTHING;
    f->used = ++a->uses;
    outcome = write_block(f, block, why);
    if (outcome == APPEND_DONE && is_sync && fdatasync(f->fd) < 0 &&
        errno != EINVAL) { /* a device has nothing to sync */
        tell(why, "cannot sync the file", errno);
        outcome = APPEND_UNSURE;
    }
    return outcome;
}
