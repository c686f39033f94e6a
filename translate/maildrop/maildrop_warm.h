/*
 * An upstream session that is logged in and between two POP3 sessions: what maildrop_part() leaves
 * and maildrop_go_on() takes (see maildrop.h), without I/O. Meanwhile it is fed with what the
 * upstream says: the last answers of the session before, later whatever a server tells unasked.
 *
 * It knows neither user nor password; whose it is, its keeper must know.
 */
#ifndef TRANSLATE_MAILDROP_MAILDROP_WARM_H
#define TRANSLATE_MAILDROP_MAILDROP_WARM_H

#include <stdbool.h>

#include "translate/text/buf.h"

enum { MAILDROP_WARM_KEY = 32 }; /* octets of a key */

struct maildrop_warm;

/* NULL is fine. */
void maildrop_warm_free(struct maildrop_warm *w);

/* Takes octets of the upstream, all of them. False when the session is of no use any more. */
bool maildrop_warm_data(struct maildrop_warm *w, struct slice *in);

/* Nothing is under way: a session can go on with it. Until then it cannot. */
bool maildrop_warm_is_quiet(const struct maildrop_warm *w);

/* LOGOUT, to be sent before its connection is closed. Valid until it is freed. */
struct buf *maildrop_warm_logout(struct maildrop_warm *w);

#endif
