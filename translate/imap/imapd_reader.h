/*
 * What an IMAP client sends, as commands (RFC 3501 section 2.2.1 and 4.3; RFC 7888): lines ended by
 * CRLF or by LF alone, and the literals in them.
 *
 * A command is gathered whole, each literal in its place behind its announcement, and handed out in
 * one piece. Only the message of an APPEND is never gathered: what stands before it comes as
 * IMAPD_READ_APPEND, its octets follow in whatever pieces they come, then IMAPD_READ_APPEND_END or,
 * when something is wrong with what follows it, IMAPD_READ_REFUSED.
 *
 * Everything is bounded by limits that the caller gives with each call. What is beyond them is
 * refused as soon as that is known, once, and skipped to the command's end: a synchronising literal
 * is then never sent by the client, the octets of another are passed over, unless they are too many
 * even for that.
 *
 * What is kept is wiped when it is dropped, for it may be a password. All zero is a reader at the
 * start of a stream.
 */
#ifndef TRANSLATE_IMAP_IMAPD_READER_H
#define TRANSLATE_IMAP_IMAPD_READER_H

#include "translate/imap/imapd_announce.h"
#include "translate/imap/imapd_verb.h"
#include "translate/imap/imapd_write.h"
#include "translate/text/buf.h"

/* Octets of a SASL response's line (as for POP3; RFC 4954 section 4 has that number). */
enum { IMAPD_RAW_LINE_MAX = 12288 };

struct imapd_limits {
    size_t line;     /* octets of a line without its end; literals do not count */
    size_t command;  /* octets of a command, with its literals but without APPEND's message */
    size_t literals; /* how many, without APPEND's message */
    uint64_t literal[IMAPD_VERBS]; /* octets of one, by verb; APPEND's is its message. Of a mailbox
                                      name before that, and where a verb has 0, it is
                                      IMAPD_UNKNOWN's. */
    uint64_t nonsync; /* octets of a non-synchronising one: 4096 where LITERAL- is announced (RFC
                         7888 section 5), UINT64_MAX for LITERAL+ */
    uint64_t skip;    /* octets of a refused non-synchronising one that are still passed over */
};

/* What serves well; narrower for clients that have not logged in yet. LITERAL+, and messages of any
 * size: one that is too large is refused by a sentence with the limit (imapd_reader_refuse()). */
extern const struct imapd_limits imapd_limits_before_login;
extern const struct imapd_limits imapd_limits_behind_login;

enum imapd_read {
    IMAPD_READ_MORE,     /* the input is used up */
    IMAPD_READ_COMMAND,  /* `text`: a whole command; may be an empty line */
    IMAPD_READ_LINE,     /* `text`: a raw line, from imapd_reader_raw() */
    IMAPD_READ_CONTINUE, /* the client waits to send a literal: send "+ " (RFC 3501 section 7.5) */
    IMAPD_READ_APPEND,   /* `text`: an APPEND up to and with "{310}"; imapd_reader_refuse() now, or
                            its message follows */
    IMAPD_READ_DATA,     /* `text`: some octets of the message */
    IMAPD_READ_APPEND_END, /* the APPEND is complete */
    IMAPD_READ_REFUSED,    /* the command is beyond a limit or broken: answer with `status`, `code`
                              and `sentence`; inside APPEND drop the message */
    IMAPD_READ_CLOSE,      /* more follows than is worth skipping: send BYE and close. Comes behind
                              a refusal, and is all that comes from then on. */
};

/* All slices are valid until the next call and as long as the memory of the input is. */
struct imapd_read_event {
    struct slice text;
    struct slice tag; /* REFUSED: empty when it could not be read */
    enum imapd_status status;
    const char *code; /* may be NULL */
    const char *sentence;
};

/* private */
enum imapd_reader_state {
    IMAPD_READER_LINE,
    IMAPD_READER_LITERAL,
    IMAPD_READER_ASKED,   /* an APPEND was handed out; its message has not begun */
    IMAPD_READER_MESSAGE, /* within it */
    IMAPD_READER_TAIL,    /* in the line behind it */
    IMAPD_READER_SKIP_LITERAL,
    IMAPD_READER_SKIP_LINE,
    IMAPD_READER_CLOSED,
};

/* private */
struct imapd_reader {
    enum imapd_reader_state state;
    struct buf held;                /* the command so far, or what was handed out last */
    size_t line_start;              /* where the line that is being read begins in it */
    bool handed_out;                /* it is the latter */
    size_t literals;                /* in the command so far */
    uint64_t left;                  /* octets of the literal still to come */
    bool enclosed;                  /* the message is within UTF8 (...): ")" follows it */
    struct imapd_announce announce; /* by the line that is being read, or was last */
    struct buf tag; /* of a command that was refused, or has a literal; of another it stands in
                       what is handed out */
};

/*
 * Takes the next event off the front of `*in`. IMAPD_READ_MORE: all of it is used up. The caller
 * may stop after any event for as long as it wants, and go on with the same input.
 */
enum imapd_read imapd_reader_next(struct imapd_reader *r, struct slice *in,
                                  const struct imapd_limits *limits, struct imapd_read_event *ev);

/* The same for a line that is no command: a client's answer in AUTHENTICATE, IDLE's DONE. Between
 * commands only. Its length is at most `max` octets; a longer one is IMAPD_READ_REFUSED. */
enum imapd_read imapd_reader_raw(struct imapd_reader *r, struct slice *in, size_t max,
                                 struct imapd_read_event *ev);

/* After IMAPD_READ_APPEND, before the next call: the message is not wanted, and the caller answers
 * so. If the client sends it all the same it is skipped. */
void imapd_reader_refuse(struct imapd_reader *r, const struct imapd_limits *limits);

/* Forgets everything that was read. STARTTLS needs this: what came in the clear behind it must not
 * be obeyed. */
void imapd_reader_clear(struct imapd_reader *r);

/* True in the middle of a command or line. */
bool imapd_reader_partial(const struct imapd_reader *r);

/* True when memory was missing: no whole command comes any more. */
bool imapd_reader_failed(const struct imapd_reader *r);

#endif
