/*
 * Which servers a domain names for its mail, by SRV records (RFC 6186): those of TLS from the first
 * octet (_imaps._tcp, _pop3s._tcp) before those of STARTTLS (RFC 8314 section 3), each kind by
 * priority and, where that is the same, by chance according to weight (RFC 2782). The system's
 * resolver library asks, on the thread pool; what it heard is remembered as long as the records
 * allow, an hour at most.
 */
#ifndef PROXY_NET_SRV_H
#define PROXY_NET_SRV_H

#include <netinet/in.h>
#include <uv.h>

#include "proxy/endpoint.h"
#include "translate/text/failure.h"
#include "translate/text/slice.h"

enum {
    SRV_HOST_MAX = 256,   /* octets of a name, with its NUL */
    SRV_TARGETS_MAX = 16, /* of a domain; what is beyond is not looked at */
    SRV_ANSWER_MAX = 16384,
};

struct srv_target {
    char host[SRV_HOST_MAX]; /* in small letters, without the last dot */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
    bool tls;       /* from the first octet */
    bool is_signed; /* by DNSSEC, and the resolver that checked it is one the system trusts */
};

struct srv_list {
    struct srv_target targets[SRV_TARGETS_MAX];
    size_t count;
    uint32_t ttl; /* seconds; of several records the least */
};

/* Adds what a DNS answer holds of SRV records. A target of "." (the service is not offered) adds
 * nothing. False when it is no answer. */
bool srv_parse(struct srv_list *list, struct slice answer, bool tls);

/* Into the order in which they are tried. `random` gives 0 to `below` - 1. */
void srv_order(struct srv_list *list, uint32_t (*random)(uint32_t below));

/* "192.0.2.1" or "192.0.2.1:53". */
bool srv_parse_resolver(struct sockaddr_in *address, const char *text, struct failure *why);

/* The memory of what was heard. Any thread may use it. */
struct srv;

/* `resolver` as srv_parse_resolver() takes it; NULL: those of /etc/resolv.conf. NULL when memory is
 * out. */
struct srv *srv_new(const char *resolver);
void srv_free(struct srv *s); /* NULL is fine; requests under way go on */

struct srv_request;

/* Once, on the loop, never before srv_start() returns: `list` has at least one target, or is NULL
 * and `why` says what was looked for. */
typedef void (*srv_done)(void *owner, const struct srv_list *list, const struct failure *why);

/* `protocol` is that of the servers looked for. The resolver gives up after about `seconds`. NULL
 * when memory is out. */
struct srv_request *srv_start(struct srv *s, uv_loop_t *loop, const char *domain,
                              enum endpoint_protocol protocol, unsigned seconds, srv_done done,
                              void *owner);

/* No callback comes; what the thread has begun ends by itself. */
void srv_cancel(struct srv_request *r);

#endif
