/*
 * Why something could not be done: a kind, for the program, and a sentence for a person. It is made
 * where the cause is known and passed up unchanged; the client's protocol code ([AUTH], [SYS/TEMP],
 * NO [UNAVAILABLE] ...) is chosen from the kind in one place per protocol.
 *
 * A sentence says what happened and, where it can, what to do. It never holds a secret.
 */
#ifndef TRANSLATE_TEXT_FAILURE_H
#define TRANSLATE_TEXT_FAILURE_H

#include <stdarg.h>

#include "translate/text/slice.h"

enum failure_kind {
    FAILURE_NONE = 0,
    FAILURE_AUTH,        /* the credentials were refused */
    FAILURE_IN_USE,      /* the mailbox is locked by another session */
    FAILURE_LOGIN_DELAY, /* logged in again too soon */
    FAILURE_TEMPORARY,   /* trying again later may help */
    FAILURE_PERMANENT,   /* configuration or policy: it will not help */
    FAILURE_FULL,        /* there is no room here; trying again helps when somebody has made some */
};

struct failure {
    enum failure_kind kind;
    char text[240]; /* ends with NUL; no control characters */
};

/* Sets both; control characters in the result become spaces, what is too long is cut between
 * UTF-8 characters. */
void failure_set(struct failure *f, enum failure_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Keeps a copy at `*kept`, which is NULL where there is none yet, and is freed by its owner: most
 * who may fail never do, and room for a sentence is dear where there are thousands of them. False
 * when memory is out. */
bool failure_keep(struct failure **kept, const struct failure *why);

/* Makes a peer's text fit to be shown: control characters (C0, DEL, C1) become spaces, each octet
 * that is no valid UTF-8 becomes '?', and at most `cap - 1` octets are written, then NUL; a `cap`
 * of 0 writes nothing. */
void text_clean(char *out, size_t cap, struct slice text);

/* The same for what a format makes, of which some hundred octets are taken; `out` may be among the
 * arguments. */
void text_vformat(char *out, size_t cap, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
