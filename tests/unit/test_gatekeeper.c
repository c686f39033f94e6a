/* Who is let in, and by what upstream: real vaults, a token endpoint that says what each test makes
 * it say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/auth/gatekeeper.h"
#include "proxy/auth/seal.h"
#include "proxy/log.h"
#include "tests/unit/http_server.h"
#include "tests/unit/temp_dir.h"
#include "translate/sasl/sasl_mechanism.h"

#define ANN        "ann@example.com"
#define PASSWORD   "abcde-fghjk-mnpqr-stuvw"
#define AUTHORIZE  "Run \"mailferry authorize " ANN "\" again"
#define OK(body)   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" body
#define GONE(body) "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n\r\n" body
#define TOKENS(access, refresh)                                              \
    OK("{\"access_token\":\"" access "\",\"refresh_token\":\"" refresh "\"," \
       "\"token_type\":\"Bearer\",\"expires_in\":3600}")

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

static bool on_send(void *owner, size_t number, struct house_message *m)
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

static void on_wake(uv_async_t *async)
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

/* One route that wants OAuth 2.0, one that takes what there is. */
static void load(void)
{
    char text[1024];

    snprintf(text, sizeof text,
             "{\"listeners\": [{\"url\": \"pop3://127.0.0.1:11000\"}], \"routes\": ["
             "{\"match\": \"*@example.com\", \"upstream\": \"imap://127.0.0.1:1143\","
             " \"oauth\": {\"client_id\": \"us\", \"token_endpoint\": "
             "\"%s/token\",\"device_endpoint\": \"%s/device\"}},"
             "{\"match\": \"*@plain.example\", \"upstream\": \"imap://127.0.0.1:1143\"}]}",
             http_server.url, http_server.url);
    file_put(dir, "config.json", text);
    struct config *c = config_load(temp_path(dir, "config.json"), stderr);
    assert_non_null(c);
    settings = settings_new(c, NULL, stderr);
    assert_non_null(settings);
}

static int begin(void **state)
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

static void forget_answers(void)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        admission_answer_clear(&answers[i]);
    memset(answers, 0, sizeof answers);
    asked = answered = 0;
}

static int end(void **state)
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

/* ---- the work that a guess costs ------------------------------------------------------------ */

static atomic_uint vaults_tried;

bool __real_seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                        struct slice password, unsigned char key[SEAL_KEY]);
bool __wrap_seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                        struct slice password, unsigned char key[SEAL_KEY]);

/* What takes the time of a vault is counted: the linker puts it between (tests/CMakeLists.txt). */
bool __wrap_seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                        struct slice password, unsigned char key[SEAL_KEY])
{
    vaults_tried++;
    return __real_seal_derive(cost, salt, password, key);
}

/* ---- what tests do ------------------------------------------------------------------------ */

static void on_answer(void *owner, struct admission_answer *answer)
{
    *(struct admission_answer *)owner = *answer;
    answered++;
}

static struct admission_request request_of(const char *login, const char *password)
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

static struct admission *ask(const char *login, const char *password)
{
    struct admission_request r = request_of(login, password);

    assert_true(asked < PENDING_MAX);
    struct admission *a = gatekeeper_admit(keeper, &r, on_answer, &answers[asked]);
    assert_non_null(a);
    asked++;
    return a;
}

static void wait_for_all(void)
{
    while (answered < asked)
        uv_run(&http_server.loop, UV_RUN_ONCE);
}

/* The only one that asks. */
static const struct admission_answer *admit(const char *login, const char *password)
{
    forget_answers();
    ask(login, password);
    wait_for_all();
    return &answers[0];
}

/* The first one that was admitted asks again; `refused`: its credential was. */
static const struct admission_answer *renew(bool refused)
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

/* The upstream has refused a client's own password, and took so long. */
static struct admission *refuse(const char *login, uint64_t took_ms)
{
    struct admission_request r = request_of(login, "");

    assert_true(asked < PENDING_MAX);
    struct admission *a = gatekeeper_refuse(keeper, &r, took_ms, on_answer, &answers[asked]);
    assert_non_null(a);
    asked++;
    return a;
}

/* How many vaults a guess has cost, when the client hears of it. */
static unsigned cost_of_guess(const char *login)
{
    vaults_tried = 0;
    if (admit(login, "a guess")->own) {
        refuse(login, 0);
        wait_for_all();
    }
    return vaults_tried;
}

static void make_vault_of(const char *login, json_t *secret, const struct device_limits *limits)
{
    struct failure why;

    struct vault_device printer = {"printer", slice_of(PASSWORD), limits, NULL};
    assert_true(vault_create(dir, slice_of(login), secret, &printer, true, &why));
    json_decref(secret);
}

static void make_vault(json_t *secret, const struct device_limits *limits)
{
    make_vault_of(ANN, secret, limits);
}

static json_t *tokens(const char *access, int64_t seconds)
{
    return json_pack("{s:{s:s, s:s, s:I}}", "tokens", "access", access, "refresh", "R-1", "expires",
                     (json_int_t)time(NULL) + seconds);
}

static const struct device_limits all = {.pop3 = true, .imap = true};

static void expect_token(const struct admission_answer *a, const char *token)
{
    assert_string_equal(a->why.text, "");
    assert_false(a->own);
    assert_int_equal(a->credential.kind, CREDENTIAL_TOKEN);
    assert_true(a->credential.vouched);
    assert_true(slice_is_nocase(buf_slice(&a->credential.user), ANN));
    assert_true(slice_is(buf_slice(&a->credential.secret), token));
    assert_string_equal(a->device, "printer");
}

static void expect_refused(const struct admission_answer *a, enum failure_kind kind, bool guess,
                           const char *text)
{
    assert_int_equal(a->why.kind, kind);
    assert_non_null(strstr(a->why.text, text));
    assert_int_equal(a->guess, guess);
    assert_null(a->grant);
}

/* The refresh token that the disk has. */
static bool is_kept(const char *refresh)
{
    char device[VAULT_DEVICE];
    struct device_limits limits;
    struct vault_key key;
    struct failure why;
    json_t *secret;
    const char *kept;

    assert_true(
        vault_open(dir, slice_of(ANN), slice_of(PASSWORD), &key, &secret, &limits, device, &why));
    assert_int_equal(json_unpack(secret, "{s:{s:s}}", "tokens", "refresh", &kept), 0);
    bool same = strcmp(kept, refresh) == 0;
    json_decref(secret);
    device_limits_clear(&limits);
    vault_key_wipe(&key);
    return same;
}

/* ---- tests -------------------------------------------------------------------------------- */

static void test_own_password(void **state)
{
    (void)state;
    const struct admission_answer *a = admit("bob@plain.example", "his own");
    assert_int_equal(a->why.kind, FAILURE_NONE);
    assert_true(a->own);
    assert_null(a->grant);
}

static void test_device_password(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    expect_token(admit(ANN, PASSWORD), "A-1");
    expect_token(admit("Ann@Example.com", PASSWORD), "A-1");
    assert_int_equal(http_server.asked, 0);
}

/* A wrong password, an unknown user, and one whom nobody serves, cannot be told from each other. */
static void test_guesses(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    expect_refused(admit(ANN, "guess"), FAILURE_AUTH, true, "Authentication failed.");
    expect_refused(admit("eve@example.com", "x"), FAILURE_AUTH, true, "Authentication failed.");
    expect_refused(admit("eve@elsewhere.example", "x"), FAILURE_AUTH, true,
                   "Authentication failed.");
}

/* Where devices' passwords are demanded, and where others are tried upstream; he who has a vault,
 * and he who has none: the same work, whoever it is. */
static void test_a_guess_costs_the_same(void **state)
{
    (void)state;
    assert_int_equal(cost_of_guess("bob@plain.example"), 0); /* nobody has a vault */
    make_vault(tokens("A-1", 3600), &all);
    make_vault_of("carol@plain.example", json_pack("{s:s}", "password", "upstream's"), &all);
    assert_int_equal(cost_of_guess(ANN), 1);
    assert_int_equal(cost_of_guess("eve@example.com"), 1);
    assert_int_equal(cost_of_guess("eve@elsewhere.example"), 1);
    assert_int_equal(cost_of_guess("carol@plain.example"), 1);
    assert_int_equal(cost_of_guess("bob@plain.example"), 1);
}

/* What lets him in costs him who has no vault nothing. */
static void test_a_right_password_costs_no_vault(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    vaults_tried = 0;
    assert_true(admit("bob@plain.example", "his own")->own);
    assert_int_equal(vaults_tried, 0);
}

/* A login that no route serves is refused as late as one that an upstream refused. */
static void test_a_stranger_waits_too(void **state)
{
    (void)state;
    free(settings->config->routes[0].oauth.client_id); /* no route demands vaults */
    settings->config->routes[0].oauth.client_id = NULL;
    expect_refused(admit("eve@elsewhere.example", "x"), FAILURE_AUTH, true,
                   "Authentication failed.");
    forget_answers();
    refuse("bob@plain.example", 3600 * 1000);
    wait_for_all();
    struct admission *stranger = ask("eve@elsewhere.example", "x");
    answered++; /* it will not be, for an hour */
    ask("bob@plain.example", "his own");
    wait_for_all();
    assert_true(answers[2].own);
    assert_int_equal(answers[1].why.kind, FAILURE_NONE);
    admission_cancel(stranger);
}

static void test_protocol_limit(void **state)
{
    const struct device_limits imap = {.imap = true};

    (void)state;
    make_vault(tokens("A-1", 3600), &imap);
    expect_refused(admit(ANN, PASSWORD), FAILURE_AUTH, false, "not for this protocol");
}

/* Both wait for the one renewal, and the disk has it before either hears of it. */
static void test_one_renewal(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] = TOKENS("A-2", "R-2");
    ask(ANN, PASSWORD);
    ask(ANN, PASSWORD);
    wait_for_all();
    assert_true(is_kept("R-2"));
    expect_token(&answers[0], "A-2");
    expect_token(&answers[1], "A-2");
    assert_int_equal(http_server.asked, 1);
    assert_non_null(strstr(http_server.requests[0], "refresh_token=R-1"));
}

static void test_without_new_refresh_token(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] =
        OK("{\"access_token\":\"A-2\",\"token_type\":\"Bearer\",\"expires_in\":3600}");
    expect_token(admit(ANN, PASSWORD), "A-2");
    assert_true(is_kept("R-1"));
}

/* A token that lasts a moment longer is renewed ahead of its end, and nobody waits for that. */
static void test_ahead_of_expiry(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 40), &all);
    http_server.replies[0] = NULL; /* it hangs */
    expect_token(admit(ANN, PASSWORD), "A-1");
    while (http_server.asked == 0)
        uv_run(&http_server.loop, UV_RUN_ONCE);
}

static void test_another_process_has_renewed(void **state)
{
    struct failure why;

    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    expect_token(admit(ANN, PASSWORD), "A-1");
    struct vault_key key;
    struct device_limits limits;
    char device[VAULT_DEVICE];
    json_t *secret;
    assert_true(
        vault_open(dir, slice_of(ANN), slice_of(PASSWORD), &key, &secret, &limits, device, &why));
    json_decref(secret);
    secret = tokens("A-9", 7200);
    assert_true(vault_write(dir, slice_of(ANN), &key, secret, &why));
    json_decref(secret);
    expect_token(renew(true), "A-9");
    assert_int_equal(http_server.asked, 0);
}

/* What the upstream refuses is renewed once; then it is left alone, also by those who come anew. */
static void test_refused_token(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    http_server.replies[0] = TOKENS("A-2", "R-2");
    expect_token(admit(ANN, PASSWORD), "A-1");
    expect_token(renew(true), "A-2");
    expect_refused(renew(true), FAILURE_TEMPORARY, false, "just renewed");
    struct grant *held = grant_hold(answers[0].grant);
    expect_refused(admit(ANN, PASSWORD), FAILURE_TEMPORARY, false, "just renewed");
    grant_release(held);
    assert_int_equal(http_server.asked, 1);
}

static void test_refused_password(void **state)
{
    (void)state;
    make_vault(json_pack("{s:s}", "password", "upstream's"), &all);
    const struct admission_answer *a = admit(ANN, PASSWORD);
    assert_int_equal(a->credential.kind, CREDENTIAL_PASSWORD);
    assert_true(slice_is(buf_slice(&a->credential.secret), "upstream's"));
    expect_refused(renew(true), FAILURE_AUTH, false, AUTHORIZE);
}

/* Nobody asks for another one, but those who come next are spared the way. */
static void test_refusal_is_remembered(void **state)
{
    (void)state;
    make_vault(json_pack("{s:s}", "password", "upstream's"), &all);
    const struct admission_answer *a = admit(ANN, PASSWORD);
    struct grant *held = grant_hold(a->grant);
    gatekeeper_refused(held, a->generation);
    expect_refused(admit(ANN, PASSWORD), FAILURE_AUTH, false, AUTHORIZE);
    grant_release(held);
}

/* ---- by certificates ---------------------------------------------------------------------- */

static const struct admission_answer *admit_certified(const char *login, size_t route, bool acting)
{
    struct admission_request r = {
        .house = &house,
        .settings = settings,
        .route = route < settings->config->route_count ? &settings->config->routes[route] : NULL,
        .id = "0000test",
        .acting = acting,
        .certified = true,
        .login = slice_of(login),
        .upstream = slice_of("upstream"),
    };

    forget_answers();
    assert_non_null(gatekeeper_admit(keeper, &r, on_answer, &answers[0]));
    asked++;
    wait_for_all();
    return &answers[0];
}

static void expect_certified(const struct admission_answer *a, const char *user)
{
    assert_string_equal(a->why.text, "");
    assert_false(a->own);
    assert_int_equal(a->credential.kind, CREDENTIAL_EXTERNAL);
    assert_true(a->credential.vouched);
    assert_true(slice_is(buf_slice(&a->credential.user), user));
    assert_int_equal(buf_size(&a->credential.secret), 0);
}

/* Only where the upstream takes the gateway's own certificate, and for nobody else. */
static void test_certificate(void **state)
{
    static const char refused[] = "A certificate lets nobody in as this user";

    (void)state;
    settings->config->routes[1].sasl.mechanisms = SASL_EXTERNAL;
    expect_certified(admit_certified("bob@plain.example", 1, false), "upstream");
    expect_refused(admit_certified("bob@plain.example", 1, true), FAILURE_AUTH, false, refused);
    expect_refused(admit_certified(ANN, 0, false), FAILURE_AUTH, false, refused);
    expect_refused(admit_certified("bob@plain.example", 2, false), FAILURE_AUTH, false, refused);
}

/* A client that comes again and again is not to get the gateway locked out upstream; other users
 * are asked for as before. */
static void test_refused_certificate_is_remembered(void **state)
{
    static const char refused[] = "did not let the gateway in";

    (void)state;
    settings->config->routes[1].sasl.mechanisms = SASL_EXTERNAL;
    const struct admission_answer *a = admit_certified("bob@plain.example", 1, false);
    expect_certified(a, "upstream");
    assert_non_null(a->grant);
    expect_certified(renew(false), "upstream");
    gatekeeper_refused(a->grant, a->generation);
    expect_refused(admit_certified("bob@plain.example", 1, false), FAILURE_TEMPORARY, false,
                   refused);
    expect_certified(admit_certified("eve@plain.example", 1, false), "upstream");
    expect_refused(renew(true), FAILURE_TEMPORARY, false, refused);
}

/* There the upstream asks nobody for a password, so nobody's own one is passed on. */
static void test_password_where_certificates_are(void **state)
{
    (void)state;
    settings->config->routes[0].sasl.mechanisms = SASL_EXTERNAL;
    settings->config->routes[1].sasl.mechanisms = SASL_EXTERNAL;
    expect_refused(admit("bob@plain.example", "his own"), FAILURE_AUTH, true, "Authentication");
    make_vault(json_pack("{s:b}", "gateway", 1), &all);
    expect_refused(admit(ANN, "his own"), FAILURE_AUTH, true, "Authentication");
    expect_certified(admit(ANN, PASSWORD), ANN);
    expect_certified(renew(false), ANN);
    expect_refused(renew(true), FAILURE_TEMPORARY, false, "did not let the gateway in");
}

/* Whose route was taken away is nobody any more, though his vault is there. */
static void test_vault_without_a_route(void **state)
{
    static const char login[] = "ann@elsewhere.example";
    struct failure why;

    (void)state;
    json_t *secret = json_pack("{s:s}", "password", "upstream's");
    const struct vault_device device = {"printer", slice_of(PASSWORD), &all, NULL};
    assert_true(vault_create(dir, slice_of(login), secret, &device, true, &why));
    json_decref(secret);
    expect_refused(admit(login, PASSWORD), FAILURE_AUTH, true, "Authentication");
}

static void expect_master(const struct admission_answer *a, const char *user)
{
    assert_string_equal(a->why.text, "");
    assert_int_equal(a->credential.kind, CREDENTIAL_PASSWORD);
    assert_true(a->credential.vouched);
    assert_true(slice_is(buf_slice(&a->credential.user), "master"));
    assert_true(slice_is(buf_slice(&a->credential.authzid), user));
    assert_true(slice_is(buf_slice(&a->credential.secret), "master's"));
}

/* Whatever the vault has, the gateway logs in; and where it does not, a vault that relied on that
 * is of no use. */
static void test_master(void **state)
{
    struct config_route *route = &settings->config->routes[0];

    (void)state;
    make_vault(json_pack("{s:s}", "password", "upstream's"), &all);
    route->sasl.master_user = strdup("master");
    settings->auth.masters[0] = strdup("master's");
    expect_master(admit(ANN, PASSWORD), ANN);
    expect_master(renew(false), ANN);
    expect_master(admit_certified(ANN, 0, false), "upstream");
    expect_refused(admit(ANN, "his own"), FAILURE_AUTH, true, "Authentication");
    make_vault(json_pack("{s:b}", "gateway", 1), &all);
    expect_master(admit(ANN, PASSWORD), ANN);
    free(route->sasl.master_user);
    route->sasl.master_user = NULL;
    expect_refused(admit(ANN, PASSWORD), FAILURE_PERMANENT, false, "--replace");
}

static void test_revoked_grant(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] = GONE("{\"error\":\"invalid_grant\"}");
    expect_refused(admit(ANN, PASSWORD), FAILURE_AUTH, false, AUTHORIZE);
}

/* A provider that is away does no harm while the token lasts. */
static void test_provider_away(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 5), &all);
    http_server.replies[0] = "HTTP/1.1 503 Later\r\n\r\n";
    expect_token(admit(ANN, PASSWORD), "A-1");
    assert_int_equal(http_server.asked, 1);
}

static void test_provider_away_too_long(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    http_server.replies[0] = "HTTP/1.1 503 Later\r\n\r\n";
    expect_refused(admit(ANN, PASSWORD), FAILURE_TEMPORARY, false, "try again later");
    /* Nobody was there in between, and the provider is left alone all the same. */
    expect_refused(admit(ANN, PASSWORD), FAILURE_TEMPORARY, false, "try again later");
    assert_int_equal(http_server.asked, 1);
}

/* Another route of the user leads to another server, which is none of the provider's. */
static void test_tokens_are_for_routes_of_oauth(void **state)
{
    static const char bob[] = "bob@plain.example";
    json_t *secret = tokens("A-1", 3600);
    struct failure why;

    (void)state;
    const struct vault_device device = {"printer", slice_of(PASSWORD), &all, NULL};
    assert_true(vault_create(dir, slice_of(bob), secret, &device, false, &why));
    json_decref(secret);
    expect_refused(admit(bob, PASSWORD), FAILURE_PERMANENT, false, "says nothing of OAuth");
}

/* The disk does not take the new refresh token, and the old one is worth nothing any more: it is
 * written later, though nobody is there any more. */
static void test_unwritable_vault(void **state)
{
    char blocked[128];

    (void)state;
    make_vault(tokens("A-1", -5), &all);
    snprintf(blocked, sizeof blocked, "%s/vault/.new", dir);
    assert_int_equal(mkdir(blocked, 0700), 0);
    http_server.replies[0] = TOKENS("A-2", "R-2");
    expect_token(admit(ANN, PASSWORD), "A-2");
    forget_answers();
    assert_true(is_kept("R-1"));
    assert_int_equal(rmdir(blocked), 0);
    while (!is_kept("R-2"))
        ; /* that reads the vault, and takes its time */
    expect_token(admit(ANN, PASSWORD), "A-2");
    assert_int_equal(http_server.asked, 1);
}

/* Who needs the token waits; nobody else does. And the end of the process waits for nobody. */
static void test_provider_hangs(void **state)
{
    (void)state;
    make_vault(tokens("A-1", -5), &all);
    struct admission *waiting = ask(ANN, PASSWORD);
    while (http_server.asked == 0)
        uv_run(&http_server.loop, UV_RUN_ONCE);
    answered++; /* it will not */
    ask("bob@plain.example", "his own");
    wait_for_all();
    assert_true(answers[1].own);
    admission_cancel(waiting);
}

static void test_revoked_device(void **state)
{
    struct failure why;

    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    assert_true(admit(ANN, PASSWORD)->grant);
    assert_true(vault_revoke(dir, slice_of(ANN), "printer", true, &why));
    expect_refused(renew(false), FAILURE_AUTH, false, "revoked");
}

static void test_damaged_vault(void **state)
{
    (void)state;
    make_vault(tokens("A-1", 3600), &all);
    file_put(dir, "vault/" ANN ".json", "{\"version\": 1, ");
    const struct admission_answer *a = admit(ANN, PASSWORD);
    expect_refused(a, FAILURE_PERMANENT, false, "the gateway's log tells");
    assert_null(strstr(a->why.text, dir));
}

/* What a client gives may be a device's password, which is none of the upstream's business. */
static void test_unreadable_vault(void **state)
{
    static const char bob[] = "bob@plain.example";

    (void)state;
    make_vault_of(bob, json_pack("{s:s}", "password", "upstream's"), &all);
    const char *file = temp_path(dir, "vault/bob@plain.example.json");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkdir(file, 0700), 0);
    const struct admission_answer *a = admit(bob, PASSWORD);
    assert_false(a->own);
    expect_refused(a, FAILURE_TEMPORARY, false, "the gateway's log tells");
}

/* ---- what is held ------------------------------------------------------------------------- */

static void make_held_vault(void)
{
    struct held_key key;
    struct failure why;
    json_t *secret = tokens("A-1", 3600);

    assert_true(held_key_make(&key, temp_path(dir, "held.key"), &why));
    struct vault_device printer = {"printer", slice_of(PASSWORD), &all, &key};
    assert_true(vault_create(dir, slice_of(ANN), secret, &printer, true, &why));
    json_decref(secret);
}

/* The key's file was made after the gatekeeper, which looks for it every now and then. */
static void wait_for_key(bool there)
{
    unsigned char key[SASL_SERVER_KEY];

    while (gatekeeper_offers_proof(keeper, key) != there)
        uv_sleep(10);
}

/* The answer to a question for `login`, of no address. */
static const struct held_secret *question(const char *login, const char *mechanism, bool acting)
{
    bool nobody = strstr(login, "elsewhere.example");
    struct admission_request r = {
        .house = &house,
        .settings = settings,
        .route = nobody ? NULL : &settings->config->routes[0],
        .id = "0000test",
        .pop3 = true,
        .acting = acting,
        .login = slice_of(login),
    };

    forget_answers();
    assert_non_null(
        gatekeeper_question(keeper, &r, r.login, mechanism, on_answer, &answers[asked++]));
    wait_for_all();
    assert_int_equal(answers[0].why.kind, FAILURE_NONE);
    assert_null(answers[0].grant);
    return &answers[0].held;
}

static void expect_nobody(const struct held_secret *s, size_t key_size)
{
    assert_false(s->known);
    assert_int_equal(buf_size(&s->password), 0);
    assert_int_equal(s->scram.key_size, key_size);
    assert_int_equal(held_secret_of(s).kind, SASL_SECRET_NONE);
}

static void test_held_password(void **state)
{
    (void)state;
    make_held_vault();
    wait_for_key(true);
    const struct held_secret *s = question(ANN, "APOP", false);
    assert_int_equal(held_secret_of(s).kind, SASL_SECRET_PASSWORD);
    assert_true(slice_is(held_secret_of(s).password, PASSWORD));
    s = question("Ann@Example.com", "SCRAM-SHA-1", false);
    assert_int_equal(held_secret_of(s).kind, SASL_SECRET_SCRAM);
    assert_int_equal(held_secret_of(s).stored_key.n, 20);
    assert_int_equal(held_secret_of(s).iterations, HELD_ITERATIONS);
    assert_true(slice_is(buf_slice(&s->password), PASSWORD));
}

/* Whoever has none is not told from whoever is not there: nor by the work that is done for him. */
static void test_held_by_nobody(void **state)
{
    (void)state;
    make_held_vault();
    wait_for_key(true);
    expect_nobody(question("eve@example.com", "APOP", false), 0);
    expect_nobody(question("eve@example.com", "SCRAM-SHA-256", false), 32);
    expect_nobody(question("eve@elsewhere.example", "SCRAM-SHA-256", false), 32);
    expect_nobody(question(ANN, "SCRAM-SHA-256", true), 32);
    make_vault(tokens("A-1", 3600), &all);
    expect_nobody(question(ANN, "SCRAM-SHA-256", false), 32);
    file_put(dir, "vault/" ANN ".json", "{\"version\": 1, ");
    expect_nobody(question(ANN, "SCRAM-SHA-256", false), 32);
}

static void test_held_without_its_key(void **state)
{
    (void)state;
    wait_for_key(false);
    make_held_vault();
    wait_for_key(true);
    assert_int_equal(unlink(temp_path(dir, "held.key")), 0);
    wait_for_key(false);
    expect_nobody(question(ANN, "APOP", false), 0);
    expect_nobody(question(ANN, "SCRAM-SHA-256", false), 32);
}

/* It is a device's password or none: the upstream never sees it. */
static void test_proved(void **state)
{
    struct admission_request r = {
        .house = &house,
        .settings = settings,
        .id = "0000test",
        .pop3 = true,
        .proved = true,
    };

    (void)state;
    make_held_vault();
    const char *const logins[] = {ANN, ANN, "bob@plain.example"};
    const char *const passwords[] = {PASSWORD, "guess", "his own"};
    for (size_t i = 0; i < 3; i++) {
        r.route = &settings->config->routes[i / 2];
        r.login = r.upstream = slice_of(logins[i]);
        r.password = slice_of(passwords[i]);
        forget_answers();
        gatekeeper_admit(keeper, &r, on_answer, &answers[asked++]);
        wait_for_all();
        if (i == 0)
            expect_token(&answers[0], "A-1");
        else
            expect_refused(&answers[0], FAILURE_AUTH, true, "Authentication failed.");
    }
}

/* Whoever waits for his turn when the process ends is not waited for. */
static void test_end_of_a_wait(void **state)
{
    struct gate_address from = {.known = true, .octets = {0x20, 0x01, 0x0d, 0xb8}};
    struct throttle_options options = settings->auth.throttle;

    (void)state;
    for (int i = 0; i < 12; i++)
        gatekeeper_report(keeper, &options, &from, slice_of("bob@plain.example"), false);
    struct admission *a = ask("bob@plain.example", "his own");
    admission_cancel(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_password, begin, end),
        cmocka_unit_test_setup_teardown(test_device_password, begin, end),
        cmocka_unit_test_setup_teardown(test_guesses, begin, end),
        cmocka_unit_test_setup_teardown(test_a_guess_costs_the_same, begin, end),
        cmocka_unit_test_setup_teardown(test_a_right_password_costs_no_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_a_stranger_waits_too, begin, end),
        cmocka_unit_test_setup_teardown(test_protocol_limit, begin, end),
        cmocka_unit_test_setup_teardown(test_one_renewal, begin, end),
        cmocka_unit_test_setup_teardown(test_without_new_refresh_token, begin, end),
        cmocka_unit_test_setup_teardown(test_ahead_of_expiry, begin, end),
        cmocka_unit_test_setup_teardown(test_another_process_has_renewed, begin, end),
        cmocka_unit_test_setup_teardown(test_refused_token, begin, end),
        cmocka_unit_test_setup_teardown(test_refused_password, begin, end),
        cmocka_unit_test_setup_teardown(test_refusal_is_remembered, begin, end),
        cmocka_unit_test_setup_teardown(test_certificate, begin, end),
        cmocka_unit_test_setup_teardown(test_refused_certificate_is_remembered, begin, end),
        cmocka_unit_test_setup_teardown(test_password_where_certificates_are, begin, end),
        cmocka_unit_test_setup_teardown(test_vault_without_a_route, begin, end),
        cmocka_unit_test_setup_teardown(test_master, begin, end),
        cmocka_unit_test_setup_teardown(test_revoked_grant, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_away, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_away_too_long, begin, end),
        cmocka_unit_test_setup_teardown(test_tokens_are_for_routes_of_oauth, begin, end),
        cmocka_unit_test_setup_teardown(test_unwritable_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_provider_hangs, begin, end),
        cmocka_unit_test_setup_teardown(test_revoked_device, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_unreadable_vault, begin, end),
        cmocka_unit_test_setup_teardown(test_held_password, begin, end),
        cmocka_unit_test_setup_teardown(test_held_by_nobody, begin, end),
        cmocka_unit_test_setup_teardown(test_held_without_its_key, begin, end),
        cmocka_unit_test_setup_teardown(test_proved, begin, end),
        cmocka_unit_test_setup_teardown(test_end_of_a_wait, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
