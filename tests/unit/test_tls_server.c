/* proxy/net/tls_server.c: which certificate is shown to whom, old TLS by name, clients'
 * certificates, protocols. */
#include "tests/unit/certificates.h"
#include "tests/unit/tls_meeting.h"

#include "proxy/net/tls_tickets.h"
#include "proxy/net/tls_verify.h"

static char dir[] = "/tmp/mailferry-test-XXXXXX";
static struct identity ca;
static struct identity main_ec;
static struct identity main_rsa;
static struct identity wild;
static struct identity exact;
static struct identity person;
static struct identity stranger;
static struct identity unnamed;
static struct identity weak;

static int make_identities(void **state)
{
    const struct identity_wish main_wish = {"main", "DNS:mail.example.com", false, -1, 30};
    const struct identity_wish weak_wish = {"weak", "DNS:old.example.com", false, -1, 30};
    const struct {
        struct identity *id;
        const char *name;
        struct identity_wish wish;
    } all[] = {
        {&wild, "wild", {"wild", "DNS:*.example.org", false, -1, 30}},
        {&exact, "exact", {"exact", "DNS:pop.example.org", false, -1, 30}},
        {&person, "person", {"Ann", "email:ann@example.com", false, -1, 30}},
        {&unnamed, "unnamed", {"device 7", NULL, false, -1, 30}},
    };

    (void)state;
    assert_non_null(mkdtemp(dir));
    identity_make(&ca, dir, "ca", &(struct identity_wish){"CA", NULL, true, -1, 30}, NULL);
    identity_make(&stranger, dir, "stranger",
                  &(struct identity_wish){"Ann", "email:ann@example.com", false, -1, 30}, NULL);
    identity_make(&main_ec, dir, "ec", &main_wish, &ca);
    identity_make_of(EVP_RSA_gen(2048), &main_rsa, dir, "rsa", &main_wish, &ca);
    identity_make_of(EVP_RSA_gen(1024), &weak, dir, "weak", &weak_wish, &ca);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        identity_make(all[i].id, dir, all[i].name, &all[i].wish, &ca);
    return 0;
}

static int remove_identities(void **state)
{
    struct identity *all[] = {&ca,     &main_ec,  &main_rsa, &wild, &exact,
                              &person, &stranger, &unnamed,  &weak};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        identity_clear(all[i]);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static struct tls_context *server_with(struct tls_server_options options,
                                       const struct identity *const *ids)
{
    struct tls_files files[8];
    struct failure why = {0};

    options.files = files;
    for (; ids[options.file_count]; options.file_count++)
        files[options.file_count] = (struct tls_files){ids[options.file_count]->certificate_path,
                                                       ids[options.file_count]->key_path};
    struct tls_context *t = tls_server_new(&options, &why);
    if (!t)
        fail_msg("%s", why.text);
    return t;
}

static struct tls_context *client_with(struct tls_client_options options)
{
    struct failure why = {0};
    struct tls_context *t = tls_client_new(&options, &why);

    if (!t)
        fail_msg("%s", why.text);
    return t;
}

/* Those identities, the default first. */
#define IDS(...) ((const struct identity *[]){__VA_ARGS__, NULL})

static struct tls_context *server_of(const struct identity *const *ids)
{
    return server_with((struct tls_server_options){.minimum = TLS_MINIMUM_1_2}, ids);
}

static struct tls_context *server_from(enum tls_minimum minimum, const struct identity *id)
{
    return server_with((struct tls_server_options){.minimum = minimum}, IDS(id));
}

/* ---- certificates by name ---- */

static void prefer_rsa(SSL *ssl)
{
    SSL_set1_sigalgs_list(ssl, "RSA-PSS+SHA256");
}

/* The certificate that is shown to a client which asks for that name. */
static void assert_shown(struct tls_context *server, const char *name, void (*prepare)(SSL *ssl),
                         const struct identity *expected)
{
    struct tls_context *client = client_with((struct tls_client_options){.unverified = true});
    struct meeting m;

    meeting_hold(&m, client, name, server, prepare);
    assert_true(meeting_is_up(&m));
    X509 *shown = SSL_get1_peer_certificate(m.client->ssl);
    if (X509_cmp(shown, expected->certificate) != 0)
        fail_msg("another certificate for %s", name);
    X509_free(shown);
    meeting_end(&m);
    tls_context_free(client);
}

static void shows_the_one_that_is_asked_for(void **state)
{
    struct tls_context *server = server_of(IDS(&main_ec, &wild, &exact));

    (void)state;
    assert_shown(server, "mail.example.com", NULL, &main_ec);
    assert_shown(server, "pop.example.org", NULL, &exact); /* rather than the wildcard before it */
    assert_shown(server, "POP.example.ORG", NULL, &exact);
    assert_shown(server, "imap.example.org", NULL, &wild);
    tls_context_free(server);
}

static void shows_the_first_to_all_others(void **state)
{
    struct tls_context *server = server_of(IDS(&main_ec, &wild, &exact));

    (void)state;
    assert_shown(server, "127.0.0.1", NULL, &main_ec); /* no SNI */
    assert_shown(server, "unknown.example", NULL, &main_ec);
    assert_shown(server, "a.b.example.org", NULL, &main_ec);
    assert_shown(server, "example.org", NULL, &main_ec);
    tls_context_free(server);
}

static void has_two_types_of_key_for_a_name(void **state)
{
    struct tls_context *server = server_of(IDS(&wild, &main_ec, &main_rsa));

    (void)state;
    assert_shown(server, "mail.example.com", NULL, &main_ec);
    assert_shown(server, "mail.example.com", prefer_rsa, &main_rsa);
    tls_context_free(server);
    server = server_of(IDS(&main_rsa, &wild, &main_ec));
    assert_shown(server, "127.0.0.1", NULL, &main_ec); /* the default has both */
    assert_shown(server, "127.0.0.1", prefer_rsa, &main_rsa);
    assert_shown(server, "x.example.org", NULL, &wild);
    tls_context_free(server);
}

static void shows_the_first_of_one_type(void **state)
{
    struct tls_context *server = server_of(IDS(&exact, &wild, &main_ec, &wild));
    struct identity again;

    (void)state;
    assert_shown(server, "x.example.org", NULL, &wild);
    tls_context_free(server);
    identity_make(&again, dir, "again",
                  &(struct identity_wish){"m", "DNS:mail.example.com", false, -1, 30}, &ca);
    server = server_of(IDS(&main_ec, &again));
    assert_shown(server, "mail.example.com", NULL, &main_ec);
    tls_context_free(server);
    identity_clear(&again);
}

static void says_which_file_is_bad(void **state)
{
    const struct tls_files files[] = {{main_ec.certificate_path, main_ec.key_path},
                                      {wild.certificate_path, exact.key_path}};
    struct failure why = {0};

    (void)state;
    assert_null(
        tls_server_new(&(struct tls_server_options){.files = files, .file_count = 2}, &why));
    assert_non_null(strstr(why.text, wild.certificate_path));
}

/* ---- versions ---- */

static void speak_1_0(SSL *ssl)
{
    SSL_set_security_level(ssl, 0);
    SSL_set_min_proto_version(ssl, TLS1_VERSION);
    SSL_set_max_proto_version(ssl, TLS1_VERSION);
    SSL_set_cipher_list(ssl, "ALL:@SECLEVEL=0");
}

static void speak_1_2(SSL *ssl)
{
    SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
}

static void assert_version(struct tls_context *server, void (*prepare)(SSL *ssl), const char *text,
                           const char *why)
{
    struct tls_context *client = client_with((struct tls_client_options){.unverified = true});
    struct meeting m;

    meeting_hold(&m, client, "mail.example.com", server, prepare);
    assert_int_equal(meeting_is_up(&m), why == NULL);
    if (why)
        assert_string_equal(m.server_why.text, why);
    else
        assert_string_equal(SSL_get_version(m.client->ssl), text);
    meeting_end(&m);
    tls_context_free(client);
}

static void old_versions_by_name_only(void **state)
{
    struct tls_context *server = server_of(IDS(&main_rsa));

    (void)state;
    assert_version(server, NULL, "TLSv1.3", NULL);
    assert_version(server, speak_1_2, "TLSv1.2", NULL);
    assert_version(server, speak_1_0, NULL,
                   "the client speaks only TLS older than 1.2, which is not safe; if the device "
                   "knows no better, set tls_minimum at its listener");
    tls_context_free(server);
    server = server_from(TLS_MINIMUM_1_0, &main_rsa);
    assert_version(server, NULL, "TLSv1.3", NULL);
    assert_version(server, speak_1_0, "TLSv1", NULL);
    tls_context_free(server);
    server = server_from(TLS_MINIMUM_1_0, &main_ec);
    assert_version(server, speak_1_0, "TLSv1", NULL);
    tls_context_free(server);
    server = server_from(TLS_MINIMUM_1_1, &main_rsa);
    assert_version(server, speak_1_0, NULL,
                   "the client speaks only TLS older than 1.1, which is not safe");
    tls_context_free(server);
    server = server_from(TLS_MINIMUM_1_3, &main_rsa);
    assert_version(server, NULL, "TLSv1.3", NULL);
    assert_version(server, speak_1_2, NULL,
                   "the client speaks only TLS older than 1.3, which is not safe; if the device "
                   "knows no better, set tls_minimum at its listener");
    tls_context_free(server);
}

/* What an old device was given once: 1024 bits. */
static void short_keys_by_name_only(void **state)
{
    const struct tls_files files = {weak.certificate_path, weak.key_path};
    struct failure why = {0};

    (void)state;
    assert_null(
        tls_server_new(&(struct tls_server_options){.files = &files, .file_count = 1}, &why));
    assert_non_null(strstr(why.text, "key too small"));
    struct tls_context *server = server_from(TLS_MINIMUM_1_0, &weak);
    assert_version(server, speak_1_0, "TLSv1", NULL);
    tls_context_free(server);
}

static void upstreams_of_old_versions_by_name_only(void **state)
{
    struct tls_context *server = server_from(TLS_MINIMUM_1_0, &main_rsa);
    struct tls_context *client = client_with(
        (struct tls_client_options){.ca = ca.certificate_path, .minimum = TLS_MINIMUM_1_0});
    struct meeting m;

    (void)state;
    meeting_hold(&m, client, "mail.example.com", server, speak_1_0);
    assert_true(meeting_is_up(&m));
    meeting_end(&m);
    tls_context_free(client);
    tls_context_free(server);
}

/* ---- clients' certificates ---- */

static struct tls_context *client_as(const struct identity *id)
{
    struct tls_client_options options = {.ca = ca.certificate_path};

    if (id)
        options.files = (struct tls_files){id->certificate_path, id->key_path};
    return client_with(options);
}

/* Who the server takes the client for, by that name; or the reason for which it is sent away. */
static const char *taken_by_name(bool required, const struct identity *id, bool tls_1_2,
                                 enum tls_name which)
{
    static char text[sizeof((struct failure *)0)->text];
    struct tls_context *client = client_as(id);
    struct tls_context *server = server_with(
        (struct tls_server_options){.client_ca = ca.certificate_path, .client_required = required},
        IDS(&main_ec));
    struct buf name = BUF_INIT;
    struct meeting m;

    meeting_hold(&m, client, "mail.example.com", server, tls_1_2 ? speak_1_2 : NULL);
    if (m.server_why.kind)
        snprintf(text, sizeof text, "%s", m.server_why.text);
    else if (tls_client_name(m.server->ssl, which, &name))
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(buf_slice(&name)));
    else
        snprintf(text, sizeof text, "nobody");
    buf_clear(&name);
    meeting_end(&m);
    tls_context_free(client);
    tls_context_free(server);
    return text;
}

static const char *taken_for(bool required, const struct identity *id, bool tls_1_2)
{
    return taken_by_name(required, id, tls_1_2, TLS_NAME_ANY);
}

static const char *named(const struct identity *id, enum tls_name which)
{
    return taken_by_name(true, id, false, which);
}

static void knows_clients_by_their_certificates(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        for (int required = 0; required < 2; required++) {
            assert_string_equal(taken_for(required, &person, old), "ann@example.com");
            assert_string_equal(taken_for(required, &unnamed, old), "device 7");
            assert_string_equal(taken_for(required, &stranger, old),
                                "the client's certificate is not trusted: self-signed certificate");
        }
        assert_string_equal(taken_for(false, NULL, old), "nobody");
        assert_string_equal(taken_for(true, NULL, old),
                            "the client has shown no certificate, and this listener requires one");
    }
}

/* What a login is told by: one of two names, and nothing that could be read as another. */
static void tells_which_name_is_meant(void **state)
{
    static const struct {
        struct identity_wish wish;
        const char *mail, *common;
    } cases[] = {
        {{"Ann", "email:ann@example.com", false, -1, 30}, "ann@example.com", "Ann"},
        {{"Ann", "email:a@example.com,email:b@example.com", false, -1, 30}, "a@example.com", "Ann"},
        {{"Ann", "DNS:ann@example.com", false, -1, 30}, "nobody", "Ann"},
        {{"J\xC3\xB6rg", NULL, false, -1, 30}, "nobody", "J\xC3\xB6rg"},
    };
    struct identity id;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        identity_make(&id, dir, "named", &cases[i].wish, &ca);
        assert_string_equal(named(&id, TLS_NAME_MAIL), cases[i].mail);
        assert_string_equal(named(&id, TLS_NAME_COMMON), cases[i].common);
        assert_string_equal(named(&id, TLS_NAME_NONE), "nobody");
        identity_clear(&id);
    }
}

/* The authority has signed what was changed. */
static void sign_again(const struct identity *id)
{
    FILE *f = fopen(id->certificate_path, "w");

    assert_non_null(f);
    assert_true(X509_sign(id->certificate, ca.key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(f, id->certificate), 1);
    fclose(f);
}

static void add_common_name(const struct identity *id, const char *name, int n)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(id->certificate), "CN",
                                                MBSTRING_UTF8, (const unsigned char *)name, n, -1,
                                                0),
                     1);
}

static void set_mail(const struct identity *id, const char *mail, int n)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    ASN1_STRING_set(text, mail, n);
    GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
    sk_GENERAL_NAME_push(names, name);
    assert_int_equal(
        X509_add1_ext_i2d(id->certificate, NID_subject_alt_name, names, 0, X509V3_ADD_REPLACE), 1);
    GENERAL_NAMES_free(names);
}

static void takes_nobody_by_a_name_that_has_two_meanings(void **state)
{
    static const struct identity_wish wish = {"Ann", "email:ann@example.com", false, -1, 30};
    struct identity id;

    (void)state;
    identity_make(&id, dir, "twofold", &wish, &ca);
    set_mail(&id, "ann@example.com\0.example", 24);
    add_common_name(&id, "Bob", 3);
    sign_again(&id);
    assert_string_equal(named(&id, TLS_NAME_MAIL), "nobody");
    assert_string_equal(named(&id, TLS_NAME_COMMON), "nobody");
    for (int i = 0; i < 2; i++)
        X509_NAME_ENTRY_free(X509_NAME_delete_entry(X509_get_subject_name(id.certificate), 0));
    add_common_name(&id, "Ann\0Bob", 7);
    sign_again(&id);
    assert_string_equal(named(&id, TLS_NAME_COMMON), "nobody");
    identity_clear(&id);
}

static void looks_at_a_clients_certificate_each_time(void **state)
{
    struct tls_tickets *tickets = tls_tickets_new();
    struct tls_context *client = client_as(&person);
    struct tls_context *server = server_with(
        (struct tls_server_options){.client_ca = ca.certificate_path, .tickets = tickets},
        IDS(&main_ec));
    struct meeting m;

    (void)state;
    for (int i = 0; i < 2; i++) {
        meeting_hold(&m, client, "mail.example.com", server, NULL);
        assert_true(meeting_is_up(&m));
        assert_false(SSL_session_reused(m.server->ssl));
        meeting_end(&m);
    }
    tls_context_free(client);
    tls_context_free(server);
    tls_tickets_release(tickets);
}

/* Nor is a session of a listener that asks nobody. */
static void takes_no_session_from_elsewhere(void **state)
{
    struct tls_tickets *tickets = tls_tickets_new();
    struct tls_context *client = client_as(NULL);
    struct tls_context *open = server_with(
        (struct tls_server_options){.protocol = "pop3", .tickets = tickets}, IDS(&main_ec));
    struct tls_context *closed =
        server_with((struct tls_server_options){.protocol = "pop3",
                                                .tickets = tickets,
                                                .client_ca = ca.certificate_path,
                                                .client_required = true},
                    IDS(&main_ec));
    struct meeting m;

    (void)state;
    for (int tls_1_2 = 0; tls_1_2 < 2; tls_1_2++) {
        for (int i = 0; i < 2; i++) {
            meeting_hold(&m, client, "mail.example.com", open, tls_1_2 ? speak_1_2 : NULL);
            assert_true(meeting_is_up(&m));
            assert_int_equal(SSL_session_reused(m.server->ssl), i);
            meeting_end(&m);
        }
        meeting_hold(&m, client, "mail.example.com", closed, tls_1_2 ? speak_1_2 : NULL);
        assert_int_equal(m.server_why.kind, FAILURE_PERMANENT);
        meeting_end(&m);
        tls_context_free(client);
        client = client_as(NULL);
    }
    tls_context_free(client);
    tls_context_free(open);
    tls_context_free(closed);
    tls_tickets_release(tickets);
}

static void says_that_a_ca_is_missing(void **state)
{
    const struct tls_files files = {main_ec.certificate_path, main_ec.key_path};
    struct failure why = {0};

    (void)state;
    assert_null(tls_server_new(
        &(struct tls_server_options){.files = &files, .file_count = 1, .client_ca = "/nowhere"},
        &why));
    assert_non_null(strstr(why.text, "/nowhere"));
}

/* ---- protocols ---- */

static void speaks_its_protocol_only(void **state)
{
    struct tls_context *server =
        server_with((struct tls_server_options){.protocol = "pop3"}, IDS(&main_ec));
    const char *protocols[] = {"pop3", NULL, "imap", "http/1.1"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct tls_context *client = client_with(
            (struct tls_client_options){.ca = ca.certificate_path, .protocol = protocols[i]});
        const unsigned char *chosen;
        struct meeting m;
        unsigned n;

        meeting_hold(&m, client, "mail.example.com", server, NULL);
        assert_int_equal(meeting_is_up(&m), i < 2);
        SSL_get0_alpn_selected(m.client->ssl, &chosen, &n);
        assert_int_equal(n, i == 0 ? 4 : 0);
        if (i >= 2) {
            assert_string_equal(m.server_why.text,
                                "the client wants another protocol than pop3 (ALPN)");
            assert_non_null(strstr(m.client_why.text, "no application protocol"));
        }
        meeting_end(&m);
        tls_context_free(client);
    }
    tls_context_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_one_that_is_asked_for),
        cmocka_unit_test(shows_the_first_to_all_others),
        cmocka_unit_test(has_two_types_of_key_for_a_name),
        cmocka_unit_test(shows_the_first_of_one_type),
        cmocka_unit_test(says_which_file_is_bad),
        cmocka_unit_test(old_versions_by_name_only),
        cmocka_unit_test(short_keys_by_name_only),
        cmocka_unit_test(upstreams_of_old_versions_by_name_only),
        cmocka_unit_test(knows_clients_by_their_certificates),
        cmocka_unit_test(tells_which_name_is_meant),
        cmocka_unit_test(takes_nobody_by_a_name_that_has_two_meanings),
        cmocka_unit_test(looks_at_a_clients_certificate_each_time),
        cmocka_unit_test(takes_no_session_from_elsewhere),
        cmocka_unit_test(says_that_a_ca_is_missing),
        cmocka_unit_test(speaks_its_protocol_only),
    };

    return cmocka_run_group_tests_name("tls_server", tests, make_identities, remove_identities);
}
