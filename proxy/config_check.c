/*
 * One function per rule, each with the pointer of what is to be changed. A rule that needs what
 * could not be read stays silent: that has its own fault already.
 */
#include "proxy/config_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/auth/oauth.h"
#include "proxy/config_conflict.h"
#include "proxy/config_key.h"
#include "proxy/config_match.h"
#include "translate/maildrop/uidl_format.h"

enum {
    POINTER_MAX = 64, /* of an element of a list */
    BELOW_MAX = 128,  /* of a key in it */
};

static bool endpoint_is_known(const struct endpoint *e)
{
    return e->host || e->unix_path || e->automatic;
}

/* Opens it, so that the answer is the system's own, as it will be for the server. */
static void check_file(const char *path, bool may_be_directory, const char *pointer,
                       struct config_faults *faults)
{
    struct stat info;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

    if (!path)
        return;
    if (fd < 0)
        config_fault_add(faults, pointer, "%s cannot be read: %s; check its path and permissions",
                         path, strerror(errno));
    else if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) && !may_be_directory)
        config_fault_add(faults, pointer, "%s is a directory; name the PEM file in it", path);
    if (fd >= 0)
        close(fd);
}

static void check_pem(const struct config_certificate *c, const char *pointer,
                      struct config_faults *faults)
{
    char at[2 * BELOW_MAX];

    snprintf(at, sizeof at, "%s/certificate", pointer);
    check_file(c->certificate, false, at, faults);
    snprintf(at, sizeof at, "%s/key", pointer);
    check_file(c->key, false, at, faults);
}

/* A certificate and its key: both or none, both readable. */
static void check_pair(const struct config_certificate *c, const char *pointer,
                       struct config_faults *faults)
{
    if (!c->certificate != !c->key)
        config_fault_add(faults, pointer, "has a %s without a %s; give both PEM files",
                         c->certificate ? "certificate" : "key",
                         c->certificate ? "key" : "certificate");
    check_pem(c, pointer, faults);
}

/* That one of the further ones lacks a half, the reader has told. */
static void check_certificates(const struct config_certificates *c, const char *pointer,
                               struct config_faults *faults)
{
    char at[BELOW_MAX];

    check_pair(&c->first, pointer, faults);
    for (size_t i = 0; i < c->more_count; i++) {
        snprintf(at, sizeof at, "%s/certificates/%zu", pointer, i);
        check_pem(&c->more[i], at, faults);
    }
}

static void check_clients(const struct config_listener *l, const char *pointer,
                          struct config_faults *faults)
{
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/client_ca", pointer);
    check_file(l->client_ca, true, at, faults);
    if (l->client_ca && l->endpoint.tls == ENDPOINT_TLS_OFF)
        config_fault_add(faults, at, "is of no use without TLS; leave it or tls=off out");
    if (l->client_required && !l->client_ca)
        config_fault_add(faults, pointer,
                         "requires a certificate of clients, and has nothing to verify it by; add "
                         "client_ca");
}

static void check_listener_tls(const struct config *c, const struct config_listener *l,
                               const char *pointer, struct config_faults *faults)
{
    bool demands =
        l->endpoint.tls == ENDPOINT_TLS_IMPLICIT || l->endpoint.tls == ENDPOINT_TLS_STARTTLS;
    char name[ENDPOINT_TEXT];

    check_certificates(&l->certificates, pointer, faults);
    check_clients(l, pointer, faults);
    if (!endpoint_is_known(&l->endpoint))
        return;
    endpoint_print(&l->endpoint, name, sizeof name);
    if (demands && !config_has_certificate(config_listener_certificates(c, l)))
        config_fault_add(faults, pointer,
                         "%s has no certificate; give it a certificate and its key (--certificate "
                         "and --key with --route)",
                         name);
    if (l->endpoint.ca || !l->endpoint.verify)
        config_fault_add(faults, pointer,
                         "%s: ca= and verify= are about an upstream's certificate; leave them out",
                         name);
}

static void check_listener_unique(const struct config *c, size_t index, const char *pointer,
                                  struct config_faults *faults)
{
    const struct endpoint *e = &c->listeners[index].endpoint;
    char name[ENDPOINT_TEXT];

    if (!endpoint_is_known(e))
        return;
    for (size_t i = 0; i < index; i++) {
        if (endpoint_is_known(&c->listeners[i].endpoint) &&
            endpoint_same_address(&c->listeners[i].endpoint, e)) {
            endpoint_print(e, name, sizeof name);
            config_fault_add(faults, pointer,
                             "%s is another listener's address too; keep one of them", name);
            return;
        }
    }
}

static void check_listeners(const struct config *c, struct config_faults *faults)
{
    char pointer[POINTER_MAX];

    for (size_t i = 0; i < c->listener_count; i++) {
        snprintf(pointer, sizeof pointer, "/listeners/%zu", i);
        check_listener_tls(c, &c->listeners[i], pointer, faults);
        config_conflict_listener(&c->listeners[i], pointer, faults);
        check_listener_unique(c, i, pointer, faults);
    }
}

static void check_upstream(const struct config_route *r, const char *pointer,
                           struct config_faults *faults)
{
    char at[BELOW_MAX];
    const struct endpoint *e = &r->upstream;

    check_pair(&r->identity, pointer, faults);
    if (!endpoint_is_known(e))
        return;
    snprintf(at, sizeof at, "%s/pins", pointer);
    if (r->pin_count && e->tls == ENDPOINT_TLS_OFF)
        config_fault_add(faults, at, "are of no use without TLS; leave them or tls=off out");
    snprintf(at, sizeof at, "%s/upstream", pointer);
    if (endpoint_is_any(e) && !r->auth_http.url)
        config_fault_add(faults, at, "an upstream needs a host, as in imaps://imap.example.com");
    if (e->ca)
        check_file(e->ca, true, at, faults);
    if (e->ca && !e->verify)
        config_fault_add(faults, at, "ca= is of no use with verify=off; leave one of them out");
    if (e->tls == ENDPOINT_TLS_OFF && !endpoint_is_loopback(e) && !endpoint_is_any(e) &&
        !r->allow_cleartext)
        config_fault_add(faults, at,
                         "with tls=off no password could be sent there; leave tls=off "
                         "out, or set allow_cleartext (--allow-cleartext with --route)");
}

static void check_master(const struct config_sasl *o, const char *pointer,
                         struct config_faults *faults)
{
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/sasl/master_password_file", pointer);
    check_file(o->master_password_file, false, at, faults);
    snprintf(at, sizeof at, "%s/sasl", pointer);
    if (!o->master_user != !o->master_password_file)
        config_fault_add(faults, at, "has a %s without a %s; give both",
                         o->master_user ? "master_user" : "master_password_file",
                         o->master_user ? "master_password_file" : "master_user");
}

static void check_endpoint(const char *url, const char *key, const char *pointer,
                           struct config_faults *faults)
{
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/oauth/%s", pointer, key);
    if (url && strncmp(url, "https://", 8) != 0 && strncmp(url, "http://127.0.0.1", 16) != 0 &&
        strncmp(url, "http://localhost", 16) != 0)
        config_fault_add(faults, at,
                         "tokens must not cross a network in the clear; write an https:// address");
}

/* A grant needs its endpoint: given, the preset's, or discovered at an issuer. */
static void check_grant(const struct config_oauth *o, const char *pointer,
                        struct config_faults *faults)
{
    static const struct oauth_provider none = {.grant = OAUTH_DEVICE};
    const struct oauth_provider *preset = o->provider ? oauth_preset(o->provider) : NULL;
    const struct oauth_provider *p = preset ? preset : &none;
    int grant = o->grant >= 0 ? o->grant : (int)p->grant;
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/oauth", pointer);
    if (o->issuer || p->issuer || !(o->provider || o->token_endpoint))
        return; /* to be discovered; or it was said already that there is no provider */
    if (grant == OAUTH_DEVICE && !o->device_endpoint && !p->device_endpoint)
        config_fault_add(faults, at,
                         "the grant device needs a device_endpoint; add it or an issuer, or write "
                         "another grant");
    if (grant == OAUTH_CODE && !o->authorization_endpoint && !p->authorization_endpoint)
        config_fault_add(faults, at,
                         "the grant code needs an authorization_endpoint; add it or an issuer, or "
                         "write another grant");
}

/* What belongs to OAuth is of no use without a client_id, and that is of none without the rest. */
static void check_oauth(const struct config_route *r, const char *pointer,
                        struct config_faults *faults)
{
    const struct config_oauth *o = &r->oauth;
    bool said = o->provider || o->issuer || o->client_secret_file || o->scope || o->ca ||
                o->authorization_endpoint || o->device_endpoint || o->token_endpoint ||
                o->revocation_endpoint || o->redirect || o->grant >= 0;
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/oauth", pointer);
    if (said && !o->client_id)
        config_fault_add(faults, at, "has no client_id; add the one that the provider gave");
    if (o->client_id && !o->provider && !o->issuer && !o->token_endpoint)
        config_fault_add(faults, at, "names no provider; add provider, issuer or token_endpoint");
    if (o->client_id && r->devices == CONFIG_DEVICES_OFF)
        config_fault_add(faults, at,
                         "needs passwords for devices; leave device_passwords out, or OAuth");
    if (o->client_id && r->upstream.automatic && !r->srv_target_count)
        config_fault_add(faults, at,
                         "tokens go to no host that only a user's domain names; add srv_targets "
                         "with the provider's hosts, as *.example.com, or name the upstream");
    if (o->client_id && o->grant == OAUTH_CLIENT && !o->client_secret_file)
        config_fault_add(faults, at, "the grant client needs a client_secret_file");
    if (o->client_id)
        check_grant(o, pointer, faults);
    snprintf(at, sizeof at, "%s/oauth/client_secret_file", pointer);
    check_file(o->client_secret_file, false, at, faults);
    snprintf(at, sizeof at, "%s/oauth/ca", pointer);
    check_file(o->ca, false, at, faults);
    check_endpoint(o->issuer, "issuer", pointer, faults);
    check_endpoint(o->authorization_endpoint, "authorization_endpoint", pointer, faults);
    check_endpoint(o->device_endpoint, "device_endpoint", pointer, faults);
    check_endpoint(o->token_endpoint, "token_endpoint", pointer, faults);
    check_endpoint(o->revocation_endpoint, "revocation_endpoint", pointer, faults);
}

/* The secret of a header, and the password, in the clear: to this machine only. */
static bool crosses_in_the_clear(const struct config_route *r)
{
    const char *url = r->auth_http.url;

    return strncasecmp(url, "https://", 8) != 0 && strncmp(url, "http://127.", 11) != 0 &&
           strncmp(url, "http://[::1]", 12) != 0 && strncasecmp(url, "http://localhost", 16) != 0 &&
           !r->allow_cleartext;
}

static void check_auth_http(const struct config_route *r, const char *pointer,
                            struct config_faults *faults)
{
    const struct config_auth_http *a = &r->auth_http;
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/auth_http", pointer);
    if (!a->url && (a->header_count || a->ca))
        config_fault_add(faults, at, "has no url; add the service's address");
    if (!a->url)
        return;
    if (r->upstream.automatic || r->upstream.unix_path)
        config_fault_add(faults, at,
                         "says where the upstream is, and so does upstream; write imap://* or "
                         "another URL with * as its host there");
    if (crosses_in_the_clear(r))
        config_fault_add(faults, at,
                         "passwords would cross a network in the clear; write an https:// address, "
                         "or set allow_cleartext");
    if (r->oauth.client_id || r->sasl.master_separator)
        config_fault_add(faults, at,
                         "decides by users' own passwords; leave oauth and sasl.master_separator "
                         "out");
    snprintf(at, sizeof at, "%s/auth_http/ca", pointer);
    check_file(a->ca, false, at, faults);
    for (size_t i = 0; i < a->header_count; i++) {
        snprintf(at, sizeof at, "%s/auth_http/headers/%zu/file", pointer, i);
        check_file(a->headers[i].file, false, at, faults);
    }
}

/* The state of a user of such a route stands under the route's name. */
static void check_service_name(const struct config *c, size_t index, const char *pointer,
                               struct config_faults *faults)
{
    const struct config_route *r = &c->routes[index];

    for (size_t i = 0; i < index && r->auth_http.url; i++) {
        const struct config_route *other = &c->routes[i];
        bool same =
            !r->name || !other->name ? !r->name && !other->name : strcmp(r->name, other->name) == 0;
        if (other->auth_http.url && same && r->upstream.protocol == other->upstream.protocol)
            config_fault_add(faults, pointer,
                             "its users' state would be that of /routes/%zu; give each route with "
                             "auth_http a name of its own",
                             i);
    }
}

static void check_finding(const struct config_route *r, const char *pointer,
                          struct config_faults *faults)
{
    char at[BELOW_MAX];

    check_auth_http(r, pointer, faults);
    snprintf(at, sizeof at, "%s/srv_targets", pointer);
    if (r->srv_target_count && !r->upstream.automatic)
        config_fault_add(faults, at,
                         "is only for \"upstream\": \"auto\"; set that or leave srv_targets out");
}

static const char *protocol_name(enum endpoint_protocol protocol)
{
    return protocol == ENDPOINT_POP3 ? "POP3" : "IMAP";
}

/* A route that names its listener is for the other protocol; one that does not has only such
 * listeners. */
static void check_protocols(const struct config *c, const struct config_route *r,
                            const char *pointer, struct config_faults *faults)
{
    char at[BELOW_MAX];
    enum endpoint_protocol protocol = r->upstream.protocol;

    if (!endpoint_is_known(&r->upstream) || r->upstream.automatic || r->listener < 0 ||
        c->listeners[r->listener].endpoint.protocol != protocol)
        return;
    snprintf(at, sizeof at, "%s/upstream", pointer);
    config_fault_add(
        faults, at, "%s clients are served from %s upstreams only; write %s:// or %ss://",
        protocol_name(protocol), protocol == ENDPOINT_POP3 ? "IMAP" : "POP3",
        protocol == ENDPOINT_POP3 ? "imap" : "pop3", protocol == ENDPOINT_POP3 ? "imap" : "pop3");
}

static void check_deletion(const struct maildrop_options *o, const char *pointer,
                           struct config_faults *faults)
{
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/pop3/deletion", pointer);
    if (o->deletion == MAILDROP_KEEP_DAYS && o->keep_days == 0)
        config_fault_add(faults, at, "keep-days needs a number of days; add keep_days");
    snprintf(at, sizeof at, "%s/pop3/keep_days", pointer);
    if (o->deletion != MAILDROP_KEEP_DAYS && o->keep_days)
        config_fault_add(faults, at,
                         "is only for \"deletion\": \"keep-days\"; set that or leave "
                         "keep_days out");
    snprintf(at, sizeof at, "%s/pop3/move_to", pointer);
    if (o->deletion != MAILDROP_MOVE && o->move_to)
        config_fault_add(faults, at,
                         "is only for \"deletion\": \"move\"; set that or leave move_to out");
}

static void check_folders(const struct maildrop_options *o, const char *pointer,
                          struct config_faults *faults)
{
    struct uidl_format format;
    struct failure ignored;
    char at[BELOW_MAX];

    for (size_t i = 0; i < o->folder_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (o->folders[i] && o->folders[j] && strcmp(o->folders[i], o->folders[j]) == 0) {
                snprintf(at, sizeof at, "%s/pop3/folders/%zu", pointer, i);
                config_fault_add(faults, at, "is in the list already; leave it out");
                break;
            }
        }
    }
    snprintf(at, sizeof at, "%s/pop3/uidl", pointer);
    if (o->folder_count > 1 && o->uidl && uidl_format_parse(&format, o->uidl, &ignored) &&
        !uidl_format_spans_folders(&format))
        config_fault_add(faults, at,
                         "messages of different folders would be alike; add %%v or %%F");
}

/* A rule's conditions: of its three texts each has one. */
static void check_conditions(const struct filing_rule *rule, const char *pointer,
                             struct config_faults *faults)
{
    char at[2 * BELOW_MAX];

    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct filing_condition *c = &rule->conditions[i];
        int texts = (c->contains != NULL) + (c->is != NULL) + (c->matches != NULL);
        snprintf(at, sizeof at, "%s/if/%zu", pointer, i);
        if (texts > 1)
            config_fault_add(faults, at,
                             "has more than one of contains, is and matches; write a condition "
                             "for each");
        else if (texts == 0 && c->header)
            config_fault_add(faults, at,
                             "says nothing of the field; add one of contains, is and matches");
    }
}

static void check_filing(const struct config_imap *o, const char *pointer,
                         struct config_faults *faults)
{
    char at[BELOW_MAX];

    for (size_t i = 0; i < o->filing_count; i++) {
        snprintf(at, sizeof at, "%s/imap/filing/%zu", pointer, i);
        check_conditions(&o->filing[i], at, faults);
    }
}

/* Every login that `later` matches was taken by `earlier` already. Where a separator takes a part
 * off the login for one of them only, that is certain for the pattern `*` alone. */
static bool route_covers(const struct config_route *earlier, const struct config_route *later)
{
    if (earlier->pop3.folder_separator != later->pop3.folder_separator)
        return strcmp(earlier->match, "*") == 0;
    return config_pattern_covers(earlier->match, later->match);
}

/* Where no listener is left to a route, `*by` is the last route that took one; -1: it never had. */
static bool route_is_reached(const struct config *c, size_t index, int *by)
{
    const struct config_route *r = &c->routes[index];

    *by = -1;
    for (size_t l = 0; l < c->listener_count; l++) {
        size_t i = 0;
        if (!config_route_serves(c, r, l))
            continue;
        while (i < index &&
               !(config_route_serves(c, &c->routes[i], l) && route_covers(&c->routes[i], r)))
            i++;
        if (i == index)
            return true;
        *by = (int)i;
    }
    return false;
}

static void check_route_reached(const struct config *c, size_t index, const char *pointer,
                                struct config_faults *faults)
{
    int by;

    if (route_is_reached(c, index, &by))
        return;
    if (by < 0)
        config_fault_add(faults, pointer, "no listener leads here; add a listener with %s:// url",
                         c->routes[index].upstream.protocol == ENDPOINT_IMAP ? "a pop3"
                                                                             : "an imap");
    else
        config_fault_add(faults, pointer,
                         "no user gets here: /routes/%d takes them all; put this one before it or "
                         "narrow its match",
                         by);
}

static void check_listener_used(const struct config *c, size_t index, struct config_faults *faults)
{
    char pointer[POINTER_MAX];
    char name[ENDPOINT_TEXT];

    for (size_t i = 0; i < c->route_count; i++)
        if (config_route_serves(c, &c->routes[i], index))
            return;
    snprintf(pointer, sizeof pointer, "/listeners/%zu", index);
    endpoint_print(&c->listeners[index].endpoint, name, sizeof name);
    config_fault_add(faults, pointer, "%s has no route; add one or leave the listener out", name);
}

/* Whom a certificate lets in, must be served without a password upstream. */
static void check_client_user(const struct config *c, size_t index, struct config_faults *faults)
{
    char at[POINTER_MAX];

    if (c->listeners[index].client_user == TLS_NAME_NONE)
        return;
    for (size_t i = 0; i < c->route_count; i++)
        if (config_route_serves(c, &c->routes[i], index) && config_route_is_trusted(&c->routes[i]))
            return;
    snprintf(at, sizeof at, "/listeners/%zu/client_user", index);
    config_fault_add(
        faults, at,
        "a certificate could let nobody in: the upstreams of this listener's routes "
        "want users' own passwords; add a route with \"mechanisms\": [\"EXTERNAL\"] or "
        "a master_user in its sasl, or leave client_user out");
}

static void check_routes(const struct config *c, struct config_faults *faults)
{
    char pointer[POINTER_MAX];

    for (size_t i = 0; i < c->route_count; i++) {
        snprintf(pointer, sizeof pointer, "/routes/%zu", i);
        check_upstream(&c->routes[i], pointer, faults);
        check_protocols(c, &c->routes[i], pointer, faults);
        check_master(&c->routes[i].sasl, pointer, faults);
        check_oauth(&c->routes[i], pointer, faults);
        check_finding(&c->routes[i], pointer, faults);
        check_service_name(c, i, pointer, faults);
        check_deletion(&c->routes[i].pop3, pointer, faults);
        check_folders(&c->routes[i].pop3, pointer, faults);
        check_filing(&c->routes[i].imap, pointer, faults);
        config_conflict_route(&c->routes[i], pointer, faults);
    }
}

/* Who reaches whom can be told only when every address and pattern could be read. */
static bool all_is_known(const struct config *c)
{
    for (size_t i = 0; i < c->listener_count; i++)
        if (!endpoint_is_known(&c->listeners[i].endpoint))
            return false;
    for (size_t i = 0; i < c->route_count; i++)
        if (!endpoint_is_known(&c->routes[i].upstream) || !c->routes[i].match ||
            c->routes[i].listener == CONFIG_LISTENER_UNKNOWN)
            return false;
    return c->listener_count > 0 && c->route_count > 0;
}

static void check_reach(const struct config *c, struct config_faults *faults)
{
    char pointer[POINTER_MAX];

    for (size_t i = 0; i < c->listener_count; i++) {
        check_listener_used(c, i, faults);
        check_client_user(c, i, faults);
    }
    for (size_t i = 0; i < c->route_count; i++) {
        snprintf(pointer, sizeof pointer, "/routes/%zu", i);
        check_route_reached(c, i, pointer, faults);
    }
}

void config_check(const struct config *c, struct config_faults *faults)
{
    check_certificates(&c->certificates, "/tls", faults);
    check_listeners(c, faults);
    check_routes(c, faults);
    if (all_is_known(c))
        check_reach(c, faults);
}
