/*
 * The items of FETCH that are written at once: what the state tells, and ENVELOPE, BODY and
 * BODYSTRUCTURE from the header or the structure (RFC 9051 section 7.5.2).
 */
#include "translate/mailbox/job_internal.h"

#include "translate/imap/imapd_write.h"
#include "translate/mime/mime_parser.h"
#include "translate/mime/mime_put.h"

static void put_envelope_of_header(struct job *j, struct slice header)
{
    struct mime_parser *parser = mime_parser_new();
    struct mime_message *message = NULL;

    if (parser) {
        mime_parser_feed(parser, header);
        message = mime_parser_end(parser);
    }
    if (message)
        mime_put_envelope(j->host->out, message, 0, j->host->utf8);
    else
        job_no_memory(j);
    mime_message_free(message);
    mime_parser_free(parser);
}

static bool can_be_had(const struct job_slot *slot, enum imapd_fetch_kind kind)
{
    if (kind == IMAPD_FETCH_INTERNALDATE)
        return slot->date.progress != JOB_FAILED;
    if (kind == IMAPD_FETCH_ENVELOPE)
        return slot->message || job_slot_has_header(slot) || buf_size(&slot->envelope);
    if (kind == IMAPD_FETCH_BODY || kind == IMAPD_FETCH_BODYSTRUCTURE)
        return slot->message || buf_size(&slot->structure);
    return true;
}

static void put_value(struct job *j, const struct job_slot *slot, enum imapd_fetch_kind kind)
{
    struct buf *out = j->host->out;

    switch (kind) {
    case IMAPD_FETCH_FLAGS:
        mailbox_put_flags(out, j->host->state(j->host->owner), j->fetch.message.flags);
        break;
    case IMAPD_FETCH_UID:
        buf_put_number(out, slot->uid);
        break;
    case IMAPD_FETCH_INTERNALDATE:
        imapd_put_date(out, j->fetch.message.date);
        break;
    case IMAPD_FETCH_SIZE:
        buf_put_number(out, j->fetch.size);
        break;
    case IMAPD_FETCH_MODSEQ:
        buf_printf(out, "(%llu)", (unsigned long long)j->fetch.message.modseq);
        break;
    case IMAPD_FETCH_ENVELOPE:
        if (buf_size(&slot->envelope))
            buf_put(out, buf_slice(&slot->envelope));
        else if (slot->message)
            mime_put_envelope(out, slot->message, 0, j->host->utf8);
        else
            put_envelope_of_header(j, buf_slice(&slot->octets));
        break;
    case IMAPD_FETCH_BODY:
    case IMAPD_FETCH_BODYSTRUCTURE:
        if (buf_size(&slot->structure))
            buf_put(out, buf_slice(&slot->structure));
        else
            mime_put_body(out, slot->message, kind == IMAPD_FETCH_BODYSTRUCTURE, j->host->utf8);
        break;
    case IMAPD_FETCH_SECTION:
    case IMAPD_FETCH_BINARY:
    case IMAPD_FETCH_BINARY_SIZE:
        break;
    }
}

void job_item_put(struct job *j, const struct job_slot *slot, const struct imapd_fetch_item *item)
{
    if (!can_be_had(slot, item->kind))
        return;
    job_fetch_separate(j, slot);
    imapd_fetch_put_name(j->host->out, item);
    buf_putc(j->host->out, ' ');
    put_value(j, slot, item->kind);
}

void job_item_put_kind(struct job *j, const struct job_slot *slot, enum imapd_fetch_kind kind)
{
    struct imapd_fetch_item item = {.kind = kind};

    job_item_put(j, slot, &item);
}
