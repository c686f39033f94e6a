/* The table of keys, and the strings among them that are more than text. */
#include "proxy/config_key.h"

#include <string.h>

#include "proxy/auth/oauth.h"
#include "proxy/net/network.h"
#include "proxy/net/srv.h"
#include "proxy/net/tls_pin.h"
#include "translate/maildrop/uidl_format.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { DAYS_MAX = 36500 };

const char *const config_deletions[] = {"expunge", "move", "flag", "keep", "keep-days", NULL};
const char *const config_unlisted[] = {"deleted", "stays", NULL};
const char *const config_tls_minimums[] = {"1.2", "1.3", "1.1", "1.0", NULL};
static const char *const client_certificates[] = {"request", "require", NULL};
const char *const config_client_users[] = {"none", "mail", "common-name", NULL};
const char *const config_mechanisms[] = {"OAUTHBEARER",
                                         "XOAUTH2",
                                         "EXTERNAL",
                                         "SCRAM-SHA-256-PLUS",
                                         "SCRAM-SHA-256",
                                         "SCRAM-SHA-1-PLUS",
                                         "SCRAM-SHA-1",
                                         "DIGEST-MD5",
                                         "CRAM-MD5",
                                         "PLAIN",
                                         "LOGIN",
                                         "APOP",
                                         NULL};
const char *const config_devices[] = {"allowed", "required", "off", NULL};
const char *const config_grants[] = {"device", "code", "client", NULL};
const char *const config_auth_protocols[] = {"upstream", "client", NULL};
const char *const config_log_levels[] = {"error", "warning", "info", "debug", NULL};
const char *const config_log_formats[] = {"text", "json", NULL};

static bool refuse(struct failure *why, const char *sentence)
{
    failure_set(why, FAILURE_PERMANENT, "%s", sentence);
    return false;
}

static bool keep_copy(const char *text, void *field, struct failure *why)
{
    char **string = field;

    *string = strdup(text);
    if (!*string)
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
    return *string != NULL;
}

static bool accept_url(const struct config *c, const char *text, void *field, struct failure *why)
{
    (void)c;
    return endpoint_parse(field, slice_of(text), why);
}

static bool accept_upstream(const struct config *c, const char *text, void *field,
                            struct failure *why)
{
    (void)c;
    return endpoint_parse_upstream(field, slice_of(text), why);
}

/* A pattern is matched against a login, which has no blanks at its ends and no controls at all. */
static bool accept_pattern(const struct config *c, const char *text, void *field,
                           struct failure *why)
{
    (void)c;
    if (*text == '\0')
        return refuse(why, "an empty pattern matches nobody; write * for every user");
    if (strchr(text, ' '))
        return refuse(why, "a pattern is one word with the wildcards * and ?, as in *@example.com");
    return keep_copy(text, field, why);
}

static bool accept_login(const struct config *c, const char *text, void *field, struct failure *why)
{
    bool has_item = false;

    (void)c;
    for (const char *p = strchr(text, '%'); p; p = strchr(p + 2, '%')) {
        if (p[1] == '\0' || !strchr("und%", p[1]))
            return refuse(why, "items are %u (whole login), %n (before the last @), %d (behind it) "
                               "and %%");
        has_item = has_item || p[1] == 'u' || p[1] == 'n';
    }
    if (!has_item)
        return refuse(why, "without %u or %n every user would be the same one upstream");
    return keep_copy(text, field, why);
}

static bool accept_uidl(const struct config *c, const char *text, void *field, struct failure *why)
{
    struct uidl_format ignored;

    (void)c;
    return uidl_format_parse(&ignored, text, why) && keep_copy(text, field, why);
}

static bool accept_separator(const struct config *c, const char *text, void *field,
                             struct failure *why)
{
    char *separator = field;

    (void)c;
    if (strlen(text) != 1 || !strchr("+#!$%&/=^|~:;,-_", *text))
        return refuse(why, "the separator is one of + # ! $ % & / = ^ | ~ : ; , - _");
    *separator = *text;
    return true;
}

/* `*` is what Dovecot's users know; it cannot be in a folder's place for the sake of patterns. */
static bool accept_master(const struct config *c, const char *text, void *field,
                          struct failure *why)
{
    char *separator = field;

    if (strcmp(text, "*") != 0)
        return accept_separator(c, text, field, why) ||
               refuse(why, "the separator is one of * + # ! $ % & / = ^ | ~ : ; , - _");
    *separator = '*';
    return true;
}

/* The listener with that URL. Listeners stand before routes in the table, so they are read. */
static bool accept_listener(const struct config *c, const char *text, void *field,
                            struct failure *why)
{
    int *listener = field;
    struct endpoint wanted;

    if (strcmp(text, "*") == 0) {
        *listener = CONFIG_LISTENER_EVERY;
        return true;
    }
    *listener = CONFIG_LISTENER_UNKNOWN;
    if (!endpoint_parse(&wanted, slice_of(text), why))
        return false;
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct endpoint *e = &c->listeners[i].endpoint;
        if ((e->host || e->unix_path) && e->protocol == wanted.protocol &&
            endpoint_same_address(e, &wanted))
            *listener = (int)i;
    }
    endpoint_clear(&wanted);
    if (*listener == CONFIG_LISTENER_UNKNOWN)
        return refuse(why, "no listener has this URL; write the url of one of /listeners");
    return true;
}

static bool accept_header(const struct config *c, const char *text, void *field,
                          struct failure *why)
{
    (void)c;
    return filing_accepts_header(text, why) && keep_copy(text, field, why);
}

static bool accept_folder(const struct config *c, const char *text, void *field,
                          struct failure *why)
{
    (void)c;
    return filing_accepts_folder(text, why) && keep_copy(text, field, why);
}

static bool accept_flag(const struct config *c, const char *text, void *field, struct failure *why)
{
    (void)c;
    return filing_accepts_flag(text, why) && keep_copy(text, field, why);
}

static bool accept_pin(const struct config *c, const char *text, void *field, struct failure *why)
{
    struct tls_pin ignored;

    (void)c;
    if (!tls_pin_parse(&ignored, slice_of(text)))
        return refuse(why, "is not sha256/ and the 44 characters of a SHA-256 in base64");
    return keep_copy(text, field, why);
}

static bool accept_network(const struct config *c, const char *text, void *field,
                           struct failure *why)
{
    struct network ignored;

    (void)c;
    return network_parse(&ignored, text, why) && keep_copy(text, field, why);
}

static bool accept_resolver(const struct config *c, const char *text, void *field,
                            struct failure *why)
{
    struct sockaddr_in ignored;

    (void)c;
    return srv_parse_resolver(&ignored, text, why) && keep_copy(text, field, why);
}

static bool accept_auth_url(const struct config *c, const char *text, void *field,
                            struct failure *why)
{
    (void)c;
    if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0)
        return refuse(why, "the service is an http:// or https:// address");
    return keep_copy(text, field, why);
}

static bool accept_auth_header(const struct config *c, const char *text, void *field,
                               struct failure *why)
{
    (void)c;
    if (!*text ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") !=
            strlen(text))
        return refuse(why, "a header's name is of letters, digits and hyphens, as in X-Auth-Key");
    return keep_copy(text, field, why);
}

static bool accept_provider(const struct config *c, const char *text, void *field,
                            struct failure *why)
{
    (void)c;
    if (oauth_preset(text))
        return keep_copy(text, field, why);
    failure_set(why, FAILURE_PERMANENT,
                "is none that is known here; write one of %s, or give its issuer or endpoints "
                "instead",
                oauth_preset_names());
    return false;
}

static bool accept_grant(const struct config *c, const char *text, void *field, struct failure *why)
{
    int *grant = field;

    (void)c;
    *grant = -1;
    for (int i = 0; config_grants[i]; i++)
        if (strcmp(text, config_grants[i]) == 0)
            *grant = i;
    return *grant >= 0 || !*text || refuse(why, "is no grant; write device, code or client");
}

/* Shorthands of the tables below: a field's place, and the kinds of keys that repeat. */
#define AT(in, member) .offset = offsetof(struct in, member)
#define COUNTED(in, member, number_of) \
    AT(in, member), .count_offset = offsetof(struct in, number_of)
#define NUMBER(in, member, from, to, preset) \
    .type = CONFIG_NUMBER, AT(in, member), .min = (from), .max = (to), .number = (preset)
#define SIZE(in, member, from, to, preset) \
    .type = CONFIG_SIZE, AT(in, member), .min = (from), .max = (to), .number = (preset)
#define FLAG(in, member, preset) .type = CONFIG_FLAG, AT(in, member), .number = (preset)
#define KEYS(array, bytes)                                      \
    {                                                           \
        .keys = (array), .count = COUNT(array), .size = (bytes) \
    }

static const struct config_key certificate_keys[] = {
    {"certificate", CONFIG_STRING, AT(config_certificate, certificate), .required = true},
    {"key", CONFIG_STRING, AT(config_certificate, key), .required = true},
};
static const struct config_object certificate_object =
    KEYS(certificate_keys, sizeof(struct config_certificate));

static const struct config_key listener_keys[] = {
    {"url", CONFIG_STRING, AT(config_listener, endpoint), .required = true, .accept = accept_url},
    {"certificate", CONFIG_STRING, AT(config_listener, certificates.first.certificate)},
    {"key", CONFIG_STRING, AT(config_listener, certificates.first.key)},
    {"certificates", CONFIG_LIST,
     COUNTED(config_listener, certificates.more, certificates.more_count),
     .object = &certificate_object},
    {"tls_minimum", CONFIG_WORD, AT(config_listener, tls_minimum), .words = config_tls_minimums},
    {"client_ca", CONFIG_STRING, AT(config_listener, client_ca)},
    {"client_certificate", CONFIG_CHOICE, AT(config_listener, client_required),
     .words = client_certificates},
    {"client_user", CONFIG_WORD, AT(config_listener, client_user), .words = config_client_users},
    {"allow_cleartext", FLAG(config_listener, allow_cleartext, false)},
    {"held_passwords", FLAG(config_listener, held, true)},
};
static const struct config_object listener_object =
    KEYS(listener_keys, sizeof(struct config_listener));

static const struct config_key tls_keys[] = {
    {"certificate", CONFIG_STRING, AT(config, certificates.first.certificate)},
    {"key", CONFIG_STRING, AT(config, certificates.first.key)},
    {"certificates", CONFIG_LIST, COUNTED(config, certificates.more, certificates.more_count),
     .object = &certificate_object},
};
static const struct config_object tls_object = KEYS(tls_keys, 0);

static const struct config_key state_keys[] = {
    {"dir", CONFIG_STRING, AT(config, state_dir)},
    {"held_key_file", CONFIG_STRING, AT(config, held_key)},
    {"cache_mib", NUMBER(config, cache_mib, 0, 1 << 30, 10240)},
};
static const struct config_object state_object = KEYS(state_keys, 0);

static const struct config_key log_keys[] = {
    {"format", CONFIG_CHOICE, AT(config, log_json), .words = config_log_formats},
    {"level", CONFIG_WORD, AT(config, log_level), .words = config_log_levels, .number = 2},
};
static const struct config_object log_object = KEYS(log_keys, 0);

static const struct config_key limits_keys[] = {
    {"connections", NUMBER(config_limits, connections, 1, 1000000, 10000)},
    {"connections_per_address", NUMBER(config_limits, connections_per_address, 1, 1000000, 100)},
    {"unauthenticated_per_address",
     NUMBER(config_limits, unauthenticated_per_address, 1, 1000000, 30)},
    {"login_seconds", NUMBER(config_limits, login_seconds, 5, 3600, 60)},
    {"idle_seconds", NUMBER(config_limits, idle_seconds, 600, 86400, 600)},
    {"write_seconds", NUMBER(config_limits, write_seconds, 5, 3600, 120)},
    {"connect_seconds", NUMBER(config_limits, connect_seconds, 1, 600, 20)},
    {"response_seconds", NUMBER(config_limits, response_seconds, 1, 3600, 60)},
    {"errors", NUMBER(config_limits, errors, 1, 1000, 20)},
    {"login_attempts", NUMBER(config_limits, login_attempts, 1, 100, 5)},
    {"warm_sessions", NUMBER(config_limits, warm_sessions, 0, 1000000, 1000)},
    {"login_refusals", NUMBER(config_limits, login_refusals, 0, 100000, 20)},
    {"block_seconds", NUMBER(config_limits, block_seconds, 1, 86400, 300)},
    {"trusted_networks", CONFIG_STRINGS,
     COUNTED(config_limits, trusted_networks, trusted_network_count), .accept = accept_network},
    {"drain_seconds", NUMBER(config_limits, drain_seconds, 0, 3600, 8)},
};
static const struct config_object limits_object = KEYS(limits_keys, 0);

static const struct config_key pop3_keys[] = {
    {"uidl", CONFIG_STRING, AT(maildrop_options, uidl), .text = "%08Xu%08Xv",
     .accept = accept_uidl},
    {"folders", CONFIG_STRINGS, COUNTED(maildrop_options, folders, folder_count), .text = "INBOX"},
    {"folder_separator", CONFIG_STRING, AT(maildrop_options, folder_separator),
     .accept = accept_separator},
    {"deletion", CONFIG_WORD, AT(maildrop_options, deletion), .words = config_deletions},
    {"move_to", CONFIG_STRING, AT(maildrop_options, move_to)},
    {"keep_days", NUMBER(maildrop_options, keep_days, 1, DAYS_MAX, 0)},
    {"seen", FLAG(maildrop_options, seen, true)},
    {"unseen_only", FLAG(maildrop_options, unseen_only, false)},
    {"last_days", NUMBER(maildrop_options, last_days, 0, DAYS_MAX, 0)},
    {"last_messages", NUMBER(maildrop_options, last_messages, 0, UINT32_MAX, 0)},
    {"prefetch", SIZE(maildrop_options, prefetch, 0, 1 << 30, 2 << 20)},
    {"login_delay", NUMBER(maildrop_options, login_delay, 0, 86400, 0)},
    {"warm_seconds", NUMBER(maildrop_options, warm_seconds, 0, 600, 30)},
    {"allow_preauth", FLAG(maildrop_options, allow_preauth, false)},
    {"compress", FLAG(maildrop_options, compress, true)},
};
static const struct config_object pop3_object = KEYS(pop3_keys, 0);

static const struct config_key condition_keys[] = {
    {"header", CONFIG_STRING, AT(filing_condition, header), .required = true,
     .accept = accept_header},
    {"contains", CONFIG_STRING, AT(filing_condition, contains)},
    {"is", CONFIG_STRING, AT(filing_condition, is)},
    {"matches", CONFIG_STRING, AT(filing_condition, matches)},
};
static const struct config_object condition_object =
    KEYS(condition_keys, sizeof(struct filing_condition));

static const struct config_key filing_keys[] = {
    {"if", CONFIG_LIST, COUNTED(filing_rule, conditions, condition_count), .required = true,
     .object = &condition_object},
    {"folder", CONFIG_STRING, AT(filing_rule, folder), .accept = accept_folder},
    {"flags", CONFIG_STRINGS, COUNTED(filing_rule, flags, flag_count), .accept = accept_flag},
};
static const struct config_object filing_object = KEYS(filing_keys, sizeof(struct filing_rule));

static const struct config_key imap_keys[] = {
    {"unlisted", CONFIG_WORD, AT(config_imap, unlisted), .words = config_unlisted},
    {"archive", FLAG(config_imap, archive, false)},
    {"idle_seconds", NUMBER(config_imap, idle_seconds, 0, 3600, 10)},
    {"poll_seconds", NUMBER(config_imap, poll_seconds, 5, 86400, 60)},
    {"noop_seconds", NUMBER(config_imap, noop_seconds, 0, 3600, 5)},
    {"cache", SIZE(config_imap, cache, 0, UINT32_MAX, 256 << 20)},
    {"allow_apop", FLAG(config_imap, allow_apop, false)},
    {"append_limit", NUMBER(config_imap, append_limit, 1 << 10, UINT32_MAX, 64 << 20)},
    {"filing", CONFIG_LIST, COUNTED(config_imap, filing, filing_count), .object = &filing_object},
};
static const struct config_object imap_object = KEYS(imap_keys, 0);

static const struct config_key sasl_keys[] = {
    {"mechanisms", CONFIG_SET, AT(config_sasl, mechanisms), .words = config_mechanisms},
    {"master_user", CONFIG_STRING, AT(config_sasl, master_user)},
    {"master_password_file", CONFIG_STRING, AT(config_sasl, master_password_file)},
    {"master_separator", CONFIG_STRING, AT(config_sasl, master_separator), .accept = accept_master},
};
static const struct config_object sasl_object = KEYS(sasl_keys, 0);

static const struct config_key oauth_keys[] = {
    {"provider", CONFIG_STRING, AT(config_oauth, provider), .accept = accept_provider},
    {"issuer", CONFIG_STRING, AT(config_oauth, issuer)},
    {"client_id", CONFIG_STRING, AT(config_oauth, client_id)},
    {"client_secret_file", CONFIG_STRING, AT(config_oauth, client_secret_file)},
    {"scope", CONFIG_STRING, AT(config_oauth, scope)},
    {"grant", CONFIG_STRING, AT(config_oauth, grant), .text = "", .accept = accept_grant},
    {"authorization_endpoint", CONFIG_STRING, AT(config_oauth, authorization_endpoint)},
    {"device_endpoint", CONFIG_STRING, AT(config_oauth, device_endpoint)},
    {"token_endpoint", CONFIG_STRING, AT(config_oauth, token_endpoint)},
    {"revocation_endpoint", CONFIG_STRING, AT(config_oauth, revocation_endpoint)},
    {"redirect", CONFIG_STRING, AT(config_oauth, redirect)},
    {"ca", CONFIG_STRING, AT(config_oauth, ca)},
};
static const struct config_object oauth_object = KEYS(oauth_keys, 0);

static const struct config_key auth_header_keys[] = {
    {"name", CONFIG_STRING, AT(config_auth_header, name), .required = true,
     .accept = accept_auth_header},
    {"file", CONFIG_STRING, AT(config_auth_header, file), .required = true},
};
static const struct config_object auth_header_object =
    KEYS(auth_header_keys, sizeof(struct config_auth_header));

static const struct config_key auth_http_keys[] = {
    {"url", CONFIG_STRING, AT(config_auth_http, url), .accept = accept_auth_url},
    {"headers", CONFIG_LIST, COUNTED(config_auth_http, headers, header_count),
     .object = &auth_header_object},
    {"protocol", CONFIG_CHOICE, AT(config_auth_http, client_protocol),
     .words = config_auth_protocols},
    {"ca", CONFIG_STRING, AT(config_auth_http, ca)},
};
static const struct config_object auth_http_object = KEYS(auth_http_keys, 0);

static const struct config_key route_keys[] = {
    {"name", CONFIG_STRING, AT(config_route, name)},
    {"match", CONFIG_STRING, AT(config_route, match), .text = "*", .accept = accept_pattern},
    {"listener", CONFIG_STRING, AT(config_route, listener), .text = "*", .accept = accept_listener},
    {"upstream", CONFIG_STRING, AT(config_route, upstream), .required = true,
     .accept = accept_upstream},
    {"srv_targets", CONFIG_STRINGS, COUNTED(config_route, srv_targets, srv_target_count),
     .accept = accept_pattern},
    {"auth_http", CONFIG_GROUP, AT(config_route, auth_http), .object = &auth_http_object},
    {"login", CONFIG_STRING, AT(config_route, login), .text = "%u", .accept = accept_login},
    {"tls_minimum", CONFIG_WORD, AT(config_route, tls_minimum), .words = config_tls_minimums},
    {"pins", CONFIG_STRINGS, COUNTED(config_route, pins, pin_count), .accept = accept_pin},
    {"certificate", CONFIG_STRING, AT(config_route, identity.certificate)},
    {"key", CONFIG_STRING, AT(config_route, identity.key)},
    {"allow_cleartext", FLAG(config_route, allow_cleartext, false)},
    {"sasl", CONFIG_GROUP, AT(config_route, sasl), .object = &sasl_object},
    {"oauth", CONFIG_GROUP, AT(config_route, oauth), .object = &oauth_object},
    {"device_passwords", CONFIG_WORD, AT(config_route, devices), .words = config_devices},
    {"pop3", CONFIG_GROUP, AT(config_route, pop3), .object = &pop3_object},
    {"imap", CONFIG_GROUP, AT(config_route, imap), .object = &imap_object},
};
static const struct config_object route_object = KEYS(route_keys, sizeof(struct config_route));

static const struct config_key root_keys[] = {
    {"$schema", .type = CONFIG_IGNORED},
    {"listeners", CONFIG_LIST, COUNTED(config, listeners, listener_count), .required = true,
     .object = &listener_object},
    {"tls", CONFIG_GROUP, .object = &tls_object},
    {"state", CONFIG_GROUP, .object = &state_object},
    {"log", CONFIG_GROUP, .object = &log_object},
    {"dns", CONFIG_STRING, AT(config, dns), .accept = accept_resolver},
    {"workers", NUMBER(config, workers, 0, 1024, 0)},
    {"limits", CONFIG_GROUP, AT(config, limits), .object = &limits_object},
    {"routes", CONFIG_LIST, COUNTED(config, routes, route_count), .required = true,
     .object = &route_object},
};
const struct config_object config_root = KEYS(root_keys, sizeof(struct config));
