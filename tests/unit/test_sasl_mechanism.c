/*
 * Which mechanism is the strongest that will do.
 */
#include "tests/unit/feed.h"

#include "translate/sasl/sasl_mechanism.h"

static const char *chosen(struct sasl_wish wish, const char *offered)
{
    wish.offered = sasl_mechanism_bits(slice_of(offered));
    const struct sasl_mechanism *m = sasl_mechanism_choose(&wish);
    return m ? m->name : "none";
}

static void test_passwords(void **state)
{
    static const struct sasl_wish tls = {.tls = true};
    static const struct sasl_wish bound = {.tls = true, .binding = SASL_BINDING_UNIQUE};
    static const struct sasl_wish newer = {.tls = true, .binding = SASL_BINDING_EXPORTER};
    static const struct sasl_wish cyrus = {
        .tls = true, .binding = SASL_BINDING_EXPORTER, .lacks_exporter = true};
    static const struct sasl_wish cyrus_bound = {
        .tls = true, .binding = SASL_BINDING_UNIQUE, .lacks_exporter = true};
    static const struct sasl_wish secret = {.tls = false};
    static const struct sasl_wish clear = {.cleartext = true};

    (void)state;
    assert_string_equal(chosen(bound, "PLAIN SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS"),
                        "SCRAM-SHA-256-PLUS");
    assert_string_equal(chosen(newer, "SCRAM-SHA-1-PLUS SCRAM-SHA-1"), "SCRAM-SHA-1-PLUS");
    assert_string_equal(chosen(cyrus, "SCRAM-SHA-1-PLUS SCRAM-SHA-1"), "SCRAM-SHA-1");
    assert_string_equal(chosen(cyrus_bound, "SCRAM-SHA-1-PLUS SCRAM-SHA-1"), "SCRAM-SHA-1-PLUS");
    assert_true(sasl_mechanism_lacks_exporter(slice_of("mail Cyrus IMAP 3.6.1 server ready")));
    assert_true(sasl_mechanism_lacks_exporter(slice_of("mail Cyrus POP3 3.6.1 server ready")));
    assert_false(sasl_mechanism_lacks_exporter(slice_of("Dovecot ready.")));
    assert_string_equal(chosen(tls, "PLAIN SCRAM-SHA-1-PLUS SCRAM-SHA-1"), "SCRAM-SHA-1");
    assert_string_equal(chosen(tls, "SCRAM-SHA-1-PLUS"), "none");
    assert_string_equal(chosen(tls, "CRAM-MD5 DIGEST-MD5 LOGIN PLAIN"), "PLAIN");
    assert_string_equal(chosen(tls, "CRAM-MD5 DIGEST-MD5 LOGIN"), "LOGIN");
    assert_string_equal(chosen(tls, "CRAM-MD5 DIGEST-MD5 XOAUTH2 EXTERNAL GSSAPI"), "DIGEST-MD5");
    assert_string_equal(chosen(clear, "CRAM-MD5 LOGIN PLAIN"), "CRAM-MD5");
    assert_string_equal(chosen(clear, "login plain"), "PLAIN");
    assert_string_equal(chosen(secret, "LOGIN PLAIN"), "none");
    assert_string_equal(chosen(secret, "LOGIN PLAIN CRAM-MD5"), "CRAM-MD5");
}

static void test_other_credentials(void **state)
{
    static const struct sasl_wish token = {.tls = true, .kind = CREDENTIAL_TOKEN};
    static const struct sasl_wish clear = {.kind = CREDENTIAL_TOKEN};
    static const struct sasl_wish external = {.kind = CREDENTIAL_EXTERNAL};
    static const struct sasl_wish master = {.tls = true, .acts_for = true};

    (void)state;
    assert_string_equal(chosen(token, "PLAIN XOAUTH2 OAUTHBEARER"), "OAUTHBEARER");
    assert_string_equal(chosen(token, "PLAIN XOAUTH2"), "XOAUTH2");
    assert_string_equal(chosen(token, "PLAIN"), "none");
    assert_string_equal(chosen(clear, "XOAUTH2"), "none");
    assert_string_equal(chosen(external, "PLAIN EXTERNAL"), "EXTERNAL");
    assert_string_equal(chosen(master, "CRAM-MD5 LOGIN PLAIN"), "PLAIN");
    assert_string_equal(chosen(master, "CRAM-MD5 LOGIN"), "none");
}

/* A downgrade that the configuration forbids. */
static void test_permitted(void **state)
{
    static const struct sasl_wish scram = {.tls = true, .permitted = SASL_SCRAM_SHA_256};

    (void)state;
    assert_string_equal(chosen(scram, "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN"), "SCRAM-SHA-256");
    assert_string_equal(chosen(scram, "SCRAM-SHA-1 PLAIN"), "none");
    assert_false(sasl_mechanism_permits(SASL_SCRAM_SHA_256, SASL_LOGIN));
    assert_true(sasl_mechanism_permits(0, SASL_LOGIN));
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(sasl_mechanism_bit(slice_of("apop")), SASL_APOP);
    assert_int_equal(sasl_mechanism_bit(slice_of("scram-sha-256")), SASL_SCRAM_SHA_256);
    assert_int_equal(sasl_mechanism_bit(slice_of("NTLM")), 0);
    assert_int_equal(sasl_mechanism_bit(slice_of("")), 0);
    assert_null(sasl_mechanism_find(slice_of("APOP")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_other_credentials),
        cmocka_unit_test(test_permitted),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
