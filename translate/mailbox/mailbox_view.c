/*
 * What a session has been told of the selected folder, and the telling of what it has not.
 */
#include "translate/mailbox/mailbox_view.h"

#include <stdlib.h>
#include <string.h>

/* The first `count` messages of the folder are those of the view. */
static bool view_share(struct mailbox_view *v, const struct box_state *s,
                       const struct box_folder *f, size_t count)
{
    struct folder_uids *list = box_folder_uids(box_state_folder_by_id(s, f->id));

    if (!list)
        return false;
    folder_uids_hold(list);
    folder_uids_let_go(v->list);
    v->list = list;
    v->count = count;
    return true;
}

bool mailbox_view_open(struct mailbox_view *v, const struct box_state *s,
                       const struct box_folder *f, bool read_only)
{
    mailbox_view_close(v);
    if (!view_share(v, s, f, f->count))
        return false;
    v->folder = f->id;
    v->read_only = read_only;
    v->modseq = v->settled = f->modseq;
    v->removals = f->removals;
    v->keywords = s->keyword_count;
    return true;
}

void mailbox_view_close(struct mailbox_view *v)
{
    folder_uids_let_go(v->list);
    free(v->saved);
    memset(v, 0, sizeof *v);
}

/* How many of these UIDs, which ascend, are below this one. */
static size_t uids_below(const uint32_t *uids, size_t count, uint32_t uid)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (uids[middle] < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t view_position(const struct mailbox_view *v, uint32_t uid)
{
    return v->count ? uids_below(v->list->uids, v->count, uid) : 0;
}

uint32_t mailbox_view_number(const struct mailbox_view *v, uint32_t uid)
{
    size_t at = view_position(v, uid);

    return at < v->count && v->list->uids[at] == uid ? (uint32_t)at + 1 : 0;
}

uint32_t mailbox_view_uid(const struct mailbox_view *v, uint32_t number)
{
    return number >= 1 && number <= v->count ? v->list->uids[number - 1] : 0;
}

bool mailbox_view_has_saved(const struct mailbox_view *v, uint32_t uid)
{
    size_t at = uids_below(v->saved, v->saved_count, uid);

    return at < v->saved_count && v->saved[at] == uid;
}

/* ---- walking ----------------------------------------------------------------------------- */

static bool next_saved(const struct mailbox_view *v, struct mailbox_walk *walk, uint32_t *number)
{
    while (walk->at < v->saved_count) {
        *number = mailbox_view_number(v, v->saved[walk->at++]);
        if (*number)
            return true;
    }
    return false;
}

/* Whether the place in the view is still in the range that is being walked through. */
static bool in_range(const struct mailbox_view *v, const struct mailbox_walk *walk, bool by_uid)
{
    if (!walk->begun || walk->at >= v->count)
        return false;
    return (by_uid ? v->list->uids[walk->at] : walk->at + 1) <= walk->range.last;
}

bool mailbox_view_next(const struct mailbox_view *v, const struct imapd_set *set, bool by_uid,
                       struct mailbox_walk *walk, uint32_t *number, uint32_t *uid)
{
    uint32_t max = by_uid ? mailbox_view_uid(v, (uint32_t)v->count) : (uint32_t)v->count;

    if (set->saved) {
        if (!next_saved(v, walk, number))
            return false;
    } else {
        while (!in_range(v, walk, by_uid)) {
            walk->begun = imapd_set_next(set, max, &walk->set, &walk->range);
            if (!walk->begun)
                return false;
            walk->at = by_uid ? view_position(v, walk->range.first) : walk->range.first - 1;
        }
        *number = (uint32_t)++walk->at;
    }
    *uid = mailbox_view_uid(v, *number);
    return true;
}

/* ---- flags ------------------------------------------------------------------------------- */

static const struct {
    uint64_t flag;
    const char *name;
} system_flags[] = {
    {BOX_ANSWERED, "\\Answered"}, {BOX_FLAGGED, "\\Flagged"}, {BOX_DELETED, "\\Deleted"},
    {BOX_SEEN, "\\Seen"},         {BOX_DRAFT, "\\Draft"},
};

/* Without parentheses; true when there was any. */
static bool put_flag_names(struct buf *out, const struct box_state *s, uint64_t flags)
{
    const char *space = "";

    for (size_t i = 0; i < sizeof system_flags / sizeof *system_flags; i++) {
        if (!(flags & system_flags[i].flag))
            continue;
        buf_printf(out, "%s%s", space, system_flags[i].name);
        space = " ";
    }
    for (size_t i = 0; i < s->keyword_count; i++) {
        if (!(flags & (BOX_KEYWORD << i)))
            continue;
        buf_printf(out, "%s%s", space, s->keywords[i]);
        space = " ";
    }
    return *space;
}

void mailbox_put_flags(struct buf *out, const struct box_state *s, uint64_t flags)
{
    buf_putc(out, '(');
    put_flag_names(out, s, flags);
    buf_putc(out, ')');
}

void mailbox_put_all_flags(struct buf *out, const struct box_state *s, bool read_only)
{
    buf_puts(out, "* FLAGS (");
    put_flag_names(out, s, BOX_FLAGS);
    buf_puts(out, ")\r\n* OK [PERMANENTFLAGS (");
    if (!read_only) {
        put_flag_names(out, s, BOX_FLAGS);
        /* New keywords can be made by using them (RFC 9051 section 7.1). */
        if (s->keyword_count < BOX_KEYWORDS_MAX)
            buf_puts(out, " \\*");
    }
    buf_printf(out, ")] %s\r\n", read_only ? "No flags can be changed" : "Flags that are kept");
}

/* ---- catching up ------------------------------------------------------------------------- */

const struct box_folder *mailbox_view_folder(const struct mailbox_view *v,
                                             const struct box_state *s)
{
    const struct box_folder *f = v->folder ? box_state_folder_by_id(s, v->folder) : NULL;

    return f && !f->noselect ? f : NULL;
}

/* What the view has left are the folder's first: all up to the last one that it was told of. */
static bool tell_gone(struct mailbox_view *v, const struct box_state *s, const struct box_folder *f,
                      struct buf *out)
{
    bool whole = f && f->removals == v->removals;
    size_t kept = whole ? v->count : 0;
    size_t at = 0;

    for (size_t i = kept; i < v->count; i++) {
        uint32_t uid = v->list->uids[i];
        while (f && at < f->count && f->messages[at].uid < uid)
            at++;
        if (f && at < f->count && f->messages[at].uid == uid)
            kept++;
        else
            buf_printf(out, "* %zu EXPUNGE\r\n", kept + 1);
    }
    v->count = kept;
    v->settled = f ? f->modseq : v->settled;
    v->removals = f ? f->removals : v->removals;
    return whole || !f || view_share(v, s, f, kept);
}

void mailbox_tell_keywords(struct mailbox_view *v, const struct box_state *s, struct buf *out)
{
    if (v->keywords == s->keyword_count)
        return;
    mailbox_put_all_flags(out, s, v->read_only);
    v->keywords = s->keyword_count;
}

static void put_fetch(struct buf *out, const struct box_state *s, const struct box_message *m,
                      uint32_t number, const struct mailbox_tell *tell)
{
    buf_printf(out, "* %u FETCH (", number);
    if (tell->uid)
        buf_printf(out, "UID %u ", m->uid);
    buf_puts(out, "FLAGS ");
    mailbox_put_flags(out, s, m->flags);
    if (tell->modseq)
        buf_printf(out, " MODSEQ (%llu)", (unsigned long long)m->modseq);
    buf_puts(out, ")\r\n");
}

static void tell_flags(const struct mailbox_view *v, const struct box_state *s,
                       const struct box_folder *f, const struct mailbox_tell *tell, struct buf *out)
{
    for (size_t i = box_folder_changed(f, 0, v->modseq); i < f->count;
         i = box_folder_changed(f, i + 1, v->modseq)) {
        const struct box_message *m = &f->messages[i];
        uint32_t number = mailbox_view_number(v, m->uid);
        if (number && (m->modseq != v->silent || v->silent == 0))
            put_fetch(out, s, m, number, tell);
    }
}

/* A list to which the view alone appends: it has messages that the folder has no more. */
static bool view_own(struct mailbox_view *v)
{
    if (v->list->holders > 1) {
        struct folder_uids *own = folder_uids_new(v->count);
        if (!own)
            return false;
        for (size_t i = 0; i < v->count; i++)
            folder_uids_add(own, v->list->uids[i]);
        folder_uids_let_go(v->list);
        v->list = own;
    }
    v->list->count = v->count;
    return true;
}

static bool tell_new(struct mailbox_view *v, const struct box_folder *f, struct buf *out)
{
    size_t from = box_folder_position(f, mailbox_view_uid(v, (uint32_t)v->count) + 1);
    size_t count = f->count - from;

    if (count == 0)
        return true;
    if (v->list != f->uids) {
        if (!view_own(v) || !folder_uids_reserve(v->list, count))
            return false;
        for (size_t i = from; i < f->count; i++)
            folder_uids_add(v->list, f->messages[i].uid);
    }
    v->count += count;
    buf_printf(out, "* %zu EXISTS\r\n", v->count);
    return true;
}

bool mailbox_view_is_behind(const struct mailbox_view *v, const struct box_state *s, bool expunge)
{
    const struct box_folder *f = mailbox_view_folder(v, s);

    if (!v->folder)
        return false;
    if (!f)
        return expunge && v->count > 0;
    return f->modseq > v->modseq || (expunge && f->modseq > v->settled);
}

bool mailbox_view_sync(struct mailbox_view *v, const struct box_state *s,
                       const struct mailbox_tell *tell, struct buf *out)
{
    const struct box_folder *f = mailbox_view_folder(v, s);

    if (!mailbox_view_is_behind(v, s, tell->expunge))
        return true;
    if (tell->expunge && !tell_gone(v, s, f, out))
        return false;
    if (!f)
        return true;
    mailbox_tell_keywords(v, s, out);
    tell_flags(v, s, f, tell, out);
    if (!tell_new(v, f, out))
        return false;
    v->modseq = f->modseq;
    return true;
}
