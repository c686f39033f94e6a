/*
 * From the greeting of an IMAP server until the client is READY, as dialogues.
 */
#include "tests/unit/imap_dialogue.h"

static void test_login_shortest(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n",
                     "m1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n"},
          .expected = "C: m1 AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\r\nready\n");
}

static void test_login_longest(void **state)
{
    static const struct imap_client_options all = {
        .starttls = true, .require_tls = true, .compress = true, .utf8 = true};

    (void)state;
    CHECK(.options = all,
          .chunks = {"* OK hello\r\n", "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\nm1 OK\r\n",
                     "m2 OK go\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nm3 OK\r\n", "+ \r\n",
                     "* 3 EXISTS\r\nm4 OK in\r\n",
                     "* CAPABILITY IMAP4rev1 ID QRESYNC UTF8=ACCEPT COMPRESS=DEFLATE\r\nm5 OK\r\n",
                     "* ENABLED QRESYNC UTF8=ACCEPT\r\nm7 OK\r\n",
                     "* ID (\"name\" \"Do\\\"vecot\")\r\nm6 OK\r\n", "m8 OK\r\n"},
          .expected = "C: m1 CAPABILITY\r\n"
                      "C: m2 STARTTLS\r\n"
                      "tls\n"
                      "C: m3 CAPABILITY\r\n"
                      "C: m4 AUTHENTICATE PLAIN\r\n"
                      "C: AGpvZQBzZWNyZXQ=\r\n"
                      "C: m5 CAPABILITY\r\n"
                      "C: m6 ID (\"name\" \"mailferry\" \"version\" \"" MAILFERRY_VERSION "\")\r\n"
                      "m7 ENABLE QRESYNC UTF8=ACCEPT\r\n"
                      "C: m8 COMPRESS DEFLATE\r\n"
                      "deflate\n"
                      "ready qresync utf8\n");
}

/* READY does not wait for ID, whose answer is nobody's business. */
static void test_ready_before_id(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 ID CONDSTORE ENABLE] hi\r\n",
                     "* CAPABILITY IMAP4rev1 ID CONDSTORE ENABLE\r\nm1 OK\r\n",
                     "* ENABLED CONDSTORE\r\nm3 OK\r\n"},
          .expected = "C: m1 LOGIN \"joe\" \"secret\"\r\n"
                      "C: m2 ID (\"name\" \"mailferry\" \"version\" \"" MAILFERRY_VERSION "\")\r\n"
                      "m3 ENABLE CONDSTORE\r\n"
                      "ready\n");
}

/* READY waits for ENABLE, COMPRESS for ID too: behind it nothing may be under way. */
static void test_setup_waits(void **state)
{
    static const struct imap_client_options compress = {.tls_now = true, .compress = true};
    static const char sent[] =
        "C: m1 LOGIN \"joe\" \"secret\"\r\n"
        "C: m2 ID (\"name\" \"mailferry\" \"version\" \"" MAILFERRY_VERSION "\")\r\n"
        "m3 ENABLE QRESYNC\r\n";

    (void)state;
    CHECK(.options = tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1] hi\r\n", "m1 OK [CAPABILITY ID QRESYNC] in\r\n",
                     "* ENABLED QRESYNC\r\nm2 OK\r\n"},
          .expected = sent);
    CHECK(.options = compress,
          .chunks = {"* OK [CAPABILITY IMAP4rev1] hi\r\n",
                     "m1 OK [CAPABILITY ID QRESYNC COMPRESS=DEFLATE] in\r\n",
                     "* ENABLED QRESYNC\r\nm3 OK\r\n"},
          .expected = sent);
}

/* What is announced and refused is done without (CASES U4). */
static void test_lying_capabilities(void **state)
{
    static const struct imap_client_options all = {.tls_now = true, .compress = true, .utf8 = true};

    (void)state;
    CHECK(.options = all,
          .chunks = {"* OK hi\r\n", "m1 BAD what?\r\n",
                     "m2 OK [CAPABILITY ID QRESYNC UTF8=ACCEPT COMPRESS=DEFLATE] in\r\n",
                     "m3 BAD no\r\nm4 NO no\r\n", "m5 NO [COMPRESSIONACTIVE] no\r\n"},
          .expected = "C: m1 CAPABILITY\r\n"
                      "C: m2 LOGIN \"joe\" \"secret\"\r\n"
                      "C: m3 ID (\"name\" \"mailferry\" \"version\" \"" MAILFERRY_VERSION "\")\r\n"
                      "m4 ENABLE QRESYNC UTF8=ACCEPT\r\n"
                      "C: m5 COMPRESS DEFLATE\r\n"
                      "ready\n");
    /* No CAPABILITY at all, before and after. */
    CHECK(.options = tls, .chunks = {"* OK hi\r\n", "m1 NO\r\n", "m2 OK\r\n", "m3 BAD\r\n"},
          .expected = "C: m1 CAPABILITY\r\nC: m2 LOGIN \"joe\" \"secret\"\r\n"
                      "C: m3 CAPABILITY\r\nready\n");
}

static void test_rev2_only(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] hi\r\n",
                     "m1 OK [CAPABILITY IMAP4rev2] in\r\n"},
          .expected = "C: m1 AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\r\nready utf8\n");
    CHECK(.options = tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 IMAP4rev2] hi\r\n",
                     "m1 OK [CAPABILITY IMAP4rev1 IMAP4rev2 UTF8=ONLY ENABLE] in\r\n",
                     "* ENABLED UTF8=ACCEPT\r\nm2 OK\r\n"},
          .expected = "C: m1 LOGIN \"joe\" \"secret\"\r\nC: m2 ENABLE UTF8=ACCEPT\r\n"
                      "ready utf8\n");
}

/* CASES T2: nothing that was said in the clear is believed behind TLS. */
static void test_starttls_forgets(void **state)
{
    (void)state;
    CHECK(.options = starttls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hi\r\n",
                     "m1 OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] go\r\n", "m2 NO\r\n"},
          .expected = "C: m1 STARTTLS\r\ntls\nC: m2 CAPABILITY\r\n"
                      "C: m3 LOGIN \"joe\" \"secret\"\r\n");
}

static const char in_between[] =
    "failed permanent: clear text came behind the server's answer to STARTTLS: somebody in between "
    "may have put it there; no password was sent\n";

/* The whole chunk only: cut behind its first line, TLS would have been started in between. */
static void test_starttls_injection(void **state)
{
    static const char *const behind[] = {"m1 OK go\r\n* ", "m1 OK go\r\n* CAPABILITY IMAP4rev1\r\n",
                                         "m1 OK go\nm2 OK\r\n"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct dialogue d = {.options = starttls,
                             .chunks = {"* OK [CAPABILITY STARTTLS] hi\r\n", behind[i]}};
        struct buf expected = BUF_INIT;
        buf_printf(&expected, "C: m1 STARTTLS\r\n%s%c", in_between, 0);
        d.expected = buf_slice(&expected).p;
        play(&d, CHUNKS, 0, 0);
        buf_clear(&expected);
    }
    /* Or the text comes a moment later, before TLS has been started. */
    struct dialogue d = {.options = starttls};
    struct imap_client *c = client_new(&d);
    struct buf log = BUF_INIT;
    feed(take, c, slice_of("* OK [CAPABILITY STARTTLS] hi\r\n"), &log);
    feed(take, c, slice_of("m1 OK\r\n"), &log);
    feed(take, c, slice_of("*"), &log);
    struct buf expected = BUF_INIT;
    buf_printf(&expected, "C: m1 STARTTLS\r\ntls\n%s%c", in_between, 0);
    assert_log(&log, buf_slice(&expected).p);
    buf_clear(&expected);
    imap_client_free(c);
}

/* CASES T3, A1: no credentials in the clear, whatever the server says or leaves out. */
static void test_no_password_in_the_clear(void **state)
{
    static const struct imap_client_options allowed = {.starttls = true, .allow_cleartext = true};

    (void)state;
    CHECK(.options = starttls, .chunks = {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n"},
          .expected = "failed permanent: there is no TLS, and it is demanded where "
                      "allow_cleartext is not set; no password was sent\n");
    CHECK(.options = maybe_tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "m1 NO not now\r\n"},
          .expected = "C: m1 STARTTLS\r\n"
                      "failed permanent: the server refused STARTTLS, and a password is sent in "
                      "the clear only where allow_cleartext is set; none was sent\n");
    CHECK(.chunks = {"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n"},
          .expected = "failed permanent: there is no TLS, and a password is sent in the clear only "
                      "where allow_cleartext is set; none was sent\n");
    CHECK(.options = allowed,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "m1 BAD no\r\n"},
          .expected = "C: m1 STARTTLS\r\nC: m2 LOGIN \"joe\" \"secret\"\r\n");
    CHECK(.options = clear, .chunks = {"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n"},
          .expected = "C: m1 LOGIN \"joe\" \"secret\"\r\n");
    /* A server that tells nothing may still know STARTTLS. */
    CHECK(.options = starttls, .chunks = {"* OK hi\r\n", "m1 BAD\r\n", "m2 OK\r\n"},
          .expected = "C: m1 CAPABILITY\r\nC: m2 STARTTLS\r\ntls\nC: m3 CAPABILITY\r\n");
}

static void test_preauth(void **state)
{
    static const struct imap_client_options allowed = {.tls_now = true, .allow_preauth = true};
    static const struct imap_client_options demanded = {
        .starttls = true, .require_tls = true, .allow_preauth = true};

    (void)state;
    CHECK(.options = allowed, .chunks = {"* PREAUTH hi\r\n", "* CAPABILITY IMAP4rev1\r\nm1 OK\r\n"},
          .expected = "C: m1 CAPABILITY\r\nready\n");
    CHECK(.options = tls, .chunks = {"* PREAUTH hi\r\n"},
          .expected = "failed permanent: the server greets with PREAUTH: it would let in anybody "
                      "without a password; allow_preauth permits that\n");
    CHECK(.options = demanded, .chunks = {"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n"},
          .expected = "failed permanent: the server greets with PREAUTH, which rules out STARTTLS, "
                      "and the configuration demands TLS\n");
}

static void test_login_disabled(void **state)
{
    (void)state;
    CHECK(.options = tls, .chunks = {"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"},
          .expected = "failed permanent: the server takes no passwords (LOGINDISABLED)\n");
    CHECK(.options = clear, .chunks = {"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"},
          .expected =
              "failed permanent: the server takes no passwords without TLS (LOGINDISABLED)\n");
    CHECK(.options = tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] hi\r\n", "m1 BAD\r\n"},
          .expected = "C: m1 AUTHENTICATE PLAIN\r\n"
                      "failed permanent: the server refused without giving a reason\n");
}

/* A password that was judged is not tried again; a command that was not understood is no judgement.
 */
static void test_authenticate_refused(void **state)
{
    static const char greeting[] = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n";
    static const char sent[] = "C: m1 AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\r\n";
    static const struct {
        const char *answer;
        const char *expected;
    } cases[] = {
        {"m1 NO nope\r\n", "failed auth: nope\n"},
        {"m1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n",
         "failed auth: Authentication failed.\n"},
        {"m1 NO unsupported mechanism\r\n", "failed auth: unsupported mechanism\n"},
        {"m1 NO [UNAVAILABLE] later\r\n", "failed temporary: later\n"},
        {"m1 BAD [AUTHENTICATIONFAILED] wrong\r\n", "failed auth: wrong\n"},
        {"m1 BAD User is authenticated but not connected.\r\n",
         "failed temporary: User is authenticated but not connected.\n"},
        {"m1 BAD [PRIVACYREQUIRED] no\r\n", "failed permanent: no\n"},
        {"m1 BAD [CLIENTBUG] syntax\r\n", "C: m2 LOGIN \"joe\" \"secret\"\r\n"},
        {"m1 BAD syntax\r\n", "C: m2 LOGIN \"joe\" \"secret\"\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf expected = BUF_INIT;
        buf_printf(&expected, "%s%s%c", sent, cases[i].expected, 0);
        CHECK(.options = tls, .chunks = {greeting, cases[i].answer},
              .expected = buf_slice(&expected).p);
        buf_clear(&expected);
    }
    /* The part of AUTHENTICATE that was never asked for does not get into LOGIN. */
    CHECK(.options = tls, .password = "gr\xc3\xbcn",
          .chunks = {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", "m1 BAD\r\n", "+ go\r\n",
                     "m2 NO no\r\n"},
          .expected = "C: m1 AUTHENTICATE PLAIN\r\nC: m2 LOGIN \"joe\" {5}\r\n"
                      "C: gr\xc3\xbcn\r\nfailed auth: no\n");
}

/* Odd characters go as literals, in the way that the server takes them. */
static void test_login_literals(void **state)
{
    static const char user[] = "j\xc3\xb6"
                               "e {5}";
    static const char password[] = "\xff\"\\";

    (void)state;
    CHECK(.options = tls, .user = user, .password = password,
          .chunks = {"* OK [CAPABILITY IMAP4rev1] hi\r\n", "+ ok\r\n", "+ ok\r\n", "m1 OK\r\n"},
          .expected = "C: m1 LOGIN {8}\r\n"
                      "C: j\xc3\xb6"
                      "e {5} {3}\r\n"
                      "C: \xff\"\\\r\n"
                      "C: m2 CAPABILITY\r\n");
    CHECK(.options = tls, .user = user, .password = password,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n"},
          .expected = "C: m1 LOGIN {8+}\r\nj\xc3\xb6"
                      "e {5} {3+}\r\n\xff\"\\\r\n");
    CHECK(.options = tls, .user = user, .password = password,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 LITERAL-] hi\r\n"},
          .expected = "C: m1 LOGIN {8+}\r\nj\xc3\xb6"
                      "e {5} {3+}\r\n\xff\"\\\r\n");
    CHECK(.options = tls, .password = "a\"b\\c {3}",
          .chunks = {"* OK [CAPABILITY IMAP4rev1] hi\r\n"},
          .expected = "C: m1 LOGIN \"joe\" \"a\\\"b\\\\c {3}\"\r\n");
}

static void test_literal_minus_limit(void **state)
{
    char password[4098];

    (void)state;
    memset(password, 0xff, sizeof password - 1);
    password[sizeof password - 1] = '\0';
    struct dialogue d = {.options = tls,
                         .password = password,
                         .chunks = {"* OK [CAPABILITY IMAP4rev1 LITERAL-] hi\r\n"},
                         .expected = "C: m1 LOGIN \"joe\" {4097}\r\n"};
    check(&d);
    password[4096] = '\0';
    struct imap_client *c = client_new(&d);
    struct buf log = BUF_INIT;
    static const char begin[] = "C: m1 LOGIN \"joe\" {4096+}\r\n\xff";
    feed(take, c, slice_of(d.chunks[0]), &log);
    assert_memory_equal(buf_slice(&log).p, begin, sizeof begin - 1);
    buf_clear(&log);
    imap_client_free(c);
}

static void test_credentials_that_cannot_be_sent(void **state)
{
    static const struct slice bad[] = {{"a\rb", 3}, {"a\nb", 3}, {"a\0b", 3}};
    struct imap_client *c = imap_client_new(&tls);
    struct failure why;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_false(imap_password_login(c, bad[i], slice_of("x"), &why));
        assert_int_equal(why.kind, FAILURE_AUTH);
        assert_false(imap_password_login(c, slice_of("x"), bad[i], &why));
    }
    imap_client_free(c);
}

static void test_greetings(void **state)
{
    (void)state;
    CHECK(.options = tls, .chunks = {"* BYE Too many connections\r\n"},
          .expected = "failed temporary: Too many connections\n");
    CHECK(.options = tls, .chunks = {"* BYE [CONTACTADMIN] go\x07 away\r\n"},
          .expected = "failed permanent: go  away\n");
    CHECK(.options = tls, .chunks = {"* NO no\r\n"}, .expected = "failed temporary: no\n");
    CHECK(.options = tls, .chunks = {"+OK POP3\r\n"},
          .expected = "failed permanent: this is not the greeting of an IMAP server, check host "
                      "and port\n");
    CHECK(.options = tls, .chunks = {"SSH-2.0-OpenSSH_9.2\r\n"},
          .expected = "failed permanent: this is not the greeting of an IMAP server, check host "
                      "and port\n");
    CHECK(.options = tls, .chunks = {"* OK [ALERT] Maintenance at noon\r\n"},
          .expected = "* OK [ALERT] Maintenance at noon\nC: m1 CAPABILITY\r\n");
}

static const char unasked_more[] =
    "failed temporary: the server asks for more of a command that is complete\n";

/* CASES I4. */
static void test_stray_responses(void **state)
{
    static const char *const tags[] = {"m2 OK\r\n",  "m0 OK\r\n", "m01 OK\r\n",         "M1 OK\r\n",
                                       "m OK\r\n",   "1 OK\r\n",  "m4294967297 OK\r\n", "x1 OK\r\n",
                                       "m-1 OK\r\n", "m1x OK\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct buf expected = BUF_INIT;
        buf_printf(&expected, "C: m1 CAPABILITY\r\n%s%c", unknown_tag, 0);
        CHECK(.options = tls, .chunks = {"* OK hi\r\n", tags[i]},
              .expected = buf_slice(&expected).p);
        buf_clear(&expected);
    }
    CHECK(.options = tls, .chunks = {"m1 OK\r\n"}, .expected = unknown_tag);
    CHECK(.options = tls, .chunks = {"+ go\r\n"}, .expected = unasked_more);
}

static void test_continue_unexpected(void **state)
{
    struct buf expected = BUF_INIT;

    (void)state;
    buf_printf(&expected, "C: m1 LOGIN \"joe\" \"secret\"\r\n%s%c", unasked_more, 0);
    CHECK(.options = tls, .chunks = {"* OK [CAPABILITY IMAP4rev1] hi\r\n", "+ more\r\n"},
          .expected = buf_slice(&expected).p);
    buf_clear(&expected);
    CHECK(.options = tls,
          .chunks = {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", "+\r\n", "+\r\n"},
          .expected = "C: m1 AUTHENTICATE PLAIN\r\nC: AGpvZQBzZWNyZXQ=\r\n"
                      "failed temporary: the server asks for more of a login that is complete\n");
}

/* A name or password that SCRAM cannot have (SASLprep) goes by another way: nothing was said of it
 * yet, or the exchange is cancelled. */
static void test_login_that_scram_cannot_do(void **state)
{
    (void)state;
    CHECK(.options = tls, .user = "j\x07",
          .chunks = {"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-1 AUTH=PLAIN] hi\r\n"},
          .expected = "C: m1 AUTHENTICATE PLAIN AGoHAHNlY3JldA==\r\n");
    CHECK(.options = tls, .user = "j\x07",
          .chunks = {"* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1 AUTH=PLAIN] hi\r\n", "+ \r\n",
                     "m1 BAD cancelled\r\n", "+ \r\n"},
          .expected = "C: m1 AUTHENTICATE SCRAM-SHA-1\r\nC: *\r\n"
                      "C: m2 AUTHENTICATE PLAIN\r\nC: AGoHAHNlY3JldA==\r\n");
}

/* A list of the configuration's: nothing weaker is used, LOGIN neither. */
static void test_login_by_permitted_mechanisms(void **state)
{
    static const struct imap_client_options scram = {.tls_now = true,
                                                     .mechanisms = SASL_SCRAM_SHA_256};
    static const struct imap_client_options login = {.tls_now = true, .mechanisms = SASL_LOGIN};

    (void)state;
    CHECK(.options = scram, .chunks = {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n"},
          .expected =
              "failed permanent: the server offers none of the mechanisms that the route's "
              "\"sasl\" permits, or none that can be done over this connection; nothing was "
              "sent\n");
    CHECK(.options = scram, .chunks = {"* OK [CAPABILITY IMAP4rev1] hi\r\n"},
          .expected =
              "failed permanent: the server offers none of the mechanisms that the route's "
              "\"sasl\" permits, or none that can be done over this connection; nothing was "
              "sent\n");
    CHECK(.options = login, .chunks = {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n"},
          .expected = "C: m1 LOGIN \"joe\" \"secret\"\r\n");
}

/* An alert at login is told; a BYE before the answer does not hide the answer. */
static void test_login_alert_and_bye(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks =
              {"* OK [CAPABILITY IMAP4rev1] hi\r\n",
               "* NO [ALERT] Use the web\r\n* NO tsk\r\n* BYE enough\r\nm1 NO [EXPIRED] old\r\n"},
          .expected = "C: m1 LOGIN \"joe\" \"secret\"\r\n* NO [ALERT] Use the web\n"
                      "failed auth: old\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_shortest),
        cmocka_unit_test(test_login_longest),
        cmocka_unit_test(test_ready_before_id),
        cmocka_unit_test(test_setup_waits),
        cmocka_unit_test(test_lying_capabilities),
        cmocka_unit_test(test_rev2_only),
        cmocka_unit_test(test_starttls_forgets),
        cmocka_unit_test(test_starttls_injection),
        cmocka_unit_test(test_no_password_in_the_clear),
        cmocka_unit_test(test_preauth),
        cmocka_unit_test(test_login_disabled),
        cmocka_unit_test(test_authenticate_refused),
        cmocka_unit_test(test_login_literals),
        cmocka_unit_test(test_literal_minus_limit),
        cmocka_unit_test(test_credentials_that_cannot_be_sent),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_stray_responses),
        cmocka_unit_test(test_continue_unexpected),
        cmocka_unit_test(test_login_that_scram_cannot_do),
        cmocka_unit_test(test_login_by_permitted_mechanisms),
        cmocka_unit_test(test_login_alert_and_bye),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
