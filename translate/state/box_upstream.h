/*
 * What the maildrop says of contents: the sections of records that say it, see box_draft.h and, of
 * deletions, box_state.h.
 *
 * For the state's own files.
 */
#ifndef TRANSLATE_STATE_BOX_UPSTREAM_H
#define TRANSLATE_STATE_BOX_UPSTREAM_H

#include "translate/state/box_change.h"

bool box_apply_listed(const struct json_at *at, struct box_reading *r, const char *key);
bool box_apply_unlisted(const struct json_at *at, struct box_reading *r, const char *key);
bool box_apply_suspected(const struct json_at *at, struct box_reading *r, const char *key);
bool box_apply_intended(const struct json_at *at, struct box_reading *r, const char *key);
bool box_apply_sent(const struct json_at *at, struct box_reading *r, const char *key);
bool box_apply_spared(const struct json_at *at, struct box_reading *r, const char *key);
bool box_apply_gone(const struct json_at *at, struct box_reading *r, const char *key);

/* One element of "known": a content's size, key, digest or date, as became known. */
bool box_content_known(const struct json_at *at, struct box_reading *r);

/* The members of "poll", also of a snapshot. */
bool box_poll_read(const struct json_at *at, struct box_state *s);

#endif
