/*
 * What FETCH and SEARCH need of many messages, asked for at once: headers as they are or as
 * SEARCH compares them, ENVELOPE and BODYSTRUCTURE as they are sent. A scan of a mailbox asks so
 * for some hundred messages at a time and works on them while the next ones are looked up.
 *
 * Only what is remembered comes this way. A message of which something is not is asked for by
 * itself, as one that nobody has seen yet.
 */
#ifndef TRANSLATE_MAILBOX_MAILBOX_TEXTS_H
#define TRANSLATE_MAILBOX_MAILBOX_TEXTS_H

#include "translate/text/buf.h"

enum mailbox_text {
    MAILBOX_TEXT_HEADER,
    MAILBOX_TEXT_DIGEST, /* of the header, as translate/mime/mime_search.h has it */
    MAILBOX_TEXT_ENVELOPE,
    MAILBOX_TEXT_STRUCTURE, /* BODYSTRUCTURE */
    MAILBOX_TEXT_KINDS,
};

enum {
    MAILBOX_TEXTS_MAX = 256,          /* messages */
    MAILBOX_TEXTS_OCTETS = 256 << 10, /* who has gathered so much looks no further */
};

struct mailbox_texts_of {
    uint32_t content;
    uint32_t number, uid; /* the asker's own */
    bool there;           /* all kinds are */
    size_t at;            /* of the octets: one kind after the other */
    size_t n[MAILBOX_TEXT_KINDS];
};

struct mailbox_texts {
    /* Asked. */
    unsigned kinds; /* 1 << enum mailbox_text */
    bool utf8;      /* as in translate/mime/mime_put.h */
    size_t count;
    struct mailbox_texts_of of[MAILBOX_TEXTS_MAX];
    /* Answered. */
    size_t looked; /* at the first of them; at least one */
    struct buf octets;
};

/* NULL when memory is out. */
struct mailbox_texts *mailbox_texts_new(void);
void mailbox_texts_free(struct mailbox_texts *t); /* NULL is fine */

static inline bool mailbox_texts_want(const struct mailbox_texts *t, enum mailbox_text kind)
{
    return (t->kinds & 1U << kind) != 0;
}

#endif
