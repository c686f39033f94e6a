/* See sasl_token.h. */
#include "translate/sasl/sasl_token.h"

#include <jansson.h>

/* A saslname (RFC 5801 section 4): "," and "=" would end it. */
static void put_saslname(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == ',')
            buf_puts(out, "=2C");
        else if (name.p[i] == '=')
            buf_puts(out, "=3D");
        else
            buf_putc(out, name.p[i]);
    }
}

static void put_oauthbearer(struct buf *out, const struct credential *credential,
                            const struct sasl_peer *peer)
{
    bool for_another = buf_size(&credential->authzid) > 0;

    buf_puts(out, "n,a=");
    put_saslname(out, buf_slice(for_another ? &credential->authzid : &credential->user));
    buf_puts(out, ",\1");
    if (peer->host)
        buf_printf(out, "host=%s\1", peer->host);
    if (peer->port)
        buf_printf(out, "port=%u\1", peer->port);
}

void sasl_token_message(struct buf *out, const struct sasl_mechanism *mechanism,
                        const struct credential *credential, const struct sasl_peer *peer)
{
    if (mechanism->bit == SASL_OAUTHBEARER) {
        put_oauthbearer(out, credential, peer);
    } else {
        buf_puts(out, "user=");
        buf_put(out, buf_slice(&credential->user));
        buf_putc(out, '\1');
    }
    buf_puts(out, "auth=Bearer ");
    buf_put(out, buf_slice(&credential->secret));
    buf_puts(out, "\1\1");
}

struct slice sasl_token_dummy(const struct sasl_mechanism *mechanism)
{
    return slice_of(mechanism->bit == SASL_OAUTHBEARER ? "\1" : "");
}

/* Only a message that the server did not understand is not the token's fault. Google says "400"
 * and "401" where RFC 6750 has words. */
void sasl_token_error(struct failure *why, struct slice message)
{
    json_t *root = json_loadb(message.p ? message.p : "", message.n, 0, NULL);
    const char *status = json_string_value(json_object_get(root, "status"));

    if (status && slice_is(slice_of(status), "invalid_request"))
        failure_set(why, FAILURE_PERMANENT,
                    "the server did not understand the message with the token (invalid_request)");
    else
        failure_set(why, FAILURE_AUTH,
                    "the server refused the access token (%s): run mailferry authorize again",
                    status ? status : "without a reason");
    json_decref(root);
}
