/*
 * What a POP3 client says: its lines, the verbs, their arguments (RFC 1939, 2449, 2595, 5034, 6856).
 *
 * The reader is tolerant as old devices need it: verbs in any case, spaces and tabs around and
 * between, LF alone as line end. It is bounded: a line may have POP3_LINE_MAX octets, a SASL line
 * POP3_SASL_LINE_MAX (RFC 5034 section 4); a longer one is reported once, as soon as it is too long,
 * and skipped to its end.
 */
#ifndef TRANSLATE_POP3_POP3_COMMAND_H
#define TRANSLATE_POP3_POP3_COMMAND_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

enum { POP3_LINE_MAX = 1024, POP3_SASL_LINE_MAX = 12288 };

enum pop3_verb {
    POP3_UNKNOWN,
    POP3_APOP,
    POP3_AUTH,
    POP3_CAPA,
    POP3_DELE,
    POP3_LANG,
    POP3_LAST, /* RFC 1460 */
    POP3_LIST,
    POP3_NOOP,
    POP3_PASS,
    POP3_QUIT,
    POP3_RETR,
    POP3_RSET,
    POP3_STAT,
    POP3_STLS,
    POP3_TOP,
    POP3_UIDL,
    POP3_USER,
    POP3_UTF8,
};

enum pop3_line_result {
    POP3_LINE,          /* a whole line */
    POP3_LINE_MORE,     /* not yet */
    POP3_LINE_TOO_LONG, /* said once per line */
};

/* Reads lines out of a stream; the part of a line that has come in is kept (and wiped: it may be a
 * password). */
struct pop3_reader {
    struct buf partial;
    bool skipping;
    bool taken; /* `partial` holds the line handed out last */
};

void pop3_reader_clear(struct pop3_reader *r);

/* Takes the next line off `*in`: `*line` is without its line end and valid until the next call. */
enum pop3_line_result pop3_reader_next(struct pop3_reader *r, struct slice *in, size_t max,
                                       struct slice *line);

/* True while an unfinished line is held. */
bool pop3_reader_partial(const struct pop3_reader *r);

struct pop3_command {
    enum pop3_verb verb;
    struct slice word;    /* the verb as it was written */
    uint32_t number;      /* message number (1..), 0 when not given */
    uint32_t lines;       /* TOP's second argument */
    struct slice text;    /* USER name, PASS password (spaces kept as they are, RFC 1939), LANG tag,
                             AUTH mechanism, APOP name */
    struct slice initial; /* AUTH: initial response, without "="; see has_initial. APOP: digest */
    bool has_initial;
};

/*
 * Takes a line apart. All slices point into `line`. False when the arguments do not fit the verb:
 * `*why` (kind FAILURE_PERMANENT) says which and shows the right form, e.g. "TOP needs a message
 * number and a number of lines: TOP 1 10". An unknown verb is no failure here: verb is POP3_UNKNOWN.
 */
bool pop3_command_parse(struct pop3_command *cmd, struct slice line, struct failure *why);

/* May a line with this verb be shown in a debug log? PASS, AUTH and APOP may not beyond the verb. */
bool pop3_verb_is_secret(enum pop3_verb verb);
const char *pop3_verb_name(enum pop3_verb verb);

#endif
