/*
 * A slow line: delay TARGET_PORT MILLISECONDS
 *
 * Accepts on a free port of 127.0.0.1, which it prints, and carries each connection to TARGET_PORT:
 * every octet arrives so many milliseconds after it came, each way, and up to WINDOW octets may be
 * under way in each direction. Ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { WINDOW = 32 << 20, PIECE_MAX = 65536 };

/* Octets that came together. Empty: the end. */
struct piece {
    struct piece *next;
    uint64_t due;
    uv_write_t write;
    size_t n;
    char octets[];
};

/* One direction: from `from` to the other side of its pair. */
struct way {
    struct pair *pair;
    uv_tcp_t from;
    uv_timer_t timer;
    struct piece *first, **last;
    size_t under_way;
    bool paused;
};

struct pair {
    struct way near, far;
    uv_connect_t connect;
    int handles; /* that are still open */
};

static uv_loop_t *loop;
static uint64_t delay_ms;
static struct sockaddr_in target;

static void way_advance(uv_timer_t *timer);

static struct way *other(struct way *w)
{
    return w == &w->pair->near ? &w->pair->far : &w->pair->near;
}

static void on_closed(uv_handle_t *handle)
{
    struct way *w = handle->data;

    while (w->first) {
        struct piece *p = w->first;
        w->first = p->next;
        free(p);
    }
    w->last = &w->first;
    if (--w->pair->handles == 0)
        free(w->pair);
}

static void pair_close(struct pair *pair)
{
    uv_handle_t *handles[] = {(uv_handle_t *)&pair->near.from, (uv_handle_t *)&pair->near.timer,
                              (uv_handle_t *)&pair->far.from, (uv_handle_t *)&pair->far.timer};

    for (int i = 0; i < 4; i++)
        if (!uv_is_closing(handles[i]))
            uv_close(handles[i], on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct piece *p = malloc(sizeof *p + PIECE_MAX);

    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(p ? p->octets : NULL, p ? PIECE_MAX : 0);
}

static struct piece *piece_of(const uv_buf_t *buf)
{
    return buf->base ? (struct piece *)(void *)(buf->base - offsetof(struct piece, octets)) : NULL;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct way *w = stream->data;
    struct piece *p = piece_of(buf);

    if (n == 0 || (n < 0 && n != UV_EOF) || !p) {
        free(p);
        if (n != 0)
            pair_close(w->pair);
        return;
    }
    p->next = NULL;
    p->n = n > 0 ? (size_t)n : 0;
    p->due = uv_now(loop) + delay_ms;
    struct piece *fit = realloc(p, sizeof *p + p->n);
    p = fit ? fit : p;
    if (!w->first)
        uv_timer_start(&w->timer, way_advance, delay_ms, 0);
    *w->last = p;
    w->last = &p->next;
    w->under_way += p->n;
    w->paused = w->under_way > WINDOW;
    if (w->paused || n < 0)
        uv_read_stop(stream);
}

static void on_written(uv_write_t *write, int status)
{
    struct piece *p = write->data;
    struct way *w = write->handle->data; /* the other one */

    w = other(w);
    w->under_way -= p->n;
    free(p);
    if (status < 0)
        pair_close(w->pair);
    else if (w->paused && w->under_way <= WINDOW / 2 && !uv_is_closing((uv_handle_t *)&w->from)) {
        w->paused = false;
        uv_read_start((uv_stream_t *)&w->from, on_alloc, on_read);
    }
}

/* The end of one direction ends both: a POP3 or IMAP connection has nothing to say behind it. */
static void way_put(struct way *w, struct piece *p)
{
    uv_buf_t buf = uv_buf_init(p->octets, (unsigned)p->n);

    p->write.data = p;
    if (p->n && uv_write(&p->write, (uv_stream_t *)&other(w)->from, &buf, 1, on_written) == 0)
        return;
    free(p);
    pair_close(w->pair);
}

static void way_advance(uv_timer_t *timer)
{
    struct way *w = timer->data;

    while (w->first && w->first->due <= uv_now(loop) && !uv_is_closing((uv_handle_t *)timer)) {
        struct piece *p = w->first;
        w->first = p->next;
        if (!w->first)
            w->last = &w->first;
        way_put(w, p);
    }
    if (w->first && !uv_is_closing((uv_handle_t *)timer))
        uv_timer_start(timer, way_advance, w->first->due - uv_now(loop), 0);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct pair *pair = connect->data;

    if (status < 0) {
        pair_close(pair);
        return;
    }
    uv_tcp_nodelay(&pair->far.from, 1);
    uv_read_start((uv_stream_t *)&pair->near.from, on_alloc, on_read);
    uv_read_start((uv_stream_t *)&pair->far.from, on_alloc, on_read);
}

static void way_init(struct way *w, struct pair *pair)
{
    w->pair = pair;
    w->last = &w->first;
    uv_tcp_init(loop, &w->from);
    uv_timer_init(loop, &w->timer);
    w->from.data = w->timer.data = w;
    pair->handles += 2;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct pair *pair = status < 0 ? NULL : calloc(1, sizeof *pair);

    if (!pair)
        return;
    way_init(&pair->near, pair);
    way_init(&pair->far, pair);
    pair->connect.data = pair;
    if (uv_accept(listener, (uv_stream_t *)&pair->near.from) != 0 ||
        uv_tcp_connect(&pair->connect, &pair->far.from, (struct sockaddr *)&target, on_connected) !=
            0) {
        pair_close(pair);
        return;
    }
    uv_tcp_nodelay(&pair->near.from, 1);
}

/* Our parent ended, or wants us to. */
static void on_input(uv_poll_t *poll, int status, int events)
{
    char octet;

    (void)poll;
    (void)events;
    if (status < 0 || read(STDIN_FILENO, &octet, 1) <= 0)
        exit(0);
}

static int listen_and_say(uv_tcp_t *listener)
{
    struct sockaddr_in own;
    int size = sizeof own;

    uv_ip4_addr("127.0.0.1", 0, &own);
    uv_tcp_init(loop, listener);
    if (uv_tcp_bind(listener, (struct sockaddr *)&own, 0) != 0 ||
        uv_listen((uv_stream_t *)listener, 511, on_connection) != 0 ||
        uv_tcp_getsockname(listener, (struct sockaddr *)&own, &size) != 0)
        return 1;
    printf("%u\n", ntohs(own.sin_port));
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    uv_tcp_t listener;
    uv_poll_t input;

    if (argc != 3) {
        fprintf(stderr, "usage: delay TARGET_PORT MILLISECONDS\n");
        return 2;
    }
    loop = uv_default_loop();
    uv_ip4_addr("127.0.0.1", atoi(argv[1]), &target);
    delay_ms = strtoull(argv[2], NULL, 10);
    uv_poll_init(loop, &input, STDIN_FILENO);
    uv_poll_start(&input, UV_READABLE, on_input);
    if (listen_and_say(&listener) != 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
