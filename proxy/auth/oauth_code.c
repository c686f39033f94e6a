/*
 * RFC 6749 section 4.1, always with PKCE (RFC 7636, S256): the person's browser is sent to the
 * provider and comes back with a code, to an address of this machine or by a person's copying.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/oauth_parts.h"
#include "translate/text/base64.h"

/* RFC 4648 section 5, without padding. Owned; NULL when memory is out. */
static char *base64url(const unsigned char *octets, size_t n)
{
    struct buf out = BUF_INIT;
    char *text;

    base64_encode(&out, slice_make((const char *)octets, n));
    text = buf_failed(&out) ? NULL : slice_dup(buf_slice(&out));
    buf_clear(&out);
    for (char *p = text; p && *p; p++)
        *p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
    if (text)
        text[strcspn(text, "=")] = '\0';
    return text;
}

static char *random_text(void)
{
    unsigned char octets[32];
    char *text =
        RAND_priv_bytes(octets, sizeof octets) == 1 ? base64url(octets, sizeof octets) : NULL;

    OPENSSL_cleanse(octets, sizeof octets);
    return text;
}

static char *challenge_of(const char *verifier)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n;

    if (EVP_Q_digest(NULL, "SHA256", NULL, verifier, strlen(verifier), digest, &n) != 1)
        return NULL;
    return base64url(digest, n);
}

void oauth_code_clear(struct oauth_code *c)
{
    if (c->verifier)
        OPENSSL_cleanse(c->verifier, strlen(c->verifier));
    free(c->verifier);
    free(c->address);
    free(c->state);
    free(c->redirect);
    *c = (struct oauth_code){0};
}

static char *make_address(const struct oauth_code *c, const struct oauth_provider *p,
                          const char *challenge, const char *login_hint)
{
    struct buf query = BUF_INIT, out = BUF_INIT;
    char *address = NULL;

    oauth_put_field(&query, "response_type", "code");
    oauth_put_field(&query, "client_id", p->client_id);
    oauth_put_field(&query, "redirect_uri", c->redirect);
    oauth_put_field(&query, "scope", p->scope);
    oauth_put_field(&query, "state", c->state);
    oauth_put_field(&query, "code_challenge", challenge);
    oauth_put_field(&query, "code_challenge_method", "S256");
    oauth_put_field(&query, "login_hint", login_hint);
    buf_puts(&out, p->authorization_endpoint);
    buf_putc(&out, strchr(p->authorization_endpoint, '?') ? '&' : '?');
    buf_put(&out, buf_slice(&query));
    if (p->extra)
        buf_printf(&out, "&%s", p->extra);
    if (!buf_failed(&out) && !buf_failed(&query))
        address = slice_dup(buf_slice(&out));
    buf_clear(&query);
    buf_clear(&out);
    return address;
}

bool oauth_code_begin(struct oauth_code *c, const struct oauth_provider *p, const char *redirect,
                      const char *login_hint, struct failure *why)
{
    *c = (struct oauth_code){0};
    if (!p->authorization_endpoint) {
        failure_set(why, FAILURE_PERMANENT,
                    "%s has no authorization endpoint that is known; give it in the route's "
                    "\"oauth\"",
                    p->name);
        return false;
    }
    c->verifier = random_text();
    c->state = random_text();
    c->redirect = strdup(redirect);
    char *challenge = c->verifier ? challenge_of(c->verifier) : NULL;
    if (challenge && c->state && c->redirect)
        c->address = make_address(c, p, challenge, login_hint);
    free(challenge);
    if (c->address)
        return true;
    oauth_code_clear(c);
    failure_set(why, FAILURE_TEMPORARY, "out of memory or randomness, try again later");
    return false;
}

/* ---- the answer -------------------------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void put_decoded(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        bool escaped = text.p[i] == '%' && i + 2 < text.n && hex(text.p[i + 1]) >= 0 &&
                       hex(text.p[i + 2]) >= 0;
        if (escaped)
            buf_putc(out, (char)(hex(text.p[i + 1]) * 16 + hex(text.p[i + 2])));
        else
            buf_putc(out, text.p[i] == '+' ? ' ' : text.p[i]);
        i += escaped ? 2 : 0;
    }
}

/* The value of a query's field, decoded; owned. NULL: it is not there, or memory is out. */
static char *field(struct slice query, const char *name)
{
    size_t length = strlen(name);

    while (query.n) {
        const char *end = memchr(query.p, '&', query.n);
        struct slice pair = slice_take(&query, end ? (size_t)(end - query.p) : query.n);
        slice_take(&query, 1);
        if (pair.n <= length || memcmp(pair.p, name, length) != 0 || pair.p[length] != '=')
            continue;
        slice_take(&pair, length + 1);
        struct buf out = {.secret = true};
        put_decoded(&out, pair);
        char *value = buf_failed(&out) ? NULL : slice_dup(buf_slice(&out));
        buf_wipe(&out);
        return value;
    }
    return NULL;
}

static struct slice query_of(struct slice answer)
{
    const char *mark;

    answer = slice_trim(answer);
    mark = answer.n ? memchr(answer.p, '?', answer.n) : NULL;
    if (mark)
        slice_take(&answer, (size_t)(mark - answer.p) + 1);
    mark = answer.n ? memchr(answer.p, '#', answer.n) : NULL;
    return mark ? slice_make(answer.p, (size_t)(mark - answer.p)) : answer;
}

/* The code that the browser brought; NULL with the reason. */
static char *code_of(const struct oauth_code *c, const struct oauth_provider *p, struct slice query,
                     struct failure *why)
{
    char *state = field(query, "state");
    char *error = field(query, "error");
    char *issuer = field(query, "iss");
    char *code = NULL;
    bool same = state && strlen(state) == strlen(c->state) &&
                CRYPTO_memcmp(state, c->state, strlen(state)) == 0;

    if (!same)
        failure_set(why, FAILURE_PERMANENT,
                    "that is not the answer to this request: copy the whole address that the "
                    "browser ended at, from http on");
    else if (issuer && p->issuer && strcmp(issuer, p->issuer) != 0) /* RFC 9207 */
        failure_set(why, FAILURE_PERMANENT, "the answer is not %s's but %.80s's", p->name, issuer);
    else if (error)
        failure_set(why, FAILURE_AUTH, "%s did not authorize: %.80s", p->name, error);
    else if (!(code = field(query, "code")))
        failure_set(why, FAILURE_PERMANENT, "there is no code in that address");
    free(state);
    free(error);
    free(issuer);
    return code;
}

struct oauth_call *oauth_code_finish(struct http *h, const struct oauth_provider *p,
                                     const struct oauth_code *c, struct slice answer, int64_t now_s,
                                     oauth_done done, void *owner, struct failure *why)
{
    char *code = code_of(c, p, query_of(answer), why);
    struct oauth_call *call = code ? oauth_call_new(h, p, now_s, owner, why) : NULL;
    struct buf form = {.secret = true};

    if (!call) {
        free(code);
        return NULL;
    }
    call->done = done;
    call->answered = oauth_take_tokens;
    oauth_put_field(&form, "grant_type", "authorization_code");
    oauth_put_field(&form, "code", code);
    oauth_put_field(&form, "redirect_uri", c->redirect);
    oauth_put_field(&form, "code_verifier", c->verifier);
    OPENSSL_cleanse(code, strlen(code));
    free(code);
    return oauth_post_first(call, p->token_endpoint, "token", &form, why);
}
