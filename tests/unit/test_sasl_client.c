/*
 * The client's side of SASL exchanges: RFC examples, refusals, servers that lie.
 */
#include "tests/unit/feed.h"

#include <stdio.h>

#include "translate/sasl/sasl_client.h"
#include "translate/text/base64.h"

static struct credential credential_of(enum credential_kind kind, const char *user,
                                       const char *secret, const char *authzid)
{
    struct credential c = {0};

    assert_true(credential_set(&c, kind, slice_of(user), slice_of(secret)));
    assert_true(credential_set_authzid(&c, slice_of(authzid)));
    return c;
}

static struct sasl_client *client_of(const char *mechanism, struct credential c,
                                     const struct sasl_peer *peer)
{
    struct sasl_client *client =
        sasl_client_new(sasl_mechanism_find(slice_of(mechanism)), &c, peer);

    credential_clear(&c);
    assert_non_null(client);
    return client;
}

static const struct sasl_peer peer = {.service = "imap", .host = "server.example.com", .port = 143};

/* The response decoded; the challenge is plain text here. */
static enum sasl_client_result said(struct sasl_client *client, const char *challenge,
                                    struct buf *response, struct failure *why)
{
    struct buf coded = BUF_INIT;
    struct buf answer = BUF_INIT;

    buf_clear(response);
    base64_encode(&coded, slice_of(challenge));
    enum sasl_client_result result = sasl_client_respond(client, buf_slice(&coded), &answer, why);
    assert_true(base64_decode(response, buf_slice(&answer)));
    buf_clear(&coded);
    buf_clear(&answer);
    return result;
}

static void expect_initial(struct sasl_client *client, const char *expected, size_t n)
{
    struct buf coded = BUF_INIT;
    struct buf response = BUF_INIT;
    struct failure why;

    assert_int_equal(sasl_client_initial(client, &coded, &why), SASL_CLIENT_SEND);
    assert_true(base64_decode(&response, buf_slice(&coded)));
    assert_int_equal(buf_size(&response), n);
    assert_memory_equal(buf_slice(&response).p, expected, n);
    buf_clear(&coded);
    buf_clear(&response);
}

static void test_plain(void **state)
{
    struct sasl_client *c = client_of(
        "PLAIN", credential_of(CREDENTIAL_PASSWORD, "j\xc3\xb6", " p\xff\xc2\xa0", ""), &peer);

    (void)state;
    assert_false(sasl_client_is_judged(c));
    expect_initial(c, "\0j\xc3\xb6\0 p\xff\xc2\xa0", 10); /* as given: no SASLprep */
    assert_true(sasl_client_is_judged(c));
    assert_true(sasl_client_is_complete(c));
    sasl_client_free(c);

    c = client_of("PLAIN", credential_of(CREDENTIAL_PASSWORD, "op", "pw", "ann"), &peer);
    expect_initial(c, "ann\0op\0pw", 9);
    sasl_client_free(c);
}

static void test_login(void **state)
{
    struct sasl_client *c =
        client_of("LOGIN", credential_of(CREDENTIAL_PASSWORD, "joe", "secret", ""), &peer);
    struct buf response = BUF_INIT;
    struct failure why;

    (void)state;
    assert_int_equal(said(c, "Benutzer?", &response, &why), SASL_CLIENT_SEND);
    assert_true(slice_is(buf_slice(&response), "joe"));
    assert_false(sasl_client_is_judged(c));
    assert_false(sasl_client_is_complete(c));
    assert_int_equal(said(c, "", &response, &why), SASL_CLIENT_SEND);
    assert_true(slice_is(buf_slice(&response), "secret"));
    assert_true(sasl_client_is_judged(c));
    assert_true(sasl_client_is_complete(c));
    assert_int_equal(said(c, "", &response, &why), SASL_CLIENT_FAILED);
    buf_clear(&response);
    sasl_client_free(c);
}

/* RFC 2195 section 2. */
static void test_cram_md5(void **state)
{
    struct sasl_client *c = client_of(
        "CRAM-MD5", credential_of(CREDENTIAL_PASSWORD, "tim", "tanstaaftanstaaf", ""), &peer);
    struct buf response = BUF_INIT;
    struct failure why;

    (void)state;
    assert_int_equal(said(c, "<1896.697170952@postoffice.reston.mci.net>", &response, &why),
                     SASL_CLIENT_SEND);
    assert_true(slice_is(buf_slice(&response), "tim b913a602c7eda7a495b4e6e7334d3890"));
    assert_true(sasl_client_is_complete(c));
    buf_clear(&response);
    sasl_client_free(c);
}

static void test_external(void **state)
{
    struct sasl_client *c =
        client_of("EXTERNAL", credential_of(CREDENTIAL_EXTERNAL, "ann", "", ""), &peer);

    (void)state;
    expect_initial(c, "ann", 3);
    assert_true(sasl_client_is_complete(c));
    sasl_client_free(c);
}

/* RFC 7628 section 4.1, and what Google and Microsoft document. */
static void test_tokens(void **state)
{
    struct sasl_client *c = client_of(
        "OAUTHBEARER", credential_of(CREDENTIAL_TOKEN, "a=b,c@x", "vF9dft4qmT", ""), &peer);
    struct buf response = BUF_INIT;
    struct failure why = {.kind = FAILURE_NONE};

    (void)state;
    expect_initial(c,
                   "n,a=a=3Db=2Cc@x,\1host=server.example.com\1port=143\1"
                   "auth=Bearer vF9dft4qmT\1\1",
                   74);
    assert_true(sasl_client_is_complete(c));
    assert_int_equal(said(c, "{\"status\":\"invalid_token\",\"scope\":\"x\"}", &response, &why),
                     SASL_CLIENT_SEND);
    assert_true(slice_is(buf_slice(&response), "\1"));
    assert_false(sasl_client_is_complete(c));
    sasl_client_refused(c, &why);
    assert_int_equal(why.kind, FAILURE_AUTH);
    assert_string_equal(why.text, "the server refused the access token (invalid_token): run "
                                  "mailferry authorize again");
    assert_int_equal(said(c, "", &response, &why), SASL_CLIENT_FAILED);
    sasl_client_free(c);

    c = client_of("XOAUTH2", credential_of(CREDENTIAL_TOKEN, "someuser@example.com", "ya29", ""),
                  &peer);
    expect_initial(c, "user=someuser@example.com\1auth=Bearer ya29\1\1", 44);
    assert_int_equal(said(c, "{\"status\":\"invalid_request\"}", &response, &why),
                     SASL_CLIENT_SEND);
    assert_int_equal(buf_size(&response), 0);
    sasl_client_refused(c, &why);
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    sasl_client_free(c);
    buf_clear(&response);
}

static void test_token_errors_that_are_none(void **state)
{
    static const char *const errors[] = {"", "{", "[1]", "{\"status\":5}", "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct sasl_client *c =
            client_of("XOAUTH2", credential_of(CREDENTIAL_TOKEN, "u", "t", ""), &peer);
        struct buf response = BUF_INIT;
        struct failure why = {.kind = FAILURE_NONE};
        assert_int_equal(sasl_client_initial(c, &response, &why), SASL_CLIENT_SEND);
        assert_int_equal(said(c, errors[i], &response, &why), SASL_CLIENT_SEND);
        sasl_client_refused(c, &why);
        assert_int_equal(why.kind, FAILURE_AUTH);
        buf_clear(&response);
        sasl_client_free(c);
    }
}

/* ---- SCRAM */

/* The first message, without the gs2 header that is in front of the nonce. */
static void scram_first(struct sasl_client *c, const char *header, char nonce[64])
{
    struct buf coded = BUF_INIT;
    struct buf response = BUF_INIT;
    struct failure why;

    assert_int_equal(sasl_client_initial(c, &coded, &why), SASL_CLIENT_SEND);
    assert_true(base64_decode(&response, buf_slice(&coded)));
    buf_putc(&response, '\0');
    const char *text = buf_slice(&response).p;
    assert_memory_equal(text, header, strlen(header));
    const char *r = strstr(text, ",r=");
    assert_non_null(r);
    assert_true(strlen(r + 3) < 64);
    strcpy(nonce, r + 3);
    buf_clear(&coded);
    buf_clear(&response);
}

static struct sasl_client *scram_of(const char *mechanism, const struct sasl_peer *with)
{
    return client_of(mechanism, credential_of(CREDENTIAL_PASSWORD, "user", "pencil", ""), with);
}

/* A server that says what it likes behind the client's nonce. */
static enum sasl_client_result scram_answer(const char *attributes, struct failure *why,
                                            struct sasl_client **client)
{
    char nonce[64];
    char message[200];
    struct buf response = BUF_INIT;

    *client = scram_of("SCRAM-SHA-256", &peer);
    scram_first(*client, "n,,n=user,r=", nonce);
    assert_false(sasl_client_is_judged(*client));
    snprintf(message, sizeof message, "r=%s%s", nonce, attributes);
    enum sasl_client_result result = said(*client, message, &response, why);
    buf_clear(&response);
    return result;
}

static void test_scram_servers_that_lie(void **state)
{
    static const char good[] = "xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    static const char *const finals[] = {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "v=", "nonsense"};
    struct sasl_client *c;
    struct failure why;

    (void)state;
    for (size_t i = 0; i < sizeof finals / sizeof *finals; i++) {
        struct buf response = BUF_INIT;
        assert_int_equal(scram_answer(good, &why, &c), SASL_CLIENT_SEND);
        assert_true(sasl_client_is_judged(c));
        assert_false(sasl_client_is_complete(c));
        assert_int_equal(said(c, finals[i], &response, &why), SASL_CLIENT_FAILED);
        assert_false(sasl_client_is_complete(c));
        buf_clear(&response);
        sasl_client_free(c);
    }
    assert_int_equal(scram_answer("xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0", &why, &c),
                     SASL_CLIENT_UNABLE);
    sasl_client_free(c);
    assert_int_equal(scram_answer("xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000", &why, &c),
                     SASL_CLIENT_UNABLE);
    assert_non_null(strstr(why.text, "more than 200000 iterations"));
    sasl_client_free(c);
}

static void test_scram_wrong_signature_in_words(void **state)
{
    struct sasl_client *c;
    struct failure why;
    struct buf response = BUF_INIT;

    (void)state;
    scram_answer("xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &why, &c);
    said(c, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &response, &why);
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    assert_non_null(strstr(why.text, "could not prove that it knows the password"));
    sasl_client_free(c);

    scram_answer("xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &why, &c);
    assert_int_equal(said(c, "e=invalid-proof", &response, &why), SASL_CLIENT_FAILED);
    assert_int_equal(why.kind, FAILURE_AUTH);
    sasl_client_free(c);

    scram_answer("xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", &why, &c);
    assert_int_equal(said(c, "e=channel-bindings-dont-match", &response, &why), SASL_CLIENT_FAILED);
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    sasl_client_free(c);
    buf_clear(&response);
}

/* Which channel binding is used (RFC 5802 section 6). */
static void test_scram_binding(void **state)
{
    static const struct sasl_binding exporter = {SASL_BINDING_EXPORTER, 4, {1, 2, 3, 0}};
    static const struct sasl_binding unique = {SASL_BINDING_UNIQUE, 4, {1, 2, 3, 0}};
    static const struct {
        const char *mechanism;
        const struct sasl_binding *binding;
        const char *header;
    } cases[] = {
        {"SCRAM-SHA-256-PLUS", &exporter, "p=tls-exporter,,n=user,r="},
        {"SCRAM-SHA-1-PLUS", &unique, "p=tls-unique,,n=user,r="},
        {"SCRAM-SHA-256", &exporter, "n,,n=user,r="},
        {"SCRAM-SHA-256", NULL, "n,,n=user,r="},
    };
    char nonce[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sasl_peer bound = {.service = "pop", .binding = cases[i].binding};
        struct sasl_client *c = scram_of(cases[i].mechanism, &bound);
        scram_first(c, cases[i].header, nonce);
        sasl_client_free(c);
    }
}

/* SASLprep (RFC 4013): a no-break space is a space; a control character is nobody's. */
static void test_scram_prepares_names(void **state)
{
    struct sasl_client *c =
        client_of("SCRAM-SHA-1", credential_of(CREDENTIAL_PASSWORD, "a\xc2\xa0=,", "x", ""), &peer);
    struct failure why;
    struct buf response = BUF_INIT;
    char nonce[64];

    (void)state;
    scram_first(c, "n,,n=a =3D=2C,r=", nonce);
    sasl_client_free(c);
    c = client_of("SCRAM-SHA-1", credential_of(CREDENTIAL_PASSWORD, "a\x07", "x", ""), &peer);
    assert_int_equal(sasl_client_initial(c, &response, &why), SASL_CLIENT_UNABLE);
    assert_false(sasl_client_is_judged(c));
    sasl_client_free(c);
    buf_clear(&response);
}

static void test_challenge_that_is_no_base64(void **state)
{
    struct sasl_client *c =
        client_of("CRAM-MD5", credential_of(CREDENTIAL_PASSWORD, "u", "p", ""), &peer);
    struct failure why;
    struct buf response = BUF_INIT;

    (void)state;
    assert_int_equal(sasl_client_respond(c, slice_of("<a@b>"), &response, &why),
                     SASL_CLIENT_FAILED);
    assert_int_equal(why.kind, FAILURE_TEMPORARY);
    assert_int_equal(buf_size(&response), 0);
    sasl_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_cram_md5),
        cmocka_unit_test(test_external),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_errors_that_are_none),
        cmocka_unit_test(test_scram_servers_that_lie),
        cmocka_unit_test(test_scram_wrong_signature_in_words),
        cmocka_unit_test(test_scram_binding),
        cmocka_unit_test(test_scram_prepares_names),
        cmocka_unit_test(test_challenge_that_is_no_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
