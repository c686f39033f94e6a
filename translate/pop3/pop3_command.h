/*
 * What a POP3 client asks for: the verbs and their arguments (RFC 1939, 2449, 2595, 5034, 6856).
 * The lines come from pop3_reader.
 *
 * Tolerant as old devices need it: verbs in any case, spaces and tabs around and between, anything
 * behind a verb that takes no argument. Strict where a guess could do harm: "DELE 1 2" deletes
 * nothing.
 */
#ifndef TRANSLATE_POP3_POP3_COMMAND_H
#define TRANSLATE_POP3_POP3_COMMAND_H

#include "translate/pop3/pop3_reader.h"
#include "translate/text/failure.h"

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

struct pop3_command {
    enum pop3_verb verb;
    struct slice word;    /* the verb as it was written: any octets when it is unknown */
    uint32_t number;      /* message number (1..), 0 when not given */
    uint32_t lines;       /* TOP's second argument */
    struct slice text;    /* USER name, PASS password (spaces kept as they are, RFC 1939), LANG
                             range, AUTH mechanism, APOP name; empty when not given */
    struct slice initial; /* AUTH: initial response in base64, empty for "="; APOP: digest */
    bool has_initial;     /* AUTH: there is an initial response, if only an empty one */
};

/*
 * Takes a line apart; all slices point into `line`. False when the arguments do not fit the verb or
 * there is a NUL: `*why` (kind FAILURE_PERMANENT) says which and shows the right form, e.g. "TOP
 * needs a message number and a number of lines: TOP 1 10". It is the client's mistake and none of
 * the system's, so it is answered by pop3_err, without [SYS/PERM]. `verb` and `word` are set in any
 * case. An unknown verb is no failure here, nor is an empty line: both are POP3_UNKNOWN.
 */
bool pop3_command_parse(struct pop3_command *cmd, struct slice line, struct failure *why);

/* True when nothing of the line but pop3_verb_name() may be shown, in a log or to anybody: PASS,
 * AUTH, APOP, and also POP3_UNKNOWN, for a SASL response sent at the wrong time looks like that. */
bool pop3_verb_is_secret(enum pop3_verb verb);

/* What may be shown of a line that is said by a client: all of it, or the name of its verb. */
struct slice pop3_command_shown(struct slice line);

/* "RETR"; "unknown" for POP3_UNKNOWN. */
const char *pop3_verb_name(enum pop3_verb verb);

#endif
