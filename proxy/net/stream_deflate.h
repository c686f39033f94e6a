/*
 * The DEFLATE layer of a stream (RFC 4978): raw deflate in both directions, flushed at the end of
 * each write. It has about 32 kB for sending; receiving takes 10 kB and, once octets came in, a
 * window of 32 kB, as the peer may refer back so far.
 */
#ifndef PROXY_NET_STREAM_DEFLATE_H
#define PROXY_NET_STREAM_DEFLATE_H

#include "translate/text/buf.h"
#include "translate/text/failure.h"

struct stream_deflate;

/* NULL when memory is out. */
struct stream_deflate *stream_deflate_new(void);
void stream_deflate_free(struct stream_deflate *d);

/* Gives compressed octets, borrowed until stream_deflate_keep(); only when
 * stream_deflate_holds() is false. */
void stream_deflate_give(struct stream_deflate *d, struct slice octets);
bool stream_deflate_keep(struct stream_deflate *d);

/* Whether there may be more to read without anything given. */
bool stream_deflate_holds(const struct stream_deflate *d);

/* Inflates what was given, at most `cap` octets, however much there is (CASES R6): sets `*n`, 0
 * when more input is needed. False with the reason when the data is bad. */
bool stream_deflate_read(struct stream_deflate *d, char *p, size_t cap, size_t *n,
                         struct failure *why);

/* Appends `octets`, compressed and flushed, to `out`; a failure of memory shows in `out`. */
void stream_deflate_write(struct stream_deflate *d, struct slice octets, struct buf *out);

#endif
