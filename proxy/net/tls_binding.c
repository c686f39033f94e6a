/* See tls_binding.h. */
#include "proxy/net/tls_binding.h"

#include <stdbool.h>
#include <string.h>

static const char exporter_label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 section 4 */

enum { EXPORTER_SIZE = 32 };

static bool exporter(SSL *ssl, struct sasl_binding *binding)
{
    binding->type = SASL_BINDING_EXPORTER;
    binding->n = EXPORTER_SIZE;
    return SSL_export_keying_material(ssl, binding->octets, binding->n, exporter_label,
                                      strlen(exporter_label), (const unsigned char *)"", 0, 1) == 1;
}

/* The first Finished message of the handshake (RFC 5929 section 3.1): the client's, or when a
 * session was resumed the server's. Without the extended master secret somebody in between can make
 * two connections that have the same (RFC 7627 section 1). */
static bool unique(SSL *ssl, struct sasl_binding *binding)
{
    bool client = !SSL_is_server(ssl);
    bool own = client != (SSL_session_reused(ssl) == 1);

    if (SSL_get_extms_support(ssl) != 1)
        return false;
    binding->type = SASL_BINDING_UNIQUE;
    binding->n = own ? SSL_get_finished(ssl, binding->octets, sizeof binding->octets)
                     : SSL_get_peer_finished(ssl, binding->octets, sizeof binding->octets);
    return binding->n > 0 && binding->n <= sizeof binding->octets;
}

void tls_binding(SSL *ssl, struct sasl_binding *binding)
{
    int version = SSL_version(ssl);
    bool found = version == TLS1_3_VERSION   ? exporter(ssl, binding)
                 : version == TLS1_2_VERSION ? unique(ssl, binding)
                                             : false;

    if (!found)
        *binding = (struct sasl_binding){.type = SASL_BINDING_NONE};
}
