/* proxy/net/tls.c: what is said of bad files (CASES T7), and that sessions are resumed. */
#include "tests/unit/certificates.h"
#include "tests/unit/tls_meeting.h"

#include "proxy/net/tls.h"
#include "proxy/net/tls_context.h"
#include "proxy/net/tls_tickets.h"

static char dir[] = "/tmp/mailferry-test-XXXXXX";
static struct identity good;
static struct identity other;
static char garbage[PATH_MAX];
static char encrypted[PATH_MAX];
static char missing[PATH_MAX];

static int make_files(void **state)
{
    const struct identity_wish wish = {"x", "DNS:x", false, -1, 30};

    (void)state;
    assert_non_null(mkdtemp(dir));
    identity_make(&good, dir, "good", &wish, NULL);
    identity_make(&other, dir, "other", &wish, NULL);
    snprintf(garbage, sizeof garbage, "%s/garbage", dir);
    snprintf(encrypted, sizeof encrypted, "%s/encrypted", dir);
    snprintf(missing, sizeof missing, "%s/missing", dir);
    FILE *f = fopen(garbage, "w");
    fputs("this is no PEM\n", f);
    fclose(f);
    f = fopen(encrypted, "w");
    assert_int_equal(PEM_write_PrivateKey(f, good.key, EVP_aes_128_cbc(),
                                          (const unsigned char *)"secret", 6, NULL, NULL),
                     1);
    fclose(f);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    identity_clear(&good);
    identity_clear(&other);
    unlink(garbage);
    unlink(encrypted);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

/* The sentence about a pair of files begins with that, and contains that. */
static void assert_refused(const char *certificate, const char *key, const char *file,
                           const char *what)
{
    struct failure why = {0};

    assert_null(
        tls_server_new(&(struct tls_server_options){.files = &(struct tls_files){certificate, key},
                                                    .file_count = 1},
                       &why));
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    assert_non_null(strstr(why.text, file));
    assert_non_null(strstr(why.text, what));
    assert_int_equal(ERR_peek_error(), 0);
}

static void takes_a_pair(void **state)
{
    struct tls_context *t = identity_server(&good);

    (void)state;
    tls_context_free(t);
    tls_context_free(NULL);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    assert_refused(missing, good.key_path, missing, "No such file");
    assert_refused(good.certificate_path, missing, missing, "No such file");
    assert_refused(garbage, good.key_path, garbage, "holds no PEM certificate");
    assert_refused(good.certificate_path, garbage, garbage, "holds no PEM private key");
    assert_refused(good.key_path, good.key_path, good.key_path, "holds no PEM certificate");
    assert_refused(good.certificate_path, encrypted, encrypted, "encrypted");
    assert_refused(good.certificate_path, other.key_path, other.key_path,
                   "does not belong to the certificate");
}

static void takes_authorities(void **state)
{
    struct failure why;
    const char *accepted[] = {NULL, good.certificate_path, dir};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        tls_context_free(client_trusting(accepted[i]));
    }
    assert_null(tls_client_new(&(struct tls_client_options){.ca = missing}, &why));
    assert_non_null(strstr(why.text, "No such file"));
    assert_null(tls_client_new(&(struct tls_client_options){.ca = garbage}, &why));
    assert_non_null(strstr(why.text, "holds no PEM certificate"));
}

/* ---- sessions ---- */

static bool is_resumed(struct tls_context *client, const char *name, struct tls_context *server)
{
    struct meeting m;

    meeting_hold(&m, client, name, server, NULL);
    assert_true(meeting_is_up(&m));
    bool resumed = SSL_session_reused(m.client->ssl);
    meeting_end(&m);
    return resumed;
}

static struct tls_context *server_of(const struct identity *id, struct tls_tickets *tickets)
{
    const struct tls_files files = {id->certificate_path, id->key_path};
    struct tls_server_options options = {.files = &files, .file_count = 1, .tickets = tickets};
    struct failure why;
    struct tls_context *t = tls_server_new(&options, &why);

    assert_non_null(t);
    return t;
}

static void resumes_by_name(void **state)
{
    struct failure why;
    const struct identity_wish wish = {"x", "DNS:x,DNS:y,IP:127.0.0.1", false, -1, 30};
    struct tls_tickets *tickets = tls_tickets_new();
    struct identity id;

    (void)state;
    identity_make(&id, dir, "names", &wish, NULL);
    struct tls_context *server = server_of(&id, tickets);
    struct tls_context *client = client_trusting(id.certificate_path);
    assert_false(is_resumed(client, "x", server));
    assert_true(is_resumed(client, "x", server));
    assert_true(is_resumed(client, "x", server));
    assert_false(is_resumed(client, "y", server));
    assert_false(is_resumed(client, "127.0.0.1", server));
    assert_true(is_resumed(client, "127.0.0.1", server));
    tls_context_free(client);
    client = tls_client_new(&(struct tls_client_options){.unverified = true}, &why);
    assert_false(is_resumed(client, "x", server));
    assert_false(is_resumed(client, "x", server));
    tls_context_free(client);
    tls_context_free(server);
    tls_tickets_release(tickets);
    identity_clear(&id);
}

/* As Dovecot 2.3 is with ssl_verify_client_cert: to offer it a session breaks the handshake. */
static void resumes_nothing_where_a_certificate_is_asked_for(void **state)
{
    struct tls_tickets *tickets = tls_tickets_new();
    struct tls_context *client = client_trusting(good.certificate_path);
    struct tls_context *server = server_of(&good, tickets);

    (void)state;
    SSL_CTX_set_verify(server->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_id_context(server->ssl, (const unsigned char *)"", 0);
    for (int i = 0; i < 3; i++)
        assert_false(is_resumed(client, "x", server));
    tls_context_free(server);
    tls_context_free(client);
    tls_tickets_release(tickets);
}

/* The server's context is made anew, as by a reload: who was here before is known again. */
static void tickets_outlive_a_context(void **state)
{
    struct tls_tickets *tickets = tls_tickets_new();
    struct tls_context *client = client_trusting(good.certificate_path);
    struct tls_context *server = server_of(&good, tickets);

    (void)state;
    assert_false(is_resumed(client, "x", server));
    tls_context_free(server);
    server = server_of(&good, tickets);
    assert_true(is_resumed(client, "x", server));
    tls_context_free(server);
    tls_tickets_release(tickets);
    tickets = tls_tickets_new();
    server = server_of(&good, tickets);
    assert_false(is_resumed(client, "x", server)); /* other keys */
    tls_context_free(server);
    tls_context_free(client);
    tls_tickets_release(tickets);
}

static void ticket_keys_change(void **state)
{
    enum { HOUR = 60 * 60 };
    struct tls_tickets *tickets = tls_tickets_new();
    struct tls_context *client = client_trusting(good.certificate_path);
    struct tls_context *server = server_of(&good, tickets);
    time_t now = time(NULL);

    (void)state;
    assert_false(is_resumed(client, "x", server));
    tls_tickets_age(tickets, now + 5 * HOUR);
    assert_true(is_resumed(client, "x", server));
    tls_tickets_age(tickets, now + 7 * HOUR);
    assert_true(is_resumed(client, "x", server)); /* by the key before, and gets a new ticket */
    tls_tickets_age(tickets, now + 14 * HOUR);
    assert_true(is_resumed(client, "x", server));
    tls_tickets_age(tickets, now + 21 * HOUR);
    tls_tickets_age(tickets, now + 28 * HOUR);
    assert_false(is_resumed(client, "x", server));
    tls_context_free(server);
    tls_context_free(client);
    tls_tickets_release(tickets);
}

/* A name goes as SNI, an address does not (RFC 6066 section 3). */
static void sends_names_only(void **state)
{
    struct tls_context *t = client_trusting(NULL);
    struct tls_connection *c = tls_connection_new(t, "imap.example.com");

    (void)state;
    assert_string_equal(SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name), "imap.example.com");
    tls_connection_free(c);
    c = tls_connection_new(t, "2001:db8::1");
    assert_null(SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name));
    tls_connection_free(c);
    tls_context_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_pair),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(takes_authorities),
        cmocka_unit_test(resumes_by_name),
        cmocka_unit_test(resumes_nothing_where_a_certificate_is_asked_for),
        cmocka_unit_test(sends_names_only),
        cmocka_unit_test(tickets_outlive_a_context),
        cmocka_unit_test(ticket_keys_change),
    };

    return cmocka_run_group_tests_name("tls", tests, make_files, remove_files);
}
