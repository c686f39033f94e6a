/*
 * Messages whose structure was asked for when they were not there, and who have not come since:
 * some of those that were asked for last. On the loop only.
 */
#ifndef PROXY_STORE_BODIES_MISSED_H
#define PROXY_STORE_BODIES_MISSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bodies_missed {
    uint32_t *contents; /* a ring; NULL while there are none */
    size_t next;
    size_t count;
};

void bodies_missed_clear(struct bodies_missed *m);

/* Without the memory for it, it is forgotten. */
void bodies_missed_note(struct bodies_missed *m, uint32_t content);

/* It has come. Whether it was missed, which it is no more. */
bool bodies_missed_take(struct bodies_missed *m, uint32_t content);

#endif
