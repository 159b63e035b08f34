/* store_contract.c - the suites that every driver passes, and its own tests. */
#include <assert.h>
#include <stdlib.h>

#include "store_rig.h"

int
run_contract(const char *name, const struct CMUnitTest *more, size_t n_more)
{
    const struct {
        const struct CMUnitTest *tests;
        size_t n;
    } suites[] = {
        {queue_tests, queue_tests_n},
        {document_tests, document_tests_n},
        {member_tests, member_tests_n},
        {work_tests, work_tests_n},
        {budget_tests, budget_tests_n},
        {digest_tests, digest_tests_n},
        {workflow_tests, workflow_tests_n},
        {approval_tests, approval_tests_n},
        {trial_tests, trial_tests_n},
        {habit_tests, habit_tests_n},
        {audit_tests, audit_tests_n},
        {receipt_tests, receipt_tests_n},
        {device_tests, device_tests_n},
        {person_tests, person_tests_n},
        {attachment_tests, attachment_tests_n},
        {press_tests, press_tests_n},
        {tell_tests, tell_tests_n},
        {more, n_more},
    };
    struct CMUnitTest *all;
    size_t n_all = 0, n = 0;
    int n_failed;

    for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++)
        n_all += suites[i].n;
    all = calloc(n_all, sizeof(*all));
    assert(all);
    for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++)
        for (size_t j = 0; j < suites[i].n; j++)
            all[n++] = suites[i].tests[j];
    n_failed = _cmocka_run_group_tests(name, all, n, NULL, NULL);
    free(all);
    return n_failed;
}
