/* What a configuration means, told to the person who wrote it; and what should worry them. */
#include <sys/stat.h>

#include "proxy/config_key.h"

static const char *tls_words(const struct config_listener *l, const struct config *c)
{
    bool certificate = config_has_certificate(config_listener_certificates(c, l));
    bool pop3 = l->endpoint.protocol == ENDPOINT_POP3;

    switch (l->endpoint.tls) {
    case ENDPOINT_TLS_IMPLICIT:
        return "TLS";
    case ENDPOINT_TLS_STARTTLS:
        return pop3 ? "STLS demanded" : "STARTTLS demanded";
    case ENDPOINT_TLS_OFF:
        return l->endpoint.unix_path ? "local" : "no TLS";
    default:
        if (!certificate)
            return "no TLS: no certificate";
        return pop3 ? "STLS offered" : "STARTTLS offered";
    }
}

static const char *upstream_tls_words(const struct config_route *r)
{
    const struct endpoint *e = &r->upstream;
    bool pop3 = e->protocol == ENDPOINT_POP3;

    switch (e->tls) {
    case ENDPOINT_TLS_IMPLICIT:
        return "TLS";
    case ENDPOINT_TLS_STARTTLS:
        return pop3 ? "STLS demanded" : "STARTTLS demanded";
    case ENDPOINT_TLS_OFF:
        return e->unix_path ? "local" : "no TLS";
    default:
        if (r->allow_cleartext || endpoint_is_loopback(e))
            return pop3 ? "STLS where offered" : "STARTTLS where offered";
        return pop3 ? "STLS, no password without it" : "STARTTLS, no password without it";
    }
}

static void print_listener_tls(const struct config_listener *l,
                               const struct config_certificates *certificates, FILE *out)
{
    if (certificates->first.certificate)
        fprintf(out, "  certificate   %s\n", certificates->first.certificate);
    for (size_t i = 0; i < certificates->more_count; i++)
        fprintf(out, "  certificate   %s\n", certificates->more[i].certificate);
    if (config_has_certificate(certificates))
        fprintf(out, "  TLS           %s and newer\n", config_tls_minimums[l->tls_minimum]);
    if (l->client_ca)
        fprintf(out, "  clients       their certificates are %s, verified by %s\n",
                l->client_required ? "required" : "asked for", l->client_ca);
}

static void print_listener(const struct config *c, const struct config_listener *l, FILE *out)
{
    char name[ENDPOINT_TEXT];

    endpoint_print(&l->endpoint, name, sizeof name);
    fprintf(out, "listener %s\n", name);
    fprintf(out, "  security      %s%s%s\n", tls_words(l, c),
            l->allow_cleartext ? ", passwords in the clear allowed" : "",
            l->held ? "" : ", held passwords not offered");
    if (l->endpoint.tls != ENDPOINT_TLS_OFF)
        print_listener_tls(l, config_listener_certificates(c, l), out);
}

static void print_finding(const struct config_route *r, FILE *out)
{
    if (r->srv_target_count)
        fprintf(out, "  targets       of the user's domain, and");
    for (size_t i = 0; i < r->srv_target_count; i++)
        fprintf(out, " %s%s", r->srv_targets[i], i + 1 < r->srv_target_count ? "" : "\n");
    if (r->auth_http.url)
        fprintf(out, "  found by      auth_http, asked for the %s's protocol\n",
                config_auth_protocols[r->auth_http.client_protocol]);
}

static void print_upstream(const struct config_route *r, FILE *out)
{
    const struct endpoint *e = &r->upstream;
    char name[ENDPOINT_TEXT];

    endpoint_print(e, name, sizeof name);
    fprintf(out, "  upstream      %s, %s", e->automatic ? "by the user's domain" : name,
            e->automatic ? "TLS demanded" : upstream_tls_words(r));
    if (e->tls != ENDPOINT_TLS_OFF && !e->verify && r->pin_count)
        fprintf(out, ", certificate verified by its pinned key alone");
    else if (e->tls != ENDPOINT_TLS_OFF && e->verify)
        fprintf(out, ", certificate verified by %s", e->ca ? e->ca : "the system's CAs");
    else if (e->tls != ENDPOINT_TLS_OFF)
        fprintf(out, ", certificate NOT VERIFIED");
    fprintf(out, "%s\n", r->allow_cleartext ? ", passwords in the clear allowed" : "");
    print_finding(r, out);
    if (e->tls == ENDPOINT_TLS_OFF)
        return;
    fprintf(out, "  TLS           %s and newer\n", config_tls_minimums[r->tls_minimum]);
    for (size_t i = 0; i < r->pin_count; i++)
        fprintf(out, "  pinned key    %s\n", r->pins[i]);
    if (r->identity.certificate)
        fprintf(out, "  certificate   %s, shown to an upstream that asks\n",
                r->identity.certificate);
}

static void print_deletion(const struct maildrop_options *o, FILE *out)
{
    static const char *const meanings[] = {
        [MAILDROP_EXPUNGE] = "deleted upstream",
        [MAILDROP_MOVE] = "moved to",
        [MAILDROP_FLAG] = "marked \\Deleted upstream, not expunged",
        [MAILDROP_KEEP] = "hidden from this login, kept upstream",
        [MAILDROP_KEEP_DAYS] = "hidden from this login, deleted upstream",
    };

    fprintf(out, "  deletion      %s: %s", config_deletions[o->deletion], meanings[o->deletion]);
    if (o->deletion == MAILDROP_MOVE)
        fprintf(out, " %s", o->move_to ? o->move_to : "the folder marked \\Trash");
    if (o->deletion == MAILDROP_KEEP_DAYS)
        fprintf(out, " %u days later", o->keep_days);
    fputc('\n', out);
}

static void print_folders(const struct maildrop_options *o, FILE *out)
{
    fprintf(out, "  folders       ");
    for (size_t i = 0; i < o->folder_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", o->folders[i]);
    if (o->folder_separator)
        fprintf(out, "; others by login as user%cFolder", o->folder_separator);
    fputc('\n', out);
}

static void print_selection(const struct maildrop_options *o, FILE *out)
{
    fprintf(out, "  messages      %s", o->unseen_only ? "unseen" : "all");
    if (o->last_days)
        fprintf(out, ", of the last %u days", o->last_days);
    if (o->last_messages)
        fprintf(out, ", the newest %u", o->last_messages);
    fprintf(out, "; RETR %s\n", o->seen ? "sets \\Seen" : "leaves \\Seen alone");
}

static void print_behaviour(const struct maildrop_options *o, FILE *out)
{
    fprintf(out, "  uidl          %s\n", o->uidl);
    if (o->prefetch)
        fprintf(out, "  prefetch      %zu octets\n", o->prefetch);
    else
        fprintf(out, "  prefetch      off\n");
    if (o->login_delay)
        fprintf(out, "  login delay   %u s\n", o->login_delay);
    if (o->warm_seconds)
        fprintf(out, "  kept warm     %u s after QUIT\n", o->warm_seconds);
    fprintf(out, "  compression   %s\n", o->compress ? "where offered" : "off");
    fprintf(out, "  PREAUTH       %s\n", o->allow_preauth ? "accepted" : "refused");
}

static void print_condition(const struct filing_condition *c, FILE *out)
{
    const char *word = c->contains ? "contains" : c->is ? "is" : "matches";
    const char *text = c->contains ? c->contains : c->is ? c->is : c->matches;

    fprintf(out, "%s %s \"%s\"", c->header, word, text);
}

static void print_rule(const struct filing_rule *rule, FILE *out)
{
    fprintf(out, "  filing        ");
    for (size_t i = 0; i < rule->condition_count; i++) {
        fputs(i ? " and " : "", out);
        print_condition(&rule->conditions[i], out);
    }
    fprintf(out, ": %s", rule->folder ? rule->folder : "INBOX");
    for (size_t i = 0; i < rule->flag_count; i++)
        fprintf(out, ", %s", rule->flags[i]);
    fputc('\n', out);
}

static void print_imap(const struct config_imap *o, FILE *out)
{
    fprintf(out, "  not listed    %s\n",
            o->unlisted == ACCOUNT_UNLISTED_DELETED ? "deleted: expunged here too"
                                                    : "stays: kept here");
    fprintf(out,
            "  polling       every %u s, for NOOP after %u s, the upstream let go of after %u s\n",
            o->poll_seconds, o->noop_seconds, o->idle_seconds);
    fprintf(out, "  messages      %s; cache of %zu octets for each user\n",
            o->archive ? "kept for ever once seen" : "fetched when read", o->cache);
    fprintf(out, "  APPEND        at most %u octets\n", o->append_limit);
    fprintf(out, "  APOP          %s\n", o->allow_apop ? "used where offered" : "off");
    for (size_t i = 0; i < o->filing_count; i++)
        print_rule(&o->filing[i], out);
}

static void print_pop3(const struct maildrop_options *o, FILE *out)
{
    print_folders(o, out);
    print_selection(o, out);
    print_deletion(o, out);
    print_behaviour(o, out);
}

static void print_sasl(const struct config_sasl *o, FILE *out)
{
    fprintf(out, "  log in by    ");
    if (!o->mechanisms)
        fprintf(out, " the strongest mechanism");
    for (unsigned i = 0; config_mechanisms[i]; i++)
        if (o->mechanisms & (UINT32_C(1) << i))
            fprintf(out, " %s", config_mechanisms[i]);
    if (o->master_user)
        fprintf(out, "; as %s, who acts for every user", o->master_user);
    if (o->master_separator)
        fprintf(out, "; USER%cOPERATOR acts for USER", o->master_separator);
    fprintf(out, "\n");
}

/* The provider by the name that the configuration has for it. */
static void print_devices(const struct config_route *r, FILE *out)
{
    const struct config_oauth *o = &r->oauth;
    const char *provider = o->provider ? o->provider : o->issuer ? o->issuer : o->token_endpoint;
    static const char *const told[] = {
        [CONFIG_DEVICES_ALLOWED] = "the upstream's, or a device's own",
        [CONFIG_DEVICES_REQUIRED] = "a device's own",
        [CONFIG_DEVICES_OFF] = "the upstream's",
    };

    if (o->client_id)
        fprintf(out, "  passwords     a device's own; upstream OAuth 2.0 by %s\n", provider);
    else if (config_route_is_trusted(r))
        fprintf(out, "  passwords     a device's own; upstream none but the gateway's\n");
    else
        fprintf(out, "  passwords     %s\n", told[r->devices]);
}

static void print_route(const struct config *c, size_t index, FILE *out)
{
    const struct config_route *r = &c->routes[index];
    char listener[ENDPOINT_TEXT] = "every listener";

    if (r->listener >= 0)
        endpoint_print(&c->listeners[r->listener].endpoint, listener, sizeof listener);
    fprintf(out, "route %zu: %s\n", index + 1, r->name);
    fprintf(out, "  from          %s\n", listener);
    fprintf(out, "  users         %s, upstream as %s\n", r->match, r->login);
    print_upstream(r, out);
    print_sasl(&r->sasl, out);
    print_devices(r, out);
    if (r->upstream.automatic || r->upstream.protocol == ENDPOINT_IMAP)
        print_pop3(&r->pop3, out);
    if (r->upstream.automatic || r->upstream.protocol == ENDPOINT_POP3)
        print_imap(&r->imap, out);
}

static bool has_listener(const struct config *c, enum endpoint_protocol protocol)
{
    for (size_t i = 0; i < c->listener_count; i++)
        if (c->listeners[i].endpoint.protocol == protocol)
            return true;
    return false;
}

static void print_idle(const struct config *c, FILE *out)
{
    unsigned pop3 = config_idle_seconds(&c->limits, ENDPOINT_POP3);
    unsigned imap = config_idle_seconds(&c->limits, ENDPOINT_IMAP);

    if (!has_listener(c, ENDPOINT_IMAP))
        fprintf(out, "%u s idle", pop3);
    else if (!has_listener(c, ENDPOINT_POP3) || pop3 == imap)
        fprintf(out, "%u s idle", imap);
    else
        fprintf(out, "%u s idle (IMAP: %u s)", pop3, imap);
}

static void print_limits(const struct config *c, FILE *out)
{
    const struct config_limits *l = &c->limits;

    fprintf(out, "limits\n");
    fprintf(out, "  connections   %u, %u for each address, %u of these without a login\n",
            l->connections, l->connections_per_address, l->unauthenticated_per_address);
    fprintf(out, "  clients       %u s to log in, ", l->login_seconds);
    print_idle(c, out);
    fprintf(out, ", %u s without taking an octet\n", l->write_seconds);
    fprintf(out, "  patience      %u wrong commands, %u refused logins\n", l->errors,
            l->login_attempts);
    if (l->login_refusals)
        fprintf(out, "  guessing      %u refused logins, then %u s without an answer\n",
                l->login_refusals, l->block_seconds);
    fprintf(out, "  upstreams     %u s to connect, %u s to answer\n", l->connect_seconds,
            l->response_seconds);
    fprintf(out, "  shutdown      %u s for sessions to end\n", l->drain_seconds);
}

void config_print(const struct config *c, FILE *out)
{
    for (size_t i = 0; i < c->listener_count; i++)
        print_listener(c, &c->listeners[i], out);
    for (size_t i = 0; i < c->route_count; i++)
        print_route(c, i, out);
    print_limits(c, out);
    fprintf(out, "process\n  state         %s\n", c->state_dir);
    if (c->held_key)
        fprintf(out, "  held key      %s\n", c->held_key);
    if (c->dns)
        fprintf(out, "  dns           %s\n", c->dns);
    fprintf(out, "  cache         %u MiB for all users together\n", c->cache_mib);
    fprintf(out, "  log           %s, level %s\n", config_log_formats[c->log_json],
            config_log_levels[c->log_level]);
    if (c->workers)
        fprintf(out, "  workers       %u\n", c->workers);
    else
        fprintf(out, "  workers       one for each core\n");
}

static size_t warn_minimum(const struct endpoint *e, enum tls_minimum minimum, FILE *out)
{
    char name[ENDPOINT_TEXT];

    if (!tls_minimum_is_old(minimum) || e->tls == ENDPOINT_TLS_OFF)
        return 0;
    endpoint_print(e, name, sizeof name);
    fprintf(out,
            "warning: %s: tls_minimum %s lets old TLS and weak ciphers in, which can be broken; "
            "only for what knows no better\n",
            name, config_tls_minimums[minimum]);
    return 1;
}

static size_t warn_cleartext(const struct config *c, const struct config_listener *l, FILE *out)
{
    bool can_tls = l->endpoint.tls != ENDPOINT_TLS_OFF &&
                   config_has_certificate(config_listener_certificates(c, l));
    char name[ENDPOINT_TEXT];

    if (endpoint_is_loopback(&l->endpoint) || l->endpoint.tls == ENDPOINT_TLS_IMPLICIT ||
        l->endpoint.tls == ENDPOINT_TLS_STARTTLS)
        return 0;
    endpoint_print(&l->endpoint, name, sizeof name);
    if (l->allow_cleartext)
        fprintf(out, "warning: %s: passwords may cross the network in the clear\n", name);
    else if (!can_tls)
        fprintf(out,
                "warning: %s: passwords from other machines will be refused; give it a certificate "
                "or, in a network you trust, allow_cleartext (--allow-cleartext with --route)\n",
                name);
    return l->allow_cleartext || !can_tls;
}

static size_t warn_upstream(const struct config_route *r, FILE *out)
{
    const struct endpoint *e = &r->upstream;
    size_t lines = 0;
    char name[ENDPOINT_TEXT];

    endpoint_print(e, name, sizeof name);
    if (!e->verify && e->tls != ENDPOINT_TLS_OFF && r->pin_count == 0) {
        fprintf(out,
                "WARNING: %s: verify=off: ANYONE IN BETWEEN CAN READ PASSWORDS AND MAIL; use "
                "ca=FILE with the server's CA instead, or pins\n",
                name);
        lines++;
    }
    if (r->allow_cleartext && !endpoint_is_loopback(e) &&
        (e->tls == ENDPOINT_TLS_AUTO || e->tls == ENDPOINT_TLS_OFF)) {
        fprintf(out, "warning: %s: passwords may cross the network in the clear\n", name);
        lines++;
    }
    return lines + warn_minimum(e, r->tls_minimum, out);
}

/* `what` is in it that nobody else is to have. */
static size_t warn_secret(const char *path, const char *what, FILE *out)
{
    struct stat info;

    if (!path || stat(path, &info) != 0 || !(info.st_mode & S_IRWXO))
        return 0;
    fprintf(out, "warning: %s: every user of this machine can reach the %s; chmod o= it\n", path,
            what);
    return 1;
}

static size_t warn_key(const char *path, FILE *out)
{
    return warn_secret(path, "private key", out);
}

static size_t warn_keys(const struct config_certificates *c, FILE *out)
{
    size_t lines = warn_key(c->first.key, out);

    for (size_t i = 0; i < c->more_count; i++)
        lines += warn_key(c->more[i].key, out);
    return lines;
}

size_t config_warn(const struct config *c, FILE *out)
{
    size_t lines =
        warn_keys(&c->certificates, out) + warn_secret(c->held_key, "key of held passwords", out);

    for (size_t i = 0; i < c->listener_count; i++) {
        const struct config_listener *l = &c->listeners[i];
        lines += warn_cleartext(c, l, out) + warn_minimum(&l->endpoint, l->tls_minimum, out) +
                 warn_keys(&l->certificates, out);
    }
    for (size_t i = 0; i < c->route_count; i++)
        lines += warn_upstream(&c->routes[i], out) + warn_key(c->routes[i].identity.key, out) +
                 warn_secret(c->routes[i].oauth.client_secret_file, "client's secret", out);
    return lines;
}
