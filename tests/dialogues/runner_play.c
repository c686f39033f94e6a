/*
 * The loop of a performance: feeding, taking out, and holding what was said against the steps.
 */
#include "tests/dialogues/runner_play.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/dialogues/runner_actions.h"
#include "tests/dialogues/runner_directives.h"

enum { SLOW_CLIENT_QUEUE = 64 << 20, SLOW_CLIENT_SURPLUS = 70000 };

void play_fail(struct play *p, const char *format, ...)
{
    va_list args;
    char text[800];

    if (p->failed)
        return;
    p->failed = true;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(p->why, sizeof p->why, "%s:%u: %s", p->now ? p->now->file : "?",
             p->now ? p->now->line : 0, text);
}

static void transcript_break(struct play *p)
{
    if (p->transcript_side)
        buf_puts(&p->transcript, " ...no line end\n");
    p->transcript_side = 0;
}

void play_note(struct play *p, const char *format, ...)
{
    va_list args;
    char text[800];

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    transcript_break(p);
    buf_printf(&p->transcript, "          @ %s\n", text);
}

static void transcript_octet(struct buf *out, unsigned char c)
{
    if (c >= 0x20 && c < 0x7f)
        buf_putc(out, (char)c);
    else
        buf_printf(out, "\\x%02x", c);
}

/* Writes octets in the form of the dialogue files; `side` is the second letter of their marks or
 * the first. */
static void transcript_put(struct play *p, char side, const char *mark, struct slice octets)
{
    for (size_t i = 0; i < octets.n; i++) {
        char c = octets.p[i];
        bool line_end = c == '\n';
        if (p->transcript_side != side) {
            transcript_break(p);
            buf_printf(&p->transcript, "          %s ", mark);
            p->transcript_side = side;
        }
        if (line_end) {
            buf_putc(&p->transcript, '\n');
            p->transcript_side = 0;
        } else if (c != '\r' || i + 1 == octets.n || octets.p[i + 1] != '\n') {
            transcript_octet(&p->transcript, (unsigned char)c);
        }
    }
}

/* Takes what the maildrop wants to send to one side. True when there was something. */
static bool collect(struct play *p, struct play_side *side, struct buf *out, const char *mark)
{
    struct slice octets = buf_slice(out);

    if (octets.n == 0)
        return false;
    if (side->closed && side == &p->upstream && !p->disconnected)
        play_fail(p, "it speaks to an upstream that is not there");
    transcript_put(p, side == &p->client ? 'S' : '>', mark, octets);
    if (!side->closed || side == &p->upstream)
        buf_put(&side->out, octets);
    buf_put(&side->all, octets);
    buf_drop(out, octets.n);
    return true;
}

void play_flush_upstream(struct play *p)
{
    collect(p, &p->upstream, maildrop_upstream_out(p->m), "U>");
}

/* Offers what came from one side. True when some of it was taken. A side that is wanted and of
 * which nothing is taken would make a process spin. */
static bool offer(struct play *p, struct play_side *side, bool wanted,
                  void (*feed)(struct maildrop *m, struct slice *in))
{
    struct slice in = buf_slice(&side->in);
    size_t before = in.n;

    if (in.n == 0 || !wanted)
        return false;
    feed(p->m, &in);
    buf_drop(&side->in, before - in.n);
    return in.n < before;
}

static bool play_is_over(const struct play *p)
{
    return p->failed || !p->m || p->ended || p->aborted;
}

/* One turn of the owner's duties. True when anything moved. */
static bool pump_once(struct play *p)
{
    bool moved = actions_take(p);

    maildrop_now(p->m, p->now_ms, p->now_s);
    moved |= collect(p, &p->upstream, maildrop_upstream_out(p->m), "U>");
    if (!p->aborted)
        moved |= collect(p, &p->client, maildrop_client_out(p->m), "S:");
    if (play_is_over(p))
        return false;
    bool tls = p->client_tls || p->upstream_tls;
    moved |= !tls && offer(p, &p->upstream, maildrop_wants_upstream(p->m), maildrop_upstream_data);
    moved |= !tls && offer(p, &p->client, maildrop_wants_client(p->m), maildrop_client_data);
    return moved;
}

void play_pump(struct play *p)
{
    if (!p->m)
        return;
    while (!p->failed && pump_once(p))
        ;
    if (play_is_over(p) || p->client_tls || p->upstream_tls)
        return;
    if (maildrop_failed(p->m))
        play_fail(p, "the maildrop says that memory is out");
    if (buf_size(&p->client.in) && maildrop_wants_client(p->m))
        play_fail(p, "it wants octets of the client and takes none: its owner would spin");
    if (buf_size(&p->upstream.in) && maildrop_wants_upstream(p->m))
        play_fail(p, "it wants octets of the upstream and takes none: its owner would spin");
}

/* While the client takes nothing, what is produced for it must stay bounded (CASES R5). */
static void pump_stalled(struct play *p)
{
    size_t before = buf_size(&p->client.all);

    maildrop_client_queued(p->m, SLOW_CLIENT_QUEUE);
    play_pump(p);
    if (buf_size(&p->client.all) - before > SLOW_CLIENT_SURPLUS)
        play_fail(p, "it goes on producing for a client that takes nothing");
    maildrop_client_queued(p->m, 0);
}

/* What the upstream says between two sessions. */
static bool is_for_warm(const struct play *p, const struct play_side *side)
{
    return side == &p->upstream && p->warm;
}

static void feed_piece(struct play *p, struct play_side *side, struct slice piece)
{
    if (is_for_warm(p, side)) {
        maildrop_warm_data(p->warm, &piece);
        return;
    }
    buf_put(&side->in, piece);
    if (p->mode == PLAY_SLOW)
        pump_stalled(p);
    play_pump(p);
}

static void feed(struct play *p, struct play_side *side, struct slice packet)
{
    size_t first = packet.n;

    if (p->mode == PLAY_CUT && p->packet_count == p->cut_packet)
        first = p->cut_at;
    p->packet_count++;
    while (packet.n && !p->failed) {
        size_t n = p->mode == PLAY_BYTES ? 1 : first;
        feed_piece(p, side, slice_take(&packet, n));
        first = packet.n;
    }
}

static bool is_input(enum step_type type, bool client)
{
    return client ? type == STEP_CLIENT_SAYS
                  : type == STEP_UPSTREAM_SAYS || type == STEP_UPSTREAM_LITERAL;
}

static void packet_add(struct play *p, struct buf *packet, const struct step *s)
{
    struct slice octets = buf_slice(&s->octets);

    p->now = s;
    if (s->type != STEP_UPSTREAM_SAYS)
        buf_put(packet, octets);
    else if (!tags_fill(&p->tags, packet, octets))
        play_fail(p, "no tag has this name yet: %s", s->text);
}

static void packet_count(struct play *p, size_t size)
{
    size_t *sizes = realloc(p->packet_sizes, (p->packet_count + 1) * sizeof *sizes);

    if (!sizes) {
        play_fail(p, "out of memory");
        return;
    }
    p->packet_sizes = sizes;
    sizes[p->packet_count] = size;
}

/* Lines of one side that follow each other are one packet. Returns how many steps it took. */
static size_t play_input(struct play *p, size_t at)
{
    const struct script *script = p->script;
    bool from_client = script->steps[at].type == STEP_CLIENT_SAYS;
    struct play_side *side = from_client ? &p->client : &p->upstream;
    struct buf packet = BUF_INIT;
    size_t n = 0;

    for (; at + n < script->count && is_input(script->steps[at + n].type, from_client); n++)
        packet_add(p, &packet, &script->steps[at + n]);
    if (!is_for_warm(p, side) && (play_is_over(p) || side->closed))
        play_fail(p, "there is nobody left who could hear this: %s", script->steps[at].text);
    packet_count(p, buf_size(&packet));
    if (!p->failed) {
        transcript_put(p, from_client ? 'C' : '<', from_client ? "C:" : "U<", buf_slice(&packet));
        feed(p, side, buf_slice(&packet));
    }
    buf_clear(&packet);
    return n;
}

/* The next line that was said to a side and not asked for yet, with its CRLF; empty when there is
 * no whole one. */
static struct slice next_line(const struct play_side *side)
{
    struct slice out = buf_slice(&side->out);
    const char *end = out.n ? memmem(out.p, out.n, "\r\n", 2) : NULL;

    return end ? slice_make(out.p, (size_t)(end - out.p) + 2) : slice_make("", 0);
}

/* An expectation without a line end asks for so many octets. */
static struct slice said_for(const struct step *s, const struct play_side *side)
{
    struct slice out = buf_slice(&side->out);

    return s->ends || s->any_rest ? next_line(side) : slice_take(&out, buf_size(&s->octets));
}

static void play_expectation(struct play *p, const struct step *s)
{
    bool upstream = s->type == STEP_UPSTREAM_HEARS || s->type == STEP_UPSTREAM_MATCHES;
    bool regex = s->type == STEP_CLIENT_MATCHES || s->type == STEP_UPSTREAM_MATCHES;
    struct play_side *side = upstream ? &p->upstream : &p->client;
    struct slice said = said_for(s, side);
    bool met = said.n && (regex ? match_regex(s, said) : match_line(&p->tags, s, said));

    if (!met && !p->lenient)
        play_fail(p, "the %s should have heard\n    %s\n  and heard\n    %.*s",
                  upstream ? "upstream" : "client", s->text, (int)(said.n ? said.n : 7),
                  said.n ? said.p : "nothing");
    buf_drop(&side->out, said.n);
}

void play_begin(struct play *p)
{
    if (p->m)
        return;
    p->m = maildrop_new(&p->setup.client, p->now_ms, p->now_s);
    p->upstream.closed = true;
    if (!p->m)
        play_fail(p, "out of memory");
    play_pump(p);
}

static void check_left_over(struct play *p, const struct play_side *side, const char *name)
{
    struct slice out = buf_slice(&side->out);

    if (out.n && !p->lenient)
        play_fail(p, "nobody expected what the %s was told at the end:\n    %.*s", name,
                  SLICE_ARG(out));
}

static void check_nothing_asked(struct play *p)
{
    if (p->connect_user)
        play_fail(p, "a connection was asked for and no step answered");
    if (p->client_tls || p->upstream_tls)
        play_fail(p, "TLS was asked for and no step answered");
    if (p->save_waits)
        play_fail(p, "a record is waited for and no step answered");
}

/* True of every session, whatever the dialogue is about (CASES A6, QUIRKS: Outlook and NUL). */
static void check_always(struct play *p)
{
    struct slice heard = buf_slice(&p->client.all);

    if (heard.n && memchr(heard.p, '\0', heard.n))
        play_fail(p, "a NUL was sent to the client");
    if (heard.n && memmem(heard.p, heard.n, PLAY_SECRET, strlen(PLAY_SECRET)))
        play_fail(p, "the password was sent to the client");
}

void play_end(struct play *p)
{
    check_left_over(p, &p->client, "client");
    check_left_over(p, &p->upstream, "upstream");
    if (!p->lenient)
        check_nothing_asked(p);
    check_always(p);
    maildrop_free(p->m);
    p->m = NULL;
    p->tags.count = 0;
    p->client.closed = p->upstream.closed = false;
    p->disconnected = p->parted = p->ended = p->aborted = p->deflate = false;
    buf_clear(&p->client.in);
    buf_clear(&p->upstream.in);
}

static size_t play_step(struct play *p, size_t at)
{
    const struct step *s = &p->script->steps[at];

    p->now = s;
    if (s->type == STEP_DIRECTIVE) {
        directive_play(p, s);
        return 1;
    }
    bool upstream_says = s->type == STEP_UPSTREAM_SAYS || s->type == STEP_UPSTREAM_LITERAL;
    if (!upstream_says || !p->warm)
        play_begin(p);
    if (upstream_says || s->type == STEP_CLIENT_SAYS)
        return play_input(p, at);
    play_expectation(p, s);
    return 1;
}

bool play_run(struct play *p, const struct script *script)
{
    p->script = script;
    p->now_ms = 1000000;
    p->now_s = PLAY_CLOCK;
    p->saved = json_array();
    p->logs = json_array();
    p->state = drop_state_new();
    setup_init(&p->setup);
    for (size_t at = 0; at < script->count && !p->failed;)
        at += play_step(p, at);
    if (!p->failed)
        play_end(p);
    transcript_break(p);
    buf_putc(&p->transcript, '\0');
    return !p->failed;
}

static void side_clear(struct play_side *s)
{
    buf_clear(&s->in);
    buf_clear(&s->out);
    buf_clear(&s->all);
}

void play_clear(struct play *p)
{
    maildrop_free(p->m);
    maildrop_warm_free(p->warm);
    setup_clear(&p->setup);
    side_clear(&p->client);
    side_clear(&p->upstream);
    drop_state_free(p->state);
    json_decref(p->saved);
    json_decref(p->logs);
    buf_clear(&p->transcript);
    free(p->packet_sizes);
    free(p->connect_user);
    free(p->secret_user);
    credential_clear(&p->credential);
    free(p->load_failure);
    *p = (struct play){0};
}
