/*
 * An event of the IMAP parser as a line of text, for transcripts.
 */
#ifndef TESTS_UNIT_IMAP_EVENT_TEXT_H
#define TESTS_UNIT_IMAP_EVENT_TEXT_H

#include <inttypes.h>

#include "translate/imap/imap_response.h"
#include "translate/text/buf.h"

static inline void imap_fetch_text(struct buf *log, const struct imap_fetch *f)
{
    buf_printf(log, " %u", f->seq);
    if (f->has & IMAP_HAS_UID)
        buf_printf(log, " uid %u", f->uid);
    if (f->has & IMAP_HAS_SIZE)
        buf_printf(log, " size %" PRIu64, f->size);
    if (f->has & IMAP_HAS_INTERNALDATE)
        buf_printf(log, " date %" PRId64, f->internaldate);
    if (f->has & IMAP_HAS_FLAGS)
        buf_printf(log, " flags%s%s", f->flags & IMAP_FLAG_SEEN ? " seen" : "",
                   f->flags & IMAP_FLAG_DELETED ? " deleted" : "");
    if (f->has & IMAP_HAS_MODSEQ)
        buf_printf(log, " modseq %" PRIu64, f->modseq);
    if (f->has & IMAP_HAS_ID)
        buf_printf(log, " id %.*s", SLICE_ARG(f->id));
    if (f->has & IMAP_HAS_BODY)
        buf_puts(log, " body");
}

static inline void imap_status_text(struct buf *log, const struct imap_event *ev)
{
    static const char *const names[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};

    buf_printf(log, "%.*s %s", SLICE_ARG(ev->tag.n ? ev->tag : slice_of("*")), names[ev->status]);
    if (ev->code.n)
        buf_printf(log, " [%.*s]", SLICE_ARG(ev->code));
    buf_puts(log, " ");
    buf_put(log, ev->text);
}

static inline void imap_set_text(struct buf *log, const struct imap_event *ev)
{
    static const char *const names[] = {"search", "esearch", "vanished", "vanished-earlier"};

    buf_puts(log, names[ev->set]);
    if (ev->set_tag.n)
        buf_printf(log, " for %.*s", SLICE_ARG(ev->set_tag));
    buf_puts(log, ev->set_uid ? " uid" : "");
}

static inline void imap_list_text(struct buf *log, const char *name, const struct imap_list *list)
{
    buf_printf(log, "%s <%.*s> '%c'", name, SLICE_ARG(list->name),
               list->delimiter ? list->delimiter : '0');
    buf_puts(log, list->noselect ? " noselect" : "");
    if (list->special_use.n)
        buf_printf(log, " %.*s", SLICE_ARG(list->special_use));
}

/* BODY_DATA is only the octets between "BODY ..." and "\nEND": pieces are as the cuts are. */
static inline void imap_event_text(struct buf *log, const struct imap_event *ev)
{
    switch (ev->type) {
    case IMAP_EV_STATUS:
        imap_status_text(log, ev);
        break;
    case IMAP_EV_CONTINUE:
        buf_printf(log, "+ %.*s", SLICE_ARG(ev->text));
        break;
    case IMAP_EV_CAPABILITY:
        buf_printf(log, "capability %.*s", SLICE_ARG(ev->text));
        break;
    case IMAP_EV_ENABLED:
        buf_printf(log, "enabled %.*s", SLICE_ARG(ev->text));
        break;
    case IMAP_EV_ID:
        buf_printf(log, "id %.*s", SLICE_ARG(ev->text));
        break;
    case IMAP_EV_EXISTS:
        buf_printf(log, "exists %u", ev->number);
        break;
    case IMAP_EV_EXPUNGE:
        buf_printf(log, "expunge %u", ev->number);
        break;
    case IMAP_EV_LIST:
        imap_list_text(log, "list", &ev->list);
        break;
    case IMAP_EV_NAMESPACE:
        imap_list_text(log, "namespace", &ev->list);
        break;
    case IMAP_EV_NUMBERS:
        imap_set_text(log, ev);
        buf_printf(log, " %u:%u", ev->first, ev->last);
        break;
    case IMAP_EV_NUMBERS_END:
        imap_set_text(log, ev);
        buf_puts(log, " end");
        break;
    case IMAP_EV_BODY_BEGIN:
        buf_puts(log, "body");
        imap_fetch_text(log, &ev->fetch);
        buf_printf(log, " [%.*s]<%" PRIu64 "> %" PRIu64 "%s:\n", SLICE_ARG(ev->section), ev->origin,
                   ev->length, ev->nil ? " nil" : "");
        return;
    case IMAP_EV_BODY_DATA:
        buf_put(log, ev->text);
        return;
    case IMAP_EV_BODY_END:
        buf_puts(log, "\nend");
        break;
    case IMAP_EV_FETCH:
        buf_puts(log, "fetch");
        imap_fetch_text(log, &ev->fetch);
        break;
    case IMAP_EV_OTHER:
        buf_puts(log, "other");
        break;
    }
    buf_puts(log, "\n");
}

#endif
