#include "proxy/upstream_options.h"

static bool may_start_tls(const struct endpoint *e)
{
    return e->tls == ENDPOINT_TLS_AUTO || e->tls == ENDPOINT_TLS_STARTTLS;
}

void upstream_imap_options(const struct config_route *r, const struct endpoint *e, const char *host,
                           struct imap_client_options *o)
{
    o->tls_now = e->tls == ENDPOINT_TLS_IMPLICIT;
    o->starttls = may_start_tls(e);
    o->allow_cleartext = r->allow_cleartext || endpoint_is_loopback(e);
    o->require_tls =
        e->tls == ENDPOINT_TLS_STARTTLS || !o->allow_cleartext || config_route_is_certified(r);
    o->mechanisms = r->sasl.mechanisms;
    o->host = host;
    o->port = e->port;
}

/* APOP sends no password and may be done without TLS, so that is demanded only where the URL does
 * so. */
void upstream_pop3_options(const struct config_route *r, const struct endpoint *e, const char *host,
                           struct pop3_client_options *o)
{
    o->tls_now = e->tls == ENDPOINT_TLS_IMPLICIT;
    o->stls = may_start_tls(e);
    o->allow_cleartext = r->allow_cleartext || endpoint_is_loopback(e);
    o->require_tls = e->tls == ENDPOINT_TLS_STARTTLS || config_route_is_certified(r);
    o->allow_apop = r->imap.allow_apop;
    o->mechanisms = r->sasl.mechanisms;
    o->host = host;
    o->port = e->port;
}
