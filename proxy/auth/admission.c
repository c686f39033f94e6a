/*
 * One request, step by step: its turn (who was refused waits), the vault on the thread pool, then
 * the credential. A house has a request until it hands it over and again from the answer on; the
 * gatekeeper has it in between, so nothing is touched by two threads.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/gatekeeper_parts.h"
#include "proxy/log.h"

const char admission_refused_text[] = "Authentication failed.";

static const struct throttle_options *throttle_of(const struct admission *a)
{
    return &a->settings->auth.throttle;
}

void admission_log(const struct admission *a, int level, const char *event, const char *text)
{
    char address[64];

    gate_address_print(&a->address, address, sizeof address);
    log_event((enum log_level)level, a->id, event,
              (struct log_field[]){LOG_FIELD("user", buf_slice(&a->login)),
                                   LOG_FIELD("address", slice_of(address)),
                                   LOG_FIELD("message", slice_of(text)), LOG_FIELD_END});
}

/* ---- the way back ------------------------------------------------------------------------ */

void admission_answer_clear(struct admission_answer *a)
{
    credential_clear(&a->credential);
    grant_release(a->grant);
    a->grant = NULL;
    device_limits_clear(&a->limits);
    held_secret_clear(&a->held);
}

void admission_free(struct admission *a)
{
    admission_answer_clear(&a->answer);
    grant_release(a->grant);
    vault_key_wipe(&a->key);
    json_decref(a->secret);
    buf_clear(&a->login);
    buf_clear(&a->upstream);
    buf_clear(&a->named);
    buf_wipe(&a->password);
    settings_release(a->settings);
    free(a);
}

static void arrive(struct session_house *house, struct house_message *m)
{
    struct admission *a = (struct admission *)((char *)m - offsetof(struct admission, out));

    (void)house;
    if (!a->cancelled) {
        struct admission_answer answer = a->answer;
        a->answer = (struct admission_answer){.own = false};
        a->done(a->owner, &answer);
    }
    admission_free(a);
}

void admission_answer(struct admission *a)
{
    struct gatekeeper *g = a->gatekeeper;

    g->admissions--;
    a->out.run = arrive;
    if (!a->house->send(a->house->owner, a->house->number, &a->out))
        admission_free(a); /* the house has ended, and with it who asked */
    gatekeeper_look(g);
}

void admission_refuse(struct admission *a, enum failure_kind kind, const char *text)
{
    failure_set(&a->answer.why, kind, "%s", text);
    admission_answer(a);
}

static void admit_own(struct admission *a)
{
    device_limits_clear(&a->answer.limits);
    a->answer.own = true;
    a->answer.limits = (struct device_limits){.pop3 = true, .imap = true};
    admission_answer(a);
}

static bool gateway_credential(const struct admission *a, struct credential *c)
{
    const struct config *config = a->settings->config;

    return settings_auth_credential(&a->settings->auth, config, (size_t)(a->route - config->routes),
                                    buf_slice(&a->upstream), c);
}

/* ---- the vault --------------------------------------------------------------------------- */

static bool route_requires_vault(const struct config_route *r)
{
    return r->devices == CONFIG_DEVICES_REQUIRED || r->oauth.client_id ||
           config_route_is_trusted(r);
}

/* Who is served by no route is kept as long as a wrong password is where there are vaults. */
static bool vault_is_required(const struct admission *a)
{
    const struct config *c = a->settings->config;
    bool required = a->route && route_requires_vault(a->route);

    for (size_t i = 0; !a->route && !required && i < c->route_count; i++)
        required = route_requires_vault(&c->routes[i]);
    return required;
}

/* On the thread pool. */
static void open_vault(uv_work_t *work)
{
    struct admission *a = work->data;

    a->vault_why = (struct failure){.kind = FAILURE_NONE};
    vault_open(a->gatekeeper->state_dir, buf_slice(&a->login), buf_slice(&a->password), &a->key,
               &a->secret, &a->answer.limits, &a->answer.entered, &a->vault_why);
}

void admission_count_guess(struct admission *a)
{
    throttle_refused(a->gatekeeper->throttle, throttle_of(a), &a->address, buf_slice(&a->login),
                     now_ms());
    a->answer.guess = true;
}

static void refuse_password(struct admission *a)
{
    admission_count_guess(a);
    admission_refuse(a, FAILURE_AUTH, admission_refused_text);
}

void admission_refuse_for_now(struct admission *a, const struct failure *why)
{
    admission_log(a, LOG_ERROR, "vault", why->text);
    admission_refuse(a, why->kind,
                     "what is kept of this user's devices cannot be read; the gateway's log tells "
                     "why");
}

static struct grant *grant_new(struct admission *a, struct holding *h)
{
    struct grant *grant = calloc(1, sizeof *grant);

    if (!grant)
        return NULL;
    grant->upstream = slice_dup(buf_slice(&a->upstream));
    if (!grant->upstream ||
        (config_route_is_trusted(a->route) && !gateway_credential(a, &grant->gateway))) {
        free(grant->upstream);
        free(grant);
        return NULL;
    }
    atomic_init(&grant->references, 1);
    grant->gatekeeper = a->gatekeeper;
    grant->holding = h;
    grant->entered = a->answer.entered;
    grant->house = a->house;
    atomic_init(&grant->revoked, false);
    holding_hold(h);
    if (*grant->entered.device)
        device_watch_add(a->gatekeeper, grant);
    return grant;
}

void admission_hold(struct admission *a)
{
    struct failure why = {.kind = FAILURE_TEMPORARY, .text = "out of memory, try again later"};
    struct holding *h = holding_open(a->gatekeeper, a, &why);

    if (h)
        a->grant = grant_new(a, h);
    if (a->grant)
        holding_answer(h, a);
    else
        admission_refuse_for_now(a, &why);
}

static void admit_device(struct admission *a)
{
    throttle_admitted(a->gatekeeper->throttle, throttle_of(a), &a->address, buf_slice(&a->login),
                      now_ms());
    admission_hold(a);
}

static bool may_come(const struct admission *a)
{
    return a->pop3 ? a->answer.limits.pop3 : a->answer.limits.imap;
}

void admission_read_vault(uv_work_t *work)
{
    struct admission *a = work->data;

    json_decref(a->secret);
    a->vault_why = (struct failure){.kind = FAILURE_NONE};
    vault_read(a->gatekeeper->state_dir, buf_slice(&a->login), &a->key, &a->answer.entered,
               &a->secret, &a->vault_why);
}

static void on_read_again(uv_work_t *work, int status);

static void read_again(struct admission *a)
{
    struct gatekeeper *g = a->gatekeeper;

    a->writes = g->writes;
    uv_queue_work(&g->loop, &a->work, admission_read_vault, on_read_again);
}

/* While it was read, tokens were renewed that nobody holds any more: they may have been these, and
 * a refresh token that is used twice may cost the user all that he has granted. */
static bool may_be_stale(const struct admission *a)
{
    return a->writes != a->gatekeeper->writes && !holding_exists(a->gatekeeper, a);
}

static void vault_answered(struct admission *a)
{
    if (a->refused_own) {
        refusal_heard(a);
        return;
    }
    switch (a->vault_why.kind) {
    case FAILURE_NONE:
        if (!a->route)
            refuse_password(a);
        else if (may_come(a) && may_be_stale(a))
            read_again(a);
        else if (may_come(a))
            admit_device(a);
        else
            admission_refuse(a, FAILURE_AUTH, "This device's password is not for this protocol");
        break;
    case FAILURE_AUTH:
        if (a->proved || vault_is_required(a))
            refuse_password(a);
        else
            admit_own(a);
        break;
    default:
        admission_refuse_for_now(a, &a->vault_why);
    }
}

static void on_read_again(uv_work_t *work, int status)
{
    (void)status;
    vault_answered(work->data);
}

static void next_at_the_vaults(struct gatekeeper *g);

static void on_opened(uv_work_t *work, int status)
{
    struct admission *a = work->data;
    struct gatekeeper *g = a->gatekeeper;

    (void)status; /* nobody cancels it */
    g->opening--;
    if (a->mechanism)
        held_question_answer(a);
    else
        vault_answered(a);
    next_at_the_vaults(g);
}

static void next_at_the_vaults(struct gatekeeper *g)
{
    while (g->waiting && g->opening < VAULTS_AT_ONCE) {
        struct admission *a = g->waiting;
        g->waiting = a->next;
        if (!g->waiting)
            g->waiting_last = &g->waiting;
        g->waiting_count--;
        g->opening++;
        a->work.data = a;
        a->writes = g->writes;
        uv_queue_work(&g->loop, &a->work, a->mechanism ? held_question_work : open_vault,
                      on_opened);
    }
}

void admission_to_vaults(struct admission *a)
{
    struct gatekeeper *g = a->gatekeeper;

    if (g->waiting_count >= VAULTS_WAITING || g->ending) {
        admission_refuse(a, FAILURE_TEMPORARY, "too many logins at once, try again later");
        return;
    }
    a->next = NULL;
    *g->waiting_last = a;
    g->waiting_last = &a->next;
    g->waiting_count++;
    next_at_the_vaults(g);
}

/* ---- its turn ---------------------------------------------------------------------------- */

bool admission_may_have_vault(const struct admission *a)
{
    return a->route && a->route->devices != CONFIG_DEVICES_OFF &&
           vault_exists(a->gatekeeper->state_dir, buf_slice(&a->login));
}

static void try_it(struct admission *a)
{
    bool required = vault_is_required(a);

    if (a->mechanism || (!a->acting && (required || admission_may_have_vault(a))))
        admission_to_vaults(a);
    else if (a->route && !required && !a->proved)
        admit_own(a);
    else if (a->route)
        refuse_password(a);
    else
        refusal_of_stranger(a);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct admission *a = handle->data;

    if (a->answer.why.kind == FAILURE_NONE)
        try_it(a);
    else
        admission_answer(a);
}

static void end_wait(struct admission *a)
{
    *(a->prev ? &a->prev->next : &a->gatekeeper->turns) = a->next;
    if (a->next)
        a->next->prev = a->prev;
    uv_close((uv_handle_t *)&a->timer, on_timer_closed);
}

static void on_turn(uv_timer_t *timer)
{
    end_wait(timer->data);
}

void admission_wait(struct admission *a, uint64_t ms)
{
    struct gatekeeper *g = a->gatekeeper;

    a->next = g->turns;
    if (a->next)
        a->next->prev = a;
    g->turns = a;
    uv_timer_init(&g->loop, &a->timer);
    a->timer.data = a;
    uv_update_time(&g->loop);
    uv_timer_start(&a->timer, on_turn, ms, 0);
}

void admissions_stop(struct gatekeeper *g)
{
    while (g->turns) {
        failure_set(&g->turns->answer.why, FAILURE_TEMPORARY, "%s", gatekeeper_ending);
        end_wait(g->turns);
    }
    while (g->waiting) {
        struct admission *a = g->waiting;
        g->waiting = a->next;
        admission_refuse(a, FAILURE_TEMPORARY, gatekeeper_ending);
    }
    g->waiting_last = &g->waiting;
    g->waiting_count = 0;
}

static void begin(struct gatekeeper *g, struct gatekeeper_message *m)
{
    struct admission *a = (struct admission *)((char *)m - offsetof(struct admission, in));
    struct failure why;

    g->admissions++;
    if (g->ending) {
        admission_refuse(a, FAILURE_TEMPORARY, gatekeeper_ending);
        return;
    }
    if (a->certified) { /* that is no guess */
        admission_certify(a);
        return;
    }
    if (a->proved) {
        try_it(a);
        return;
    }
    uint64_t wait = throttle_ask(g->throttle, throttle_of(a), &a->address, buf_slice(&a->login),
                                 now_ms(), &why);
    if (wait == UINT64_MAX) {
        admission_log(a, LOG_WARNING, "turned-away", why.text);
        failure_set(&a->answer.why, FAILURE_AUTH, "%s", admission_refused_text);
        a->answer.guess = true;
        admission_wait(a, TURNED_AWAY_MS);
    } else if (wait) {
        admission_wait(a, wait);
    } else {
        try_it(a);
    }
}

struct admission *admission_new(struct gatekeeper *g, struct session_house *house,
                                struct settings *settings, admission_done done, void *owner)
{
    struct admission *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->gatekeeper = g;
    a->house = house;
    a->settings = settings ? settings_hold(settings) : NULL;
    a->done = done;
    a->owner = owner;
    return a;
}

struct admission *admission_new_request(struct gatekeeper *g,
                                        const struct admission_request *request,
                                        admission_done done, void *owner)
{
    struct admission *a = admission_new(g, request->house, request->settings, done, owner);

    if (!a)
        return NULL;
    a->route = request->route;
    snprintf(a->id, sizeof a->id, "%s", request->id);
    a->address = request->address;
    a->pop3 = request->pop3;
    a->acting = request->acting;
    a->certified = request->certified;
    a->proved = request->proved;
    a->password.secret = true;
    buf_put(&a->login, request->login);
    buf_put(&a->upstream, request->upstream);
    buf_put(&a->password, request->password);
    if (buf_failed(&a->login) || buf_failed(&a->upstream) || buf_failed(&a->password)) {
        admission_free(a);
        return NULL;
    }
    return a;
}

void admission_begin(struct admission *a)
{
    a->in.run = begin;
    gatekeeper_send(a->gatekeeper, &a->in);
}

struct admission *gatekeeper_admit(struct gatekeeper *g, const struct admission_request *request,
                                   admission_done done, void *owner)
{
    struct admission *a = admission_new_request(g, request, done, owner);

    if (a)
        admission_begin(a);
    return a;
}

void admission_cancel(struct admission *a)
{
    if (a)
        a->cancelled = true;
}
