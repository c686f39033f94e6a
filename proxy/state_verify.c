/*
 * Whether what is kept of an account is whole: its files as a server would read them, what they say
 * of each other, and the messages that are nowhere else. Beside a running server a message may go
 * between the look at the state and the look for it: so faults count only when the state is still
 * the one that was read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/state_parts.h"
#include "proxy/store/bodies_dir.h"
#include "proxy/store/bodies_keys.h"
#include "proxy/store/body_file.h"
#include "proxy/store/disk.h"

struct report {
    json_t *faults; /* {"fault":...,"remedy":...} */
    json_t *notes;
    bool no_memory;
};

static const char RESTORE[] = "restore it: mailferry state import, with --bodies, an export that "
                              "has it";

static void report_put(struct report *r, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        r->no_memory = true;
}

__attribute__((format(printf, 3, 4))) static void fault(struct report *r, const char *remedy,
                                                        const char *format, ...)
{
    struct failure text;
    char line[sizeof text.text];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    failure_set(&text, FAILURE_PERMANENT, "%s", line); /* no control characters, UTF-8 not cut */
    report_put(r, r->faults, json_pack("{s:s, s:s}", "fault", text.text, "remedy", remedy));
}

__attribute__((format(printf, 2, 3))) static void note(struct report *r, const char *format, ...)
{
    char line[240];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    report_put(r, r->notes, json_string(line));
}

/* ---- the state itself ---- */

static void check_read(struct report *r, const struct state_view *view, const struct failure *why)
{
    if (view->read == ACCOUNT_DAMAGED)
        fault(r,
              "the next login sets these files aside and begins anew; before it, mailferry state "
              "import --replace puts an export in their place",
              "%s", why->text);
    else if (view->read == ACCOUNT_FAILED)
        fault(r, "see to that; nothing is known to be wrong with the state", "%s", why->text);
}

/* As a snapshot of it would be read. NULL when it would not. */
static void *read_again(struct report *r, const struct state_view *view)
{
    struct failure why = {.kind = FAILURE_NONE};
    json_t *json = view->account->kind->to_json(view->state);
    void *again = json ? view->account->kind->from_json(json, &why) : NULL;

    json_decref(json);
    if (!again && why.kind == FAILURE_PERMANENT)
        fault(r, "restore it: mailferry state import --replace an export from before",
              "what the journal adds up to contradicts itself: %s", why.text);
    else if (!again)
        r->no_memory = true;
    return again;
}

static bool counts_agree(const struct box_folder *a, const struct box_folder *b)
{
    return a->id == b->id && a->count == b->count && a->unseen == b->unseen &&
           a->deleted == b->deleted && a->size == b->size && a->uidnext == b->uidnext &&
           a->uidvalidity == b->uidvalidity;
}

static void check_counts(struct report *r, const struct box_state *s, const struct box_state *again)
{
    for (size_t i = 0; i < s->folder_count; i++)
        if (!counts_agree(&s->folders[i], &again->folders[i]))
            fault(r, "mailferry state compact writes them anew",
                  "the counts of folder %s are not those of its messages", s->folders[i].name);
}

/* ---- bodies ---- */

static void content_name(char *out, size_t cap, const struct box_state *s,
                         const struct box_content *c)
{
    const struct box_folder *f = box_state_folder_by_id(s, c->folder);

    if (f)
        snprintf(out, cap, "message %" PRIu32 " of folder %.80s", c->uid, f->name);
    else
        snprintf(out, cap, "content %" PRIu32, c->id);
}

static void check_octets(struct report *r, const char *name, const struct box_content *c, int dir)
{
    struct body_file is;

    if (!body_file_digest(dir, c->key, &is))
        fault(r, "see to the device, then verify again", "%s: bodies/%s cannot be read: %s", name,
              c->key, strerror(errno));
    else if (is.octets != c->size)
        fault(r, RESTORE, "%s: bodies/%s has %" PRIu64 " octets and not %" PRIu64, name, c->key,
              is.octets, c->size);
    else if (!c->upstream && c->digest && strcmp(is.sha256, c->digest) != 0)
        fault(r, RESTORE, "%s: bodies/%s has other octets than were stored", name, c->key);
}

static void check_body(struct report *r, const struct box_state *s, const struct box_content *c,
                       int dir)
{
    uint64_t octets;
    char name[160];

    content_name(name, sizeof name, s, c);
    if (!c->key) {
        if (!c->upstream)
            fault(r, RESTORE, "%s is only here, and its octets are not kept", name);
    } else if (!bodies_key_is_valid(c->key)) {
        fault(r, "restore the state from an export", "%s: %.40s is no key of a body", name, c->key);
    } else if (dir < 0 || (!body_file_size(dir, c->key, &octets) && errno == ENOENT)) {
        fault(r, c->upstream && !c->unlisted ? "it is fetched again when it is read" : RESTORE,
              "%s: bodies/%s is not there", name, c->key);
    } else {
        check_octets(r, name, c, dir);
    }
}

/* Every content's, in their order; keys gather in `named`. */
static void check_bodies(struct report *r, const struct box_state *s, int dir,
                         struct bodies_keys *named)
{
    for (size_t i = 0; i < s->content_count; i++) {
        const struct box_content *c = &s->contents[i];
        if (c->dead)
            continue;
        check_body(r, s, c, dir);
        if (c->key && !bodies_keys_add(named, c->key))
            r->no_memory = true;
    }
    bodies_keys_sort(named);
    for (size_t i = 1; i < named->count; i++)
        if (named->numbers[i] == named->numbers[i - 1])
            fault(r, "restore the state from an export",
                  "two messages have the same body m-%" PRIu64, named->numbers[i]);
}

static void check_orphans(struct report *r, int dir, const struct bodies_keys *named)
{
    struct bodies_keys found = {0};
    size_t orphans = 0;

    if (dir >= 0 && !bodies_keys_list(dir, &found))
        fault(r, "see to that, then verify again", "bodies cannot be read: %s", strerror(errno));
    for (size_t i = 0; i < found.count; i++)
        orphans += !bodies_keys_has(named, found.numbers[i]);
    bodies_keys_clear(&found);
    if (orphans)
        note(r,
             "%zu bodies belong to no message: a crash left them, or they are just being stored; "
             "they go when the account is next opened",
             orphans);
}

static void check_box(struct report *r, const struct state_view *view)
{
    const struct box_state *s = state_view_box(view);
    struct bodies_keys named = {0};
    int dir = disk_open_dir(view->dir.fd, "bodies");

    check_bodies(r, s, dir, &named);
    check_orphans(r, dir, &named);
    bodies_keys_clear(&named);
    if (dir >= 0)
        close(dir);
}

/* ---- the whole ---- */

static void check_state(struct report *r, const struct state_view *view)
{
    void *again = read_again(r, view);

    if (view->size.torn)
        note(r, "%s ends in a torn line of %" PRIu64 " octets, as a crash leaves it: that is fine",
             view->dir.journal_name, view->size.torn);
    if (again && state_view_box(view)) {
        check_counts(r, state_view_box(view), again);
        check_box(r, view);
    }
    view->account->kind->free(again);
}

static void check_modes(struct report *r, const struct account_dir *d)
{
    struct stat st;

    if (d->fd >= 0 && fstat(d->fd, &st) == 0 && (st.st_mode & 077))
        note(r, "others may enter %s: chmod 700 it", d->path);
}

/* False when it has to be looked at again. */
static bool check(struct report *r, const struct state_dir *dir,
                  const struct state_account *account)
{
    struct failure why = {.kind = FAILURE_NONE};
    struct state_view view;

    r->faults = json_array();
    r->notes = json_array();
    if (!state_view_open(&view, dir, account, &why)) {
        fault(r, "see to that, then verify again", "%s", why.text);
        return true;
    }
    check_read(r, &view, &why);
    check_modes(r, &view.dir);
    if (view.state)
        check_state(r, &view);
    bool settled = json_array_size(r->faults) == 0 || !view.state || state_view_is_current(&view);
    state_view_close(&view);
    return settled;
}

static void report_clear(struct report *r)
{
    json_decref(r->faults);
    json_decref(r->notes);
    *r = (struct report){0};
}

static void print_report(const struct report *r, const char *key)
{
    size_t faults = json_array_size(r->faults);

    for (size_t i = 0; i < faults; i++) {
        const json_t *f = json_array_get(r->faults, i);
        printf("%s: %s; %s\n", key, json_string_value(json_object_get(f, "fault")),
               json_string_value(json_object_get(f, "remedy")));
    }
    for (size_t i = 0; i < json_array_size(r->notes); i++)
        printf("%s: note: %s\n", key, json_string_value(json_array_get(r->notes, i)));
    if (faults == 0)
        printf("%s: whole\n", key);
}

static void print_json(const struct report *r, const struct state_account *a)
{
    json_t *json = json_pack("{s:b, s:O, s:O}", "whole", json_array_size(r->faults) == 0, "faults",
                             r->faults, "notes", r->notes);

    if (json && state_put_text(json, "account", a->key))
        json_dumpf(json, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    putchar('\n');
}

int state_verify(const struct state_request *request, const struct state_dir *dir,
                 const struct state_account *account)
{
    enum { TRIES = 5 };
    struct report r = {0};

    for (int i = 1; !check(&r, dir, account) && i < TRIES; i++)
        report_clear(&r);
    if (request->json)
        print_json(&r, account);
    else
        print_report(&r, account->key);
    bool whole = json_array_size(r.faults) == 0 && !r.no_memory;
    if (r.no_memory)
        state_fail("%s: out of memory: not everything was looked at", account->key);
    report_clear(&r);
    return fflush(stdout) == 0 && whole ? EXIT_SUCCESS : EXIT_FAILURE;
}
