/*
 * What a server can do, as far as mailferry uses it: CAPABILITY lists (RFC 3501 section 7.2.1) as a
 * set of bits.
 */
#ifndef TRANSLATE_IMAP_IMAP_CAPABILITY_H
#define TRANSLATE_IMAP_IMAP_CAPABILITY_H

#include "translate/text/slice.h"

enum imap_capability {
    IMAP_CAP_REV1 = 1 << 0,
    IMAP_CAP_REV2 = 1 << 1,
    IMAP_CAP_STARTTLS = 1 << 2,
    IMAP_CAP_LOGINDISABLED = 1 << 3,
    IMAP_CAP_SASL_IR = 1 << 6,
    IMAP_CAP_LITERAL_PLUS = 1 << 7,
    IMAP_CAP_LITERAL_MINUS = 1 << 8,
    IMAP_CAP_UIDPLUS = 1 << 9,
    IMAP_CAP_MOVE = 1 << 10,
    IMAP_CAP_CONDSTORE = 1 << 11,
    IMAP_CAP_QRESYNC = 1 << 12,
    IMAP_CAP_ESEARCH = 1 << 13,
    IMAP_CAP_ID = 1 << 14,
    IMAP_CAP_COMPRESS = 1 << 15, /* COMPRESS=DEFLATE */
    IMAP_CAP_ENABLE = 1 << 16,
    IMAP_CAP_UTF8 = 1 << 17, /* UTF8=ACCEPT */
    IMAP_CAP_NAMESPACE = 1 << 18,
    IMAP_CAP_SPECIAL_USE = 1 << 19,
    IMAP_CAP_OBJECTID = 1 << 20,
    IMAP_CAP_GMAIL = 1 << 21, /* X-GM-EXT-1 */
    IMAP_CAP_UNSELECT = 1 << 22,
    IMAP_CAP_UTF8_ONLY = 1 << 23, /* UTF8=ONLY: UTF8=ACCEPT must be enabled (RFC 6855 section 6) */
};

/*
 * The bits of a list of names in any case, separated by spaces; unknown names are nothing. What a
 * name implies is set too: QRESYNC has CONDSTORE and ENABLE, UTF8=ONLY has UTF8=ACCEPT, and a
 * server of IMAP4rev2 alone has the extensions that became part of it (RFC 9051 appendix E).
 */
uint32_t imap_capability_parse(struct slice list);

/* The mechanisms that such a list has as AUTH=NAME: a bit set of enum sasl_mechanism_bit. */
uint32_t imap_capability_mechanisms(struct slice list);

#endif
