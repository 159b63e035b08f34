#include "cli/access.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/term.h"

#define FILE_MAX_BYTES 65536
#define OTHERS (S_IRWXG | S_IRWXO)

struct str
access_dev_path(struct arena *a, const char *const *env)
{
    struct str config = term_env(env, "XDG_CONFIG_HOME");
    struct str home = term_env(env, "HOME");

    if (str_starts(config, STR("/")))
        return str_fmt(a, "%.*s/belfry/dev.json", STR_ARG(config));
    if (str_starts(home, STR("/")))
        return str_fmt(a, "%.*s/.config/belfry/dev.json", STR_ARG(home));
    return STR_NONE;
}

/* 0, or errno. */
static int
read_fd(int fd, struct buf *out)
{
    ssize_t n;

    do {
        buf_reserve(out, 4096);
        n = read(fd, out->p + out->n, 4096);
        if (n > 0)
            out->n += (size_t)n;
    } while ((n > 0 && out->n <= FILE_MAX_BYTES) || (n < 0 && errno == EINTR));
    if (n < 0)
        return errno;
    return out->n > FILE_MAX_BYTES ? EFBIG : 0;
}

/* 0, or errno. *ret_mode tells who may read it. */
static int
read_file(struct arena *a, const char *path, struct str *ret, mode_t *ret_mode)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), failed;
    struct stat st = {0};
    struct buf out;

    if (fd < 0)
        return errno;
    buf_init(&out, a);
    failed = fstat(fd, &st) < 0 ? errno : read_fd(fd, &out);
    close(fd);
    *ret = buf_str(&out);
    *ret_mode = st.st_mode;
    return failed;
}

static struct str
first_line(struct str text)
{
    struct str line = STR_NONE;

    str_split(&text, '\n', &line);
    if (str_ends(line, STR("\r")))
        line.n--;
    return str_trim(line);
}

static enum err
read_key_file(struct arena *a, struct str path, struct access *ret,
              struct str *ret_why)
{
    struct str text = STR_NONE;
    mode_t mode = 0;
    int failed;

    if (str_is(path, "-")) {
        struct buf out;

        buf_init(&out, a);
        failed = read_fd(STDIN_FILENO, &out);
        text = buf_str(&out);
    } else {
        failed = read_file(a, str_cstr(a, path), &text, &mode);
    }
    ret->key = first_line(text);
    ret->key_from = STR("--key-file");
    if (failed == 0 && ret->key.n > 0) {
        if (S_ISREG(mode) && (mode & OTHERS))
            ret->warning = str_fmt(a,
                                   "%.*s can be read by others; chmod 600 "
                                   "%.*s",
                                   STR_ARG(path), STR_ARG(path));
        return ERR_OK;
    }
    *ret_why = str_fmt(a, "--key-file %.*s: %s", STR_ARG(path),
                       failed ? strerror(failed) : "there is no key in it");
    return ERR_IO;
}

struct dev_file {
    struct str url, key;
};

/* False: there is none, or none that can be trusted. */
static bool
read_dev_file(struct arena *a, const char *const *env, struct access *out,
              struct dev_file *ret)
{
    struct str path = access_dev_path(a, env), text = STR_NONE;
    struct json_error why;
    struct json_doc doc;
    mode_t mode = 0;

    if (path.n == 0 || read_file(a, str_cstr(a, path), &text, &mode) != 0)
        return false;
    if (mode & OTHERS) {
        out->warning = str_fmt(a,
                               "%.*s is not used: others can read it; chmod "
                               "600 %.*s",
                               STR_ARG(path), STR_ARG(path));
        return false;
    }
    if (json_parse(a, text, &doc, &why) != ERR_OK)
        return false;
    ret->url = json_str_of(a, json_root(&doc), "url");
    ret->key = json_str_of(a, json_root(&doc), "key");
    return ret->url.n > 0;
}

static void
find_url(struct arena *a, const struct access_sources *s, struct access *ret)
{
    struct str variable = term_env(s->environ, "BELFRY_URL");
    struct dev_file dev;

    if (s->url.n > 0)
        ret->url = s->url;
    else if (variable.n > 0)
        ret->url = variable;
    else if (read_dev_file(a, s->environ, ret, &dev))
        ret->url = dev.url;
    else
        ret->url = STR(ACCESS_DEFAULT_URL);
}

enum err
access_find(struct arena *a, const struct access_sources *s, struct access *ret,
            struct str *ret_why)
{
    struct str variable = term_env(s->environ, "BELFRY_KEY");
    struct dev_file dev;

    *ret = (struct access){0};
    find_url(a, s, ret);
    if (s->key_file.n > 0 && s->key.n > 0) {
        *ret_why = STR("--key and --key-file say the same thing; keep one");
        return ERR_INVALID;
    }
    if (s->key_file.n > 0)
        return read_key_file(a, s->key_file, ret, ret_why);
    if (s->key.n > 0) {
        ret->key = s->key;
        ret->key_from = STR("--key");
        ret->warning = STR("others on this machine can see a key in the "
                           "arguments; use BELFRY_KEY or --key-file");
    } else if (variable.n > 0) {
        ret->key = variable;
        ret->key_from = STR("BELFRY_KEY");
    } else if (read_dev_file(a, s->environ, ret, &dev) &&
               str_eq(dev.url, ret->url)) {
        ret->key = dev.key;
        ret->key_from = access_dev_path(a, s->environ);
    }
    return ERR_OK;
}

/* ---- the development server's file ---- */

/* Every folder on the way that is not there yet. */
static int
make_folders(struct arena *a, struct str path)
{
    for (size_t i = 1; i < path.n; i++) {
        if (path.p[i] != '/')
            continue;
        if (mkdir(str_cstr(a, str_sub(path, 0, i)), 0700) < 0 &&
            errno != EEXIST)
            return errno;
    }
    return 0;
}

static int
write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0)
            text = str_sub(text, (size_t)n, SIZE_MAX);
    }
    return 0;
}

/* Beside it and then in its place: a reader sees the old one or the new. */
static int
write_file(struct arena *a, struct str path, struct str text)
{
    char *to = str_cstr(a, path);
    char *temporary =
        str_cstr(a, str_fmt(a, "%.*s.%d", STR_ARG(path), (int)getpid()));
    int fd, failed;

    unlink(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
              0600);
    if (fd < 0)
        return errno;
    failed = write_all(fd, text);
    if (close(fd) < 0 && failed == 0)
        failed = errno;
    if (failed == 0 && rename(temporary, to) < 0)
        failed = errno;
    if (failed != 0)
        unlink(temporary);
    return failed;
}

enum err
cli_dev_file_write(struct arena *a, const char *const *env, struct str url,
                   struct str key, struct str *ret_path, struct str *ret_why)
{
    struct str path = access_dev_path(a, env);
    struct json_writer w;
    struct buf out;
    int failed;

    if (path.n == 0) {
        *ret_why = STR("neither XDG_CONFIG_HOME nor HOME is set");
        return ERR_IO;
    }
    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "url", url);
    json_str_field(&w, "key", key);
    json_end_object(&w);
    buf_put_char(&out, '\n');
    failed = make_folders(a, path);
    if (failed == 0)
        failed = write_file(a, path, buf_str(&out));
    if (failed != 0) {
        *ret_why = str_fmt(a, "%.*s: %s", STR_ARG(path), strerror(failed));
        return ERR_IO;
    }
    *ret_path = path;
    return ERR_OK;
}
