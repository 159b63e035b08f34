/* store_documents.c - objects, inboxes and what is read: what each driver must
 * keep. */
#include "store_rig.h"

static enum err
put(struct rig *r, const char *key, const char *body, int64_t if_version,
    struct store_object_write *ret)
{
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = ret, .n_writes = 1};

    *ret = (struct store_object_write){.kind = OBJECT_USER,
                                       .key = str_from(key),
                                       .body = str_from(body),
                                       .if_version = if_version,
                                       .num = 77};
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    return ret->err;
}

static void
a_document_has_versions_that_go_on_after_a_delete(void **state)
{
    struct rig *r = *state;
    struct store_object_write w;
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_USER,
                                    .key = STR("ann"),
                                    .if_version = 1};

    assert_int_equal(put(r, "ann", "{}", 0, &w), ERR_OK);
    assert_true(w.is_created);
    assert_int_equal(w.object.version, 1);
    assert_int_equal(w.object.num, 77);
    assert_int_equal(put(r, "ann", "{}", 0, &w), ERR_PRECONDITION);
    assert_int_equal(w.object.version, 1);
    assert_int_equal(put(r, "ann", "{\"a\":1}", 1, &w), ERR_OK);
    assert_false(w.is_created);
    assert_int_equal(w.object.version, 2);
    assert_int_equal(ASK(r, object_delete, &d), ERR_PRECONDITION);
    d.if_version = OBJECT_ANY_VERSION;
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_int_equal(ASK(r, object_delete, &d), ERR_NOT_FOUND);
    assert_int_equal(put(r, "ann", "{}", 2, &w), ERR_PRECONDITION);
    assert_int_equal(w.object.version, 0);
    assert_int_equal(put(r, "ann", "{}", 0, &w), ERR_OK);
    assert_true(w.is_created);
    assert_int_equal(w.object.version, 4);
}

const struct CMUnitTest document_tests[] = {
    RIG_TEST(a_document_has_versions_that_go_on_after_a_delete),
};
const size_t document_tests_n =
    sizeof(document_tests) / sizeof(*document_tests);
