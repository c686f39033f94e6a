/* See sasl_library.h. */
#include "translate/sasl/sasl_library.h"

#include <stdlib.h>
#include <string.h>

#include "translate/sasl/sasl_mechanism.h"
#include "translate/text/base64.h"

static Gsasl *library;

bool sasl_set_up(void)
{
    if (!library && gsasl_init(&library) != GSASL_OK)
        library = NULL;
    return library != NULL;
}

Gsasl *sasl_library(void)
{
    sasl_set_up();
    return library;
}

bool sasl_library_set(Gsasl_session *session, Gsasl_property property, struct slice value)
{
    return gsasl_property_set_raw(session, property, value.n ? value.p : "", value.n) == GSASL_OK;
}

bool sasl_library_bind(Gsasl_session *session, const struct sasl_binding *binding)
{
    struct buf text = BUF_INIT;

    if (binding->type == SASL_BINDING_NONE)
        return true;
    base64_encode(&text, slice_make((const char *)binding->octets, binding->n));
    bool set = !buf_failed(&text) &&
               sasl_library_set(session,
                                binding->type == SASL_BINDING_EXPORTER ? GSASL_CB_TLS_EXPORTER
                                                                       : GSASL_CB_TLS_UNIQUE,
                                buf_slice(&text));
    buf_clear(&text);
    return set;
}

int sasl_library_step(Gsasl_session *session, struct slice in, struct buf *out)
{
    char *answer = NULL;
    size_t n = 0;
    int rc = gsasl_step(session, in.n ? in.p : NULL, in.n, &answer, &n);

    if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE)
        buf_put(out, slice_make(answer, n));
    if (answer) {
        explicit_bzero(answer, n);
        free(answer);
    }
    return buf_failed(out) ? GSASL_MALLOC_ERROR : rc;
}

/* The library frees its copies without wiping them. */
void sasl_library_finish(Gsasl_session *session)
{
    static const Gsasl_property secrets[] = {GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD,
                                             GSASL_SCRAM_SERVERKEY, GSASL_SCRAM_STOREDKEY};

    if (!session)
        return;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        char *copy = (char *)(uintptr_t)gsasl_property_fast(session, secrets[i]);
        if (copy)
            explicit_bzero(copy, strlen(copy));
    }
    gsasl_finish(session);
}
