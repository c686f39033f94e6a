/* Messages for the tests of translate/mime/. */
#ifndef TESTS_UNIT_MIME_PARSE_H
#define TESTS_UNIT_MIME_PARSE_H

#include "tests/unit/feed.h"

#include <inttypes.h>
#include <stdio.h>

#include "translate/mime/mime_parser.h"

/* Parses `text` in pieces of `size` octets; the structure is to be freed. */
static inline struct mime_message *mime_parse(struct slice text, size_t size)
{
    struct mime_parser *parser = mime_parser_new();

    assert_non_null(parser);
    while (text.n)
        mime_parser_feed(parser, slice_take(&text, size));
    struct mime_message *message = mime_parser_end(parser);
    assert_non_null(message);
    mime_parser_free(parser);
    return message;
}

/* "IN kind HEADER-BODY-END/LINES" of each part, by spaces. */
static inline void mime_outline(const struct mime_message *message, struct buf *out)
{
    static const char kinds[] = "TMR-";

    for (uint32_t i = 0; i < mime_message_parts(message); i++) {
        const struct mime_part *part = mime_message_part(message, i);
        if (i)
            buf_printf(out, " %u", part->parent);
        buf_printf(out, "%c%" PRIu64 "-%" PRIu64 "-%" PRIu64 "/%" PRIu64, kinds[part->kind],
                   part->header_start, part->body_start, part->body_end, part->body_lines);
    }
    buf_putc(out, '\0');
}

#endif
