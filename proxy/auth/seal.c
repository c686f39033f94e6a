#include "proxy/auth/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "translate/text/base64.h"

enum { NONCE = 12, TAG = 16, MEMORY_MAX = 256 << 20 };

const struct seal_cost seal_cost_now = {.n = 32768, .r = 8, .p = 1};

bool seal_cost_is_sane(const struct seal_cost *cost)
{
    bool power_of_two = cost->n > 1 && (cost->n & (cost->n - 1)) == 0;

    return power_of_two && cost->n <= 1 << 20 && cost->r >= 1 && cost->r <= 32 && cost->p >= 1 &&
           cost->p <= 16 && 128 * cost->n * cost->r < MEMORY_MAX;
}

bool seal_derive(const struct seal_cost *cost, const unsigned char salt[SEAL_SALT],
                 struct slice password, unsigned char key[SEAL_KEY])
{
    return EVP_PBE_scrypt(password.n ? password.p : "", password.n, salt, SEAL_SALT, cost->n,
                          cost->r, cost->p, MEMORY_MAX, key, SEAL_KEY) == 1;
}

/* Runs the octets through the cipher, ready but for them; `out` has room for as many. */
static bool run(EVP_CIPHER_CTX *ctx, struct slice bound, struct slice in, unsigned char *out)
{
    int n;

    return in.n <= INT32_MAX && bound.n <= INT32_MAX &&
           EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)bound.p, (int)bound.n) == 1 &&
           EVP_CipherUpdate(ctx, out, &n, (const unsigned char *)in.p, (int)in.n) == 1;
}

static bool encrypt(const unsigned char key[SEAL_KEY], const unsigned char nonce[NONCE],
                    struct slice bound, struct slice octets, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *end = out + octets.n;
    int n;
    bool good = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                run(ctx, bound, octets, out) && EVP_EncryptFinal_ex(ctx, end, &n) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, end) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static bool decrypt(const unsigned char key[SEAL_KEY], const unsigned char nonce[NONCE],
                    struct slice bound, struct slice sealed, unsigned char *out)
{
    struct slice octets = slice_make(sealed.p, sealed.n - TAG);
    unsigned char tag[TAG];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    for (size_t i = 0; i < TAG; i++)
        tag[i] = (unsigned char)sealed.p[octets.n + i];
    bool good = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                run(ctx, bound, octets, out) &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
                EVP_DecryptFinal_ex(ctx, out + octets.n, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static json_t *text_of(struct slice octets)
{
    struct buf text = BUF_INIT;
    json_t *string = NULL;

    base64_encode(&text, octets);
    if (!buf_failed(&text))
        string = json_stringn(buf_slice(&text).p, buf_size(&text));
    buf_clear(&text);
    return string;
}

json_t *seal(const unsigned char key[SEAL_KEY], struct slice bound, struct slice octets)
{
    unsigned char nonce[NONCE];
    struct buf sealed = BUF_INIT;
    json_t *object = NULL;
    char *room = buf_reserve(&sealed, octets.n + TAG);

    if (room && RAND_bytes(nonce, sizeof nonce) == 1 &&
        encrypt(key, nonce, bound, octets, (unsigned char *)room)) {
        buf_added(&sealed, octets.n + TAG);
        object = json_pack("{s:o, s:o}", "nonce", text_of(slice_make((char *)nonce, NONCE)),
                           "sealed", text_of(buf_slice(&sealed)));
    }
    buf_clear(&sealed);
    return object;
}

static bool octets_of(const json_t *object, const char *key, struct buf *out)
{
    const json_t *text = json_object_get(object, key);

    return json_is_string(text) &&
           base64_decode(out, slice_make(json_string_value(text), json_string_length(text)));
}

bool unseal(const unsigned char key[SEAL_KEY], struct slice bound, const json_t *sealed,
            struct buf *octets)
{
    struct buf nonce = BUF_INIT, in = BUF_INIT, out = {.secret = true};
    bool good = octets_of(sealed, "nonce", &nonce) && octets_of(sealed, "sealed", &in) &&
                buf_size(&nonce) == NONCE && buf_size(&in) >= TAG;
    char *room = good ? buf_reserve(&out, buf_size(&in)) : NULL;

    good = room && decrypt(key, (const unsigned char *)buf_slice(&nonce).p, bound, buf_slice(&in),
                           (unsigned char *)room);
    if (good) {
        buf_added(&out, buf_size(&in) - TAG);
        buf_put(octets, buf_slice(&out));
    } else if (room) {
        OPENSSL_cleanse(room, buf_size(&in)); /* what failed its check is not to be seen */
    }
    buf_wipe(&out);
    buf_clear(&nonce);
    buf_clear(&in);
    return good && !buf_failed(octets);
}
