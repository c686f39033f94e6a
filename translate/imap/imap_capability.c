/* See imap_capability.h. */
#include "translate/imap/imap_capability.h"

#include <string.h>

#include "translate/sasl/sasl_mechanism.h"

/* A server that also speaks rev1 lists these by itself, or does not do them there. */
enum {
    PART_OF_REV2 = IMAP_CAP_NAMESPACE | IMAP_CAP_UNSELECT | IMAP_CAP_UIDPLUS | IMAP_CAP_ESEARCH |
                   IMAP_CAP_ENABLE | IMAP_CAP_SASL_IR | IMAP_CAP_MOVE | IMAP_CAP_LITERAL_MINUS
};

static const struct {
    const char *name;
    uint32_t bits;
} names[] = {
    {"IMAP4REV1", IMAP_CAP_REV1},
    {"IMAP4REV2", IMAP_CAP_REV2},
    {"STARTTLS", IMAP_CAP_STARTTLS},
    {"LOGINDISABLED", IMAP_CAP_LOGINDISABLED},
    {"SASL-IR", IMAP_CAP_SASL_IR},
    {"LITERAL+", IMAP_CAP_LITERAL_PLUS},
    {"LITERAL-", IMAP_CAP_LITERAL_MINUS},
    {"UIDPLUS", IMAP_CAP_UIDPLUS},
    {"MOVE", IMAP_CAP_MOVE},
    {"CONDSTORE", IMAP_CAP_CONDSTORE},
    {"QRESYNC", IMAP_CAP_QRESYNC | IMAP_CAP_CONDSTORE | IMAP_CAP_ENABLE},
    {"ESEARCH", IMAP_CAP_ESEARCH},
    {"ID", IMAP_CAP_ID},
    {"COMPRESS=DEFLATE", IMAP_CAP_COMPRESS},
    {"ENABLE", IMAP_CAP_ENABLE},
    {"UTF8=ACCEPT", IMAP_CAP_UTF8},
    {"UTF8=ONLY", IMAP_CAP_UTF8 | IMAP_CAP_UTF8_ONLY},
    {"NAMESPACE", IMAP_CAP_NAMESPACE},
    {"SPECIAL-USE", IMAP_CAP_SPECIAL_USE},
    {"OBJECTID", IMAP_CAP_OBJECTID},
    {"X-GM-EXT-1", IMAP_CAP_GMAIL},
    {"UNSELECT", IMAP_CAP_UNSELECT},
};

static uint32_t bits_of(struct slice name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is_nocase(name, names[i].name))
            return names[i].bits;
    return 0;
}

uint32_t imap_capability_parse(struct slice list)
{
    uint32_t bits = 0;

    for (struct slice name = slice_word(&list); name.n; name = slice_word(&list))
        bits |= bits_of(name);
    if ((bits & IMAP_CAP_REV2) && !(bits & IMAP_CAP_REV1))
        bits |= PART_OF_REV2;
    return bits;
}

uint32_t imap_capability_mechanisms(struct slice list)
{
    uint32_t bits = 0;

    for (struct slice name = slice_word(&list); name.n; name = slice_word(&list))
        if (slice_is_nocase(slice_take(&name, strlen("AUTH=")), "AUTH="))
            bits |= sasl_mechanism_bits(name);
    return bits;
}
