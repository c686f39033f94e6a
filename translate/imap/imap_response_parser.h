/*
 * What the files of imap_response share; nobody else includes it.
 *
 * The parser is a chain of handlers: each names what it wants from the lexer and the function that
 * gets the token. A handler either goes on (sets the next one), or fills the event.
 */
#ifndef TRANSLATE_IMAP_IMAP_RESPONSE_PARSER_H
#define TRANSLATE_IMAP_IMAP_RESPONSE_PARSER_H

#include "translate/imap/imap_lexer.h"
#include "translate/imap/imap_response.h"
#include "translate/imap/imap_shown.h"

/* What a handler did. */
enum imap_step {
    IMAP_STEP_ON,    /* took the token; the next handler is set */
    IMAP_STEP_EVENT, /* filled the event; the next handler is set */
    IMAP_STEP_ERROR, /* imap_response_fail() has been called */
};

/* With IMAP_WANT_NOTHING it is called without a token having been read. `*ev` is all zero but for
 * what imap_response_next() preset: empty slices. */
typedef enum imap_step imap_handler(struct imap_response *r, const struct imap_token *token,
                                    struct imap_event *ev);

enum {
    IMAP_TAG_MAX = 64,
    IMAP_ID_MAX = 255,     /* RFC 8474 section 4 */
    IMAP_SECTION_MAX = 63, /* longer sections are none that we asked for */
    IMAP_NESTING_MAX = 1000,
};

/* A short text that outlives its token. */
struct imap_note {
    size_t n;
    char p[IMAP_ID_MAX];
};

struct imap_fetch_name; /* imap_response_fetch.c */

struct imap_response {
    struct imap_lexer lexer;
    struct imap_shown *shown; /* NULL: nobody wants to see it */
    const struct trace *trace;
    enum imap_want want;
    imap_handler *handler;
    const char *wrong; /* not NULL: the stream is lost, for this ... */
    const char *where; /* ... in here */

    /* One response has one of them at most, and empties it at its beginning. */
    union {
        struct imap_note tag; /* of a status; the correlator of an ESEARCH */
        struct imap_note id;  /* of a FETCH */
        struct imap_note special_use;
        struct imap_note name; /* of an ID response */
    };
    enum imap_status status;
    uint32_t number; /* in front of EXISTS, EXPUNGE, FETCH */
    struct buf kept; /* a text that is needed again in a later call */

    unsigned depth;             /* parentheses open in what is being skipped or listed */
    enum imap_want resume_want; /* how to go on behind a skipped value */
    imap_handler *resume;

    struct imap_fetch fetch;
    const struct imap_fetch_name *item;
    struct {
        size_t n;
        char p[IMAP_SECTION_MAX];
    } section;
    uint64_t origin;

    enum imap_set set;
    bool set_uid;
    bool set_pending; /* first..last is read and not yet reported */
    uint32_t first, last;

    struct imap_list list;
    bool name_next; /* the next string of it is the value of "name", or of "TAG" */
};

/* Sets the next handler. Returns IMAP_STEP_ON. */
enum imap_step imap_response_go(struct imap_response *r, enum imap_want want,
                                imap_handler *handler);

/* The stream is lost: `what` was wrong, inside `where` ("a FETCH response"); both are static. */
enum imap_step imap_response_fail(struct imap_response *r, const char *what, const char *where);

/* Ends the response: the rest of the line is skipped, then the next response begins. */
enum imap_step imap_response_skip_rest(struct imap_response *r);

/* The next response begins: the line end has been read. */
enum imap_step imap_response_line_done(struct imap_response *r);

/* Skips one value, parentheses, literals and all, and goes on with `handler`. */
enum imap_step imap_response_skip_value(struct imap_response *r, enum imap_want want,
                                        imap_handler *handler);

/* The same for a list whose "(" has been read already. */
enum imap_step imap_response_skip_list(struct imap_response *r, enum imap_want want,
                                       imap_handler *handler);

/* Keeps a text; false, and the note is empty, when it is too long. */
bool imap_note_set(struct imap_note *note, size_t max, struct slice text);
struct slice imap_note_slice(const struct imap_note *note);

bool imap_token_is_word(const struct imap_token *token); /* an atom or a string */
bool imap_token_is_nil(const struct imap_token *token);

/* First handlers of the responses that have a file of their own. */
imap_handler imap_fetch_begin;     /* imap_response_fetch.c; WANT_TOKEN, r->number is set */
imap_handler imap_search_begin;    /* imap_response_set.c; WANT_TOKEN */
imap_handler imap_esearch_begin;   /* WANT_STRING */
imap_handler imap_vanished_begin;  /* WANT_SET */
imap_handler imap_list_begin;      /* imap_response_list.c; WANT_TOKEN */
imap_handler imap_namespace_begin; /* WANT_STRING */
imap_handler imap_id_begin;        /* WANT_STRING */

#endif
