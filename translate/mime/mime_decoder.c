/* See mime_decoder.h. */
#include "translate/mime/mime_decoder.h"

#include <stdlib.h>
#include <string.h>

#include "translate/mime/mime_base64.h"
#include "translate/mime/mime_charset.h"
#include "translate/mime/mime_filter.h"
#include "translate/mime/mime_lexer.h"
#include "translate/mime/mime_type.h"

enum { LINE_LONGEST = 998 }; /* RFC 5322 section 2.1.1 */

struct mime_decoder {
    enum mime_transfer transfer;
    struct mime_base64 base64;
    GMimeFilter *quoted_printable; /* NULL for the others */
    struct buf blanks;             /* of quoted-printable, as long as a line end may follow */
    struct mime_charset *charset;  /* NULL: no conversion */
};

static enum mime_transfer transfer_named(struct slice name)
{
    static const struct {
        const char *name;
        enum mime_transfer transfer;
    } known[] = {
        {"7bit", MIME_TRANSFER_PLAIN},
        {"8bit", MIME_TRANSFER_PLAIN},
        {"binary", MIME_TRANSFER_PLAIN},
        {"base64", MIME_TRANSFER_BASE64},
        {"quoted-printable", MIME_TRANSFER_QUOTED_PRINTABLE},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is_nocase(name, known[i].name))
            return known[i].transfer;
    return MIME_TRANSFER_UNKNOWN;
}

static bool is_blank(struct slice value)
{
    struct mime_lexer lex = {.rest = value};

    return mime_lex_space(&lex) == MIME_LEX_END;
}

/* Some end the name as they would before a parameter, which this field has none of. */
static bool take_name(struct slice value, struct buf *name)
{
    const char *end = value.n ? memchr(value.p, ';', value.n) : NULL;

    return mime_encoding_parse(value, name) ||
           (end && mime_encoding_parse(slice_make(value.p, (size_t)(end - value.p)), name));
}

enum mime_transfer mime_transfer_of(const struct mime_message *message, uint32_t part)
{
    struct slice value = mime_message_field(message, part, MIME_ENCODING, 0);
    enum mime_kind kind = mime_message_part(message, part)->kind;
    enum mime_transfer transfer = MIME_TRANSFER_PLAIN;
    struct buf name = BUF_INIT;

    if (kind == MIME_KIND_MULTIPART || kind == MIME_KIND_MESSAGE)
        return transfer;
    if (value.p && take_name(value, &name))
        transfer = transfer_named(buf_slice(&name));
    else if (value.p && !is_blank(value))
        transfer = MIME_TRANSFER_UNKNOWN;
    buf_clear(&name);
    return transfer;
}

void mime_charset_of(const struct mime_message *message, uint32_t part, struct buf *name)
{
    struct mime_type type;

    mime_type_parse(&type, mime_message_field(message, part, MIME_TYPE, 0));
    buf_put(name, mime_params_find(&type.params, "charset"));
    name->failed = name->failed || type.failed;
    mime_type_clear(&type);
}

struct mime_decoder *mime_decoder_new(enum mime_transfer transfer, struct slice charset)
{
    struct mime_decoder *decoder = calloc(1, sizeof *decoder);

    if (!decoder)
        return NULL;
    decoder->transfer = transfer;
    if (transfer == MIME_TRANSFER_QUOTED_PRINTABLE)
        decoder->quoted_printable =
            g_mime_filter_basic_new(GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, FALSE);
    /* What says us-ascii and is not is UTF-8 more often than anything else. */
    if (charset.p && !slice_is_nocase(charset, "us-ascii") && !slice_is_nocase(charset, "utf-8"))
        decoder->charset = mime_charset_new(charset);
    return decoder;
}

void mime_decoder_free(struct mime_decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->quoted_printable)
        g_object_unref(decoder->quoted_printable);
    mime_charset_free(decoder->charset);
    buf_clear(&decoder->blanks);
    free(decoder);
}

/* Blanks at the end of a line were added on the way (RFC 2045 section 6.7, rule 3), behind a soft
 * line break too; GMime takes them for content. */
static void put_without_padding(struct mime_decoder *decoder, struct slice octets, struct buf *out)
{
    struct buf *blanks = &decoder->blanks;

    for (size_t i = 0; i < octets.n; i++) {
        char c = octets.p[i];
        if ((c == ' ' || c == '\t') && buf_size(blanks) < LINE_LONGEST) {
            buf_putc(blanks, c);
            continue;
        }
        if (c != '\r' && c != '\n')
            buf_put(out, buf_slice(blanks));
        buf_truncate(blanks, 0);
        buf_putc(out, c);
    }
    out->failed = out->failed || buf_failed(blanks);
}

static void quoted_printable(struct mime_decoder *decoder, struct slice octets, bool last,
                             struct buf *plain)
{
    struct buf lines = BUF_INIT;

    put_without_padding(decoder, octets, &lines);
    mime_filter_run(decoder->quoted_printable, buf_slice(&lines), last, plain);
    plain->failed = plain->failed || buf_failed(&lines);
    buf_clear(&lines);
}

/* The octets of the transfer encoding as what they stand for, in `plain` when that differs. */
static struct slice transferred(struct mime_decoder *decoder, struct slice octets, bool last,
                                struct buf *plain)
{
    if (decoder->quoted_printable) {
        quoted_printable(decoder, octets, last, plain);
    } else if (decoder->transfer == MIME_TRANSFER_BASE64) {
        mime_base64_feed(&decoder->base64, octets, plain);
        if (last)
            mime_base64_end(&decoder->base64, plain);
    } else {
        return octets;
    }
    return buf_slice(plain);
}

static void run(struct mime_decoder *decoder, struct slice octets, bool last, struct buf *out)
{
    struct buf plain = BUF_INIT;
    struct slice content = transferred(decoder, octets, last, &plain);

    if (decoder->charset)
        mime_charset_convert(decoder->charset, content, last, out);
    else
        buf_put(out, content);
    out->failed = out->failed || buf_failed(&plain);
    buf_clear(&plain);
}

void mime_decoder_feed(struct mime_decoder *decoder, struct slice octets, struct buf *out)
{
    run(decoder, octets, false, out);
}

void mime_decoder_end(struct mime_decoder *decoder, struct buf *out)
{
    run(decoder, slice_make("", 0), true, out);
}
