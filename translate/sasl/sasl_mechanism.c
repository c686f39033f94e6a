/* See sasl_mechanism.h. The table is in the order of strength for a connection without TLS. */
#include "translate/sasl/sasl_mechanism.h"

#define PASSWORD .needs = CREDENTIAL_PASSWORD
#define TOKEN    .needs = CREDENTIAL_TOKEN, .exposes = true, .client_first = true, .judged_at = 1
#define SCRAM    PASSWORD, .acts_for = true, .client_first = true, .judged_at = 2

static const struct sasl_mechanism mechanisms[] = {
    {"OAUTHBEARER", SASL_OAUTHBEARER, TOKEN, .acts_for = true},
    {"XOAUTH2", SASL_XOAUTH2, TOKEN},
    {"EXTERNAL", SASL_EXTERNAL, .needs = CREDENTIAL_EXTERNAL, .acts_for = true,
     .client_first = true, .judged_at = 1},
    {"SCRAM-SHA-256-PLUS", SASL_SCRAM_SHA_256_PLUS, SCRAM},
    {"SCRAM-SHA-256", SASL_SCRAM_SHA_256, SCRAM},
    {"SCRAM-SHA-1-PLUS", SASL_SCRAM_SHA_1_PLUS, SCRAM},
    {"SCRAM-SHA-1", SASL_SCRAM_SHA_1, SCRAM},
    {"DIGEST-MD5", SASL_DIGEST_MD5, PASSWORD, .weak = true, .acts_for = true, .judged_at = 1},
    {"CRAM-MD5", SASL_CRAM_MD5, PASSWORD, .weak = true, .judged_at = 1},
    {"PLAIN", SASL_PLAIN, PASSWORD, .exposes = true, .acts_for = true, .client_first = true,
     .judged_at = 1},
    {"LOGIN", SASL_LOGIN, PASSWORD, .exposes = true, .judged_at = 2},
};

enum { MECHANISMS = sizeof mechanisms / sizeof *mechanisms };

const struct sasl_mechanism *sasl_mechanism_find(struct slice name)
{
    for (size_t i = 0; i < MECHANISMS; i++)
        if (slice_is_nocase(name, mechanisms[i].name))
            return &mechanisms[i];
    return NULL;
}

uint32_t sasl_mechanism_bit(struct slice name)
{
    const struct sasl_mechanism *found = sasl_mechanism_find(name);

    if (!found && slice_is_nocase(name, "APOP"))
        return SASL_APOP;
    return found ? found->bit : 0;
}

uint32_t sasl_mechanism_bits(struct slice names)
{
    uint32_t bits = 0;

    for (struct slice name = slice_word(&names); name.n; name = slice_word(&names)) {
        const struct sasl_mechanism *found = sasl_mechanism_find(name);
        bits |= found ? found->bit : 0;
    }
    return bits;
}

bool sasl_mechanism_permits(uint32_t permitted, uint32_t bit)
{
    return permitted == 0 || (permitted & bit) != 0;
}

bool sasl_mechanism_lacks_exporter(struct slice greeting)
{
    return slice_contains_nocase(greeting, "Cyrus IMAP") ||
           slice_contains_nocase(greeting, "Cyrus POP3");
}

static bool can_bind(const struct sasl_wish *wish)
{
    return wish->binding == SASL_BINDING_UNIQUE ||
           (wish->binding == SASL_BINDING_EXPORTER && !wish->lacks_exporter);
}

static bool will_do(const struct sasl_mechanism *m, const struct sasl_wish *wish)
{
    return (wish->offered & m->bit) && sasl_mechanism_permits(wish->permitted, m->bit) &&
           m->needs == wish->kind && (!wish->acts_for || m->acts_for) &&
           (!m->exposes || wish->tls || wish->cleartext) &&
           (!(m->bit & SASL_PLUS) || can_bind(wish));
}

const struct sasl_mechanism *sasl_mechanism_choose(const struct sasl_wish *wish)
{
    const struct sasl_mechanism *weak = NULL;

    for (size_t i = 0; i < MECHANISMS; i++) {
        const struct sasl_mechanism *m = &mechanisms[i];
        if (!will_do(m, wish))
            continue;
        if (!m->weak || !wish->tls)
            return m;
        if (!weak)
            weak = m;
    }
    return weak;
}

void sasl_mechanism_explain(struct failure *why, const struct credential *credential,
                            uint32_t permitted)
{
    if (permitted)
        failure_set(
            why, FAILURE_PERMANENT,
            "the server offers none of the mechanisms that the route's \"sasl\" permits, or "
            "none that can be done over this connection; nothing was sent");
    else if (credential->kind == CREDENTIAL_TOKEN)
        failure_set(why, FAILURE_PERMANENT,
                    "the server takes no access tokens: it offers neither OAUTHBEARER nor XOAUTH2");
    else if (credential->kind == CREDENTIAL_EXTERNAL)
        failure_set(why, FAILURE_PERMANENT,
                    "the server lets nobody in by a certificate: it does not offer EXTERNAL");
    else if (buf_size(&credential->authzid))
        failure_set(why, FAILURE_PERMANENT,
                    "the server offers no mechanism by which one can act for another user");
    else
        failure_set(why, FAILURE_PERMANENT,
                    "the server takes no passwords by a mechanism that is known here");
}

void sasl_mechanism_put(struct buf *out, uint32_t bits, const char *before, const char *behind)
{
    for (size_t i = 0; i < MECHANISMS; i++)
        if (bits & mechanisms[i].bit)
            buf_printf(out, "%s%s%s", before, mechanisms[i].name, behind);
}
