/*
 * Dialogues with POP3 servers, from the greeting on. Each is a list of what the server says in one
 * go, and the transcript of what must happen: "C: " lines are sent, others are events. Octets of
 * messages stand as they are, up to "|".
 */
#include "tests/unit/feed.h"

#include <inttypes.h>
#include <malloc.h>

#include "translate/pop3/pop3_client.h"

enum { CHUNKS = 12 };

struct dialogue {
    struct pop3_client_options options;
    const char *user; /* "joe" when NULL */
    const char *password;
    const char *commands; /* issued when READY, a letter each, see issue() */
    const char *chunks[CHUNKS];
    const char *expected;
    bool close; /* the server closes the connection at the end */
};

struct session {
    struct pop3_client *client;
    const char *commands;
};

static const char *const kinds[] = {"none", "auth", "in-use", "delay", "temporary", "permanent"};

static void log_out(struct pop3_client *c, struct buf *log)
{
    struct buf *out = pop3_client_out(c);

    if (buf_size(out) == 0)
        return;
    buf_puts(log, "C: ");
    buf_put(log, buf_slice(out));
    buf_drop(out, buf_size(out));
}

/* Lower case: with an argument. */
static uint32_t issue(struct pop3_client *c, char letter)
{
    switch (letter) {
    case 'S':
        return pop3_client_stat(c);
    case 'L':
        return pop3_client_list(c, 0);
    case 'l':
        return pop3_client_list(c, 2);
    case 'U':
        return pop3_client_uidl(c, 0);
    case 'u':
        return pop3_client_uidl(c, 2);
    case 't':
        return pop3_client_top(c, 1, 0);
    case 'r':
        return pop3_client_retr(c, 1);
    case 'd':
        return pop3_client_dele(c, 1);
    case 'N':
        return pop3_client_noop(c);
    case 'R':
        return pop3_client_rset(c);
    default:
        return pop3_client_quit(c);
    }
}

static void log_done(const struct pop3_client_event *ev, struct buf *log)
{
    buf_printf(log, "done %u %s", ev->command, pop3_verb_name(ev->verb));
    if (ev->ok && ev->verb == POP3_STAT)
        buf_printf(log, " %u %" PRIu64, ev->number, ev->size);
    if (!ev->ok)
        buf_printf(log, " refused%s %s: %s", ev->unsupported ? " unsupported" : "",
                   kinds[ev->failure.kind], ev->failure.text);
    buf_puts(log, "\n");
}

static void log_ready(struct session *s, struct buf *log)
{
    buf_printf(log, "ready%s\n", pop3_client_utf8(s->client) ? " utf8" : "");
    for (uint32_t i = 0; s->commands && s->commands[i]; i++)
        assert_int_equal(issue(s->client, s->commands[i]), i + 1);
}

/* Writes one event. False when no more may be fed to this connection as it is. */
static bool log_event(struct session *s, const struct pop3_client_event *ev, struct buf *log)
{
    switch (ev->type) {
    case POP3_CLIENT_MORE:
        break;
    case POP3_CLIENT_TLS:
        buf_puts(log, "tls\n");
        break;
    case POP3_CLIENT_READY:
        log_ready(s, log);
        break;
    case POP3_CLIENT_LISTING:
        buf_printf(log, "%u: %u ", ev->command, ev->number);
        if (ev->verb == POP3_UIDL)
            buf_printf(log, "<%.*s>\n", SLICE_ARG(ev->text));
        else
            buf_printf(log, "%" PRIu64 "\n", ev->size);
        break;
    case POP3_CLIENT_BODY_DATA:
        assert_true(ev->text.n > 0 && ev->command > 0 && ev->number == 1);
        buf_put(log, ev->text);
        break;
    case POP3_CLIENT_BODY_END:
        buf_printf(log, "|end %u of %u\n", ev->command, ev->number);
        break;
    case POP3_CLIENT_DONE:
        log_done(ev, log);
        break;
    case POP3_CLIENT_FAILED:
        buf_printf(log, "failed %s: %s\n", kinds[ev->failure.kind], ev->failure.text);
        return false;
    }
    return true;
}

static bool take(void *session, struct slice piece, struct buf *log)
{
    struct session *s = session;
    struct pop3_client_event ev;

    do {
        pop3_client_next(s->client, &piece, &ev);
        bool more = log_event(s, &ev, log);
        log_out(s->client, log);
        if (!more)
            return false;
    } while (ev.type != POP3_CLIENT_MORE);
    assert_int_equal(piece.n, 0);
    return true;
}

static bool ends_with(struct buf *log, const char *line)
{
    struct slice s = buf_slice(log);
    size_t n = strlen(line);

    return s.n >= n && slice_is(slice_make(s.p + s.n - n, n), line);
}

static struct session session_new(const struct dialogue *d)
{
    struct session s = {pop3_client_new(&d->options), d->commands};
    struct failure why;

    assert_non_null(s.client);
    assert_true(pop3_client_login(s.client, slice_of(d->user ? d->user : "joe"),
                                  slice_of(d->password ? d->password : "secret"), &why));
    return s;
}

static void log_closed(struct pop3_client *c, struct buf *log)
{
    static const char *const outcomes[] = {"not sent", "unknown", "confirmed", "refused"};
    struct failure why;

    pop3_client_closed(c, &why);
    buf_printf(log, "closed %s: %s; quit %s\n", kinds[why.kind], why.text,
               outcomes[pop3_client_quit_outcome(c)]);
}

/* The dialogue with chunk `cut` cut in pieces (see feed_cut); the others are whole. */
static void play(const struct dialogue *d, size_t cut, size_t first, size_t size)
{
    struct session s = session_new(d);
    struct buf log = BUF_INIT;

    for (size_t i = 0; i < CHUNKS && d->chunks[i]; i++) {
        struct slice text = slice_of(d->chunks[i]);
        bool this = i == cut;
        feed_cut(take, &s, text, this ? first : text.n, this ? size : 1, &log);
        if (ends_with(&log, "tls\n")) {
            pop3_client_tls_started(s.client);
            log_out(s.client, &log);
        }
    }
    if (d->close)
        log_closed(s.client, &log);
    assert_log(&log, d->expected);
    pop3_client_free(s.client);
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

static const struct pop3_client_options tls = {.tls_now = true, .require_tls = true};
static const struct pop3_client_options stls = {.stls = true, .require_tls = true};
static const struct pop3_client_options maybe_tls = {.stls = true};
static const struct pop3_client_options clear = {.allow_cleartext = true};

/* ---- login */

static void test_login_plain(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"+OK hi\r\n", "+OK\r\nSASL LOGIN PLAIN\r\nUSER\r\n.\r\n", "+OK in\r\n",
                     "+OK\r\nTOP\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "C: CAPA\r\n"
                      "ready\n");
}

static void test_login_longest(void **state)
{
    static const struct pop3_client_options all = {
        .stls = true, .require_tls = true, .utf8 = true, .allow_apop = true};

    (void)state;
    CHECK(.options = all,
          .chunks = {"+OK hi <1.2@x>\r\n", "+OK\r\nSASL PLAIN\r\nSTLS\r\n.\r\n", "+OK go\r\n",
                     "+OK\r\nUTF8\r\nSASL LOGIN\r\n.\r\n", "+OK\r\n", "+ VXNlcm5hbWU6\r\n", "+\r\n",
                     "+OK in\r\n", "+OK\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: STLS\r\n"
                      "tls\n"
                      "C: CAPA\r\n"
                      "C: UTF8\r\n"
                      "C: AUTH LOGIN\r\n"
                      "C: am9l\r\n"
                      "C: c2VjcmV0\r\n"
                      "C: CAPA\r\n"
                      "ready utf8\n");
}

/* CASES U5: no CAPA, before and after. */
static void test_login_without_capa(void **state)
{
    (void)state;
    CHECK(.options = clear, .password = "with space ", .user = "joe doe",
          .chunks = {"+OK\r\n", "-ERR what?\r\n", "+OK\r\n", "+OK\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: USER joe doe\r\n"
                      "C: PASS with space \r\n"
                      "C: CAPA\r\n"
                      "ready\n");
    CHECK(.options = stls, .chunks = {"+OK\r\n", "-ERR what?\r\n", "+OK\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\ntls\nC: CAPA\r\nC: USER joe\r\n");
}

/* The example of RFC 1939 section 7. */
static void test_apop(void **state)
{
    static const struct pop3_client_options apop = {.allow_apop = true};

    (void)state;
    CHECK(.options = apop, .user = "mrose", .password = "tanstaaf",
          .chunks = {"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n", "-ERR\r\n",
                     "+OK maildrop has 1 message (369 octets)\r\n", "+OK\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n"
                      "C: CAPA\r\n"
                      "ready\n");
    /* Not permitted: its challenge is not answered, and there is nothing else in the clear. */
    CHECK(.options = maybe_tls, .chunks = {"+OK <1@x>\r\n", "+OK\r\n.\r\n"},
          .expected = "C: CAPA\r\n"
                      "failed permanent: there is no TLS, and a password is sent in the clear only "
                      "where allow_cleartext is set; none was sent\n");
}

static void test_apop_timestamps(void **state)
{
    static const struct pop3_client_options apop = {.allow_apop = true, .allow_cleartext = true};
    static const char *const bad[] = {"+OK\r\n",        "+OK <1>\r\n",          "+OK <1@x\r\n",
                                      "+OK <1 @x>\r\n", "+OK <1@\xc3\xa9>\r\n", "+OK <<>\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(.options = apop, .chunks = {bad[i], "-ERR\r\n"},
              .expected = "C: CAPA\r\nC: USER joe\r\n");
    CHECK(.options = apop, .chunks = {"+OK <no> <a@b> <c@d>\r\n", "-ERR\r\n"}, .password = "x",
          .expected = "C: CAPA\r\nC: APOP joe f6d9b6be4b8ef893cf5282f9c4482a30\r\n");
    /* A name that would end before its end. */
    CHECK(.options = apop, .user = "a b", .chunks = {"+OK <a@b>\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: USER a b\r\n");
}

/* An initial response that would make the command too long follows behind the "+". */
static void test_long_password(void **state)
{
    char password[200];
    char base64[273];
    char sent[400];

    (void)state;
    memset(password, 'a', sizeof password - 1);
    password[sizeof password - 1] = '\0';
    memcpy(base64, "AGpvZQBh", 9);
    for (size_t i = 8; i < sizeof base64 - 1; i += 4)
        memcpy(base64 + i, "YWFh", 5);
    snprintf(sent, sizeof sent, "C: CAPA\r\nC: AUTH PLAIN\r\nC: %s\r\nC: CAPA\r\n", base64);
    CHECK(.options = tls, .password = password,
          .chunks = {"+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "+ \r\n", "+OK\r\n"},
          .expected = sent);
}

/* What is announced and not known is done without (CASES U4). */
static void test_methods_that_are_not_there(void **state)
{
    static const struct pop3_client_options all = {.tls_now = true, .allow_apop = true};

    (void)state;
    CHECK(.options = all,
          .chunks = {"+OK <a@b>\r\n", "+OK\r\nSASL PLAIN LOGIN\r\n.\r\n",
                     "-ERR Unsupported authentication mechanism.\r\n", "-ERR unknown command\r\n",
                     "-ERR\r\n", "+OK\r\n", "+OK\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "C: APOP joe 5875219ef9d1e1ff4d24471ba0f0869c\r\n"
                      "C: AUTH LOGIN\r\n"
                      "C: USER joe\r\n"
                      "C: PASS secret\r\n"
                      "C: CAPA\r\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR\r\n", "-ERR unknown command\r\n"},
          .expected = "C: CAPA\r\nC: USER joe\r\nfailed permanent: unknown command\n");
}

/* A password that was refused is not tried in another way. */
static void test_refused_password_is_not_tried_twice(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL PLAIN LOGIN\r\n.\r\n", "-ERR bad login\r\n"},
          .expected = "C: CAPA\r\n"
                      "C: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "failed auth: bad login\n");
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "+\r\n", "+\r\n", "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\nC: am9l\r\nC: c2VjcmV0\r\n"
                      "failed auth: the server refused without giving a reason\n");
    /* Nor when the first step was refused for a reason. */
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "-ERR [SYS/TEMP] not now\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\nfailed temporary: not now\n");
}

static void test_refusals_by_kind(void **state)
{
    static const char *const refusals[][2] = {
        {"-ERR [IN-USE] busy\r\n", "in-use: busy"},
        {"-ERR maildrop already locked\r\n", "in-use: maildrop already locked"},
        {"-ERR [LOGIN-DELAY] wait\r\n", "delay: wait"},
        {"-ERR [SYS/TEMP] later\r\n", "temporary: later"},
        {"-ERR [SYS/PERM] never\r\n", "permanent: never"},
        {"-ERR [AUTH] no\r\n", "auth: no"},
        {"-ERR wrong\x07 password\r\n", "auth: wrong  password"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char expected[200];
        snprintf(expected, sizeof expected,
                 "C: CAPA\r\nC: USER joe\r\nC: PASS secret\r\nfailed %s\n", refusals[i][1]);
        CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR\r\n", "+OK\r\n", refusals[i][0]},
              .expected = expected);
    }
    /* Already behind USER. */
    CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR\r\n", "-ERR never heard of joe\r\n"},
          .expected = "C: CAPA\r\nC: USER joe\r\nfailed auth: never heard of joe\n");
    /* Already in answer to CAPA. */
    CHECK(.options = tls, .chunks = {"+OK\r\n", "-ERR too many connections\r\n"},
          .expected = "C: CAPA\r\nfailed temporary: too many connections\n");
}

static void test_strange_logins(void **state)
{
    (void)state;
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", "+ \r\n", "+ more\r\n"},
          .expected = "C: CAPA\r\nC: AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"
                      "C: AGpvZQBzZWNyZXQ=\r\n"
                      "failed temporary: the server asks for more of a login that is complete\n");
    CHECK(.options = tls,
          .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "+\r\n", "+\r\n", "+\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\nC: am9l\r\nC: c2VjcmV0\r\n"
                      "failed temporary: the server asks for more of a login that is complete\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "+OK\r\nSASL LOGIN\r\n.\r\n", "+OK\r\n"},
          .expected = "C: CAPA\r\nC: AUTH LOGIN\r\n"
                      "failed temporary: the server says that the login is done before it saw a "
                      "password\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "+ \r\n"},
          .expected = "C: CAPA\r\n"
                      "failed temporary: the server sent a challenge where +OK or -ERR has to "
                      "stand\n");
}

/* ---- STLS and the clear */

/* CASES T2, RFC 2595 section 4: capabilities and APOP's timestamp of the clear are forgotten. */
static void test_stls_forgets(void **state)
{
    static const struct pop3_client_options apop = {.stls = true, .allow_apop = true};

    (void)state;
    CHECK(.options = apop,
          .chunks = {"+OK <a@b>\r\n", "+OK\r\nSASL PLAIN\r\nSTLS\r\nPIPELINING\r\n.\r\n", "+OK\r\n",
                     "-ERR\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\ntls\nC: CAPA\r\nC: USER joe\r\n");
}

static const char in_between[] =
    "failed permanent: clear text came behind the server's answer to STLS: somebody in between may "
    "have put it there; no password was sent\n";

/* The whole chunk only: cut behind its first line, TLS would have been started in between. */
static void test_stls_injection(void **state)
{
    static const char *const behind[] = {"+OK go\r\n+", "+OK go\n+OK\r\nSASL PLAIN\r\n.\r\n",
                                         "+OK\r\n\r\n"};
    char expected[300];

    (void)state;
    snprintf(expected, sizeof expected, "C: CAPA\r\nC: STLS\r\n%s", in_between);
    for (size_t i = 0; i < 3; i++) {
        const struct dialogue d = {.options = stls,
                                   .chunks = {"+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", behind[i]},
                                   .expected = expected};
        play(&d, CHUNKS, 0, 0);
    }
    /* Or the text comes a moment later, before TLS has been started. */
    const struct dialogue d = {.options = stls};
    struct session s = session_new(&d);
    struct buf log = BUF_INIT;
    feed(take, &s, slice_of("+OK\r\n"), &log);
    feed(take, &s, slice_of("-ERR\r\n"), &log);
    feed(take, &s, slice_of("+OK\r\n"), &log);
    feed(take, &s, slice_of("+"), &log);
    snprintf(expected, sizeof expected, "C: CAPA\r\nC: STLS\r\ntls\n%s", in_between);
    assert_log(&log, expected);
    pop3_client_free(s.client);
}

/* CASES T3, A1: no credentials in the clear, whatever the server says or leaves out. */
static void test_no_password_in_the_clear(void **state)
{
    static const struct pop3_client_options both = {
        .stls = true, .require_tls = true, .allow_cleartext = true, .allow_apop = true};
    static const struct pop3_client_options allowed = {.stls = true, .allow_cleartext = true};

    (void)state;
    CHECK(.options = both, .chunks = {"+OK <a@b>\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n"},
          .expected = "C: CAPA\r\nfailed permanent: there is no TLS, and the configuration demands "
                      "it; no password was sent\n");
    CHECK(.options = maybe_tls, .chunks = {"+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "-ERR no\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\n"
                      "failed permanent: the server refused STLS, and a password is sent in the "
                      "clear only where allow_cleartext is set; none was sent\n");
    CHECK(.options = allowed, .chunks = {"+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "-ERR no\r\n"},
          .expected = "C: CAPA\r\nC: STLS\r\nC: USER joe\r\n");
}

/* CASES I1. */
static void test_login_that_cannot_be_sent(void **state)
{
    static const struct slice bad[][2] = {
        {{"", 0}, {"x", 1}},     {{"a\r\nDELE 1", 9}, {"x", 1}}, {{"a\nb", 3}, {"x", 1}},
        {{"a\0b", 3}, {"x", 1}}, {{"a", 1}, {"x\r\nQUIT", 7}},   {{"a", 1}, {"\0", 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pop3_client *c = pop3_client_new(&tls);
        struct failure why;
        assert_false(pop3_client_login(c, bad[i][0], bad[i][1], &why));
        assert_int_equal(why.kind, FAILURE_AUTH);
        pop3_client_free(c);
    }
}

/* ---- the greeting, and lines as servers send them (CASES U6) */

static void test_greetings(void **state)
{
    (void)state;
    CHECK(.options = tls, .chunks = {"\r\n\n  +ok\n", "\n-err\n", "\r\n+Ok\r\n"},
          .expected = "C: CAPA\r\nC: USER joe\r\nC: PASS secret\r\n");
    CHECK(.options = tls, .chunks = {"-ERR [SYS/TEMP] away\r\n"},
          .expected = "failed temporary: away\n");
    CHECK(.options = tls, .chunks = {"-ERR go away\r\n"},
          .expected = "failed temporary: go away\n");
    CHECK(.options = tls, .chunks = {"* OK IMAP4rev1\r\n"},
          .expected = "failed permanent: this is not the greeting of a POP3 server: "
                      "* OK IMAP4rev1\n");
}

static void test_lines_without_end(void **state)
{
    char line[3001];
    char empty[201] = "";

    (void)state;
    memset(line, 'x', 3000);
    memcpy(line, "+OK ", 4);
    memcpy(line + 1998, "\r\n", 3);
    CHECK(.options = tls, .chunks = {line}, .expected = "C: CAPA\r\n");
    memset(line + 1998, 'x', 1000);
    line[3000] = '\0';
    const struct dialogue d = {
        .options = tls,
        .chunks = {line},
        .expected = "failed temporary: the server sent a line of more than 2048 octets\n"};
    play(&d, CHUNKS, 0, 0);
    play(&d, 0, 0, 1);
    for (size_t i = 0; i < 100; i++)
        memcpy(empty + 2 * i, "\r\n", 3);
    CHECK(.options = tls, .chunks = {empty},
          .expected = "failed temporary: the server sends nothing but empty lines\n");
}

static void test_closed_before_ready(void **state)
{
    (void)state;
    CHECK(.options = tls, .chunks = {"+OK"}, .close = true,
          .expected = "closed temporary: the server closed the connection without a greeting; quit "
                      "not sent\n");
    CHECK(.options = tls, .chunks = {"+OK\r\n", "+OK\r\nTOP\r\n"}, .close = true,
          .expected = "C: CAPA\r\nclosed temporary: the server closed the connection before the "
                      "login was done; quit not sent\n");
}

/* ---- commands */

#define LOGIN      "+OK\r\n", "-ERR\r\n", "+OK\r\n", "+OK\r\n"
#define LOGGED_IN  "C: CAPA\r\nC: USER joe\r\nC: PASS secret\r\nC: CAPA\r\nready\n"
#define PIPELINING LOGIN, "+OK\r\nPIPELINING\r\nTOP\r\nUIDL\r\n.\r\n"
#define ALONE      LOGIN, "-ERR\r\n"

/* Each waits for the answer to the one before. */
static void test_one_at_a_time(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "SLUtrdNRQ", .close = true,
          .chunks = {ALONE, "+OK 2 320\r\n", "+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n",
                     "+OK\r\n1 a\r\n2 b\r\n.\r\n", "+OK\r\nA: b\r\n\r\n.\r\n",
                     "+OK 120 octets\r\nA: b\r\n\r\n..\r\n.\r\n",
                     "+OK message 1 deleted\r\n+OK\r\n+OK\r\n+OK bye\r\n+OK what?\r\nx"},
          .expected = LOGGED_IN "C: STAT\r\n"
                                "done 1 STAT 2 320\n"
                                "C: LIST\r\n"
                                "2: 1 120\n2: 2 200\ndone 2 LIST\n"
                                "C: UIDL\r\n"
                                "3: 1 <a>\n3: 2 <b>\ndone 3 UIDL\n"
                                "C: TOP 1 0\r\n"
                                "A: b\r\n\r\n|end 4 of 1\n"
                                "C: RETR 1\r\n"
                                "done 4 TOP\n"
                                "A: b\r\n\r\n.\r\n|end 5 of 1\n"
                                "C: DELE 1\r\n"
                                "done 5 RETR\n"
                                "done 6 DELE\n"
                                "C: NOOP\r\n"
                                "done 7 NOOP\n"
                                "C: RSET\r\n"
                                "done 8 RSET\n"
                                "C: QUIT\r\n"
                                "done 9 QUIT\n"
                                "closed none: logged out; quit confirmed\n");
}

static void test_pipelined(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "SrdQ", .close = true,
          .chunks = {PIPELINING, "+OK 1 4\r\n+OK\r\nab\r\n.\r\n-ERR no\r\n+OK\r\n"},
          .expected = LOGGED_IN "C: STAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n"
                                "done 1 STAT 1 4\n"
                                "ab\r\n|end 2 of 1\n"
                                "done 2 RETR\n"
                                "done 3 DELE refused temporary: no\n"
                                "done 4 QUIT\n"
                                "closed none: logged out; quit confirmed\n");
}

/* As many as the window has room for are under way. */
static void test_window(void **state)
{
    static const struct pop3_client_options narrow = {.tls_now = true, .window = 2};

    (void)state;
    CHECK(.options = narrow, .commands = "NNNN",
          .chunks = {PIPELINING, "+OK\r\n", "+OK\r\n+OK\r\n"},
          .expected = LOGGED_IN "C: NOOP\r\nNOOP\r\n"
                                "done 1 NOOP\nC: NOOP\r\n"
                                "done 2 NOOP\nC: NOOP\r\n"
                                "done 3 NOOP\n");
}

static struct session session_ready(const struct pop3_client_options *options, const char *commands,
                                    const char *capabilities)
{
    const struct dialogue d = {.options = *options, .commands = commands};
    const char *const chunks[] = {LOGIN, capabilities};
    struct session s = session_new(&d);
    struct buf log = BUF_INIT;

    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        feed(take, &s, slice_of(chunks[i]), &log);
    buf_clear(&log);
    return s;
}

/* Halved until the server goes on with one command at a time. */
static void test_stalled(void **state)
{
    struct pop3_client_options five = {.tls_now = true, .window = 5};
    struct session s = session_ready(&five, "NNNNNNN", "+OK\r\nPIPELINING\r\n.\r\n");
    struct buf log = BUF_INIT;

    (void)state;
    assert_int_equal(pop3_client_window(s.client), 5);
    assert_int_equal(pop3_client_under_way(s.client), 5);
    assert_int_equal(pop3_client_unanswered(s.client), 7);
    assert_true(pop3_client_stalled(s.client));
    assert_int_equal(pop3_client_window(s.client), 2);
    feed(take, &s, slice_of("+OK\r\n+OK\r\n+OK\r\n"), &log);
    assert_log(&log, "done 1 NOOP\ndone 2 NOOP\ndone 3 NOOP\n");
    assert_int_equal(pop3_client_under_way(s.client), 2);
    feed(take, &s, slice_of("+OK\r\n"), &log);
    assert_log(&log, "done 4 NOOP\nC: NOOP\r\n");
    assert_true(pop3_client_stalled(s.client));
    assert_false(pop3_client_stalled(s.client));
    assert_int_equal(pop3_client_window(s.client), 1);
    pop3_client_free(s.client);
    s = session_ready(&five, "NN", "-ERR\r\n");
    assert_int_equal(pop3_client_window(s.client), 1);
    assert_false(pop3_client_stalled(s.client));
    pop3_client_free(s.client);
}

static void test_single_entries(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "lulu",
          .chunks = {PIPELINING, "+OK 2 200\r\n+OK 2 a b\r\n-ERR no such message\r\n"
                                 "+OK 3 other\r\n"},
          .expected = LOGGED_IN "C: LIST 2\r\nUIDL 2\r\nLIST 2\r\nUIDL 2\r\n"
                                "1: 2 200\ndone 1 LIST\n"
                                "2: 2 <a b>\ndone 2 UIDL\n"
                                "done 3 LIST refused temporary: no such message\n"
                                "done 4 UIDL refused temporary: the server's answer to UIDL is not "
                                "understood: 3 other\n");
}

/* Long ids, spaces, words behind sizes, LF alone, empty lines. */
static void test_tolerant_lists(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "LU",
          .chunks = {PIPELINING, "+ok\n1 120 octets (x)\n\n 2\t7 \n.\n",
                     "+OK\r\n1 a b  c \r\n2\r\n3 .\r\n.\r\n"},
          .expected = LOGGED_IN "C: LIST\r\nUIDL\r\n"
                                "1: 1 120\n1: 2 7\ndone 1 LIST\n"
                                "2: 1 <a b  c>\n2: 2 <>\n2: 3 <.>\ndone 2 UIDL\n");
}

/* A list with a line that is not understood does not count as one (CASES D12). */
static void test_bad_lists(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "LLSS",
          .chunks = {PIPELINING, "+OK\r\n1 120\r\n0 4\r\nx\r\n2 -1\r\n3 7\r\n.\r\n",
                     "+OK\r\n.\r\n+OK\r\n+OK 0 0\r\n"},
          .expected = LOGGED_IN "C: LIST\r\nLIST\r\nSTAT\r\nSTAT\r\n"
                                "1: 1 120\n1: 3 7\n"
                                "done 1 LIST refused temporary: the server's answer to LIST is not "
                                "understood: 2 -1\n"
                                "done 2 LIST\n"
                                "done 3 STAT refused temporary: the server's answer to STAT is not "
                                "understood: \n"
                                "done 4 STAT 0 0\n");
}

/* CASES U4, U5: a server without TOP and UIDL, announced or not. */
static void test_unsupported(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "Utu",
          .chunks = {ALONE, "-ERR\r\n", "-ERR sorry\r\n", "-ERR no such message\r\n"},
          .expected = LOGGED_IN
          "C: UIDL\r\n"
          "done 1 UIDL refused unsupported temporary: the server refused without giving a reason\n"
          "C: TOP 1 0\r\n"
          "done 2 TOP refused unsupported temporary: sorry\n"
          "C: UIDL 2\r\n"
          "done 3 UIDL refused temporary: no such message\n");
    CHECK(.options = tls, .commands = "UUttR",
          .chunks = {PIPELINING, "-ERR [SYS/TEMP] later\r\n-ERR unknown command\r\n-ERR sorry\r\n"
                                 "-ERR TOP not implemented\r\n-ERR unknown command\r\n"},
          .expected = LOGGED_IN "C: UIDL\r\nUIDL\r\nTOP 1 0\r\nTOP 1 0\r\nRSET\r\n"
                                "done 1 UIDL refused temporary: later\n"
                                "done 2 UIDL refused unsupported temporary: unknown command\n"
                                "done 3 TOP refused temporary: sorry\n"
                                "done 4 TOP refused unsupported temporary: TOP not implemented\n"
                                "done 5 RSET refused unsupported temporary: unknown command\n");
}

static void test_support_is_learned(void **state)
{
    struct session s = session_ready(&tls, "Utu", "-ERR\r\n");
    const struct pop3_client_capabilities *caps = pop3_client_capabilities(s.client);
    struct buf log = BUF_INIT;

    (void)state;
    assert_false(caps->known);
    assert_int_equal(caps->uidl, POP3_SUPPORT_UNKNOWN);
    feed(take, &s, slice_of("+OK\r\n.\r\n"), &log);
    assert_int_equal(caps->uidl, POP3_SUPPORT_YES);
    feed(take, &s, slice_of("-ERR\r\n"), &log);
    assert_int_equal(caps->top, POP3_SUPPORT_NO);
    feed(take, &s, slice_of("-ERR\r\n"), &log);
    assert_int_equal(caps->uidl, POP3_SUPPORT_YES);
    buf_clear(&log);
    pop3_client_free(s.client);
}

/* Capabilities of before the login count where CAPA is refused behind it. */
static void test_capabilities(void **state)
{
    static const char *const chunks[] = {"+OK\r\n",
                                         "+OK\r\nSASL PLAIN\r\nPIPELINING\r\nEXPIRE 0\r\n.\r\n",
                                         "+OK\r\n", "-ERR not now\r\n"};
    const struct dialogue d = {.options = tls};
    struct session s = session_new(&d);
    struct buf log = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        feed(take, &s, slice_of(chunks[i]), &log);
    assert_true(ends_with(&log, "ready\n"));
    const struct pop3_client_capabilities *caps = pop3_client_capabilities(s.client);
    assert_true(caps->known && caps->pipelining && caps->has_expire);
    assert_int_equal(caps->expire_days, 0);
    buf_clear(&log);
    pop3_client_free(s.client);
}

/* ---- messages */

static void test_lf_messages(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "rr",
          .chunks = {PIPELINING, "+OK\na\n..b\n.\n", "+OK\r\nc\n.\r\n"},
          .expected = LOGGED_IN "C: RETR 1\r\nRETR 1\r\n"
                                "a\n.b\n|end 1 of 1\ndone 1 RETR\n"
                                "c\n|end 2 of 1\ndone 2 RETR\n");
}

/* CASES D4: a message that was cut off has no end, not even when it lacks only the last LF. */
static void test_cut_off_messages(void **state)
{
    static const char *const ends[] = {"", ".", ".\r"};
    static const char expected[] = LOGGED_IN
        "C: RETR 1\r\na\r\n"
        "closed temporary: the server closed the connection in the middle of a message; quit not "
        "sent\n";

    (void)state;
    for (size_t i = 0; i < 3; i++)
        CHECK(.options = tls, .commands = "r", .close = true,
              .chunks = {PIPELINING, "+OK\r\na\r\n", ends[i]}, .expected = expected);
    CHECK(.options = tls, .commands = "U", .close = true, .chunks = {PIPELINING, "+OK\r\n1 a\r\n."},
          .expected = LOGGED_IN
          "C: UIDL\r\n1: 1 <a>\n"
          "closed temporary: the server closed the connection in the middle of a list; quit not "
          "sent\n");
}

/* A lone dot that was not stuffed ends the message; what follows is not taken for an answer. */
static void test_message_that_goes_on(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "rN",
          .chunks = {PIPELINING, "+OK\r\na\r\n.\r\nrest of it\r\n"},
          .expected = LOGGED_IN
          "C: RETR 1\r\nNOOP\r\n"
          "a\r\n|end 1 of 1\ndone 1 RETR\n"
          "failed temporary: the server sent a line where +OK or -ERR has to stand, perhaps the "
          "rest of a message whose lines it does not mark as POP3 demands\n");
}

/* To hold the server back the caller keeps the rest of the input. */
static void test_back_pressure(void **state)
{
    struct session s = session_ready(&tls, "r", "-ERR\r\n");
    struct slice in = slice_of("+OK\r\na\r\n..b\r\n.\r\n+");
    struct pop3_client_event ev;

    (void)state;
    pop3_client_next(s.client, &in, &ev);
    assert_int_equal(ev.type, POP3_CLIENT_BODY_DATA);
    assert_true(slice_is(ev.text, "a\r\n"));
    assert_true(slice_is(in, "..b\r\n.\r\n+"));
    pop3_client_next(s.client, &in, &ev);
    assert_true(slice_is(ev.text, ".b\r\n"));
    pop3_client_next(s.client, &in, &ev);
    assert_int_equal(ev.type, POP3_CLIENT_BODY_END);
    assert_true(slice_is(in, "+"));
    pop3_client_next(s.client, &in, &ev);
    assert_int_equal(ev.type, POP3_CLIENT_DONE);
    pop3_client_free(s.client);
}

/* ---- the end */

/* CASES D9. */
static void test_quit_outcomes(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "dQ", .close = true, .chunks = {ALONE},
          .expected = LOGGED_IN
          "C: DELE 1\r\n"
          "closed temporary: the server closed the connection with commands unanswered; quit not "
          "sent\n");
    CHECK(.options = tls, .commands = "dQ", .close = true, .chunks = {ALONE, "+OK\r\n", "+O"},
          .expected = LOGGED_IN
          "C: DELE 1\r\ndone 1 DELE\nC: QUIT\r\n"
          "closed temporary: the server closed the connection without an answer to QUIT: whether "
          "it deleted what was marked is not known; quit unknown\n");
    CHECK(.options = tls, .commands = "dQ", .close = true,
          .chunks = {PIPELINING, "+OK\r\n-ERR some deleted messages not removed\r\n"},
          .expected = LOGGED_IN "C: DELE 1\r\nQUIT\r\ndone 1 DELE\n"
                                "done 2 QUIT refused temporary: some deleted messages not removed\n"
                                "closed none: logged out; quit refused\n");
}

/* CASES I4. */
static void test_unasked(void **state)
{
    (void)state;
    CHECK(.options = tls, .commands = "N", .chunks = {ALONE, "+OK\r\n+OK\r\n"},
          .expected = LOGGED_IN "C: NOOP\r\ndone 1 NOOP\n"
                                "failed temporary: the server answered a command that was not "
                                "sent\n");
    CHECK(.options = tls, .commands = "N", .chunks = {ALONE, "+ \r\n"},
          .expected = LOGGED_IN "C: NOOP\r\n"
                                "failed temporary: the server answered a command that was not "
                                "sent\n");
    CHECK(.options = tls, .chunks = {ALONE, "-ERR idle for too long\r\n"}, .close = true,
          .expected = LOGGED_IN "failed temporary: idle for too long\n"
                                "closed temporary: idle for too long; quit not sent\n");
}

/* 100,000 entries pass, and nothing of them stays. */
static void test_long_list(void **state)
{
    struct session s = session_ready(&tls, "U", "-ERR\r\n");
    struct pop3_client_event ev;
    uint32_t count = 0;
    char line[100];

    (void)state;
    feed(take, &s, slice_of("+OK\r\n"), &(struct buf)BUF_INIT);
    size_t before = mallinfo2().uordblks;
    while (count < 100000) {
        int n = snprintf(line, sizeof line, "%u 000%08x4f1d2c3b\r\n", count + 1, count + 1);
        struct slice in = slice_make(line, (size_t)n);
        pop3_client_next(s.client, &in, &ev);
        assert_int_equal(ev.type, POP3_CLIENT_LISTING);
        assert_int_equal(ev.number, ++count);
        assert_int_equal(in.n, 0);
    }
    assert_int_equal(mallinfo2().uordblks, before);
    pop3_client_free(s.client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_plain),
        cmocka_unit_test(test_login_longest),
        cmocka_unit_test(test_login_without_capa),
        cmocka_unit_test(test_apop),
        cmocka_unit_test(test_apop_timestamps),
        cmocka_unit_test(test_long_password),
        cmocka_unit_test(test_methods_that_are_not_there),
        cmocka_unit_test(test_refused_password_is_not_tried_twice),
        cmocka_unit_test(test_refusals_by_kind),
        cmocka_unit_test(test_strange_logins),
        cmocka_unit_test(test_stls_forgets),
        cmocka_unit_test(test_stls_injection),
        cmocka_unit_test(test_no_password_in_the_clear),
        cmocka_unit_test(test_login_that_cannot_be_sent),
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_lines_without_end),
        cmocka_unit_test(test_closed_before_ready),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_single_entries),
        cmocka_unit_test(test_tolerant_lists),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_support_is_learned),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_lf_messages),
        cmocka_unit_test(test_cut_off_messages),
        cmocka_unit_test(test_message_that_goes_on),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_quit_outcomes),
        cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_long_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
