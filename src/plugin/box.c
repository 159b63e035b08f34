/* box.c - see box.h. The filter is written by hand: it is a list of numbers,
 * and a library for it would be one more part in each process. */
#include "plugin/box.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534 /* of all Linux systems; owns no file */
#define DATA_MAX (256UL * 1024 * 1024)
#define STACK_MAX (8UL * 1024 * 1024)
#define DESCRIPTORS_MAX 32

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* Sanitizers map terabytes of shadow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||     \
    __has_feature(memory_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0
#endif

/* One that is lower already stays. */
static int
set_limit(__rlimit_resource_t what, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(what, &now) != 0)
        return -1;
    if (now.rlim_max < most)
        most = now.rlim_max;
    return setrlimit(what, &(struct rlimit){most, most});
}

const char *
box_limit(void)
{
    /* Else the first byte beyond the limit would end it. */
    signal(SIGXFSZ, SIG_IGN);
    if (set_limit(RLIMIT_CORE, 0) != 0 || set_limit(RLIMIT_FSIZE, 0) != 0 ||
        set_limit(RLIMIT_NPROC, 0) != 0 ||
        set_limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) != 0)
        return "the limits could not be set";
    if ((!HAS_SHADOW && set_limit(RLIMIT_DATA, DATA_MAX) != 0) ||
        set_limit(RLIMIT_STACK, STACK_MAX) != 0)
        return "the limit of memory could not be set";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return "new privileges could not be ruled out";
    return NULL;
}

static const char *
leave_root(void)
{
    if (geteuid() != 0)
        return NULL;
    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        return "the rights of root could not be given up";
    return NULL;
}

#ifdef ARCH
#define LOAD(member)                                                           \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ALLOW(name)                                                            \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                     \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
/* The lower half of the argument: both architectures have it first, and the
 * kernel looks at no more of these. */
#define ALLOW_IF(name, argument, test, value, if_so, else_so)                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4),                     \
        LOAD(args[argument]),                                                  \
        BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (if_so), (else_so)),       \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                          \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW_EQUAL(name, argument, value)                                     \
    ALLOW_IF(name, argument, BPF_JEQ, value, 0, 1)
#define ALLOW_WITHOUT(name, argument, bits)                                    \
    ALLOW_IF(name, argument, BPF_JSET, bits, 1, 0)

static const char *
filter_calls(void)
{
    struct sock_filter rules[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        /* what is open */
        ALLOW(read),
        ALLOW(readv),
        ALLOW(write),
        ALLOW(writev),
        ALLOW(close),
        ALLOW(fstat),
        ALLOW(lseek),
        ALLOW(ppoll),
        /* memory: shared one would be beyond the limit of data */
        ALLOW(brk),
        ALLOW_WITHOUT(mmap, 3, MAP_SHARED),
        ALLOW(munmap),
        ALLOW(mremap),
        ALLOW(mprotect),
        ALLOW(madvise),
        /* time, chance, locks */
        ALLOW(clock_gettime),
        ALLOW(clock_nanosleep),
        ALLOW(nanosleep),
        ALLOW(gettimeofday),
        ALLOW(getrandom),
        ALLOW(futex),
        ALLOW(sched_yield),
        ALLOW(restart_syscall),
        /* its own end */
        ALLOW(rt_sigaction),
        ALLOW(rt_sigprocmask),
        ALLOW(rt_sigreturn),
        ALLOW(sigaltstack),
        ALLOW(getpid),
        ALLOW(gettid),
        ALLOW_EQUAL(tgkill, 0, (uint32_t)getpid()), /* nobody else's */
        ALLOW(exit),
        ALLOW(exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {
        .len = sizeof(rules) / sizeof(rules[0]),
        .filter = rules,
    };

    /* With a number of a 32-bit call the architecture is another one; with the
     * x32 bit no number is equal to any of these. The threads that a
     * constructor has begun are under it, too. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                &program) != 0)
        return "the filter of system calls could not be set";
    return NULL;
}
#else
static const char *
filter_calls(void)
{
    return NULL; /* docs/plugins.md says where there is none */
}
#endif

const char *
box_seal(void)
{
    const char *why = leave_root();

    if (why)
        return why;
    /* Both after the rights changed, which undoes them. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return "it could not be bound to its parent";
    return filter_calls();
}
