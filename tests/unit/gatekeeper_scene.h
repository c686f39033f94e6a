/*
 * The scene of the gatekeeper's tests: real vaults in a directory, a token endpoint that says what
 * each test makes it say, and a house on whose loop the answers come. To be included once, by a
 * test program.
 */
#ifndef TESTS_UNIT_GATEKEEPER_SCENE_H
#define TESTS_UNIT_GATEKEEPER_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "proxy/auth/gatekeeper.h"
#include "proxy/log.h"
#include "tests/unit/http_server.h"
#include "tests/unit/temp_dir.h"

#define ANN       "ann@example.com"
#define PASSWORD  "abcde-fghjk-mnpqr-stuvw"
#define AUTHORIZE "Run \"mailferry authorize " ANN "\" again"

enum { PENDING_MAX = 4 };

static char dir[64];
static struct gatekeeper *keeper;
static struct session_house house;
static struct settings *settings;
static uv_async_t wake;
static uv_mutex_t lock;
static struct house_message *messages;
static bool closed; /* the house takes no more messages */

static struct admission_answer answers[PENDING_MAX];
static unsigned asked, answered;

/* ---- the house ---------------------------------------------------------------------------- */

static inline bool on_send(void *owner, size_t number, struct house_message *m)
{
    (void)owner;
    (void)number;
    uv_mutex_lock(&lock);
    bool taken = !closed;
    if (taken) {
        m->next = messages;
        messages = m;
        uv_async_send(&wake);
    }
    uv_mutex_unlock(&lock);
    return taken;
}

static inline void on_wake(uv_async_t *async)
{
    (void)async;
    uv_mutex_lock(&lock);
    struct house_message *m = messages;
    messages = NULL;
    uv_mutex_unlock(&lock);
    for (struct house_message *next; m; m = next) {
        next = m->next;
        m->run(&house, m);
    }
}

/* One route that wants OAuth 2.0, one that takes what there is, and one of another provider. */
static inline void load(void)
{
    char text[1400];

    snprintf(text, sizeof text,
             "{\"listeners\": [{\"url\": \"pop3://127.0.0.1:11000\"}], \"routes\": ["
             "{\"match\": \"*@example.com\", \"upstream\": \"imap://127.0.0.1:1143\","
             " \"oauth\": {\"client_id\": \"us\", \"token_endpoint\": "
             "\"%s/token\",\"device_endpoint\": \"%s/device\"}},"
             "{\"match\": \"*@plain.example\", \"upstream\": \"imap://127.0.0.1:1143\"},"
             "{\"match\": \"*@other.example\", \"upstream\": \"imap://127.0.0.1:1143\","
             " \"oauth\": {\"client_id\": \"them\", \"issuer\": \"http://localhost\"}}]}",
             http_server.url, http_server.url);
    file_put(dir, "config.json", text);
    struct config *c = config_load(temp_path(dir, "config.json"), stderr);
    assert_non_null(c);
    settings = settings_new(c, NULL, stderr);
    assert_non_null(settings);
}

static inline int begin(void **state)
{
    struct failure why;

    (void)state;
    log_setup(false, LOG_ERROR);
    strcpy(dir, temp_dir_make());
    asked = answered = 0;
    closed = false;
    memset(answers, 0, sizeof answers);
    if (!http_server_start())
        return -1;
    uv_async_init(&http_server.loop, &wake, on_wake);
    uv_mutex_init(&lock);
    load();
    house = (struct session_house){.loop = &http_server.loop, .send = on_send};
    keeper = gatekeeper_new(dir, NULL, &why);
    return keeper ? 0 : -1;
}

static inline void forget_answers(void)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        admission_answer_clear(&answers[i]);
    memset(answers, 0, sizeof answers);
    asked = answered = 0;
}

static inline int end(void **state)
{
    (void)state;
    forget_answers();
    uv_mutex_lock(&lock);
    closed = true;
    uv_mutex_unlock(&lock);
    on_wake(&wake);
    gatekeeper_free(keeper);
    uv_close((uv_handle_t *)&wake, NULL);
    bool whole = http_server_stop();
    uv_mutex_destroy(&lock);
    settings_release(settings);
    temp_dir_remove(dir);
    return whole ? 0 : -1;
}

/* ---- what tests do ------------------------------------------------------------------------ */

static inline void on_answer(void *owner, struct admission_answer *answer)
{
    *(struct admission_answer *)owner = *answer;
    answered++;
}

static inline struct admission_request request_of(const char *login, const char *password)
{
    bool plain = strstr(login, "plain.example");
    bool nobody = strstr(login, "elsewhere.example");
    return (struct admission_request){
        .house = &house,
        .settings = settings,
        .route = nobody ? NULL : &settings->config->routes[plain],
        .id = "0000test",
        .pop3 = true,
        .login = slice_of(login),
        .upstream = slice_of(nobody ? "" : login),
        .password = slice_of(password),
    };
}

static inline struct admission *ask(const char *login, const char *password)
{
    struct admission_request r = request_of(login, password);

    assert_true(asked < PENDING_MAX);
    struct admission *a = gatekeeper_admit(keeper, &r, on_answer, &answers[asked]);
    assert_non_null(a);
    asked++;
    return a;
}

static inline void wait_for_all(void)
{
    while (answered < asked)
        uv_run(&http_server.loop, UV_RUN_ONCE);
}

/* The only one that asks. */
static inline const struct admission_answer *admit(const char *login, const char *password)
{
    forget_answers();
    ask(login, password);
    wait_for_all();
    return &answers[0];
}

/* The first one that was admitted asks again; `refused`: its credential was. */
static inline const struct admission_answer *renew(bool refused)
{
    struct admission_answer *a = &answers[asked];
    const struct admission_answer *last = &answers[asked - 1];

    assert_true(asked < PENDING_MAX);
    gatekeeper_renew(keeper, &house, answers[0].grant, refused ? last->generation : 0, on_answer,
                     a);
    asked++;
    wait_for_all();
    return a;
}

static inline void make_vault_of(const char *login, json_t *secret,
                                 const struct device_limits *limits)
{
    struct failure why;

    struct vault_device printer = {"printer", slice_of(PASSWORD), limits, NULL};
    assert_true(vault_create(dir, slice_of(login), secret, &printer, true, &why));
    json_decref(secret);
}

static inline void make_vault(json_t *secret, const struct device_limits *limits)
{
    make_vault_of(ANN, secret, limits);
}

static inline json_t *tokens(const char *access, int64_t seconds)
{
    return json_pack("{s:{s:s, s:s, s:I}}", "tokens", "access", access, "refresh", "R-1", "expires",
                     (json_int_t)time(NULL) + seconds);
}

static const struct device_limits all = {.pop3 = true, .imap = true};

static inline void expect_token(const struct admission_answer *a, const char *token)
{
    assert_string_equal(a->why.text, "");
    assert_false(a->own);
    assert_int_equal(a->credential.kind, CREDENTIAL_TOKEN);
    assert_true(a->credential.vouched);
    assert_true(slice_is_nocase(buf_slice(&a->credential.user), ANN));
    assert_true(slice_is(buf_slice(&a->credential.secret), token));
    assert_string_equal(a->entered.device, "printer");
}

static inline void expect_refused(const struct admission_answer *a, enum failure_kind kind,
                                  bool guess, const char *text)
{
    assert_int_equal(a->why.kind, kind);
    assert_non_null(strstr(a->why.text, text));
    assert_int_equal(a->guess, guess);
    assert_null(a->grant);
}

#endif
