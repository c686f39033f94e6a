/* See credential.h. */
#include "translate/sasl/credential.h"

static bool complete(struct credential *c)
{
    if (!buf_failed(&c->user) && !buf_failed(&c->authzid) && !buf_failed(&c->secret))
        return true;
    credential_clear(c);
    return false;
}

bool credential_set(struct credential *c, enum credential_kind kind, struct slice user,
                    struct slice secret)
{
    c->kind = kind;
    buf_keep(&c->user, user);
    c->secret.secret = true;
    buf_keep(&c->secret, secret);
    return complete(c);
}

bool credential_set_authzid(struct credential *c, struct slice authzid)
{
    buf_keep(&c->authzid, authzid);
    return complete(c);
}

bool credential_copy(struct credential *to, const struct credential *from)
{
    credential_clear(to);
    to->vouched = from->vouched;
    return credential_set(to, from->kind, buf_slice(&from->user), buf_slice(&from->secret)) &&
           credential_set_authzid(to, buf_slice(&from->authzid));
}

void credential_move(struct credential *to, struct credential *from)
{
    credential_clear(to);
    *to = *from;
    *from = (struct credential){0};
}

void credential_clear(struct credential *c)
{
    buf_wipe(&c->user);
    buf_wipe(&c->authzid);
    buf_wipe(&c->secret);
    *c = (struct credential){0};
}

/* Anything outside of ASCII's visible characters could end the message that it stands in. */
static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

bool credential_check(const struct credential *c, const char *protocol, struct failure *why)
{
    if (!slice_is_line(buf_slice(&c->user)) || !slice_is_line(buf_slice(&c->authzid)) ||
        !slice_is_line(buf_slice(&c->secret))) {
        failure_set(why, FAILURE_AUTH,
                    "a user name or password with a line end or NUL in it cannot be sent by %s",
                    protocol);
        return false;
    }
    if (c->kind == CREDENTIAL_TOKEN && !is_token(buf_slice(&c->secret))) {
        failure_set(why, FAILURE_AUTH, "the access token is empty or no bearer token");
        return false;
    }
    return true;
}
