/*
 * A session between real sockets and a maildrop that does as it is told: the tests say what it asks
 * for, and see what it is given.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/log.h"
#include "proxy/session.h"
#include "translate/maildrop/maildrop.h"

/* ---- the maildrop ---- */

enum { ACTIONS_MAX = 16, TURNS_MAX = 2000 };

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

static struct maildrop_action *ask(enum maildrop_action_type type)
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

static void take(struct maildrop *m, char *where, struct slice *in)
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
    else if (strcmp(m->client_in, "quit\n") == 0)
        ask(MAILDROP_END);
    else if (strcmp(m->client_in, "abort\n") == 0)
        ask(MAILDROP_ABORT);
    else if (strcmp(m->client_in, "list\n") == 0)
        m->ends_when_sent = true;
}

void maildrop_upstream_data(struct maildrop *m, struct slice *in)
{
    take(m, m->upstream_in, in);
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

void maildrop_secret(struct maildrop *m, const struct sasl_secret *secret)
{
    (void)m;
    (void)secret;
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

/* ---- the world around it ---- */

struct world {
    uv_loop_t loop;
    uv_timer_t clock; /* lets the loop turn while nothing happens */
    struct session_house house;
    struct settings *settings;
    char dir[64];
    int upstream_listener;
    int client;
    int upstream;
    unsigned ended;
};

static void on_clock(uv_timer_t *timer)
{
    (void)timer;
}

static void on_ended(void *owner)
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

static int listen_anywhere(uint16_t *port)
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
static int connect_client(struct world *w)
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

static struct config *world_config(uint16_t upstream_port)
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

static int world_begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct failure why = {.text = ""};
    uint16_t port;

    strcpy(w->dir, "/tmp/test_session.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    log_setup(false, LOG_ERROR);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->clock);
    uv_timer_start(&w->clock, on_clock, 5, 5);
    w->upstream_listener = listen_anywhere(&port);
    w->upstream = -1;
    w->settings = settings_new(world_config(port), stderr);
    w->house = (struct session_house){.loop = &w->loop,
                                      .store = store_open(w->dir, &why),
                                      .gate = gate_new(),
                                      .health = health_new(),
                                      .on_ended = on_ended,
                                      .owner = w};
    assert_string_equal(why.text, "");
    assert_non_null(w->settings);
    w->client = connect_client(w);
    *state = w;
    return 0;
}

static int world_end(void **state)
{
    struct world *w = *state;

    for (struct session *s = w->house.sessions; s; s = session_next(s))
        session_stop(s);
    UNTIL(w, w->house.sessions == NULL);
    uv_close((uv_handle_t *)&w->clock, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    store_close(w->house.store);
    gate_free(w->house.gate);
    health_free(w->house.health);
    settings_release(w->settings);
    close(w->upstream_listener);
    close(w->client);
    if (w->upstream >= 0)
        close(w->upstream);
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", w->dir);
    int removed = system(command);
    free(w);
    return removed;
}

static void say(int fd, const char *words)
{
    assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), (ssize_t)strlen(words));
}

/* Exactly these octets come. */
static void hears(int fd, const char *words)
{
    char got[256] = "";

    assert_int_equal(recv(fd, got, strlen(words), MSG_WAITALL), (ssize_t)strlen(words));
    assert_string_equal(got, words);
}

/* The client has logged in and the upstream's socket is there. */
static void log_in(struct world *w)
{
    say(w->client, "login\n");
    UNTIL(w, drop->connected == 1);
    w->upstream = accept4(w->upstream_listener, NULL, NULL, SOCK_CLOEXEC);
    hears(w->upstream, "a1 LOGIN\r\n");
}

static json_int_t health_number(struct world *w, const char *key)
{
    json_t *h = health_to_json(w->house.health);
    json_t *route = json_array_get(json_object_get(h, "upstream"), 0);
    json_t *value = json_object_get(h, key);
    json_int_t n = json_integer_value(value ? value : json_object_get(route, key));

    json_decref(h);
    return n;
}

/* ---- tests ---- */

static void a_client_is_greeted_and_heard(void **state)
{
    struct world *w = *state;

    hears(w->client, "+OK ready\r\n");
    assert_true(drop->settings.allow_cleartext);
    assert_false(drop->settings.tls || drop->settings.stls || drop->settings.require_tls);
    say(w->client, "hello\n");
    UNTIL(w, strcmp(drop->client_in, "hello\n") == 0);
}

static void what_is_left_over_is_offered_again(void **state)
{
    struct world *w = *state;

    drop->take = 2;
    say(w->client, "hello\n");
    UNTIL(w, strcmp(drop->client_in, "hello\n") == 0);
}

static void nothing_is_offered_to_who_wants_nothing(void **state)
{
    struct world *w = *state;

    log_in(w);
    drop->client_wanted = false;
    say(w->client, "held");
    say(w->upstream, "x");
    UNTIL(w, strcmp(drop->upstream_in, "x") == 0);
    assert_string_equal(drop->client_in, "login\n");
    drop->client_wanted = true;
    say(w->upstream, "y");
    UNTIL(w, strcmp(drop->client_in, "login\nheld") == 0);
}

static void a_login_is_routed_and_connected(void **state)
{
    struct world *w = *state;

    log_in(w);
    assert_string_equal(drop->login, "ann");
    assert_string_equal(drop->folder, "Work");
    assert_true(drop->imap.starttls && drop->imap.allow_cleartext);
    assert_false(drop->imap.tls_now || drop->imap.require_tls);
    say(w->upstream, "* OK\r\n");
    UNTIL(w, strcmp(drop->upstream_in, "* OK\r\n") == 0);
}

static void a_user_without_a_route_is_refused_as_a_wrong_password_is(void **state)
{
    struct world *w = *state;

    say(w->client, "stranger\n");
    UNTIL(w, drop->was_refused);
    assert_int_equal(drop->refused.kind, FAILURE_AUTH);
    assert_string_equal(drop->refused.text, "Authentication failed.");
}

static void an_upstream_that_is_away_is_told_and_counted(void **state)
{
    struct world *w = *state;

    close(w->upstream_listener);
    uint16_t port;
    w->upstream_listener = listen_anywhere(&port);
    say(w->client, "login\n");
    UNTIL(w, drop->was_failed);
    assert_int_equal(drop->connect_failed.kind, FAILURE_TEMPORARY);
    assert_int_equal(health_number(w, "failures_in_a_row"), 1);
}

static void an_upstream_that_goes_away_is_told(void **state)
{
    struct world *w = *state;

    log_in(w);
    close(w->upstream);
    w->upstream = -1;
    UNTIL(w, drop->was_cut);
    assert_int_equal(drop->upstream_closed.kind, FAILURE_NONE);
    assert_int_equal(health_number(w, "failures_in_a_row"), 1);
}

static void the_end_sends_the_last_words(void **state)
{
    struct world *w = *state;
    char more;

    hears(w->client, "+OK ready\r\n");
    log_in(w);
    drop->client_in[0] = '\0';
    buf_puts(&drop->client_out, "+OK bye\r\n");
    buf_puts(&drop->upstream_out, "a2 LOGOUT\r\n");
    say(w->client, "quit\n");
    UNTIL(w, drop == NULL);
    hears(w->client, "+OK bye\r\n");
    hears(w->upstream, "a2 LOGOUT\r\n");
    assert_int_equal(recv(w->client, &more, 1, 0), 0);
    close(w->client);
    w->client = -1;
    shutdown(w->upstream, SHUT_WR);
    UNTIL(w, w->ended == 1);
    assert_int_equal(health_number(w, "sessions"), 0);
}

static void a_message_cut_short_ends_in_a_reset(void **state)
{
    struct world *w = *state;
    char more;

    hears(w->client, "+OK ready\r\n");
    say(w->client, "abort\n");
    UNTIL(w, w->ended == 1);
    assert_int_equal(recv(w->client, &more, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void a_client_that_leaves_is_told(void **state)
{
    struct world *w = *state;

    shutdown(w->client, SHUT_RDWR);
    UNTIL(w, w->ended == 1);
    assert_null(drop);
}

static void what_sending_brings_about_is_done(void **state)
{
    struct world *w = *state;

    say(w->client, "list\n");
    UNTIL(w, drop == NULL);
}

/* A refused login's state comes when the client has logged in as somebody else. */
static void the_state_of_a_login_given_up_is_nobodys(void **state)
{
    struct world *w = *state;

    log_in(w);
    ask(MAILDROP_LOAD_STATE);
    ask(MAILDROP_CONNECT)->user = slice_of("anna");
    say(w->upstream, "x");
    UNTIL(w, drop->connected == 2);
    ask(MAILDROP_LOAD_STATE);
    say(w->client, "y");
    UNTIL(w, drop->loaded > 0);
    ask(MAILDROP_SAVE_STATE)->records = json_pack("[o]", drop_record_login(1700000000, 0));
    drop->actions[drop->count - 1].wait = true;
    say(w->client, "z");
    UNTIL(w, drop->saved == 1);
    assert_int_equal(drop->loaded, 1);
}

static void tls_on_the_plain_port_is_not_taken_for_pop3(void **state)
{
    struct world *w = *state;

    say(w->client, "\x16\x03\x01\x02");
    UNTIL(w, drop == NULL);
}

static void the_deadline_is_kept_when_it_moves(void **state)
{
    struct world *w = *state;

    drop->deadline = uv_now(&w->loop) + 20;
    say(w->client, "a");
    UNTIL(w, strcmp(drop->client_in, "a") == 0);
    drop->deadline = uv_now(&w->loop) + 100;
    UNTIL(w, drop->ticks == 1);
}

static void what_is_to_be_remembered_outlives_the_session(void **state)
{
    struct world *w = *state;
    struct failure why;

    log_in(w);
    ask(MAILDROP_LOAD_STATE);
    say(w->upstream, "x");
    UNTIL(w, drop->state != NULL);
    assert_int_equal(drop->state->last_login, 0);
    ask(MAILDROP_SAVE_STATE)->records = json_pack("[o]", drop_record_login(1700000000, 0));
    ask(MAILDROP_ABORT);
    say(w->upstream, "y");
    UNTIL(w, w->ended == 1);

    close(w->client);
    close(w->upstream);
    w->client = connect_client(w);
    log_in(w);
    ask(MAILDROP_LOAD_STATE);
    say(w->upstream, "x");
    UNTIL(w, drop->state != NULL);
    assert_int_equal(drop->state->last_login, 1700000000);
    ask(MAILDROP_SAVE_STATE)->records = json_pack("[o]", drop_record_login(1700000001, 1));
    drop->actions[drop->count - 1].wait = true;
    say(w->upstream, "y");
    UNTIL(w, drop->saved == 1);
    why = drop->save_failure;
    assert_int_equal(why.kind, FAILURE_NONE);
}

static void one_too_many_is_told_so(void **state)
{
    struct world *w = *state;
    int second = connect_client(w);
    int third = connect_client(w);
    char answer[128] = "";

    assert_true(recv(third, answer, sizeof answer - 1, 0) > 0);
    assert_ptr_equal(strstr(answer, "-ERR [SYS/TEMP] too many connections"), answer);
    shutdown(second, SHUT_RDWR);
    UNTIL(w, w->ended == 1);
    close(third);
    third = connect_client(w);
    hears(third, "+OK ready\r\n");
    close(second);
    close(third);
}

static void a_session_without_memory_ends_alone(void **state)
{
    struct world *w = *state;
    int second = connect_client(w);

    drop->failed = true;
    say(second, "x");
    UNTIL(w, w->ended == 1);
    assert_non_null(w->house.sessions);
    close(second);
}

static void draining_tells_and_the_second_time_ends(void **state)
{
    struct world *w = *state;

    session_drain(w->house.sessions);
    assert_int_equal(drop->drained, 1);
    session_drain(w->house.sessions);
    assert_null(drop);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_greeted_and_heard),
        TEST(what_is_left_over_is_offered_again),
        TEST(nothing_is_offered_to_who_wants_nothing),
        TEST(a_login_is_routed_and_connected),
        TEST(a_user_without_a_route_is_refused_as_a_wrong_password_is),
        TEST(an_upstream_that_is_away_is_told_and_counted),
        TEST(an_upstream_that_goes_away_is_told),
        TEST(the_end_sends_the_last_words),
        TEST(a_message_cut_short_ends_in_a_reset),
        TEST(a_client_that_leaves_is_told),
        TEST(what_sending_brings_about_is_done),
        TEST(the_state_of_a_login_given_up_is_nobodys),
        TEST(tls_on_the_plain_port_is_not_taken_for_pop3),
        TEST(the_deadline_is_kept_when_it_moves),
        TEST(what_is_to_be_remembered_outlives_the_session),
        TEST(one_too_many_is_told_so),
        TEST(a_session_without_memory_ends_alone),
        TEST(draining_tells_and_the_second_time_ends),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
