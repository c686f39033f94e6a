/*
 * libcurl says which sockets it waits for and until when; each becomes a poll handle of the loop,
 * and all share one timer. libcurl is never entered from its own callbacks.
 */
#include "proxy/net/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of each loop, connections that may be needed again: few, for they are of the reserve of
 * descriptors. */
enum { IDLE_CONNECTIONS = 8 };

struct http_call {
    struct http_call *prev, *next;
    struct http *http;
    CURL *curl;
    struct curl_slist *headers;
    struct buf request; /* the body that is sent */
    struct buf header, body;
    bool too_long;
    char reason[CURL_ERROR_SIZE];
    http_done done;
    void *owner;
};

/* A socket that libcurl waits for. */
struct http_socket {
    uv_poll_t poll;
    struct http *http;
    curl_socket_t fd;
};

struct http {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct http_call *calls;
    unsigned handles; /* not closed yet: the timer and the sockets */
    bool closing;
    void (*closed)(void *owner);
    void *owner;
};

/* ---- calls ------------------------------------------------------------------------------- */

static void call_leave(struct http_call *c)
{
    *(c->prev ? &c->prev->next : &c->http->calls) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    curl_multi_remove_handle(c->http->multi, c->curl);
}

static void call_free(struct http_call *c)
{
    curl_easy_cleanup(c->curl);
    curl_slist_free_all(c->headers);
    buf_wipe(&c->request);
    buf_wipe(&c->header);
    buf_wipe(&c->body);
    free(c);
}

static size_t gather(struct http_call *c, struct buf *into, const char *p, size_t n)
{
    c->too_long = c->too_long || buf_size(into) + n > HTTP_ANSWER_MAX;
    if (c->too_long)
        return 0;
    buf_put(into, slice_make(p, n));
    return buf_failed(into) ? 0 : n;
}

static size_t on_body(char *p, size_t size, size_t n, void *owner)
{
    struct http_call *c = owner;

    return gather(c, &c->body, p, size * n);
}

/* A status line begins the header of another answer: that before was only informational. */
static size_t on_header(char *p, size_t size, size_t n, void *owner)
{
    struct http_call *c = owner;

    if (n > 5 && strncasecmp(p, "HTTP/", 5) == 0)
        buf_wipe(&c->header);
    c->header.secret = true;
    return gather(c, &c->header, p, size * n);
}

static bool is_of_configuration(CURLcode code)
{
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return true;
    default:
        return false;
    }
}

/* Host and port of an address, which may hold secrets behind them. */
static void put_host(struct buf *out, const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL;

    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        buf_puts(out, host);
        if (curl_url_get(u, CURLUPART_PORT, &port, 0) == CURLUE_OK)
            buf_printf(out, ":%s", port);
    } else {
        buf_puts(out, "the address");
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
}

static void explain(const struct http_call *c, CURLcode code, struct failure *why)
{
    enum failure_kind kind = is_of_configuration(code) ? FAILURE_PERMANENT : FAILURE_TEMPORARY;
    const char *reason = c->reason[0] ? c->reason : curl_easy_strerror(code);
    struct buf host = BUF_INIT;
    const char *url = "";

    curl_easy_getinfo(c->curl, CURLINFO_EFFECTIVE_URL, &url);
    put_host(&host, url ? url : "");
    struct slice name = buf_slice(&host);
    if (c->too_long)
        failure_set(why, kind, "%.*s answered with more than %d octets", SLICE_ARG(name),
                    HTTP_ANSWER_MAX);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        failure_set(why, kind, "%.*s did not answer in time", SLICE_ARG(name));
    else
        failure_set(why, kind, "%.*s: %s", SLICE_ARG(name), reason);
    buf_clear(&host);
}

static void call_answered(struct http_call *c)
{
    const char *type = NULL;
    curl_off_t after = 0;
    struct http_answer answer = {.body = buf_slice(&c->body), .header = &c->header};
    struct failure why = {.kind = FAILURE_NONE};

    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(c->curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &after);
    answer.content_type = slice_of(type);
    answer.retry_after = after > 0 ? (uint64_t)after : 0;
    c->done(c->owner, &answer, &why);
}

static void call_ended(struct http_call *c, CURLcode code)
{
    struct failure why;

    call_leave(c);
    if (code == CURLE_OK) {
        call_answered(c);
    } else {
        explain(c, code, &why);
        c->done(c->owner, NULL, &why);
    }
    call_free(c);
}

/* What a callback of a call does may end others, but never the library's own turn. */
static void take_messages(struct http *h)
{
    CURLMsg *m;
    int left;

    while (!h->closing && (m = curl_multi_info_read(h->multi, &left)) != NULL) {
        struct http_call *c = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        call_ended(c, code);
    }
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void handle_closed(struct http *h)
{
    if (--h->handles > 0)
        return;
    if (h->closed)
        h->closed(h->owner);
    free(h);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct http_socket *s = handle->data;
    struct http *h = s->http;

    free(s);
    handle_closed(h);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct http_socket *s = poll->data;
    struct http *h = s->http;
    int running;
    int what = status < 0 ? CURL_CSELECT_ERR : 0;

    what |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    what |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(h->multi, s->fd, what, &running);
    take_messages(h);
}

static void on_time(uv_timer_t *timer)
{
    struct http *h = timer->data;
    int running;

    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_messages(h);
}

static struct http_socket *socket_new(struct http *h, curl_socket_t fd)
{
    struct http_socket *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    if (uv_poll_init_socket(h->loop, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->http = h;
    s->fd = fd;
    h->handles++;
    curl_multi_assign(h->multi, fd, s);
    return s;
}

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *owner, void *known)
{
    struct http *h = owner;
    struct http_socket *s = known;
    int events = 0;

    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        curl_multi_assign(h->multi, fd, NULL);
        return 0;
    }
    if (!s)
        s = socket_new(h, fd);
    if (!s)
        return -1;
    events |= what & CURL_POLL_IN ? UV_READABLE : 0;
    events |= what & CURL_POLL_OUT ? UV_WRITABLE : 0;
    return uv_poll_start(&s->poll, events, on_poll) < 0 ? -1 : 0;
}

static int on_timer(CURLM *multi, long ms, void *owner)
{
    struct http *h = owner;

    (void)multi;
    if (h->closing)
        return 0;
    if (ms < 0)
        uv_timer_stop(&h->timer);
    else
        uv_timer_start(&h->timer, on_time, (uint64_t)ms, 0);
    return 0;
}

static void library_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *http_new(uv_loop_t *loop)
{
    static uv_once_t once = UV_ONCE_INIT;
    struct http *h = calloc(1, sizeof *h);

    uv_once(&once, library_init);
    if (!h)
        return NULL;
    h->loop = loop;
    h->multi = curl_multi_init();
    if (!h->multi) {
        free(h);
        return NULL;
    }
    uv_timer_init(loop, &h->timer);
    h->timer.data = h;
    h->handles = 1;
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return h;
}

uv_loop_t *http_loop(const struct http *h)
{
    return h->loop;
}

void http_close(struct http *h, void (*closed)(void *owner), void *owner)
{
    while (h->calls) {
        struct http_call *c = h->calls;
        h->calls = c->next;
        curl_multi_remove_handle(h->multi, c->curl);
        call_free(c);
    }
    h->closing = true;
    h->closed = closed;
    h->owner = owner;
    curl_multi_cleanup(h->multi);
    uv_close((uv_handle_t *)&h->timer, on_timer_closed);
}

/* ---- requests ---------------------------------------------------------------------------- */

static bool put_headers(struct http_call *c, const struct http_request *r)
{
    for (size_t i = 0; i < r->header_count; i++) {
        struct buf line = BUF_INIT;
        buf_printf(&line, "%s: %s", r->headers[i].name, r->headers[i].value);
        buf_putc(&line, '\0');
        struct curl_slist *longer =
            buf_failed(&line) ? NULL : curl_slist_append(c->headers, buf_slice(&line).p);
        buf_wipe(&line);
        if (!longer)
            return false;
        c->headers = longer;
    }
    return true;
}

static void set_request(struct http_call *c, const struct http_request *r)
{
    CURL *curl = c->curl;

    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)r->connect_seconds);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)r->seconds);
    if (r->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, r->ca);
    if (r->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, r->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, r->password);
    }
    if (r->post) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)buf_size(&c->request));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, buf_slice(&c->request).p);
    }
}

static void set_conduct(struct http_call *c)
{
    CURL *curl = c->curl;

    curl_easy_setopt(curl, CURLOPT_PRIVATE, c);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "mailferry/" MAILFERRY_VERSION);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, c->reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, c);
}

static bool call_prepare(struct http_call *c, const struct http_request *r)
{
    c->request.secret = true;
    c->body.secret = true;
    buf_put(&c->request, r->body);
    c->curl = curl_easy_init();
    if (!c->curl || buf_failed(&c->request) || !put_headers(c, r))
        return false;
    set_conduct(c);
    set_request(c, r);
    return curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c->curl, CURLOPT_URL, r->url) == CURLE_OK &&
           curl_multi_add_handle(c->http->multi, c->curl) == CURLM_OK;
}

struct http_call *http_start(struct http *h, const struct http_request *request, http_done done,
                             void *owner)
{
    struct http_call *c = calloc(1, sizeof *c);

    assert(!h->closing);
    if (!c)
        return NULL;
    c->http = h;
    c->done = done;
    c->owner = owner;
    if (!call_prepare(c, request)) {
        call_free(c);
        return NULL;
    }
    c->next = h->calls;
    if (h->calls)
        h->calls->prev = c;
    h->calls = c;
    return c;
}

void http_cancel(struct http_call *c)
{
    call_leave(c);
    call_free(c);
}

/* ---- help -------------------------------------------------------------------------------- */

struct slice http_answer_header(const struct http_answer *a, const char *name)
{
    struct slice rest = buf_slice(a->header);
    size_t length = strlen(name);

    while (rest.n) {
        const char *lf = memchr(rest.p, '\n', rest.n);
        struct slice line = slice_take(&rest, lf ? (size_t)(lf - rest.p) + 1 : rest.n);
        if (line.n <= length || line.p[length] != ':' ||
            !slice_is_nocase(slice_make(line.p, length), name))
            continue;
        slice_take(&line, length + 1);
        while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
            line.n--;
        return slice_trim(line);
    }
    return slice_of("");
}

void http_put_encoded(struct buf *out, struct slice text)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] && strchr(unreserved, text.p[i]))
            buf_putc(out, text.p[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)text.p[i]);
    }
}
