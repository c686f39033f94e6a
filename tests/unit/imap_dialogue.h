/*
 * Dialogues with IMAP servers, from the greeting on. Each is a list of what the server says in one
 * go, and the transcript of what must happen: "C: " lines are sent, others are events.
 */
#ifndef TESTS_UNIT_IMAP_DIALOGUE_H
#define TESTS_UNIT_IMAP_DIALOGUE_H

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

static inline void log_out(struct imap_client *c, struct buf *log)
{
    struct buf *out = imap_client_out(c);

    if (buf_size(out) == 0)
        return;
    buf_puts(log, "C: ");
    buf_put(log, buf_slice(out));
    buf_drop(out, buf_size(out));
}

static inline void log_failure(struct buf *log, const struct failure *why)
{
    static const char *const kinds[] = {"none",      "auth",      "in-use", "delay",
                                        "temporary", "permanent", "full"};
    buf_printf(log, "failed %s: %s\n", kinds[why->kind], why->text);
}

static inline void log_ready(struct imap_client *c, struct buf *log)
{
    buf_printf(log, "ready%s%s\n", imap_client_qresync(c) ? " qresync" : "",
               imap_client_utf8(c) ? " utf8" : "");
}

/* Writes one event. False when no more may be fed to this connection as it is. */
static inline bool log_event(struct imap_client *c, const struct imap_client_event *ev,
                             struct buf *log)
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

static inline bool take(void *session, struct slice piece, struct buf *log)
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

static inline bool ends_with(struct buf *log, const char *line)
{
    struct slice s = buf_slice(log);
    size_t n = strlen(line);

    return s.n >= n && slice_is(slice_make(s.p + s.n - n, n), line);
}

/* The caller's part between two chunks. */
static inline void act(struct imap_client *c, struct buf *log)
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

static inline struct imap_client *client_new(const struct dialogue *d)
{
    struct imap_client *c = imap_client_new(&d->options);
    struct failure why;

    assert_non_null(c);
    assert_true(imap_password_login(c, slice_of(d->user ? d->user : "joe"),
                                    slice_of(d->password ? d->password : "secret"), &why));
    return c;
}

/* The dialogue with chunk `cut` cut in pieces (see feed_cut); the others are whole. */
static inline void play(const struct dialogue *d, size_t cut, size_t first, size_t size)
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

static const char unknown_tag[] =
    "failed temporary: the server answered a command that was not sent\n";

static const struct imap_client_options tls = {.tls_now = true, .require_tls = true};
static const struct imap_client_options starttls = {.starttls = true, .require_tls = true};
static const struct imap_client_options maybe_tls = {.starttls = true};
static const struct imap_client_options clear = {.allow_cleartext = true};

#endif
