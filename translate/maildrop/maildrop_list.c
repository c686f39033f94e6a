/*
 * The list of messages and the commands that only read or mark it: STAT, LIST, UIDL, LAST, DELE,
 * RSET (RFC 1939 section 5; LAST is RFC 1460's). Numbers are places in the list and never shift.
 */
#include <stdlib.h>

#include "translate/maildrop/maildrop_internal.h"

void list_clear(struct maildrop_list *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        free(l->items[i].uidl);
    free(l->items);
    *l = (struct maildrop_list){0};
}

void list_add(struct maildrop *m, uint16_t folder, const struct drop_message *message)
{
    struct maildrop_list *l = &m->list;
    size_t count = l->count, cap = l->cap;
    struct maildrop_message *item =
        maildrop_grow(m, (void **)&l->items, &count, &cap, sizeof *item);

    if (!item)
        return;
    l->count = (uint32_t)count;
    l->cap = (uint32_t)cap;
    item->uid = message->uid;
    item->size = message->size;
    item->folder = folder;
    if (!message->uidl && uidl_is_computed(m))
        return;
    item->uidl = uidl_of(m, m->folders[folder].uidvalidity, message);
    if (!item->uidl)
        m->failed = true;
}

void list_keep_last(struct maildrop_list *l, uint32_t first, uint32_t keep)
{
    uint32_t surplus = l->count - first > keep ? l->count - first - keep : 0;

    for (uint32_t i = first; i < first + surplus; i++)
        free(l->items[i].uidl);
    for (uint32_t i = first + surplus; surplus && i < l->count; i++)
        l->items[i - surplus] = l->items[i];
    l->count -= surplus;
}

void list_fit(struct maildrop_list *l)
{
    struct maildrop_message *fitting =
        l->count ? reallocarray(l->items, l->count, sizeof *fitting) : NULL;

    if (!fitting)
        return;
    l->items = fitting;
    l->cap = l->count;
}

struct maildrop_message *list_message(struct maildrop *m, uint32_t number)
{
    struct maildrop_message *message =
        number && number <= m->list.count ? &m->list.items[number - 1] : NULL;

    if (message && !(message->flags & MESSAGE_DELETED))
        return message;
    if (message)
        pop3_err(&m->client_out, "message %u is already deleted; RSET brings it back", number);
    else
        pop3_err(&m->client_out, "no message %u, there are %u", number, m->list.count);
    command_mistake(m);
    return NULL;
}

void list_stat(struct maildrop *m, const struct pop3_command *cmd)
{
    uint32_t count = m->list.owed ? m->list.owed_count : 0;
    uint64_t octets = m->list.owed ? m->list.owed_octets : 0;

    (void)cmd;
    for (uint32_t i = 0; i < m->list.count; i++) {
        if (m->list.items[i].flags & MESSAGE_DELETED)
            continue;
        count++;
        octets += m->list.items[i].size;
    }
    pop3_ok(&m->client_out, "%u %llu", count, (unsigned long long)octets);
}

static void put_entry(struct maildrop *m, enum pop3_verb verb, uint32_t number)
{
    struct maildrop_message *message = &m->list.items[number - 1];
    char uidl[UIDL_MAX + 1];

    buf_put_number(&m->client_out, number);
    buf_putc(&m->client_out, ' ');
    if (verb == POP3_LIST) {
        buf_put_number(&m->client_out, message->size);
    } else {
        uidl_print(m, message, uidl);
        buf_puts(&m->client_out, uidl);
    }
    buf_puts(&m->client_out, "\r\n");
}

void list_advance(struct maildrop *m)
{
    struct maildrop_list *l = &m->list;

    while (l->cursor < l->count && maildrop_client_has_room(m)) {
        l->cursor++;
        if (!(l->items[l->cursor - 1].flags & MESSAGE_DELETED))
            put_entry(m, l->listing, l->cursor);
    }
    if (l->cursor < l->count)
        return;
    buf_puts(&m->client_out, ".\r\n");
    maildrop_idle(m);
}

void list_list(struct maildrop *m, const struct pop3_command *cmd)
{
    if (cmd->number) {
        if (list_message(m, cmd->number)) {
            buf_puts(&m->client_out, "+OK ");
            put_entry(m, cmd->verb, cmd->number);
        }
        return;
    }
    pop3_ok(&m->client_out, "%s follows",
            cmd->verb == POP3_LIST ? "scan listing" : "unique-id listing");
    m->busy = BUSY_LISTING;
    m->list.listing = cmd->verb;
    m->list.cursor = 0;
    list_advance(m);
}

void list_last(struct maildrop *m, const struct pop3_command *cmd)
{
    (void)cmd;
    pop3_ok(&m->client_out, "%u", m->list.last);
}

/* A message that the upstream could not give may be a good one behind a passing fault: it is not
 * deleted on the strength of that (QUIRKS: Exchange's placeholders). */
void list_dele(struct maildrop *m, const struct pop3_command *cmd)
{
    struct maildrop_message *message = list_message(m, cmd->number);
    struct failure why;

    if (!message)
        return;
    if (message->flags & MESSAGE_UNREADABLE) {
        failure_set(&why, FAILURE_TEMPORARY,
                    "message %u could not be read and is not deleted; try it again later",
                    cmd->number);
        command_fail(m, &why);
        return;
    }
    message->flags |= MESSAGE_DELETED;
    pop3_ok(&m->client_out, "message %u marked for deletion", cmd->number);
}

void list_rset(struct maildrop *m, const struct pop3_command *cmd)
{
    (void)cmd;
    for (uint32_t i = 0; i < m->list.count; i++)
        m->list.items[i].flags &= (uint16_t)~MESSAGE_DELETED;
    fetch_look_again(m);
    m->list.last = 0;
    pop3_ok(&m->client_out, "%u messages, none marked for deletion", m->list.count);
}
