/*
 * The POP3 of the light upstream (RFC 1939, RFC 2449): nothing is ever deleted.
 */
#include <string.h>

#include "tests/bench/light_mail.h"

typedef void (*light_command)(const struct light_mail *m, struct slice rest, struct buf *out);

static void answer_ok(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)m;
    (void)rest;
    buf_puts(out, "+OK\r\n");
}

static void put_lines(struct buf *out, struct slice lines)
{
    buf_puts(out, "+OK\r\n");
    buf_put(out, lines);
    buf_puts(out, ".\r\n");
}

static void answer_capa(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)m;
    (void)rest;
    put_lines(out, slice_of("USER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n"));
}

static void answer_stat(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)rest;
    buf_printf(out, "+OK %u %zu\r\n", m->messages, m->messages * buf_size(&m->body));
}

/* With no number: of all. */
static void answer_list(const struct light_mail *m, struct slice rest, struct buf *out)
{
    struct slice number = slice_word(&rest);

    if (number.n == 0)
        put_lines(out, buf_slice(&m->list));
    else
        buf_printf(out, "+OK %.*s %zu\r\n", (int)number.n, number.p, buf_size(&m->body));
}

static void answer_uidl(const struct light_mail *m, struct slice rest, struct buf *out)
{
    struct slice number = slice_word(&rest);

    if (number.n == 0)
        put_lines(out, buf_slice(&m->uidl));
    else
        buf_printf(out, "+OK %.*s light-%.*s\r\n", (int)number.n, number.p, (int)number.n,
                   number.p);
}

/* A message has no line that begins with a dot. */
static void answer_retr(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)rest;
    put_lines(out, buf_slice(&m->body));
}

/* The header, however many lines are asked for. */
static void answer_top(const struct light_mail *m, struct slice rest, struct buf *out)
{
    static const char end[] = "\r\n\r\n";
    struct slice body = buf_slice(&m->body);
    const char *found = memmem(body.p, body.n, end, sizeof end - 1);

    (void)rest;
    put_lines(out, slice_make(body.p, (size_t)(found - body.p) + sizeof end - 1));
}

static const struct {
    const char *name;
    light_command answer;
} commands[] = {
    {"CAPA", answer_capa}, {"USER", answer_ok},   {"PASS", answer_ok},   {"STAT", answer_stat},
    {"LIST", answer_list}, {"UIDL", answer_uidl}, {"RETR", answer_retr}, {"TOP", answer_top},
    {"NOOP", answer_ok},   {"RSET", answer_ok},   {"QUIT", answer_ok},
};

static void answer_line(const struct light_mail *m, struct light_talk *talk, struct slice line,
                        struct buf *out)
{
    struct slice name = slice_word(&line);

    talk->over = slice_is_nocase(name, "QUIT");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!slice_is_nocase(name, commands[i].name))
            continue;
        commands[i].answer(m, line, out);
        return;
    }
    buf_puts(out, "-ERR unknown\r\n");
}

const struct light_protocol light_pop3 = {.greeting = "+OK light\r\n", .answer = answer_line};
