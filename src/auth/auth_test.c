#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/key.h"
#include "auth/token.h"
#include "auth/vault.h"
#include "base/arena.h"

static const uint8_t secret[VAULT_SECRET_BYTES] =
    "0123456789abcdef0123456789abcde";
static const uint8_t other[VAULT_SECRET_BYTES] =
    "another secret that is different";

static void
a_key_opens_with_its_own_text_only(void **state)
{
    char text[AUTH_KEY_TEXT_MAX], text2[AUTH_KEY_TEXT_MAX];
    struct auth_key k = {0}, k2 = {0};
    struct str id, s, full = auth_key_make(text, &k);
    struct str full2 = auth_key_make(text2, &k2);

    (void)state;
    assert_true(str_starts(full, STR("bf_")));
    assert_true(auth_key_split(full, &id, &s));
    assert_true(str_is(id, k.id));
    assert_true(auth_key_matches(&k, s));
    assert_true(auth_key_split(full2, &id, &s));
    assert_false(auth_key_matches(&k, s));
    assert_false(auth_key_split(STR("bf_short"), &id, &s));
    assert_false(auth_key_split(STR("xx_0123456789abcdef_x"), &id, &s));
}

static void
a_stored_key_reads_back_without_its_secret(void **state)
{
    struct arena *a = arena_new();
    char text[AUTH_KEY_TEXT_MAX];
    struct auth_key k = {.scopes = AUTH_SEND | AUTH_METRICS, .expires_ms = 7};
    struct auth_key back;
    struct str full = auth_key_make(text, &k), id, s;
    struct buf out;
    struct json_writer w;
    struct json_doc doc;
    struct json_error e;

    (void)state;
    buf_init(&out, a);
    w = json_writer(&out);
    auth_key_write(&k, STR("ci"), 5, &w);
    assert_int_equal(json_parse(a, buf_str(&out), &doc, &e), ERR_OK);
    assert_true(auth_key_read(a, json_root(&doc), &back));
    assert_int_equal(back.scopes, k.scopes);
    assert_int_equal(back.expires_ms, 7);
    assert_true(auth_key_split(full, &id, &s));
    assert_true(auth_key_matches(&back, s));
    assert_null(memmem(out.p, out.n, s.p, s.n));
    arena_free(a);
}

static void
a_sealed_secret_opens_only_where_it_was_put(void **state)
{
    struct arena *a = arena_new();
    struct vault *v = vault_from(secret), *v2 = vault_from(other);
    struct str sealed =
        vault_seal(v, a, STR("1/provider/mail"), STR("hunter2"));
    struct str plain;
    char *bent;

    (void)state;
    assert_int_equal(vault_unseal(v, a, STR("1/provider/mail"), sealed, &plain),
                     ERR_OK);
    assert_true(str_is(plain, "hunter2"));
    assert_int_equal(vault_unseal(v, a, STR("2/provider/mail"), sealed, &plain),
                     ERR_INVALID);
    assert_int_equal(
        vault_unseal(v2, a, STR("1/provider/mail"), sealed, &plain),
        ERR_INVALID);
    for (size_t i = 0; i < sealed.n - 1; i++) {
        bent = str_cstr(a, sealed);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        assert_int_equal(vault_unseal(v, a, STR("1/provider/mail"),
                                      (struct str){bent, sealed.n}, &plain),
                         ERR_INVALID);
    }
    vault_free(v);
    vault_free(v2);
    arena_free(a);
}

static void
a_token_is_good_until_it_expires_and_for_one_vault(void **state)
{
    struct arena *a = arena_new();
    struct vault *v = vault_from(secret), *v2 = vault_from(other);
    struct token_claims c = {STR("u1"), STR("default"), 1000000}, back;
    struct str t = token_make(v, a, &c);
    struct str none = STR("eyJhbGciOiJub25lIn0."
                          "eyJzdWIiOiJ1MSIsIndzIjoiZGVmYXVsdCIsImV4cCI6OX0.");

    (void)state;
    assert_true(token_read(v, a, t, 999999, &back));
    assert_true(str_is(back.user, "u1"));
    assert_true(str_is(back.workspace, "default"));
    assert_false(token_read(v, a, t, 1000000, &back));
    assert_false(token_read(v2, a, t, 0, &back));
    assert_false(token_read(v, a, none, 0, &back));
    assert_false(token_read(v, a, str_sub(t, 0, t.n - 5), 0, &back));
    assert_false(token_read(v, a, STR(""), 0, &back));
    vault_free(v);
    vault_free(v2);
    arena_free(a);
}

static void
a_secret_file_is_made_once_and_kept_private(void **state)
{
    char dir[] = "/tmp/belfry-vault-XXXXXX", path[64];
    struct vault *v = NULL, *again = NULL;
    const char *why = NULL;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/k", dir);
    assert_int_equal(vault_open(path, false, &v, &why), ERR_IO);
    assert_int_equal(vault_open(path, true, &v, &why), ERR_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(vault_open(path, true, &again, &why), ERR_OK);
    assert_memory_equal(vault_id_key(v), vault_id_key(again), ID_KEY_BYTES);
    assert_int_equal(truncate(path, 31), 0);
    vault_free(again);
    assert_int_equal(vault_open(path, true, &again, &why), ERR_INVALID);
    vault_free(v);
    unlink(path);
    rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_opens_with_its_own_text_only),
        cmocka_unit_test(a_stored_key_reads_back_without_its_secret),
        cmocka_unit_test(a_sealed_secret_opens_only_where_it_was_put),
        cmocka_unit_test(a_token_is_good_until_it_expires_and_for_one_vault),
        cmocka_unit_test(a_secret_file_is_made_once_and_kept_private),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
