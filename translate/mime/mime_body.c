/* BODY and BODYSTRUCTURE of mime_put.h. They nest no deeper than MIME_DEPTH_MAX. */
#include <inttypes.h>

#include "translate/mime/mime_put.h"
#include "translate/mime/mime_type.h"

struct body {
    struct buf *out;
    const struct mime_message *message;
    bool extended;
    bool utf8;
};

static void put_part(struct body *body, uint32_t index);

static struct slice field(const struct body *body, uint32_t index, enum mime_field which)
{
    return mime_message_field(body->message, index, which, 0);
}

static void put_params(struct body *body, const struct mime_params *params, bool is_text)
{
    bool charset = mime_params_find(params, "charset").p != NULL;

    if (params->count == 0 && !is_text) {
        buf_puts(body->out, "NIL");
        return;
    }
    for (size_t i = 0; i < params->count; i++) {
        buf_putc(body->out, i ? ' ' : '(');
        mime_put_nstring(body->out, mime_params_name(params, i), body->utf8);
        buf_putc(body->out, ' ');
        mime_put_nstring(body->out, mime_params_value(params, i), body->utf8);
    }
    if (is_text && !charset) {
        buf_putc(body->out, params->count ? ' ' : '(');
        buf_puts(body->out, "\"charset\" \"us-ascii\"");
    }
    buf_putc(body->out, ')');
}

static void put_disposition(struct body *body, struct slice value)
{
    struct buf kind = BUF_INIT;
    struct mime_params params = {0};

    buf_putc(body->out, ' ');
    if (value.p && mime_disposition_parse(value, &kind, &params)) {
        buf_putc(body->out, '(');
        mime_put_nstring(body->out, buf_slice(&kind), body->utf8);
        buf_putc(body->out, ' ');
        put_params(body, &params, false);
        buf_putc(body->out, ')');
    } else {
        buf_puts(body->out, "NIL");
    }
    body->out->failed = body->out->failed || params.failed || buf_failed(&kind);
    buf_clear(&kind);
    mime_params_clear(&params);
}

struct tags {
    struct body *body;
    size_t count;
};

static void put_tag(void *context, struct slice tag)
{
    struct tags *tags = context;

    buf_putc(tags->body->out, tags->count++ ? ' ' : '(');
    mime_put_nstring(tags->body->out, tag, tags->body->utf8);
}

static void put_language(struct body *body, struct slice value)
{
    struct tags tags = {.body = body};

    buf_putc(body->out, ' ');
    if (value.p)
        mime_languages_each(value, put_tag, &tags);
    buf_puts(body->out, tags.count ? ")" : "NIL");
}

/* What BODYSTRUCTURE adds to every part. */
static void put_extension(struct body *body, uint32_t index)
{
    put_disposition(body, field(body, index, MIME_DISPOSITION));
    put_language(body, field(body, index, MIME_LANGUAGE));
    buf_putc(body->out, ' ');
    mime_put_unfolded(body->out, field(body, index, MIME_LOCATION), body->utf8);
}

/* A multipart has at least one part, says the grammar: this one stands in where there is none. */
static void put_no_part(struct body *body)
{
    buf_puts(body->out, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0");
    buf_puts(body->out, body->extended ? " NIL NIL NIL NIL)" : ")");
}

static void put_multipart(struct body *body, uint32_t index, const struct mime_type *type)
{
    uint32_t child = mime_message_part(body->message, index)->child;

    if (child == MIME_NONE)
        put_no_part(body);
    while (child != MIME_NONE) {
        put_part(body, child);
        child = mime_message_part(body->message, child)->next;
    }
    buf_putc(body->out, ' ');
    mime_put_nstring(body->out, buf_slice(&type->subtype), body->utf8);
    if (!body->extended)
        return;
    buf_putc(body->out, ' ');
    put_params(body, &type->params, false);
    put_extension(body, index);
}

/* Calls itself a multipart or message, but lies too deep to be looked into. */
static bool is_opaque(const struct mime_part *part, const struct mime_type *type, bool typed)
{
    if (part->kind != MIME_KIND_OTHER)
        return false;
    return !typed || slice_is_nocase(buf_slice(&type->type), "multipart") ||
           (slice_is_nocase(buf_slice(&type->type), "message") &&
            slice_is_nocase(buf_slice(&type->subtype), "rfc822"));
}

static void put_type(struct body *body, const struct mime_part *part, const struct mime_type *type,
                     bool typed)
{
    if (part->kind == MIME_KIND_MESSAGE) {
        buf_puts(body->out, "\"message\" \"rfc822\"");
    } else if (is_opaque(part, type, typed)) {
        buf_puts(body->out, "\"application\" \"octet-stream\"");
    } else if (!typed) {
        buf_puts(body->out, "\"text\" \"plain\"");
    } else {
        mime_put_nstring(body->out, buf_slice(&type->type), body->utf8);
        buf_putc(body->out, ' ');
        mime_put_nstring(body->out, buf_slice(&type->subtype), body->utf8);
    }
}

static void put_encoding(struct body *body, struct slice value)
{
    struct buf encoding = BUF_INIT;

    buf_putc(body->out, ' ');
    if (value.p && mime_encoding_parse(value, &encoding))
        mime_put_nstring(body->out, buf_slice(&encoding), body->utf8);
    else
        buf_puts(body->out, "\"7bit\"");
    body->out->failed = body->out->failed || buf_failed(&encoding);
    buf_clear(&encoding);
}

static void put_inner_message(struct body *body, const struct mime_part *part)
{
    buf_putc(body->out, ' ');
    mime_put_envelope(body->out, body->message, part->child, body->utf8);
    buf_putc(body->out, ' ');
    put_part(body, part->child);
}

static void put_single(struct body *body, uint32_t index, const struct mime_type *type, bool typed)
{
    const struct mime_part *part = mime_message_part(body->message, index);
    bool is_text = part->kind == MIME_KIND_TEXT;

    put_type(body, part, type, typed);
    buf_putc(body->out, ' ');
    put_params(body, &type->params, is_text);
    buf_putc(body->out, ' ');
    mime_put_unfolded(body->out, field(body, index, MIME_ID), body->utf8);
    buf_putc(body->out, ' ');
    mime_put_unfolded(body->out, field(body, index, MIME_DESCRIPTION), body->utf8);
    put_encoding(body, field(body, index, MIME_ENCODING));
    buf_printf(body->out, " %" PRIu64, part->body_end - part->body_start);
    if (part->kind == MIME_KIND_MESSAGE)
        put_inner_message(body, part);
    if (is_text || part->kind == MIME_KIND_MESSAGE)
        buf_printf(body->out, " %" PRIu64, part->body_lines);
    if (!body->extended)
        return;
    buf_putc(body->out, ' ');
    mime_put_unfolded(body->out, field(body, index, MIME_MD5), body->utf8);
    put_extension(body, index);
}

static void put_part(struct body *body, uint32_t index)
{
    struct slice value = field(body, index, MIME_TYPE);
    struct mime_type type;

    mime_type_parse(&type, value);
    body->out->failed = body->out->failed || type.failed;
    buf_putc(body->out, '(');
    if (mime_message_part(body->message, index)->kind == MIME_KIND_MULTIPART)
        put_multipart(body, index, &type);
    else
        put_single(body, index, &type, value.p != NULL);
    buf_putc(body->out, ')');
    mime_type_clear(&type);
}

void mime_put_body(struct buf *out, const struct mime_message *message, bool extended, bool utf8)
{
    struct body body = {.out = out, .message = message, .extended = extended, .utf8 = utf8};

    put_part(&body, 0);
}
