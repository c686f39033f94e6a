/*
 * A small IMAP server in memory, for fuzz_maildrop.c: it has a few messages, carries out what a
 * maildrop asks for, honestly, and refuses what it is told to.
 */
#ifndef TESTS_FUZZ_IMAP_SERVER_MODEL_H
#define TESTS_FUZZ_IMAP_SERVER_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "translate/text/buf.h"

#define CHECK(x)                                                    \
    do {                                                            \
        if (!(x)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                \
        }                                                           \
    } while (0)

enum { MESSAGES = 4, FIRST_UID = 11 };

/* The honest server, and what it has. */
struct server {
    struct buf in; /* commands not yet carried out */
    struct buf out;
    bool there[MESSAGES], deleted[MESSAGES];
    bool selected, listed;
    bool refuses; /* the next command */
    bool ever_refused;
    bool lies; /* about sizes */
};

/* ---- messages --------------------------------------------------------------------------- */

static void put_body(struct buf *out, uint32_t uid, bool wire, uint32_t lines)
{
    buf_printf(out, "Subject: message %u\r\n\r\n", uid);
    for (uint32_t i = 0; i < (uid - FIRST_UID + 1) * 12 && i < lines; i++)
        buf_printf(out, "%s.line %u of %u\r\n", wire ? "." : "", i, uid);
}

static size_t header_size(uint32_t uid)
{
    char text[64];

    return (size_t)snprintf(text, sizeof text, "Subject: message %u\r\n\r\n", uid);
}

/* ---- the server ------------------------------------------------------------------------- */

static bool set_has(const char *set, uint32_t uid)
{
    while (*set >= '0' && *set <= '9') {
        char *end;
        unsigned long first = strtoul(set, &end, 10), last = first;
        if (*end == ':')
            last = end[1] == '*' ? (end += 2, UINT32_MAX) : strtoul(end + 1, &end, 10);
        if (uid >= first && uid <= last)
            return true;
        set = *end == ',' ? end + 1 : "";
    }
    return false;
}

static void put_literal(struct buf *out, const char *section, struct slice text)
{
    buf_printf(out, " %s {%zu}\r\n", section, text.n);
    buf_put(out, text);
}

static void fetch_one(struct server *s, uint32_t uid, const char *items)
{
    struct buf body = BUF_INIT;
    const char *partial = strstr(items, "BODY.PEEK[TEXT]<");

    put_body(&body, uid, false, UINT32_MAX);
    struct slice all = buf_slice(&body), text = all;
    struct slice header = slice_take(&text, header_size(uid));
    buf_printf(&s->out, "* %u FETCH (UID %u", uid - FIRST_UID + 1, uid);
    if (strstr(items, "RFC822.SIZE"))
        buf_printf(&s->out, " RFC822.SIZE %zu INTERNALDATE \"12-Jun-2025 08:00:00 +0000\"",
                   s->lies ? all.n / 3 : all.n);
    if (strstr(items, "BODY.PEEK[HEADER]"))
        put_literal(&s->out, "BODY[HEADER]", header);
    if (strstr(items, "BODY.PEEK[])"))
        put_literal(&s->out, "BODY[]", all);
    if (partial) {
        char section[64];
        unsigned long origin = strtoul(partial + 16, NULL, 10);
        unsigned long count = strtoul(strchr(partial + 16, '.') + 1, NULL, 10);
        slice_take(&text, origin);
        snprintf(section, sizeof section, "BODY[TEXT]<%lu>", origin);
        put_literal(&s->out, section, slice_take(&text, count));
    }
    buf_puts(&s->out, ")\r\n");
    buf_clear(&body);
}

static void put_search(struct server *s, const char *tag, const char *keys)
{
    const char *set = strstr(keys, "UID ");
    const char *deleted = strstr(keys, "DELETED");
    bool wanted = !strstr(keys, "UNDELETED");

    (void)tag;
    buf_puts(&s->out, "* SEARCH");
    for (uint32_t i = 0; i < MESSAGES; i++)
        if (s->there[i] && (!deleted || s->deleted[i] == wanted) &&
            (!set || set_has(set + 4, FIRST_UID + i)))
            buf_printf(&s->out, " %u", FIRST_UID + i);
    buf_puts(&s->out, "\r\n");
}

static void on_uid(struct server *s, const char *tag, const char *verb)
{
    const char *set = strchr(verb, ' ') + 1;

    if (strncmp(verb, "SEARCH", 6) == 0) {
        put_search(s, tag, set);
        return;
    }
    for (uint32_t i = 0; i < MESSAGES; i++) {
        if (!s->there[i] || !set_has(set, FIRST_UID + i))
            continue;
        if (strncmp(verb, "FETCH", 5) == 0)
            fetch_one(s, FIRST_UID + i, strchr(set, ' '));
        else if (strncmp(verb, "STORE", 5) == 0 && strstr(set, "Deleted"))
            s->deleted[i] = true;
        else if (strncmp(verb, "MOVE", 4) == 0 ||
                 (strncmp(verb, "EXPUNGE", 7) == 0 && s->deleted[i]))
            s->there[i] = false;
    }
    s->listed |= strstr(set, "RFC822.SIZE") != NULL;
}

static void on_select(struct server *s)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < MESSAGES; i++)
        count += s->there[i];
    s->selected = true;
    buf_printf(&s->out, "* %u EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 15] n\r\n", count);
}

static void server_do(struct server *s, const char *tag, const char *line)
{
    if (s->refuses) {
        s->refuses = false;
        s->ever_refused = true;
        buf_printf(&s->out, "%s NO not now\r\n", tag);
        return;
    }
    if (strncmp(line, "UID ", 4) == 0)
        on_uid(s, tag, line + 4);
    else if (strncmp(line, "SELECT", 6) == 0 || strncmp(line, "EXAMINE", 7) == 0)
        on_select(s);
    else if (strcmp(line, "LOGOUT") == 0)
        buf_puts(&s->out, "* BYE\r\n");
    else if (strcmp(line, "CAPABILITY") == 0)
        buf_puts(&s->out, "* CAPABILITY IMAP4rev1 UIDPLUS MOVE\r\n");
    buf_printf(&s->out, "%s OK done\r\n", tag);
}

/* Carries out one command. False when there is none. */
static bool server_step(struct server *s)
{
    struct slice in = buf_slice(&s->in);
    const char *end = in.n ? memchr(in.p, '\n', in.n) : NULL;
    char line[9000];

    if (!end)
        return false;
    size_t n = (size_t)(end - in.p) + 1;
    CHECK(n >= 2 && n < sizeof line);
    memcpy(line, in.p, n - 2);
    line[n - 2] = '\0';
    buf_drop(&s->in, n);
    char *space = strchr(line, ' ');
    CHECK(space);
    *space = '\0';
    server_do(s, line, space + 1);
    return true;
}

#endif
