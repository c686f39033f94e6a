/*
 * A session's move to the loop that is its account's home. The mailbox has no loop and goes as it
 * is; the client's stream is taken off the old loop; a new session is made for both there.
 */
#include <stdlib.h>

#include "proxy/log.h"
#include "proxy/session_parts.h"

struct arrival {
    struct house_message message;
    struct session *session;
    struct stream_parcel *stream;
};

/* What does not depend on the loop. */
static void take(struct session *to, const struct session *from)
{
    *to = (struct session){
        .kind = from->kind,
        .settings = from->settings,
        .listener = from->listener,
        .counted = from->counted,
        .began = from->began,
        .client = {.in = from->client.in, .out = from->client.out},
        .client_spoke = true,
        .route = from->route,
        .login = from->login,
        .account = from->account,
        .home = from->home,
        .place = from->place,
        .attempts = from->attempts,
        .mailbox = from->mailbox,
        .entry = from->entry,
        .challenge = from->challenge,
    };
    snprintf(to->id, sizeof to->id, "%s", from->id);
}

/* The other one has it all; this one ends without a word. */
static void leave_behind(struct session *s)
{
    s->settings = NULL;
    s->login = NULL;
    s->account = NULL;
    s->home = NULL;
    s->place = (struct place){.host = NULL};
    s->entry = NULL;
    s->challenge = NULL;
    s->mailbox = NULL;
    s->alive = false;
    s->moved = true;
    session_vanish(s);
}

static void arrive_dead(struct session *s)
{
    log_event(LOG_ERROR, s->id, "end",
              (struct log_field[]){LOG_FIELD("cause", slice_of("out of memory or descriptors")),
                                   LOG_FIELD_END});
    mailbox_free(s->mailbox);
    homes_leave(s->house->homes, s->home);
    health_session_ended(s->house->health);
    session_free(s);
}

/* On the new loop. */
static void arrive(struct session_house *house, struct house_message *m)
{
    struct arrival *a = (struct arrival *)m;
    struct session *s = a->session;

    s->house = house;
    s->client.stream = stream_attach(house->loop, a->stream, &session_client_handler, s);
    free(a);
    if (!s->client.stream) {
        arrive_dead(s);
        return;
    }
    session_start_timer(s);
    s->pending = 2; /* the client's stream and the alarm */
    s->alive = true;
    s->client.held = true;
    session_enlist(s);
    session_tell(s);
    session_join(s);
    if (house->draining)
        session_drain(s);
    else
        session_pump(s);
    session_end_if_revoked(s); /* on its way it was in no house that could be told */
}

/* Back to where it was, as far as that is possible. */
static void stay(struct session *s, struct stream_parcel *stream)
{
    s->client.stream = stream_attach(s->house->loop, stream, &session_client_handler, s);
    if (!s->client.stream) {
        session_end(s, "out of memory or descriptors", true);
        return;
    }
    s->pending++;
    s->client.held = true;
    session_tell(s);
    session_refuse_login(s, FAILURE_TEMPORARY, "the server is being shut down, try again later");
    session_pump(s);
}

static bool send_off(struct session *s, struct arrival *a)
{
    struct session_house *house = s->house;

    a->message.run = arrive;
    take(a->session, s);
    return house->send(house->owner, s->home->number, &a->message);
}

static void depart(struct session *s, struct arrival *a)
{
    struct stream_parcel *stream = a->stream;

    if (send_off(s, a)) {
        leave_behind(s);
        return;
    }
    free(a->session);
    free(a);
    stay(s, stream);
}

void session_move(struct session *s)
{
    struct arrival *a = calloc(1, sizeof *a);

    s->moving = false;
    s->due = UINT64_MAX;
    if (a && session_client_is_open(s)) {
        a->session = calloc(1, sizeof *a->session);
        a->stream = a->session ? stream_detach(s->client.stream) : NULL;
    }
    if (a && a->stream) {
        depart(s, a);
        return;
    }
    if (a)
        free(a->session);
    free(a);
    session_tell(s);
    session_refuse_login(s, FAILURE_TEMPORARY, "out of memory, try again later");
    session_pump(s);
}
