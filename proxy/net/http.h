/*
 * HTTP requests on a loop: libcurl's multi interface, driven by libuv. For small answers of JSON:
 * token endpoints, discovery, auth_http. Nothing blocks; a server that hangs holds up its own
 * requests only.
 *
 * Certificates are verified always. Redirects are not followed: an endpoint that moved says so to a
 * person. Proxies are those of the environment (https_proxy, no_proxy), as libcurl knows them.
 */
#ifndef PROXY_NET_HTTP_H
#define PROXY_NET_HTTP_H

#include <uv.h>

#include "translate/text/buf.h"
#include "translate/text/failure.h"
#include "translate/text/slice.h"

enum { HTTP_ANSWER_MAX = 262144 }; /* octets of a body; more is a failure */

struct http;

/* Belongs to `loop` and is used on its thread only. NULL when memory is out. */
struct http *http_new(uv_loop_t *loop);
uv_loop_t *http_loop(const struct http *h);

/* Calls under way are cancelled first. `closed` (may be NULL) comes when the loop holds nothing of
 * it any more. */
void http_close(struct http *h, void (*closed)(void *owner), void *owner);

struct http_header {
    const char *name;
    const char *value;
};

/* All borrowed until http_start() returns. */
struct http_request {
    const char *url; /* https, or http: the caller has judged whether that is permitted */
    const struct http_header *headers; /* `header_count` of them */
    size_t header_count;
    bool post;         /* else GET */
    struct slice body; /* of a POST; copied, and wiped after use */
    const char *user;  /* Basic authentication (RFC 7617), NULL: none */
    const char *password;
    const char *ca; /* PEM file that is trusted instead of the system's; NULL */
    unsigned connect_seconds;
    unsigned seconds; /* in all */
};

/* Valid until the callback returns. */
struct http_answer {
    long status;               /* 200 */
    struct slice body;         /* octets as they came, decoded of content codings; secret */
    struct slice content_type; /* "" when none was given */
    const struct buf *header;  /* the header lines, each with CRLF, for http_answer_header() */
    uint64_t retry_after;      /* seconds; 0: none was given */
};

/* `why->kind` is NONE when an answer came, whatever its status; else FAILURE_TEMPORARY
 * (FAILURE_PERMANENT for a URL or certificate that has to be mended) with a sentence that names
 * host and cause, and `answer` is NULL. Comes once, never before http_start() returns. */
typedef void (*http_done)(void *owner, const struct http_answer *answer, const struct failure *why);

struct http_call;

/* NULL when memory is out: no callback comes. Otherwise valid until its callback. */
struct http_call *http_start(struct http *h, const struct http_request *request, http_done done,
                             void *owner);

/* No callback comes. */
void http_cancel(struct http_call *c);

/* The first field of that name, without the white space around it; empty when there is none. */
struct slice http_answer_header(const struct http_answer *a, const char *name);

/* Appends `text` percent-encoded as application/x-www-form-urlencoded wants it. */
void http_put_encoded(struct buf *out, struct slice text);

#endif
