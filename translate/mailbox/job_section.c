/*
 * BODY[...], BINARY[...] and BINARY.SIZE[...] of one message (RFC 9051 section 6.4.5).
 *
 * A section is a run of the message's octets. As it is, it goes from the store of bodies to the
 * client piece by piece, and the literal's size is that of what the store has, or is about to have:
 * a message may still be on its way, and when it turns out to be another size the literal is never
 * completed. What is changed on
 * its way, HEADER.FIELDS and decoded parts, has a size that nobody knows before it was made: it is
 * read twice, first only to be counted. Headers that were gathered need no more reading.
 */
#include "translate/mailbox/job_internal.h"

#include <string.h>

#include "translate/imap/imapd_write.h"

enum place { PLACE_HERE, PLACE_NIL, PLACE_UNAVAILABLE };

static struct job_section *section_of(struct job *j)
{
    return &j->fetch.section;
}

static bool is_fields(const struct imapd_fetch_item *item)
{
    return item->section.text == IMAPD_SECTION_FIELDS ||
           item->section.text == IMAPD_SECTION_FIELDS_NOT;
}

/* Of the message itself, from its header part. */
static bool is_top_header(const struct imapd_fetch_item *item)
{
    return item->section.depth == 0 &&
           (is_fields(item) || item->section.text == IMAPD_SECTION_HEADER);
}

/* How many of `size` octets a partial item wants, or all. */
static uint64_t wanted_of(const struct imapd_fetch_item *item, uint64_t size)
{
    if (!item->partial)
        return size;
    if (item->offset >= size)
        return 0;
    return size - item->offset < item->length ? size - item->offset : item->length;
}

/* ---- where it is -------------------------------------------------------------------------- */

static enum mime_section kind_of(enum imapd_section_text text)
{
    switch (text) {
    case IMAPD_SECTION_ALL:
        break;
    case IMAPD_SECTION_HEADER:
    case IMAPD_SECTION_FIELDS:
    case IMAPD_SECTION_FIELDS_NOT:
        return MIME_SECTION_HEADER;
    case IMAPD_SECTION_TEXT:
        return MIME_SECTION_TEXT;
    case IMAPD_SECTION_MIME:
        return MIME_SECTION_MIME;
    }
    return MIME_SECTION_ALL;
}

static enum place locate(const struct job_slot *slot, const struct imapd_fetch_item *item,
                         enum account_part *part, struct mime_range *range)
{
    const struct imapd_section *s = &item->section;
    bool all = s->depth == 0 && s->text == IMAPD_SECTION_ALL;

    *part = ACCOUNT_WHOLE;
    *range = (struct mime_range){0, UINT64_MAX};
    if (slot->message) {
        bool there = mime_section_range(slot->message, s->parts, s->depth, kind_of(s->text), range);
        return there ? PLACE_HERE : PLACE_NIL;
    }
    if (is_top_header(item) && job_slot_has_header(slot)) {
        *part = ACCOUNT_HEADER;
        return PLACE_HERE;
    }
    return all && slot->whole.progress == JOB_READY ? PLACE_HERE : PLACE_UNAVAILABLE;
}

/* False when it cannot be decoded. */
static bool choose_transform(struct job *j, const struct job_slot *slot)
{
    struct job_section *s = section_of(j);
    const struct imapd_section *section = &s->item->section;

    s->transform = is_fields(s->item) ? JOB_FIELDS : JOB_AS_IS;
    if (s->item->kind == IMAPD_FETCH_SECTION || section->depth == 0)
        return true;
    s->transfer = mime_transfer_of(
        slot->message, mime_section_part(slot->message, section->parts, section->depth));
    if (s->transfer == MIME_TRANSFER_UNKNOWN) {
        j->result.unknown_cte = true;
        return false;
    }
    s->transform = s->transfer == MIME_TRANSFER_PLAIN ? JOB_AS_IS : JOB_DECODED;
    return true;
}

/* ---- what is written ---------------------------------------------------------------------- */

void job_section_clear(struct job_section *s)
{
    struct buf rest = BUF_INIT;

    if (s->transform == JOB_FIELDS)
        mime_header_filter_end(&s->filter, &rest);
    buf_clear(&rest);
    mime_decoder_free(s->decoder);
    buf_clear(&s->scratch);
    s->decoder = NULL;
    s->transform = JOB_AS_IS;
}

static void finish(struct job *j)
{
    struct job_section *s = section_of(j);

    job_section_clear(s);
    s->progress = JOB_SECTION_DONE;
    j->stream.progress = JOB_IDLE;
}

static void put_name(struct job *j)
{
    job_fetch_separate(j, job_window_at(&j->window, 0));
    imapd_fetch_put_name(j->host->out, section_of(j)->item);
    buf_putc(j->host->out, ' ');
}

/* In BINARY's literal8 may be any octet; a decoded one without NUL is a plain literal for clients
 * that know no other. */
static void announce(struct job *j, uint64_t size)
{
    struct job_section *s = section_of(j);
    bool binary = s->item->kind == IMAPD_FETCH_BINARY && (s->nul || s->transform == JOB_AS_IS);

    put_name(j);
    imapd_put_literal(j->host->out, size, binary);
    s->announced = true;
    s->left = size;
    j->fetch.read |= !s->item->peek;
}

static void put_text(struct job *j, const char *text)
{
    put_name(j);
    buf_puts(j->host->out, text);
    finish(j);
}

static void put_size(struct job *j, uint64_t size)
{
    put_name(j);
    buf_printf(j->host->out, "%llu", (unsigned long long)size);
    finish(j);
}

/* A plain literal has no NUL (RFC 3501 section 9, CHAR8), though messages may: it is 0x80 then, so
 * that sizes stay what they are. */
static void put_clean(struct job *j, struct slice octets)
{
    struct buf *out = j->host->out;

    buf_put(out, octets);
    if (buf_failed(out) || !slice_has_nul(octets) ||
        section_of(j)->item->kind == IMAPD_FETCH_BINARY)
        return;
    for (char *p = out->p + out->end - octets.n; p < out->p + out->end; p++)
        if (*p == '\0')
            *p = (char)0x80;
}

/* From the octets of the section, or what the transform made of them. */
static void put_octets(struct job *j, struct slice octets)
{
    struct job_section *s = section_of(j);

    slice_take(&octets, s->skip < octets.n ? (size_t)s->skip : octets.n);
    if (octets.n > s->left)
        octets.n = (size_t)s->left;
    s->left -= octets.n;
    put_clean(j, octets);
}

/* ---- transforms --------------------------------------------------------------------------- */

static void transform_begin(struct job *j)
{
    struct job_section *s = section_of(j);
    const struct imapd_section *section = &s->item->section;

    s->made = 0;
    s->filter = (struct mime_header_filter){
        .names = section->fields,
        .count = section->field_count,
        .others = section->text == IMAPD_SECTION_FIELDS_NOT,
    };
    if (s->transform != JOB_DECODED)
        return;
    s->decoder = mime_decoder_new(s->transfer, (struct slice){0});
    if (!s->decoder)
        job_no_memory(j);
}

/* What came out of the transform into `scratch` is counted or written. */
static void take_made(struct job *j)
{
    struct job_section *s = section_of(j);
    struct slice made = buf_slice(&s->scratch);

    if (buf_failed(&s->scratch))
        job_no_memory(j);
    if (s->counting) {
        s->nul |= slice_has_nul(made);
    } else {
        uint64_t passed = s->skip < made.n ? s->skip : made.n;
        put_octets(j, made);
        s->skip -= passed;
    }
    s->made += made.n;
    buf_truncate(&s->scratch, 0);
}

static void transform_feed(struct job *j, struct slice octets)
{
    struct job_section *s = section_of(j);

    if (s->transform == JOB_FIELDS)
        mime_header_filter_feed(&s->filter, octets, &s->scratch);
    else if (s->decoder)
        mime_decoder_feed(s->decoder, octets, &s->scratch);
    take_made(j);
}

static void transform_end(struct job *j)
{
    struct job_section *s = section_of(j);

    if (s->transform == JOB_FIELDS)
        mime_header_filter_end(&s->filter, &s->scratch);
    else if (s->decoder)
        mime_decoder_end(s->decoder, &s->scratch);
    take_made(j);
    mime_decoder_free(s->decoder);
    s->decoder = NULL;
}

/* ---- reading ------------------------------------------------------------------------------ */

static void read_range(struct job *j, uint64_t offset, uint64_t length)
{
    j->stream.offset = offset;
    j->stream.length = length;
    section_of(j)->progress = JOB_SECTION_READS;
    job_need_begin(j, &j->stream);
    if (j->stream.progress == JOB_FAILED)
        job_section_failed(j);
}

/* Only what the client wants of it. */
static void begin_as_is(struct job *j)
{
    struct job_section *s = section_of(j);
    uint64_t size = s->range.end - s->range.start;
    uint64_t wanted = wanted_of(s->item, size);

    if (s->item->kind == IMAPD_FETCH_BINARY_SIZE) {
        put_size(j, size);
    } else if (wanted == 0) {
        announce(j, 0);
        finish(j);
    } else {
        uint64_t offset = s->range.start + (s->item->partial ? s->item->offset : 0);
        uint64_t most = UINT64_MAX - offset;
        read_range(j, offset, wanted < most ? wanted : most);
    }
}

static void begin_transformed(struct job *j)
{
    section_of(j)->counting = true;
    transform_begin(j);
    read_range(j, section_of(j)->range.start,
               section_of(j)->range.end - section_of(j)->range.start);
}

/* The header, or all of the message, was gathered. */
static void put_from_memory(struct job *j, struct slice octets)
{
    struct job_section *s = section_of(j);

    if (s->transform == JOB_FIELDS) {
        transform_begin(j);
        mime_header_filter_feed(&s->filter, octets, &s->scratch);
        mime_header_filter_end(&s->filter, &s->scratch);
        octets = buf_slice(&s->scratch);
        if (buf_failed(&s->scratch))
            job_no_memory(j);
    }
    s->skip = s->item->partial ? s->item->offset : 0;
    announce(j, wanted_of(s->item, octets.n));
    put_octets(j, octets);
    finish(j);
}

void job_section_begin(struct job *j, struct job_slot *slot, const struct imapd_fetch_item *item)
{
    struct job_section *s = section_of(j);
    enum account_part part;

    *s = (struct job_section){.item = item};
    enum place place = locate(slot, item, &part, &s->range);
    j->stream = (struct job_need){.ask = JOB_ASK_STREAM, .content = slot->content, .part = part};
    if (place == PLACE_NIL)
        put_text(j, item->kind == IMAPD_FETCH_BINARY_SIZE ? "0" : "NIL");
    else if (place == PLACE_UNAVAILABLE || !choose_transform(j, slot))
        finish(j);
    else if (job_slot_has_whole(slot) ||
             (is_top_header(item) && job_slot_has_header(slot) && !slot->cut))
        put_from_memory(j, job_slot_octets(slot));
    else if (s->transform == JOB_AS_IS)
        begin_as_is(j);
    else
        begin_transformed(j);
}

bool job_section_wants(const struct job *j)
{
    return j->fetch.section.counting || j->host->has_room(j->host->owner);
}

/* The section ends where the store's octets do, whatever its end was taken for. */
static void announce_as_is(struct job *j, uint64_t size)
{
    struct job_section *s = section_of(j);
    uint64_t end = s->range.end < size ? s->range.end : size;

    announce(j, end > s->range.start ? wanted_of(s->item, end - s->range.start) : 0);
}

void job_section_data(struct job *j, uint64_t size, struct slice *in)
{
    struct job_section *s = section_of(j);

    while (in->n && job_section_wants(j)) {
        size_t n = in->n < JOB_PIECE ? in->n : JOB_PIECE;
        if (!job_spend(j, s->transform == JOB_AS_IS ? 1 : 1 + n / JOB_OCTETS_IN_UNIT))
            return;
        if (s->transform == JOB_AS_IS && !s->announced)
            announce_as_is(j, size);
        if (s->transform == JOB_AS_IS)
            put_octets(j, slice_take(in, n));
        else
            transform_feed(j, slice_take(in, n));
        if (s->transform != JOB_AS_IS && !s->counting && s->left == 0) {
            finish(j); /* a partial item wants no more; the rest of the range is dropped */
            slice_take(in, in->n);
        }
    }
}

/* A literal that was announced must be filled. */
static void end_writing(struct job *j)
{
    if (section_of(j)->left > 0)
        j->result.broken = true;
    finish(j);
}

static void end_counting(struct job *j)
{
    struct job_section *s = section_of(j);

    if (s->item->kind == IMAPD_FETCH_BINARY_SIZE) {
        put_size(j, s->made);
        return;
    }
    announce(j, wanted_of(s->item, s->made));
    if (s->left == 0) {
        finish(j);
        return;
    }
    s->counting = false;
    s->skip = s->item->partial ? s->item->offset : 0;
    transform_begin(j);
    read_range(j, s->range.start, s->range.end - s->range.start);
}

void job_section_end(struct job *j)
{
    struct job_section *s = section_of(j);

    if (s->transform != JOB_AS_IS)
        transform_end(j);
    else if (!s->announced)
        announce(j, 0);
    if (s->counting)
        end_counting(j);
    else
        end_writing(j);
}

void job_section_failed(struct job *j)
{
    if (section_of(j)->announced)
        j->result.broken = true;
    finish(j);
}
