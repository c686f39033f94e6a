/*
 * By what a message is known whose UIDL does not say enough: a digest of its header, as it came by
 * TOP or RETR. Servers and what scans mail behind them write fields anew each time, and a message
 * that is never the same again could never be deleted: so where a header can be told from all
 * others by the fields that RFC 5322 and 5321 give it, those alone count. It has to stay as it is:
 * states on disks are full of it.
 */
#include <stdio.h>
#include <string.h>

#include "translate/mailbox/account_internal.h"
#include "translate/mime/mime_fields.h"

static const char provisional[] = "?octets:";

/* Ends with NULL. Every message that was carried by SMTP or made by a mail program has one. */
static const char *const of_its_own[] = {"Message-ID", "Received", NULL};

/* What a message has from its author, and from its way (RFC 5322 section 3.6). */
static const char *const given_once[] = {"Message-ID", "Received", "Date",        "From",
                                         "Sender",     "Reply-To", "To",          "Cc",
                                         "Subject",    "Comments", "In-Reply-To", NULL};

/* By which mailboxes, those of qpopper and UW for example, remember flags and sizes. */
static const char *const rewritten[] = {
    "Status",     "X-Status",         "X-Keywords",     "X-UID", "X-UIDL", "X-IMAP",
    "X-IMAPbase", "X-Mozilla-Status", "Content-Length", "Lines", NULL};

static bool is_among(struct slice name, const char *const *names)
{
    while (*names && !slice_is_nocase(name, *names))
        names++;
    return *names != NULL;
}

static bool header_is_own(struct slice header)
{
    struct slice name;
    struct slice value;

    while (mime_fields_next(&header, &name, &value))
        if (is_among(name, of_its_own))
            return true;
    return false;
}

static bool add(EVP_MD_CTX *md, struct slice octets)
{
    return octets.n == 0 || EVP_DigestUpdate(md, octets.p, octets.n) == 1;
}

/* A header without any field counts as it is. */
static bool header_add(EVP_MD_CTX *md, struct slice header, bool own)
{
    struct slice rest = header;
    struct slice name;
    struct slice value;
    bool any = false;
    bool added = true;

    while (added && mime_fields_next(&rest, &name, &value)) {
        if (own ? !is_among(name, given_once) : is_among(name, rewritten))
            continue;
        any = true;
        added =
            add(md, name) && add(md, slice_of(":")) && add(md, value) && add(md, slice_of("\n"));
    }
    return added && (any || add(md, header));
}

bool digest_of_header(struct slice header, char digest[LISTED_DIGEST + 1])
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    bool own = header_is_own(header);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool made = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
                header_add(md, header, own) && EVP_DigestFinal_ex(md, octets, NULL) == 1;

    EVP_MD_CTX_free(md);
    for (size_t i = 0; made && i < LISTED_DIGEST / 2; i++) {
        digest[2 * i] = "0123456789abcdef"[octets[i] >> 4];
        digest[2 * i + 1] = "0123456789abcdef"[octets[i] & 15];
    }
    if (!own)
        digest[0] = '?';
    digest[made ? LISTED_DIGEST : 0] = '\0';
    return made;
}

void digest_of_size(uint64_t size, char digest[LISTED_DIGEST + 1])
{
    snprintf(digest, LISTED_DIGEST + 1, "%s%llu", provisional, (unsigned long long)size);
}

bool digest_is_provisional(const char *digest)
{
    return strncmp(digest, provisional, sizeof provisional - 1) == 0;
}
