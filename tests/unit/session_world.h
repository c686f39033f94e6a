/*
 * The scene of the session tests: a maildrop that does what the test says, a loop, a client and an
 * upstream.
 */
#ifndef TESTS_UNIT_SESSION_WORLD_H
#define TESTS_UNIT_SESSION_WORLD_H

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/auth/gatekeeper.h"
#include "proxy/log.h"
#include "proxy/session.h"
#include "proxy/warm.h"
#include "tests/unit/temp_dir.h"
#include "translate/maildrop/maildrop.h"

/* ---- the maildrop ---- */

enum { ACTIONS_MAX = 16, TURNS_MAX = 6000 };

#define DEVICE "a password of ann's device"

struct maildrop {
    struct maildrop_settings settings;
    struct maildrop_action actions[ACTIONS_MAX];
    size_t first, count;
    struct buf client_out, upstream_out;
    char client_in[256], upstream_in[256]; /* what was taken */
    size_t take;                           /* octets that one feed takes at most */
    bool client_wanted, upstream_wanted, failed;
    uint64_t now, deadline;
    unsigned ticks, connected, client_tls, saved, drained;
    struct failure refused, connect_failed, client_closed, upstream_closed, save_failure;
    bool was_refused, was_failed, was_closed, was_cut;
    bool ends_when_sent; /* a listing whose last lines are put while the first are sent */
    unsigned loaded;
    char login[64], folder[64];
    struct imap_client_options imap;
    struct drop_state *state;
    char password; /* what maildrop_warm_key() is made of */
    unsigned went_on;
};

static struct maildrop *drop; /* the latest; NULL when it was freed */

struct maildrop *maildrop_new(const struct maildrop_settings *settings, uint64_t now_ms,
                              int64_t now_s)
{
    (void)now_s;
    drop = calloc(1, sizeof *drop);
    drop->settings = *settings;
    drop->now = now_ms;
    drop->take = 64;
    drop->deadline = UINT64_MAX;
    drop->client_wanted = drop->upstream_wanted = true;
    buf_puts(&drop->client_out, "+OK ready\r\n");
    return drop;
}

void maildrop_free(struct maildrop *m)
{
    if (!m)
        return;
    buf_clear(&m->client_out);
    buf_clear(&m->upstream_out);
    drop_state_free(m->state);
    free(m);
    drop = NULL;
}

static inline struct maildrop_action *ask(enum maildrop_action_type type)
{
    struct maildrop_action *a = &drop->actions[drop->count++];

    assert_true(drop->count <= ACTIONS_MAX);
    *a = (struct maildrop_action){.type = type, .event = "test"};
    return a;
}

bool maildrop_next_action(struct maildrop *m, struct maildrop_action *action)
{
    if (m->first == m->count)
        return false;
    *action = m->actions[m->first++];
    return true;
}

static inline void take(struct maildrop *m, char *where, struct slice *in)
{
    struct slice taken = slice_take(in, m->take);

    strncat(where, taken.p, taken.n);
}

/* The words that tests send make it ask for something. */
void maildrop_client_data(struct maildrop *m, struct slice *in)
{
    take(m, m->client_in, in);
    if (strcmp(m->client_in, "login\n") == 0)
        ask(MAILDROP_CONNECT)->user = slice_of("ann+Work");
    else if (strcmp(m->client_in, "stranger\n") == 0)
        ask(MAILDROP_CONNECT)->user = slice_of("stranger@elsewhere.example");
    else if (strcmp(m->client_in, "device\n") == 0)
        *ask(MAILDROP_CONNECT) = (struct maildrop_action){
            .type = MAILDROP_CONNECT, .user = slice_of("ann"), .password = slice_of(DEVICE)};
    else if (strcmp(m->client_in, "quit\n") == 0)
        ask(MAILDROP_END);
    else if (strcmp(m->client_in, "abort\n") == 0)
        ask(MAILDROP_ABORT);
    else if (strcmp(m->client_in, "part\n") == 0)
        ask(MAILDROP_PART), ask(MAILDROP_END);
    else if (strcmp(m->client_in, "list\n") == 0)
        m->ends_when_sent = true;
}

/* As a maildrop does with a refusal: the upstream is let go, the client is told, the log too. */
void maildrop_upstream_data(struct maildrop *m, struct slice *in)
{
    take(m, m->upstream_in, in);
    if (strcmp(m->upstream_in, "NO\r\n") != 0)
        return;
    ask(MAILDROP_DISCONNECT);
    buf_puts(&m->client_out, "-ERR refused\r\n");
    struct maildrop_action *log = ask(MAILDROP_LOG);
    log->event = "login-refused";
    log->level = MAILDROP_INFO;
    log->kind = FAILURE_AUTH;
}

void maildrop_now(struct maildrop *m, uint64_t now_ms, int64_t now_s)
{
    (void)now_s;
    m->now = now_ms;
}

void maildrop_client_queued(struct maildrop *m, size_t octets)
{
    (void)octets;
    if (m->ends_when_sent)
        ask(MAILDROP_END);
    m->ends_when_sent = false;
}

void maildrop_client_closed(struct maildrop *m, const struct failure *why)
{
    m->was_closed = true;
    m->client_closed = *why;
    ask(MAILDROP_END);
}

void maildrop_upstream_closed(struct maildrop *m, const struct failure *why)
{
    m->was_cut = true;
    m->upstream_closed = *why;
}

void maildrop_routed(struct maildrop *m, const struct maildrop_route *route)
{
    strncat(m->login, route->login.p, route->login.n);
    strncat(m->folder, route->folder.p, route->folder.n);
    m->imap = route->imap;
}

void maildrop_refused(struct maildrop *m, const struct failure *why)
{
    m->was_refused = true;
    m->refused = *why;
}

void maildrop_reached(struct maildrop *m, const struct imap_client_options *imap)
{
    (void)m;
    (void)imap;
}

void maildrop_upstream_bind(struct maildrop *m, const struct sasl_binding *binding)
{
    (void)m;
    assert_int_equal(binding->type, SASL_BINDING_NONE); /* there is no TLS */
}

void maildrop_client_bind(struct maildrop *m, const struct sasl_binding *binding)
{
    (void)m;
    (void)binding;
}
void maildrop_client_certified(struct maildrop *m, struct slice user)
{
    (void)m;
    (void)user;
}

void maildrop_secret(struct maildrop *m, const struct sasl_secret *secret)
{
    (void)m;
    (void)secret;
    fail();
}

void maildrop_credential(struct maildrop *m, const struct credential *credential)
{
    (void)m;
    (void)credential;
    fail();
}

void maildrop_connected(struct maildrop *m)
{
    m->connected++;
    buf_puts(&m->upstream_out, "a1 LOGIN\r\n");
}

void maildrop_connect_failed(struct maildrop *m, const struct failure *why)
{
    m->was_failed = true;
    m->connect_failed = *why;
}

void maildrop_client_tls(struct maildrop *m)
{
    m->client_tls++;
}

void maildrop_upstream_tls(struct maildrop *m)
{
    (void)m;
}

void maildrop_upstream_deflate(struct maildrop *m)
{
    (void)m;
}

void maildrop_state_loaded(struct maildrop *m, struct drop_state *state, const struct failure *why)
{
    (void)why;
    drop_state_free(m->state);
    m->state = state;
    m->loaded++;
}

void maildrop_state_saved(struct maildrop *m, const struct failure *why)
{
    m->saved++;
    m->save_failure = *why;
}

void maildrop_tick(struct maildrop *m)
{
    m->ticks++;
    assert_true(m->now >= m->deadline);
    m->deadline = UINT64_MAX;
}

void maildrop_drain(struct maildrop *m)
{
    if (++m->drained == 2)
        ask(MAILDROP_END);
}

void maildrop_revoke(struct maildrop *m)
{
    buf_puts(&m->client_out, "-ERR revoked\r\n");
    ask(MAILDROP_END);
}

struct buf *maildrop_client_out(struct maildrop *m)
{
    return &m->client_out;
}

struct buf *maildrop_upstream_out(struct maildrop *m)
{
    return &m->upstream_out;
}

bool maildrop_wants_client(const struct maildrop *m)
{
    return m->client_wanted;
}

bool maildrop_wants_upstream(const struct maildrop *m)
{
    return m->upstream_wanted;
}

uint64_t maildrop_deadline(const struct maildrop *m)
{
    return m->deadline;
}

bool maildrop_failed(const struct maildrop *m)
{
    return m->failed;
}

void maildrop_summary(const struct maildrop *m, struct maildrop_summary *summary)
{
    (void)m;
    *summary = (struct maildrop_summary){.user = "", .cause = "test"};
}

/* ---- what outlives it ---- */

struct maildrop_warm {
    struct buf out;
    char in[64];
};

static bool warm_is_busy; /* an answer is still to come */

struct maildrop_warm *maildrop_part(struct maildrop *m)
{
    (void)m;
    return calloc(1, sizeof(struct maildrop_warm));
}

void maildrop_warm_free(struct maildrop_warm *w)
{
    if (w)
        buf_clear(&w->out);
    free(w);
}

void maildrop_go_on(struct maildrop *m, struct maildrop_warm *warm)
{
    m->went_on++;
    buf_puts(&m->upstream_out, "a2 NOOP\r\n");
    maildrop_warm_free(warm);
}

bool maildrop_warm_key(const struct maildrop *m, const unsigned char secret[MAILDROP_WARM_KEY],
                       unsigned char key[MAILDROP_WARM_KEY])
{
    memcpy(key, secret, MAILDROP_WARM_KEY);
    key[0] ^= (unsigned char)m->password;
    return true;
}

/* "BYE" makes it of no use. */
bool maildrop_warm_data(struct maildrop_warm *w, struct slice *in)
{
    struct slice taken = slice_take(in, in->n);

    strncat(w->in, taken.p, taken.n);
    return strstr(w->in, "BYE") == NULL;
}

bool maildrop_warm_is_quiet(const struct maildrop_warm *w)
{
    (void)w;
    return !warm_is_busy;
}

struct buf *maildrop_warm_logout(struct maildrop_warm *w)
{
    buf_puts(&w->out, "a9 LOGOUT\r\n");
    return &w->out;
}

/* ---- the world around it ---- */

struct world {
    uv_loop_t loop;
    uv_timer_t clock; /* lets the loop turn while nothing happens */
    uv_async_t wake;
    uv_mutex_t lock; /* of `messages` */
    struct house_message *messages;
    bool closed; /* the house takes no more of them */
    bool held;   /* they wait */
    struct session_house house;
    struct settings *settings;
    char dir[64];
    int upstream_listener;
    int client;
    int upstream;
    unsigned ended;
};

static inline void on_clock(uv_timer_t *timer)
{
    (void)timer;
}

/* From the gatekeeper's thread. */
static inline bool world_send(void *owner, size_t number, struct house_message *m)
{
    struct world *w = owner;

    assert_int_equal(number, 0);
    uv_mutex_lock(&w->lock);
    bool taken = !w->closed;
    if (taken) {
        m->next = w->messages;
        w->messages = m;
        uv_async_send(&w->wake);
    }
    uv_mutex_unlock(&w->lock);
    return taken;
}

static inline void on_wake(uv_async_t *wake)
{
    struct world *w = wake->data;

    if (w->held)
        return;
    uv_mutex_lock(&w->lock);
    struct house_message *m = w->messages;
    w->messages = NULL;
    uv_mutex_unlock(&w->lock);
    for (struct house_message *next; m; m = next) {
        next = m->next;
        m->run(&w->house, m);
    }
}

/* How much the gatekeeper has to say. */
static inline unsigned messages(struct world *w)
{
    unsigned count = 0;

    uv_mutex_lock(&w->lock);
    for (const struct house_message *m = w->messages; m; m = m->next)
        count++;
    uv_mutex_unlock(&w->lock);
    return count;
}

static inline void on_ended(void *owner)
{
    ((struct world *)owner)->ended++;
}

/* Turns the loop until `condition` holds; 10 s are for ever. */
#define UNTIL(w, condition)                                          \
    do {                                                             \
        for (int turn = 0; turn < TURNS_MAX && !(condition); turn++) \
            uv_run(&(w)->loop, UV_RUN_ONCE);                         \
        assert_true(condition);                                      \
    } while (0)

static inline int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* A connection over TCP: one end is returned, the other is a session's from now on. */
static inline int connect_client(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    uint16_t port;
    int listener = listen_anywhere(&port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_port = htons(port);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    int other = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    close(listener);
    session_start(&w->house, w->settings, 0, other);
    return fd;
}

static inline struct config *world_config(uint16_t upstream_port)
{
    char route[128];
    const char *routes[] = {route};

    snprintf(route, sizeof route, "pop3://127.0.0.1:11000=imap://127.0.0.1:%u", upstream_port);
    struct config *c = config_from_routes(routes, 1, NULL, NULL, false, stderr);
    assert_non_null(c);
    free(c->routes[0].match);
    c->routes[0].match = strdup("ann*");
    c->routes[0].pop3.folder_separator = '+';
    c->limits.connections = 2;
    return c;
}

static inline int world_begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct failure why = {.text = ""};
    struct failure ignored;
    uint16_t port;

    strcpy(w->dir, temp_dir_make());
    log_setup(false, LOG_ERROR);
    uv_loop_init(&w->loop);
    uv_async_init(&w->loop, &w->wake, on_wake);
    w->wake.data = w;
    uv_mutex_init(&w->lock);
    uv_timer_init(&w->loop, &w->clock);
    uv_timer_start(&w->clock, on_clock, 5, 5);
    w->upstream_listener = listen_anywhere(&port);
    w->upstream = -1;
    w->settings = settings_new(world_config(port), NULL, stderr);
    w->house = (struct session_house){.loop = &w->loop,
                                      .store = store_open(w->dir, &why),
                                      .count = 1,
                                      .warm = warm_new(&w->loop),
                                      .gate = gate_new(),
                                      .health = health_new(),
                                      .gatekeeper = gatekeeper_new(w->dir, NULL, &ignored),
                                      .send = world_send,
                                      .on_ended = on_ended,
                                      .owner = w};
    assert_string_equal(why.text, "");
    assert_non_null(w->settings);
    w->client = connect_client(w);
    *state = w;
    return 0;
}

static inline int world_end(void **state)
{
    struct world *w = *state;

    for (struct session *s = w->house.sessions; s; s = session_next(s))
        session_stop(s);
    UNTIL(w, w->house.sessions == NULL);
    warm_stop(w->house.warm);
    uv_mutex_lock(&w->lock);
    w->closed = true;
    uv_mutex_unlock(&w->lock);
    on_wake(&w->wake);
    gatekeeper_free(w->house.gatekeeper);
    uv_close((uv_handle_t *)&w->clock, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    warm_free(w->house.warm);
    warm_is_busy = false;
    store_close(w->house.store);
    uv_mutex_destroy(&w->lock);
    gate_free(w->house.gate);
    health_free(w->house.health);
    settings_release(w->settings);
    close(w->upstream_listener);
    close(w->client);
    if (w->upstream >= 0)
        close(w->upstream);
    temp_dir_remove(w->dir);
    free(w);
    return 0;
}

static inline void say(int fd, const char *words)
{
    assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), (ssize_t)strlen(words));
}

/* Exactly these octets come. */
static inline void hears(int fd, const char *words)
{
    char got[256] = "";

    assert_int_equal(recv(fd, got, strlen(words), MSG_WAITALL), (ssize_t)strlen(words));
    assert_string_equal(got, words);
}

/* The client has logged in and the upstream's socket is there. */
static inline void log_in(struct world *w)
{
    say(w->client, "login\n");
    UNTIL(w, drop->connected == 1);
    w->upstream = accept4(w->upstream_listener, NULL, NULL, SOCK_CLOEXEC);
    hears(w->upstream, "a1 LOGIN\r\n");
}

static inline json_int_t health_number(struct world *w, const char *key)
{
    json_t *h = health_to_json(w->house.health);
    json_t *route = json_array_get(json_object_get(h, "upstream"), 0);
    json_t *value = json_object_get(h, key);
    json_int_t n = json_integer_value(value ? value : json_object_get(route, key));

    json_decref(h);
    return n;
}

#endif
