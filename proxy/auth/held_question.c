/*
 * What a client has to know who says who he is: the password that is held for him, or nobody's. A
 * user who has none, or is not there, is answered in the same time as far as that can be told: the
 * files differ by microseconds, and the keys of SCRAM, which take longest, are made for him too.
 */
#include "proxy/auth/gatekeeper_parts.h"
#include "proxy/log.h"

void held_secret_clear(struct held_secret *s)
{
    buf_wipe(&s->password);
    sasl_scram_wipe(&s->scram);
    s->known = false;
}

static bool is_scram(const struct admission *a)
{
    return (sasl_mechanism_bit(slice_of(a->mechanism)) & SASL_SCRAM) != 0;
}

/* By no device's password can an operator act, nor anybody where devices have none. */
static bool may_be_held(const struct admission *a)
{
    return a->route && a->route->devices != CONFIG_DEVICES_OFF && !a->acting;
}

static void make_keys(struct admission *a, const struct held_key *key)
{
    struct held_secret *s = &a->answer.held;
    struct slice password = s->known ? buf_slice(&s->password) : slice_of("nobody's");

    if (sasl_scram_make(&s->scram, key->decoy, a->mechanism, buf_slice(&a->named), password,
                        HELD_ITERATIONS) ||
        !s->known)
        return;
    failure_set(&a->vault_why, FAILURE_TEMPORARY,
                "no keys for SCRAM could be made of the password that is held");
    s->known = false;
}

void held_question_work(uv_work_t *work)
{
    struct admission *a = work->data;
    struct held_secret *s = &a->answer.held;
    struct held_key key = {{0}, {0}};
    bool holds = gatekeeper_holds(a->gatekeeper, &key);

    a->vault_why = (struct failure){.kind = FAILURE_NONE};
    s->password.secret = true;
    s->known = holds && may_be_held(a) &&
               vault_held(a->gatekeeper->state_dir, buf_slice(&a->login), &key, &s->password,
                          &a->vault_why);
    if (is_scram(a))
        make_keys(a, &key);
    held_key_wipe(&key);
}

void held_question_answer(struct admission *a)
{
    if (a->vault_why.kind != FAILURE_NONE && a->vault_why.kind != FAILURE_AUTH)
        admission_log(a, LOG_ERROR, "vault", a->vault_why.text);
    admission_answer(a);
}

struct admission *gatekeeper_question(struct gatekeeper *g, const struct admission_request *request,
                                      struct slice named, const char *mechanism,
                                      admission_done done, void *owner)
{
    struct admission *a = admission_new_request(g, request, done, owner);

    if (!a)
        return NULL;
    a->mechanism = mechanism;
    buf_put(&a->named, named);
    if (buf_failed(&a->named)) {
        admission_free(a);
        return NULL;
    }
    admission_begin(a);
    return a;
}

struct sasl_secret held_secret_of(const struct held_secret *s)
{
    if (!s->known)
        return (struct sasl_secret){.kind = SASL_SECRET_NONE};
    if (s->scram.key_size)
        return sasl_scram_secret(&s->scram);
    return (struct sasl_secret){.kind = SASL_SECRET_PASSWORD, .password = buf_slice(&s->password)};
}
