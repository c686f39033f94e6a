/*
 * Plays dialogues with POP3 servers, from the greeting on. Each is a list of what the server says
 * in one go, and the transcript of what must happen: "C: " lines are sent, others are events.
 * Octets of messages stand as they are, up to "|". Every dialogue is played with each of its chunks
 * whole, octet by octet and cut at every place.
 */
#ifndef TESTS_UNIT_POP3_DIALOGUE_H
#define TESTS_UNIT_POP3_DIALOGUE_H

#include "tests/unit/credentials.h"
#include "tests/unit/feed.h"

#include <inttypes.h>

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

static const char *const kinds[] = {"none",      "auth",      "in-use", "delay",
                                    "temporary", "permanent", "full"};

static inline void log_out(struct pop3_client *c, struct buf *log)
{
    struct buf *out = pop3_client_out(c);

    if (buf_size(out) == 0)
        return;
    buf_puts(log, "C: ");
    buf_put(log, buf_slice(out));
    buf_drop(out, buf_size(out));
}

/* Lower case: with an argument. */
static inline uint32_t issue(struct pop3_client *c, char letter)
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

static inline void log_done(const struct pop3_client_event *ev, struct buf *log)
{
    buf_printf(log, "done %u %s", ev->command, pop3_verb_name(ev->verb));
    if (ev->ok && ev->verb == POP3_STAT)
        buf_printf(log, " %u %" PRIu64, ev->number, ev->size);
    if (!ev->ok)
        buf_printf(log, " refused%s %s: %s", ev->unsupported ? " unsupported" : "",
                   kinds[ev->failure.kind], ev->failure.text);
    buf_puts(log, "\n");
}

static inline void log_ready(struct session *s, struct buf *log)
{
    buf_printf(log, "ready%s\n", pop3_client_utf8(s->client) ? " utf8" : "");
    for (uint32_t i = 0; s->commands && s->commands[i]; i++)
        assert_int_equal(issue(s->client, s->commands[i]), i + 1);
}

/* Writes one event. False when no more may be fed to this connection as it is. */
static inline bool log_event(struct session *s, const struct pop3_client_event *ev, struct buf *log)
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

static inline bool take(void *session, struct slice piece, struct buf *log)
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

static inline bool ends_with(struct buf *log, const char *line)
{
    struct slice s = buf_slice(log);
    size_t n = strlen(line);

    return s.n >= n && slice_is(slice_make(s.p + s.n - n, n), line);
}

static inline struct session session_new(const struct dialogue *d)
{
    struct session s = {pop3_client_new(&d->options), d->commands};
    struct failure why;

    assert_non_null(s.client);
    assert_true(pop3_password_login(s.client, slice_of(d->user ? d->user : "joe"),
                                    slice_of(d->password ? d->password : "secret"), &why));
    return s;
}

static inline void log_closed(struct pop3_client *c, struct buf *log)
{
    static const char *const outcomes[] = {"not sent", "unknown", "confirmed", "refused"};
    struct failure why;

    pop3_client_closed(c, &why);
    buf_printf(log, "closed %s: %s; quit %s\n", kinds[why.kind], why.text,
               outcomes[pop3_client_quit_outcome(c)]);
}

/* The dialogue with chunk `cut` cut in pieces (see feed_cut); the others are whole. */
static inline void play(const struct dialogue *d, size_t cut, size_t first, size_t size)
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

static inline void check(const struct dialogue *d)
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

#endif
