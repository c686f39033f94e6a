#include "tests/bench/light_pop3.h"

#include <string.h>

void light_pop3_greet(struct buf *out)
{
    buf_puts(out, "+OK light\r\n");
}

/* ---- commands ---- */

typedef void (*light_command)(const struct light_mail *m, struct slice rest, struct buf *out);

static void answer_ok(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)m;
    (void)rest;
    buf_puts(out, "+OK\r\n");
}

static void answer_capa(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)m;
    (void)rest;
    buf_puts(out, "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n");
}

static void answer_stat(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)rest;
    buf_printf(out, "+OK %u %zu\r\n", m->messages, m->messages * buf_size(&m->body));
}

static void answer_list(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)rest;
    buf_puts(out, "+OK\r\n");
    for (uint32_t i = 1; i <= m->messages; i++)
        buf_printf(out, "%u %zu\r\n", i, buf_size(&m->body));
    buf_puts(out, ".\r\n");
}

static void answer_uidl(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)rest;
    buf_puts(out, "+OK\r\n");
    for (uint32_t i = 1; i <= m->messages; i++)
        buf_printf(out, "%u light-%u\r\n", i, i);
    buf_puts(out, ".\r\n");
}

/* RETR, and TOP of however many lines: no line of the body begins with a dot. */
static void answer_body(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)rest;
    buf_puts(out, "+OK\r\n");
    buf_put(out, buf_slice(&m->body));
    buf_puts(out, ".\r\n");
}

static const struct {
    const char *name;
    light_command answer;
} commands[] = {
    {"CAPA", answer_capa}, {"USER", answer_ok},   {"PASS", answer_ok},   {"STAT", answer_stat},
    {"LIST", answer_list}, {"UIDL", answer_uidl}, {"RETR", answer_body}, {"TOP", answer_body},
    {"NOOP", answer_ok},   {"QUIT", answer_ok},
};

void light_pop3_answer(const struct light_mail *m, struct light_talk *talk, struct slice line,
                       struct buf *out)
{
    struct slice name = slice_word(&line);

    talk->over = slice_is_nocase(name, "QUIT");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (slice_is_nocase(name, commands[i].name)) {
            commands[i].answer(m, line, out);
            return;
        }
    buf_puts(out, "-ERR unknown\r\n");
}
