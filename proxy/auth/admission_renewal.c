/*
 * The credential once more, for somebody who was let in: the vault is read again by the key that
 * his grant holds, as another process may have renewed what is in it, or the device be revoked. Who
 * was let in by a certificate has none.
 */
#include <string.h>

#include "proxy/auth/gatekeeper_parts.h"

static void refuse_revoked(struct admission *a)
{
    device_watch_revoked(a->gatekeeper, a->grant);
    admission_refuse(a, FAILURE_AUTH, a->vault_why.text);
}

static void on_read(uv_work_t *work, int status)
{
    struct admission *a = work->data;
    struct failure why;

    (void)status;
    if (a->vault_why.kind == FAILURE_AUTH)
        refuse_revoked(a);
    else if (a->vault_why.kind == FAILURE_TEMPORARY)
        admission_refuse_for_now(a, &a->vault_why);
    else if (a->vault_why.kind == FAILURE_NONE &&
             holding_open(a->gatekeeper, a, &why) == a->grant->holding)
        holding_answer(a->grant->holding, a);
    else
        admission_refuse(a, FAILURE_AUTH, "this user was authorized anew; log in again");
}

static void begin_renewal(struct gatekeeper *g, struct gatekeeper_message *m)
{
    struct admission *a = (struct admission *)((char *)m - offsetof(struct admission, in));
    struct holding *h = a->grant->holding;

    g->admissions++;
    buf_puts(&a->login, holding_login(h));
    a->key = *holding_key(h);
    a->work.data = a;
    if (buf_failed(&a->login))
        admission_refuse(a, FAILURE_TEMPORARY, "out of memory, try again later");
    else if (g->ending)
        admission_refuse(a, FAILURE_TEMPORARY, gatekeeper_ending);
    else if (!*a->grant->entered.device)
        holding_answer(h, a);
    else
        uv_queue_work(&g->loop, &a->work, admission_read_vault, on_read);
}

struct admission *gatekeeper_renew(struct gatekeeper *g, struct session_house *house,
                                   struct grant *grant, uint64_t refused, admission_done done,
                                   void *owner)
{
    struct admission *a = admission_new(g, house, NULL, done, owner);

    if (!a)
        return NULL;
    a->grant = grant_hold(grant);
    a->refused = refused;
    a->answer.entered = grant->entered;
    a->in.run = begin_renewal;
    gatekeeper_send(g, &a->in);
    return a;
}
