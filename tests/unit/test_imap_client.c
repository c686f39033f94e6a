/*
 * Dialogues with IMAP servers, from the greeting on. Each is a list of what the server says in one
 * go, and the transcript of what must happen: "C: " lines are sent, others are events.
 */
#include "tests/unit/credentials.h"
#include "tests/unit/feed.h"
#include "tests/unit/imap_event_text.h"

#include "translate/imap/imap_client.h"

enum { CHUNKS = 12 };

struct dialogue {
    struct imap_client_options options;
    const char *user; /* "joe" when NULL */
    const char *password;
    const char *chunks[CHUNKS];
    const char *expected;
};

static void log_out(struct imap_client *c, struct buf *log)
{
    struct buf *out = imap_client_out(c);

    if (buf_size(out) == 0)
        return;
    buf_puts(log, "C: ");
    buf_put(log, buf_slice(out));
    buf_drop(out, buf_size(out));
}

static void log_failure(struct buf *log, const struct failure *why)
{
    static const char *const kinds[] = {"none",  "auth",      "in-use",
                                        "delay", "temporary", "permanent"};
    buf_printf(log, "failed %s: %s\n", kinds[why->kind], why->text);
}

static void log_ready(struct imap_client *c, struct buf *log)
{
    buf_printf(log, "ready%s%s\n", imap_client_qresync(c) ? " qresync" : "",
               imap_client_utf8(c) ? " utf8" : "");
}

/* Writes one event. False when no more may be fed to this connection as it is. */
static bool log_event(struct imap_client *c, const struct imap_client_event *ev, struct buf *log)
{
    switch (ev->type) {
    case IMAP_CLIENT_MORE:
        break;
    case IMAP_CLIENT_TLS:
        buf_puts(log, "tls\n");
        break;
    case IMAP_CLIENT_DEFLATE:
        buf_puts(log, "deflate\n");
        break;
    case IMAP_CLIENT_READY:
        log_ready(c, log);
        break;
    case IMAP_CLIENT_DATA:
        imap_event_text(log, &ev->data);
        break;
    case IMAP_CLIENT_DONE:
        buf_printf(log, "done %u: ", ev->command);
        imap_event_text(log, &ev->data);
        break;
    case IMAP_CLIENT_FAILED:
        log_failure(log, &ev->failure);
        return false;
    }
    return true;
}

static bool take(void *session, struct slice piece, struct buf *log)
{
    struct imap_client_event ev;

    do {
        imap_client_next(session, &piece, &ev);
        bool more = log_event(session, &ev, log);
        log_out(session, log);
        if (!more)
            return false;
    } while (ev.type != IMAP_CLIENT_MORE);
    assert_int_equal(piece.n, 0);
    return true;
}

static bool ends_with(struct buf *log, const char *line)
{
    struct slice s = buf_slice(log);
    size_t n = strlen(line);

    return s.n >= n && slice_is(slice_make(s.p + s.n - n, n), line);
}

/* The caller's part between two chunks. */
static void act(struct imap_client *c, struct buf *log)
{
    if (ends_with(log, "tls\n"))
        imap_client_tls_started(c);
    else if (ends_with(log, "deflate\n"))
        imap_client_deflate_started(c);
    else
        return;
    log_out(c, log);
    feed(take, c, slice_of(""), log);
}

static struct imap_client *client_new(const struct dialogue *d)
{
    struct imap_client *c = imap_client_new(&d->options);
    struct failure why;

    assert_non_null(c);
    assert_true(imap_password_login(c, slice_of(d->user ? d->user : "joe"),
                                    slice_of(d->password ? d->password : "secret"), &why));
    return c;
}

/* The dialogue with chunk `cut` cut in pieces (see feed_cut); the others are whole. */
static void play(const struct dialogue *d, size_t cut, size_t first, size_t size)
{
    struct imap_client *c = client_new(d);
    struct buf log = BUF_INIT;

    for (size_t i = 0; i < CHUNKS && d->chunks[i]; i++) {
        struct slice text = slice_of(d->chunks[i]);
        bool this = i == cut;
        feed_cut(take, c, text, this ? first : text.n, this ? size : 1, &log);
        act(c, &log);
    }
    assert_log(&log, d->expected);
    imap_client_free(c);
}

static void check(const struct dialogue *d)
{
    play(d, CHUNKS, 0, 0);
    for (size_t i = 0; i < CHUNKS && d->chunks[i]; i++) {
        play(d, i, 0, 1);
        for (size_t at = 1; at < strlen(d->chunks[i]); at++)
            play(d, i, at, SIZE_MAX);
    }
}

#define CHECK(...)                                      \
    do {                                                \
        const struct dialogue dialogue = {__VA_ARGS__}; \
        check(&dialogue);                               \
    } while (0)

static const struct imap_client_options tls = {.tls_now = true, .require_tls = true};
static const struct imap_client_options starttls = {.starttls = true, .require_tls = true};
static const struct imap_client_options maybe_tls = {.starttls = true};
static const struct imap_client_options clear = {.allow_cleartext = true};

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
          .expected = "failed permanent: there is no TLS, and the configuration demands it; no "
                      "password was sent\n");
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
          .expected = "failed temporary: the server does not speak IMAP as it should: neither *, + "
                      "nor a tag in the beginning of a line\n");
    CHECK(.options = tls, .chunks = {"* OK [ALERT] Maintenance at noon\r\n"},
          .expected = "* OK [ALERT] Maintenance at noon\nC: m1 CAPABILITY\r\n");
}

static const char unknown_tag[] =
    "failed temporary: the server answered a command that was not sent\n";
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

/* A client that is READY, with no output waiting. */
static struct imap_client *ready_client(struct buf *log)
{
    static const struct dialogue d = {.options = {.tls_now = true}};
    struct imap_client *c = client_new(&d);

    assert_true(feed(take, c, slice_of("* OK [CAPABILITY IMAP4rev1] hi\r\n"), log));
    assert_true(feed(take, c, slice_of("m1 OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n"), log));
    assert_log(log, "C: m1 LOGIN \"joe\" \"secret\"\r\nready\n");
    assert_int_equal(imap_client_capabilities(c), IMAP_CAP_REV1 | IMAP_CAP_UIDPLUS);
    assert_string_equal(imap_client_server_name(c), "");
    return c;
}

static void test_commands(void **state)
{
    struct buf log = BUF_INIT;
    struct imap_client *c = ready_client(&log);
    char tag[12];

    (void)state;
    assert_int_equal(imap_client_command(c, "SELECT %s", "INBOX"), 2);
    assert_int_equal(imap_client_command_line(c, slice_of("UID SEARCH ALL")), 3);
    assert_int_equal(imap_client_command(c, "NOOP"), 4);
    imap_client_tag(3, tag, sizeof tag);
    assert_string_equal(tag, "m3");
    assert_true(feed(take, c,
                     slice_of("* 5 EXISTS\r\nm3 OK b\r\n* ESEARCH (TAG \"m3\") UID ALL 1\r\n"
                              "* CAPABILITY IMAP4rev1 MOVE\r\nm4 NO [X] c\r\nm2 OK a\r\n"),
                     &log));
    assert_log(&log, "exists 5\nC: m2 SELECT INBOX\r\nm3 UID SEARCH ALL\r\nm4 NOOP\r\n"
                     "done 3: m3 OK b\nesearch for m3 uid 1:1\nesearch for m3 uid end\n"
                     "capability IMAP4rev1 MOVE\ndone 4: m4 NO [X] c\ndone 2: m2 OK a\n");
    /* Final means final. */
    assert_int_equal(imap_client_capabilities(c), IMAP_CAP_REV1 | IMAP_CAP_UIDPLUS);
    assert_false(feed(take, c, slice_of("m2 OK a\r\n"), &log));
    assert_log(&log, unknown_tag);
    imap_client_free(c);
}

/* Each DONE is the right one's, in whatever order hundreds are answered. */
static void test_many_commands(void **state)
{
    enum { MANY = 300 };
    struct buf log = BUF_INIT;
    struct imap_client *c = ready_client(&log);
    struct buf *out = imap_client_out(c);

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(imap_client_command(c, "NOOP"), i + 2);
    buf_drop(out, buf_size(out));
    for (unsigned i = 0; i < MANY; i++) {
        unsigned number = 2 + i * 7 % MANY;
        struct buf line = BUF_INIT;
        struct buf expected = BUF_INIT;
        buf_printf(&line, "m%u OK\r\n", number);
        buf_printf(&expected, "done %u: m%u OK \n%c", number, number, 0);
        assert_true(feed(take, c, buf_slice(&line), &log));
        assert_log(&log, buf_slice(&expected).p);
        buf_clear(&line);
        buf_clear(&expected);
    }
    imap_client_free(c);
}

static void test_command_injection(void **state)
{
    static const struct slice bad[] = {{"NOOP\r\nm9 DELETE INBOX", 21}, {"NOOP\n", 5}, {"N\0P", 3}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buf log = BUF_INIT;
        struct imap_client *c = ready_client(&log);
        imap_client_command_line(c, bad[i]);
        assert_int_equal(buf_size(imap_client_out(c)), 0);
        assert_false(feed(take, c, slice_of(""), &log));
        assert_log(&log, "failed permanent: a command with a line end or NUL in it\n");
        imap_client_free(c);
    }
}

static void assert_closed(struct imap_client *c, enum failure_kind kind, const char *text)
{
    struct failure why;

    imap_client_closed(c, &why);
    assert_int_equal(why.kind, kind);
    assert_string_equal(why.text, text);
    imap_client_free(c);
}

static void test_closed(void **state)
{
    struct buf log = BUF_INIT;
    struct imap_client *c = imap_client_new(&tls);

    (void)state;
    assert_closed(c, FAILURE_TEMPORARY, "the server closed the connection without a greeting");
    c = imap_client_new(&tls);
    feed(take, c, slice_of("* OK hi\r\n"), &log);
    assert_closed(c, FAILURE_TEMPORARY,
                  "the server closed the connection before the login was done");
    buf_clear(&log);
    c = ready_client(&log);
    assert_closed(c, FAILURE_TEMPORARY, "the server closed the connection while it was idle");
    c = ready_client(&log);
    imap_client_command(c, "NOOP");
    assert_closed(c, FAILURE_TEMPORARY,
                  "the server closed the connection with commands unanswered");
    c = ready_client(&log);
    feed(take, c, slice_of("* 1 FETCH (BODY[] {5}\r\nab"), &log);
    assert_log(&log, "body 1 body []<0> 5:\nab");
    assert_closed(c, FAILURE_TEMPORARY,
                  "the server closed the connection in the middle of a response");
    c = ready_client(&log);
    feed(take, c, slice_of("* BYE [UNAVAILABLE] Server is going down\r\n"), &log);
    assert_log(&log, "* BYE [UNAVAILABLE] Server is going down\n");
    assert_closed(c, FAILURE_TEMPORARY, "Server is going down");
}

static void test_logout(void **state)
{
    struct buf log = BUF_INIT;
    struct imap_client *c = ready_client(&log);

    (void)state;
    imap_client_logout(c);
    imap_client_logout(c);
    feed(take, c, slice_of("* BYE see you\r\nm2 OK\r\n"), &log);
    assert_log(&log, "C: m2 LOGOUT\r\n");
    assert_closed(c, FAILURE_NONE, "logged out");
}

/* Octets behind the OK of COMPRESS are DEFLATE already and must stay where they are. */
static void test_deflate_leaves_the_rest(void **state)
{
    static const struct dialogue d = {.options = {.tls_now = true, .compress = true}};
    struct buf log = BUF_INIT;
    struct imap_client *c = client_new(&d);
    struct imap_client_event ev;
    struct slice in = slice_of("m2 OK active\r\n\x01\x02\x03");

    (void)state;
    feed(take, c, slice_of("* OK [CAPABILITY IMAP4rev1] hi\r\n"), &log);
    feed(take, c, slice_of("m1 OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n"), &log);
    assert_log(&log, "C: m1 LOGIN \"joe\" \"secret\"\r\nC: m2 COMPRESS DEFLATE\r\n");
    imap_client_next(c, &in, &ev);
    assert_int_equal(ev.type, IMAP_CLIENT_DEFLATE);
    assert_true(slice_is(in, "\x01\x02\x03"));
    imap_client_next(c, &in, &ev);
    assert_int_equal(ev.type, IMAP_CLIENT_MORE);
    assert_int_equal(in.n, 3);
    imap_client_deflate_started(c);
    imap_client_next(c, &in, &ev);
    assert_int_equal(ev.type, IMAP_CLIENT_READY);
    imap_client_free(c);
}

static void test_server_name(void **state)
{
    static const struct dialogue d = {.options = {.tls_now = true}};
    struct buf log = BUF_INIT;
    struct imap_client *c = client_new(&d);

    (void)state;
    feed(take, c, slice_of("* OK [CAPABILITY IMAP4rev1] hi\r\n"), &log);
    feed(take, c, slice_of("m1 OK [CAPABILITY IMAP4rev1 ID] in\r\n"), &log);
    feed(take, c, slice_of("* ID (\"name\" \"GImap\x01\" \"vendor\" \"X\")\r\nm2 OK\r\n"), &log);
    assert_string_equal(imap_client_server_name(c), "gimap ");
    buf_clear(&log);
    imap_client_free(c);
}

static void test_failure_kinds(void **state)
{
    static const struct {
        const char *code;
        const char *text;
        enum failure_kind kind;
    } cases[] = {
        {"AUTHENTICATIONFAILED", "x", FAILURE_AUTH},
        {"authorizationfailed", "x", FAILURE_AUTH},
        {"EXPIRED", "x", FAILURE_AUTH},
        {"INUSE", "x", FAILURE_IN_USE},
        {"UNAVAILABLE", "x", FAILURE_TEMPORARY},
        {"SERVERBUG", "x", FAILURE_TEMPORARY},
        {"LIMIT", "x", FAILURE_TEMPORARY},
        {"THROTTLED 5", "x", FAILURE_TEMPORARY},
        {"", "Too many. [THROTTLED]", FAILURE_TEMPORARY},
        {"ALERT", "Too many [throttled]", FAILURE_TEMPORARY},
        {"", "User is authenticated but not connected.", FAILURE_TEMPORARY},
        {"PRIVACYREQUIRED", "x", FAILURE_PERMANENT},
        {"CONTACTADMIN", "x", FAILURE_PERMANENT},
        {"NOPERM", "x", FAILURE_PERMANENT},
        {"OVERQUOTA", "x", FAILURE_PERMANENT},
        {"X-UNKNOWN", "x", FAILURE_LOGIN_DELAY},
        {"", "x", FAILURE_LOGIN_DELAY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imap_event status = {.code = slice_of(cases[i].code),
                                    .text = slice_of(cases[i].text)};
        struct failure why;
        imap_failure(&why, &status, FAILURE_LOGIN_DELAY);
        assert_int_equal(why.kind, cases[i].kind);
        assert_string_equal(why.text, cases[i].text);
    }
    struct imap_event bare = {.code = slice_of("LIMIT"), .text = slice_of("")};
    struct failure why;
    imap_failure(&why, &bare, FAILURE_AUTH);
    assert_string_equal(why.text, "the server refused without giving a reason [LIMIT]");
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
        cmocka_unit_test(test_login_alert_and_bye),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_many_commands),
        cmocka_unit_test(test_command_injection),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_logout),
        cmocka_unit_test(test_deflate_leaves_the_rest),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_failure_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
