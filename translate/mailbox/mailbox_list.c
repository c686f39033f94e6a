/*
 * LIST with everything of RFC 5258, RFC 5819 and RFC 6154 (RFC 9051 section 6.3.9), LSUB
 * (RFC 3501 section 6.3.9) and NAMESPACE (RFC 2342).
 *
 * The names there are, those that are only subscribed, and the levels above the latter are put
 * together and sorted so that what is below a name stands right behind it; then the patterns mark
 * which of them are meant.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/imap/imapd_list.h"
#include "translate/mailbox/mailbox_internal.h"
#include "translate/text/array.h"

struct entry {
    struct slice name;          /* the state's */
    const struct box_folder *f; /* NULL: there is no such folder */
    bool subscribed;
    bool matches;  /* a pattern means it */
    bool selected; /* it has what the selection options ask for */
};

struct entries {
    struct entry *items;
    size_t count, capacity;
    bool failed;
};

/* ---- the names --------------------------------------------------------------------------- */

static void entry_add(struct entries *list, struct slice name, const struct box_folder *f,
                      bool subscribed)
{
    struct entry *items = array_grow(list->items, &list->capacity, list->count, sizeof *items);

    if (!items) {
        list->failed = true;
        return;
    }
    list->items = items;
    list->items[list->count++] = (struct entry){.name = name, .f = f, .subscribed = subscribed};
}

static bool is_below(struct slice name, struct slice above)
{
    return name.n > above.n && name.p[above.n] == '/' && memcmp(name.p, above.p, above.n) == 0;
}

static bool is_inbox_or_below(struct slice name)
{
    return slice_is(name, "INBOX") || is_below(name, slice_of("INBOX"));
}

static int order(const void *left, const void *right)
{
    struct slice a = ((const struct entry *)left)->name;
    struct slice b = ((const struct entry *)right)->name;
    size_t i = 0;

    if (is_inbox_or_below(a) != is_inbox_or_below(b))
        return is_inbox_or_below(a) ? -1 : 1;
    while (i < a.n && i < b.n && a.p[i] == b.p[i])
        i++;
    if (i == a.n || i == b.n)
        return (a.n > b.n) - (a.n < b.n);
    /* The separator is below everything else, so that no name comes between one and its children.
     */
    if (a.p[i] == '/' || b.p[i] == '/')
        return a.p[i] == '/' ? -1 : 1;
    return (unsigned char)a.p[i] < (unsigned char)b.p[i] ? -1 : 1;
}

static void entries_merge(struct entries *list)
{
    size_t kept = 0;

    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, order);
    for (size_t i = 0; i < list->count; i++) {
        struct entry *e = &list->items[i];
        struct entry *last = kept ? &list->items[kept - 1] : NULL;
        if (last && slice_equal(last->name, e->name)) {
            last->f = last->f ? last->f : e->f;
            last->subscribed = last->subscribed || e->subscribed;
        } else {
            list->items[kept++] = *e;
        }
    }
    list->count = kept;
}

static void entries_make(struct entries *list, const struct mailbox *m)
{
    const struct box_state *s = mailbox_state(m);

    for (size_t i = 0; i < s->folder_count; i++) {
        if (mailbox_sees(m, &s->folders[i]))
            entry_add(list, slice_of(s->folders[i].name), &s->folders[i], false);
    }
    const char *subscribed = NULL;
    while ((subscribed = box_state_subscription(s, subscribed)) != NULL) {
        struct slice name = slice_of(subscribed);
        if (m->only && !mailbox_folder(m, name))
            continue;
        entry_add(list, name, NULL, true);
        for (size_t n = 1; n < name.n; n++)
            if (name.p[n] == '/')
                entry_add(list, slice_make(name.p, n), NULL, false);
    }
    entries_merge(list);
}

/* ---- which of them are meant ------------------------------------------------------------- */

static void entries_match(struct entries *list, const struct imapd_list *command)
{
    for (size_t i = 0; i < command->patterns.count; i++) {
        struct buf pattern = BUF_INIT;
        bool fits = imapd_list_pattern(&pattern, command->reference, command->patterns.words[i]);
        for (size_t j = 0; fits && j < list->count; j++) {
            struct entry *e = &list->items[j];
            e->matches = e->matches || imapd_list_match(buf_slice(&pattern), e->name);
        }
        list->failed = list->failed || buf_failed(&pattern);
        buf_clear(&pattern);
    }
}

static void entries_select(struct entries *list, unsigned options)
{
    for (size_t i = 0; i < list->count; i++) {
        struct entry *e = &list->items[i];
        e->selected = e->f || e->subscribed;
        if (options & IMAPD_LIST_SUBSCRIBED)
            e->selected = e->selected && e->subscribed;
        else
            e->selected = e->selected && e->f;
        if (options & IMAPD_LIST_SPECIAL_USE)
            e->selected = e->selected && e->f && e->f->use != BOX_NO_USE;
    }
}

/* What of that is below an entry. */
struct below {
    bool selected;
    bool hidden; /* and no pattern means it */
    bool exists;
};

static struct below entry_below(const struct entries *list, size_t at)
{
    struct below below = {.selected = false};

    for (size_t i = at + 1; i < list->count && is_below(list->items[i].name, list->items[at].name);
         i++) {
        const struct entry *e = &list->items[i];
        below.selected = below.selected || e->selected;
        below.hidden = below.hidden || (e->selected && !e->matches);
        below.exists = below.exists || e->f;
    }
    return below;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void put_attribute(struct buf *out, const char *name, const char **space)
{
    if (!name)
        return;
    buf_printf(out, "%s%s", *space, name);
    *space = " ";
}

static void put_name(struct mailbox *m, struct slice name)
{
    imap_put_mailbox(&m->client_out, name, mailbox_utf8(m));
}

static void put_entry(struct mailbox *m, const struct entry *e, bool children, bool subscribed)
{
    struct buf *out = &m->client_out;
    const char *space = "";

    buf_puts(out, "* LIST (");
    put_attribute(out, !e->f ? "\\NonExistent" : e->f->noselect ? "\\Noselect" : NULL, &space);
    put_attribute(out, children ? "\\HasChildren" : "\\HasNoChildren", &space);
    put_attribute(out, subscribed && e->subscribed ? "\\Subscribed" : NULL, &space);
    put_attribute(out, e->f ? box_use_name(e->f->use) : NULL, &space);
    buf_puts(out, ") \"/\" ");
    put_name(m, e->name);
}

void mailbox_list_put(struct mailbox *m, const struct box_folder *f)
{
    struct entry e = {.name = slice_of(f->name), .f = f};

    put_entry(m, &e, box_state_has_children(mailbox_state(m), f), false);
    buf_puts(&m->client_out, "\r\n");
}

/* RFC 5258 section 3.5: below it is something that was selected. */
static void put_childinfo(struct mailbox *m, unsigned options)
{
    const char *space = "";

    buf_puts(&m->client_out, " (\"CHILDINFO\" (");
    put_attribute(&m->client_out, options & IMAPD_LIST_SUBSCRIBED ? "\"SUBSCRIBED\"" : NULL,
                  &space);
    put_attribute(&m->client_out, options & IMAPD_LIST_SPECIAL_USE ? "\"SPECIAL-USE\"" : NULL,
                  &space);
    buf_puts(&m->client_out, "))");
}

static void list_entry(struct mailbox *m, const struct entries *list, size_t i)
{
    const struct imapd_list *command = &m->command.list;
    const struct entry *e = &list->items[i];
    struct below below = entry_below(list, i);
    bool recursive = command->select & IMAPD_LIST_RECURSIVEMATCH;

    if (!e->matches || !(e->selected || (recursive && below.hidden)))
        return;
    put_entry(m, e, below.exists, (command->select | command->returns) & IMAPD_LIST_SUBSCRIBED);
    if (recursive && below.selected)
        put_childinfo(m, command->select);
    buf_puts(&m->client_out, "\r\n");
    if ((command->returns & IMAPD_LIST_STATUS) && e->selected && e->f && !e->f->noselect)
        mailbox_status_put(m, e->f, command->status);
}

/* RFC 3501 section 6.3.9: a name that is only above a subscribed one is given as \Noselect. */
static void lsub_entry(struct mailbox *m, const struct entries *list, size_t i)
{
    const struct entry *e = &list->items[i];

    if (!e->matches || !(e->subscribed || entry_below(list, i).hidden))
        return;
    buf_printf(&m->client_out, "* LSUB (%s) \"/\" ",
               e->subscribed && e->f && !e->f->noselect ? "" : "\\Noselect");
    put_name(m, e->name);
    buf_puts(&m->client_out, "\r\n");
}

static void list_all(struct mailbox *m, unsigned options,
                     void (*put)(struct mailbox *m, const struct entries *list, size_t i))
{
    struct entries list = {.items = NULL};

    entries_make(&list, m);
    entries_match(&list, &m->command.list);
    entries_select(&list, options);
    for (size_t i = 0; i < list.count && !list.failed; i++)
        put(m, &list, i);
    free(list.items);
    if (list.failed)
        mailbox_no_memory(m);
    else
        mailbox_ok(m);
}

void mailbox_run_list(struct mailbox *m)
{
    const struct imapd_list *list = &m->command.list;

    if (!list->extended && list->patterns.words[0].n == 0) {
        buf_puts(&m->client_out, "* LIST (\\Noselect) \"/\" \"\"\r\n");
        mailbox_ok(m);
        return;
    }
    list_all(m, list->select, list_entry);
}

void mailbox_run_lsub(struct mailbox *m)
{
    list_all(m, IMAPD_LIST_SUBSCRIBED, lsub_entry);
}

void mailbox_run_namespace(struct mailbox *m)
{
    buf_puts(&m->client_out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    mailbox_ok(m);
}
