/*
 * For tests of the mailbox: an account without an upstream, jobs that do the least a FETCH and a
 * SEARCH can do, and sessions that are fed and looked at.
 *
 * A test that defines WITH_REAL_JOBS has the jobs of the program instead.
 *
 * What the owner would do with an action is done here at once; a commit is applied when the test
 * pumps, so that two sessions meet in between.
 */
#ifndef TESTS_UNIT_MAILBOX_FAKE_H
#define TESTS_UNIT_MAILBOX_FAKE_H

#include "tests/unit/feed.h"
#include "translate/imap/imapd_write.h"
#include "translate/mailbox/mailbox.h"
#include "translate/mailbox/mailbox_job.h"
#include "translate/state/box_draft.h"

/* ---- the account ------------------------------------------------------------------------- */

struct account {
    struct box_state *state;
    struct account_client *clients;
    struct account_client *turns[16]; /* who waits for a turn, the holder first */
    uint32_t requests[16];
    size_t turn_count;
    bool granted;
    json_t *record;  /* committed, not applied */
    bool committing; /* also of nothing */
    uint32_t last_request;
    unsigned polls, watches;
    bool silent;                 /* polls are not answered */
    struct failure commit_fails; /* of the next commit */
    struct failure login_fails;  /* of logins */
    bool spares;                 /* deletions stay intended */
    bool away;
};

static inline void fake_tell(struct account_client *c, struct account_event ev)
{
    struct account_event *added = ring_add(&c->events, sizeof *added);

    assert_non_null(added);
    *added = ev;
}

static inline void fake_apply(struct account *a, json_t *record)
{
    struct failure why = {.kind = FAILURE_NONE};
    struct box_changes changes = {.list = NULL};

    if (!box_state_apply(a->state, record, &changes, &why))
        fail_msg("%s", why.text);
    json_decref(record);
    for (size_t i = 0; i < changes.count; i++)
        for (struct account_client *c = a->clients; c; c = c->next)
            fake_tell(c, (struct account_event){.type = ACCOUNT_EV_CHANGED,
                                                .folder = changes.list[i].folder});
    box_changes_clear(&changes);
}

void account_attach(struct account *a, struct account_client *client)
{
    client->account = a;
    client->next = a->clients;
    a->clients = client;
}

static inline void fake_turn_over(struct account *a, size_t at)
{
    memmove(&a->turns[at], &a->turns[at + 1],
            (sizeof a->turns / sizeof *a->turns - at - 1) * sizeof *a->turns);
    memmove(&a->requests[at], &a->requests[at + 1],
            (sizeof a->requests / sizeof *a->requests - at - 1) * sizeof *a->requests);
    a->turn_count--;
    if (at == 0)
        a->granted = false;
}

void account_detach(struct account_client *client)
{
    struct account *a = client->account;
    void *owner = client->owner;

    for (struct account_client **at = &a->clients; *at; at = &(*at)->next)
        if (*at == client) {
            *at = client->next;
            break;
        }
    for (size_t i = a->turn_count; i-- > 0;)
        if (a->turns[i] == client && !(i == 0 && a->committing))
            fake_turn_over(a, i);
        else if (a->turns[i] == client)
            a->turns[i] = NULL;
    ring_clear(&client->events);
    *client = (struct account_client){.owner = owner};
}

bool account_next_event(struct account_client *client, struct account_event *ev)
{
    return ring_take(&client->events, ev, sizeof *ev);
}

const struct box_state *account_state(const struct account *a)
{
    return a->state;
}

bool account_is_away(const struct account *a)
{
    return a->away;
}

uint32_t account_login(struct account_client *client, const struct credential *credential)
{
    struct account *a = client->account;
    struct account_event ev = {
        .type = ACCOUNT_EV_LOGGED_IN, .request = ++a->last_request, .failure = a->login_fails};

    if (ev.failure.kind == FAILURE_NONE && !(slice_is(buf_slice(&credential->user), "u") &&
                                             slice_is(buf_slice(&credential->secret), "p")))
        failure_set(&ev.failure, FAILURE_AUTH, "The upstream server refused the login");
    fake_tell(client, ev);
    return ev.request;
}

uint32_t account_turn(struct account_client *client)
{
    struct account *a = client->account;

    assert_true(a->turn_count < 16);
    a->turns[a->turn_count] = client;
    a->requests[a->turn_count++] = ++a->last_request;
    return a->last_request;
}

void account_commit(struct account_client *client, json_t *record)
{
    struct account *a = client->account;

    assert_ptr_equal(a->turns[0], client);
    assert_true(a->granted && !a->committing);
    a->record = record;
    a->committing = true;
}

uint32_t account_want(struct account_client *client, uint32_t content, enum account_part part)
{
    struct account_event ev = {.type = ACCOUNT_EV_HAVE,
                               .request = ++client->account->last_request,
                               .content = content,
                               .part = part};
    fake_tell(client, ev);
    return ev.request;
}

uint32_t account_date(struct account_client *client, uint32_t content)
{
    struct account_event ev = {
        .type = ACCOUNT_EV_DATED, .request = ++client->account->last_request, .content = content};
    fake_tell(client, ev);
    return ev.request;
}

uint32_t account_follow(struct account_client *client, uint32_t content)
{
    return account_want(client, content, ACCOUNT_WHOLE);
}

uint32_t account_poll(struct account_client *client)
{
    struct account *a = client->account;
    struct account_event ev = {.type = ACCOUNT_EV_POLLED, .request = ++a->last_request};

    a->polls++;
    if (!a->silent)
        fake_tell(client, ev);
    return ev.request;
}

void account_watch(struct account_client *client, bool watching)
{
    client->account->watches += watching;
}

/* What the upstream does behind a deletion that is intended: it deletes. */
static inline void fake_delete(struct account *a)
{
    struct box_draft d;
    uint32_t gone[64];
    size_t count = 0;

    for (size_t i = 0; i < a->state->content_count; i++) {
        const struct box_content *c = &a->state->contents[i];
        if (!c->dead && c->deletion == BOX_INTENDED && count < 64)
            gone[count++] = c->id;
    }
    if (a->spares || count == 0)
        return;
    box_draft_begin(&d, a->state, "gone");
    box_draft_set(&d, "gone", gone, count);
    fake_apply(a, box_draft_end(&d));
}

/* One step of what the account would do by itself. */
static inline bool fake_step(struct account *a)
{
    struct failure why = a->commit_fails;

    if (a->committing) {
        struct account_client *client = a->turns[0];
        uint32_t request = a->requests[0];
        json_t *record = a->record;
        a->record = NULL;
        a->committing = false;
        a->commit_fails = (struct failure){.kind = FAILURE_NONE};
        fake_turn_over(a, 0);
        if (record && why.kind == FAILURE_NONE)
            fake_apply(a, record);
        else
            json_decref(record);
        if (client)
            fake_tell(client, (struct account_event){.type = ACCOUNT_EV_COMMITTED,
                                                     .request = request,
                                                     .failure = why});
        return true;
    }
    if (a->turn_count && !a->granted) {
        a->granted = true;
        fake_tell(a->turns[0],
                  (struct account_event){.type = ACCOUNT_EV_TURN, .request = a->requests[0]});
        return true;
    }
    return false;
}

#ifndef WITH_REAL_JOBS
#include "tests/unit/mailbox_fake_job.h"
#endif

/* ---- sessions ---------------------------------------------------------------------------- */

enum { SESSIONS = 3 };

struct session {
    struct mailbox *m;
    struct buf stored; /* the octets of an APPEND */
    uint32_t storing;  /* its request */
    bool aborted;      /* STORE_ABORT was said */
    bool tls_asked;
    bool ended;
    bool cancelled;
};

struct world {
    struct account account;
    struct session sessions[SESSIONS];
    struct mailbox_settings settings;
    struct failure refuses; /* LOGIN: the route */
    struct failure store_fails;
    bool breaks; /* reads end early, within what was announced */
    bool absent; /* bodies are not in the store before they were asked for */
    uint64_t now;
    struct sasl_secret secret;           /* of "u" */
    const struct credential *credential; /* what "u" has upstream; NULL: the client's password */
    bool slow;                           /* LOGIN is not answered */
};

static inline void world_see(struct world *w, const char *uidl, uint64_t size)
{
    struct box_draft d;
    char copy[64];
    struct box_content c = {.size = size, .listed = size, .upstream = true, .uidl = copy};

    strcpy(copy, uidl);
    box_draft_begin(&d, w->account.state, "seen");
    box_draft_message(&d, BOX_INBOX, box_draft_content(&d, &c), 0, 1600000000);
    fake_apply(&w->account, box_draft_end(&d));
}

/* INBOX with `count` messages; nobody is logged in. */
static inline void world_init(struct world *w, size_t count)
{
    struct box_draft d;
    struct box_poll poll = {.at = 1600000000};
    char uidl[16];

    *w = (struct world){
        .settings = {.allow_cleartext = true,
                     .login_seconds = 60,
                     .idle_seconds = 1800,
                     .patience_seconds = 80,
                     .errors = 5,
                     .login_attempts = 3,
                     .append_limit = 1000,
                     .key = (const unsigned char *)"thirty-two octets, by this count",
                     .iterations = 4096},
        .secret = {.kind = SASL_SECRET_PASSWORD, .password = slice_of("device")},
        .now = 1000000};
    w->account.state = box_state_new();
    box_draft_born(&d, w->account.state, 1700000000);
    box_draft_poll(&d, &poll);
    fake_apply(&w->account, box_draft_end(&d));
    for (size_t i = 0; i < count; i++) {
        snprintf(uidl, sizeof uidl, "uidl%zu", i + 1);
        world_see(w, uidl, 100 * (i + 1));
    }
}

static inline struct mailbox *world_open(struct world *w, size_t i)
{
    w->sessions[i].m = mailbox_new(&w->settings, w->now, 1700000000);
    assert_non_null(w->sessions[i].m);
    return w->sessions[i].m;
}

static inline void world_close(struct world *w, size_t i)
{
    mailbox_free(w->sessions[i].m);
    buf_clear(&w->sessions[i].stored);
    w->sessions[i] = (struct session){.m = NULL};
}

static inline void world_clear(struct world *w)
{
    for (size_t i = 0; i < SESSIONS; i++)
        world_close(w, i);
    json_decref(w->account.record);
    box_state_free(w->account.state);
}

static inline void act_read(struct world *w, struct mailbox *m, const struct mailbox_action *a)
{
    struct failure none = {.kind = FAILURE_NONE};
    struct slice octets = slice_of("Subject: a\r\n\r\nbody\r\n");
    uint64_t size = octets.n;

    if (w->absent) {
        w->absent = false;
        mailbox_read_done(m, a->request, MAILBOX_READ_ABSENT, &none);
        return;
    }
    while (octets.n && mailbox_wants_read(m))
        mailbox_read_data(m, a->request, size + w->breaks, &octets);
    mailbox_read_done(m, a->request, MAILBOX_READ_DONE, &none);
}

/* Nothing is remembered. */
static inline void act_texts(struct mailbox *m, const struct mailbox_action *a)
{
    struct mailbox_texts *t = mailbox_texts_take(m, a->request);

    for (; t && t->looked < t->count; t->looked++)
        t->of[t->looked].there = false;
    if (t)
        mailbox_texts_have(m, a->request, t);
}

static inline void act(struct world *w, struct session *s, const struct mailbox_action *a)
{
    switch (a->type) {
    case MAILBOX_LOGIN:
        if (w->slow)
            break;
        if (w->refuses.kind == FAILURE_NONE)
            mailbox_joined(s->m, &w->account, a->user, w->credential);
        else
            mailbox_refused(s->m, &w->refuses);
        break;
    case MAILBOX_SECRET:
        mailbox_secret(s->m, slice_is(a->user, "u") ? &w->secret
                                                    : &(struct sasl_secret){SASL_SECRET_NONE});
        break;
    case MAILBOX_CANCEL:
        s->cancelled = true;
        break;
    case MAILBOX_CLIENT_TLS:
        s->tls_asked = true;
        break;
    case MAILBOX_READ:
        act_read(w, s->m, a);
        break;
    case MAILBOX_PARSE:
        break;
    case MAILBOX_TEXTS:
        act_texts(s->m, a);
        break;
    case MAILBOX_STORE_BEGIN:
        buf_clear(&s->stored);
        s->storing = a->request;
        break;
    case MAILBOX_STORE_DATA:
        assert_int_equal(a->request, s->storing);
        buf_put(&s->stored, a->octets);
        break;
    case MAILBOX_STORE_END:
        mailbox_stored(s->m, a->request,
                       w->store_fails.kind == FAILURE_NONE ? strdup("the key") : NULL, "digest",
                       &w->store_fails);
        break;
    case MAILBOX_STORE_ABORT:
        s->aborted = true;
        break;
    case MAILBOX_LOG:
        break;
    case MAILBOX_END:
        s->ended = true;
        break;
    }
}

static inline bool act_all(struct world *w, struct session *s)
{
    struct mailbox_action a;
    bool any = false;

    while (s->m && mailbox_next_action(s->m, &a)) {
        act(w, s, &a);
        any = true;
    }
    if (s->m && !s->ended && mailbox_deadline(s->m) <= w->now) {
        mailbox_tick(s->m);
        any = true;
    }
    return any;
}

/* Until nothing moves any more. */
static inline void pump(struct world *w)
{
    bool any = true;

    while (any) {
        any = fake_step(&w->account);
        for (size_t i = 0; i < SESSIONS; i++) {
            struct session *s = &w->sessions[i];
            any = act_all(w, s) || any;
            /* The mailbox looks whether or not there is anything. */
            if (s->m)
                mailbox_account(s->m);
            any = act_all(w, s) || any;
        }
        fake_delete(&w->account);
        any = any || w->account.committing || (w->account.turn_count && !w->account.granted);
        for (size_t i = 0; i < SESSIONS && !any; i++) {
            const struct account_client *c = w->account.clients;
            for (; c && !any; c = c->next)
                any = c->events.count > 0;
        }
    }
}

/* Takes what a session has to send out of it. */
static inline void hear(struct world *w, size_t i, struct buf *log)
{
    struct buf *out = mailbox_client_out(w->sessions[i].m);

    assert_false(mailbox_failed(w->sessions[i].m));
    buf_put(log, buf_slice(out));
    buf_drop(out, buf_size(out));
    mailbox_client_queued(w->sessions[i].m, 0);
}

struct speaker {
    struct world *w;
    size_t i;
};

/* For feed.h: one piece to one session. */
static inline bool speak(void *arg, struct slice piece, struct buf *log)
{
    struct speaker *s = arg;
    struct mailbox *m = s->w->sessions[s->i].m;
    size_t before;

    do {
        before = piece.n;
        mailbox_now(m, s->w->now, 1700000000);
        mailbox_client_data(m, &piece);
        pump(s->w);
        hear(s->w, s->i, log);
    } while (piece.n && (piece.n < before || mailbox_wants_client(m)) &&
             !s->w->sessions[s->i].ended);
    return !s->w->sessions[s->i].ended;
}

/* Says lines and expects exactly these answers. */
static inline void says_octets(struct world *w, size_t i, struct slice octets, const char *answers)
{
    struct speaker s = {w, i};
    struct buf log = BUF_INIT;

    feed(speak, &s, octets, &log);
    assert_log(&log, answers);
}

static inline void says(struct world *w, size_t i, const char *lines, const char *answers)
{
    says_octets(w, i, slice_of(lines), answers);
}

/* Nothing is said, and this is heard. */
static inline void hears(struct world *w, size_t i, const char *answers)
{
    struct buf log = BUF_INIT;

    pump(w);
    hear(w, i, &log);
    assert_log(&log, answers);
}

struct said {
    const char *says;
    const char *hears;
};

#define SAY_ALL(w, i, lines)                                                 \
    for (size_t line_ = 0; line_ < sizeof(lines) / sizeof *(lines); line_++) \
    says(w, i, (lines)[line_].says, (lines)[line_].hears)

/* Logs a session in, and forgets what was said. */
static inline void enter(struct world *w, size_t i, const char *lines)
{
    struct speaker s = {w, i};
    struct buf log = BUF_INIT;

    world_open(w, i);
    feed(speak, &s, slice_of("in LOGIN u p\r\n"), &log);
    feed(speak, &s, slice_of(lines), &log);
    buf_clear(&log);
}

/* ---- what is often heard ----------------------------------------------------------------- */

#define GREETING                                                                                   \
    "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=PLAIN AUTH=LOGIN] " \
    "mailferry ready\r\n"

#define FLAGS_LINES                                                                             \
    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"                               \
    "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags that are " \
    "kept\r\n"

/* INBOX selected, for the first time, by a command with the tag "c". */
#define SELECTED(exists, unseen, uidnext, modseq)                                       \
    FLAGS_LINES                                                                         \
    "* " exists " EXISTS\r\n* 0 RECENT\r\n* OK [UNSEEN " unseen                         \
    "] The first that was not seen\r\n* OK [UIDVALIDITY 1700000000] UIDs are valid\r\n" \
    "* OK [UIDNEXT " uidnext "] The next UID\r\n* OK [HIGHESTMODSEQ " modseq            \
    "] The last change\r\nc OK [READ-WRITE] The mailbox is selected\r\n"

#endif
