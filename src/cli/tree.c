#include "cli/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART ".belfry-part" /* of a file that is being written */
#define TOO_LARGE "is larger than 1 MiB"

static bool
fail(const struct tree *t, struct str name, const char *why,
     struct str *ret_why)
{
    *ret_why = str_fmt(t->arena, "%.*s%s%.*s: %s", STR_ARG(t->name),
                       name.n > 0 ? "/" : "", STR_ARG(name), why);
    return false;
}

/* One that is neither a way to elsewhere nor hidden. */
static bool
is_single(struct str name)
{
    return name.n > 0 && name.n < 256 && name.p[0] != '.' &&
           str_find(name, '/') < 0 && !memchr(name.p, 0, name.n);
}

bool
tree_open(struct arena *a, struct str name, bool makes, struct tree *ret,
          struct str *ret_why)
{
    const char *path = str_cstr(a, name);

    *ret = (struct tree){.arena = a, .name = name, .fd = -1};
    while (ret->name.n > 1 && str_ends(ret->name, STR("/")))
        ret->name.n--;
    if (makes && mkdir(path, 0777) != 0 && errno != EEXIST)
        return fail(ret, STR_NONE, strerror(errno), ret_why);
    ret->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return ret->fd >= 0 || fail(ret, STR_NONE, strerror(errno), ret_why);
}

bool
tree_folder(const struct tree *t, const char *name, bool makes,
            struct tree *ret, struct str *ret_why)
{
    *ret = (struct tree){
        .arena = t->arena,
        .name = str_fmt(t->arena, "%.*s/%s", STR_ARG(t->name), name),
        .fd = -1,
    };
    if (makes && mkdirat(t->fd, name, 0777) != 0 && errno != EEXIST)
        return fail(ret, STR_NONE, strerror(errno), ret_why);
    ret->fd =
        openat(t->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return ret->fd >= 0 || errno == ENOENT ||
           fail(ret, STR_NONE, strerror(errno), ret_why);
}

void
tree_close(struct tree *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

static int
by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool
read_names(const struct tree *t, DIR *dir, struct buf *names,
           struct str *ret_why)
{
    const struct dirent *e;

    errno = 0;
    while ((e = readdir(dir)) != NULL) {
        struct str name = str_dup(t->arena, str_from(e->d_name));

        if (!is_single(name))
            continue;
        buf_put(names, &name, sizeof(name));
        if (names->n / sizeof(name) > TREE_FILES_MAX)
            return fail(t, STR_NONE,
                        "there are more than a million files in it", ret_why);
    }
    return errno == 0 || fail(t, STR_NONE, strerror(errno), ret_why);
}

bool
tree_list(const struct tree *t, struct str **ret, size_t *ret_n,
          struct str *ret_why)
{
    int fd = openat(t->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct buf names = {0};
    bool good;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return fail(t, STR_NONE, strerror(errno), ret_why);
    }
    good = read_names(t, dir, &names, ret_why);
    closedir(dir);
    *ret_n = names.n / sizeof(struct str);
    *ret = ARENA_ARRAY(t->arena, struct str, *ret_n);
    if (names.n > 0)
        memcpy(*ret, names.p, names.n);
    qsort(*ret, *ret_n, sizeof(**ret), by_text);
    buf_fini(&names);
    return good;
}

bool
tree_has(const struct tree *t, struct str name)
{
    struct stat st;

    return t->fd >= 0 && fstatat(t->fd, str_cstr(t->arena, name), &st,
                                 AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- reading ---- */

static bool
is_regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
read_all(int fd, struct buf *out)
{
    ssize_t n;

    do {
        buf_reserve(out, 65536);
        n = read(fd, out->p + out->n, 65536);
        out->n += n > 0 ? (size_t)n : 0;
    } while ((n > 0 && out->n <= TREE_FILE_MAX) || (n < 0 && errno == EINTR));
    return n >= 0;
}

static const char *
why_not_opened(int error)
{
    return error == ELOOP ? "is a symbolic link, and none is followed"
                          : strerror(error);
}

bool
tree_read(const struct tree *t, struct str name, struct str *ret,
          struct str *ret_why)
{
    const char *why = NULL;
    struct buf out;
    int fd;

    if (!is_single(name))
        return fail(t, name, "is no name of a file beside it", ret_why);
    /* What is no file, such as a pipe, must not hold us up. */
    fd = openat(t->fd, str_cstr(t->arena, name),
                O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(t, name, why_not_opened(errno), ret_why);
    buf_init(&out, t->arena);
    if (!is_regular(fd))
        why = "is no regular file";
    else if (!read_all(fd, &out))
        why = strerror(errno);
    else if (out.n > TREE_FILE_MAX)
        why = TOO_LARGE;
    else if (!str_is_utf8(buf_str(&out)) ||
             (out.n > 0 && memchr(out.p, 0, out.n)))
        why = "is no UTF-8 text";
    close(fd);
    *ret = buf_str(&out);
    return !why || fail(t, name, why, ret_why);
}

/* ---- writing ---- */

static bool
write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0 && errno != EINTR)
            return false;
        text = str_sub(text, n > 0 ? (size_t)n : 0, SIZE_MAX);
    }
    return true;
}

/* Beside it, and then in its place. */
static bool
write_new(const struct tree *t, struct str name, struct str text,
          struct str *ret_why)
{
    const char *to = str_cstr(t->arena, name);
    bool good;
    int fd;

    unlinkat(t->fd, PART, 0);
    fd = openat(t->fd, PART,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail(t, name, strerror(errno), ret_why);
    good = write_all(fd, text);
    good = close(fd) == 0 && good;
    if (good && renameat(t->fd, PART, t->fd, to) == 0)
        return true;
    fail(t, name, strerror(errno), ret_why);
    unlinkat(t->fd, PART, 0);
    return false;
}

bool
tree_write(const struct tree *t, struct str name, struct str text,
           bool *ret_same, struct str *ret_why)
{
    struct str before;
    struct stat st;

    *ret_same = false;
    if (!is_single(name))
        return fail(t, name, "is no name of a file", ret_why);
    if (text.n > TREE_FILE_MAX)
        return fail(t, name, TOO_LARGE, ret_why);
    if (fstatat(t->fd, str_cstr(t->arena, name), &st, AT_SYMLINK_NOFOLLOW) ==
        0) {
        if (!S_ISREG(st.st_mode))
            return fail(t, name, "is there, and no regular file", ret_why);
        *ret_same =
            tree_read(t, name, &before, ret_why) && str_eq(before, text);
    }
    return *ret_same || write_new(t, name, text, ret_why);
}

bool
tree_remove(const struct tree *t, struct str name, struct str *ret_why)
{
    return (is_single(name) &&
            unlinkat(t->fd, str_cstr(t->arena, name), 0) == 0) ||
           fail(t, name, strerror(errno), ret_why);
}

/* ---- names ---- */

struct str
tree_name_of(struct arena *a, struct str key, const char *end)
{
    struct buf out;

    buf_init(&out, a);
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] == ':' || (key.p[i] == '.' && i == 0))
            buf_printf(&out, "%%%02X", (unsigned char)key.p[i]);
        else
            buf_put_char(&out, key.p[i]);
    buf_put_cstr(&out, end);
    return buf_str(&out);
}

bool
tree_key_of(struct arena *a, struct str name, struct str *ret)
{
    struct buf out;

    buf_init(&out, a);
    for (size_t i = 0; i < name.n; i++) {
        int high, low;

        if (name.p[i] != '%') {
            buf_put_char(&out, name.p[i]);
            continue;
        }
        high = i + 2 < name.n ? str_hex_digit(name.p[i + 1]) : -1;
        low = i + 2 < name.n ? str_hex_digit(name.p[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        buf_put_char(&out, (char)(high * 16 + low));
        i += 2;
    }
    *ret = buf_str(&out);
    /* One name for each key. */
    return str_eq(tree_name_of(a, *ret, ""), name);
}
