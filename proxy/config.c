/*
 * From a file or from arguments to a configuration: reads the text, has it read along the table of
 * keys and checked as a whole, and reports every fault at once. Arguments take the same way: they
 * are put into the JSON that someone would have written for them.
 */
#include "proxy/config.h"

#include <errno.h>
#include <jansson.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/config_check.h"
#include "proxy/config_fault.h"
#include "proxy/config_key.h"
#include "proxy/config_read.h"
#include "translate/sasl/sasl_mechanism.h"
#include "translate/text/buf.h"

enum {
    FILE_MAX = 4 << 20, /* octets of a configuration file */
    READ_STEP = 1 << 16,
};

static void certificate_clear(struct config_certificate *c)
{
    free(c->certificate);
    free(c->key);
}

static void certificates_clear(struct config_certificates *c)
{
    certificate_clear(&c->first);
    for (size_t i = 0; i < c->more_count; i++)
        certificate_clear(&c->more[i]);
    free(c->more);
}

static void listener_clear(struct config_listener *l)
{
    endpoint_clear(&l->endpoint);
    certificates_clear(&l->certificates);
    free(l->client_ca);
}

/* The options' strings are const to all but their owner, which is the route. */
static void options_clear(struct maildrop_options *o)
{
    for (size_t i = 0; i < o->folder_count; i++)
        free((char *)o->folders[i]);
    free((void *)o->folders);
    free((char *)o->uidl);
    free((char *)o->move_to);
}

static void oauth_clear(struct config_oauth *o)
{
    free(o->provider);
    free(o->issuer);
    free(o->client_id);
    free(o->client_secret_file);
    free(o->scope);
    free(o->authorization_endpoint);
    free(o->device_endpoint);
    free(o->token_endpoint);
    free(o->revocation_endpoint);
    free(o->redirect);
    free(o->ca);
}

static void auth_http_clear(struct config_auth_http *a)
{
    for (size_t i = 0; i < a->header_count; i++) {
        free(a->headers[i].name);
        free(a->headers[i].file);
    }
    free(a->headers);
    free(a->url);
    free(a->ca);
}

static void route_clear(struct config_route *r)
{
    free(r->name);
    free(r->match);
    free(r->login);
    oauth_clear(&r->oauth);
    auth_http_clear(&r->auth_http);
    free(r->sasl.master_user);
    free(r->sasl.master_password_file);
    for (size_t i = 0; i < r->srv_target_count; i++)
        free(r->srv_targets[i]);
    free((void *)r->srv_targets);
    endpoint_clear(&r->upstream);
    for (size_t i = 0; i < r->pin_count; i++)
        free(r->pins[i]);
    free(r->pins);
    certificate_clear(&r->identity);
    options_clear(&r->pop3);
    filing_free(r->imap.filing, r->imap.filing_count);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->listener_count; i++)
        listener_clear(&c->listeners[i]);
    for (size_t i = 0; i < c->route_count; i++)
        route_clear(&c->routes[i]);
    for (size_t i = 0; i < c->limits.trusted_network_count; i++)
        free(c->limits.trusted_networks[i]);
    free((void *)c->limits.trusted_networks);
    free(c->listeners);
    free(c->routes);
    free(c->dns);
    certificates_clear(&c->certificates);
    free(c->state_dir);
    free(c->held_key);
    free(c);
}

bool config_has_certificate(const struct config_certificates *certificates)
{
    return certificates->first.certificate || certificates->more_count;
}

bool config_route_is_certified(const struct config_route *r)
{
    return r->sasl.mechanisms == SASL_EXTERNAL;
}

bool config_route_is_trusted(const struct config_route *r)
{
    return config_route_is_certified(r) || r->sasl.master_user;
}

const struct config_certificates *config_listener_certificates(const struct config *c,
                                                               const struct config_listener *l)
{
    return config_has_certificate(&l->certificates) ? &l->certificates : &c->certificates;
}

static char *path_join(const char *directory, const char *rest)
{
    struct buf path = BUF_INIT;

    buf_printf(&path, "%s/%s", directory, rest);
    char *joined = buf_failed(&path) ? NULL : slice_dup(buf_slice(&path));
    buf_clear(&path);
    return joined;
}

/* An empty variable is none, as the XDG base directory specification says. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

char *config_default_state_dir(void)
{
    const char *systemd = environment("STATE_DIRECTORY");
    const char *xdg = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");

    if (systemd)
        return slice_dup(slice_make(systemd, strcspn(systemd, ":")));
    if (geteuid() == 0)
        return strdup("/var/lib/mailferry");
    if (xdg)
        return path_join(xdg, "mailferry");
    if (!home) {
        const struct passwd *user = getpwuid(geteuid());
        home = user && user->pw_dir ? user->pw_dir : "/var/lib";
    }
    return path_join(home, ".local/state/mailferry");
}

int config_log_level(const char *word)
{
    for (int i = 0; config_log_levels[i]; i++)
        if (strcmp(word, config_log_levels[i]) == 0)
            return i;
    return -1;
}

static bool name_route(struct config_route *r)
{
    char name[ENDPOINT_TEXT];

    if (r->name)
        return true;
    endpoint_print(&r->upstream, name, sizeof name);
    r->name = strdup(r->auth_http.url ? "auth_http" : name);
    return r->name != NULL;
}

/* For all sessions of the route; that it is a format, accept_uidl() has seen to. */
static bool compile_uidl(struct maildrop_options *o)
{
    struct failure ignored;

    return !o->uidl || uidl_format_parse(&o->uidl_format, o->uidl, &ignored);
}

/* What depends on something else. */
static bool fill_in(struct config *c)
{
    for (size_t i = 0; i < c->route_count; i++)
        if (!name_route(&c->routes[i]) || !compile_uidl(&c->routes[i].pop3))
            return false;
    if (!c->state_dir)
        c->state_dir = config_default_state_dir();
    return c->state_dir != NULL;
}

/* Takes over nothing: `root` stays the caller's. */
static struct config *config_build(json_t *root, struct config_faults *faults)
{
    struct config *c = calloc(1, sizeof *c);

    if (!c) {
        faults->failed = true;
        return NULL;
    }
    config_read(c, root, faults);
    if (!faults->failed)
        config_check(c, faults);
    if (faults->count == 0 && !faults->failed && fill_in(c))
        return c;
    if (faults->count == 0)
        faults->failed = true;
    config_free(c);
    return NULL;
}

static void add_duplicate(void *context, const char *pointer, unsigned line)
{
    config_fault_add_at(context, line, pointer, "stands here a second time; keep one of them");
}

static const char *syntax_remedy(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_numeric_overflow:
        return "write a smaller number";
    case json_error_invalid_utf8:
        return "save the file as UTF-8";
    default:
        return "look there for a missing or extra comma, quote or brace";
    }
}

/* jansson ends a message with the text near the place. That could be anything, also a password, so
 * only what stands before it is told. */
static void add_syntax_fault(struct config_faults *faults, const json_error_t *error)
{
    const char *near = strstr(error->text, " near '");
    int length = near ? (int)(near - error->text) : (int)strlen(error->text);

    config_fault_add_at(faults, error->line > 0 ? (unsigned)error->line : 0, "",
                        "is not JSON: %.*s, column %d; %s", length, error->text, error->column,
                        syntax_remedy(error));
}

static struct config *config_parse(struct slice text, struct config_faults *faults)
{
    json_error_t error;
    json_t *root = json_loadb(text.p, text.n, 0, &error);
    struct config *c = NULL;

    if (!root) {
        add_syntax_fault(faults, &error);
        return NULL;
    }
    struct config_positions *positions = config_positions_new(text);
    faults->positions = positions;
    if (positions && config_positions_duplicates(positions, add_duplicate, faults))
        c = config_build(root, faults);
    else
        faults->failed = true;
    faults->positions = NULL;
    config_positions_free(positions);
    json_decref(root);
    return c;
}

static bool read_file(FILE *in, struct buf *text)
{
    for (;;) {
        char *room = buf_reserve(text, READ_STEP);
        if (!room)
            return false;
        size_t n = fread(room, 1, READ_STEP, in);
        buf_added(text, n);
        if (n < READ_STEP || buf_size(text) > FILE_MAX)
            return !ferror(in);
    }
}

static bool load_file(const char *path, struct buf *text, struct config_faults *faults)
{
    FILE *in = fopen(path, "re");
    bool done = in && read_file(in, text);

    if (!done && buf_failed(text))
        faults->failed = true;
    else if (!done)
        config_fault_add(faults, "", "cannot be read: %s; check its path and permissions",
                         strerror(errno));
    else if (buf_size(text) > FILE_MAX)
        config_fault_add(faults, "", "is larger than 4 MiB; this is no configuration file");
    if (in)
        fclose(in);
    return done && buf_size(text) <= FILE_MAX;
}

struct config *config_load(const char *path, FILE *errors)
{
    struct config_faults faults = {.source = path};
    struct buf text = BUF_INIT;
    struct config *c = NULL;

    if (load_file(path, &text, &faults))
        c = config_parse(buf_slice(&text), &faults);
    buf_clear(&text);
    if (!config_faults_report(&faults, errors)) {
        config_free(c);
        return NULL;
    }
    return c;
}

/* The `=` that divides LISTENER=UPSTREAM is the first one that a URL follows: `=` also stands in
 * parameters. NULL when there is none. */
static const char *find_divider(const char *route)
{
    static const char *const starts[] = {"pop3://",    "pop3s://",   "imap://", "imaps://",
                                         "pop3+unix:", "imap+unix:", "auto",    NULL};

    for (const char *equals = strchr(route, '='); equals; equals = strchr(equals + 1, '='))
        for (const char *const *s = starts; *s; s++)
            if (strncasecmp(equals + 1, *s, strlen(*s)) == 0)
                return equals;
    return NULL;
}

static bool check_url(const char *what, size_t number, struct slice url,
                      struct config_faults *faults)
{
    struct endpoint e;
    struct failure why = {0};

    if (!endpoint_parse_upstream(&e, url, &why)) {
        config_fault_add(faults, "", "the %s of route %zu: %s", what, number, why.text);
        return false;
    }
    endpoint_clear(&e);
    return true;
}

/* json_pack, but what the arguments did wrong is told. NULL: a fault, or memory is out. */
static json_t *pack(struct config_faults *faults, const char *format, ...)
{
    json_error_t error = {0};
    va_list args;

    va_start(args, format);
    json_t *value = json_vpack_ex(&error, 0, format, args);
    va_end(args);
    if (!value && json_error_code(&error) == json_error_invalid_utf8)
        config_fault_add(faults, "", "an argument is not UTF-8; rename the file that it names");
    else if (!value)
        faults->failed = true;
    return value;
}

/* One route's part of the JSON. The listener is named, so that several pairs keep apart. */
static void add_route(const char *route, size_t number, bool allow_cleartext, json_t *listeners,
                      json_t *routes, struct config_faults *faults)
{
    const char *divider = find_divider(route);

    if (!divider) {
        config_fault_add(faults, "",
                         "route %zu is not LISTENER=UPSTREAM, as in "
                         "pop3://127.0.0.1:1110=imaps://imap.example.com",
                         number);
        return;
    }
    struct slice listener = {route, (size_t)(divider - route)};
    struct slice upstream = slice_of(divider + 1);
    bool readable = check_url("listener", number, listener, faults);
    if (!check_url("upstream", number, upstream, faults) || !readable)
        return;
    json_t *from = pack(faults, "{s:s%,s:b}", "url", listener.p, listener.n, "allow_cleartext",
                        allow_cleartext);
    json_t *to = pack(faults, "{s:s%,s:s%,s:b}", "listener", listener.p, listener.n, "upstream",
                      upstream.p, upstream.n, "allow_cleartext", allow_cleartext);
    if (json_array_append_new(listeners, from) + json_array_append_new(routes, to) != 0 &&
        faults->count == 0)
        faults->failed = true;
}

static json_t *routes_to_json(const char *const *routes, size_t count, const char *certificate,
                              const char *key, bool allow_cleartext, struct config_faults *faults)
{
    json_t *root = pack(faults, "{s:[],s:[],s:{s:s*,s:s*}}", "listeners", "routes", "tls",
                        "certificate", certificate, "key", key);

    for (size_t i = 0; i < count && root; i++)
        add_route(routes[i], i + 1, allow_cleartext, json_object_get(root, "listeners"),
                  json_object_get(root, "routes"), faults);
    return root;
}

struct config *config_from_routes(const char *const *routes, size_t count, const char *certificate,
                                  const char *key, bool allow_cleartext, FILE *errors)
{
    struct config_faults faults = {.source = "--route"};
    json_t *root = routes_to_json(routes, count, certificate, key, allow_cleartext, &faults);
    struct config *c = root && faults.count == 0 ? config_build(root, &faults) : NULL;

    json_decref(root);
    config_faults_report(&faults, errors);
    return c;
}
