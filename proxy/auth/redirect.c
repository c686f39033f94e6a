#include "proxy/auth/redirect.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/buf.h"

enum { REQUEST_MAX = 16384, GUEST_MS = 10000, BACKLOG = 8, HOST_MAX = 16 };

struct redirect {
    uv_tcp_t tcp;
    char *address;
    char *path; /* "/callback" */
    redirect_came came;
    void *owner;
    bool closed;         /* nobody waits for an answer any more */
    unsigned references; /* the listener and its guests */
};

/* A browser's connection. */
struct guest {
    uv_tcp_t tcp;
    uv_timer_t clock; /* it says something, or goes */
    uv_write_t write;
    struct redirect *redirect;
    struct buf heard;
    unsigned handles;
    char piece[2048];
};

/* ---- addresses --------------------------------------------------------------------------- */

/* An address taken apart; false when it is none of ours. */
struct place {
    char host[HOST_MAX]; /* without brackets */
    uint64_t port;       /* 0: any */
    bool v6;
    const char *path; /* in the address; "" for none */
};

static bool place_host(struct place *p, struct slice host)
{
    static const char *const ours[] = {"127.0.0.1", "localhost", "[::1]"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (slice_is_nocase(host, ours[i])) {
            p->v6 = ours[i][0] == '[';
            memcpy(p->host, host.p, host.n);
            p->host[host.n] = '\0';
            return true;
        }
    return false;
}

static bool place_parse(struct place *p, const char *address)
{
    static const char scheme[] = "http://";

    *p = (struct place){.port = 0};
    if (strncmp(address, scheme, sizeof scheme - 1) != 0)
        return false;
    address += sizeof scheme - 1;
    size_t n = *address == '[' ? strcspn(address, "]") + 1 : strcspn(address, ":/?#");
    if (n > strlen(address) || !place_host(p, slice_make(address, n)))
        return false;
    address += n;
    if (*address == ':') {
        n = strcspn(++address, "/?#");
        if (!slice_number(slice_make(address, n), UINT16_MAX, &p->port))
            return false;
        address += n;
    }
    p->path = address;
    return true;
}

bool redirect_is_local(const char *address)
{
    struct place ignored;

    return place_parse(&ignored, address);
}

const char *redirect_address(const struct redirect *r)
{
    return r->address;
}

/* ---- the end ----------------------------------------------------------------------------- */

static void release(struct redirect *r)
{
    if (--r->references)
        return;
    free(r->address);
    free(r->path);
    free(r);
}

static void on_listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void redirect_close(struct redirect *r)
{
    if (!r || r->closed)
        return;
    r->closed = true;
    uv_close((uv_handle_t *)&r->tcp, on_listener_closed);
}

static void on_guest_closed(uv_handle_t *handle)
{
    struct guest *g = handle->data;

    if (--g->handles)
        return;
    release(g->redirect);
    buf_wipe(&g->heard);
    explicit_bzero(g->piece, sizeof g->piece);
    free(g);
}

static void guest_close(struct guest *g)
{
    if (uv_is_closing((uv_handle_t *)&g->clock))
        return;
    uv_close((uv_handle_t *)&g->clock, on_guest_closed);
    uv_close((uv_handle_t *)&g->tcp, on_guest_closed);
}

static void on_late(uv_timer_t *clock)
{
    guest_close(clock->data);
}

/* ---- a request --------------------------------------------------------------------------- */

#define PAGE(status, title, text)                                                          \
    "HTTP/1.1 " status "\r\nContent-Type: text/html; charset=utf-8\r\n"                    \
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n" \
    "<!doctype html><title>mailferry</title><h1>" title "</h1><p>" text "</p>\n"

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    guest_close(write->data);
}

static void answer(struct guest *g, const char *page)
{
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)page, (unsigned)strlen(page));

    g->write.data = g;
    if (uv_write(&g->write, (uv_stream_t *)&g->tcp, &out, 1, on_written) != 0)
        guest_close(g);
}

/* The second word of "GET /?code=... HTTP/1.1", under our path. */
static bool take_target(const struct guest *g, struct slice *target)
{
    struct slice line = buf_slice(&g->heard);
    size_t n = strlen(g->redirect->path);

    if (!slice_is(slice_word(&line), "GET"))
        return false;
    *target = slice_word(&line);
    if (target->n < n || memcmp(target->p, g->redirect->path, n) != 0)
        return false;
    return target->n == n || target->p[n] == '?';
}

static void serve(struct guest *g)
{
    struct redirect *r = g->redirect;
    struct slice target;

    if (r->closed || !take_target(g, &target))
        answer(g, PAGE("404 Not Found", "Nothing here", "This is not the address."));
    else if (r->came(r->owner, target))
        answer(g, PAGE("200 OK", "Thank you",
                       "The answer has arrived. Close this page and go back to the terminal, "
                       "which tells the rest."));
    else
        answer(g, PAGE("400 Bad Request", "Not this answer",
                       "It does not belong to the request that is waiting. The terminal tells "
                       "more."));
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct guest *g = handle->data;

    (void)wanted;
    *out = uv_buf_init(g->piece, sizeof g->piece);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *octets)
{
    struct guest *g = stream->data;

    if (n < 0) {
        guest_close(g);
        return;
    }
    buf_put(&g->heard, slice_make(octets->base, (size_t)n));
    struct slice heard = buf_slice(&g->heard);
    if (heard.n && memmem(heard.p, heard.n, "\r\n\r\n", 4)) {
        uv_read_stop(stream);
        serve(g);
    } else if (heard.n > REQUEST_MAX || buf_failed(&g->heard)) {
        guest_close(g);
    }
}

static void on_guest(uv_stream_t *listener, int status)
{
    struct redirect *r = listener->data;
    struct guest *g = status == 0 ? calloc(1, sizeof *g) : NULL;

    if (!g)
        return;
    *g = (struct guest){.redirect = r, .heard = {.secret = true}, .handles = 2};
    r->references++;
    uv_tcp_init(listener->loop, &g->tcp);
    uv_timer_init(listener->loop, &g->clock);
    g->tcp.data = g->clock.data = g;
    uv_timer_start(&g->clock, on_late, GUEST_MS, 0);
    if (uv_accept(listener, (uv_stream_t *)&g->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&g->tcp, on_alloc, on_read) != 0)
        guest_close(g);
}

/* ---- the beginning ----------------------------------------------------------------------- */

static int bind_to(struct redirect *r, const struct place *p)
{
    struct sockaddr_storage address;
    int error = p->v6 ? uv_ip6_addr("::1", (int)p->port, (struct sockaddr_in6 *)&address)
                      : uv_ip4_addr("127.0.0.1", (int)p->port, (struct sockaddr_in *)&address);

    if (error == 0)
        error = uv_tcp_bind(&r->tcp, (const struct sockaddr *)&address, 0);
    return error ? error : uv_listen((uv_stream_t *)&r->tcp, BACKLOG, on_guest);
}

/* What the provider is told: the address that was wanted, with our port in it. */
static bool name_it(struct redirect *r, const struct place *p)
{
    struct sockaddr_storage bound;
    int n = sizeof bound;

    if (uv_tcp_getsockname(&r->tcp, (struct sockaddr *)&bound, &n) != 0)
        return false;
    unsigned port = ntohs(p->v6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                : ((struct sockaddr_in *)&bound)->sin_port);
    if (asprintf(&r->address, "http://%s:%u%s", p->host, port, p->path) < 0)
        r->address = NULL;
    r->path = strndup(*p->path == '/' ? p->path : "/", strcspn(p->path, "?#") + (*p->path != '/'));
    return r->address && r->path;
}

struct redirect *redirect_open(uv_loop_t *loop, const char *wanted, redirect_came came, void *owner,
                               struct failure *why)
{
    struct redirect *r = calloc(1, sizeof *r);
    struct place place;

    failure_set(why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (!r)
        return NULL;
    *r = (struct redirect){.came = came, .owner = owner, .references = 1};
    uv_tcp_init(loop, &r->tcp);
    r->tcp.data = r;
    bool local = place_parse(&place, wanted);
    int error = local ? bind_to(r, &place) : 0;
    if (local && error == 0 && name_it(r, &place))
        return r;
    if (!local)
        failure_set(why, FAILURE_PERMANENT, "%.100s is no address of this machine", wanted);
    else if (error)
        failure_set(why, FAILURE_TEMPORARY, "cannot listen at %.100s: %s", wanted,
                    uv_strerror(error));
    redirect_close(r);
    return NULL;
}
