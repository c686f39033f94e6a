/*
 * An account's state as its files tell it, and facts that both kinds of state have.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/state_parts.h"
#include "proxy/store/disk.h"

bool state_view_open(struct state_view *view, const struct state_dir *dir,
                     const struct state_account *account, struct failure *why)
{
    *view = (struct state_view){.account = account};
    if (!account_dir_open(&view->dir, account->kind, dir, account->name, false, why))
        return false;
    view->read = account_state_read_beside(&view->dir, &view->state, &view->size, why);
    return true;
}

void state_view_close(struct state_view *view)
{
    view->account->kind->free(view->state);
    view->state = NULL;
    account_dir_close(&view->dir);
}

bool state_view_is_current(const struct state_view *view)
{
    struct account_dir now = view->dir;
    struct failure ignored;
    struct stat st;

    if (!account_dir_look(&now, &ignored) || now.generation != view->dir.generation)
        return false;
    return !now.journal || (fstatat(now.fd, now.journal_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                            (uint64_t)st.st_size == view->size.journal + view->size.torn);
}

const struct box_state *state_view_box(const struct state_view *view)
{
    return view->account->kind == &box_state_kind ? view->state : NULL;
}

const struct drop_state *state_view_drop(const struct state_view *view)
{
    return view->account->kind == &drop_state_kind ? view->state : NULL;
}

/* ---- members ---- */

bool state_put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

bool state_put_number(json_t *object, const char *key, uint64_t number)
{
    return state_put(object, key, json_integer((json_int_t)number));
}

bool state_put_text(json_t *object, const char *key, const char *text)
{
    if (!text)
        return true;
    size_t cap = 3 * strlen(text) + 1; /* an octet that is no UTF-8 becomes three */
    char *clean = malloc(cap);
    if (!clean)
        return false;
    text_clean(clean, cap, slice_of(text));
    bool put = state_put(object, key, json_string(clean));
    free(clean);
    return put;
}

bool state_put_time(json_t *object, const char *key, int64_t seconds)
{
    time_t at = (time_t)seconds;
    struct tm tm;
    char text[64];

    if (seconds == 0)
        return true;
    if (!gmtime_r(&at, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return state_put_number(object, key, (uint64_t)seconds);
    return state_put(object, key, json_string(text));
}

/* ---- what both kinds have ---- */

/* Directories of what was set aside, of either reason. */
static json_t *set_aside(const struct account_dir *d)
{
    int fd = d->fd < 0 ? -1 : disk_open_dir(d->fd, ".");
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    json_t *names = json_array();
    struct dirent *entry;

    if (!entries && fd >= 0)
        close(fd);
    while (entries && (entry = readdir(entries)) != NULL)
        if (strncmp(entry->d_name, "damaged-", 8) == 0 ||
            strncmp(entry->d_name, "replaced-", 9) == 0)
            json_array_append_new(names, json_string(entry->d_name));
    if (entries)
        closedir(entries);
    return names;
}

static json_t *files(const struct state_view *view)
{
    const struct account_dir *d = &view->dir;
    json_t *json = json_object();
    bool put = json && state_put(json, "directory", json_string(d->path)) &&
               state_put(json, "set_aside", set_aside(d));

    if (put && d->snapshot)
        put = state_put(json, "snapshot", json_string(d->snapshot_name)) &&
              state_put_number(json, "snapshot_octets", view->size.snapshot);
    if (put && d->journal)
        put = state_put(json, "journal", json_string(d->journal_name)) &&
              state_put_number(json, "journal_records", view->size.records) &&
              state_put_number(json, "journal_octets", view->size.journal) &&
              state_put_number(json, "journal_torn", view->size.torn);
    if (put)
        return json;
    json_decref(json);
    return NULL;
}

static bool put_names(json_t *json, const char *key)
{
    const char *end;
    const char *login = state_account_login(key, &end);

    if (!end)
        return true;
    char *user = strndup(login, (size_t)(end - login));
    bool put =
        user && state_put_text(json, "login", user) && state_put_text(json, "upstream", end + 1);
    free(user);
    return put;
}

json_t *state_facts(const struct state_view *view, bool messages, const char *folder)
{
    const struct state_account *a = view->account;
    json_t *json = json_object();
    json_t *of_kind = state_view_box(view)
                          ? state_box_facts(state_view_box(view), messages, folder)
                          : state_drop_facts(state_view_drop(view), messages, folder);

    if (json && of_kind && state_put_text(json, "account", a->key) &&
        state_put(json, "kind", json_string(state_kind_word(a->kind))) && put_names(json, a->key) &&
        state_put(json, "files", files(view)) && json_object_update(json, of_kind) == 0) {
        json_decref(of_kind);
        return json;
    }
    json_decref(of_kind);
    json_decref(json);
    return NULL;
}
