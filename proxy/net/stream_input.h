/*
 * Octets that one layer of a stream has not used yet. For the length of a turn they are borrowed
 * from a buffer that all streams of the loop share; what is left at its end is kept in memory of
 * its own, and only then.
 */
#ifndef PROXY_NET_STREAM_INPUT_H
#define PROXY_NET_STREAM_INPUT_H

#include "translate/text/buf.h"

struct stream_input {
    struct slice octets; /* what is there; taken from the front by slice_take() */
    struct buf kept;     /* where it lies, when it is not borrowed */
};

/* Gives it octets; there must be none yet. Borrowed until stream_input_keep(). */
void stream_input_give(struct stream_input *in, struct slice octets);

/* Makes what is left its own, and frees memory that is not needed any more. False when memory is
 * out: then the octets are lost. */
bool stream_input_keep(struct stream_input *in);

/* Wipes and frees. */
void stream_input_clear(struct stream_input *in);

#endif
