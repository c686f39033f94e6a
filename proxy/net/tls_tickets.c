/* See tls_tickets.h. */
#include "proxy/net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_SIZE = 16,
    SECRET_SIZE = 32,
    IV_SIZE = 16,
    KEY_SECONDS = 6 * 60 * 60, /* for sealing; and as long again for opening */
};

struct ticket_key {
    unsigned char name[NAME_SIZE];
    unsigned char cipher[SECRET_SIZE]; /* AES-256-CBC */
    unsigned char mac[SECRET_SIZE];    /* HMAC-SHA-256 */
    time_t made;                       /* 0: there is none */
};

struct tls_tickets {
    atomic_uint holders;
    pthread_mutex_t lock;
    struct ticket_key current;
    struct ticket_key before;
};

static bool key_make(struct ticket_key *key, time_t now)
{
    key->made = now;
    return RAND_bytes(key->name, NAME_SIZE) == 1 &&
           RAND_priv_bytes(key->cipher, SECRET_SIZE) == 1 &&
           RAND_priv_bytes(key->mac, SECRET_SIZE) == 1;
}

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *t = calloc(1, sizeof *t);

    if (t && key_make(&t->current, time(NULL))) {
        atomic_init(&t->holders, 1);
        pthread_mutex_init(&t->lock, NULL);
        return t;
    }
    free(t);
    return NULL;
}

struct tls_tickets *tls_tickets_hold(struct tls_tickets *t)
{
    if (t)
        atomic_fetch_add(&t->holders, 1);
    return t;
}

void tls_tickets_release(struct tls_tickets *t)
{
    if (!t || atomic_fetch_sub(&t->holders, 1) > 1)
        return;
    pthread_mutex_destroy(&t->lock);
    OPENSSL_cleanse(t, sizeof *t);
    free(t);
}

void tls_tickets_age(struct tls_tickets *t, time_t now)
{
    struct ticket_key fresh = {.made = 0};

    pthread_mutex_lock(&t->lock);
    if (now - t->current.made >= KEY_SECONDS && key_make(&fresh, now)) {
        t->before = t->current;
        t->current = fresh;
    }
    if (now - t->before.made >= 2 * KEY_SECONDS)
        OPENSSL_cleanse(&t->before, sizeof t->before);
    pthread_mutex_unlock(&t->lock);
    OPENSSL_cleanse(&fresh, sizeof fresh);
}

static struct ticket_key current_key(struct tls_tickets *t)
{
    pthread_mutex_lock(&t->lock);
    struct ticket_key key = t->current;
    pthread_mutex_unlock(&t->lock);
    return key;
}

/* The key of that name; made at 0: there is none any more. */
static struct ticket_key named_key(struct tls_tickets *t, const unsigned char *name, bool *is_old)
{
    struct ticket_key key = {.made = 0};

    pthread_mutex_lock(&t->lock);
    *is_old = memcmp(name, t->current.name, NAME_SIZE) != 0;
    const struct ticket_key *found = *is_old ? &t->before : &t->current;
    if (found->made && memcmp(name, found->name, NAME_SIZE) == 0)
        key = *found;
    pthread_mutex_unlock(&t->lock);
    return key;
}

static bool key_use(struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int sealing)
{
    OSSL_PARAM digest[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) == 1 &&
           EVP_MAC_init(mac, key->mac, SECRET_SIZE, digest) == 1;
}

int tls_tickets_key(struct tls_tickets *t, unsigned char *name, unsigned char *iv,
                    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    bool is_old = false;

    tls_tickets_age(t, time(NULL));
    struct ticket_key key = sealing ? current_key(t) : named_key(t, name, &is_old);
    bool done = key.made && (!sealing || RAND_bytes(iv, IV_SIZE) == 1) &&
                key_use(&key, iv, cipher, mac, sealing);
    if (sealing && done)
        memcpy(name, key.name, NAME_SIZE);
    OPENSSL_cleanse(&key, sizeof key);
    if (!done)
        return 0; /* no ticket is given; or the one that came is not known, which costs a whole
                     handshake */
    return is_old ? 2 : 1; /* 2: and a new one is given in its place */
}
