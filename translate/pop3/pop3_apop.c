/* See pop3_apop.h. */
#include "translate/pop3/pop3_apop.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { MD5_SIZE = 16 };

bool pop3_apop_digest(struct slice timestamp, struct slice password,
                      char digest[POP3_APOP_DIGEST + 1])
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned n = 0;

    bool done = md && EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1 &&
                EVP_DigestUpdate(md, timestamp.p, timestamp.n) == 1 &&
                EVP_DigestUpdate(md, password.p, password.n) == 1 &&
                EVP_DigestFinal_ex(md, octets, &n) == 1 && n == MD5_SIZE;
    EVP_MD_CTX_free(md);
    for (unsigned i = 0; done && i < n; i++)
        snprintf(digest + (size_t)2 * i, 3, "%02x", octets[i]);
    return done;
}
