/* OAuth 2.0 towards a provider that says what each test makes it say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/auth/oauth.h"
#include "tests/unit/http_server.h"

#define REPLY(status, json) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" json
#define GRANTED                                                                                \
    REPLY("200 OK", "{\"access_token\":\"A-1\",\"token_type\":\"Bearer\",\"expires_in\":3600," \
                    "\"refresh_token\":\"R-2\",\"scope\":\"mail\"}")

enum { NOW = 1800000000 };

static struct http *http;
static struct oauth_provider provider;
static char token_endpoint[100], device_endpoint[100];

/* What came of it. */
static bool over;
static struct oauth_tokens tokens;
static struct failure failure;
static struct oauth_endpoints endpoints;
static char user_code[32], address[100];

static int begin(void **state)
{
    (void)state;
    over = false;
    failure = (struct failure){0};
    user_code[0] = address[0] = '\0';
    if (!http_server_start())
        return -1;
    snprintf(token_endpoint, sizeof token_endpoint, "%s/token", http_server.url);
    snprintf(device_endpoint, sizeof device_endpoint, "%s/device", http_server.url);
    provider = (struct oauth_provider){
        .name = "example",
        .authorization_endpoint = "https://id.example/authorize",
        .token_endpoint = token_endpoint,
        .device_endpoint = device_endpoint,
        .client_id = "gate way",
        .scope = "mail offline_access",
        .allow_http = true,
    };
    http = http_new(&http_server.loop);
    return http ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    oauth_tokens_wipe(&tokens);
    oauth_endpoints_clear(&endpoints);
    http_close(http, NULL, NULL);
    return http_server_stop() ? 0 : -1;
}

static void on_done(void *owner, struct oauth_tokens *given, const struct failure *why)
{
    (void)owner;
    assert_int_equal(given != NULL, why->kind == FAILURE_NONE);
    over = true;
    failure = *why;
    tokens = given ? *given : (struct oauth_tokens){0};
    uv_stop(&http_server.loop);
}

static void on_shown(void *owner, const struct oauth_device *device)
{
    (void)owner;
    snprintf(user_code, sizeof user_code, "%s", device->user_code);
    snprintf(address, sizeof address, "%s", device->address);
}

static void on_discovered(void *owner, struct oauth_endpoints *given, const struct failure *why)
{
    (void)owner;
    over = true;
    failure = *why;
    if (given)
        endpoints = *given;
    uv_stop(&http_server.loop);
}

static void refresh(const char *reply)
{
    struct failure why;

    over = false;
    oauth_tokens_wipe(&tokens);
    http_server.replies[http_server.asked] = reply;
    assert_non_null(oauth_refresh(http, &provider, "R-1&", NOW, on_done, NULL, &why));
    http_server_run(&over);
}

static const char *asked(unsigned turn)
{
    return http_server.requests[turn];
}

static void test_refresh(void **state)
{
    (void)state;
    refresh(GRANTED);
    assert_int_equal(failure.kind, FAILURE_NONE);
    assert_string_equal(tokens.access, "A-1");
    assert_string_equal(tokens.refresh, "R-2");
    assert_int_equal(tokens.expires, NOW + 3600);
    assert_int_equal(strncmp(asked(0), "POST /token ", 12), 0);
    assert_non_null(strstr(asked(0), "\r\n\r\ngrant_type=refresh_token&refresh_token=R-1%26"
                                     "&client_id=gate%20way"));
}

static void test_a_client_with_a_secret(void **state)
{
    (void)state;
    provider.client_secret = "s:1";
    refresh(GRANTED);
    /* "gate%20way:s%3A1" */
    assert_non_null(strstr(asked(0), "Authorization: Basic Z2F0ZSUyMHdheTpzJTNBMQ==\r\n"));
    assert_null(strstr(asked(0), "client_id"));
}

/* Hosts tell, since a configuration may name the issuer, or its endpoints. */
static void test_whose_they_are(void **state)
{
    static const struct oauth_provider its[] = {
        {.issuer = "https://Issuer.example/realm"},
        {.token_endpoint = "https://tokens.example:8443/token"},
        {.issuer = "https://elsewhere.example", .token_endpoint = "https://tokens.example/"},
    };
    static const struct oauth_provider others[] = {
        {.issuer = "https://issuer.example.org"},
        {.token_endpoint = "https://example/tokens.example"},
        {.issuer = "https://[::1]:1/", .token_endpoint = "https://okens.example"},
    };
    struct oauth_tokens t = {.provider = (char *)"issuer.example tokens.example"};
    struct oauth_tokens old = {.provider = NULL};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(oauth_tokens_are_of(&t, &its[i]));
        assert_false(oauth_tokens_are_of(&t, &others[i]));
        assert_true(oauth_tokens_are_of(&old, &others[i]));
    }
    t.provider = (char *)"[::1]";
    assert_true(oauth_tokens_are_of(&t, &others[2]));
}

static void test_kept_and_taken_back(void **state)
{
    struct oauth_tokens again;
    struct failure why;

    (void)state;
    refresh(GRANTED);
    json_t *kept = oauth_tokens_to_json(&tokens);
    assert_true(oauth_tokens_from_json(&again, kept, &why));
    assert_string_equal(again.access, "A-1");
    assert_string_equal(again.refresh, "R-2");
    assert_string_equal(again.scope, "mail");
    assert_string_equal(again.provider, "127.0.0.1");
    assert_int_equal(again.expires, NOW + 3600);
    oauth_tokens_wipe(&again);
    json_object_del(kept, "access");
    assert_false(oauth_tokens_from_json(&again, kept, &why));
    assert_int_equal(why.kind, FAILURE_PERMANENT);
    json_decref(kept);
}

static void test_what_refusals_mean(void **state)
{
    (void)state;
    refresh(REPLY("400 Bad", "{\"error\":\"invalid_grant\",\"error_description\":\"revoked\"}"));
    assert_int_equal(failure.kind, FAILURE_AUTH);
    assert_non_null(strstr(failure.text, "mailferry authorize"));
    assert_non_null(strstr(failure.text, "revoked"));
    refresh(REPLY("401 No", "{\"error\":\"invalid_client\"}"));
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    refresh(REPLY("503 Away", "{\"error\":\"temporarily_unavailable\"}"));
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
    refresh(REPLY("502 Bad Gateway", "<html>"));
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(failure.text, "502"));
    refresh(REPLY("200 OK", "{\"access_token\":\"A\",\"token_type\":\"mac\"}"));
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    refresh(REPLY("200 OK", "{}"));
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    assert_null(strstr(failure.text, "R-1"));
}

static void test_numbers_as_strings(void **state)
{
    (void)state;
    refresh(REPLY("200 OK", "{\"access_token\":\"A\",\"expires_in\":\"60\"}"));
    assert_int_equal(tokens.expires, NOW + 60);
    assert_null(tokens.refresh);
    refresh(REPLY("200 OK", "{\"access_token\":\"A\",\"expires_in\":-5}"));
    assert_int_equal(tokens.expires, 0);
}

static void test_tokens_do_not_cross_in_the_clear(void **state)
{
    static const char *const wrong[] = {"http://id.example/token", "http://127.0.0.1.example/",
                                        "http://[::2]/", "ftp://127.0.0.1/", "http://"};
    struct failure why;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        provider.token_endpoint = wrong[i];
        assert_null(oauth_refresh(http, &provider, "R-1", NOW, on_done, NULL, &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
    }
    provider.token_endpoint = token_endpoint;
    provider.allow_http = false;
    assert_null(oauth_refresh(http, &provider, "R-1", NOW, on_done, NULL, &why));
    provider.token_endpoint = NULL;
    assert_null(oauth_refresh(http, &provider, "R-1", NOW, on_done, NULL, &why));
    assert_non_null(strstr(why.text, "token endpoint"));
}

static void test_client_credentials(void **state)
{
    struct failure why;

    (void)state;
    http_server.replies[0] = GRANTED;
    assert_non_null(oauth_client(http, &provider, NOW, on_done, NULL, &why));
    http_server_run(&over);
    assert_string_equal(tokens.access, "A-1");
    assert_non_null(strstr(asked(0), "grant_type=client_credentials&scope=mail%20offline_access"));
}

#define CODE(interval)                                                                            \
    REPLY("200 OK", "{\"device_code\":\"D-1\",\"user_code\":\"WDJB-MJHT\",\"interval\":" interval \
                    ",\"verification_uri\":\"https://id.example/device\",\"expires_in\":600}")

static void device(void)
{
    struct failure why;

    assert_non_null(oauth_device(http, &provider, NOW, on_shown, on_done, NULL, &why));
    http_server_run(&over);
}

static void test_a_device(void **state)
{
    (void)state;
    http_server.replies[0] = CODE("1");
    http_server.replies[1] = REPLY("400 Bad", "{\"error\":\"authorization_pending\"}");
    http_server.replies[2] = GRANTED;
    device();
    assert_string_equal(user_code, "WDJB-MJHT");
    assert_string_equal(address, "https://id.example/device");
    assert_string_equal(tokens.access, "A-1");
    assert_true(tokens.expires >= NOW + 3600 + 2); /* counted from the answer, not the beginning */
    assert_non_null(strstr(asked(1), "device_code=D-1"));
}

static void test_a_device_refused(void **state)
{
    (void)state;
    http_server.replies[0] = CODE("1");
    http_server.replies[1] = REPLY("400 Bad", "{\"error\":\"access_denied\"}");
    device();
    assert_int_equal(failure.kind, FAILURE_AUTH);
}

static void test_no_code_for_devices(void **state)
{
    (void)state;
    http_server.replies[0] = REPLY("200 OK", "{\"device_code\":\"D-1\"}");
    device();
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    http_server.replies[1] = REPLY("400 Bad", "{\"error\":\"invalid_scope\"}");
    over = false;
    device();
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
}

static void test_a_device_is_given_up(void **state)
{
    struct failure why;

    (void)state;
    http_server.replies[0] = CODE("1");
    struct oauth_call *c = oauth_device(http, &provider, NOW, on_shown, on_done, NULL, &why);
    assert_non_null(c);
    while (!user_code[0])
        uv_run(&http_server.loop, UV_RUN_ONCE);
    oauth_cancel(c);
    assert_false(over);
}

/* The value of a field in the address that a browser is sent to. */
static const char *field_of(const char *text, const char *name)
{
    static char value[200];
    const char *at = strstr(text, name);

    assert_non_null(at);
    at += strlen(name);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "&"), at);
    return value;
}

static void test_a_browser(void **state)
{
    struct oauth_code code;
    struct failure why;
    char answer[300];

    (void)state;
    provider.extra = "access_type=offline";
    assert_true(oauth_code_begin(&code, &provider, "http://127.0.0.1:7/", "ann@example.com", &why));
    assert_int_equal(strncmp(code.address, "https://id.example/authorize?", 29), 0);
    assert_string_equal(field_of(code.address, "redirect_uri="), "http%3A%2F%2F127.0.0.1%3A7%2F");
    assert_string_equal(field_of(code.address, "login_hint="), "ann%40example.com");
    assert_string_equal(field_of(code.address, "code_challenge_method="), "S256");
    assert_int_equal(strlen(field_of(code.address, "code_challenge=")), 43);
    assert_string_equal(field_of(code.address, "state="), code.state);
    assert_int_equal(strlen(code.verifier), 43);
    assert_string_equal(field_of(code.address, "access_type="), "offline");

    http_server.replies[0] = GRANTED;
    snprintf(answer, sizeof answer, " http://127.0.0.1:7/?code=C%%2F1&state=%s#x\n", code.state);
    assert_non_null(
        oauth_code_finish(http, &provider, &code, slice_of(answer), NOW, on_done, NULL, &why));
    http_server_run(&over);
    assert_string_equal(tokens.access, "A-1");
    assert_non_null(strstr(asked(0), "code=C%2F1&"));
    assert_string_equal(field_of(asked(0), "code_verifier="), code.verifier);
    oauth_code_clear(&code);
}

static void test_answers_that_are_none(void **state)
{
    struct oauth_code code;
    struct failure why;
    char answer[300];

    (void)state;
    provider.issuer = "https://id.example";
    assert_true(oauth_code_begin(&code, &provider, "http://127.0.0.1:7/", NULL, &why));
    static const char *const wrong[] = {"",      "?", "code=1", "?code=1&state=", "?code=1&state=x",
                                        "state", "%"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(oauth_code_finish(http, &provider, &code, slice_of(wrong[i]), NOW, on_done,
                                      NULL, &why));
        assert_int_equal(why.kind, FAILURE_PERMANENT);
    }
    snprintf(answer, sizeof answer, "?error=access_denied&state=%s", code.state);
    assert_null(
        oauth_code_finish(http, &provider, &code, slice_of(answer), NOW, on_done, NULL, &why));
    assert_int_equal(why.kind, FAILURE_AUTH);
    snprintf(answer, sizeof answer, "?code=1&iss=https%%3A%%2F%%2Fevil&state=%s", code.state);
    assert_null(
        oauth_code_finish(http, &provider, &code, slice_of(answer), NOW, on_done, NULL, &why));
    assert_non_null(strstr(why.text, "evil"));
    oauth_code_clear(&code);
}

static void discover(void)
{
    struct failure why;

    over = false;
    assert_non_null(oauth_discover(http, &provider, on_discovered, NULL, &why));
    http_server_run(&over);
}

static void test_discovery(void **state)
{
    char issuer[100], reply[500];

    (void)state;
    snprintf(issuer, sizeof issuer, "%s/tenant/", http_server.url);
    snprintf(reply, sizeof reply,
             REPLY("200 OK", "{\"issuer\":\"%s/tenant\",\"token_endpoint\":\"https://t/\","
                             "\"device_authorization_endpoint\":\"https://d/\","
                             "\"revocation_endpoint\":\"https://r/\"}"),
             http_server.url);
    provider.issuer = issuer;
    provider.authorization_endpoint = provider.device_endpoint = provider.token_endpoint = NULL;
    http_server.replies[0] = REPLY("404 No", "nothing here");
    http_server.replies[1] = reply;
    discover();
    assert_int_equal(failure.kind, FAILURE_NONE);
    assert_int_equal(strncmp(asked(0), "GET /tenant/.well-known/openid-configuration ", 45), 0);
    assert_int_equal(strncmp(asked(1), "GET /.well-known/oauth-authorization-server/tenant ", 51),
                     0);
    oauth_provider_complete(&provider, &endpoints);
    assert_string_equal(provider.token_endpoint, "https://t/");
    assert_string_equal(provider.device_endpoint, "https://d/");
    assert_string_equal(provider.revocation_endpoint, "https://r/");
    assert_null(provider.authorization_endpoint);
}

static void test_another_issuer_speaks(void **state)
{
    (void)state;
    provider.issuer = http_server.url;
    http_server.replies[0] =
        REPLY("200 OK", "{\"issuer\":\"https://evil\",\"token_endpoint\":\"https://evil/\"}");
    http_server.replies[1] = http_server.replies[0];
    discover();
    assert_int_equal(failure.kind, FAILURE_PERMANENT);
    assert_null(endpoints.token);
}

static void on_revoked(void *owner, const struct failure *why)
{
    (void)owner;
    over = true;
    failure = *why;
    uv_stop(&http_server.loop);
}

static void take_back(struct oauth_tokens given, const char *reply)
{
    struct failure why;

    over = false;
    http_server.replies[http_server.asked] = reply;
    assert_non_null(oauth_revoke(http, &provider, &given, on_revoked, NULL, &why));
    http_server_run(&over);
}

/* RFC 7009 section 2.2: the status says it all. */
static void test_revocation(void **state)
{
    struct oauth_tokens both = {.access = "A-1", .refresh = "R-1&"};

    (void)state;
    provider.revocation_endpoint = token_endpoint;
    take_back(both, REPLY("200 OK", ""));
    assert_int_equal(failure.kind, FAILURE_NONE);
    assert_non_null(strstr(asked(0), "\r\n\r\ntoken=R-1%26&token_type_hint=refresh_token"
                                     "&client_id=gate%20way"));
    take_back((struct oauth_tokens){.access = "A-1"}, REPLY("200 OK", "{}"));
    assert_int_equal(failure.kind, FAILURE_NONE);
    assert_non_null(strstr(asked(1), "\r\n\r\ntoken=A-1&token_type_hint=access_token"));
    take_back(both, REPLY("400 Bad", "{\"error\":\"unsupported_token_type\"}"));
    assert_non_null(strstr(failure.text, "unsupported_token_type"));
    take_back(both, REPLY("503 Later", ""));
    assert_int_equal(failure.kind, FAILURE_TEMPORARY);
    assert_non_null(strstr(failure.text, "503"));
}

static void test_no_revocation(void **state)
{
    static const char *const endpoints_of_none[] = {NULL, "http://id.example/revoke"};
    struct oauth_tokens given = {.access = "A-1"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        provider.revocation_endpoint = endpoints_of_none[i];
        assert_null(oauth_revoke(http, &provider, &given, on_revoked, NULL, &failure));
        assert_int_equal(failure.kind, FAILURE_PERMANENT);
    }
}

static void test_presets(void **state)
{
    (void)state;
    assert_null(oauth_preset("nobody"));
    const struct oauth_provider *p = oauth_preset("microsoft");
    assert_non_null(p);
    assert_null(p->client_id);
    char names[200];
    snprintf(names, sizeof names, "%s", oauth_preset_names());
    for (char *name = strtok(names, ", "); name; name = strtok(NULL, ", ")) {
        p = oauth_preset(name);
        assert_non_null(p);
        assert_true(p->grant == OAUTH_DEVICE ? p->device_endpoint != NULL
                                             : p->authorization_endpoint != NULL);
        assert_int_equal(strncmp(p->token_endpoint, "https://", 8), 0);
        assert_non_null(p->scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refresh, begin, end),
        cmocka_unit_test_setup_teardown(test_a_client_with_a_secret, begin, end),
        cmocka_unit_test_setup_teardown(test_kept_and_taken_back, begin, end),
        cmocka_unit_test(test_whose_they_are),
        cmocka_unit_test_setup_teardown(test_what_refusals_mean, begin, end),
        cmocka_unit_test_setup_teardown(test_numbers_as_strings, begin, end),
        cmocka_unit_test_setup_teardown(test_tokens_do_not_cross_in_the_clear, begin, end),
        cmocka_unit_test_setup_teardown(test_client_credentials, begin, end),
        cmocka_unit_test_setup_teardown(test_a_device, begin, end),
        cmocka_unit_test_setup_teardown(test_a_device_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_no_code_for_devices, begin, end),
        cmocka_unit_test_setup_teardown(test_a_device_is_given_up, begin, end),
        cmocka_unit_test_setup_teardown(test_a_browser, begin, end),
        cmocka_unit_test_setup_teardown(test_answers_that_are_none, begin, end),
        cmocka_unit_test_setup_teardown(test_discovery, begin, end),
        cmocka_unit_test_setup_teardown(test_another_issuer_speaks, begin, end),
        cmocka_unit_test_setup_teardown(test_revocation, begin, end),
        cmocka_unit_test_setup_teardown(test_no_revocation, begin, end),
        cmocka_unit_test(test_presets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
