/* proxy/net/tls_pin.c, and what a client makes of pins. */
#include "tests/unit/certificates.h"
#include "tests/unit/tls_meeting.h"

#include "proxy/net/tls_pin.h"

#define HOST "imap.example.com"

static char dir[] = "/tmp/mailferry-test-XXXXXX";
static struct identity ca;
static struct identity good;
static struct identity other;
static struct identity self_signed;

static int make_identities(void **state)
{
    const struct identity_wish wish = {HOST, "DNS:" HOST, false, -1, 30};

    (void)state;
    assert_non_null(mkdtemp(dir));
    identity_make(&ca, dir, "ca", &(struct identity_wish){"CA", NULL, true, -1, 30}, NULL);
    identity_make(&good, dir, "good", &wish, &ca);
    identity_make(&other, dir, "other", &wish, &ca);
    identity_make(&self_signed, dir, "self", &wish, NULL);
    return 0;
}

static int remove_identities(void **state)
{
    (void)state;
    identity_clear(&ca);
    identity_clear(&good);
    identity_clear(&other);
    identity_clear(&self_signed);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static const char *pin_text(const struct identity *id)
{
    static char texts[4][TLS_PIN_TEXT];
    static unsigned next;
    struct tls_pin pin;
    char *text = texts[next++ % 4];

    assert_true(tls_pin_of(&pin, id->certificate));
    tls_pin_print(&pin, text);
    return text;
}

/* What the command in the manual prints:
 * openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64 */
static void is_the_digest_of_the_whole_key(void **state)
{
    unsigned char *der = NULL;
    unsigned char digest[TLS_PIN_SIZE];
    struct tls_pin pin;
    int n = i2d_PUBKEY(good.key, &der);

    (void)state;
    assert_int_equal(EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL), 1);
    assert_true(tls_pin_of(&pin, good.certificate));
    assert_memory_equal(pin.digest, digest, sizeof digest);
    OPENSSL_free(der);
}

static void reads_what_it_writes(void **state)
{
    struct tls_pin pin;
    struct tls_pin again;
    const char *text = pin_text(&good);
    char doubled[TLS_PIN_TEXT + 1];

    (void)state;
    assert_int_equal(strlen(text), strlen("sha256/") + 44);
    assert_true(tls_pin_parse(&pin, slice_of(text)));
    assert_true(tls_pin_of(&again, good.certificate));
    assert_memory_equal(pin.digest, again.digest, TLS_PIN_SIZE);
    snprintf(doubled, sizeof doubled, "sha256//%s", text + strlen("sha256/"));
    assert_true(tls_pin_parse(&again, slice_of(doubled)));
    assert_memory_equal(pin.digest, again.digest, TLS_PIN_SIZE);
}

/* One in 64 begins with a slash, and is not to be taken for curl's form. */
static void reads_one_that_begins_with_a_slash(void **state)
{
    struct tls_pin pin;

    (void)state;
    assert_true(
        tls_pin_parse(&pin, slice_of("sha256//SMzqOOrtyOT1kmau6zKhgT676hGgczD5VMdRMyJZFA=")));
    assert_int_equal(pin.digest[0], 0xfd);
    assert_true(
        tls_pin_parse(&pin, slice_of("sha256///SMzqOOrtyOT1kmau6zKhgT676hGgczD5VMdRMyJZFA=")));
    assert_int_equal(pin.digest[0], 0xfd);
}

static void refuses_what_is_none(void **state)
{
    const char *texts[] = {"",
                           "sha256/",
                           "sha256/AAAA",
                           "sha1/AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                           "JSMzqOOrtyOT1kmau6zKhgT676hGgczD5VMdRMyJZFA=",
                           "sha256/JSMzqOOrtyOT1kmau6zKhgT676hGgczD5VMdRMyJZFA",
                           "sha256/JSMzqOOrtyOT1kmau6zKhgT676hGgczD5VMdRMyJZFA= "};
    struct tls_pin pin;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(tls_pin_parse(&pin, slice_of(texts[i])));
}

/* What a client with those pins says of a server; "" when it is content. */
static const char *verdict(const struct identity *server, const char *ca_path, const char *pin,
                           const char *second)
{
    static char text[sizeof((struct failure *)0)->text];
    const char *pins[] = {pin, second};
    struct failure why = {0};
    struct tls_client_options options = {
        .ca = ca_path, .unverified = !ca_path, .pins = pins, .pin_count = second ? 2 : 1};
    struct tls_context *client = tls_client_new(&options, &why);
    struct tls_context *context = identity_server(server);
    struct meeting m;

    assert_non_null(client);
    meeting_hold(&m, client, HOST, context, NULL);
    snprintf(text, sizeof text, "%s", m.client_why.kind ? m.client_why.text : "");
    assert_int_equal(meeting_is_up(&m), *text == '\0');
    meeting_end(&m);
    tls_context_free(client);
    tls_context_free(context);
    return text;
}

static void takes_a_pinned_key(void **state)
{
    (void)state;
    assert_string_equal(verdict(&good, ca.certificate_path, pin_text(&good), NULL), "");
    assert_string_equal(verdict(&good, ca.certificate_path, pin_text(&other), pin_text(&good)), "");
    /* An authority's key stands for all that it signs. */
    assert_string_equal(verdict(&good, ca.certificate_path, pin_text(&ca), NULL), "");
    /* Without authorities the server's own key is enough. */
    assert_string_equal(verdict(&self_signed, NULL, pin_text(&self_signed), NULL), "");
}

static void refuses_other_keys(void **state)
{
    char expected[300];

    (void)state;
    snprintf(expected, sizeof expected,
             "the certificate of " HOST " has none of the pinned keys; its key is %s: if that is "
             "right, add it to the route's pins",
             pin_text(&good));
    assert_string_equal(verdict(&good, ca.certificate_path, pin_text(&other), NULL), expected);
    assert_string_equal(verdict(&good, NULL, pin_text(&other), pin_text(&self_signed)), expected);
    /* A pin does not take the place of what is verified otherwise. */
    assert_non_null(strstr(verdict(&self_signed, ca.certificate_path, pin_text(&self_signed), NULL),
                           "not trusted"));
}

/* A server may send along a certificate whose key it has not got: the authority's is public. */
static void a_chain_that_is_not_verified_proves_nothing(void **state)
{
    struct identity both = good;
    char path[PATH_MAX];

    (void)state;
    snprintf(path, sizeof path, "%s/both.pem", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    PEM_write_X509(f, good.certificate);
    PEM_write_X509(f, ca.certificate);
    fclose(f);
    snprintf(both.certificate_path, sizeof both.certificate_path, "%s", path);
    assert_non_null(strstr(verdict(&both, NULL, pin_text(&ca), NULL), "none of the pinned keys"));
    assert_string_equal(verdict(&both, NULL, pin_text(&good), NULL), "");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_digest_of_the_whole_key),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(reads_one_that_begins_with_a_slash),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(takes_a_pinned_key),
        cmocka_unit_test(refuses_other_keys),
        cmocka_unit_test(a_chain_that_is_not_verified_proves_nothing),
    };

    return cmocka_run_group_tests_name("tls_pin", tests, make_identities, remove_identities);
}
