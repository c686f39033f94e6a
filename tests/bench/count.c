/*
 * The hot paths, one at a time, to have their instructions counted: count PATH
 *
 * Each does a fixed piece of work within count_work(), which is the only function that
 * tests/bench/count.py has callgrind collect; what is made ready for it stands outside. So the
 * counts are the same on a busy machine and an idle one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/count_mailbox.h"
#include "translate/imap/imap_response.h"
#include "translate/mime/mime_charset.h"
#include "translate/mime/mime_parser.h"
#include "translate/mime/mime_put.h"
#include "translate/pop3/pop3_body.h"
#include "translate/pop3/pop3_reader.h"
#include "translate/pop3/pop3_response.h"
#include "translate/state/drop_state.h"
#include "translate/state/journal.h"

enum {
    BODY_SIZE = 1 << 20,
    PIECE = 16384,
    FETCHES = 2000,
    LISTED = 2000,
    RECORDS = 200,
    ENVELOPES = 100
};

struct path {
    const char *name;
    void (*prepare)(struct buf *input);
    void (*work)(struct slice input);
};

/* ---- a message to a POP3 client ---- */

static void put_lines(struct buf *out, const char *line)
{
    while (buf_size(out) < BODY_SIZE)
        buf_puts(out, line);
}

static void text_lines(struct buf *out)
{
    put_lines(out, "Some words that a message might hold, as many as a line has of them.\r\n");
}

static void dotted_lines(struct buf *out)
{
    put_lines(out, ".a line that begins with a dot\r\nand one that does not\r\n");
}

static void bare_line_ends(struct buf *out)
{
    put_lines(out, "A line that ends as Unix has it, for its server never repaired it.\n");
}

static void send_message(struct slice input)
{
    struct pop3_body body;
    struct buf out = BUF_INIT;

    pop3_body_init(&body, UINT32_MAX);
    while (input.n) {
        pop3_body_put(&body, &out, slice_take(&input, PIECE));
        buf_drop(&out, buf_size(&out));
    }
    pop3_body_end(&body, &out);
    buf_clear(&out);
}

/* ---- what an IMAP server says ---- */

static void literal(struct buf *out)
{
    buf_printf(out, "* 1 FETCH (UID 1 BODY[] {%d}\r\n", BODY_SIZE);
    for (size_t end = buf_size(out) + BODY_SIZE; buf_size(out) < end;)
        buf_putc(out, 'x');
    buf_puts(out, ")\r\n");
}

static void listing(struct buf *out)
{
    for (int i = 1; i <= FETCHES; i++)
        buf_printf(out,
                   "* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE \"12-Jun-2025 08:00:00 "
                   "+0000\")\r\n",
                   i, i + 1000, i * 7);
}

static void parse_responses(struct slice input)
{
    struct imap_response *parser = imap_response_new();
    struct imap_event ev;
    struct failure why;

    while (input.n) {
        struct slice piece = slice_take(&input, PIECE);
        while (imap_response_next(parser, &piece, &ev, &why) == IMAP_PARSE_EVENT)
            continue;
    }
    imap_response_free(parser);
}

/* ---- what a POP3 server says ---- */

static void size_list(struct buf *out)
{
    for (int i = 1; i <= LISTED; i++)
        buf_printf(out, "%d %d\r\n", i, i * 7);
}

static void uidl_list(struct buf *out)
{
    for (int i = 1; i <= LISTED; i++)
        buf_printf(out, "%d 00000%06d65f0a1b2\r\n", i, i);
}

static void parse_sizes(struct slice input)
{
    struct pop3_reader reader = {0};
    struct slice line;
    uint32_t number;
    uint64_t size;

    while (pop3_reader_next(&reader, &input, POP3_LINE_MAX, &line) == POP3_LINE)
        pop3_response_sizes(line, &number, &size);
    pop3_reader_clear(&reader);
}

static void parse_uidls(struct slice input)
{
    struct pop3_reader reader = {0};
    struct slice line;
    struct slice uidl;
    uint32_t number;

    while (pop3_reader_next(&reader, &input, POP3_LINE_MAX, &line) == POP3_LINE)
        pop3_response_uidl(line, &number, &uidl);
    pop3_reader_clear(&reader);
}

/* ---- an IMAP client's commands ---- */

static void fetch_flags(struct buf *out)
{
    count_mailbox_open();
    buf_puts(out, "a FETCH 1:* (UID FLAGS)");
}

static void search_header(struct buf *out)
{
    count_mailbox_open();
    buf_puts(out, "a SEARCH SUBJECT \"nosuchthing\"");
}

/* ---- what is remembered ---- */

static void nothing(struct buf *out)
{
    buf_putc(out, '\0');
}

static void append_journal(struct slice input)
{
    struct drop_message message = {.uid = 1, .size = 2345, .received = 1749715200, .hidden = -1};
    struct buf out = BUF_INIT;

    (void)input;
    for (int i = 0; i < RECORDS; i++) {
        message.uid++;
        json_t *record = drop_record_messages(slice_of("INBOX"), 7, &message, 1);
        journal_put(&out, record);
        json_decref(record);
    }
    buf_clear(&out);
}

/* ---- the envelope ---- */

static void header(struct buf *out)
{
    buf_puts(out, "Received: from mx.example.net by mail.example.com; Fri, 20 Nov 2026 10:00:00\r\n"
                  "From: =?utf-8?q?J=C3=BCrgen?= Baker <bob@example.net>\r\n"
                  "To: Ann <ann@example.com>, \"Smith, Carl\" <carl@example.com>\r\n"
                  "Cc: team: dora@example.com, emil@example.com;\r\n"
                  "Subject: =?utf-8?b?R3LDvMOfZQ==?= from the river\r\n"
                  "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
                  "Message-ID: <1.2@example.net>\r\nIn-Reply-To: <0.1@example.net>\r\n"
                  "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
}

static void make_envelopes(struct slice input)
{
    for (int i = 0; i < ENVELOPES; i++) {
        struct mime_parser *parser = mime_parser_new();
        struct buf out = BUF_INIT;
        mime_parser_feed(parser, input);
        struct mime_message *message = mime_parser_end(parser);
        mime_put_envelope(&out, message, 0, false);
        buf_clear(&out);
        mime_message_free(message);
        mime_parser_free(parser);
    }
}

/* ---- */

static const struct path paths[] = {
    {"message", text_lines, send_message},
    {"dot-stuffing", dotted_lines, send_message},
    {"line-ends", bare_line_ends, send_message},
    {"literal", literal, parse_responses},
    {"fetch-listing", listing, parse_responses},
    {"journal-append", nothing, append_journal},
    {"envelope", header, make_envelopes},
    {"pop3-list", size_list, parse_sizes},
    {"pop3-uidl", uidl_list, parse_uidls},
    {"fetch-flags", fetch_flags, count_mailbox_run},
    {"search-header", search_header, count_mailbox_run},
};

/* Its name is what is collected by. */
__attribute__((noinline)) static void count_work(const struct path *path, struct slice input)
{
    path->work(input);
    __asm__ volatile("" ::: "memory"); /* a jump would be taken for the end of what is counted */
}

int main(int argc, char **argv)
{
    struct buf input = BUF_INIT;

    mime_setup();
    for (size_t i = 0; argc == 2 && i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(argv[1], paths[i].name) != 0)
            continue;
        paths[i].prepare(&input);
        count_work(&paths[i], buf_slice(&input));
        buf_clear(&input);
        return EXIT_SUCCESS;
    }
    fputs("usage: count PATH\n", stderr);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        fprintf(stderr, "  %s\n", paths[i].name);
    return 2;
}
