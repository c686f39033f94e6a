/*
 * What a piece of the pool's work did with files of the cache, for the loop, which counts them
 * (bodies_settle_tally() in proxy/store/bodies_parts.h). Zero is empty. Without the memory for it
 * something is not counted before the account's next opening.
 */
#ifndef PROXY_STORE_BODIES_TALLY_H
#define PROXY_STORE_BODIES_TALLY_H

#include "proxy/store/bodies_dir.h"

enum bodies_deed {
    BODIES_USED, /* it was read */
    BODIES_GREW, /* it has `size` octets now */
    BODIES_GONE, /* it is not there any more */
};

struct bodies_tallied {
    uint32_t number; /* a pack's, or a content's */
    enum bodies_kind kind;
    enum bodies_deed deed;
    uint64_t size;
};

struct bodies_tally {
    struct bodies_tallied *items; /* in the order in which it happened */
    size_t count, capacity;
};

/* Again the same file and deed takes the first one's place. */
void bodies_tally_note(struct bodies_tally *t, enum bodies_kind kind, uint32_t number,
                       enum bodies_deed deed, uint64_t size);
void bodies_tally_clear(struct bodies_tally *t);

#endif
