/*
 * Lists of addresses (RFC 5322 section 3.4), as the From, To ... of an ENVELOPE show them (RFC 3501
 * section 7.4.2). Header fields hold anything, so every text gives a list: what cannot be
 * understood becomes an address with MISSING_MAILBOX, MISSING_DOMAIN or SYNTAX_ERROR in it, where
 * Dovecot puts them too. GMime's own parser of addresses repairs instead, each fault in its own
 * way, and drops routes and the ends of groups, which an ENVELOPE has to show.
 */
#ifndef TRANSLATE_MIME_MIME_ADDRESS_H
#define TRANSLATE_MIME_MIME_ADDRESS_H

#include "translate/text/buf.h"

/* A piece whose `p` is NULL is not there (NIL). A group is given as an address with its name as the
 * mailbox and no domain, its members, and an address without anything. */
struct mime_address {
    struct slice name;    /* as written: encoded words (RFC 2047) are not decoded */
    struct slice route;   /* "@a,@b" */
    struct slice mailbox; /* local part */
    struct slice domain;
};

typedef void mime_address_fn(void *context, const struct mime_address *address);

/* Calls `fn` for each address of a field's value; the slices are valid during the call. False when
 * memory was out, and then some may be missing. */
bool mime_addresses_each(struct slice value, mime_address_fn *fn, void *context);

#endif
