/*
 * Looks, reading and EXPUNGE in random order on a maildrop that others change too, and on a server
 * that misbehaves now and then: nothing is deleted that its reader did not expunge, a UID stays the
 * same message, and when all is quiet INBOX has what the maildrop has, each message once.
 *
 * RANDOM_SEED replays one run, RANDOM_RUNS says how many there are.
 */
#include "tests/unit/account_world.h"

enum { STEPS = 120, DELIVERED_MAX = MODEL_MAX - 1, LATER = 16 * 60 * 1000 };

/* What the server may do in a run beside what RFC 1939 says. */
enum {
    RENAMES = 1, /* gives messages other UIDLs between two sessions */
    REUSES = 2,  /* gives the UIDL of a message that is gone to a new one */
    TWINS = 4,   /* gives one UIDL to two messages */
    RESIZES = 8, /* counts octets otherwise than before */
    LIES = 16,   /* lists what is not so, refuses, hangs up */
    BREAKS = 32, /* connections break off */
    DISK = 64,   /* nothing can be saved for a while; we are killed */
    STAYS = 128, /* what is no longer listed stays (routes[].imap.unlisted) */
    NO_UIDL = 256,
    NO_TOP = 512,
    QUIRKS = 1024,
};

struct run {
    struct world w;
    uint64_t random;
    unsigned quirks;
    size_t names;
    bool there[MODEL_MAX];         /* as far as others have left it: who deletes otherwise is we */
    bool expunged[MODEL_MAX];      /* by the reader, who had read it */
    size_t read_as[8 * MODEL_MAX]; /* by UID, which message it was; 0: never read */
};

/* splitmix64 */
static uint64_t draw(struct run *r, uint64_t below)
{
    uint64_t z = r->random += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % below;
}

static bool may(struct run *r, unsigned quirk, uint64_t of)
{
    return (r->quirks & quirk) && draw(r, of) == 0;
}

/* ---- the maildrop ------------------------------------------------------------------------- */

/* Its number from 1, which its octets say for ever. */
static size_t number_of(const char *octets, size_t n)
{
    static const char field[] = "Message-ID: <";

    return n > sizeof field && memcmp(octets, field, sizeof field - 1) == 0
               ? strtoul(octets + sizeof field - 1, NULL, 10)
               : 0;
}

static size_t message_number(const struct model_message *message)
{
    return number_of(message->text, strlen(message->text));
}

static struct model_message *any_message(struct run *r, bool there)
{
    struct pop3_model *u = &r->w.upstream;

    for (size_t tries = 0; u->count && tries < 20; tries++) {
        struct model_message *message = &u->messages[draw(r, u->count)];
        if (message->there == there)
            return message;
    }
    return NULL;
}

static void deliver(struct run *r)
{
    static const char filler[] = "0123456789012345678901234567890123456789";
    struct pop3_model *u = &r->w.upstream;
    const struct model_message *other = NULL;
    char uidl[24];
    char text[160];

    if (u->count >= DELIVERED_MAX)
        return;
    if (may(r, REUSES, 3))
        other = any_message(r, false);
    else if (may(r, TWINS, 6))
        other = any_message(r, true);
    snprintf(uidl, sizeof uidl, "n%zu", r->names++);
    if (other)
        snprintf(uidl, sizeof uidl, "%s", other->uidl);
    snprintf(text, sizeof text, "Message-ID: <%06zu@x>\r\n\r\n%.*s\r\n", u->count + 1,
             (int)(draw(r, 4) * 7), filler);
    model_add(u, uidl, text);
    r->there[u->count - 1] = true;
}

static void take_away(struct run *r)
{
    struct model_message *message = any_message(r, true);

    if (!message)
        return;
    message->there = false;
    r->there[message_number(message) - 1] = false;
}

static void rename_one(struct run *r)
{
    struct model_message *message = any_message(r, true);

    if (message)
        snprintf(message->uidl, sizeof message->uidl, "n%zu", r->names++);
}

static void rename_all(struct run *r)
{
    struct pop3_model *u = &r->w.upstream;

    for (size_t i = 0; i < u->count; i++)
        snprintf(u->messages[i].uidl, sizeof u->messages[i].uidl, "n%zu", r->names++);
}

static void reorder(struct run *r)
{
    struct model_message *one = any_message(r, true);
    struct model_message *two = any_message(r, true);
    struct model_message kept;

    if (!one || !two)
        return;
    kept = *one;
    *one = *two;
    *two = kept;
}

/* Between two sessions, as its numbers are of one. */
static void others_act(struct run *r)
{
    struct model_message *message;

    if (r->w.upstream.logged_in && r->w.connected)
        return;
    switch (draw(r, 10)) {
    case 0:
    case 1:
    case 2:
        deliver(r);
        break;
    case 3:
        deliver(r);
        take_away(r);
        break;
    case 4:
        take_away(r);
        break;
    case 5:
        reorder(r);
        break;
    case 6:
        if (may(r, RENAMES, 2))
            rename_one(r);
        break;
    case 7:
        if (may(r, RENAMES, 4))
            rename_all(r);
        break;
    case 8:
        message = any_message(r, true);
        if (message && may(r, RESIZES, 1))
            message->more = message->more ? 0 : 7;
        break;
    default:
        break;
    }
}

static void misbehave(struct run *r)
{
    static const char *const verbs[] = {"LIST", "LIST ", "UIDL",  "UIDL ", "STAT",
                                        "TOP ", "RETR ", "DELE ", "PASS "};
    struct pop3_model *u = &r->w.upstream;

    u->refuse = u->hang_up = u->login_code = NULL;
    u->empty_listing = u->repeats = u->mute_quit = false;
    u->missing = 0;
    if (may(r, BREAKS, 8))
        u->die_at = u->sent + draw(r, 1000);
    if (may(r, BREAKS, 12))
        u->mute_quit = true;
    if (!may(r, LIES, 4))
        return;
    switch (draw(r, 6)) {
    case 0:
        u->refuse = verbs[draw(r, sizeof verbs / sizeof *verbs)];
        u->refusal = draw(r, 2) ? "[SYS/TEMP] not now" : "no such thing";
        break;
    case 1:
        u->hang_up = verbs[draw(r, sizeof verbs / sizeof *verbs)];
        break;
    case 2:
        u->login_code = "IN-USE";
        break;
    case 3:
        u->empty_listing = !u->logged_in;
        break;
    case 4:
        u->repeats = model_there(u) != 0;
        break;
    default:
        /* Of two with one UIDL and one size it is the other that would be read then: nothing but
         * what they are called and how long they are is known of them in a listing. */
        if (!u->logged_in && !(r->quirks & (REUSES | TWINS)))
            u->missing = 1 + draw(r, 5);
    }
}

/* Only what its reader has expunged goes, but by others. */
static void check_maildrop(struct run *r)
{
    const struct pop3_model *u = &r->w.upstream;

    for (size_t i = 0; i < u->count; i++) {
        size_t number = message_number(&u->messages[i]);
        if (u->messages[i].there || !r->there[number - 1])
            continue;
        if (!r->expunged[number - 1])
            fail_msg("message %zu (%s) was deleted, and nobody expunged it", number,
                     u->messages[i].uidl);
        r->there[number - 1] = false;
    }
}

/* ---- the reader --------------------------------------------------------------------------- */

/* As much of it as the store of bodies has, or the account gets. 0: it cannot be had. */
static size_t read_content(struct run *r, uint32_t content, enum account_part part, bool cached)
{
    struct world *w = &r->w;
    struct world_body *body = cached ? world_body(w, content, ACCOUNT_WHOLE) : NULL;

    if (cached && !(body && body->whole))
        body = world_body(w, content, part);
    if (!body || !body->whole) {
        world_forget_events(w);
        uint32_t request = account_want(world_client(w, 0), content, part);
        world_run(w);
        for (int i = 0; i < 40 && !world_answer(w, 0, request) && world_wait_on(w); i++)
            continue;
        const struct account_event *ev = world_answer(w, 0, request);
        assert_non_null(ev);
        if (ev->failure.kind != FAILURE_NONE)
            return 0;
        body = world_body(w, content, ev->part); /* of the whole where there is no TOP */
        assert_true(body && body->whole);
    }
    return number_of(buf_slice(&body->octets).p, buf_size(&body->octets));
}

static const struct box_message *any_in_inbox(struct run *r)
{
    const struct box_folder *inbox = world_inbox(&r->w);

    return inbox && inbox->count ? &inbox->messages[draw(r, inbox->count)] : NULL;
}

static size_t read_any(struct run *r, uint32_t *content)
{
    const struct box_message *m = any_in_inbox(r);
    enum account_part part = draw(r, 2) ? ACCOUNT_HEADER : ACCOUNT_WHOLE;
    size_t number;
    uint32_t uid;

    if (!m)
        return 0;
    uid = m->uid;
    *content = m->content;
    number = read_content(r, m->content, part, true);
    if (!number)
        return 0;
    assert_true(uid < sizeof r->read_as / sizeof *r->read_as);
    if (r->read_as[uid] && r->read_as[uid] != number && !(r->quirks & (REUSES | TWINS)))
        fail_msg("UID %u was message %zu and is %zu", uid, r->read_as[uid], number);
    r->read_as[uid] = number;
    return number;
}

/* Header and octets may be of two messages that a server has called the same, one after the other:
 * whichever was seen. It may be saved or not: nobody knows then. */
static void expunge_any(struct run *r)
{
    static const enum account_part parts[] = {ACCOUNT_HEADER, ACCOUNT_WHOLE};
    uint32_t content = 0;

    if (!read_any(r, &content) || !box_state_content(world_state(&r->w), content))
        return;
    for (size_t i = 0; i < 2; i++) {
        const struct world_body *body = world_body(&r->w, content, parts[i]);
        if (body && body->whole)
            r->expunged[number_of(buf_slice(&body->octets).p, buf_size(&body->octets)) - 1] = true;
    }
    world_expunge(&r->w, 0, content);
}

/* What was read while nothing could be saved leaves no trace when we are killed before it can: the
 * reader has to look at it once more. */
static void forget_unsaved(struct run *r)
{
    for (size_t i = 0; i < r->w.body_count; i++) {
        struct world_body *body = &r->w.bodies[i];
        const struct box_content *c = box_state_content(world_state(&r->w), body->content);
        if (!c || !c->digest)
            body->whole = false;
    }
}

static void restart(struct run *r)
{
    world_steps(&r->w, draw(r, 30));
    check_maildrop(r);
    world_stop(&r->w);
    r->w.upstream.open = r->w.upstream.logged_in = false;
    world_start(&r->w);
    forget_unsaved(r);
}

static void log_in(struct run *r)
{
    world_forget_events(&r->w);
    uint32_t request = world_login(&r->w, 0, "secret");
    world_run(&r->w);
    for (int i = 0; i < 40 && !world_answer(&r->w, 0, request) && world_wait_on(&r->w); i++)
        continue;
    assert_non_null(world_answer(&r->w, 0, request));
}

static void reader_acts(struct run *r)
{
    uint32_t content = 0;

    world_forget_events(&r->w);
    switch (draw(r, 8)) {
    case 0:
    case 1:
    case 2:
        account_poll(world_client(&r->w, 0));
        if (draw(r, 3))
            world_run(&r->w);
        else
            world_steps(&r->w, draw(r, 20));
        break;
    case 3:
    case 4:
        read_any(r, &content);
        break;
    case 5:
        expunge_any(r);
        break;
    case 6:
        world_wait(&r->w, draw(r, 60000));
        break;
    default:
        if (may(r, DISK, 2))
            restart(r);
        log_in(r);
    }
}

/* ---- in the end --------------------------------------------------------------------------- */

static void settle(struct run *r)
{
    struct pop3_model *u = &r->w.upstream;

    r->quirks &= STAYS | REUSES | TWINS;
    u->die_at = SIZE_MAX;
    misbehave(r);
    r->w.fail_saves = false;
    for (size_t i = 0; i < 4; i++) {
        world_forget_events(&r->w);
        log_in(r);
        account_poll(world_client(&r->w, 0));
        world_run(&r->w);
        world_wait(&r->w, LATER);
        world_wait(&r->w, LATER);
    }
    check_maildrop(r);
}

static void check_inbox(struct run *r)
{
    struct world *w = &r->w;
    size_t found[MODEL_MAX] = {0};
    uint32_t contents[MODEL_MAX];
    size_t count = 0;

    for (size_t i = 0; i < world_inbox(w)->count; i++) {
        const struct box_content *c =
            box_state_content(world_state(w), world_inbox(w)->messages[i].content);
        if (!c->unlisted)
            contents[count++] = c->id;
    }
    for (size_t i = 0; i < count; i++) {
        size_t number = read_content(r, contents[i], ACCOUNT_WHOLE, false);
        if (!number)
            fail_msg("content %u cannot be had", contents[i]);
        found[number - 1]++;
    }
    for (size_t i = 0; i < w->upstream.count; i++) {
        size_t number = message_number(&w->upstream.messages[i]);
        if (found[number - 1] != w->upstream.messages[i].there)
            fail_msg("message %zu (%s) %s, and INBOX has it %zu times", number,
                     w->upstream.messages[i].uidl,
                     w->upstream.messages[i].there ? "is there" : "is gone", found[number - 1]);
    }
}

static void play(uint64_t seed)
{
    struct run *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->random = seed;
    r->quirks = (unsigned)draw(r, QUIRKS);
    world_init(&r->w);
    r->w.upstream.no_uidl = r->quirks & NO_UIDL;
    r->w.upstream.no_top = r->quirks & NO_TOP;
    if (r->quirks & STAYS)
        r->w.options.unlisted = ACCOUNT_UNLISTED_STAYS;
    for (size_t i = draw(r, 30); i > 0; i--)
        deliver(r);
    world_start(&r->w);
    log_in(r);
    for (size_t i = 0; i < STEPS; i++) {
        others_act(r);
        misbehave(r);
        r->w.fail_saves = may(r, DISK, 10);
        reader_acts(r);
        check_maildrop(r);
    }
    settle(r);
    check_inbox(r);
    world_end(&r->w);
    free(r);
}

static void nothing_is_lost_or_doubled(void **state)
{
    const char *one = getenv("RANDOM_SEED");
    const char *runs = getenv("RANDOM_RUNS");

    (void)state;
    if (one) {
        play(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= (runs ? strtoull(runs, NULL, 10) : 500); seed++) {
        print_message("RANDOM_SEED=%llu\n", (unsigned long long)seed);
        play(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_doubled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
