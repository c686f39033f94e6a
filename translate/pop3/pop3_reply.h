/*
 * What a POP3 server says: single-line replies with response codes (RFC 2449 section 8, RFC 3206),
 * the list of capabilities, of mechanisms and of languages. Everything is appended to `out`; memory
 * failure is seen there.
 */
#ifndef TRANSLATE_POP3_POP3_REPLY_H
#define TRANSLATE_POP3_POP3_REPLY_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

enum { POP3_REPLY_MAX = 512 }; /* with CRLF, RFC 2449 section 4 */

/*
 * "+OK text\r\n" / "-ERR text\r\n", cleaned as text_clean does and cut to POP3_REPLY_MAX between
 * characters; without text "+OK\r\n". A text that begins with "[" is read as a response code
 * (RFC 2449 section 8), so words of a peer may only stand behind words of ours.
 */
void pop3_ok(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pop3_err(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "-ERR [CODE] sentence": the one place where a failure's kind becomes a response code:
 * AUTH [AUTH], IN_USE [IN-USE], LOGIN_DELAY [LOGIN-DELAY], TEMPORARY [SYS/TEMP], PERMANENT
 * [SYS/PERM]; NONE has no code. For a mistake of the client's own, use pop3_err. */
void pop3_err_failure(struct buf *out, const struct failure *why);

struct pop3_capabilities {
    bool stls;            /* a certificate is there and TLS is not yet on */
    bool user;            /* USER is permitted on this connection as it is */
    uint32_t mechanisms;  /* and these of SASL's: enum sasl_mechanism_bit */
    unsigned login_delay; /* seconds between logins, 0: none announced */
};

/* The whole CAPA answer, with its closing dot. The same before and after login (RFC 2449 section 5)
 * but for STLS. */
void pop3_put_capabilities(struct buf *out, const struct pop3_capabilities *caps);

/* The answer to AUTH without arguments, a list for Outlook; it may be empty. */
void pop3_put_mechanisms(struct buf *out, const struct pop3_capabilities *caps);

/* The answer to LANG (RFC 6856 section 3): an empty range lists, "*" or a range selects. English
 * and i-default are there; since both are English, nothing needs to be remembered. */
void pop3_put_lang(struct buf *out, struct slice range);

#endif
