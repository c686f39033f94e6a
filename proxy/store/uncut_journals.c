#include "proxy/store/uncut_journals.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "proxy/store/account_journal.h"

struct uncut_journal {
    struct uncut_journal *next;
    off_t length; /* of what stays */
    char name[];  /* of the account's directory */
};

struct uncut_journals {
    uv_mutex_t mutex; /* guards the list, of which nearly always nothing is */
    struct uncut_journal *first;
};

struct uncut_journals *uncut_journals_new(void)
{
    struct uncut_journals *u = calloc(1, sizeof *u);

    if (u && uv_mutex_init(&u->mutex) == 0)
        return u;
    free(u);
    return NULL;
}

void uncut_journals_free(struct uncut_journals *u)
{
    if (!u)
        return;
    while (u->first) {
        struct uncut_journal *next = u->first->next;
        free(u->first);
        u->first = next;
    }
    uv_mutex_destroy(&u->mutex);
    free(u);
}

struct uncut_journal *uncut_journal_new(const char *name)
{
    size_t n = strlen(name) + 1;
    struct uncut_journal *room = calloc(1, sizeof *room + n);

    if (room)
        memcpy(room->name, name, n);
    return room;
}

void uncut_journals_add(struct uncut_journals *u, const struct account_dir *d,
                        struct uncut_journal *room)
{
    room->length = d->uncut;
    uv_mutex_lock(&u->mutex);
    room->next = u->first;
    u->first = room;
    uv_mutex_unlock(&u->mutex);
}

/* Takes it off the list; NULL: it is not there. */
static struct uncut_journal *take(struct uncut_journals *u, const char *name)
{
    uv_mutex_lock(&u->mutex);
    struct uncut_journal **at = &u->first;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    struct uncut_journal *taken = *at;
    if (taken)
        *at = taken->next;
    uv_mutex_unlock(&u->mutex);
    return taken;
}

bool uncut_journals_cut(struct uncut_journals *u, struct account_dir *d, struct failure *why)
{
    struct uncut_journal *uncut = take(u, d->name);

    if (!uncut)
        return true;
    d->uncut = uncut->length;
    bool cut = account_journal_cut(d, why);
    if (cut)
        free(uncut);
    else
        uncut_journals_add(u, d, uncut);
    return cut;
}
