/*
 * GNU SASL as sasl_client.c and sasl_server.c use it; nobody else includes this.
 */
#ifndef TRANSLATE_SASL_SASL_LIBRARY_H
#define TRANSLATE_SASL_SASL_LIBRARY_H

#include <gsasl.h>

#include "translate/sasl/sasl_binding.h"
#include "translate/text/buf.h"

/* The library, as sasl_set_up() has set it up; never torn down. NULL when memory is out. It calls
 * nothing back: a session has all its properties before the step that needs them. */
Gsasl *sasl_library(void);

/* Properties of a session; true when it could be set. Octets with NUL in them are cut there: the
 * caller has seen to it that there are none. */
bool sasl_library_set(Gsasl_session *session, Gsasl_property property, struct slice value);

/* The channel binding, as the library wants it. */
bool sasl_library_bind(Gsasl_session *session, const struct sasl_binding *binding);

/* Takes a message and appends the answer to `out`. */
int sasl_library_step(Gsasl_session *session, struct slice in, struct buf *out);

/* Wipes what secrets the session holds, and frees it. NULL is fine. */
void sasl_library_finish(Gsasl_session *session);

#endif
