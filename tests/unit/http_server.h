/*
 * For tests: an HTTP server on the test's loop that answers each request with the next reply it was
 * given, and keeps what it was asked. To be included once, by a test program.
 */
#ifndef TESTS_UNIT_HTTP_SERVER_H
#define TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { HTTP_SERVER_REQUESTS = 16, HTTP_SERVER_REQUEST = 8192 };

struct http_guest {
    uv_tcp_t tcp;
    struct http_guest *next;
    char heard[HTTP_SERVER_REQUEST];
    size_t n;
};

static struct {
    uv_loop_t loop;
    uv_tcp_t tcp;
    struct http_guest *guests;
    char url[64];                              /* "http://127.0.0.1:PORT", without a path */
    const char *replies[HTTP_SERVER_REQUESTS]; /* NULL: it says nothing */
    unsigned asked;
    char requests[HTTP_SERVER_REQUESTS][HTTP_SERVER_REQUEST];
} http_server;

static void http_server_ended(uv_shutdown_t *end, int why)
{
    (void)why;
    free(end);
}

/* Without a length the end of a reply is that of the connection. */
static void http_server_written(uv_write_t *w, int why)
{
    uv_shutdown_t *end = w->data ? malloc(sizeof *end) : NULL;

    (void)why;
    if (end)
        uv_shutdown(end, w->handle, http_server_ended);
    free(w);
}

static void http_server_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct http_guest *g = handle->data;

    (void)wanted;
    *out = uv_buf_init(g->heard + g->n, (unsigned)(sizeof g->heard - 1 - g->n));
}

/* The request's end: behind its header, and as many octets as that announces. */
static size_t http_server_whole(const struct http_guest *g)
{
    const char *end = strstr(g->heard, "\r\n\r\n");
    const char *length = strstr(g->heard, "Content-Length: ");
    size_t body = length && end && length < end ? strtoul(length + 16, NULL, 10) : 0;
    size_t size = end ? (size_t)(end - g->heard) + 4 + body : 0;

    return end && g->n >= size ? size : 0;
}

static void http_server_say(struct http_guest *g, const char *text)
{
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    uv_write_t *w = malloc(sizeof *w);

    assert_non_null(w);
    w->data = strstr(text, "Content-Length:") ? NULL : g;
    uv_write(w, (uv_stream_t *)&g->tcp, &out, 1, http_server_written);
}

static void http_server_answer(struct http_guest *g)
{
    unsigned turn = http_server.asked++;

    assert_true(turn < HTTP_SERVER_REQUESTS);
    memcpy(http_server.requests[turn], g->heard, g->n + 1);
    g->n = 0;
    g->heard[0] = '\0';
    if (http_server.replies[turn])
        http_server_say(g, http_server.replies[turn]);
}

static void http_server_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *octets)
{
    struct http_guest *g = stream->data;

    (void)octets;
    if (n < 0) {
        uv_read_stop(stream);
        return;
    }
    g->n += (size_t)n;
    g->heard[g->n] = '\0';
    if (http_server_whole(g))
        http_server_answer(g);
}

static void http_server_accept(uv_stream_t *stream, int why)
{
    struct http_guest *g = calloc(1, sizeof *g);

    assert_int_equal(why, 0);
    assert_non_null(g);
    g->next = http_server.guests;
    http_server.guests = g;
    uv_tcp_init(&http_server.loop, &g->tcp);
    g->tcp.data = g;
    uv_accept(stream, (uv_stream_t *)&g->tcp);
    uv_read_start((uv_stream_t *)&g->tcp, http_server_alloc, http_server_read);
}

static inline bool http_server_start(void)
{
    struct sockaddr_in address;
    int n = sizeof address;

    memset(&http_server, 0, sizeof http_server);
    uv_loop_init(&http_server.loop);
    uv_tcp_init(&http_server.loop, &http_server.tcp);
    uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_bind(&http_server.tcp, (struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&http_server.tcp, 8, http_server_accept) < 0)
        return false;
    uv_tcp_getsockname(&http_server.tcp, (struct sockaddr *)&address, &n);
    snprintf(http_server.url, sizeof http_server.url, "http://127.0.0.1:%u",
             ntohs(address.sin_port));
    return true;
}

static void http_server_guest_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* True when nothing else is left on the loop. */
static inline bool http_server_stop(void)
{
    while (http_server.guests) {
        struct http_guest *g = http_server.guests;
        http_server.guests = g->next;
        uv_close((uv_handle_t *)&g->tcp, http_server_guest_closed);
    }
    uv_close((uv_handle_t *)&http_server.tcp, NULL);
    uv_run(&http_server.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&http_server.loop) == 0;
}

/* Runs until `*over`; who sets it calls uv_stop() on the loop. */
static inline void http_server_run(const bool *over)
{
    while (!*over)
        uv_run(&http_server.loop, UV_RUN_ONCE);
}

#endif
