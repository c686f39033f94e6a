/*
 * Why a handshake failed, in words, from OpenSSL's queue of errors. (What is wrong with a
 * certificate is told by tls_verify.c.)
 */
#include <openssl/err.h>

#include "proxy/net/tls_context.h"

/* What a person at this end can do about a peer that speaks nothing newer. */
static const char *remedy(const struct tls_context *t)
{
    if (tls_minimum_is_old(t->minimum))
        return "";
    return t->is_server ? "; if the device knows no better, set tls_minimum at its listener"
                        : "; if it must be, set tls_minimum at the route";
}

static void explain_reason(const struct tls_context *t, const char *peer, unsigned long error,
                           struct failure *why)
{
    int reason = ERR_GET_REASON(error);
    const char *text = ERR_reason_error_string(error);

    if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW)
        failure_set(why, FAILURE_PERMANENT, "%s speaks only TLS older than %s, which is not safe%s",
                    peer, tls_minimum_text(t->minimum), remedy(t));
    else if (reason == SSL_R_NO_SHARED_CIPHER)
        failure_set(why, FAILURE_PERMANENT, "%s has no cipher that is safe%s", peer, remedy(t));
    else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        failure_set(why, FAILURE_PERMANENT,
                    "%s has shown no certificate, and this listener requires one", peer);
    else if (reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
        failure_set(why, FAILURE_PERMANENT, "%s does not take TLS %s or newer%s", peer,
                    tls_minimum_text(t->minimum), remedy(t));
    else if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET)
        failure_set(why, FAILURE_TEMPORARY, "%s refused TLS: %s", peer, text ? text : "alert");
    else
        failure_set(why, FAILURE_TEMPORARY, "TLS with %s failed: %s", peer,
                    text ? text : "protocol error");
}

void tls_connection_explain(struct tls_connection *c, struct failure *why)
{
    if (c->why.kind)
        *why = c->why;
    else
        explain_reason(c->context, c->server_name ? c->server_name : "the client", ERR_peek_error(),
                       why);
    ERR_clear_error();
}
