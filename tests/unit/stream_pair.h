/*
 * Two streams that talk to each other on one loop, and what each of them saw.
 */
#ifndef TESTS_UNIT_STREAM_PAIR_H
#define TESTS_UNIT_STREAM_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/net/stream.h"

enum { GUARD_MS = 60 * 1000 };

struct side {
    struct stream *s;
    struct buf got;
    size_t take; /* octets taken in one call; 0: all */
    bool hold;   /* take nothing */
    bool again;  /* ask for the rest at once */
    bool echo;   /* send back what came */
    bool close_at_end;
    size_t most; /* octets offered at once, at most */
    unsigned drains;
    unsigned tls;
    unsigned ends;
    unsigned closed;
    struct failure why;
    void (*on_line)(struct side *side); /* called after data was taken */
};

struct pair {
    uv_loop_t loop;
    uv_timer_t guard;
    struct side client;
    struct side server;
};

static inline void side_data(void *owner, struct stream *s, struct slice *in)
{
    struct side *side = owner;

    assert_int_equal(side->ends, 0);
    assert_int_equal(side->closed, 0);
    if (in->n > side->most)
        side->most = in->n;
    if (side->hold)
        return;
    struct slice taken = slice_take(in, side->take ? side->take : in->n);
    if (side->echo) {
        struct buf out = BUF_INIT;
        buf_put(&out, taken);
        stream_write(s, &out);
        assert_int_equal(buf_size(&out), 0);
        side->hold = stream_queued(s) > 0; /* until it has drained */
    } else {
        buf_put(&side->got, taken);
    }
    if (in->n && side->again)
        stream_resume(s);
    if (side->on_line)
        side->on_line(side);
}

static inline void side_tls(void *owner, struct stream *s)
{
    struct side *side = owner;

    assert_true(stream_is_tls(s));
    side->tls++;
}

static inline void side_drain(void *owner, struct stream *s)
{
    struct side *side = owner;

    assert_int_equal(stream_queued(s), 0);
    side->drains++;
    if (side->echo && side->hold) {
        side->hold = false;
        stream_resume(s);
    }
}

static inline void side_end(void *owner, struct stream *s, const struct failure *why)
{
    struct side *side = owner;

    side->ends++;
    side->why = *why;
    if (side->close_at_end)
        stream_close(s);
}

static inline void side_closed(void *owner, struct stream *s)
{
    struct side *side = owner;

    (void)s;
    side->closed++;
    side->s = NULL;
}

static const struct stream_handler side_handler = {
    .on_data = side_data,
    .on_tls = side_tls,
    .on_drain = side_drain,
    .on_end = side_end,
    .on_closed = side_closed,
};

static inline void guard_fired(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("what was waited for did not happen");
}

/* One turn of the loop. */
static inline void pair_turn(struct pair *p)
{
    uv_run(&p->loop, UV_RUN_ONCE);
}

#define RUN_UNTIL(pair_, condition_) \
    do {                             \
        while (!(condition_))        \
            pair_turn(pair_);        \
    } while (0)

/* Turns enough for everything that can happen on loopback to have happened; nothing is waited for.
 */
static inline void pair_settle(struct pair *p)
{
    for (int i = 0; i < 1000; i++)
        uv_run(&p->loop, UV_RUN_NOWAIT);
}

static inline void tcp_pair(int fds[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &size), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&a, sizeof a), 0);
    fds[1] = accept(listener, NULL, NULL);
    assert_true(fds[1] >= 0);
    close(listener);
}

static inline void pair_init(struct pair *p)
{
    memset(p, 0, sizeof *p);
    assert_int_equal(uv_loop_init(&p->loop), 0);
    uv_timer_init(&p->loop, &p->guard);
    uv_timer_start(&p->guard, guard_fired, GUARD_MS, 0);
}

static inline void side_open(struct pair *p, struct side *side, int fd, bool is_unix,
                             unsigned write_seconds)
{
    side->s =
        stream_open(&p->loop, fd, is_unix, &(struct stream_options){.write_seconds = write_seconds},
                    &side_handler, side);
    assert_non_null(side->s);
}

static inline void pair_open(struct pair *p, bool is_unix)
{
    int fds[2];

    pair_init(p);
    if (is_unix)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    else
        tcp_pair(fds);
    side_open(p, &p->client, fds[0], is_unix, 30);
    side_open(p, &p->server, fds[1], is_unix, 30);
}

/* Only the client is a stream; the other end is a plain blocking socket. */
static inline int pair_open_half(struct pair *p, unsigned write_seconds)
{
    int fds[2];

    pair_init(p);
    tcp_pair(fds);
    side_open(p, &p->client, fds[0], false, write_seconds);
    return fds[1];
}

/* Ends both, and sees to it that nothing is left on the loop. */
static inline void pair_close(struct pair *p)
{
    if (p->client.s)
        stream_abort(p->client.s);
    if (p->server.s)
        stream_abort(p->server.s);
    uv_close((uv_handle_t *)&p->guard, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_null(p->client.s);
    assert_null(p->server.s);
    assert_true(p->client.closed <= 1 && p->server.closed <= 1);
    assert_null(p->loop.data);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    buf_clear(&p->client.got);
    buf_clear(&p->server.got);
}

static inline void side_say(struct side *side, const char *text)
{
    struct buf out = BUF_INIT;

    buf_puts(&out, text);
    stream_write(side->s, &out);
    assert_int_equal(buf_size(&out), 0);
}

static inline void assert_got(struct side *side, const char *text)
{
    assert_int_equal(buf_size(&side->got), strlen(text));
    assert_memory_equal(buf_slice(&side->got).p, text, strlen(text));
}

/* `n` octets that repeat only after a long while. */
static inline struct buf pattern_make(size_t n)
{
    struct buf b = BUF_INIT;
    uint32_t x = 1;
    char *p = buf_reserve(&b, n);

    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        p[i] = (char)(x >> 24);
    }
    buf_added(&b, n);
    return b;
}

static inline void assert_pattern(struct side *side, size_t n)
{
    struct buf expected = pattern_make(n);

    assert_int_equal(buf_size(&side->got), n);
    assert_memory_equal(buf_slice(&side->got).p, buf_slice(&expected).p, n);
    buf_clear(&expected);
}

/* The client sends `n` octets to an echo that takes `take` at a time, and gets them back. */
static inline void pair_echo(struct pair *p, size_t n, size_t take)
{
    struct buf out = pattern_make(n);

    p->server.echo = true;
    p->server.take = take;
    p->server.again = true;
    stream_write(p->client.s, &out);
    RUN_UNTIL(p, buf_size(&p->client.got) >= n || p->client.ends || p->server.ends);
    assert_pattern(&p->client, n);
    assert_int_equal(stream_octets_in(p->client.s), n);
    assert_int_equal(stream_octets_out(p->client.s), n);
    assert_int_equal(stream_octets_in(p->server.s), n);
}

#endif
