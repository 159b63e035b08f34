/* language.c - see language.h. The library takes a file that lists what it is
 * to know. Debian's own lists 190 languages, and there English is often Scots
 * as well; ours lists those of many readers, which is what is wanted. Its
 * header defines TRUE and more of the kind, so the two calls are declared here:
 * their shape is that of the soname. */
#include "base/language.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#define LIBRARY "libexttextcat-2.0.so.0"
#define MODELS "/usr/share/libexttextcat/" /* one a language, "de.lm" */

/* Tags, which are the names of the models, too. */
static const char *const languages[] = {
    "ar", "bg", "bn", "ca",      "cs",      "da",      "de", "el", "en",
    "es", "et", "eu", "fa",      "fi",      "fr",      "gl", "he", "hi",
    "hr", "hu", "hy", "id",      "is",      "it",      "ja", "ka", "ko",
    "lt", "lv", "mk", "nb",      "nl",      "pl",      "pt", "ro", "ru",
    "sk", "sl", "sq", "sr-Cyrl", "sr-Latn", "sv",      "sw", "ta", "th",
    "tr", "uk", "ur", "vi",      "zh-Hans", "zh-Hant",
};
#define N_LANGUAGES (sizeof(languages) / sizeof(languages[0]))

typedef void *init_fn(const char *list, const char *folder);
typedef char *classify_fn(void *handle, const char *text, size_t n);

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* The library writes its answer into the handle. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static classify_fn *classify;
static void *handle; /* NULL: it cannot be used */
static char fault[256];

/* With one model that is missing the library has none. */
static void
put_list(struct buf *list)
{
    char name[64];

    for (size_t i = 0; i < N_LANGUAGES; i++) {
        snprintf(name, sizeof(name), MODELS "%s.lm", languages[i]);
        if (access(name, R_OK) == 0)
            buf_printf(list, "%s.lm %s\n", languages[i], languages[i]);
    }
}

/* It reads a list by name only. */
static void *
init_with_list(init_fn *init, int fd)
{
    struct buf list = {0};
    char name[64];
    void *h = NULL;

    put_list(&list);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    if (list.n > 0 && write(fd, list.p, list.n) == (ssize_t)list.n)
        h = init(name, MODELS);
    buf_fini(&list);
    return h;
}

static void
load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    void *init = library ? dlsym(library, "special_textcat_Init") : NULL;
    void *call = library ? dlsym(library, "textcat_Classify") : NULL;
    init_fn *start;
    const char *why;
    int fd;

    if (!init || !call) {
        why = dlerror();
        snprintf(fault, sizeof(fault), "libexttextcat cannot be loaded: %s",
                 why ? why : "it lacks a call");
        return;
    }
    memcpy(&start, &init, sizeof(start));
    memcpy(&classify, &call, sizeof(classify));
    fd = memfd_create("languages", MFD_CLOEXEC);
    if (fd >= 0) {
        handle = init_with_list(start, fd);
        close(fd);
    }
    if (!handle)
        snprintf(fault, sizeof(fault), "libexttextcat has no models in %s",
                 MODELS);
}

const char *
language_fault(void)
{
    pthread_once(&once, load);
    return handle ? NULL : fault;
}

/* "[de]"; where several are alike, "[de][nl]". */
static struct str
read_answer(struct str answer)
{
    for (size_t i = 0; i < N_LANGUAGES; i++) {
        struct str tag = str_from(languages[i]);

        if (answer.n == tag.n + 2 && str_eq(str_sub(answer, 1, tag.n), tag))
            return tag;
    }
    return STR_NONE;
}

/* ---- what was asked lately: many get the same words ---- */

#define ASKED_MAX 8

struct asked {
    char text[LANGUAGE_TEXT_MAX + 1];
    size_t n;
    struct str tag;
};
static struct asked asked[ASKED_MAX]; /* under the mutex, as is: */
static size_t n_asked;

static const struct asked *
find_asked(struct str text)
{
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (text.n == asked[i].n && memcmp(text.p, asked[i].text, text.n) == 0)
            return &asked[i];
    return NULL;
}

/* It goes on to a NUL, whatever length it is told. */
static const struct asked *
ask(struct str text)
{
    struct asked *a = &asked[n_asked++ % ASKED_MAX];

    memcpy(a->text, text.p, text.n);
    a->text[text.n] = '\0';
    a->n = text.n;
    a->tag = read_answer(str_from(classify(handle, a->text, a->n)));
    return a;
}

/* Once, as it stays so. */
static bool
is_there(void)
{
    static atomic_flag is_told = ATOMIC_FLAG_INIT;
    const char *why = language_fault();

    if (why && !atomic_flag_test_and_set(&is_told))
        LOG_WARN("language.unavailable", log_cstr("why", why));
    return !why;
}

struct str
language_of_text(struct str text)
{
    const struct asked *a;
    struct str tag;

    text = str_utf8_clip(text, LANGUAGE_TEXT_MAX);
    if (text.n < LANGUAGE_TEXT_MIN || !is_there())
        return STR_NONE;
    pthread_mutex_lock(&mutex);
    a = find_asked(text);
    if (!a)
        a = ask(text);
    tag = a->tag;
    pthread_mutex_unlock(&mutex);
    return tag;
}
