/* See tls_pin.h. */
#include "proxy/net/tls_pin.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "translate/text/base64.h"

static const char prefix[] = "sha256/";

enum { DIGEST_TEXT = 44 };

bool tls_pin_parse(struct tls_pin *pin, struct slice text)
{
    struct buf digest = BUF_INIT;

    if (!slice_is(slice_take(&text, strlen(prefix)), prefix))
        return false;
    if (text.n == DIGEST_TEXT + 1 && text.p[0] == '/') /* a digest may begin so too */
        slice_take(&text, 1);
    bool done = base64_decode(&digest, text) && buf_size(&digest) == TLS_PIN_SIZE;
    if (done)
        memcpy(pin->digest, buf_slice(&digest).p, TLS_PIN_SIZE);
    buf_clear(&digest);
    return done;
}

bool tls_pin_of(struct tls_pin *pin, const X509 *certificate)
{
    unsigned char *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool done = n > 0 && EVP_Digest(der, (size_t)n, pin->digest, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return done;
}

bool tls_pin_among(const struct tls_pin *pin, const struct tls_pin *pins, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(pin->digest, pins[i].digest, TLS_PIN_SIZE) == 0)
            return true;
    return false;
}

void tls_pin_print(const struct tls_pin *pin, char out[TLS_PIN_TEXT])
{
    strcpy(out, prefix);
    EVP_EncodeBlock((unsigned char *)out + strlen(prefix), pin->digest, TLS_PIN_SIZE);
}
