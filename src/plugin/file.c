/* file.c - see file.h. */
#include "plugin/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "plugin/manifest.h"

#define READ_CHUNK (64 * 1024)

const char *
plugin_folder_fault(const struct stat *st)
{
    if (!S_ISDIR(st->st_mode))
        return "is no folder, or a symbolic link: name the folder itself";
    if (st->st_uid != 0)
        return "does not belong to root: chown root it";
    if (st->st_mode & S_ISVTX) /* as /tmp, which is to stay so */
        return "is for everybody: put plugins into a folder of root's own";
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return "can be written by others than root: chmod go-w it";
    return NULL;
}

const char *
plugin_file_fault(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "is no file, or a symbolic link: put the file itself there";
    if (st->st_uid != 0)
        return "does not belong to root: chown root it";
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return "can be written by others than root: chmod go-w it";
    if (st->st_size > PLUGIN_FILE_MAX)
        return "is larger than 64 MiB, which no plugin is";
    return NULL;
}

static const char *
say(struct arena *a, struct str path, const char *fault)
{
    return str_cstr(a, str_fmt(a, "%.*s %s", STR_ARG(path), fault));
}

/* The next part of the path, opened in the folder before it. */
static int
open_in(int folder, const char *name, bool is_last)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

    return openat(folder, name, is_last ? flags : flags | O_PATH);
}

static int
check_opened(struct arena *a, int fd, struct str so_far, bool is_last,
             const char **ret_why)
{
    const char *fault;
    struct stat st;

    if (fd < 0 && errno == ELOOP)
        fault = "is a symbolic link: name what it leads to";
    else if (fd < 0 && errno == ENOENT)
        fault = "is not there: install it, or take it out of plugins.allow";
    else if (fd < 0)
        fault = strerror(errno);
    else if (fstat(fd, &st) != 0)
        fault = strerror(errno);
    else
        fault = is_last ? plugin_file_fault(&st) : plugin_folder_fault(&st);
    if (!fault)
        return fd;
    *ret_why = fd < 0 && errno != ELOOP && errno != ENOENT
                   ? say(a, so_far,
                         str_cstr(a, str_fmt(a, "cannot be opened: %s", fault)))
                   : say(a, so_far, fault);
    if (fd >= 0)
        close(fd);
    return -1;
}

int
plugin_file_open(struct arena *a, const char *path, const char **ret_why)
{
    struct str whole = str_from(path), rest = str_sub(whole, 1, whole.n), part;
    int folder;

    if (whole.n == 0 || path[0] != '/') {
        *ret_why = say(a, whole, "is no absolute path: begin it with a slash");
        return -1;
    }
    folder = check_opened(a, open_in(AT_FDCWD, "/", false), STR("/"), false,
                          ret_why);
    while (folder >= 0 && str_split(&rest, '/', &part)) {
        struct str so_far = str_sub(whole, 0, (size_t)(part.p - path) + part.n);
        bool is_last = rest.p == NULL;
        int next;

        if (part.n == 0 || str_is(part, ".") || str_is(part, "..")) {
            *ret_why = say(a, whole, "has an empty part, . or .. in it");
            close(folder);
            return -1;
        }
        next = open_in(folder, str_cstr(a, part), is_last);
        next = check_opened(a, next, so_far, is_last, ret_why);
        close(folder);
        folder = next;
    }
    return folder;
}

/* ---- its hash ---- */

static bool
digest_file(int fd, EVP_MD_CTX *md, unsigned char sum[EVP_MAX_MD_SIZE])
{
    char chunk[READ_CHUNK];
    off_t at = 0;
    ssize_t n;

    if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        return false;
    while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
        at += n;
        if (at > PLUGIN_FILE_MAX || EVP_DigestUpdate(md, chunk, (size_t)n) != 1)
            return false;
    }
    return n == 0 && EVP_DigestFinal_ex(md, sum, NULL) == 1;
}

bool
plugin_file_hash(int fd, char ret[static PLUGIN_HASH_SIZE])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool is_good = md && digest_file(fd, md, sum);

    EVP_MD_CTX_free(md);
    for (size_t i = 0; is_good && i < 32; i++)
        snprintf(ret + 2 * i, 3, "%02x", sum[i]);
    return is_good;
}

bool
plugin_allowed_parse(struct arena *a, struct str text,
                     struct plugin_allowed *ret)
{
    const struct str mark = STR("sha256:");
    struct str rest = text, name, hash;

    if (!str_split(&rest, '=', &name) || !str_starts(rest, mark))
        return false;
    hash = str_sub(rest, mark.n, rest.n);
    if (!manifest_is_name(name) || hash.n != PLUGIN_HASH_SIZE - 1)
        return false;
    for (size_t i = 0; i < hash.n; i++)
        if (str_hex_digit(hash.p[i]) < 0)
            return false;
    ret->name = name;
    ret->hash = str_lower(a, hash);
    return true;
}

static const char *
hash_fault(struct arena *a, int fd, const char *path, struct str wanted)
{
    char hash[PLUGIN_HASH_SIZE];

    if (!plugin_file_hash(fd, hash))
        return str_cstr(a, str_fmt(a, "%s cannot be read", path));
    if (str_is(wanted, hash))
        return NULL;
    return str_cstr(
        a, str_fmt(a,
                   "%s is not what plugins.allow says: its hash is sha256:%s. "
                   "If that is the file that you want, put this hash there",
                   path, hash));
}

int
plugin_allowed_open(struct arena *a, struct str folder, struct str item,
                    struct plugin_allowed *ret, const char **ret_why)
{
    const char *path;
    int fd;

    *ret = (struct plugin_allowed){0};
    if (!plugin_allowed_parse(a, item, ret)) {
        *ret_why = "give it as name=sha256:HEX, as belfry plugin hash FILE "
                   "writes it";
        return -1;
    }
    path = str_cstr(
        a, str_fmt(a, "%.*s/%.*s.so", STR_ARG(folder), STR_ARG(ret->name)));
    fd = plugin_file_open(a, path, ret_why);
    if (fd < 0)
        return -1;
    *ret_why = hash_fault(a, fd, path, ret->hash);
    if (!*ret_why)
        return fd;
    close(fd);
    return -1;
}
