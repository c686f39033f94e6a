#include "tests/bench/light_mail.h"

#include <stdlib.h>
#include <string.h>

#include "translate/text/array.h"

static void make_body(struct buf *out, size_t octets)
{
    buf_puts(out, "From: bob@example.net\r\nTo: ann@example.com\r\nSubject: light\r\n\r\n");
    while (buf_size(out) < octets)
        buf_puts(out, "Some words that a message might hold, as many as a line has of them.\r\n");
}

static void list_message(struct buf *out, uint32_t number, size_t octets)
{
    buf_printf(out,
               "* %u FETCH (UID %u RFC822.SIZE %zu INTERNALDATE \"20-Nov-2026 10:00:00 "
               "+0000\")\r\n",
               number, number, octets);
}

bool light_mail_deliver(struct light_mail *m)
{
    size_t octets = buf_size(&m->body);
    size_t *listed = array_grow(m->listed, &m->capacity, m->messages + 1, sizeof *listed);

    if (!listed)
        return false;
    m->listed = listed;
    uint32_t number = ++m->messages;
    list_message(&m->listing, number, octets);
    m->listed[number] = buf_size(&m->listing);
    buf_printf(&m->list, "%u %zu\r\n", number, octets);
    buf_printf(&m->uidl, "%u light-%u\r\n", number, number);
    return !buf_failed(&m->listing) && !buf_failed(&m->list) && !buf_failed(&m->uidl);
}

bool light_mail_init(struct light_mail *m, uint32_t messages, size_t octets)
{
    *m = (struct light_mail){.capacity = messages + 1};
    m->listed = calloc(m->capacity, sizeof *m->listed);
    make_body(&m->body, octets);
    buf_printf(&m->fetched, " BODY[] {%zu}\r\n", buf_size(&m->body));
    buf_put(&m->fetched, buf_slice(&m->body));
    buf_puts(&m->fetched, ")\r\n");
    bool made = m->listed && !buf_failed(&m->body) && !buf_failed(&m->fetched);
    while (made && m->messages < messages)
        made = light_mail_deliver(m);
    return made;
}

void light_mail_clear(struct light_mail *m)
{
    buf_clear(&m->body);
    buf_clear(&m->fetched);
    buf_clear(&m->listing);
    buf_clear(&m->list);
    buf_clear(&m->uidl);
    free(m->listed);
}

/* ---- commands: each answers but for the tagged OK ---- */

typedef void (*light_command)(const struct light_mail *m, struct slice rest, struct buf *out);

static void answer_nothing(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)m;
    (void)rest;
    (void)out;
}

static void answer_capability(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)m;
    (void)rest;
    buf_puts(out, "* CAPABILITY IMAP4rev1 IDLE UIDPLUS\r\n");
}

static void answer_select(const struct light_mail *m, struct slice rest, struct buf *out)
{
    (void)rest;
    buf_printf(out,
               "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* %u EXISTS\r\n"
               "* 0 RECENT\r\n* OK [UIDVALIDITY 1] -\r\n* OK [UIDNEXT %u] -\r\n",
               m->messages, m->messages + 1);
}

/* One number, or two with a colon; "*" is the last. False when it is neither. */
static bool read_range(const struct light_mail *m, struct slice set, uint32_t *from, uint32_t *to)
{
    uint64_t ends[2] = {0, 0};
    const char *colon = memchr(set.p, ':', set.n);
    struct slice parts[2] = {set, set};

    if (colon) {
        parts[0].n = (size_t)(colon - set.p);
        parts[1] = slice_make(colon + 1, set.n - parts[0].n - 1);
    }
    for (int i = 0; i < 2; i++) {
        if (slice_is(parts[i], "*"))
            ends[i] = m->messages;
        else if (!slice_number(parts[i], UINT32_MAX, &ends[i]))
            return false;
    }
    *from = (uint32_t)(ends[0] < 1 ? 1 : ends[0]);
    *to = (uint32_t)(ends[1] > m->messages ? m->messages : ends[1]);
    return true;
}

/* Without printf, as there may be many of them, and small. */
static void put_bodies(const struct light_mail *m, uint32_t from, uint32_t to, struct buf *out)
{
    for (uint32_t i = from; i <= to; i++) {
        buf_puts(out, "* ");
        buf_put_number(out, i);
        buf_puts(out, " FETCH (UID ");
        buf_put_number(out, i);
        buf_put(out, buf_slice(&m->fetched));
    }
}

/* Bodies, or else what a listing asks for. */
static void answer_fetch(const struct light_mail *m, struct slice rest, struct buf *out)
{
    uint32_t from;
    uint32_t to;

    if (!read_range(m, slice_word(&rest), &from, &to) || from > to)
        return;
    if (slice_contains_nocase(rest, "BODY.PEEK[]"))
        put_bodies(m, from, to, out);
    else
        buf_put(out, slice_make(buf_slice(&m->listing).p + m->listed[from - 1],
                                m->listed[to] - m->listed[from - 1]));
}

/* Every message meets every search, but that none is deleted. */
static void answer_search(const struct light_mail *m, struct slice rest, struct buf *out)
{
    bool none = slice_is_nocase(slice_word(&rest), "DELETED");

    buf_puts(out, "* SEARCH");
    for (uint32_t i = 1; i <= m->messages && !none; i++) {
        buf_putc(out, ' ');
        buf_put_number(out, i);
    }
    buf_puts(out, "\r\n");
}

static const struct {
    const char *name;
    light_command answer;
} commands[] = {
    {"CAPABILITY", answer_capability}, {"LOGIN", answer_nothing}, {"SELECT", answer_select},
    {"EXAMINE", answer_select},        {"FETCH", answer_fetch},   {"SEARCH", answer_search},
    {"NOOP", answer_nothing},          {"CHECK", answer_nothing}, {"CLOSE", answer_nothing},
    {"UNSELECT", answer_nothing},      {"STORE", answer_nothing},
};

static light_command find_command(struct slice name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (slice_is_nocase(name, commands[i].name))
            return commands[i].answer;
    return NULL;
}

static void put_tagged(struct buf *out, struct slice tag, const char *words)
{
    buf_put(out, tag);
    buf_puts(out, words);
}

/* RFC 2177: nothing is said until the client says DONE. */
static void begin_idle(struct light_talk *talk, struct slice tag, struct buf *out)
{
    if (tag.n >= sizeof talk->idle_tag) {
        put_tagged(out, tag, " BAD the tag is too long\r\n");
        return;
    }
    memcpy(talk->idle_tag, tag.p, tag.n);
    talk->idle_tag[tag.n] = '\0';
    buf_puts(out, "+ idling\r\n");
}

static void end_idle(struct light_talk *talk, struct buf *out)
{
    put_tagged(out, slice_of(talk->idle_tag), " OK done\r\n");
    talk->idle_tag[0] = '\0';
}

/* What was delivered since the mailbox was selected, or since this was said (RFC 3501
 * section 7.3.1).
 */
static void tell_arrivals(const struct light_mail *m, struct light_talk *talk,
                          light_command answered, struct buf *out)
{
    if (talk->told && talk->told < m->messages)
        buf_printf(out, "* %u EXISTS\r\n", m->messages);
    if (talk->told || answered == answer_select)
        talk->told = m->messages;
}

static void answer_line(const struct light_mail *m, struct light_talk *talk, struct slice line,
                        struct buf *out)
{
    if (talk->idle_tag[0]) {
        end_idle(talk, out);
        return;
    }
    struct slice tag = slice_word(&line);
    struct slice name = slice_word(&line);
    if (slice_is_nocase(name, "UID"))
        name = slice_word(&line);
    if (slice_is_nocase(name, "IDLE")) {
        begin_idle(talk, tag, out);
        return;
    }
    talk->over = slice_is_nocase(name, "LOGOUT");
    if (talk->over)
        buf_puts(out, "* BYE\r\n");
    light_command answer = talk->over ? answer_nothing : find_command(name);
    if (answer)
        answer(m, line, out);
    tell_arrivals(m, talk, answer, out);
    put_tagged(out, tag, answer ? " OK done\r\n" : " BAD unknown\r\n");
}

const struct light_protocol light_imap = {
    .greeting = "* OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS] light\r\n",
    .answer = answer_line,
};
