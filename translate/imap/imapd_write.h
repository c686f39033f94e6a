/*
 * Pieces of what a server says (RFC 3501 and RFC 9051 section 7 and 9): strings in the shape they
 * need, flags, dates, status responses. Mailbox names are written by imap_put_mailbox, sets of UIDs
 * by imap_put_set, both in imap_write.h.
 *
 * Nothing that comes from a peer can end a line early or begin a response here: what no quoted
 * string can hold goes into a literal, and texts are cleaned.
 */
#ifndef TRANSLATE_IMAP_IMAPD_WRITE_H
#define TRANSLATE_IMAP_IMAPD_WRITE_H

#include "translate/imap/imapd_flags.h"
#include "translate/text/buf.h"
#include "translate/text/failure.h"

/* A string: quoted where that will do, else a literal. `utf8` permits 8-bit octets in the former
 * (after ENABLE UTF8=ACCEPT or IMAP4rev2), if they are valid UTF-8. A NUL, which neither can hold,
 * becomes "?". */
void imapd_put_string(struct buf *out, struct slice text, bool utf8);

/* The same; NIL when `text.p` is NULL. */
void imapd_put_nstring(struct buf *out, struct slice text, bool utf8);

/* An atom where that will do, else a string. */
void imapd_put_astring(struct buf *out, struct slice text, bool utf8);

/* "{310}" CRLF, or "~{310}" CRLF for octets that may be NUL (RFC 3516); they are to follow. */
void imapd_put_literal(struct buf *out, uint64_t size, bool binary);

/* "(\Answered \Seen $Forwarded)". */
void imapd_put_flags(struct buf *out, const struct imapd_flags *flags);

/* INTERNALDATE (RFC 3501 section 9, date-time) in its quotes and in UTC; `seconds` since 1970 are
 * held within the years 1 to 9999. */
void imapd_put_date(struct buf *out, int64_t seconds);

enum imapd_status { IMAPD_OK, IMAPD_NO, IMAPD_BAD, IMAPD_BYE, IMAPD_PREAUTH };

/*
 * A line "TAG OK [CODE] text" CRLF. `tag` may be empty, for "*"; it is one that imapd_tag_take()
 * gave. `code` is NULL for none, or what stands within the brackets: "READ-ONLY", "UIDNEXT 7";
 * it is our own text, never a peer's. `text` is cleaned: control characters become spaces and,
 * where `utf8` is false, what is not ASCII becomes "?"; an empty one becomes what the status says.
 */
void imapd_put_status(struct buf *out, struct slice tag, enum imapd_status status, const char *code,
                      struct slice text, bool utf8);

/* The response code (RFC 5530) that tells the kind; NULL for FAILURE_NONE. This is the one place
 * where a kind becomes a code. */
const char *imapd_failure_code(enum failure_kind kind);

/* "TAG NO [CODE] sentence" CRLF: something could not be done. */
void imapd_put_failure(struct buf *out, struct slice tag, const struct failure *why, bool utf8);

/* The answer to a command that could not be parsed: "TAG BAD sentence" CRLF, and NO where it was
 * not the client's mistake (FAILURE_TEMPORARY: memory). "*" when the tag is not known. */
void imapd_put_bad(struct buf *out, struct slice tag, const struct failure *why, bool utf8);

#endif
