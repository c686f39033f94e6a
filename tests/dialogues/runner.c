/*
 * Replays dialogue files against the maildrop: each file whole, octet by octet, with a client that
 * takes nothing, and - where it is small - cut once at every place of every packet. In each of
 * these the steps must be met, and what is said to either side must be the same to the octet.
 *
 *     runner FILE...            silent when all is well, status 1 otherwise
 *     runner --print FILE...    shows what is really said, whatever the file expects
 */
#include <stdio.h>
#include <string.h>

#include "tests/dialogues/runner_play.h"

/* Beyond so many octets of input a file is not cut everywhere: it would take minutes. */
enum { CUT_INPUT_MAX = 6000 };

struct outcome {
    struct buf client, upstream; /* all that was said to them */
};

static void report(const struct play *p, const char *mode)
{
    fprintf(stderr, "%s\n  (fed %s)\nThe dialogue until then:\n%s\n", p->why, mode,
            buf_size(&p->transcript) ? buf_slice(&p->transcript).p : "");
}

static const char *mode_name(const struct play *p, char *out, size_t cap)
{
    static const char *const names[] = {
        [PLAY_WHOLE] = "whole", [PLAY_BYTES] = "octet by octet", [PLAY_SLOW] = "to a slow client"};

    if (p->mode == PLAY_CUT)
        snprintf(out, cap, "with packet %zu cut before octet %zu", p->cut_packet, p->cut_at);
    else
        snprintf(out, cap, "%s", names[p->mode]);
    return out;
}

static void outcome_keep(struct outcome *o, struct play *p)
{
    buf_move(&o->client, &p->client.all);
    buf_move(&o->upstream, &p->upstream.all);
}

static bool outcome_same(const struct outcome *o, struct play *p)
{
    if (p->varies)
        return true;
    if (!slice_equal(buf_slice(&o->client), buf_slice(&p->client.all)))
        play_fail(p, "the client was told something else than when all was fed whole");
    if (!slice_equal(buf_slice(&o->upstream), buf_slice(&p->upstream.all)))
        play_fail(p, "the upstream was told something else than when all was fed whole");
    return !p->failed;
}

static bool replay(const struct script *script, const struct outcome *whole, struct play how)
{
    char mode[80];
    struct play p = how;
    bool good = play_run(&p, script) && outcome_same(whole, &p);

    if (!good)
        report(&p, mode_name(&p, mode, sizeof mode));
    play_clear(&p);
    return good;
}

static bool replay_cuts(const struct script *script, const struct outcome *whole,
                        const size_t *packets, size_t count)
{
    for (size_t packet = 0; packet < count; packet++)
        for (size_t at = 1; at < packets[packet]; at++)
            if (!replay(script, whole,
                        (struct play){.mode = PLAY_CUT, .cut_packet = packet, .cut_at = at}))
                return false;
    return true;
}

static bool is_small(const size_t *packets, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += packets[i];
    return sum <= CUT_INPUT_MAX;
}

/* `first` was played whole and well. */
static bool replay_all(const struct script *script, struct play *first)
{
    struct outcome whole = {0};

    outcome_keep(&whole, first);
    bool good = replay(script, &whole, (struct play){.mode = PLAY_BYTES}) &&
                replay(script, &whole, (struct play){.mode = PLAY_SLOW});
    if (good && is_small(first->packet_sizes, first->packet_count))
        good = replay_cuts(script, &whole, first->packet_sizes, first->packet_count);
    buf_clear(&whole.client);
    buf_clear(&whole.upstream);
    return good;
}

static bool run_file(const char *path, bool print)
{
    struct script script;
    struct play p = {.mode = PLAY_WHOLE, .lenient = print};
    bool good = script_read(&script, path);

    if (good) {
        good = play_run(&p, &script);
        if (print)
            printf("%s", buf_size(&p.transcript) ? buf_slice(&p.transcript).p : "");
        if (!good)
            report(&p, "whole");
        else if (!print)
            good = replay_all(&script, &p);
    }
    play_clear(&p);
    script_clear(&script);
    return good;
}

int main(int argc, char **argv)
{
    bool print = argc > 1 && strcmp(argv[1], "--print") == 0;
    int status = argc > 1 + print ? 0 : 2;

    if (status)
        fprintf(stderr, "usage: %s [--print] FILE...\n", argv[0]);
    for (int i = 1 + print; i < argc; i++)
        if (!run_file(argv[i], print))
            status = 1;
    return status;
}
