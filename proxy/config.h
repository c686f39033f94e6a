/*
 * The configuration: one validated struct that does not change once it is made, whether it came
 * from a JSON file (`serve -c FILE`) or from `--route` arguments.
 *
 * Every fault of a file is reported, not only the first, each as one line
 * "FILE:LINE: /json/pointer: what is wrong; what to write instead", before anything listens.
 */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H

#include <stdio.h>

#include "proxy/endpoint.h"
#include "proxy/net/tls.h"
#include "translate/mailbox/account.h"
#include "translate/maildrop/maildrop_options.h"

/* The choices of a route for IMAP clients, served from a POP3 maildrop. */
struct config_imap {
    enum account_unlisted unlisted;
    bool archive;
    unsigned idle_seconds;
    unsigned poll_seconds;
    unsigned noop_seconds;
    size_t cache;          /* octets of an account's messages kept on disk, but for durable ones */
    bool allow_apop;       /* answer an APOP challenge, where there is no TLS */
    unsigned append_limit; /* octets of a message that a client stores */
    struct filing_rule *filing;
    size_t filing_count;
};

/* PEM files. */
struct config_certificate {
    char *certificate;
    char *key;
};

/* How a route's upstream is logged in to. */
struct config_sasl {
    uint32_t mechanisms; /* that may be used: enum sasl_mechanism_bit; 0: every one */
    char *master_user;   /* the gateway's own there, who may act for every user; NULL: none */
    char *master_password_file;
    char master_separator; /* "ann*operator" is the operator, who acts for ann; '\0': nobody acts
                              for another */
};

/* A route whose upstream wants OAuth 2.0: what is said of the provider, beyond its preset. */
struct config_oauth {
    char *provider; /* a preset's name; NULL: by the rest */
    char *issuer;
    char *client_id; /* NULL: the route has no OAuth */
    char *client_secret_file;
    char *scope;
    char *authorization_endpoint;
    char *device_endpoint;
    char *token_endpoint;
    char *revocation_endpoint;
    char *redirect; /* of grant code; NULL: this machine */
    char *ca;
    int grant; /* enum oauth_grant; -1: the provider's */
};

/* A header for the service, whose value is a file's only line. */
struct config_auth_header {
    char *name;
    char *file;
};

/* A routing service as nginx's mail proxy has one: it says where each user's upstream is. */
struct config_auth_http {
    char *url; /* NULL: none */
    struct config_auth_header *headers;
    size_t header_count;
    char *ca;
    bool client_protocol; /* what it is told: the client's protocol instead of the upstream's */
};

/* Whether users may have passwords for their devices, kept in the vault. */
enum config_devices {
    CONFIG_DEVICES_ALLOWED, /* the upstream's password too */
    CONFIG_DEVICES_REQUIRED,
    CONFIG_DEVICES_OFF,
};

struct config_route {
    char *name;  /* for logs: the "name" key, else the upstream's URL */
    char *match; /* user pattern: `*` and `?` wildcards, case-insensitive; "*" matches every user */
    int listener; /* index of the only listener it serves, or -1: all of the upstream's other
                     protocol */
    char
        *login; /* what is sent upstream: %u whole login, %n before the last @, %d after it; "%u" */
    struct endpoint upstream;
    char **srv_targets; /* patterns of hosts that may serve other domains than their own */
    size_t srv_target_count;
    struct config_auth_http auth_http;
    enum tls_minimum tls_minimum;
    char **pins; /* public keys of which the upstream must have one; see proxy/net/tls_pin.h */
    size_t pin_count;
    struct config_certificate identity; /* shown to an upstream that asks; NULLs: none */
    bool allow_cleartext; /* passwords may cross a network unencrypted, on either side */
    struct config_sasl sasl;
    struct config_oauth oauth;
    enum config_devices devices;
    struct maildrop_options pop3; /* with an IMAP upstream */
    struct config_imap imap;      /* with a POP3 upstream */
};

/* The certificates of a listener: one or none, and further ones. */
struct config_certificates {
    struct config_certificate first; /* NULLs: none */
    struct config_certificate *more;
    size_t more_count;
};

struct config_listener {
    struct endpoint endpoint;
    struct config_certificates certificates; /* none at all: those of the configuration */
    enum tls_minimum tls_minimum;
    char *client_ca;           /* clients' certificates are asked for; NULL: not */
    bool client_required;      /* a client without one is refused */
    enum tls_name client_user; /* whose certificate it is, is let in by it; NONE: nobody */
    bool allow_cleartext;
    bool held; /* clients may prove that they know a password which is held here */
};

struct config_limits {
    unsigned connections;             /* clients at once, in all; beyond: refused with a sentence */
    unsigned connections_per_address; /* unauthenticated and authenticated together */
    unsigned unauthenticated_per_address; /* of them; beyond: refused too, but for trusted ones */
    unsigned login_seconds;               /* for an unauthenticated client, in all */
    unsigned idle_seconds;        /* autologout of a logged-in client; at least 600 (RFC 1939) */
    unsigned write_seconds;       /* a peer that takes no octet for so long is dropped */
    unsigned connect_seconds;     /* DNS, connect, TLS and greeting of an upstream */
    unsigned response_seconds;    /* an upstream that owes an answer and sends nothing */
    unsigned errors;              /* bad commands before a client is disconnected */
    unsigned login_attempts;      /* refused logins before a client is disconnected */
    unsigned login_refusals;      /* of an address before it is turned away; 0: no limit */
    unsigned block_seconds;       /* for so long */
    char **trusted_networks;      /* never turned away by address; each as in proxy/net/network.h */
    size_t trusted_network_count; /* 0: loopback */
    unsigned warm_sessions;       /* upstream sessions kept after their clients' QUIT, in all */
    unsigned drain_seconds; /* after SIGTERM, for sessions to end by themselves; by default less
                              than    the 10 s that docker stop waits */
};

struct config {
    struct config_listener *listeners;
    size_t listener_count;
    struct config_route *routes; /* tried in order */
    size_t route_count;
    struct config_certificates certificates; /* of the listeners that have none of their own */
    char *dns; /* resolver of SRV records, ADDRESS[:PORT]; NULL: those of /etc/resolv.conf */
    char *state_dir;
    char *held_key;     /* file of the key of held passwords; NULL: the state directory's own */
    unsigned cache_mib; /* MiB of messages kept on disk, of all accounts together */
    unsigned workers;   /* loops; 0: one per core */
    bool log_json;
    int log_level; /* enum log_level of proxy/log.h: 0 error, 1 warning, 2 info, 3 debug */
    struct config_limits limits;
};

/* A listener's own certificates, or the configuration's; they may be none. */
const struct config_certificates *config_listener_certificates(const struct config *c,
                                                               const struct config_listener *l);
bool config_has_certificate(const struct config_certificates *certificates);

/* Reads and validates a JSON file. NULL when anything is wrong: the faults, a line each, have been
 * written to `errors`. Free with config_free(). */
struct config *config_load(const char *path, FILE *errors);

/* The same from `--route LISTENER=UPSTREAM` arguments: a listener and a route each.
 * `certificate` and `key` may be NULL. `allow_cleartext` is set on every listener and route. */
struct config *config_from_routes(const char *const *routes, size_t count, const char *certificate,
                                  const char *key, bool allow_cleartext, FILE *errors);

/* NULL is fine. */
void config_free(struct config *c);

/* Where state is kept when nobody says: $STATE_DIRECTORY (the first of it, as systemd sets it),
 * /var/lib/mailferry for root, else $XDG_STATE_HOME/mailferry or ~/.local/state/mailferry. An owned
 * string; NULL when memory is out. */
char *config_default_state_dir(void);

/* The index of `word` among the log levels ("error", "warning", "info", "debug"); -1: none. */
int config_log_level(const char *word);

/* What is allowed but should be known, a line each: passwords that would be refused or cross a
 * network in the clear, certificates that are not verified, keys that others can read. For both
 * `check` and `serve`. Returns the number of lines. */
size_t config_warn(const struct config *c, FILE *out);

/* How long a logged-in client of that protocol may be silent: RFC 9051 section 5.4 wants more for
 * IMAP than RFC 1939 for POP3. */
unsigned config_idle_seconds(const struct config_limits *limits, enum endpoint_protocol protocol);

/* What was understood, for `mailferry check`: readable, with no secret in it. */
void config_print(const struct config *c, FILE *out);

/* The first route that serves `user` on that listener, or NULL; a login that holds NUL has none.
 * Where the route has a
 * `folder_separator`, the suffix is taken off before its pattern is tried: `*user` is then the bare
 * user and `*folder` the name behind the separator, else `*folder` is empty.
 * `ann+Work@example.com` is user `ann@example.com`, folder `Work`; so is `ann@example.com+Work`.
 * A login that begins or ends with the separator has no suffix and is the user as it is.
 * `*user` is owned by the caller; NULL when no route is returned. That may also be because memory
 * is out. `*folder` points into `login`. */
const struct config_route *config_find_route(const struct config *c, size_t listener,
                                             struct slice login, char **user, struct slice *folder);

/* Its upstream lets the gateway in by its certificate (EXTERNAL). */
bool config_route_is_certified(const struct config_route *r);

/* Its upstream lets the gateway in, by its certificate or as a master, for whatever user it names:
 * who may be that user the gateway alone decides. */
bool config_route_is_trusted(const struct config_route *r);

/* The login for the upstream after the route's rewriting: an owned string; NULL when memory is
 * out or the result would be empty. */
char *config_route_login(const struct config_route *r, struct slice user);

#endif
