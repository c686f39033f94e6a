/*
 * The routing service of nginx's mail proxy (ngx_mail_auth_http_module): a GET whose headers tell
 * who wants to log in, and an answer whose headers say whether he may, and where his server is. An
 * operator who has such a service keeps it as it is.
 *
 *     Auth-Method, Auth-User, Auth-Pass, Auth-Protocol,     Auth-Status: OK | WAIT | a reason
 *     Auth-Login-Attempt, Client-IP, Auth-SSL: on,     ->   Auth-Server, Auth-Port
 *     Auth-SSL-Protocol, Auth-SSL-Cipher                    Auth-User, Auth-Pass, Auth-Wait
 *
 * As nginx does, what is in user and password below 0x21 and the % itself is sent as %XX, and
 * answers are taken as they are; the status of HTTP says nothing. Unlike nginx, an answer without
 * an Auth-Status is none.
 */
#ifndef PROXY_AUTH_AUTH_HTTP_H
#define PROXY_AUTH_AUTH_HTTP_H

#include <netinet/in.h>

#include "proxy/net/http.h"

/* Lives as long as the calls. */
struct auth_http_service {
    const char *url; /* NULL: none */
    const char *ca;
    struct http_header *headers; /* more of them */
    size_t header_count;
};

/* Copied. */
struct auth_http_request {
    struct slice user;
    struct slice password;
    bool pop3;           /* Auth-Protocol, else IMAP */
    unsigned attempt;    /* of this connection, from 1 on */
    struct slice client; /* IP address, or "unix:" */
    struct slice tls;    /* of the client: "TLSv1.3 TLS_AES_128_GCM_SHA256", or empty */
    unsigned seconds;    /* for all of it, but for the time that the service makes one wait */
};

struct auth_http_answer {
    struct failure why; /* kind NONE: let in. FAILURE_AUTH: by the service's own words; else it is
                           no answer, and the sentence is for the log */
    char host[INET6_ADDRSTRLEN];
    uint16_t port;
    struct buf user;     /* upstream; empty: not said */
    struct buf password; /* upstream: the service's, or the client's own; a secret */
};

/* The receiver may take the buffers. */
typedef void (*auth_http_done)(void *owner, struct auth_http_answer *answer);

struct auth_http;

/* Comes once, on the loop of `h`, never before this returns. NULL when memory is out. */
struct auth_http *auth_http_start(struct http *h, const struct auth_http_service *service,
                                  const struct auth_http_request *request, auth_http_done done,
                                  void *owner);

/* No callback comes. */
void auth_http_cancel(struct auth_http *a);

/* Appends `text` as a header's value: see above. */
void auth_http_put_escaped(struct buf *out, struct slice text);

/* Reads an answer's headers; false: the service wants to be asked again. `*wait` is in seconds. */
bool auth_http_read(const struct http_answer *from, struct auth_http_answer *answer,
                    unsigned *wait);

#endif
