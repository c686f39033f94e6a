/*
 * What a POP3 server says: single-line replies with response codes (RFC 2449 section 8, RFC 3206),
 * and the list of capabilities.
 */
#ifndef TRANSLATE_POP3_POP3_REPLY_H
#define TRANSLATE_POP3_POP3_REPLY_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

enum { POP3_REPLY_MAX = 512 }; /* with CRLF, RFC 2449 section 4 */

/* "+OK text\r\n" / "-ERR text\r\n"; cut to POP3_REPLY_MAX, control characters made spaces. */
void pop3_ok(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pop3_err(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "-ERR [CODE] sentence": the one place where a failure's kind becomes a response code:
 * AUTH [AUTH], IN_USE [IN-USE], LOGIN_DELAY [LOGIN-DELAY], TEMPORARY [SYS/TEMP], PERMANENT [SYS/PERM]. */
void pop3_err_failure(struct buf *out, const struct failure *why);

struct pop3_capabilities {
    bool stls;          /* a certificate is there and TLS is not yet on */
    bool cleartext_auth; /* USER and SASL PLAIN/LOGIN are permitted on this connection as it is */
    unsigned login_delay;
};

/* The whole CAPA answer, with its closing dot. The same before and after login (QUIRKS) but for STLS. */
void pop3_put_capabilities(struct buf *out, const struct pop3_capabilities *caps);

/* The answer to AUTH without arguments (RFC 1734 style list of mechanisms, for Outlook). */
void pop3_put_mechanisms(struct buf *out, const struct pop3_capabilities *caps);

/* LANG (RFC 6856 section 3): "" lists, "*" or a range selects. English and i-default are there. */
void pop3_put_lang(struct buf *out, struct slice range);

#endif
