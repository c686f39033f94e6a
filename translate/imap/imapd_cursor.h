/*
 * The words of a gathered command, taken one after the other from the front: atoms, strings,
 * numbers, mailbox names, parentheses (RFC 3501 and RFC 9051 section 9). Private to imapd_command,
 * imapd_fetch, imapd_search and imapd_set, which are the grammar above it.
 *
 * A function that takes something returns false when it is not there, and then has said so in the
 * sentence of the failure: "FETCH: character 17: ..." (octets of the command from 1 on, literals
 * counted). Only those named "maybe" leave everything as it was and say nothing.
 *
 * Slices given out point into the text or into the arena.
 */
#ifndef TRANSLATE_IMAP_IMAPD_CURSOR_H
#define TRANSLATE_IMAP_IMAPD_CURSOR_H

#include "translate/imap/imapd_arena.h"
#include "translate/text/failure.h"

struct imapd_cursor {
    struct slice rest; /* what is not taken yet */
    const char *begin; /* of the command */
    const char *verb;  /* for the sentence */
    bool quotes;       /* the sentence may quote what is wrong: no secret can be in it */
    bool utf8;         /* mailbox names are UTF-8, not modified UTF-7 */
    struct imapd_arena *memory;
    struct failure *why;
};

/* Longest mailbox name, in octets of UTF-8; what imap_put_mailbox can write. */
enum { IMAPD_MAILBOX_MAX = 1000 };

/* ATOM-CHAR; ASTRING-CHAR, which is also "]"; list-char, which is also "%" and "*". */
bool imapd_is_atom_char(char c);
bool imapd_is_astring_char(char c);
bool imapd_is_list_char(char c);

/* Says what is wrong at the cursor, or at `at`; always false. */
bool imapd_fail(struct imapd_cursor *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool imapd_fail_at(struct imapd_cursor *c, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 'unknown WHAT "WORD"' at the word, which is quoted only when that may be; always false. */
bool imapd_fail_unknown(struct imapd_cursor *c, const char *what, struct slice word);

/* Memory is out: says so; always false. */
bool imapd_fail_memory(struct imapd_cursor *c);

/* Takes `ch` when it comes next. */
bool imapd_maybe(struct imapd_cursor *c, char ch);
/* Takes `word` (in any case) when it comes next and no letter, digit or other atom character
 * follows. */
bool imapd_maybe_word(struct imapd_cursor *c, const char *word);
/* True when `ch` comes next. */
bool imapd_at(const struct imapd_cursor *c, char ch);

/* One character; one space; the parenthesis that opens or closes `what`. */
bool imapd_space(struct imapd_cursor *c);
bool imapd_open(struct imapd_cursor *c, const char *what);
bool imapd_close(struct imapd_cursor *c, const char *what);
/* The end of the command; spaces before it are tolerated, as other servers do. */
bool imapd_end(struct imapd_cursor *c);

/* `what` names the thing for the sentence: "a mechanism". */
bool imapd_atom(struct imapd_cursor *c, const char *what, struct slice *out);
bool imapd_string(struct imapd_cursor *c, const char *what, struct slice *out);
bool imapd_astring(struct imapd_cursor *c, const char *what, struct slice *out);
/* NIL gives a slice whose `p` is NULL. */
bool imapd_nstring(struct imapd_cursor *c, const char *what, struct slice *out);
/* Decimal digits, from `min` to `max`. */
bool imapd_number(struct imapd_cursor *c, const char *what, uint64_t min, uint64_t max,
                  uint64_t *out);

/* The announcement of a literal without its octets: what stands at the end of APPEND's line. */
bool imapd_literal_size(struct imapd_cursor *c, uint64_t *size, bool *binary);

/* A mailbox name as UTF-8, without the hierarchy separator that some clients put at its end; INBOX
 * in any case becomes "INBOX", also as the first level of a name. Neither empty nor longer than
 * IMAPD_MAILBOX_MAX, and without control characters. */
bool imapd_mailbox(struct imapd_cursor *c, struct slice *out);
/* The reference and the patterns of LIST as UTF-8: may be empty, wildcards stay as they are. */
bool imapd_reference(struct imapd_cursor *c, struct slice *out);
bool imapd_pattern(struct imapd_cursor *c, struct slice *out);

#endif
