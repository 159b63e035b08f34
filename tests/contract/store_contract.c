/* store_contract.c - the suites that every driver passes, and its own tests. */
#include <assert.h>
#include <stdlib.h>

#include "store_rig.h"

int
run_contract(const char *name, const struct CMUnitTest *more, size_t n_more)
{
    size_t n = queue_tests_n + document_tests_n + work_tests_n +
               digest_tests_n + n_more;
    struct CMUnitTest *all = calloc(n, sizeof(*all));
    int n_failed;

    assert(all);
    memcpy(all, queue_tests, queue_tests_n * sizeof(*all));
    memcpy(all + queue_tests_n, document_tests,
           document_tests_n * sizeof(*all));
    memcpy(all + queue_tests_n + document_tests_n, work_tests,
           work_tests_n * sizeof(*all));
    memcpy(all + queue_tests_n + document_tests_n + work_tests_n, digest_tests,
           digest_tests_n * sizeof(*all));
    if (n_more > 0)
        memcpy(all + n - n_more, more, n_more * sizeof(*all));
    n_failed = _cmocka_run_group_tests(name, all, n, NULL, NULL);
    free(all);
    return n_failed;
}
