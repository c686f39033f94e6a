#include "proxy/auth/auth_http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OWN_HEADERS = 9,
    WAIT_MAX = 60, /* seconds; a client waits no longer */
    AGAIN_MAX = 10,
};

struct auth_http {
    struct http *http;
    const struct auth_http_service *service;
    struct http_call *call;
    uv_timer_t timer;
    unsigned seconds;
    unsigned asked;
    bool again; /* when the timer fires; else the answer is given */
    const char *protocol;
    char attempt[12];
    struct buf user, password; /* as headers; with their NUL */
    struct buf client;
    struct buf tls, cipher; /* empty: none */
    struct buf plain;       /* the password */
    auth_http_done done;    /* NULL: cancelled */
    void *owner;
    struct auth_http_answer answer;
};

static void call_free(struct auth_http *a)
{
    buf_clear(&a->user);
    buf_wipe(&a->password);
    buf_wipe(&a->plain);
    buf_clear(&a->client);
    buf_clear(&a->tls);
    buf_clear(&a->cipher);
    buf_clear(&a->answer.user);
    buf_wipe(&a->answer.password);
    free(a);
}

static void on_timer_closed(uv_handle_t *timer)
{
    call_free(timer->data);
}

static void finish(struct auth_http *a)
{
    auth_http_done done = a->done;

    a->done = NULL;
    if (done)
        done(a->owner, &a->answer);
    uv_close((uv_handle_t *)&a->timer, on_timer_closed);
}

/* ---- the answer -------------------------------------------------------------------------- */

static bool fail(struct auth_http_answer *answer, const char *what)
{
    failure_set(&answer->why, FAILURE_TEMPORARY, "the service's answer %s", what);
    return true;
}

/* nginx takes an IP address only. */
static bool read_address(const struct http_answer *from, struct auth_http_answer *answer)
{
    struct slice server = http_answer_header(from, "Auth-Server");
    struct slice port = http_answer_header(from, "Auth-Port");
    unsigned char address[16];
    uint64_t number = 0;

    if (server.n == 0 || port.n == 0)
        return fail(answer, "has no Auth-Server or no Auth-Port");
    snprintf(answer->host, sizeof answer->host, "%.*s", SLICE_ARG(server));
    if (server.n >= sizeof answer->host || (inet_pton(AF_INET, answer->host, address) != 1 &&
                                            inet_pton(AF_INET6, answer->host, address) != 1))
        return fail(answer, "has an Auth-Server that is no IP address");
    if (!slice_number(port, UINT16_MAX, &number) || number == 0)
        return fail(answer, "has an Auth-Port that is no port");
    answer->port = (uint16_t)number;
    buf_put(&answer->user, http_answer_header(from, "Auth-User"));
    buf_put(&answer->password, http_answer_header(from, "Auth-Pass"));
    return true;
}

bool auth_http_read(const struct http_answer *from, struct auth_http_answer *answer, unsigned *wait)
{
    struct slice status = http_answer_header(from, "Auth-Status");
    uint64_t seconds = 0;

    answer->why = (struct failure){.kind = FAILURE_NONE};
    slice_number(http_answer_header(from, "Auth-Wait"), UINT64_MAX, &seconds);
    *wait = seconds < WAIT_MAX ? (unsigned)seconds : WAIT_MAX;
    if (slice_is(status, "WAIT"))
        return false;
    if (status.n == 0)
        return fail(answer, "has no Auth-Status");
    if (slice_is(status, "OK"))
        return read_address(from, answer);
    failure_set(&answer->why, FAILURE_AUTH, "%.*s", SLICE_ARG(status));
    return true;
}

/* ---- asking ------------------------------------------------------------------------------ */

static void ask(struct auth_http *a);

static void on_time(uv_timer_t *timer)
{
    struct auth_http *a = timer->data;

    if (a->again)
        ask(a);
    else
        finish(a);
}

static void later(struct auth_http *a, unsigned seconds, bool again)
{
    a->again = again;
    uv_timer_start(&a->timer, on_time, seconds * 1000ULL, 0);
}

/* One who only ever says WAIT is not asked for ever. */
static void wait_again(struct auth_http *a, unsigned seconds)
{
    if (a->asked < AGAIN_MAX) {
        later(a, seconds ? seconds : 1, true);
        return;
    }
    fail(&a->answer, "was to wait, too often");
    finish(a);
}

/* nginx waits before it tells of a refusal, so that guesses take their time. */
static void on_answer(void *owner, const struct http_answer *from, const struct failure *why)
{
    struct auth_http *a = owner;
    unsigned seconds = 0;

    a->call = NULL;
    if (why->kind != FAILURE_NONE) {
        a->answer.why = *why;
        a->answer.why.kind = FAILURE_TEMPORARY;
        finish(a);
        return;
    }
    a->answer.password.secret = true;
    if (!auth_http_read(from, &a->answer, &seconds)) {
        wait_again(a, seconds);
        return;
    }
    if (a->answer.why.kind == FAILURE_NONE && buf_size(&a->answer.password) == 0)
        buf_put(&a->answer.password, buf_slice(&a->plain));
    if (a->answer.why.kind == FAILURE_AUTH && seconds)
        later(a, seconds, false);
    else
        finish(a);
}

static struct http_header *headers_of(const struct auth_http *a, size_t *count)
{
    const struct auth_http_service *s = a->service;
    struct http_header *headers = calloc(OWN_HEADERS + s->header_count, sizeof *headers);
    size_t n = 0;

    if (!headers)
        return NULL;
    headers[n++] = (struct http_header){"Auth-Method", "plain"};
    headers[n++] = (struct http_header){"Auth-User", buf_slice(&a->user).p};
    headers[n++] = (struct http_header){"Auth-Pass", buf_slice(&a->password).p};
    headers[n++] = (struct http_header){"Auth-Protocol", a->protocol};
    headers[n++] = (struct http_header){"Auth-Login-Attempt", a->attempt};
    headers[n++] = (struct http_header){"Client-IP", buf_slice(&a->client).p};
    if (buf_size(&a->tls)) {
        headers[n++] = (struct http_header){"Auth-SSL", "on"};
        headers[n++] = (struct http_header){"Auth-SSL-Protocol", buf_slice(&a->tls).p};
        headers[n++] = (struct http_header){"Auth-SSL-Cipher", buf_slice(&a->cipher).p};
    }
    for (size_t i = 0; i < s->header_count; i++)
        headers[n++] = s->headers[i];
    *count = n;
    return headers;
}

static bool call(struct auth_http *a)
{
    struct http_request request = {
        .url = a->service->url,
        .ca = a->service->ca,
        .connect_seconds = a->seconds,
        .seconds = a->seconds,
    };
    struct http_header *headers = headers_of(a, &request.header_count);

    request.headers = headers;
    a->asked++;
    if (headers)
        a->call = http_start(a->http, &request, on_answer, a);
    free(headers);
    return a->call != NULL;
}

static void ask(struct auth_http *a)
{
    if (call(a))
        return;
    failure_set(&a->answer.why, FAILURE_TEMPORARY, "out of memory");
    finish(a);
}

/* ---- the door ---------------------------------------------------------------------------- */

void auth_http_put_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c <= ' ' || c == '%')
            buf_printf(out, "%%%02X", c);
        else
            buf_putc(out, (char)c);
    }
}

static void fill_tls(struct auth_http *a, struct slice tls)
{
    const char *space = tls.n ? memchr(tls.p, ' ', tls.n) : NULL;

    if (!space)
        return;
    buf_put(&a->tls, slice_take(&tls, (size_t)(space - tls.p)));
    buf_putc(&a->tls, '\0');
    slice_take(&tls, 1);
    buf_put(&a->cipher, tls);
    buf_putc(&a->cipher, '\0');
}

static bool fill(struct auth_http *a, const struct auth_http_request *r)
{
    a->protocol = r->pop3 ? "pop3" : "imap";
    a->seconds = r->seconds;
    a->password.secret = a->plain.secret = true;
    snprintf(a->attempt, sizeof a->attempt, "%u", r->attempt);
    auth_http_put_escaped(&a->user, r->user);
    buf_putc(&a->user, '\0');
    auth_http_put_escaped(&a->password, r->password);
    buf_putc(&a->password, '\0');
    buf_put(&a->client, r->client);
    buf_putc(&a->client, '\0');
    buf_put(&a->plain, r->password);
    fill_tls(a, r->tls);
    return !buf_failed(&a->user) && !buf_failed(&a->password) && !buf_failed(&a->client) &&
           !buf_failed(&a->plain) && !buf_failed(&a->tls) && !buf_failed(&a->cipher);
}

struct auth_http *auth_http_start(struct http *h, const struct auth_http_service *service,
                                  const struct auth_http_request *request, auth_http_done done,
                                  void *owner)
{
    struct auth_http *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->http = h;
    a->service = service;
    a->done = done;
    a->owner = owner;
    if (!fill(a, request) || !call(a)) {
        call_free(a);
        return NULL;
    }
    uv_timer_init(http_loop(h), &a->timer);
    a->timer.data = a;
    return a;
}

void auth_http_cancel(struct auth_http *a)
{
    a->done = NULL;
    if (a->call)
        http_cancel(a->call);
    a->call = NULL;
    finish(a);
}
