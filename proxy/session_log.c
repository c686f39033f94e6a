/*
 * The lines that a session writes.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

/* Unique among the latest four thousand million sessions, as multiplying by an odd number loses
 * nothing, and without a pattern for whoever reads along. */
void session_make_id(char id[9])
{
    static atomic_uint count;
    static atomic_uint seed;
    unsigned expected = 0;
    unsigned random;

    if (seed == 0 && getrandom(&random, sizeof random, GRND_NONBLOCK) == sizeof random)
        atomic_compare_exchange_strong(&seed, &expected, random | 1);
    unsigned number = (atomic_fetch_add(&count, 1) + seed) * 2654435761U;
    snprintf(id, 9, "%08x", number);
}

void session_log_message(const struct session *s, int level, const char *event, const char *text)
{
    log_event((enum log_level)level, s->id, event,
              (struct log_field[]){LOG_FIELD("message", slice_of(text)), LOG_FIELD_END});
}

void session_log_connect(const struct session *s)
{
    char listener[300];

    endpoint_print(&s->settings->config->listeners[s->listener].endpoint, listener,
                   sizeof listener);
    log_event(LOG_INFO, s->id, "connect",
              (struct log_field[]){LOG_FIELD("peer", slice_of(stream_peer(s->client.stream))),
                                   LOG_FIELD("listener", slice_of(listener)), LOG_FIELD_END});
}

void session_log_tls(const struct session *s)
{
    const char *tls = stream_tls_description(s->client.stream);
    struct buf name = BUF_INIT;
    struct log_field fields[] = {LOG_FIELD("tls", slice_of(tls)), LOG_FIELD_END, LOG_FIELD_END};

    if (stream_client_name(s->client.stream, TLS_NAME_ANY, &name))
        fields[1] = LOG_FIELD("certificate", buf_slice(&name));
    log_event(LOG_INFO, s->id, "client-tls", fields);
    buf_clear(&name);
}

void session_log_action(const struct session *s, const struct maildrop_action *action)
{
    static const enum log_level levels[] = {
        [MAILDROP_ERROR] = LOG_ERROR,
        [MAILDROP_WARNING] = LOG_WARNING,
        [MAILDROP_INFO] = LOG_INFO,
        [MAILDROP_DEBUG] = LOG_DEBUG,
    };
    struct maildrop_summary summary;

    maildrop_summary(s->maildrop, &summary);
    if (strcmp(action->event, "login-refused") == 0)
        session_log_refusal(s, (int)levels[action->level], action->kind, summary.user,
                            action->text);
    else
        session_log_line(s, (int)levels[action->level], action->event, summary.user, action->text);
}

/* "192.0.2.1" of "192.0.2.1:4711", "2001:db8::1" of "[2001:db8::1]:4711"; else as it is. */
static struct slice address_of(const char *peer)
{
    const char *end = strrchr(peer, ':');
    struct slice address = end ? slice_make(peer, (size_t)(end - peer)) : slice_of(peer);

    if (address.n > 2 && address.p[0] == '[')
        address = slice_make(address.p + 1, address.n - 2);
    return address;
}

void session_log_refusal(const struct session *s, int level, enum failure_kind kind,
                         const char *user, const char *text)
{
    struct log_field fields[6];
    size_t count = 0;

    if (session_client_is_open(s))
        fields[count++] = LOG_FIELD("address", address_of(stream_peer(s->client.stream)));
    fields[count++] = LOG_FIELD("cause", slice_of(session_refusal_cause(s, kind)));
    fields[count++] = LOG_FIELD("user", slice_of(user));
    if (s->route)
        fields[count++] = LOG_FIELD("route", slice_of(s->route->name));
    fields[count++] = LOG_FIELD("message", slice_of(text));
    fields[count] = LOG_FIELD_END;
    log_event((enum log_level)level, s->id, "login-refused", fields);
}

void session_log_line(const struct session *s, int level, const char *event, const char *user,
                      const char *text)
{
    struct log_field fields[4];
    size_t count = 0;

    /* The lines of a dialogue are many, and the session's others tell whose it is. */
    if (*user && level != LOG_DEBUG)
        fields[count++] = LOG_FIELD("user", slice_of(user));
    if (s->route && level != LOG_DEBUG)
        fields[count++] = LOG_FIELD("route", slice_of(s->route->name));
    fields[count++] = LOG_FIELD("message", slice_of(text));
    fields[count] = LOG_FIELD_END;
    log_event((enum log_level)level, s->id, event, fields);
}
