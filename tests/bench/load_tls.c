#include "tests/bench/load_tls.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>

/* TLS_AES_256_GCM_SHA384 and X25519: what OpenSSL's client and server agree on. */
enum {
    SUITE = 0x1302,
    GROUP = 0x001d,
    SHARE_SIZE = 32,
    HASH_SIZE = 48,
    KEY_SIZE = 32,
    IV_SIZE = 12,
    TAG_SIZE = 16,
    HEADER_SIZE = 5,
    RECORD_MAX = 16384,
    HELLO_ROOM = 200,
};

enum { RECORD_CIPHER_CHANGE = 20, RECORD_ALERT, RECORD_HANDSHAKE, RECORD_DATA };

enum {
    SERVER_HELLO = 2,
    NEW_SESSION_TICKET = 4,
    ENCRYPTED_EXTENSIONS = 8,
    CERTIFICATE = 11,
    CERTIFICATE_VERIFY = 15,
    FINISHED = 20,
};

struct secret {
    unsigned char octets[HASH_SIZE];
};

struct load_tls_client {
    EVP_PKEY *key;
    EVP_MD *hash;
    EVP_MAC_CTX *hmac;
    EVP_CIPHER *cipher;
    struct secret nothing; /* the hash of no octets */
    struct secret derived; /* of the early secret: the same whenever there is no PSK */
    struct buf hello;
};

/* What is sent, or what comes, under one key. */
struct traffic {
    EVP_CIPHER_CTX *cipher;
    unsigned char iv[IV_SIZE];
    uint64_t sequence;
};

enum stage { WANT_HELLO, WANT_FINISHED, UP };

struct load_tls {
    struct load_tls_client *client;
    enum stage stage;
    EVP_MD_CTX *transcript;
    struct secret handshake, from_client, from_server; /* the latter two of this stage */
    struct traffic in, out;
    struct buf partial;  /* of a record */
    struct buf messages; /* of the handshake, the last of them not whole yet */
};

/* ---- numbers ---- */

static void put_number(struct buf *b, unsigned number, int size)
{
    while (size-- > 0)
        buf_putc(b, (char)(number >> (8 * size)));
}

/* Off the front; false when there are fewer octets. */
static bool take_number(struct slice *s, size_t size, unsigned *number)
{
    struct slice taken = slice_take(s, size);

    *number = 0;
    for (size_t i = 0; i < taken.n; i++)
        *number = *number << 8 | (unsigned char)taken.p[i];
    return taken.n == size;
}

/* A vector, whose length stands before it in `size` octets. */
static bool take_vector(struct slice *s, size_t size, struct slice *vector)
{
    unsigned n;

    if (!take_number(s, size, &n) || s->n < n)
        return false;
    *vector = slice_take(s, n);
    return true;
}

/* ---- keys (RFC 8446 section 7) ---- */

static bool hmac(const struct load_tls_client *c, struct secret key, struct slice octets,
                 struct secret *made)
{
    return EVP_MAC_init(c->hmac, key.octets, HASH_SIZE, NULL) == 1 &&
           EVP_MAC_update(c->hmac, (const unsigned char *)octets.p, octets.n) == 1 &&
           EVP_MAC_final(c->hmac, made->octets, NULL, HASH_SIZE) == 1;
}

/* HKDF-Expand-Label; nothing that is asked for is longer than one hash. */
static bool expand(const struct load_tls_client *c, struct secret secret, const char *label,
                   struct slice context, unsigned size, struct secret *made)
{
    char room[128];
    struct buf info = {.p = room, .cap = sizeof room};

    put_number(&info, size, 2);
    put_number(&info, (unsigned)(sizeof "tls13 " - 1 + strlen(label)), 1);
    buf_puts(&info, "tls13 ");
    buf_puts(&info, label);
    put_number(&info, (unsigned)context.n, 1);
    buf_put(&info, context);
    put_number(&info, 1, 1);
    return hmac(c, secret, buf_slice(&info), made);
}

static struct slice secret_slice(const struct secret *s)
{
    return slice_make((const char *)s->octets, HASH_SIZE);
}

/* Of all messages up to now. */
static bool transcript_hash(const struct load_tls *t, struct secret *made)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool done = copy && EVP_MD_CTX_copy_ex(copy, t->transcript) == 1 &&
                EVP_DigestFinal_ex(copy, made->octets, NULL) == 1;

    EVP_MD_CTX_free(copy);
    return done;
}

static bool traffic_key(const struct load_tls_client *c, struct traffic *traffic,
                        struct secret secret, bool seals)
{
    struct secret key;
    struct secret iv;

    if (!expand(c, secret, "key", slice_of(""), KEY_SIZE, &key) ||
        !expand(c, secret, "iv", slice_of(""), IV_SIZE, &iv))
        return false;
    memcpy(traffic->iv, iv.octets, IV_SIZE);
    traffic->sequence = 0;
    return EVP_CipherInit_ex2(traffic->cipher, c->cipher, key.octets, NULL, seals, NULL) == 1;
}

/* The secrets of both directions, by what was said until now. What comes has its new key at once;
 * what is sent only when it is asked for, as Finished still goes under the old one. */
static bool derive_secrets(struct load_tls *t, struct secret from, const char *client,
                           const char *server)
{
    const struct load_tls_client *c = t->client;
    struct secret said;

    return transcript_hash(t, &said) &&
           expand(c, from, client, secret_slice(&said), HASH_SIZE, &t->from_client) &&
           expand(c, from, server, secret_slice(&said), HASH_SIZE, &t->from_server) &&
           traffic_key(c, &t->in, t->from_server, false);
}

static bool derive_shared(const struct load_tls_client *c, struct slice share,
                          unsigned char shared[SHARE_SIZE])
{
    size_t n = SHARE_SIZE;
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL,
                                                    (const unsigned char *)share.p, share.n);
    EVP_PKEY_CTX *derivation = EVP_PKEY_CTX_new_from_pkey(NULL, c->key, NULL);
    bool done = peer && derivation && EVP_PKEY_derive_init(derivation) == 1 &&
                EVP_PKEY_derive_set_peer_ex(derivation, peer, 0) == 1 &&
                EVP_PKEY_derive(derivation, shared, &n) == 1;

    EVP_PKEY_CTX_free(derivation);
    EVP_PKEY_free(peer);
    return done;
}

static bool begin_encryption(struct load_tls *t, struct slice share)
{
    const struct load_tls_client *c = t->client;
    unsigned char shared[SHARE_SIZE];

    return derive_shared(c, share, shared) &&
           hmac(c, c->derived, slice_make((const char *)shared, sizeof shared), &t->handshake) &&
           derive_secrets(t, t->handshake, "c hs traffic", "s hs traffic") &&
           traffic_key(c, &t->out, t->from_client, true);
}

/* ---- records (RFC 8446 section 5) ---- */

static void next_nonce(struct traffic *traffic, unsigned char nonce[IV_SIZE])
{
    memcpy(nonce, traffic->iv, IV_SIZE);
    for (int i = 0; i < 8; i++)
        nonce[IV_SIZE - 1 - i] ^= (unsigned char)(traffic->sequence >> (8 * i));
    traffic->sequence++;
}

static void put_header(struct buf *out, unsigned type, size_t n)
{
    put_number(out, type, 1);
    put_number(out, 0x0303, 2);
    put_number(out, (unsigned)n, 2);
}

/* Appends one record, of at most RECORD_MAX octets of this type. */
static bool seal(struct traffic *traffic, unsigned char type, struct slice octets, struct buf *out)
{
    EVP_CIPHER_CTX *cipher = traffic->cipher;
    unsigned char nonce[IV_SIZE];
    size_t n = octets.n + 1 + TAG_SIZE;
    int m;

    next_nonce(traffic, nonce);
    put_header(out, RECORD_DATA, n);
    unsigned char *p = (unsigned char *)buf_reserve(out, n);
    if (!p || EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, nonce) != 1 ||
        EVP_EncryptUpdate(cipher, NULL, &m, p - HEADER_SIZE, HEADER_SIZE) != 1 ||
        EVP_EncryptUpdate(cipher, p, &m, (const unsigned char *)octets.p, (int)octets.n) != 1 ||
        EVP_EncryptUpdate(cipher, p + octets.n, &m, &type, 1) != 1 ||
        EVP_EncryptFinal_ex(cipher, p + octets.n + 1, &m) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, p + octets.n + 1) != 1)
        return false;
    buf_added(out, n);
    return true;
}

/* Appends what is in the record to `plain`, and says of what type it is. */
static bool open_record(struct traffic *traffic, struct slice header, struct slice body,
                        struct buf *plain, unsigned *type)
{
    EVP_CIPHER_CTX *cipher = traffic->cipher;
    const unsigned char *sealed = (const unsigned char *)body.p;
    unsigned char nonce[IV_SIZE];
    unsigned char *p = (unsigned char *)buf_reserve(plain, body.n);
    int m;

    if (!p || body.n <= TAG_SIZE)
        return false;
    size_t n = body.n - TAG_SIZE;
    next_nonce(traffic, nonce);
    if (EVP_DecryptInit_ex(cipher, NULL, NULL, NULL, nonce) != 1 ||
        EVP_DecryptUpdate(cipher, NULL, &m, (const unsigned char *)header.p, HEADER_SIZE) != 1 ||
        EVP_DecryptUpdate(cipher, p, &m, sealed, (int)n) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, (void *)(sealed + n)) != 1 ||
        EVP_DecryptFinal_ex(cipher, p + n, &m) != 1)
        return false;
    while (n && p[n - 1] == 0) /* padding */
        n--;
    if (n == 0)
        return false;
    *type = p[n - 1];
    buf_added(plain, n - 1);
    return true;
}

/* ---- the handshake (RFC 8446 section 4) ---- */

/* The extensions of the ServerHello have the server's key share. */
static bool find_share(struct slice extensions, struct slice *share)
{
    unsigned type;
    unsigned group;
    struct slice extension;

    while (take_number(&extensions, 2, &type) && take_vector(&extensions, 2, &extension))
        if (type == 51)
            return take_number(&extension, 2, &group) && group == GROUP &&
                   take_vector(&extension, 2, share) && share->n == SHARE_SIZE;
    return false;
}

static bool server_hello(struct load_tls *t, struct slice body)
{
    struct slice session;
    struct slice extensions;
    struct slice share;
    unsigned suite;

    slice_take(&body, 2 + 32); /* version and random */
    if (!take_vector(&body, 1, &session) || !take_number(&body, 2, &suite) || suite != SUITE)
        return false;
    slice_take(&body, 1); /* compression */
    t->stage = WANT_FINISHED;
    return take_vector(&body, 2, &extensions) && find_share(extensions, &share) &&
           begin_encryption(t, share);
}

/* Ours is by what the server has said up to its own. */
static bool put_finished(struct load_tls *t, struct secret said, struct buf *out)
{
    const struct load_tls_client *c = t->client;
    struct secret key;
    struct secret proof;
    struct buf message = BUF_INIT;

    if (!expand(c, t->from_client, "finished", slice_of(""), HASH_SIZE, &key) ||
        !hmac(c, key, secret_slice(&said), &proof))
        return false;
    put_number(&message, FINISHED, 1);
    put_number(&message, HASH_SIZE, 3);
    buf_put(&message, secret_slice(&proof));
    bool done = seal(&t->out, RECORD_HANDSHAKE, buf_slice(&message), out);
    buf_clear(&message);
    return done;
}

static bool server_finished(struct load_tls *t, struct buf *out)
{
    const struct load_tls_client *c = t->client;
    static const struct secret zero;
    struct secret said;
    struct secret derived;
    struct secret master;

    t->stage = UP;
    return transcript_hash(t, &said) && put_finished(t, said, out) &&
           expand(c, t->handshake, "derived", secret_slice(&c->nothing), HASH_SIZE, &derived) &&
           hmac(c, derived, secret_slice(&zero), &master) &&
           derive_secrets(t, master, "c ap traffic", "s ap traffic") &&
           traffic_key(c, &t->out, t->from_client, true);
}

static bool take_message(struct load_tls *t, unsigned type, struct slice whole, struct buf *out)
{
    if (t->stage == UP)
        return type == NEW_SESSION_TICKET;
    if (EVP_DigestUpdate(t->transcript, whole.p, whole.n) != 1)
        return false;
    if (t->stage == WANT_HELLO)
        return type == SERVER_HELLO && server_hello(t, slice_make(whole.p + 4, whole.n - 4));
    if (type == FINISHED)
        return server_finished(t, out);
    return type == ENCRYPTED_EXTENSIONS || type == CERTIFICATE || type == CERTIFICATE_VERIFY;
}

static bool take_messages(struct load_tls *t, struct buf *out)
{
    for (;;) {
        struct slice rest = buf_slice(&t->messages);
        const char *whole = rest.p;
        unsigned type;
        struct slice body;
        if (!take_number(&rest, 1, &type) || !take_vector(&rest, 3, &body))
            return !buf_failed(&t->messages);
        size_t n = (size_t)(rest.p - whole);
        if (!take_message(t, type, slice_make(whole, n), out))
            return false;
        buf_drop(&t->messages, n);
    }
}

static bool take_sealed(struct load_tls *t, struct slice header, struct slice body,
                        struct buf *plain, struct buf *out)
{
    size_t before = buf_size(plain);
    unsigned type;

    if (!open_record(&t->in, header, body, plain, &type))
        return false;
    if (type == RECORD_DATA)
        return t->stage == UP;
    if (type == RECORD_ALERT) { /* close_notify; the end of the connection follows, as of others */
        buf_truncate(plain, before);
        return true;
    }
    buf_put(&t->messages, slice_make(buf_slice(plain).p + before, buf_size(plain) - before));
    buf_truncate(plain, before);
    return type == RECORD_HANDSHAKE && take_messages(t, out);
}

static bool take_record(struct load_tls *t, struct slice header, struct slice body,
                        struct buf *plain, struct buf *out)
{
    switch (header.p[0]) {
    case RECORD_CIPHER_CHANGE: /* for the sake of boxes in between */
        return true;
    case RECORD_HANDSHAKE:
        buf_put(&t->messages, body);
        return t->stage == WANT_HELLO && take_messages(t, out);
    case RECORD_DATA:
        return t->stage != WANT_HELLO && take_sealed(t, header, body, plain, out);
    default:
        return false;
    }
}

bool load_tls_take(struct load_tls *t, struct slice octets, struct buf *plain, struct buf *out)
{
    bool joined = buf_size(&t->partial) > 0;

    if (joined) {
        buf_put(&t->partial, octets);
        octets = buf_slice(&t->partial);
    }
    size_t n = octets.n;
    for (;;) {
        struct slice rest = octets;
        struct slice header = slice_take(&rest, HEADER_SIZE);
        struct slice length = slice_make(header.p + 3, 2);
        unsigned size;
        if (header.n < HEADER_SIZE || !take_number(&length, 2, &size) || rest.n < size)
            break;
        if (!take_record(t, header, slice_take(&rest, size), plain, out))
            return false;
        octets = rest;
    }
    if (joined)
        buf_drop(&t->partial, n - octets.n);
    else
        buf_put(&t->partial, octets);
    return !buf_failed(&t->partial) && !buf_failed(plain) && !buf_failed(out);
}

bool load_tls_is_up(const struct load_tls *t)
{
    return t->stage == UP;
}

bool load_tls_seal(struct load_tls *t, struct slice octets, struct buf *out)
{
    while (octets.n)
        if (!seal(&t->out, RECORD_DATA, slice_take(&octets, RECORD_MAX), out))
            return false;
    return !buf_failed(out);
}

struct load_tls *load_tls_new(struct load_tls_client *c, struct buf *out)
{
    struct load_tls *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->client = c;
    t->transcript = EVP_MD_CTX_new();
    t->in.cipher = EVP_CIPHER_CTX_new();
    t->out.cipher = EVP_CIPHER_CTX_new();
    struct slice hello = buf_slice(&c->hello);
    put_header(out, RECORD_HANDSHAKE, hello.n);
    buf_put(out, hello);
    if (t->transcript && t->in.cipher && t->out.cipher &&
        EVP_DigestInit_ex2(t->transcript, c->hash, NULL) == 1 &&
        EVP_DigestUpdate(t->transcript, hello.p, hello.n) == 1)
        return t;
    load_tls_free(t);
    return NULL;
}

void load_tls_free(struct load_tls *t)
{
    if (!t)
        return;
    EVP_MD_CTX_free(t->transcript);
    EVP_CIPHER_CTX_free(t->in.cipher);
    EVP_CIPHER_CTX_free(t->out.cipher);
    buf_clear(&t->partial);
    buf_clear(&t->messages);
    free(t);
}

/* ---- what is the same for all connections ---- */

/* An extension, which holds one list of two octets' numbers; its length has `size` octets. */
static void put_numbers(struct buf *b, unsigned type, int size, const unsigned *numbers,
                        unsigned count)
{
    put_number(b, type, 2);
    put_number(b, (unsigned)size + 2 * count, 2);
    put_number(b, 2 * count, size);
    for (unsigned i = 0; i < count; i++)
        put_number(b, numbers[i], 2);
}

static void put_extensions(struct buf *b, const unsigned char share[SHARE_SIZE])
{
    static const unsigned versions[] = {0x0304};
    static const unsigned groups[] = {GROUP};
    /* rsa_pss_rsae, ecdsa, rsa_pkcs1, each with the usual hashes: any certificate will do */
    static const unsigned signatures[] = {0x0804, 0x0805, 0x0806, 0x0403, 0x0503,
                                          0x0603, 0x0401, 0x0501, 0x0601};

    put_numbers(b, 43, 1, versions, 1);
    put_numbers(b, 10, 2, groups, 1);
    put_numbers(b, 13, 2, signatures, sizeof signatures / sizeof *signatures);
    /* psk_key_exchange_modes, psk_dhe_ke: the server is to make its tickets, as for any client. */
    put_number(b, 45, 2);
    put_number(b, 2, 2);
    put_number(b, 0x0101, 2);
    put_number(b, 51, 2); /* key_share */
    put_number(b, 2 + 4 + SHARE_SIZE, 2);
    put_number(b, 4 + SHARE_SIZE, 2);
    put_number(b, GROUP, 2);
    put_number(b, SHARE_SIZE, 2);
    buf_put(b, slice_make((const char *)share, SHARE_SIZE));
}

/* Without a session's id: a server then leaves out what is only for the sake of boxes in between.
 */
static bool make_hello(struct load_tls_client *c)
{
    struct buf extensions = BUF_INIT;
    unsigned char random[32];
    unsigned char share[SHARE_SIZE];
    size_t n = sizeof share;

    if (EVP_PKEY_get_raw_public_key(c->key, share, &n) != 1 || RAND_bytes(random, 32) != 1)
        return false;
    put_extensions(&extensions, share);
    size_t size = buf_size(&extensions);
    put_number(&c->hello, 1, 1);
    put_number(&c->hello, (unsigned)(2 + 32 + 1 + 4 + 2 + 2 + size), 3);
    put_number(&c->hello, 0x0303, 2);
    buf_put(&c->hello, slice_make((const char *)random, sizeof random));
    put_number(&c->hello, 0, 1);
    put_number(&c->hello, 2, 2);
    put_number(&c->hello, SUITE, 2);
    put_number(&c->hello, 0x0100, 2); /* no compression */
    put_number(&c->hello, (unsigned)size, 2);
    buf_put(&c->hello, buf_slice(&extensions));
    bool done = !buf_failed(&extensions) && !buf_failed(&c->hello);
    buf_clear(&extensions);
    return done;
}

/* The early secret of a handshake without a PSK, and what is derived of it. */
static bool make_derived(struct load_tls_client *c)
{
    static const struct secret zero;
    struct secret early;

    return EVP_Digest("", 0, c->nothing.octets, NULL, c->hash, NULL) == 1 &&
           hmac(c, zero, secret_slice(&zero), &early) &&
           expand(c, early, "derived", secret_slice(&c->nothing), HASH_SIZE, &c->derived);
}

static EVP_MAC_CTX *make_hmac(void)
{
    char hash[] = "SHA384";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *made = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (made && EVP_MAC_CTX_set_params(made, params) == 1)
        return made;
    EVP_MAC_CTX_free(made);
    return NULL;
}

struct load_tls_client *load_tls_client_new(void)
{
    struct load_tls_client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    c->hash = EVP_MD_fetch(NULL, "SHA384", NULL);
    c->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->hmac = make_hmac();
    if (c->key && c->hash && c->cipher && c->hmac && make_hello(c) && make_derived(c))
        return c;
    load_tls_client_free(c);
    return NULL;
}

void load_tls_client_free(struct load_tls_client *c)
{
    if (!c)
        return;
    EVP_PKEY_free(c->key);
    EVP_MD_free(c->hash);
    EVP_CIPHER_free(c->cipher);
    EVP_MAC_CTX_free(c->hmac);
    buf_clear(&c->hello);
    free(c);
}
