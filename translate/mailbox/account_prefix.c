/*
 * A body of which the beginning was given out already when the upstream was lost: it is fetched
 * once more, POP3 knows no other way, and what was given before is passed over. That it is the same
 * is seen by its digest.
 */
#include <string.h>

#include "translate/mailbox/account_internal.h"

static bool digest_add(EVP_MD_CTX **digest, struct slice octets)
{
    if (!*digest) {
        *digest = EVP_MD_CTX_new();
        if (!*digest || EVP_DigestInit_ex(*digest, EVP_sha256(), NULL) != 1)
            return false;
    }
    return EVP_DigestUpdate(*digest, octets.p, octets.n) == 1;
}

bool prefix_give(struct prefix *p, struct slice octets)
{
    p->octets += octets.n;
    return digest_add(&p->first, octets);
}

bool prefix_repeat(struct prefix *p)
{
    p->again = p->octets;
    EVP_MD_CTX_free(p->second);
    p->second = NULL;
    return digest_add(&p->second, (struct slice){0});
}

/* The first digest goes on growing: its value so far is a copy's. */
static bool digests_are_same(const struct prefix *p)
{
    unsigned char first[EVP_MAX_MD_SIZE];
    unsigned char second[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    bool same = copy && EVP_MD_CTX_copy_ex(copy, p->first) == 1 &&
                EVP_DigestFinal_ex(copy, first, &n) == 1 &&
                EVP_DigestFinal_ex(p->second, second, NULL) == 1 && memcmp(first, second, n) == 0;
    EVP_MD_CTX_free(copy);
    return same;
}

bool prefix_compare(struct prefix *p, struct slice *octets)
{
    size_t n = p->again < octets->n ? (size_t)p->again : octets->n;

    if (n == 0)
        return true;
    p->again -= n;
    return digest_add(&p->second, slice_take(octets, n)) && (p->again || digests_are_same(p));
}

void prefix_clear(struct prefix *p)
{
    EVP_MD_CTX_free(p->first);
    EVP_MD_CTX_free(p->second);
    *p = (struct prefix){.octets = 0};
}
