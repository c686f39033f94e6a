#include "proxy/revocation.h"

#include <string.h>
#include <uv.h>

#include "proxy/auth/oauth.h"
#include "proxy/auth/secret.h"
#include "proxy/auth/vault.h"
#include "proxy/settings_auth.h"
#include "proxy/terminal.h"

struct revocation {
    uv_loop_t loop;
    struct http *http;
    struct oauth_provider provider;
    struct oauth_endpoints endpoints;
    const struct oauth_tokens *tokens;
    bool over;
    struct failure why; /* kind NONE: the provider has taken it back */
};

/* ---- at the provider --------------------------------------------------------------------- */

static void on_revoked(void *owner, const struct failure *why)
{
    struct revocation *r = owner;

    r->why = *why;
    r->over = true;
}

static void take_back(struct revocation *r)
{
    r->over = !oauth_revoke(r->http, &r->provider, r->tokens, on_revoked, r, &r->why);
}

static void on_endpoints(void *owner, struct oauth_endpoints *endpoints, const struct failure *why)
{
    struct revocation *r = owner;

    r->why = *why;
    r->over = !endpoints;
    if (!endpoints)
        return;
    r->endpoints = *endpoints;
    oauth_provider_complete(&r->provider, &r->endpoints);
    take_back(r);
}

static void begin(struct revocation *r)
{
    if (r->provider.revocation_endpoint || !r->provider.issuer)
        take_back(r);
    else
        r->over = !oauth_discover(r->http, &r->provider, on_endpoints, r, &r->why);
}

/* What became of it is in `r->why`. */
static void ask_provider(struct revocation *r)
{
    failure_set(&r->why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (uv_loop_init(&r->loop) != 0)
        return;
    r->http = http_new(&r->loop);
    if (r->http) {
        begin(r);
        while (!r->over)
            uv_run(&r->loop, UV_RUN_ONCE);
        http_close(r->http, NULL, NULL);
    }
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
    oauth_endpoints_clear(&r->endpoints);
}

static void revoke_tokens(const struct oauth_provider *p, const struct oauth_tokens *tokens,
                          FILE *out)
{
    struct revocation r = {.provider = *p, .tokens = tokens};

    if (!oauth_tokens_are_of(tokens, p)) {
        fprintf(out,
                "The authorization was not taken back: %s did not give it. It goes on at %.*s "
                "until it is\nremoved there.\n",
                p->name, (int)strcspn(tokens->provider, " "), tokens->provider);
        return;
    }
    ask_provider(&r);
    if (r.why.kind == FAILURE_NONE)
        fprintf(out, "%s has taken the authorization back.\n", p->name);
    else
        fprintf(out,
                "The authorization was not taken back: %s.\nIt goes on at %s until it is removed "
                "there, among the applications that have access to the account.\n",
                r.why.text, p->name);
}

/* ---- what there is to take back ---------------------------------------------------------- */

static bool is_last(const char *state_dir, const char *user, const char *device)
{
    struct failure ignored; /* whoever revokes hears of it */
    json_t *devices = vault_devices(state_dir, slice_of(user), &ignored);
    const char *name = json_string_value(json_object_get(json_array_get(devices, 0), "name"));
    bool last = json_array_size(devices) == 1 && name && strcmp(name, device) == 0;

    json_decref(devices);
    return last;
}

/* Nothing is entered: `*password` stays empty. */
static bool ask_password(struct buf *password, const char *device, const char *provider,
                         struct failure *why)
{
    char question[240];

    snprintf(question, sizeof question,
             "Password of \"%s\", to take the authorization back at %.100s (Enter: leave it there)",
             device, provider);
    return terminal_ask_secret(password, question, "the password of the last device", why) ||
           (buf_size(password) == 0 && why->kind == FAILURE_PERMANENT);
}

static bool open_vault(struct secret *secret, const char *state_dir, const char *user,
                       struct slice password, struct failure *why)
{
    struct device_limits limits = {.pop3 = false};
    struct vault_key key = {{0}};
    struct vault_entered entered;
    json_t *opened = NULL;

    bool good =
        vault_open(state_dir, slice_of(user), password, &key, &opened, &limits, &entered, why) &&
        secret_from_json(secret, opened, why);
    vault_key_wipe(&key);
    device_limits_clear(&limits);
    json_decref(opened);
    return good;
}

static bool run(const struct oauth_provider *p, const char *state_dir, const char *user,
                const char *device, FILE *out, struct failure *why)
{
    struct buf password = {.secret = true};
    struct secret secret = {.kind = SECRET_PASSWORD};
    bool good = ask_password(&password, device, p->name, why);

    if (good && buf_size(&password) == 0)
        fprintf(out,
                "Without the device's password the authorization cannot be taken back: it goes on "
                "at %s until\nit is removed there, among the applications that have access to the "
                "account.\n",
                p->name);
    else
        good = good && open_vault(&secret, state_dir, user, buf_slice(&password), why);
    if (good && secret.kind == SECRET_TOKENS)
        revoke_tokens(p, &secret.tokens, out);
    fflush(out);
    buf_wipe(&password);
    secret_clear(&secret);
    return good;
}

bool revocation_run(const struct config *c, const struct user_route *u, const char *state_dir,
                    const char *user, const char *device, FILE *out, struct failure *why)
{
    struct settings_auth auth;
    bool good = true;

    if ((c && !u->route->oauth.client_id) || !is_last(state_dir, user, device))
        return true;
    if (!c) {
        fputs(
            "If this user was authorized by OAuth 2.0, that goes on at the provider; with -c it is "
            "taken back.\n",
            out);
        return true;
    }
    if (!settings_auth_make(&auth, c, stderr)) {
        failure_set(why, FAILURE_PERMANENT, "the configuration cannot be used, see above");
        good = false;
    } else if (auth.providers[u->index].grant != OAUTH_CLIENT) {
        good = run(&auth.providers[u->index], state_dir, user, device, out, why);
    }
    settings_auth_clear(&auth);
    return good;
}
