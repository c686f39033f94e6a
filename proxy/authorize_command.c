#include "proxy/authorize_command.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/auth/authorization.h"
#include "proxy/auth/secret.h"
#include "proxy/device_setup.h"
#include "proxy/log.h"
#include "proxy/login_trial.h"
#include "proxy/process.h"
#include "proxy/store/state_dir.h"
#include "proxy/terminal.h"
#include "proxy/user_route.h"

enum { INTERRUPTED = 130, PASTED_MAX = 8192 };

struct authorize {
    const struct cli_options *options;
    struct settings *settings;
    struct user_route user;
    struct device_setup device;
    struct secret secret;
    struct failure why; /* of what came to its end last */
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_poll_t input; /* a person pastes an address */
    bool reads_input;
    struct buf pasted;
    struct http *http;
    struct authorization *authorization; /* under way; NULL, as the next */
    struct login_trial *trial;
    bool over; /* what was begun last has ended */
    bool interrupted;
    bool replaces; /* what was authorized before */
};

static const struct config *config_of(const struct authorize *a)
{
    return a->settings->config;
}

static const struct oauth_provider *provider_of(const struct authorize *a)
{
    return &a->settings->auth.providers[a->user.index];
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* At once, for the next word may be long in coming. */
static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout);
}

static bool wait_for_end(struct authorize *a)
{
    while (!a->over)
        uv_run(&a->loop, UV_RUN_ONCE);
    return a->why.kind == FAILURE_NONE;
}

/* ---- what a person is shown -------------------------------------------------------------- */

static void show_address(const char *address)
{
    if (terminal_shows_utf8(stdout))
        terminal_show_qr(address, stdout);
}

/* A provider's words go to a terminal: they must not steer it. */
static void clean(char *out, size_t cap, const char *text)
{
    text_clean(out, cap, slice_of(text));
}

static void on_device(void *owner, const struct oauth_device *device)
{
    char address[1024], code[64];

    (void)owner;
    clean(address, sizeof address, device->address);
    clean(code, sizeof code, device->user_code);
    say("\nOpen this address on any device, and type the code:\n\n"
        "  address   %s\n  code      %s\n\n",
        address, code);
    show_address(device->address_complete ? device->address_complete : device->address);
    say("Waiting until that is done; the code is good for %u minutes. Ctrl-C ends it.\n",
        (device->seconds + 59) / 60);
}

static void on_address(void *owner, const char *address, bool listening)
{
    char shown[4096];

    (void)owner;
    clean(shown, sizeof shown, address);
    say("\nOpen this address in a browser%s, and follow the provider's questions:\n\n  %s\n\n",
        listening ? " on this machine" : "", shown);
    show_address(address);
    say(listening ? "Waiting until that is done. If the browser is on another machine, it will end "
                    "at an address that\nit cannot open: paste that whole address here, and press "
                    "Enter. Ctrl-C ends it.\n"
                  : "When the browser has come to its end, paste the whole address that it shows "
                    "here, and press\nEnter. Ctrl-C ends it.\n");
}

static void on_wrong_answer(void *owner, const struct failure *why)
{
    (void)owner;
    say("%s. Still waiting.\n", why->text);
}

/* ---- what a person says ------------------------------------------------------------------ */

static void stop_input(struct authorize *a)
{
    if (a->reads_input)
        uv_poll_stop(&a->input);
}

static void take_lines(struct authorize *a)
{
    struct slice text = buf_slice(&a->pasted);
    const char *end;

    while (a->authorization && text.n && (end = memchr(text.p, '\n', text.n))) {
        struct slice line = slice_make(text.p, (size_t)(end - text.p));
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        slice_take(&text, (size_t)(end - text.p) + 1);
        authorization_paste(a->authorization, line);
    }
    buf_drop(&a->pasted, buf_size(&a->pasted) - text.n);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct authorize *a = poll->data;
    char piece[1024];
    ssize_t n = status == 0 ? read(STDIN_FILENO, piece, sizeof piece) : -1;

    (void)events;
    if (n <= 0) {
        stop_input(a);
        return;
    }
    buf_put(&a->pasted, slice_make(piece, (size_t)n));
    explicit_bzero(piece, sizeof piece);
    take_lines(a);
    if (buf_size(&a->pasted) > PASTED_MAX)
        stop_input(a);
}

/* Input that cannot be waited for, as a file or /dev/null, is nobody's. */
static void start_input(struct authorize *a)
{
    a->reads_input = uv_poll_init(&a->loop, &a->input, STDIN_FILENO) == 0;
    a->input.data = a;
    if (a->reads_input)
        uv_poll_start(&a->input, UV_READABLE, on_input);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct authorize *a = handle->data;

    (void)number;
    a->interrupted = true;
    failure_set(&a->why, FAILURE_TEMPORARY, "interrupted: nothing was stored");
    if (a->trial) {
        login_trial_cancel(a->trial);
    } else if (a->authorization) {
        authorization_cancel(a->authorization);
        a->authorization = NULL;
        a->over = true;
    }
}

/* ---- what is to be sealed ---------------------------------------------------------------- */

static void on_tokens(void *owner, struct oauth_tokens *tokens, const struct failure *why)
{
    struct authorize *a = owner;

    a->authorization = NULL;
    a->over = true;
    a->why = *why;
    if (tokens)
        a->secret = (struct secret){.kind = SECRET_TOKENS, .tokens = *tokens};
}

static bool obtain_tokens(struct authorize *a)
{
    static const struct authorization_handler handler = {on_device, on_address, on_wrong_answer,
                                                         on_tokens};
    const struct oauth_provider *p = provider_of(a);
    struct authorization_request request = {
        .http = a->http,
        .provider = p,
        .redirect = a->user.route->oauth.redirect,
        .login_hint = a->user.upstream,
    };

    say("%s is asked for authorization to read the mail of %s.\n", p->name, a->user.upstream);
    a->over = false;
    a->authorization = authorization_start(&request, &handler, a, &a->why);
    if (!a->authorization)
        return false;
    if (p->grant == OAUTH_CODE)
        start_input(a);
    bool good = wait_for_end(a);
    stop_input(a);
    if (good)
        say("%s has authorized it.\n", p->name);
    return good;
}

static const char *upstream_name(const struct authorize *a)
{
    return a->user.route->upstream.automatic ? "the mail server of the user's domain"
                                             : a->user.route->name;
}

static bool ask_upstream_password(struct authorize *a)
{
    struct buf password = {.secret = true};
    char question[200];

    snprintf(question, sizeof question, "Password of %.80s at %.80s", a->user.upstream,
             upstream_name(a));
    bool read = terminal_ask_secret(&password, question, "the upstream's password", &a->why);
    if (read)
        a->secret.password = slice_dup(buf_slice(&password));
    if (read && !a->secret.password)
        failure_set(&a->why, FAILURE_TEMPORARY, "out of memory, try again later");
    buf_wipe(&password);
    return a->secret.password;
}

/* ---- the trial --------------------------------------------------------------------------- */

static void on_tried(void *owner, const struct failure *why)
{
    struct authorize *a = owner;

    a->trial = NULL;
    a->over = true;
    if (!a->interrupted)
        a->why = *why;
}

static bool make_credential(const struct authorize *a, struct credential *c)
{
    struct slice login = slice_of(a->user.upstream);

    return a->secret.kind == SECRET_GATEWAY
               ? settings_auth_credential(&a->settings->auth, config_of(a), a->user.index, login, c)
               : secret_credential(&a->secret, login, c);
}

/* Of `auto`, it is the one that the device's clients are served from. */
static enum endpoint_protocol upstream_protocol(const struct authorize *a)
{
    const struct endpoint *e = &a->user.route->upstream;
    bool from_pop3 = a->user.pop3 && (a->device.limits.pop3 || !a->user.imap);

    if (!e->automatic)
        return e->protocol;
    return from_pop3 ? ENDPOINT_IMAP : ENDPOINT_POP3;
}

static bool try_login(struct authorize *a)
{
    struct credential credential = {.kind = CREDENTIAL_PASSWORD};
    struct failure failed;

    if (!make_credential(a, &credential)) {
        failure_set(&a->why, FAILURE_TEMPORARY, "out of memory, try again later");
        return false;
    }
    struct login_trial_request request = {
        .http = a->http,
        .settings = a->settings,
        .route = a->user.route,
        .protocol = upstream_protocol(a),
        .user = a->user.user,
        .credential = &credential,
    };
    say("Logging in to %s as %s ...\n", upstream_name(a), a->user.upstream);
    a->over = false;
    a->trial = login_trial_start(&request, on_tried, a, &a->why);
    credential_clear(&credential);
    if (a->trial && wait_for_end(a))
        return true;
    if (!a->interrupted) {
        failed = a->why;
        failure_set(&a->why, failed.kind, "the login failed, so nothing was stored: %s",
                    failed.text);
    }
    return false;
}

/* ---- step by step ------------------------------------------------------------------------ */

static bool store(struct authorize *a)
{
    struct vault_device device = device_setup_device(&a->device);
    json_t *secret = secret_to_json(&a->secret);

    if (!secret) {
        failure_set(&a->why, FAILURE_TEMPORARY, "out of memory, try again later");
        return false;
    }
    bool stored = vault_create(config_of(a)->state_dir, slice_of(a->user.user), secret, &device,
                               a->options->replace, &a->why);
    json_decref(secret);
    return stored;
}

static void tell(const struct authorize *a)
{
    const struct oauth_tokens *t = &a->secret.tokens;

    say("It works, and is kept under the device's password.\n");
    if (a->secret.kind == SECRET_TOKENS && !t->refresh && t->expires &&
        provider_of(a)->grant != OAUTH_CLIENT)
        say("\n%s gave nothing to renew it with: it ends when its token expires. The \"scope\" may "
            "lack what\nasks for that, as offline_access.\n",
            provider_of(a)->name);
    if (a->replaces && a->secret.kind == SECRET_TOKENS && provider_of(a)->grant != OAUTH_CLIENT)
        say("\nWhat %s authorized before is gone from here, and goes on there until it ends or is "
            "taken back.\n",
            provider_of(a)->name);
    device_setup_print(&a->device, config_of(a), a->user.user, stdout);
    fflush(stdout);
}

static bool may_begin(struct authorize *a)
{
    bool off = a->user.route->devices == CONFIG_DEVICES_OFF;
    bool there = vault_exists(config_of(a)->state_dir, slice_of(a->user.user));

    a->replaces = there;
    if (off)
        failure_set(&a->why, FAILURE_PERMANENT,
                    "route %s has no passwords for devices: take its \"device_passwords\": \"off\" "
                    "out",
                    a->user.route->name);
    else if (there && !a->options->replace)
        failure_set(&a->why, FAILURE_PERMANENT,
                    "%s is authorized already: give another device its password with \"mailferry "
                    "passwd\", or authorize anew with --replace, which takes all devices away",
                    a->user.user);
    return !off && (!there || a->options->replace) &&
           state_dir_make(config_of(a)->state_dir, &a->why);
}

static bool open_loop(struct authorize *a)
{
    static const int numbers[] = {SIGINT, SIGTERM};

    failure_set(&a->why, FAILURE_TEMPORARY, "out of memory, try again later");
    if (uv_loop_init(&a->loop) != 0)
        return false;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&a->loop, &a->signals[i]);
        a->signals[i].data = a;
        uv_signal_start(&a->signals[i], on_signal, numbers[i]);
    }
    a->http = http_new(&a->loop);
    return a->http != NULL;
}

static void close_loop(struct authorize *a)
{
    if (!a->signals[0].data)
        return; /* it was never opened */
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&a->signals[i], NULL);
    if (a->reads_input)
        uv_close((uv_handle_t *)&a->input, NULL);
    if (a->http)
        http_close(a->http, NULL, NULL);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    uv_loop_close(&a->loop);
}

/* All that is typed comes first: so it is read in order, and Ctrl-C simply ends us. */
static bool run(struct authorize *a)
{
    bool oauth = a->user.route->oauth.client_id;
    bool trusted = config_route_is_trusted(a->user.route);

    if (trusted)
        a->secret.kind = SECRET_GATEWAY;
    return may_begin(a) &&
           device_setup_make(&a->device, a->options, config_of(a)->state_dir,
                             config_of(a)->held_key, &a->why) &&
           (oauth || trusted || ask_upstream_password(a)) && open_loop(a) &&
           (!oauth || obtain_tokens(a)) && try_login(a) && store(a);
}

static int end(struct authorize *a, bool good)
{
    if (good)
        tell(a);
    else
        fprintf(stderr, "mailferry: %s\n", a->why.text);
    close_loop(a);
    buf_wipe(&a->pasted);
    secret_clear(&a->secret);
    device_setup_clear(&a->device);
    user_route_clear(&a->user);
    settings_release(a->settings);
    return good ? EXIT_SUCCESS : a->interrupted ? INTERRUPTED : EXIT_FAILURE;
}

int authorize_run(const struct cli_options *o, struct config *c)
{
    struct authorize a = {.options = o, .pasted = {.secret = true}};

    process_prepare();
    log_setup(false, LOG_ERROR);
    a.settings = settings_new(c, NULL, stderr);
    if (!a.settings)
        return CLI_USAGE_ERROR;
    bool good = user_route_find(&a.user, config_of(&a), o->arguments[0], &a.why) && run(&a);
    return end(&a, good);
}
