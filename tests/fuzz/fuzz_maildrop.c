/*
 * A whole POP3 session, driven at random: what the client says, how the octets of both sides are
 * cut, when connections come and go, how time passes, what the upstream refuses. The upstream is a
 * small IMAP server that is honest, unless the input puts words into its mouth. The input is a
 * program, one octet for each step.
 *
 * Whatever happens, the session goes on or ends, nobody waits for ever, and nothing is asked for
 * behind the end. With an honest upstream besides: +OK to PASS only when the mailbox is open, each
 * message whole and octet by octet or without its closing dot, nothing deleted that was not marked
 * and followed by QUIT, and +OK to QUIT only when all of it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/imap_server_model.h"
#include "translate/maildrop/maildrop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLIES_MAX = 600, ROUNDS_MAX = 4000 };

enum reply_kind {
    REPLY_LINE,
    REPLY_LINES,
    REPLY_PASS,
    REPLY_QUIT,
    REPLY_DELE,
    REPLY_RSET,
    REPLY_BODY
};

struct reply {
    enum reply_kind kind;
    uint32_t number, lines;
};

struct scene {
    struct maildrop *m;
    struct maildrop_options options;
    struct maildrop_settings settings;
    struct server server;
    struct buf client_in;
    struct buf heard; /* by the client, not yet understood */
    struct reply replies[REPLIES_MAX];
    size_t asked, answered;
    bool marked[MESSAGES];
    bool quit_said, honest, expunged_by_others;
    bool connecting, linked, client_tls_wanted, save_waits;
    bool over, cut;
    size_t queued;
    uint64_t now;
};

/* ---- what the client hears -------------------------------------------------------------- */

static void marks_are_kept(const struct scene *s, bool told)
{
    for (uint32_t i = 0; i < MESSAGES; i++) {
        bool gone = !s->server.there[i] || s->server.deleted[i];
        if (gone && !s->expunged_by_others)
            CHECK(s->marked[i] && s->quit_said);
        if (told && s->marked[i] && s->options.deletion != MAILDROP_KEEP)
            CHECK(gone);
    }
}

static void heard_line(struct scene *s, const struct reply *r, bool ok)
{
    if (!s->honest)
        return;
    if (r->kind == REPLY_PASS && ok)
        CHECK(s->server.selected);
    if (r->kind == REPLY_QUIT)
        marks_are_kept(s, ok);
    if (r->kind == REPLY_DELE && ok)
        s->marked[r->number - 1] = true;
    if (r->kind == REPLY_RSET && ok)
        memset(s->marked, 0, sizeof s->marked);
}

static void heard_body(const struct scene *s, const struct reply *r, struct slice text)
{
    struct buf want = BUF_INIT;

    if (s->honest) {
        CHECK(r->number >= 1 && r->number <= MESSAGES);
        put_body(&want, FIRST_UID + r->number - 1, true, r->lines);
        buf_puts(&want, ".\r\n");
        CHECK(slice_equal(buf_slice(&want), text));
    }
    buf_clear(&want);
}

/* The end of a multi-line reply's text, or NULL. */
static const char *lines_end(struct slice text)
{
    if (text.n >= 3 && memcmp(text.p, ".\r\n", 3) == 0)
        return text.p + 3;
    const char *dot = text.n ? memmem(text.p, text.n, "\r\n.\r\n", 5) : NULL;
    return dot ? dot + 5 : NULL;
}

/* Takes one whole reply off what was heard. */
static bool understand(struct scene *s)
{
    struct slice heard = buf_slice(&s->heard), rest = heard;
    const char *lf = heard.n ? memchr(heard.p, '\n', heard.n) : NULL;

    if (!lf)
        return false;
    slice_take(&rest, (size_t)(lf - heard.p) + 1);
    bool ok = heard.p[0] == '+';
    CHECK(ok || heard.p[0] == '-');
    if (s->answered == s->asked) { /* the last words of a session that ends */
        CHECK(!ok);
        buf_drop(&s->heard, heard.n - rest.n);
        return true;
    }
    const struct reply *r = &s->replies[s->answered];
    if (ok && (r->kind == REPLY_LINES || r->kind == REPLY_BODY)) {
        const char *end = lines_end(rest);
        if (!end)
            return false;
        if (r->kind == REPLY_BODY)
            heard_body(s, r, slice_take(&rest, (size_t)(end - rest.p)));
        else
            slice_take(&rest, (size_t)(end - rest.p));
    } else {
        heard_line(s, r, ok);
    }
    s->answered++;
    buf_drop(&s->heard, heard.n - rest.n);
    return true;
}

/* ---- the owner's duties ----------------------------------------------------------------- */

static void link_down(struct scene *s)
{
    s->linked = s->connecting = false;
    s->server.selected = false;
    buf_clear(&s->server.in);
    buf_clear(&s->server.out);
}

static void route(struct scene *s)
{
    struct maildrop_route route = {
        .options = &s->options, .imap = {.allow_cleartext = true}, .login = slice_of("ann")};

    struct failure why;

    if (!uidl_format_parse(&s->options.uidl_format, s->options.uidl, &why))
        abort();
    maildrop_routed(s->m, &route);
}

static void act(struct scene *s, struct maildrop_action *a)
{
    static const struct failure none = {.kind = FAILURE_NONE};

    CHECK(!s->over);
    switch (a->type) {
    case MAILDROP_CONNECT:
        CHECK(!s->connecting && !s->linked);
        s->connecting = true;
        if (!a->again)
            route(s);
        break;
    case MAILDROP_DISCONNECT:
        while (s->linked && server_step(&s->server)) /* what was sent first arrives */
            ;
        link_down(s);
        break;
    case MAILDROP_LOAD_STATE:
        maildrop_state_loaded(s->m, drop_state_new(), &none);
        break;
    case MAILDROP_SAVE_STATE:
        s->save_waits |= a->wait;
        json_decref(a->records);
        break;
    case MAILDROP_CLIENT_TLS:
        s->client_tls_wanted = true;
        break;
    case MAILDROP_END:
    case MAILDROP_ABORT:
        s->over = true;
        s->cut = a->type == MAILDROP_ABORT;
        break;
    default:
        break;
    }
}

static void take_out(struct scene *s)
{
    struct buf *up = maildrop_upstream_out(s->m), *down = maildrop_client_out(s->m);

    if (s->linked)
        buf_put(&s->server.in, buf_slice(up));
    buf_drop(up, buf_size(up));
    if (!s->cut)
        buf_put(&s->heard, buf_slice(down));
    buf_drop(down, buf_size(down));
    while (understand(s))
        ;
}

static void pump(struct scene *s)
{
    struct maildrop_action a = {0};

    do {
        take_out(s);
        while (maildrop_next_action(s->m, &a)) {
            take_out(s);
            act(s, &a);
            a = (struct maildrop_action){0};
        }
        CHECK(!maildrop_failed(s->m));
        if (!s->over) {
            maildrop_now(s->m, s->now, 1750000000 + (int64_t)(s->now / 1000));
            maildrop_client_queued(s->m, s->queued);
        }
    } while (buf_size(maildrop_client_out(s->m)) && !s->over);
}

/* Offers up to `most` octets. True when some were taken. */
static bool offer(struct scene *s, struct buf *from, size_t most, bool wanted,
                  void (*feed)(struct maildrop *m, struct slice *in))
{
    size_t n = buf_size(from) < most ? buf_size(from) : most;

    if (n == 0 || !wanted || s->over)
        return false;
    char *copy = malloc(n);
    CHECK(copy);
    memcpy(copy, buf_slice(from).p, n);
    struct slice in = slice_make(copy, n);
    feed(s->m, &in);
    if (in.n == n && n == buf_size(from) && !s->client_tls_wanted && from == &s->client_in)
        CHECK(!maildrop_wants_client(s->m)); /* else its owner would spin */
    /* the connection may be another by now */
    buf_drop(from, buf_size(from) < n - in.n ? buf_size(from) : n - in.n);
    pump(s);
    free(copy);
    return in.n < n;
}

static bool offer_client(struct scene *s, size_t most)
{
    return !s->client_tls_wanted &&
           offer(s, &s->client_in, most, maildrop_wants_client(s->m), maildrop_client_data);
}

static void feed_upstream(struct maildrop *m, struct slice *in)
{
    maildrop_upstream_data(m, in);
}

static bool offer_upstream(struct scene *s, size_t most)
{
    return s->linked &&
           offer(s, &s->server.out, most, maildrop_wants_upstream(s->m), feed_upstream);
}

/* ---- events ----------------------------------------------------------------------------- */

static void connected(struct scene *s, bool works)
{
    struct failure why;

    if (!s->connecting || s->over)
        return;
    s->connecting = false;
    s->linked = works;
    failure_set(&why, FAILURE_TEMPORARY, "away");
    if (works) {
        buf_puts(&s->server.out, "* OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE] ready\r\n");
        maildrop_connected(s->m);
    } else {
        maildrop_connect_failed(s->m, &why);
    }
    pump(s);
}

static void upstream_closes(struct scene *s, bool orderly)
{
    struct failure why = {.kind = FAILURE_NONE};

    if (!s->linked || s->over)
        return;
    if (!orderly)
        failure_set(&why, FAILURE_TEMPORARY, "reset");
    link_down(s);
    maildrop_upstream_closed(s->m, &why);
    pump(s);
}

static void saved(struct scene *s, bool works)
{
    struct failure why = {.kind = FAILURE_NONE};

    if (!s->save_waits || s->over)
        return;
    s->save_waits = false;
    if (!works)
        failure_set(&why, FAILURE_TEMPORARY, "disk full");
    maildrop_state_saved(s->m, &why);
    pump(s);
}

static void client_closes(struct scene *s, bool orderly)
{
    struct failure why = {.kind = FAILURE_NONE};

    if (!orderly)
        failure_set(&why, FAILURE_TEMPORARY, "reset");
    maildrop_client_closed(s->m, &why);
    pump(s);
}

static void time_passes(struct scene *s, uint64_t ms)
{
    s->now += ms;
    pump(s);
    if (!s->over && maildrop_deadline(s->m) <= s->now) {
        maildrop_tick(s->m);
        pump(s);
    }
}

static void say(struct scene *s, uint8_t what, uint8_t number, uint8_t lines)
{
    uint32_t n = number % (MESSAGES + 1u) + 1u;
    char line[64];
    struct reply r = {.kind = REPLY_LINE, .number = n, .lines = UINT32_MAX};

    if (s->asked == REPLIES_MAX || s->quit_said)
        return;
    switch (what % 13) {
    case 0:
        snprintf(line, sizeof line, "RETR %u", n), r.kind = REPLY_BODY;
        break;
    case 1:
        snprintf(line, sizeof line, "TOP %u %u", n, lines), r.kind = REPLY_BODY, r.lines = lines;
        break;
    case 2:
        snprintf(line, sizeof line, "DELE %u", n), r.kind = REPLY_DELE;
        break;
    case 3:
        snprintf(line, sizeof line, "LIST"), r.kind = REPLY_LINES;
        break;
    case 4:
        snprintf(line, sizeof line, "UIDL"), r.kind = REPLY_LINES;
        break;
    case 5:
        snprintf(line, sizeof line, "RSET"), r.kind = REPLY_RSET;
        break;
    case 6:
        snprintf(line, sizeof line, "CAPA"), r.kind = REPLY_LINES;
        break;
    case 7:
        snprintf(line, sizeof line, "STAT");
        break;
    case 8:
        snprintf(line, sizeof line, "USER ann");
        break;
    case 9:
        snprintf(line, sizeof line, "PASS open-sesame"), r.kind = REPLY_PASS;
        break;
    case 10:
        snprintf(line, sizeof line, "QUIT"), r.kind = REPLY_QUIT, s->quit_said = true;
        break;
    case 11:
        snprintf(line, sizeof line, "UIDL %u", n);
        break;
    default:
        snprintf(line, sizeof line, "NOOP");
        break;
    }
    s->replies[s->asked++] = r;
    buf_printf(&s->client_in, "%s\r\n", line);
}

/* ---- the program ------------------------------------------------------------------------ */

static uint8_t next(struct slice *program)
{
    return program->n ? (uint8_t)slice_take(program, 1).p[0] : 0;
}

static void expunge_by_others(struct scene *s, uint8_t which)
{
    if (!s->server.listed || !s->server.there[which % MESSAGES])
        return;
    s->expunged_by_others = true;
    s->server.there[which % MESSAGES] = false;
}

static void step(struct scene *s, struct slice *program)
{
    uint8_t what = next(program);

    switch (what % 20) {
    case 0:
    case 1:
    case 2:
        say(s, next(program), what / 20, 3);
        break;
    case 3:
        say(s, 1, what / 20, next(program));
        break;
    case 4:
        say(s, 0, what / 20, 0);
        break;
    case 5:
        offer_client(s, next(program));
        break;
    case 6:
        offer_client(s, SIZE_MAX);
        break;
    case 7:
        offer_upstream(s, next(program));
        break;
    case 8:
        offer_upstream(s, SIZE_MAX);
        break;
    case 9:
    case 10:
        server_step(&s->server);
        break;
    case 11:
        connected(s, what / 20 < 10);
        break;
    case 12:
        saved(s, what / 20 < 8);
        break;
    case 13:
        time_passes(s, 1000u * next(program));
        break;
    case 14:
        upstream_closes(s, what / 20 % 2);
        break;
    case 15:
        s->server.refuses = s->linked;
        break;
    case 16:
        s->queued = s->queued ? 0 : 100000;
        pump(s);
        break;
    case 17:
        expunge_by_others(s, next(program));
        break;
    case 18:
        if (what / 20 == 0) {
            maildrop_drain(s->m);
            pump(s);
        } else if (what / 20 == 1) {
            client_closes(s, true);
        } else if (what / 20 == 2) {
            client_closes(s, false);
        } else if (what / 20 == 3) {
            maildrop_revoke(s->m);
            pump(s);
        }
        break;
    default: {
        struct slice words = slice_take(program, what / 20 * 8u);
        if (s->linked && words.n) {
            s->honest = false;
            buf_put(&s->server.out, words);
        }
    }
    }
}

/* Everybody does what is theirs, until nothing moves any more. */
static void work(struct scene *s)
{
    bool moved = true;

    s->queued = 0;
    for (int i = 0; i < ROUNDS_MAX && moved && !s->over; i++) {
        pump(s);
        moved = s->connecting || s->save_waits;
        connected(s, true);
        saved(s, true);
        moved |= server_step(&s->server);
        moved |= offer_upstream(s, SIZE_MAX);
        moved |= !s->over && offer_client(s, SIZE_MAX);
    }
    CHECK(!moved || s->over);
}

/* Nobody waits for anything that has no deadline. */
static void settle(struct scene *s)
{
    for (int i = 0; i < ROUNDS_MAX && !s->over; i++) {
        work(s);
        if (s->over)
            break;
        CHECK(maildrop_deadline(s->m) != UINT64_MAX);
        if (s->honest)
            CHECK(s->answered == s->asked);
        time_passes(s, maildrop_deadline(s->m) > s->now ? maildrop_deadline(s->m) - s->now : 0);
    }
    CHECK(s->over);
    if (s->honest)
        marks_are_kept(s, false);
}

static void scene_begin(struct scene *s, uint8_t a, uint8_t b)
{
    static const enum maildrop_deletion deletions[] = {MAILDROP_EXPUNGE, MAILDROP_FLAG,
                                                       MAILDROP_MOVE, MAILDROP_KEEP};
    static const size_t budgets[] = {0, 300, 100000, 100000};
    static const char *const folders[] = {"INBOX"};

    s->options = (struct maildrop_options){.uidl = "%v.%u",
                                           .folders = folders,
                                           .folder_count = 1,
                                           .deletion = deletions[a % 4],
                                           .move_to = "Trash",
                                           .seen = a & 4,
                                           .prefetch = budgets[b % 4]};
    s->settings = (struct maildrop_settings){.allow_cleartext = true,
                                             .login_seconds = 60,
                                             .idle_seconds = 600,
                                             .connect_seconds = 10,
                                             .response_seconds = 30,
                                             .errors = 50,
                                             .login_attempts = 3};
    s->server.lies = b & 4;
    s->honest = true;
    for (uint32_t i = 0; i < MESSAGES; i++)
        s->server.there[i] = true;
    s->m = maildrop_new(&s->settings, s->now, 1750000000);
    CHECK(s->m);
    s->replies[s->asked++] = (struct reply){.kind = REPLY_LINE};
    if (b & 8) {
        say(s, 8, 0, 0);
        say(s, 9, 0, 0);
    }
    if (b & 16) /* most of what there is to find lies behind the login */
        work(s);
    pump(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice program = slice_make((const char *)data, size);
    struct scene *s = calloc(1, sizeof *s);

    CHECK(s);
    uint8_t a = next(&program), b = next(&program);
    scene_begin(s, a, b);
    while (program.n && !s->over)
        step(s, &program);
    if (!s->over)
        settle(s);
    maildrop_free(s->m);
    buf_clear(&s->server.in);
    buf_clear(&s->server.out);
    buf_clear(&s->client_in);
    buf_clear(&s->heard);
    free(s);
    return 0;
}
