/*
 * Token revocation, RFC 7009. An answer with status 200 has no content that counts, and one to a
 * token that the provider does not know is the same (section 2.2).
 */
#include "proxy/auth/oauth_parts.h"

static void answered(struct oauth_call *c, long status, const json_t *answer,
                     const struct failure *failed)
{
    struct failure why = *failed;

    if (status == 200)
        why = (struct failure){.kind = FAILURE_NONE};
    else if (answer)
        oauth_explain(c, status, answer, &why);
    c->revoked(c->owner, &why);
    oauth_call_free(c);
}

struct oauth_call *oauth_revoke(struct http *h, const struct oauth_provider *p,
                                const struct oauth_tokens *t, oauth_revoked done, void *owner,
                                struct failure *why)
{
    struct oauth_call *c = oauth_call_new(h, p, 0, owner, why);
    struct buf form = {.secret = true};

    if (!c)
        return NULL;
    c->revoked = done;
    c->answered = answered;
    oauth_put_field(&form, "token", t->refresh ? t->refresh : t->access);
    oauth_put_field(&form, "token_type_hint", t->refresh ? "refresh_token" : "access_token");
    return oauth_post_first(c, p->revocation_endpoint, "revocation", &form, why);
}
