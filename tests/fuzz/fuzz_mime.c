/*
 * A message of any octets: parsed in pieces of any size it has the same structure, which survives
 * being remembered; its sections lie inside it; its envelope and body are written without a fault.
 */
#include <assert.h>
#include <stdlib.h>

#include "translate/mime/mime_json.h"
#include "translate/mime/mime_parser.h"
#include "translate/mime/mime_put.h"
#include "translate/mime/mime_section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mime_message *parse(struct slice text, size_t piece)
{
    struct mime_parser *parser = mime_parser_new();

    assert(parser);
    while (text.n)
        mime_parser_feed(parser, slice_take(&text, piece));
    struct mime_message *message = mime_parser_end(parser);
    mime_parser_free(parser);
    assert(message);
    return message;
}

static void put(struct buf *out, const struct mime_message *message)
{
    mime_put_envelope(out, message, 0, false);
    mime_put_body(out, message, false, true);
    mime_put_body(out, message, true, false);
}

static void check_sections(const struct mime_message *message, uint64_t size)
{
    struct mime_range range;

    for (uint32_t i = 0; i < 4; i++) {
        for (enum mime_section section = 0; section <= MIME_SECTION_MIME; section++) {
            for (size_t n = 0; n <= 3; n++) {
                mime_section_range(message, (uint32_t[]){1, i, 1}, n, section, &range);
                assert(range.start <= range.end && range.end <= size);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct mime_message *whole = parse(text, size + 1);
    struct mime_message *cut = parse(text, size ? 1 + data[0] % 16 : 1);
    struct failure why;
    struct buf remembered = BUF_INIT;
    mime_json_put(&remembered, cut);
    json_t *json = json_loadb(buf_slice(&remembered).p, buf_size(&remembered), 0, NULL);
    struct mime_message *again = mime_json_to(json, &why);
    struct buf a = BUF_INIT;
    struct buf b = BUF_INIT;

    assert(again);
    put(&a, whole);
    put(&b, again);
    assert(slice_equal(buf_slice(&a), buf_slice(&b)));
    check_sections(again, size);
    buf_clear(&a);
    buf_clear(&b);
    buf_clear(&remembered);
    json_decref(json);
    mime_message_free(whole);
    mime_message_free(cut);
    mime_message_free(again);
    return 0;
}
