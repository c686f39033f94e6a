/*
 * Exchanges as a client sees them, and everything that is refused.
 */
#include "translate/sasl/sasl_server.h"

#include "translate/sasl/sasl_client.h"
#include "translate/sasl/sasl_scram.h"
#include "translate/text/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char key[SASL_SERVER_KEY] = "a key that only this test knows";

static struct sasl_server_options options = {
    .mechanisms = SASL_PLAIN | SASL_LOGIN, .service = "pop", .key = key, .iterations = 4096};

struct fixture {
    struct sasl_server sasl;
    struct buf challenge;
    struct failure why;
};

static void done(struct fixture *f)
{
    sasl_server_clear(&f->sasl);
    buf_clear(&f->challenge);
}

/* `initial` is plain text of `n` octets, sent in base64. */
static enum sasl_server_result start(struct fixture *f, const char *mechanism, const char *initial,
                                     size_t n)
{
    struct buf text = BUF_INIT;

    base64_encode(&text, slice_make(initial, n));
    enum sasl_server_result result =
        sasl_server_start(&f->sasl, &options, slice_of(mechanism), initial != NULL,
                          buf_slice(&text), &f->challenge, &f->why);
    buf_clear(&text);
    return result;
}

static enum sasl_server_result step(struct fixture *f, const char *line)
{
    buf_clear(&f->challenge);
    return sasl_server_step(&f->sasl, slice_of(line), &f->challenge, &f->why);
}

static void expect_done(struct fixture *f, enum sasl_server_result result, const char *user,
                        const char *password)
{
    assert_int_equal(result, SASL_SERVER_DONE);
    assert_true(slice_is(buf_slice(&f->sasl.user), user));
    assert_true(slice_is(buf_slice(&f->sasl.password), password));
}

static void expect_failed(struct fixture *f, enum sasl_server_result result, enum failure_kind kind,
                          const char *sentence)
{
    assert_int_equal(result, SASL_SERVER_FAILED);
    assert_int_equal(f->why.kind, kind);
    assert_non_null(strstr(f->why.text, sentence));
    assert_null(f->sasl.user.p);
    assert_null(f->sasl.authzid.p);
    assert_null(f->sasl.password.p);
    assert_int_equal(sasl_server_step(&f->sasl, slice_of(""), &f->challenge, &f->why),
                     SASL_SERVER_FAILED);
}

static void test_plain(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_done(&f, start(&f, "PLAIN", "\0tim\0tanstaaf tanstaaf ", 23), "tim",
                "tanstaaf tanstaaf ");
    assert_int_equal(buf_size(&f.sasl.authzid), 0);
    assert_int_equal(start(&f, "plain", NULL, 0), SASL_SERVER_CONTINUE);
    assert_int_equal(buf_size(&f.challenge), 0);
    assert_null(f.sasl.password.p);
    expect_done(&f, step(&f, "dGVzdAB0ZXN0AHRlc3Q="), "test", "test");
    assert_int_equal(buf_size(&f.sasl.authzid), 0);
    done(&f);
    assert_null(f.sasl.password.p);
}

static void test_external(void **state)
{
    struct fixture f = {0};

    (void)state;
    options.mechanisms |= SASL_EXTERNAL;
    options.certified = slice_of("ann");
    assert_int_equal(start(&f, "EXTERNAL", NULL, 0), SASL_SERVER_CONTINUE);
    assert_int_equal(buf_size(&f.challenge), 0);
    expect_done(&f, step(&f, ""), "ann", "");
    assert_true(f.sasl.certified);
    assert_false(f.sasl.proved);
    expect_done(&f, start(&f, "external", "ann", 3), "ann", "");
    assert_int_equal(buf_size(&f.sasl.authzid), 0);
    expect_done(&f, start(&f, "EXTERNAL", "bob", 3), "ann", "");
    assert_true(slice_is(buf_slice(&f.sasl.authzid), "bob"));
    expect_failed(&f, start(&f, "EXTERNAL", "a\0b", 3), FAILURE_PERMANENT, "NUL");
    assert_false(f.sasl.certified);
    /* What is not a certificate's is a password's again. */
    expect_failed(&f, start(&f, "PLAIN", "\0ann\0", 5), FAILURE_AUTH, "password is empty");
    options.certified = slice_of("");
    expect_failed(&f, start(&f, "EXTERNAL", "ann", 3), FAILURE_AUTH, "user name is empty");
    options.mechanisms &= ~(uint32_t)SASL_EXTERNAL;
    expect_failed(&f, start(&f, "EXTERNAL", "ann", 3), FAILURE_PERMANENT, "No such mechanism");
    done(&f);
}

static void test_login(void **state)
{
    struct fixture f = {0};

    (void)state;
    assert_int_equal(start(&f, "LOGIN", NULL, 0), SASL_SERVER_CONTINUE);
    assert_true(slice_is(buf_slice(&f.challenge), "VXNlcm5hbWU6"));
    assert_int_equal(step(&f, "YW5uYQ=="), SASL_SERVER_CONTINUE);
    assert_true(slice_is(buf_slice(&f.challenge), "UGFzc3dvcmQ6"));
    expect_done(&f, step(&f, "c2VjcmV0"), "anna", "secret");
    done(&f);
}

static void test_login_with_initial_response(void **state)
{
    struct fixture f = {0};

    (void)state;
    assert_int_equal(start(&f, "Login", "anna", 4), SASL_SERVER_CONTINUE);
    assert_true(slice_is(buf_slice(&f.challenge), "UGFzc3dvcmQ6"));
    expect_done(&f, step(&f, "c2VjcmV0"), "anna", "secret");
    done(&f);
}

static void test_cancel(void **state)
{
    struct fixture f = {0};

    (void)state;
    start(&f, "PLAIN", NULL, 0);
    expect_failed(&f, step(&f, "*"), FAILURE_PERMANENT, "cancelled");
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, "*"), FAILURE_PERMANENT, "cancelled");
    done(&f);
}

static void test_unknown_mechanism(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_failed(&f, start(&f, "CRAM-MD5", NULL, 0), FAILURE_PERMANENT, "mechanism");
    expect_failed(&f, start(&f, "PLAINER", "a", 1), FAILURE_PERMANENT, "mechanism");
    expect_failed(&f, start(&f, "", NULL, 0), FAILURE_PERMANENT, "mechanism");
    done(&f);
}

static void test_bad_base64(void **state)
{
    static const char *const wrong[] = {"=",        "=AAA",       "AAA=BBB=", "AGEAYg",
                                        "AGEAYg= ", "AGEAYg==\r", "AGEAYh==", " AGEAYg==",
                                        "**",       "AGE\xc3\xa4"};
    struct fixture f = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        start(&f, "PLAIN", NULL, 0);
        expect_failed(&f, step(&f, wrong[i]), FAILURE_PERMANENT, "base64");
        start(&f, "LOGIN", "anna", 4);
        expect_failed(&f, step(&f, wrong[i]), FAILURE_PERMANENT, "base64");
    }
    done(&f);
}

static void test_malformed_plain(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_failed(&f, start(&f, "PLAIN", "", 0), FAILURE_PERMANENT, "NUL between");
    expect_failed(&f, start(&f, "PLAIN", "anna", 4), FAILURE_PERMANENT, "NUL between");
    expect_failed(&f, start(&f, "PLAIN", "\0anna", 5), FAILURE_PERMANENT, "NUL between");
    expect_failed(&f, start(&f, "PLAIN", "\0anna\0a\0b", 9), FAILURE_PERMANENT, "password");
    expect_failed(&f, start(&f, "PLAIN", "\0anna\0a\0", 8), FAILURE_PERMANENT, "password");
    expect_failed(&f, start(&f, "PLAIN", "\0\0secret", 8), FAILURE_AUTH, "name is empty");
    expect_failed(&f, start(&f, "PLAIN", "\0anna\0", 6), FAILURE_AUTH, "password is empty");
    done(&f);
}

static void test_malformed_login(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_failed(&f, start(&f, "LOGIN", "", 0), FAILURE_AUTH, "name is empty");
    expect_failed(&f, start(&f, "LOGIN", "a\0b", 3), FAILURE_PERMANENT, "name cannot hold");
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, ""), FAILURE_AUTH, "password is empty");
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, "YQBi"), FAILURE_PERMANENT, "password cannot hold");
    done(&f);
}

/* Whether one may act for another is for others to say. */
static void test_authorization_identity(void **state)
{
    struct fixture f = {0};

    (void)state;
    expect_done(&f, start(&f, "PLAIN", "Ursel\0Kurt\0xipj3plmq", 20), "Kurt", "xipj3plmq");
    assert_true(slice_is(buf_slice(&f.sasl.authzid), "Ursel"));
    expect_done(&f, start(&f, "PLAIN", "Kurt\0Kurt\0xipj3plmq", 19), "Kurt", "xipj3plmq");
    assert_int_equal(buf_size(&f.sasl.authzid), 0);
    done(&f);
}

static void test_length(void **state)
{
    struct fixture f = {0};
    char line[SASL_SERVER_LINE_MAX + 5];

    (void)state;
    memset(line, 'A', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    start(&f, "LOGIN", "anna", 4);
    expect_failed(&f, step(&f, line), FAILURE_PERMANENT, "too long");
    memset(line, 'Y', SASL_SERVER_LINE_MAX);
    line[SASL_SERVER_LINE_MAX] = '\0';
    start(&f, "LOGIN", "anna", 4);
    assert_int_equal(step(&f, line), SASL_SERVER_DONE);
    assert_int_equal(buf_size(&f.sasl.password), SASL_SERVER_LINE_MAX / 4 * 3);
    done(&f);
}

static void test_start_forgets(void **state)
{
    struct fixture f = {0};

    (void)state;
    start(&f, "LOGIN", "anna", 4);
    assert_int_equal(start(&f, "PLAIN", NULL, 0), SASL_SERVER_CONTINUE);
    assert_null(f.sasl.user.p);
    done(&f);
}

/* ---- SCRAM and CRAM-MD5, against the client's side */

static const struct sasl_binding binding = {SASL_BINDING_EXPORTER, 4, {1, 2, 3, 4}};

static struct sasl_server_options with_secrets(void)
{
    return (struct sasl_server_options){.mechanisms = SASL_EVERY,
                                        .service = "imap",
                                        .binding = binding,
                                        .key = key,
                                        .iterations = 4096};
}

/* A whole exchange; `log` gets what the server said, decoded. */
struct exchange {
    const char *mechanism;
    const char *user;
    const char *password;
    const struct sasl_secret *secret;
    const struct sasl_binding *binding; /* the client's */
};

static enum sasl_server_result exchange(const struct exchange *x, struct sasl_server *server,
                                        struct buf *log, struct failure *why)
{
    static struct sasl_server_options o;
    struct credential credential = {0};
    const struct sasl_peer peer = {.service = "imap", .binding = x->binding};
    struct buf line = BUF_INIT;
    struct buf challenge = BUF_INIT;

    o = with_secrets();
    assert_true(
        credential_set(&credential, CREDENTIAL_PASSWORD, slice_of(x->user), slice_of(x->password)));
    struct sasl_client *client =
        sasl_client_new(sasl_mechanism_find(slice_of(x->mechanism)), &credential, &peer);
    enum sasl_server_result result =
        sasl_server_start(server, &o, slice_of(x->mechanism), false, slice_of(""), &challenge, why);
    while (result == SASL_SERVER_CONTINUE || result == SASL_SERVER_SECRET) {
        if (result == SASL_SERVER_SECRET) {
            assert_true(slice_is(buf_slice(&server->user), x->user));
            result = sasl_server_secret(server, x->secret, &challenge, why);
            continue;
        }
        base64_decode(log, buf_slice(&challenge));
        buf_putc(log, '\n');
        assert_int_equal(sasl_client_respond(client, buf_slice(&challenge), &line, why),
                         SASL_CLIENT_SEND);
        buf_clear(&challenge);
        result = sasl_server_step(server, buf_slice(&line), &challenge, why);
        buf_clear(&line);
    }
    assert_int_equal(buf_size(&challenge), 0);
    if (result == SASL_SERVER_DONE)
        assert_true(sasl_client_is_complete(client));
    sasl_client_free(client);
    credential_clear(&credential);
    buf_putc(log, '\0');
    return result;
}

static void test_every_proof(void **state)
{
    static const char *const mechanisms[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256",
                                             "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5"};
    const struct sasl_secret secret = {.kind = SASL_SECRET_PASSWORD,
                                       .password = slice_of("dev1ce p\xc3\xa4ss")};
    struct exchange x = {.user = "ann@example.com", .secret = &secret, .binding = &binding};

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        struct fixture f = {0};
        x.mechanism = mechanisms[i];
        x.password = "dev1ce p\xc3\xa4ss";
        assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_DONE);
        assert_true(f.sasl.proved);
        assert_true(slice_is(buf_slice(&f.sasl.user), "ann@example.com"));
        assert_int_equal(buf_size(&f.sasl.password), 0);
        x.password = "wrong";
        assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_FAILED);
        assert_int_equal(f.why.kind, FAILURE_AUTH);
        assert_string_equal(f.why.text, SASL_SERVER_REFUSED);
        done(&f);
    }
}

/* RFC 7677 section 3's password, salt and iterations; the keys that follow from them. */
static void test_scram_keys(void **state)
{
    static const char salt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";
    static const char stored[] = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=";
    static const char server[] = "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    struct buf octets[3] = {{0}};
    struct fixture f = {0};

    (void)state;
    assert_true(base64_decode(&octets[0], slice_of(salt)));
    assert_true(base64_decode(&octets[1], slice_of(stored)));
    assert_true(base64_decode(&octets[2], slice_of(server)));
    const struct sasl_secret secret = {.kind = SASL_SECRET_SCRAM,
                                       .salt = buf_slice(&octets[0]),
                                       .stored_key = buf_slice(&octets[1]),
                                       .server_key = buf_slice(&octets[2]),
                                       .iterations = 4096};
    struct exchange x = {"SCRAM-SHA-256", "user", "pencil", &secret, NULL};
    assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_DONE);
    assert_non_null(strstr(buf_slice(&f.challenge).p, "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
    /* They are of no use for CRAM-MD5. */
    x.mechanism = "CRAM-MD5";
    assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_FAILED);
    assert_int_equal(f.why.kind, FAILURE_AUTH);
    for (size_t i = 0; i < 3; i++)
        buf_clear(&octets[i]);
    done(&f);
}

/* CASES A4: as many messages, of the same form, and the same words at the end. */
static void test_unknown_user_is_not_told(void **state)
{
    static const char *const mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"};
    const struct sasl_secret none = {.kind = SASL_SECRET_NONE};
    const struct sasl_secret known = {.kind = SASL_SECRET_PASSWORD, .password = slice_of("right")};

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        struct fixture f = {0};
        struct fixture g = {0};
        struct exchange x = {mechanisms[i], "nobody", "x", &none, NULL};
        struct exchange y = {mechanisms[i], "nobody", "x", &known, NULL};
        assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_FAILED);
        assert_int_equal(exchange(&y, &g.sasl, &g.challenge, &g.why), SASL_SERVER_FAILED);
        assert_int_equal(f.why.kind, g.why.kind);
        assert_string_equal(f.why.text, g.why.text);
        if (strcmp(mechanisms[i], "CRAM-MD5") != 0)
            assert_int_equal(buf_size(&f.challenge), buf_size(&g.challenge));
        done(&f);
        done(&g);
    }
}

/* Whoever asks twice sees the same salt, whether there is such a user or not. */
static void test_salts_stay(void **state)
{
    const struct sasl_secret secrets[] = {
        {.kind = SASL_SECRET_NONE}, {.kind = SASL_SECRET_PASSWORD, .password = slice_of("right")}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char salts[2][64];
        for (size_t n = 0; n < 2; n++) {
            struct fixture f = {0};
            struct exchange x = {"SCRAM-SHA-256", "somebody", "x", &secrets[i], NULL};
            exchange(&x, &f.sasl, &f.challenge, &f.why);
            const char *salt = strstr(buf_slice(&f.challenge).p, ",s=");
            assert_non_null(salt);
            strncpy(salts[n], salt, 27);
            salts[n][27] = '\0';
            done(&f);
        }
        assert_string_equal(salts[0], salts[1]);
    }
}

/* Somebody relays the exchange over a TLS connection of his own. */
static void test_binding_of_another_connection(void **state)
{
    static const struct sasl_binding other = {SASL_BINDING_EXPORTER, 4, {1, 2, 3, 5}};
    const struct sasl_secret secret = {.kind = SASL_SECRET_PASSWORD, .password = slice_of("p")};
    struct exchange x = {"SCRAM-SHA-256-PLUS", "ann", "p", &secret, &other};
    struct fixture f = {0};

    (void)state;
    assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_FAILED);
    assert_int_equal(f.why.kind, FAILURE_AUTH);
    done(&f);
}

/* Somebody has taken the -PLUS mechanisms off the list on its way (RFC 5802 section 6). */
static void test_binding_that_was_hidden(void **state)
{
    static const char message[] = "y,,n=ann,r=abcdefghijklmnop";
    struct sasl_server_options o = with_secrets();
    struct buf text = BUF_INIT;
    struct fixture f = {0};

    (void)state;
    base64_encode(&text, slice_of(message));
    assert_int_equal(sasl_server_start(&f.sasl, &o, slice_of("SCRAM-SHA-256"), true,
                                       buf_slice(&text), &f.challenge, &f.why),
                     SASL_SERVER_FAILED);
    assert_int_equal(f.why.kind, FAILURE_AUTH);
    /* Where there is no channel binding he is right. */
    o.binding = (struct sasl_binding){.type = SASL_BINDING_NONE};
    assert_int_equal(sasl_server_start(&f.sasl, &o, slice_of("SCRAM-SHA-256"), true,
                                       buf_slice(&text), &f.challenge, &f.why),
                     SASL_SERVER_SECRET);
    buf_clear(&text);
    done(&f);
}

/* What a client is told before it has proved anything: "r=...,s=...,i=..." from the salt on. */
static void told(const struct sasl_secret *secret, const char *mechanism, char salt[64])
{
    struct exchange x = {mechanism, "ann", "wrong", secret, &binding};
    struct fixture f = {0};

    assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_FAILED);
    const char *from = strstr(buf_slice(&f.challenge).p, ",s=");
    assert_non_null(from);
    snprintf(salt, 64, "%.*s", (int)strcspn(from, "\n"), from);
    done(&f);
}

/* Keys that are made ahead let in as the password does, and look as nobody's do. */
static void test_keys_of_a_password(void **state)
{
    static const char *const mechanisms[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256",
                                             "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"};
    const struct sasl_secret none = {.kind = SASL_SECRET_NONE};
    char its[64], nobodys[64];
    struct sasl_scram keys;

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
        struct fixture f = {0};
        assert_true(
            sasl_scram_make(&keys, key, mechanisms[i], slice_of("ann"), slice_of("right"), 4096));
        const struct sasl_secret secret = sasl_scram_secret(&keys);
        struct exchange x = {mechanisms[i], "ann", "right", &secret, &binding};
        assert_int_equal(exchange(&x, &f.sasl, &f.challenge, &f.why), SASL_SERVER_DONE);
        told(&secret, mechanisms[i], its);
        told(&none, mechanisms[i], nobodys);
        assert_string_equal(its, nobodys);
        done(&f);
    }
    assert_false(sasl_scram_make(&keys, key, "CRAM-MD5", slice_of("ann"), slice_of("p"), 4096));
    assert_false(
        sasl_scram_make(&keys, key, "SCRAM-SHA-256", slice_of("ann"), slice_of("\a"), 4096));
}

static void test_proofs_that_are_none(void **state)
{
    static const struct {
        const char *mechanism;
        const char *message;
        enum failure_kind kind;
    } cases[] = {
        {"SCRAM-SHA-256", "", FAILURE_AUTH},
        {"SCRAM-SHA-256", "nonsense", FAILURE_PERMANENT},
        {"SCRAM-SHA-256", "n,,n=,r=abc", FAILURE_PERMANENT},
        {"CRAM-MD5", "", FAILURE_PERMANENT},
        {"CRAM-MD5", "ann", FAILURE_PERMANENT},
        {"CRAM-MD5", " 0123456789abcdef0123456789abcdef", FAILURE_AUTH},
    };
    static struct sasl_server_options o;

    (void)state;
    o = with_secrets();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f = {0};
        struct buf line = BUF_INIT;
        assert_int_equal(sasl_server_start(&f.sasl, &o, slice_of(cases[i].mechanism), false,
                                           slice_of(""), &f.challenge, &f.why),
                         SASL_SERVER_CONTINUE);
        base64_encode(&line, slice_of(cases[i].message));
        expect_failed(&f, sasl_server_step(&f.sasl, buf_slice(&line), &f.challenge, &f.why),
                      cases[i].kind, "");
        buf_clear(&line);
        done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_proof),
        cmocka_unit_test(test_scram_keys),
        cmocka_unit_test(test_unknown_user_is_not_told),
        cmocka_unit_test(test_salts_stay),
        cmocka_unit_test(test_binding_of_another_connection),
        cmocka_unit_test(test_binding_that_was_hidden),
        cmocka_unit_test(test_keys_of_a_password),
        cmocka_unit_test(test_proofs_that_are_none),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_external),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_login_with_initial_response),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_unknown_mechanism),
        cmocka_unit_test(test_bad_base64),
        cmocka_unit_test(test_malformed_plain),
        cmocka_unit_test(test_malformed_login),
        cmocka_unit_test(test_authorization_identity),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_start_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
