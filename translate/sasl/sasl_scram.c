#include "translate/sasl/sasl_scram.h"

#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

void sasl_scram_wipe(struct sasl_scram *s)
{
    explicit_bzero(s, sizeof *s);
}

bool sasl_scram_derive(const unsigned char key[SASL_SERVER_KEY], const char *what,
                       const char *mechanism, struct slice user, unsigned char out[SASL_SERVER_KEY])
{
    struct buf text = BUF_INIT;

    buf_printf(&text, "%s %s ", what, mechanism);
    buf_put(&text, user);
    struct slice octets = buf_slice(&text);
    bool made = !buf_failed(&text) && HMAC(EVP_sha256(), key, SASL_SERVER_KEY,
                                           (const unsigned char *)octets.p, octets.n, out, NULL);
    buf_clear(&text);
    return made;
}

/* As a stored string (RFC 4013), which is how the library takes passwords too. NULL: it cannot be.
 * Owned; a secret. */
static char *prepare(struct slice password)
{
    char *text = slice_dup(password);
    char *prepared = NULL;

    if (text && gsasl_saslprep(text, 0, &prepared, NULL) != GSASL_OK)
        prepared = NULL;
    if (text)
        explicit_bzero(text, password.n);
    free(text);
    return prepared;
}

/* OpenSSL's PBKDF2 takes a twentieth of the library's time. */
static bool make_keys(struct sasl_scram *s, bool sha_1, const char *password)
{
    /* The salted password and the client's key are as good as the password. */
    char salted[GSASL_HASH_MAX_SIZE], client[GSASL_HASH_MAX_SIZE];
    char server[GSASL_HASH_MAX_SIZE], stored[GSASL_HASH_MAX_SIZE];
    bool made =
        PKCS5_PBKDF2_HMAC(password, (int)strlen(password), s->salt, sizeof s->salt,
                          (int)s->iterations, sha_1 ? EVP_sha1() : EVP_sha256(), (int)s->key_size,
                          (unsigned char *)salted) == 1 &&
        gsasl_scram_secrets_from_salted_password(sha_1 ? GSASL_HASH_SHA1 : GSASL_HASH_SHA256,
                                                 salted, client, server, stored) == GSASL_OK;

    if (made) {
        memcpy(s->server_key, server, s->key_size);
        memcpy(s->stored_key, stored, s->key_size);
    }
    explicit_bzero(salted, sizeof salted);
    explicit_bzero(client, sizeof client);
    explicit_bzero(server, sizeof server);
    return made;
}

bool sasl_scram_make(struct sasl_scram *s, const unsigned char key[SASL_SERVER_KEY],
                     const char *mechanism, struct slice user, struct slice password,
                     unsigned iterations)
{
    uint32_t bit = sasl_mechanism_bit(slice_of(mechanism));
    bool sha_1 = (bit & (SASL_SCRAM_SHA_1 | SASL_SCRAM_SHA_1_PLUS)) != 0;
    unsigned char salt[SASL_SERVER_KEY];

    *s = (struct sasl_scram){.key_size = sha_1 ? 20 : 32, .iterations = iterations};
    if (!(bit & SASL_SCRAM) || !sasl_scram_derive(key, "salt", mechanism, user, salt))
        return false;
    memcpy(s->salt, salt, sizeof s->salt);
    char *prepared = prepare(password);
    bool made = prepared && make_keys(s, sha_1, prepared);
    if (prepared)
        explicit_bzero(prepared, strlen(prepared));
    free(prepared);
    return made;
}

struct sasl_secret sasl_scram_secret(const struct sasl_scram *s)
{
    return (struct sasl_secret){
        .kind = SASL_SECRET_SCRAM,
        .salt = slice_make((const char *)s->salt, sizeof s->salt),
        .stored_key = slice_make((const char *)s->stored_key, s->key_size),
        .server_key = slice_make((const char *)s->server_key, s->key_size),
        .iterations = s->iterations,
    };
}
