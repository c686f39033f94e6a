/*
 * The mailboxes that are attached: a ring of events for each, and the lists of who asked for what.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/mailbox/account_internal.h"

void account_attach(struct account *a, struct account_client *client)
{
    client->account = a;
    client->next = a->clients;
    a->clients = client;
}

static void client_untouch(struct account *a, struct account_client *client)
{
    for (struct account_client **at = &a->touched; *at; at = &(*at)->touched) {
        if (*at != client)
            continue;
        *at = client->touched;
        if (!*at)
            a->touched_last = at;
        break;
    }
    client->touched = NULL;
    client->is_touched = false;
}

static void client_unlink(struct account *a, struct account_client *client)
{
    struct account_client **at = &a->clients;

    while (*at && *at != client)
        at = &(*at)->next;
    if (*at)
        *at = client->next;
}

void account_detach(struct account_client *client)
{
    struct account *a = client->account;
    void *owner = client->owner;

    if (!a)
        return;
    account_watch(client, false);
    client_unlink(a, client);
    client_untouch(a, client);
    askers_forget(&a->polls, client);
    jobs_forget_client(a, client);
    facts_forget_client(a, client);
    logins_forget_client(a, client);
    commits_forget_client(a, client);
    ring_clear(&client->events);
    *client = (struct account_client){.owner = owner};
    account_advance(a);
}

void account_watch(struct account_client *client, bool watching)
{
    struct account *a = client->account;

    if (client->watching == watching)
        return;
    client->watching = watching;
    if (watching)
        a->watching++;
    else
        a->watching--;
    account_advance(a);
}

struct account_client *account_next_client(struct account *a)
{
    struct account_client *client = a->touched;

    if (client)
        client_untouch(a, client);
    return client;
}

bool account_next_event(struct account_client *client, struct account_event *ev)
{
    return ring_take(&client->events, ev, sizeof *ev);
}

const struct box_state *account_state(const struct account *a)
{
    return a->state;
}

/* ---- telling ----------------------------------------------------------------------------- */

uint32_t client_request(struct account_client *client)
{
    struct account *a = client->account;

    if (++a->last_request == 0)
        a->last_request = 1;
    return a->last_request;
}

static void client_touch(struct account *a, struct account_client *client)
{
    if (client->is_touched)
        return;
    client->is_touched = true;
    client->touched = NULL;
    *a->touched_last = client;
    a->touched_last = &client->touched;
}

void client_tell(struct account *a, const struct asker *asker, struct account_event *ev)
{
    struct account_client *client = asker->client;

    if (!client)
        return;
    struct account_event *added = ring_add(&client->events, sizeof *added);
    if (!added) {
        a->failed = true;
        return;
    }
    *added = *ev;
    added->request = asker->request;
    client_touch(a, client);
}

void client_tell_failure(struct account *a, const struct asker *asker, enum account_event_type type,
                         const struct failure *why)
{
    struct account_event ev = {.type = type, .failure = *why};

    client_tell(a, asker, &ev);
}

void clients_notice(struct account *a, const struct failure *why)
{
    for (struct account_client *c = a->clients; c; c = c->next)
        if (c->logged_in)
            client_tell_failure(a, &(struct asker){.client = c}, ACCOUNT_EV_NOTICE, why);
}

/* One that has not yet looked will see this change too. */
static bool knows_of_change(const struct account_client *c, uint32_t folder)
{
    for (size_t i = 0; i < c->events.count; i++) {
        const struct account_event *ev = ring_at(&c->events, i, sizeof *ev);
        if (ev->type == ACCOUNT_EV_CHANGED && ev->folder == folder)
            return true;
    }
    return false;
}

void clients_changed(struct account *a, uint32_t folder)
{
    struct account_event ev = {.type = ACCOUNT_EV_CHANGED, .folder = folder};

    for (struct account_client *c = a->clients; c; c = c->next)
        if (!knows_of_change(c, folder))
            client_tell(a, &(struct asker){.client = c}, &ev);
}

/* ---- who asked --------------------------------------------------------------------------- */

void askers_add(struct account *a, struct askers *list, const struct asker *asker)
{
    struct asker *item =
        account_grow(a, (void **)&list->items, &list->count, &list->cap, sizeof *item);

    if (item)
        *item = *asker;
}

void askers_forget(struct askers *list, const struct account_client *client)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].client != client)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

void askers_tell(struct account *a, struct askers *list, const struct account_event *ev)
{
    for (size_t i = 0; i < list->count; i++) {
        struct account_event each = *ev;
        client_tell(a, &list->items[i], &each);
    }
    askers_clear(list);
}

void askers_clear(struct askers *list)
{
    free(list->items);
    *list = (struct askers){.items = NULL};
}
