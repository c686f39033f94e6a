/*
 * Columns as one string of JSON, shorter than number_list's where values repeat or count up, as
 * those of messages do:
 *
 *     "5 8:11 0*300"      5, then 8, 9, 10, 11, then 300 times 0
 *     "a%20b - 1234"      the text "a b", none, the text "1234"
 *
 * In texts every octet but the visible ASCII characters is %XX, and so are "%" and a lone "-".
 */
#ifndef TRANSLATE_STATE_BOX_LIST_H
#define TRANSLATE_STATE_BOX_LIST_H

#include "translate/text/buf.h"

/* Writes a list: zero-initialised, box_list_add() each, box_list_end(). */
struct box_list_writer {
    struct buf text; /* to be taken or cleared by the caller */
    int64_t first;   /* of the run that is not yet written */
    int64_t last;
    uint64_t count;
};

void box_list_add(struct box_list_writer *w, int64_t number);
void box_list_end(struct box_list_writer *w);

/* Reads one: `text` is set, the rest zero. */
struct box_list_reader {
    struct slice text; /* borrowed */
    int64_t next;
    uint64_t left; /* of the run that is being read */
    bool counting; /* whether it counts up */
};

/* The next number. False at the end, and where the text is no list: then `text` is not empty. */
bool box_list_next(struct box_list_reader *r, int64_t *number);

/* Whether everything was read. */
bool box_list_is_read(const struct box_list_reader *r);

/* Appends a text to a list of texts; NULL is "none", an empty text is none too. */
void box_words_add(struct buf *list, const char *text);

/* The next text, owned, NULL for none. False at the end, where the text is no list (an octet that
 * is no visible ASCII, a "%" without two hexadecimal digits, a NUL), and when memory is out, which
 * `*no_memory` tells. */
bool box_words_next(struct slice *list, char **text, bool *no_memory);

#endif
