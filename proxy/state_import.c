/*
 * An exported document becomes an account's state. Everything is looked at first: the document, the
 * messages that go with it, the account that is there. Then, so that a crash at any moment leaves
 * either the old state or the new one:
 *
 *     1. what is there gets a second name in replaced-N: nothing of it is deleted
 *     2. the cache goes: its files are named for contents of the old state
 *     3. messages are copied in under keys that were never used there
 *     4. the new state gets its name, as a snapshot of a generation above every other
 *
 * Ages by which retention counts are taken as they are (drop_state.h): the time in which the
 * document lay about is no time in which the account was in use, but for a day (CASES D19).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/state_export.h"
#include "proxy/state_parts.h"
#include "proxy/store/account_journal.h"
#include "proxy/store/account_name.h"
#include "proxy/store/bodies_dir.h"
#include "proxy/store/bodies_keys.h"
#include "proxy/store/body_file.h"
#include "proxy/store/disk.h"
#include "translate/state/box_restore.h"
#include "translate/state/json_at.h"

struct import {
    const struct state_request *request;
    json_t *document;
    const struct state_kind *kind;
    const char *account; /* that it was exported of */
    void *state;
    json_t *digests; /* SHA-256 of bodies by key, as the document says */
    int bodies;      /* where they are taken from; -1: they have to be there */
    char *key;       /* of the account that it becomes */
    char *name;
    struct state_dir dir;
    struct account_dir account_dir;
    uint64_t first; /* keys given to copies: from this one */
    uint64_t next;
};

/* ---- the document ---- */

static bool read_text(const char *path, struct buf *text, struct failure *why)
{
    bool input = strcmp(path, "-") == 0;
    int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    bool read = fd >= 0 && disk_read_all(fd, ACCOUNT_FILE_MAX, text);

    if (!read)
        disk_failure(why, errno, "read", path);
    if (fd >= 0 && !input)
        close(fd);
    return read;
}

/* As json_at_wrong(), of which clang-tidy cannot see that it says false. */
static bool refuse(const struct json_at *at, const char *key, const char *what)
{
    json_at_wrong(at, key, what);
    return false;
}

static const struct state_kind *document_kind(const struct json_at *at)
{
    struct slice kind;

    if (!json_at_text(at, "kind", &kind))
        return NULL;
    if (slice_is(kind, "mailbox"))
        return &box_state_kind;
    if (slice_is(kind, "maildrop"))
        return &drop_state_kind;
    json_at_wrong(at, "kind", "neither mailbox nor maildrop");
    return NULL;
}

static bool document_head(struct import *m, const struct json_at *at)
{
    struct slice format;
    struct slice account;
    int64_t version;

    if (!json_at_text(at, "format", &format))
        return false;
    if (!slice_is(format, STATE_EXPORT_FORMAT))
        return refuse(at, "format", "not what mailferry state export writes");
    if (!json_at_integer(at, "version", 1, INT64_MAX, &version))
        return false;
    if (version > STATE_EXPORT_VERSION)
        return refuse(at, "version", "written by a newer mailferry; use that, or a later");
    if (!json_at_text(at, "account", &account))
        return false;
    m->account = account.p;
    return true;
}

static bool document_bodies(struct import *m, const struct json_at *at)
{
    const json_t *list = NULL;

    m->digests = json_object();
    if (!json_at_optional(at, "bodies", JSON_ARRAY, &list))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *body = json_array_get(list, i);
        const char *key = json_string_value(json_object_get(body, "key"));
        const char *digest = json_string_value(json_object_get(body, "sha256"));
        if (!key || !digest)
            return json_at_wrong_element(at, "bodies", i, "without key or sha256");
        if (json_object_set_new(m->digests, key, json_string(digest)) != 0)
            return json_at_no_memory(at);
    }
    return true;
}

static bool document_take(struct import *m, struct failure *why)
{
    struct json_at at = {.object = m->document, .why = why};
    struct failure wrong = {.kind = FAILURE_NONE};

    if (!document_head(m, &at) || !document_bodies(m, &at))
        return false;
    m->kind = document_kind(&at);
    if (!m->kind)
        return false;
    m->state = m->kind->from_json(json_object_get(m->document, "state"), &wrong);
    if (!m->state)
        failure_set(why, wrong.kind, "/state%s%s", *wrong.text == '/' ? "" : ": ", wrong.text);
    return m->state != NULL;
}

static bool document_read(struct import *m, struct failure *why)
{
    const char *path = m->request->rest[2];
    struct failure wrong = {.kind = FAILURE_NONE};
    struct buf text = BUF_INIT;
    bool taken = false;

    if (read_text(path, &text, why)) {
        m->document = json_at_parse(buf_slice(&text), &wrong);
        taken = m->document && document_take(m, &wrong);
        if (!taken)
            failure_set(why, wrong.kind, "%.80s: %s", path, wrong.text);
    }
    buf_clear(&text);
    return taken;
}

/* ---- which account it becomes ---- */

static const struct state_account *only_of_kind(const struct state_accounts *list,
                                                const struct state_kind *kind, size_t *count)
{
    const struct state_account *found = NULL;

    *count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->list[i].kind == kind) {
            found = &list->list[i];
            ++*count;
        }
    return found;
}

/* Whether `user` is the account that was exported: its key, or the user in it. */
static bool is_exported(const struct import *m, const char *user)
{
    const char *end;
    const char *login = state_account_login(m->account, &end);

    return strcmp(m->account, user) == 0 ||
           (end && slice_is(slice_make(login, (size_t)(end - login)), user));
}

static bool is_named(const struct state_account *a, const char *user)
{
    return a && (strcmp(a->key, user) == 0 || strcmp(a->name, user) == 0);
}

/* A key says it. What a login is called here the routes say best, then what is here already, then
 * the document. */
static bool find_key(struct import *m, const struct state_accounts *all, struct failure *why)
{
    const char *user = m->request->rest[1];
    struct state_accounts found = {0};
    struct state_accounts routed = {0};
    size_t here = 0;
    size_t by_route = 0;

    bool memory = state_accounts_find(all, user, m->request->c, &found) &&
                  state_accounts_of_routes(user, m->request->c, &routed);
    const struct state_account *is = only_of_kind(&found, m->kind, &here);
    const struct state_account *routes_to = only_of_kind(&routed, m->kind, &by_route);
    if (is_named(is, user))
        m->key = strdup(is->key);
    else if (strcmp(m->account, user) == 0)
        m->key = strdup(user);
    else if (by_route == 1)
        m->key = strdup(routes_to->key);
    else if (by_route == 0 && here == 1)
        m->key = strdup(is->key);
    else if (by_route == 0 && here == 0 && is_exported(m, user))
        m->key = strdup(m->account);
    else if (by_route > 1 || here > 1)
        failure_set(why, FAILURE_PERMANENT,
                    "%.60s has more than one %s here: give the account as mailferry state list "
                    "names it",
                    user, state_kind_word(m->kind));
    else
        failure_set(why, FAILURE_PERMANENT,
                    "there is no %s of %.60s here, and the document is of %.80s: give -c FILE, so "
                    "that its routes tell what the account is called",
                    state_kind_word(m->kind), user, m->account);
    state_accounts_clear(&found);
    state_accounts_clear(&routed);
    if (m->key)
        m->name = account_name(slice_of(m->key));
    if (!memory || (m->key && !m->name))
        failure_set(why, FAILURE_TEMPORARY, "out of memory");
    return memory && m->name;
}

/* ---- what is looked at before anything is written ---- */

static bool wrong_body(const struct box_content *c, const char *what, struct failure *why)
{
    failure_set(why, FAILURE_PERMANENT, "the message with the body %.40s %s", c->key, what);
    return false;
}

static bool check_body(const struct import *m, const struct box_content *c, int dir,
                       struct failure *why)
{
    const char *digest = json_string_value(json_object_get(m->digests, c->key));
    struct body_file is;

    if (!bodies_key_is_valid(c->key))
        return wrong_body(c, "has no valid key", why);
    if (dir < 0 || !body_file_digest(dir, c->key, &is))
        return wrong_body(c,
                          m->bodies < 0
                              ? "is not in the account: give --bodies DIR, as it was exported"
                              : "cannot be read in the directory of bodies",
                          why);
    if (is.octets != c->size || (digest && strcmp(digest, is.sha256) != 0) ||
        (!c->upstream && c->digest && strcmp(c->digest, is.sha256) != 0))
        return wrong_body(c, "has other octets than were exported", why);
    return true;
}

static bool check_keys(const struct box_state *s, struct failure *why)
{
    struct bodies_keys keys = {0};
    bool unlike = true;

    for (size_t i = 0; i < s->content_count; i++)
        if (s->contents[i].key && !bodies_keys_add(&keys, s->contents[i].key))
            unlike = false;
    bodies_keys_sort(&keys);
    for (size_t i = 1; i < keys.count; i++)
        unlike = unlike && keys.numbers[i] != keys.numbers[i - 1];
    bodies_keys_clear(&keys);
    if (!unlike)
        failure_set(why, FAILURE_PERMANENT, "two messages have the same body");
    return unlike;
}

static bool check_bodies(const struct import *m, struct failure *why)
{
    const struct box_state *s = m->kind == &box_state_kind ? m->state : NULL;
    int own = s && m->account_dir.fd >= 0 ? disk_open_dir(m->account_dir.fd, "bodies") : -1;
    int dir = m->bodies >= 0 ? m->bodies : own;
    bool good = !s || check_keys(s, why);

    for (size_t i = 0; s && good && i < s->content_count; i++)
        if (s->contents[i].key)
            good = check_body(m, &s->contents[i], dir, why);
    if (own >= 0)
        close(own);
    return good;
}

static bool has_state(const struct account_dir *d)
{
    return d->snapshot || d->journal || d->journal_ahead;
}

/* What is there may be damaged: it is being replaced. */
static void outlive(struct import *m)
{
    struct failure ignored;
    void *before = NULL;

    if (m->kind == &box_state_kind &&
        account_state_read(&m->account_dir, &before, &ignored) == ACCOUNT_READ)
        box_state_outlive(m->state, before);
    m->kind->free(before);
}

static bool check_present(struct import *m, struct failure *why)
{
    if (!has_state(&m->account_dir))
        return true;
    if (m->request->replace) {
        outlive(m);
        return true;
    }
    failure_set(why, FAILURE_PERMANENT,
                "%.100s has a state here: --replace puts it aside and this one in its place",
                m->key);
    return false;
}

/* ---- writing ---- */

static bool body_failed(const struct import *m, const char *key, struct failure *why)
{
    char name[64];

    snprintf(name, sizeof name, "bodies/%s", key);
    return account_dir_failed(&m->account_dir, "write", name, why);
}

static bool copy_all(struct import *m, struct box_state *s, int to, struct failure *why)
{
    char key[BODIES_NAME];
    struct body_file is;

    for (size_t i = 0; i < s->content_count; i++) {
        struct box_content *c = &s->contents[i];
        if (!c->key)
            continue;
        bodies_key_name(key, m->next);
        if (!body_file_copy(m->bodies, c->key, to, key, &is))
            return body_failed(m, key, why);
        m->next++;
        if (is.octets != c->size)
            return wrong_body(c, "has changed while it was copied", why);
        if (!box_content_rekey(c, key)) {
            failure_set(why, FAILURE_TEMPORARY, "out of memory");
            return false;
        }
    }
    return bodies_dir_sync(m->dir.accounts, m->name, to) || body_failed(m, "", why);
}

/* Unless the new state has its name already, and needs them. */
static void take_back(struct import *m)
{
    const uint64_t newest = m->account_dir.newest;
    struct failure ignored;
    char key[BODIES_NAME];
    int to = bodies_dir_open(m->dir.accounts, m->name, false);

    if (to < 0)
        return;
    if (account_dir_look(&m->account_dir, &ignored) && m->account_dir.newest == newest)
        for (uint64_t number = m->first; number < m->next; number++) {
            bodies_key_name(key, number);
            (void)unlinkat(to, key, 0); /* else it goes when the account is opened */
        }
    close(to);
}

static bool write_bodies(struct import *m, struct failure *why)
{
    struct bodies_scan scan = {0};

    if (!bodies_dir_scan(m->dir.accounts, m->name, true, &scan))
        return account_dir_failed(&m->account_dir, "clear the cache in", "bodies", why);
    m->first = m->next = scan.key_next;
    if (m->bodies < 0 || m->kind != &box_state_kind)
        return true;
    int to = bodies_dir_open(m->dir.accounts, m->name, true);
    if (to < 0)
        return body_failed(m, "", why);
    bool copied = copy_all(m, m->state, to, why);
    close(to);
    return copied;
}

static bool write_all(struct import *m, unsigned *aside, struct failure *why)
{
    struct account_dir *d = &m->account_dir;

    account_dir_close(d);
    if (!account_dir_open(d, m->kind, &m->dir, m->name, true, why))
        return false;
    if (has_state(d) && !account_dir_preserve(d, aside, why))
        return false;
    if (write_bodies(m, why) && account_journal_replace(d, m->state, why))
        return account_dir_sync(d, why);
    take_back(m);
    return false;
}

static int import_into(struct import *m)
{
    struct failure why = {.kind = FAILURE_NONE};
    unsigned aside = 0;

    if (!account_dir_open(&m->account_dir, m->kind, &m->dir, m->name, false, &why))
        return state_fail("%s", why.text);
    bool done = check_present(m, &why) && check_bodies(m, &why) && write_all(m, &aside, &why);
    if (!done)
        state_fail("%s: %s", m->key, why.text);
    else if (aside)
        printf("%s: imported; what was there is in %s/replaced-%u\n", m->key, m->account_dir.path,
               aside);
    else
        printf("%s: imported\n", m->key);
    account_dir_close(&m->account_dir);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A directory that is not there yet is made, once the document is known to be good. */
static bool find_account(struct import *m, struct failure *why)
{
    struct state_accounts all = {0};
    struct state_dir dir;
    struct failure ignored;
    bool found = true;

    if (state_dir_look(&dir, m->request->dir, &ignored)) {
        found = state_accounts_read(&all, &dir, why);
        state_dir_close(&dir);
    }
    found = found && find_key(m, &all, why);
    state_accounts_clear(&all);
    return found;
}

static bool open_bodies(struct import *m, struct failure *why)
{
    const char *path = m->request->bodies;

    if (path && (m->bodies = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        disk_failure(why, errno, "open", path);
    return !path || m->bodies >= 0;
}

static void import_clear(struct import *m)
{
    if (m->kind)
        m->kind->free(m->state);
    if (m->bodies >= 0)
        close(m->bodies);
    json_decref(m->document);
    json_decref(m->digests);
    free(m->key);
    free(m->name);
}

int state_import(const struct state_request *request)
{
    struct import m = {.request = request, .bodies = -1};
    struct failure why = {.kind = FAILURE_NONE};
    int status;

    if (!document_read(&m, &why) || !open_bodies(&m, &why) || !find_account(&m, &why) ||
        !state_dir_open(&m.dir, request->dir, &why)) {
        status = state_fail("%s", why.text);
    } else {
        status = import_into(&m);
        state_dir_close(&m.dir);
    }
    import_clear(&m);
    return status;
}
