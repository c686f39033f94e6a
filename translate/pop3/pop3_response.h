/*
 * What an upstream POP3 server says, line by line (RFC 1939, RFC 2449 section 8, RFC 5034): status
 * lines, and the lines of LIST and UIDL. The lines come from pop3_reader.
 *
 * Tolerant as servers need it: "+ok" in any case, with blanks before it and nothing behind; UIDLs
 * of any length and with spaces; words behind a size.
 */
#ifndef TRANSLATE_POP3_POP3_RESPONSE_H
#define TRANSLATE_POP3_POP3_RESPONSE_H

#include "translate/text/failure.h"

enum pop3_status {
    POP3_STATUS_OK,       /* +OK */
    POP3_STATUS_ERR,      /* -ERR */
    POP3_STATUS_CONTINUE, /* "+": a SASL challenge */
};

/* Slices point into the line. */
struct pop3_response {
    enum pop3_status status;
    struct slice code; /* "IN-USE" of "[IN-USE] ..."; empty when there is none */
    struct slice text; /* what stands behind the status and the code, trimmed */
};

/* False when the line is no status line. */
bool pop3_response_parse(struct pop3_response *r, struct slice line);

/* "number size": a line of LIST, or what LIST with a number answers; the same two numbers are the
 * answer to STAT. Anything may follow. False when it is not that. */
bool pop3_response_sizes(struct slice text, uint32_t *number, uint64_t *size);

/* "number unique-id": the id is the whole rest, spaces within and all; empty when the server gives
 * none. False when no number from 1 on begins the line. */
bool pop3_response_uidl(struct slice text, uint32_t *number, struct slice *uidl);

/*
 * What an -ERR means: by its response code (RFC 2449, RFC 3206), by the words of servers that have
 * no codes, and else `fallback`. The server's words are kept, cleaned.
 */
void pop3_response_failure(struct failure *why, const struct pop3_response *r,
                           enum failure_kind fallback);

/* The -ERR's words say that the server does not know such a command or mechanism. */
bool pop3_response_is_unsupported(const struct pop3_response *r);

/* The -ERR's words are about a message: none of that number, already deleted. */
bool pop3_response_is_about_message(const struct pop3_response *r);

#endif
