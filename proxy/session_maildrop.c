/*
 * A session of a POP3 client: the maildrop behind it, and what that asks for.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

/* ---- the maildrop as a translator ---- */

static bool greet(struct session *s)
{
    const struct config_listener *l = &s->settings->config->listeners[s->listener];
    const struct settings_listener *made = &s->settings->listeners[s->listener];
    const struct config_limits *limits = &s->settings->config->limits;
    const struct session_challenge *challenge = session_make_challenge(s);
    bool tls = stream_is_tls(s->client.stream);
    struct maildrop_settings settings = {
        .debug = log_enabled(LOG_DEBUG),
        .tls = tls,
        .stls = made->tls && !tls,
        .require_tls = l->endpoint.tls == ENDPOINT_TLS_STARTTLS,
        .allow_cleartext = l->allow_cleartext || stream_peer_is_loopback(s->client.stream),
        .login_delay = made->login_delay,
        .login_seconds = limits->login_seconds,
        .idle_seconds = config_idle_seconds(limits, ENDPOINT_POP3),
        .connect_seconds = limits->connect_seconds,
        .response_seconds = limits->response_seconds,
        .errors = limits->errors,
        .login_attempts = limits->login_attempts,
        .allow_authzid = made->operators,
        .secrets = challenge != NULL,
        .timestamp = challenge ? challenge->timestamp : NULL,
        .key = challenge ? challenge->key : NULL,
        .iterations = HELD_ITERATIONS,
    };
    struct sasl_binding binding = {.type = SASL_BINDING_NONE};
    struct buf certified = BUF_INIT;

    stream_binding(s->client.stream, &binding);
    settings.binding = &binding;
    session_certified(s, &certified);
    settings.certified = buf_slice(&certified);
    s->maildrop = maildrop_new(&settings, uv_now(s->house->loop), (int64_t)time(NULL));
    buf_clear(&certified);
    return s->maildrop != NULL;
}

static void tell(struct session *s)
{
    maildrop_now(s->maildrop, uv_now(s->house->loop), (int64_t)time(NULL));
    maildrop_client_queued(s->maildrop, session_client_queued(s));
}

static void data(struct session *s, struct slice *in)
{
    maildrop_client_data(s->maildrop, in);
}

static bool wants(const struct session *s)
{
    return maildrop_wants_client(s->maildrop);
}

static void tls(struct session *s)
{
    struct sasl_binding binding;
    struct buf certified = BUF_INIT;

    stream_binding(s->client.stream, &binding);
    maildrop_client_bind(s->maildrop, &binding);
    session_certified(s, &certified);
    maildrop_client_certified(s->maildrop, buf_slice(&certified));
    buf_clear(&certified);
    maildrop_client_tls(s->maildrop);
}

static void closed(struct session *s, const struct failure *why)
{
    maildrop_client_closed(s->maildrop, why);
}

static void drain(struct session *s)
{
    maildrop_drain(s->maildrop);
}

static void revoked(struct session *s)
{
    maildrop_revoke(s->maildrop);
}

static void tick(struct session *s)
{
    maildrop_tick(s->maildrop);
}

static uint64_t deadline(const struct session *s)
{
    return maildrop_deadline(s->maildrop);
}

static bool failed(const struct session *s)
{
    return maildrop_failed(s->maildrop);
}

static struct buf *out(struct session *s)
{
    return maildrop_client_out(s->maildrop);
}

static void refused(struct session *s, const struct failure *why)
{
    maildrop_refused(s->maildrop, why);
}

static void secret(struct session *s, const struct sasl_secret *its)
{
    maildrop_secret(s->maildrop, its);
}

static void flush(struct session *s)
{
    connection_write(s->upstream, maildrop_upstream_out(s->maildrop));
}

static void resume(struct session *s)
{
    if (maildrop_wants_upstream(s->maildrop))
        connection_resume(s->upstream);
}

/* ---- what the maildrop asks for ---- */

static void session_upstream_deflate(struct session *s)
{
    if (!s->upstream)
        return;
    if (connection_start_deflate(s->upstream))
        maildrop_upstream_deflate(s->maildrop);
    else
        session_end(s, "out of memory", true);
}

static void session_log(struct session *s, const struct maildrop_action *action)
{
    const char *route = s->route ? s->route->name : NULL;
    struct failure why;

    session_log_action(s, action);
    if (strcmp(action->event, "login") == 0 && route) {
        health_login(s->house->health, route);
        session_report(s, true);
    } else if (strcmp(action->event, "login-refused") == 0) {
        if (action->kind == FAILURE_AUTH)
            session_report(s, false);
        health_login_refused(s->house->health, route, action->kind);
        failure_set(&why, action->kind, "%s", action->text);
        if (route && action->kind == FAILURE_TEMPORARY && !s->failure_counted)
            health_upstream_failed(s->house->health, route, &why);
    }
}

static void session_renew_credential(struct session *s, const char *refused_for)
{
    struct failure why;

    if (session_renew(s, true))
        return;
    failure_set(&why, FAILURE_AUTH, "%s", refused_for);
    maildrop_refused(s->maildrop, &why);
}

static void session_act(struct session *s, const struct maildrop_action *action)
{
    switch (action->type) {
    case MAILDROP_CONNECT:
        session_connect(s, action);
        break;
    case MAILDROP_SECRET:
        session_ask_secret(s, action->user, action->mechanism);
        break;
    case MAILDROP_CREDENTIAL:
        session_renew_credential(s, action->text);
        break;
    case MAILDROP_DISCONNECT:
        flush(s); /* the client is not to hear yet why */
        session_disconnect(s);
        break;
    case MAILDROP_PART:
        flush(s);
        session_part(s);
        break;
    case MAILDROP_CLIENT_TLS:
        session_flush(s);
        session_client_tls(s);
        break;
    case MAILDROP_UPSTREAM_TLS:
        session_flush(s);
        if (s->upstream)
            connection_start_tls(s->upstream);
        break;
    case MAILDROP_UPSTREAM_DEFLATE:
        session_flush(s);
        session_upstream_deflate(s);
        break;
    case MAILDROP_LOAD_STATE:
        session_load(s);
        break;
    case MAILDROP_SAVE_STATE:
        session_save(s, action);
        break;
    case MAILDROP_LOG:
        session_log(s, action);
        break;
    case MAILDROP_END:
        session_end(s, NULL, false);
        break;
    case MAILDROP_ABORT:
        session_end(s, NULL, true);
        break;
    }
}

static bool act(struct session *s)
{
    struct maildrop_action action;
    bool acted = false;

    /* Nothing is done for a session that ran out of memory: an action may be missing. */
    while (s->maildrop && !maildrop_failed(s->maildrop) && !session_withholds(s) &&
           maildrop_next_action(s->maildrop, &action)) {
        session_act(s, &action);
        acted = true;
    }
    return acted;
}

/* ---- the end ---- */

static void log_end(struct session *s, const char *cause)
{
    struct maildrop_summary summary = {.user = "", .cause = ""};

    if (s->maildrop)
        maildrop_summary(s->maildrop, &summary);
    log_event(
        LOG_INFO, s->id, "end",
        (struct log_field[]){
            LOG_FIELD("user", slice_of(summary.user)),
            LOG_FIELD_NUMBER("messages", summary.messages),
            LOG_FIELD_NUMBER("octets", summary.octets),
            LOG_FIELD_NUMBER("deleted", summary.deleted),
            LOG_FIELD_NUMBER("seconds", (uv_now(s->house->loop) - s->began) / 1000),
            LOG_FIELD("cause", slice_of(cause ? cause : summary.cause)),
            LOG_FIELD_NUMBER("client_in", session_client_in(s)),
            LOG_FIELD_NUMBER("client_out", session_client_out(s)),
            LOG_FIELD_NUMBER("upstream_in", s->upstream_in + connection_octets_in(s->upstream)),
            LOG_FIELD_NUMBER("upstream_out", s->upstream_out + connection_octets_out(s->upstream)),
            LOG_FIELD_END,
        });
}

static void end(struct session *s)
{
    session_disconnect(s);
    maildrop_free(s->maildrop);
    s->maildrop = NULL;
    free(s->options);
    s->options = NULL;
}

static void abort_upstream(struct session *s)
{
    if (s->leaving)
        connection_close(s->leaving, true);
}

const struct session_kind session_of_maildrop = {
    .refusal = "-ERR [SYS/TEMP] ",
    .plain = "the client began TLS on a port that speaks POP3 in the clear: it must use STARTTLS "
             "(STLS), or the port of a pop3s:// listener",
    .account = place_account,
    .greet = greet,
    .tell = tell,
    .act = act,
    .data = data,
    .wants = wants,
    .tls = tls,
    .closed = closed,
    .drain = drain,
    .revoked = revoked,
    .tick = tick,
    .deadline = deadline,
    .failed = failed,
    .out = out,
    .flush = flush,
    .resume = resume,
    .admitted = session_upstream_admitted,
    .refused = refused,
    .secret = secret,
    .renewed = session_upstream_renewed,
    .log_end = log_end,
    .end = end,
    .abort = abort_upstream,
};
