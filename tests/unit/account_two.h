/*
 * The world of account_world.h with two messages in the maildrop, and a third one at hand.
 */
#ifndef TESTS_UNIT_ACCOUNT_TWO_H
#define TESTS_UNIT_ACCOUNT_TWO_H

#include "tests/unit/account_world.h"

static const char one[] = "Subject: one\r\nFrom: a\r\n\r\nbody of one\r\n";
static const char two[] = "Subject: two\r\n\r\n.dot\r\n";
static const char three[] = "Subject: three\r\n\r\nthree\r\n";

static inline void two_delivered(struct world *w)
{
    world_init(w);
    model_add(&w->upstream, "u1", one);
    model_add(&w->upstream, "u2", two);
}

static inline void world_two(struct world *w)
{
    two_delivered(w);
    world_start(w);
}

/* The same, and the first client is logged in. */
static inline void world_two_open(struct world *w)
{
    two_delivered(w);
    world_open(w);
}

#endif
