/*
 * The account's connection to its POP3 server.
 */
#include <stddef.h>

#include "proxy/account_host_parts.h"
#include "proxy/log.h"
#include "proxy/upstream_options.h"

static void give_binding(struct account_host *h)
{
    struct sasl_binding binding;

    connection_binding(h->upstream, &binding);
    account_upstream_bind(h->account, &binding);
}

static void tell_connected(struct account_host *h)
{
    const struct endpoint *e = connection_endpoint(h->upstream);
    struct pop3_client_options o = {0};

    upstream_pop3_options(h->route, e, place_reach(&h->place, e), &o);
    account_connected(h->account, &o);
}

static void on_ready(void *owner)
{
    struct account_host *h = owner;

    account_host_tell(h);
    tell_connected(h);
    give_binding(h);
    account_host_pump(h);
}

static void on_failed(void *owner, const struct failure *why)
{
    struct account_host *h = owner;

    account_host_disconnect(h, true);
    health_upstream_failed(h->house->health, h->route->name, why);
    account_host_tell(h);
    account_connect_failed(h->account, why);
    account_host_pump(h);
}

static void on_data(void *owner, struct slice *in)
{
    struct account_host *h = owner;

    account_host_tell(h);
    if (!account_wants_upstream(h->account))
        return;
    account_upstream_data(h->account, in);
    account_host_pump(h);
}

static void on_tls(void *owner)
{
    struct account_host *h = owner;

    account_host_tell(h);
    give_binding(h);
    account_upstream_tls(h->account);
    account_host_pump(h);
}

static void on_end(void *owner, const struct failure *why)
{
    struct account_host *h = owner;

    account_host_disconnect(h, true);
    account_host_tell(h);
    account_upstream_closed(h->account, why);
    account_host_pump(h);
}

static void on_closed(void *owner, const struct connection *c)
{
    (void)c;
    account_host_release(owner);
}

static const struct connection_handler handler = {on_ready, on_failed, on_data,
                                                  on_tls,   on_end,    on_closed};

void account_host_connect(struct account_host *h)
{
    struct failure why;

    account_host_disconnect(h, true);
    h->upstream = connection_start(h->house->loop, h->house->descriptors, h->settings, h->route,
                                   &h->place, h->id, &handler, h);
    if (h->upstream) {
        h->pending++;
        return;
    }
    failure_set(&why, FAILURE_TEMPORARY, "out of memory, try again later");
    account_connect_failed(h->account, &why);
}

void account_host_disconnect(struct account_host *h, bool at_once)
{
    descriptor_use(&h->kept);
    if (h->upstream)
        connection_close(h->upstream, at_once);
    h->upstream = NULL;
}

static void on_let_go(struct descriptor_kept *kept)
{
    struct account_host *h =
        (struct account_host *)((char *)kept - offsetof(struct account_host, kept));

    account_host_tell(h);
    account_let_go(h->account);
    account_host_pump(h);
}

void account_host_offer(struct account_host *h)
{
    h->kept.let_go = on_let_go;
    if (h->upstream && account_upstream_is_spare(h->account))
        descriptor_keep(h->house->descriptors, &h->kept);
    else
        descriptor_use(&h->kept);
}

void account_host_tls(struct account_host *h)
{
    if (h->upstream)
        connection_start_tls(h->upstream);
}

void account_host_flush(struct account_host *h)
{
    struct buf *out = account_upstream_out(h->account);

    if (out)
        connection_write(h->upstream, out);
}

void account_host_resume(struct account_host *h)
{
    if (account_wants_upstream(h->account))
        connection_resume(h->upstream);
}

/* ---- its credential ---------------------------------------------------------------------- */

static void on_renewal(void *owner, struct admission_answer *answer);

static bool grant_ask(struct account_host *h)
{
    if (h->grant)
        h->asked =
            gatekeeper_renew(h->house->gatekeeper, h->house, h->grant, h->refused, on_renewal, h);
    return h->asked;
}

/* The device that came last was revoked: the others are not, and each has a grant of its own. False
 * when none is left. */
static bool grant_replace(struct account_host *h)
{
    const struct account_guest *other = h->guests;

    while (other && (!other->grant || grant_is_revoked(other->grant)))
        other = other->next;
    if (!other || !grant_is_revoked(h->grant))
        return false;
    grant_release(h->grant);
    h->grant = grant_hold(other->grant);
    return true;
}

static void on_renewal(void *owner, struct admission_answer *answer)
{
    struct account_host *h = owner;

    h->asked = NULL;
    account_host_tell(h);
    if (answer->why.kind == FAILURE_AUTH && grant_replace(h) && grant_ask(h)) {
        admission_answer_clear(answer);
        return;
    }
    if (answer->why.kind == FAILURE_NONE) {
        h->generation = answer->generation;
        account_credential(h->account, &answer->credential);
    } else {
        account_host_log(h, LOG_WARNING, "no-token", answer->why.text);
        account_credential_failed(h->account, &answer->why);
    }
    admission_answer_clear(answer);
    account_host_pump(h);
}

void account_host_renew(struct account_host *h, const char *refused_for)
{
    struct failure why;

    account_host_renew_cancel(h);
    h->refused = *refused_for ? h->generation : 0;
    if (grant_ask(h))
        return;
    failure_set(&why, FAILURE_AUTH, "%s",
                *refused_for ? refused_for : "there is no fresh token for the mail server");
    account_credential_failed(h->account, &why);
}

void account_host_renew_cancel(struct account_host *h)
{
    admission_cancel(h->asked);
    h->asked = NULL;
}
