/*
 * When a refusal is heard: so that nobody learns by the clock which users there are, and which of
 * them have a vault (CASES A4), all who are refused have waited for the same.
 *
 *                              vault tried    upstream asked    then
 *     has a vault              yes            yes               -
 *     has none, others have    -              yes               a vault's time
 *     nobody has one           -              yes               -
 *     no route serves it       -              -                 as long as one of the last took
 *
 * Where a route demands a device's password there is no upstream to ask, and a vault is tried, or
 * as much time is taken, for everybody: vault_open() sees to that.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "proxy/auth/gatekeeper_parts.h"

void refusal_of_stranger(struct admission *a)
{
    const struct gatekeeper *g = a->gatekeeper;
    size_t known = g->late_count < LATE_COUNT ? g->late_count : LATE_COUNT;

    admission_count_guess(a);
    failure_set(&a->answer.why, FAILURE_AUTH, "%s", admission_refused_text);
    if (known)
        admission_wait(a, g->late_ms[uv_hrtime() % known]);
    else
        admission_answer(a);
}

void refusal_heard(struct admission *a)
{
    struct gatekeeper *g = a->gatekeeper;

    g->late_ms[g->late_count++ % LATE_COUNT] = now_ms() - a->tried_ms;
    admission_answer(a);
}

/* Whether there is, or was, anybody's vault. */
static bool vaults_are_used(const struct gatekeeper *g)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/vault", g->state_dir);

    return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

/* Of one who has no vault. */
static bool would_have_waited(const struct admission *a)
{
    return a->route && a->route->devices != CONFIG_DEVICES_OFF && !a->acting &&
           vaults_are_used(a->gatekeeper);
}

static void begin(struct gatekeeper *g, struct gatekeeper_message *m)
{
    struct admission *a = (struct admission *)((char *)m - offsetof(struct admission, in));

    g->admissions++;
    admission_count_guess(a);
    if (admission_may_have_vault(a))
        admission_answer(a);
    else if (would_have_waited(a))
        admission_to_vaults(a);
    else
        refusal_heard(a);
}

struct admission *gatekeeper_refuse(struct gatekeeper *g, const struct admission_request *request,
                                    uint64_t took_ms, admission_done done, void *owner)
{
    struct admission *a = admission_new_request(g, request, done, owner);

    if (!a)
        return NULL;
    a->refused_own = true;
    a->tried_ms = now_ms() - took_ms;
    a->in.run = begin;
    gatekeeper_send(g, &a->in);
    return a;
}
