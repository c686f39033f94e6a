/*
 * Reading and ordering of records, the requests, and the memory. That a domain has no records is
 * remembered for a minute; that nobody answered is not.
 */
#include "proxy/net/srv.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <netdb.h>
#include <resolv.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    ENTRIES = 256,
    TTL_MAX = 3600,
    NONE_TTL = 60,
    SRV_FIXED = 6, /* octets of an SRV record before its target */
    NAME_MAX_TEXT = SRV_HOST_MAX + 16,
};

struct entry {
    char domain[SRV_HOST_MAX]; /* "": free */
    enum endpoint_protocol protocol;
    uint64_t until; /* ms of uv_hrtime() */
    struct srv_list list;
};

struct srv {
    atomic_uint holders; /* the owner, and each request: its thread may outlast both */
    bool has_resolver;
    struct sockaddr_in resolver;
    uv_mutex_t lock;
    size_t next; /* the entry that is given up next */
    struct entry *entries[ENTRIES];
};

struct srv_request {
    uv_work_t work;
    struct srv *srv;
    char domain[SRV_HOST_MAX];
    enum endpoint_protocol protocol;
    unsigned seconds;
    srv_done done; /* NULL: cancelled */
    void *owner;
    struct srv_list list;
    struct failure why;
    unsigned char answer[SRV_ANSWER_MAX];
};

/* ---- records ----------------------------------------------------------------------------- */

static uint16_t number_at(const unsigned char *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void add_target(struct srv_list *list, const ns_msg *message, const ns_rr *record, bool tls)
{
    const unsigned char *data = ns_rr_rdata(*record);
    struct srv_target *t = &list->targets[list->count];

    if (ns_rr_rdlen(*record) <= SRV_FIXED)
        return;
    if (list->ttl > ns_rr_ttl(*record))
        list->ttl = ns_rr_ttl(*record);
    *t = (struct srv_target){
        .priority = number_at(data),
        .weight = number_at(data + 2),
        .port = number_at(data + 4),
        .tls = tls,
        .is_signed = ns_msg_getflag(*message, ns_f_ad) != 0,
    };
    if (dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + SRV_FIXED, t->host,
                  sizeof t->host) < 0)
        return;
    for (char *p = t->host; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (*t->host && t->port) /* a target of "." is expanded to nothing */
        list->count++;
}

bool srv_parse(struct srv_list *list, struct slice answer, bool tls)
{
    ns_msg message;
    ns_rr record;

    if (ns_initparse((const unsigned char *)answer.p, (int)answer.n, &message) < 0)
        return false;
    for (int i = 0; i < ns_msg_count(message, ns_s_an) && list->count < SRV_TARGETS_MAX; i++)
        if (ns_parserr(&message, ns_s_an, i, &record) == 0 && ns_rr_type(record) == ns_t_srv)
            add_target(list, &message, &record, tls);
    return true;
}

static bool goes_before(const struct srv_target *a, const struct srv_target *b)
{
    return a->tls != b->tls ? a->tls : a->priority < b->priority;
}

static bool goes_beside(const struct srv_target *a, const struct srv_target *b)
{
    return a->tls == b->tls && a->priority == b->priority;
}

static int compare(const void *a, const void *b)
{
    const struct srv_target *x = a;
    const struct srv_target *y = b;

    if (goes_before(x, y) || goes_before(y, x))
        return goes_before(x, y) ? -1 : 1;
    return (x->weight > 0) - (y->weight > 0); /* RFC 2782: those of weight 0 first */
}

/* RFC 2782, "Weight": of `n` records one is drawn by the running sum of the weights. */
static size_t draw(const struct srv_target *targets, size_t n, uint32_t (*random)(uint32_t below))
{
    uint32_t sum = 0;
    size_t i = 0;

    for (size_t k = 0; k < n; k++)
        sum += targets[k].weight;
    uint32_t drawn = random(sum + 1);
    for (sum = targets[0].weight; sum < drawn; sum += targets[i].weight)
        i++;
    return i;
}

static void move_first(struct srv_target *targets, size_t i)
{
    struct srv_target drawn = targets[i];

    memmove(targets + 1, targets, i * sizeof *targets);
    targets[0] = drawn;
}

void srv_order(struct srv_list *list, uint32_t (*random)(uint32_t below))
{
    struct srv_target *t = list->targets;

    qsort(t, list->count, sizeof *t, compare);
    for (size_t i = 0; i < list->count; i++) {
        size_t n = 1;
        while (i + n < list->count && goes_beside(&t[i], &t[i + n]))
            n++;
        move_first(t + i, draw(t + i, n, random));
    }
}

/* Nobody gains by guessing which of several equal servers is tried first. */
static uint32_t any(uint32_t below)
{
    uint32_t number = 0;

    uv_random(NULL, NULL, &number, sizeof number, 0, NULL);
    return number % below;
}

/* ---- the resolver ------------------------------------------------------------------------ */

bool srv_parse_resolver(struct sockaddr_in *address, const char *text, struct failure *why)
{
    const char *colon = strchr(text, ':');
    char host[INET_ADDRSTRLEN];
    uint64_t port = NS_DEFAULTPORT;

    snprintf(host, sizeof host, "%.*s", (int)(colon ? colon - text : (long)strlen(text)), text);
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    bool good = inet_pton(AF_INET, host, &address->sin_addr) == 1 &&
                (!colon || (slice_number(slice_of(colon + 1), UINT16_MAX, &port) && port));
    address->sin_port = htons((uint16_t)port);
    if (!good)
        failure_set(why, FAILURE_PERMANENT,
                    "a resolver is an IPv4 address, with a port where that is not 53, as in "
                    "127.0.0.1:5353");
    return good;
}

/* One of the two services. False when nobody answered. */
static bool ask(struct srv_request *r, struct __res_state *resolver, const char *service, bool tls)
{
    char name[NAME_MAX_TEXT];

    snprintf(name, sizeof name, "_%s._tcp.%s", service, r->domain);
    int n = res_nquery(resolver, name, ns_c_in, ns_t_srv, r->answer, sizeof r->answer);
    if (n < 0)
        return resolver->res_h_errno == HOST_NOT_FOUND || resolver->res_h_errno == NO_DATA;
    return srv_parse(&r->list, slice_make((const char *)r->answer, (size_t)n), tls);
}

static void explain(struct srv_request *r, bool heard)
{
    const char *service = r->protocol == ENDPOINT_IMAP ? "imap" : "pop3";

    if (r->list.count)
        r->why = (struct failure){.kind = FAILURE_NONE};
    else if (heard)
        failure_set(
            &r->why, FAILURE_PERMANENT,
            "no mail server is known for %.100s: DNS has neither _%ss._tcp nor _%s._tcp for "
            "it; the domain needs an SRV record, or its users a route of their own",
            r->domain, service, service);
    else
        failure_set(&r->why, FAILURE_TEMPORARY,
                    "cannot find the mail server of %.100s: the name service did not answer when "
                    "asked for _%ss._tcp and _%s._tcp; check this machine's DNS",
                    r->domain, service, service);
}

/* Of each question, the library tries twice and waits twice as long for the second time. */
static void prepare(const struct srv_request *r, struct __res_state *resolver)
{
    resolver->retrans = r->seconds >= 6 ? (int)r->seconds / 6 : 1;
    resolver->retry = 2;
    if (!r->srv->has_resolver)
        return;
    resolver->nsaddr_list[0] = r->srv->resolver;
    resolver->nscount = 1;
}

/* ---- memory ------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

static struct entry *find(struct srv *s, const char *domain, enum endpoint_protocol protocol)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *e = s->entries[i];
        if (e && e->protocol == protocol && strcmp(e->domain, domain) == 0)
            return e;
    }
    return NULL;
}

static bool recall(struct srv_request *r)
{
    struct srv *s = r->srv;

    uv_mutex_lock(&s->lock);
    const struct entry *e = find(s, r->domain, r->protocol);
    bool fresh = e && now_ms() < e->until;
    if (fresh)
        r->list = e->list;
    uv_mutex_unlock(&s->lock);
    return fresh;
}

/* The place of the oldest one is taken, where memory for another is out. */
static struct entry *place(struct srv *s, const char *domain, enum endpoint_protocol protocol)
{
    struct entry *e = find(s, domain, protocol);

    if (e)
        return e;
    struct entry **at = &s->entries[s->next];
    s->next = (s->next + 1) % ENTRIES;
    if (!*at)
        *at = calloc(1, sizeof **at);
    return *at;
}

static void remember(const struct srv_request *r)
{
    struct srv *s = r->srv;
    uint32_t seconds = r->list.count ? r->list.ttl : NONE_TTL;

    uv_mutex_lock(&s->lock);
    struct entry *e = place(s, r->domain, r->protocol);
    if (e) {
        *e = (struct entry){.protocol = r->protocol, .list = r->list};
        memcpy(e->domain, r->domain, sizeof e->domain);
        e->until = now_ms() + (seconds > TTL_MAX ? TTL_MAX : seconds) * 1000ULL;
    }
    uv_mutex_unlock(&s->lock);
}

struct srv *srv_new(const char *resolver)
{
    struct srv *s = calloc(1, sizeof *s);
    struct failure ignored;

    if (!s || uv_mutex_init(&s->lock) < 0) {
        free(s);
        return NULL;
    }
    atomic_init(&s->holders, 1);
    s->has_resolver = resolver && srv_parse_resolver(&s->resolver, resolver, &ignored);
    return s;
}

void srv_free(struct srv *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    for (size_t i = 0; i < ENTRIES; i++)
        free(s->entries[i]);
    uv_mutex_destroy(&s->lock);
    free(s);
}

/* ---- requests ---------------------------------------------------------------------------- */

static bool ask_both(struct srv_request *r)
{
    struct __res_state resolver = {0};
    bool imap = r->protocol == ENDPOINT_IMAP;

    r->list.count = 0;
    r->list.ttl = TTL_MAX;
    if (res_ninit(&resolver) != 0)
        return false;
    prepare(r, &resolver);
    bool heard = ask(r, &resolver, imap ? "imaps" : "pop3s", true);
    heard = ask(r, &resolver, imap ? "imap" : "pop3", false) && heard;
    res_nclose(&resolver);
    return heard;
}

/* On the thread pool. What only half was heard of is good, but not to be remembered. */
static void look(uv_work_t *work)
{
    struct srv_request *r = work->data;
    bool recalled = recall(r);
    bool heard = recalled || ask_both(r);

    if (heard && !recalled)
        remember(r);
    explain(r, heard);
    srv_order(&r->list, any);
}

static void on_looked(uv_work_t *work, int status)
{
    struct srv_request *r = work->data;

    if (r->done && status == 0)
        r->done(r->owner, r->list.count ? &r->list : NULL, &r->why);
    srv_free(r->srv);
    free(r);
}

struct srv_request *srv_start(struct srv *s, uv_loop_t *loop, const char *domain,
                              enum endpoint_protocol protocol, unsigned seconds, srv_done done,
                              void *owner)
{
    struct srv_request *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->work.data = r;
    r->srv = s;
    snprintf(r->domain, sizeof r->domain, "%s", domain);
    r->protocol = protocol;
    r->seconds = seconds;
    r->done = done;
    r->owner = owner;
    atomic_fetch_add(&s->holders, 1);
    if (uv_queue_work(loop, &r->work, look, on_looked) == 0)
        return r;
    srv_free(s);
    free(r);
    return NULL;
}

void srv_cancel(struct srv_request *r)
{
    r->done = NULL;
    uv_cancel((uv_req_t *)&r->work);
}
