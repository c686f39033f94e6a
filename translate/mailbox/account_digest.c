/*
 * By what a message is known whose UIDL does not say enough: a digest of its header, as it came by
 * TOP or RETR. What servers write anew each time is no part of it: the fields by which mailboxes
 * remember their flags, those about sizes, and blanks around values. It has to stay as it is:
 * states on disks are full of it.
 */
#include <stdio.h>
#include <string.h>

#include "translate/mailbox/account_internal.h"
#include "translate/mime/mime_fields.h"

static const char provisional[] = "?octets:";

/* Fields of mbox files that qpopper, UW and others show, and change (mbox(5), Status). */
static bool field_is_rewritten(struct slice name)
{
    static const char *const names[] = {
        "Status",         "X-Status",    "X-Keywords",        "X-UID",
        "X-UIDL",         "X-IMAP",      "X-IMAPbase",        "X-Mozilla-Status",
        "Content-Length", "X-Evolution", "X-Mozilla-Status2", "Lines",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is_nocase(name, names[i]))
            return true;
    return false;
}

static bool add(EVP_MD_CTX *md, struct slice octets)
{
    return octets.n == 0 || EVP_DigestUpdate(md, octets.p, octets.n) == 1;
}

/* Every message that was carried by SMTP or made by a mail program has one of its own. */
static bool field_is_unique(struct slice name)
{
    return slice_is_nocase(name, "Message-ID") || slice_is_nocase(name, "Received");
}

/* A header without any field counts as it is. */
static bool header_add(EVP_MD_CTX *md, struct slice header, bool *unique)
{
    struct slice rest = header;
    struct slice name;
    struct slice value;
    bool any = false;
    bool added = true;

    while (added && mime_fields_next(&rest, &name, &value)) {
        if (field_is_rewritten(name))
            continue;
        any = true;
        *unique = *unique || field_is_unique(name);
        added =
            add(md, name) && add(md, slice_of(":")) && add(md, value) && add(md, slice_of("\n"));
    }
    return added && (any || add(md, header));
}

bool digest_of_header(struct slice header, char digest[LISTED_DIGEST + 1])
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    bool unique = false;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool made = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
                header_add(md, header, &unique) && EVP_DigestFinal_ex(md, octets, NULL) == 1;

    EVP_MD_CTX_free(md);
    for (size_t i = 0; made && i < LISTED_DIGEST / 2; i++) {
        digest[2 * i] = "0123456789abcdef"[octets[i] >> 4];
        digest[2 * i + 1] = "0123456789abcdef"[octets[i] & 15];
    }
    if (!unique)
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
