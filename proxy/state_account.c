#include "proxy/state_account.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/account_host.h"
#include "proxy/session_parts.h"
#include "proxy/store/account_name.h"
#include "proxy/store/disk.h"
#include "translate/state/box_state.h"
#include "translate/state/drop_state.h"
#include "translate/text/array.h"

#define IMAP_KEY  "imap:"
#define IMAP_NAME "imap%3A"

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

const char *state_kind_word(const struct state_kind *kind)
{
    return kind == &box_state_kind ? "mailbox" : "maildrop";
}

const char *state_kind_words(const struct state_kind *kind)
{
    return kind == &box_state_kind ? "IMAP clients on a POP3 maildrop"
                                   : "POP3 clients on an IMAP mailbox";
}

const char *state_account_login(const char *key, const char **end)
{
    const char *login = begins_with(key, IMAP_KEY) ? key + strlen(IMAP_KEY) : key;

    /* A unix socket's path may contain "@" too. */
    *end = strstr(login, "@/");
    if (!*end)
        *end = strrchr(login, '@');
    return login;
}

/* ---- the list ---- */

static void account_clear(struct state_account *a)
{
    free(a->name);
    free(a->key);
}

void state_accounts_clear(struct state_accounts *a)
{
    for (size_t i = 0; i < a->count; i++)
        account_clear(&a->list[i]);
    free(a->list);
    *a = (struct state_accounts){0};
}

/* Takes both strings over. */
static bool append(struct state_accounts *a, char *name, char *key)
{
    struct state_account one = {name, key, NULL};
    struct state_account *list =
        name && key ? array_grow(a->list, &a->capacity, a->count, sizeof *list) : NULL;

    if (!list) {
        account_clear(&one);
        return false;
    }
    one.kind = begins_with(name, IMAP_NAME) ? &box_state_kind : &drop_state_kind;
    a->list = list;
    a->list[a->count++] = one;
    return true;
}

static bool append_name(struct state_accounts *a, const char *name)
{
    char *key = account_name_key(name);

    return append(a, strdup(name), key ? key : strdup(name));
}

static bool has_name(const struct state_accounts *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->list[i].name, name) == 0)
            return true;
    return false;
}

bool state_accounts_add(struct state_accounts *a, const char *key)
{
    char *name = account_name(slice_of(key));

    if (!name || !has_name(a, name))
        return append(a, name, strdup(key));
    free(name);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct state_account *x = a;
    const struct state_account *y = b;

    return strcmp(x->key, y->key);
}

static bool read_entries(struct state_accounts *a, DIR *entries)
{
    struct dirent *entry;

    for (errno = 0; (entry = readdir(entries)) != NULL; errno = 0)
        if (entry->d_name[0] != '.' && !append_name(a, entry->d_name)) {
            errno = ENOMEM;
            break;
        }
    return errno == 0;
}

bool state_accounts_read(struct state_accounts *a, const struct state_dir *dir, struct failure *why)
{
    int fd = disk_open_dir(dir->accounts, ".");
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    bool read = false;

    *a = (struct state_accounts){0};
    if (entries)
        read = read_entries(a, entries);
    if (!read)
        disk_failure(why, errno, "read the accounts in", dir->path);
    if (entries)
        closedir(entries);
    else if (fd >= 0)
        close(fd);
    if (read && a->count)
        qsort(a->list, a->count, sizeof *a->list, by_key);
    else if (!read)
        state_accounts_clear(a);
    return read;
}

/* ---- whom a login means ---- */

static bool add_route(struct state_accounts *found, const struct config_route *r,
                      enum endpoint_protocol client, const char *user)
{
    char *key = client == ENDPOINT_IMAP ? account_host_key(r, user) : place_account(r, user);
    bool added = key && state_accounts_add(found, key);

    free(key);
    return added;
}

bool state_accounts_of_routes(const char *user, const struct config *c,
                              struct state_accounts *found)
{
    bool added = true;

    for (size_t i = 0; c && added && i < c->listener_count; i++) {
        char *bare = NULL;
        struct slice folder;
        const struct config_route *r = config_find_route(c, i, slice_of(user), &bare, &folder);
        if (r)
            added = add_route(found, r, c->listeners[i].endpoint.protocol, bare);
        free(bare);
    }
    return added;
}

/* By its key, also where that is longer than a directory's name tells, or its directory. */
static const struct state_account *exactly(const struct state_accounts *all, const char *user)
{
    const struct state_account *found = NULL;
    char *name = account_name(slice_of(user));

    for (size_t i = 0; i < all->count && !found; i++)
        if ((name && strcmp(all->list[i].name, name) == 0) || strcmp(all->list[i].name, user) == 0)
            found = &all->list[i];
    free(name);
    return found;
}

/* The key's user, or the key but for "imap:". */
static bool is_of_user(const struct state_account *a, const char *user)
{
    const char *end;
    const char *login = state_account_login(a->key, &end);

    return strcmp(login, user) == 0 ||
           (end && slice_is(slice_make(login, (size_t)(end - login)), user));
}

typedef bool (*account_fits)(const struct state_account *a, const void *with);

static bool fits_user(const struct state_account *a, const void *user)
{
    return is_of_user(a, user);
}

static bool fits_routes(const struct state_account *a, const void *routed)
{
    return has_name(routed, a->name);
}

static bool fits_exactly(const struct state_account *a, const void *exact)
{
    return a == exact;
}

/* Copies those that fit. */
static bool select_all(const struct state_accounts *all, account_fits fits, const void *with,
                       struct state_accounts *found)
{
    bool added = true;

    for (size_t i = 0; added && i < all->count; i++)
        if (fits(&all->list[i], with))
            added = append(found, strdup(all->list[i].name), strdup(all->list[i].key));
    return added;
}

bool state_accounts_find(const struct state_accounts *all, const char *user, const struct config *c,
                         struct state_accounts *found)
{
    const struct state_account *exact = exactly(all, user);
    struct state_accounts routed = {0};
    bool memory;

    *found = (struct state_accounts){0};
    if (exact)
        return select_all(all, fits_exactly, exact, found);
    memory =
        state_accounts_of_routes(user, c, &routed) && select_all(all, fits_routes, &routed, found);
    if (memory && found->count == 0)
        memory = select_all(all, fits_user, user, found);
    state_accounts_clear(&routed);
    return memory;
}
