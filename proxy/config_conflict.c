#include "proxy/config_conflict.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proxy/config_key.h"
#include "translate/sasl/sasl_mechanism.h"

enum { BELOW_MAX = 128 };

static void conflict(struct config_faults *faults, const char *pointer, const char *key,
                     const char *sentence)
{
    char at[BELOW_MAX];

    snprintf(at, sizeof at, "%s/%s", pointer, key);
    config_fault_add(faults, at, "%s", sentence);
}

/* ---- TLS --------------------------------------------------------------------------------- */

void config_conflict_listener(const struct config_listener *l, const char *pointer,
                              struct config_faults *faults)
{
    if (l->client_user != TLS_NAME_NONE && !l->client_ca)
        conflict(faults, pointer, "client_user",
                 "needs certificates of clients, which are not asked for; add client_ca");
    if (l->endpoint.tls != ENDPOINT_TLS_OFF)
        return;
    if (l->tls_minimum != TLS_MINIMUM_1_2)
        conflict(faults, pointer, "tls_minimum",
                 "is of no use without TLS; leave it or tls=off out");
    if (l->certificates.first.certificate)
        conflict(faults, pointer, "certificate",
                 "is of no use without TLS; leave it and its key out, or tls=off");
    if (l->certificates.more_count)
        conflict(faults, pointer, "certificates",
                 "are of no use without TLS; leave them or tls=off out");
}

static void check_upstream_tls(const struct config_route *r, const char *pointer,
                               struct config_faults *faults)
{
    if (r->upstream.tls != ENDPOINT_TLS_OFF)
        return;
    if (r->tls_minimum != TLS_MINIMUM_1_2)
        conflict(faults, pointer, "tls_minimum",
                 "is of no use without TLS; leave it or tls=off out");
    if (r->identity.certificate)
        conflict(faults, pointer, "certificate",
                 "is of no use without TLS; leave it and its key out, or tls=off");
}

/* ---- logins ------------------------------------------------------------------------------ */

/* Whether one of these may be used. */
static bool permits(const struct config_route *r, uint32_t mechanisms)
{
    return r->sasl.mechanisms == 0 || r->sasl.mechanisms & mechanisms;
}

static bool permits_only(const struct config_route *r, uint32_t mechanisms)
{
    return r->sasl.mechanisms != 0 && !(r->sasl.mechanisms & ~mechanisms);
}

/* Those in which somebody can name another one for whom he acts. */
static uint32_t acting_mechanisms(void)
{
    uint32_t acting = 0;

    for (size_t i = 0; config_mechanisms[i]; i++) {
        const struct sasl_mechanism *m = sasl_mechanism_find(slice_of(config_mechanisms[i]));
        if (m && m->acts_for)
            acting |= m->bit;
    }
    return acting;
}

static void check_operators(const struct config_route *r, const char *pointer,
                            struct config_faults *faults)
{
    static const char key[] = "sasl/master_separator";

    if (!r->sasl.master_separator)
        return;
    if (r->sasl.master_separator == r->pop3.folder_separator)
        conflict(faults, pointer, key,
                 "is the pop3.folder_separator too: nobody could tell a folder from an operator; "
                 "write another character for one of them");
    if (r->devices == CONFIG_DEVICES_REQUIRED)
        conflict(faults, pointer, key,
                 "is for operators' own passwords, and device_passwords is \"required\"; leave "
                 "one of them out");
    if (r->oauth.client_id)
        conflict(faults, pointer, key,
                 "is for operators' own passwords, and with oauth only those of devices let "
                 "anybody in; leave one of them out");
    if (!permits(r, acting_mechanisms()))
        conflict(faults, pointer, key,
                 "needs a mechanism that lets one act for another, as PLAIN; add it to "
                 "sasl.mechanisms");
}

static void check_external(const struct config_route *r, const char *pointer,
                           struct config_faults *faults)
{
    static const char key[] = "sasl/mechanisms";

    if (!(r->sasl.mechanisms & SASL_EXTERNAL))
        return;
    if (!config_route_is_certified(r) || r->sasl.master_user)
        conflict(faults, pointer, key,
                 "EXTERNAL lets all users in by the route's certificate and needs nothing else; "
                 "leave it or the other mechanisms and sasl.master_user out");
    if (!r->identity.certificate)
        conflict(faults, pointer, key,
                 "EXTERNAL needs the certificate by which the upstream lets the gateway in; add "
                 "the route's certificate and key");
    if (r->upstream.tls == ENDPOINT_TLS_OFF)
        conflict(faults, pointer, key,
                 "EXTERNAL is of no use without TLS; leave it or tls=off out");
}

/* The upstream lets the gateway in for every user, so the gateway alone says who may be one: by a
 * device's password or by a client's certificate. */
static void check_trusted(const struct config_route *r, const char *pointer,
                          struct config_faults *faults)
{
    check_external(r, pointer, faults);
    if (!config_route_is_trusted(r))
        return;
    if (r->devices == CONFIG_DEVICES_OFF)
        conflict(faults, pointer, "sasl",
                 "the upstream asks users for no password here, so the gateway must; leave "
                 "device_passwords out");
    if (r->oauth.client_id || r->auth_http.url || r->sasl.master_separator)
        conflict(faults, pointer, "sasl",
                 "the upstream asks users for no password and no token here; leave oauth, "
                 "auth_http and sasl.master_separator out");
    if (r->sasl.master_user && !permits(r, acting_mechanisms()))
        conflict(faults, pointer, "sasl/master_user",
                 "needs a mechanism that lets one act for another, as PLAIN; add it to "
                 "sasl.mechanisms");
}

static void check_mechanisms(const struct config_route *r, const char *pointer,
                             struct config_faults *faults)
{
    static const char key[] = "sasl/mechanisms";

    if (r->oauth.client_id && !permits(r, SASL_OAUTHBEARER | SASL_XOAUTH2))
        conflict(faults, pointer, key,
                 "has none for the tokens of oauth; add OAUTHBEARER and XOAUTH2");
    if (!r->oauth.client_id && permits_only(r, SASL_OAUTHBEARER | SASL_XOAUTH2))
        conflict(faults, pointer, key,
                 "has only those that need tokens, and nothing says where they come from; add "
                 "oauth to the route, or another mechanism");
    if (permits_only(r, SASL_PLUS) && r->upstream.tls == ENDPOINT_TLS_OFF)
        conflict(faults, pointer, key,
                 "has only those that are bound to TLS; add another one, or leave tls=off out");
    if (permits_only(r, SASL_APOP) && !r->imap.allow_apop)
        conflict(faults, pointer, key,
                 "has only APOP, which is not used without imap.allow_apop; set that, or add "
                 "another one");
    if (r->imap.allow_apop && !permits(r, SASL_APOP))
        conflict(faults, pointer, "imap/allow_apop",
                 "allows what sasl.mechanisms forbids; add APOP there, or leave this out");
}

/* ---- deletion ---------------------------------------------------------------------------- */

static bool is_same_folder(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || (strcasecmp(a, "INBOX") == 0 && strcasecmp(b, "INBOX") == 0);
}

/* What was deleted would be listed as new mail by the next session. */
static void check_move(const struct maildrop_options *o, const char *pointer,
                       struct config_faults *faults)
{
    if (o->deletion != MAILDROP_MOVE || !o->move_to)
        return;
    for (size_t i = 0; i < o->folder_count; i++) {
        if (!o->folders[i] || !is_same_folder(o->folders[i], o->move_to))
            continue;
        conflict(faults, pointer, "pop3/move_to",
                 "is one of pop3.folders: what is deleted would come back as new mail; write a "
                 "folder that is not listed there");
        return;
    }
}

void config_conflict_route(const struct config_route *r, const char *pointer,
                           struct config_faults *faults)
{
    check_upstream_tls(r, pointer, faults);
    check_operators(r, pointer, faults);
    check_trusted(r, pointer, faults);
    check_mechanisms(r, pointer, faults);
    check_move(&r->pop3, pointer, faults);
}
