#include "proxy/store/account_state.h"

#include <errno.h>

#include "proxy/store/disk.h"
#include "translate/state/journal.h"
#include "translate/state/json_at.h"

/* A file's text. False with the reason. */
static bool read_text(struct account_dir *d, const char *name, struct buf *text,
                      struct failure *why)
{
    return disk_read(d->fd, name, ACCOUNT_FILE_MAX, text) ||
           account_dir_failed(d, "read", name, why);
}

static enum account_read damaged(const char *name, const char *what, struct failure *why)
{
    failure_set(why, FAILURE_PERMANENT, "%s: %s", name, what);
    return ACCOUNT_DAMAGED;
}

/* Only what is wrong with the text itself is damage: not an empty memory, not a newer program. */
static enum account_read refused(const struct account_dir *d, const char *name, bool newer,
                                 const struct failure *wrong, struct failure *why)
{
    if (wrong->kind == FAILURE_PERMANENT && !newer)
        return damaged(name, wrong->text, why);
    failure_set(why, wrong->kind, "%s/%s: %s", d->path, name, wrong->text);
    return ACCOUNT_FAILED;
}

static enum account_read snapshot_convert(struct account_dir *d, const json_t *json, void **state,
                                          struct failure *why)
{
    struct failure wrong = {.kind = FAILURE_NONE};
    const json_t *generation = json_object_get(json, "generation");
    bool newer = state_kind_is_newer(d->kind, json);

    if (!newer &&
        (!json_is_integer(generation) || (uint64_t)json_integer_value(generation) != d->generation))
        return damaged(d->snapshot_name, "/generation: not that of the file's name", why);
    *state = d->kind->from_json(json, &wrong);
    return *state ? ACCOUNT_READ : refused(d, d->snapshot_name, newer, &wrong, why);
}

static enum account_read snapshot_parse(struct account_dir *d, struct slice text, void **state,
                                        struct failure *why)
{
    struct failure wrong = {.kind = FAILURE_NONE};
    json_t *json = json_at_parse(text, &wrong);

    if (!json)
        return refused(d, d->snapshot_name, false, &wrong, why);
    enum account_read read = snapshot_convert(d, json, state, why);
    json_decref(json);
    return read;
}

static enum account_read read_snapshot(struct account_dir *d, void **state,
                                       struct account_size *size, struct failure *why)
{
    struct buf text = BUF_INIT;
    enum account_read read = read_text(d, d->snapshot_name, &text, why)
                                 ? snapshot_parse(d, buf_slice(&text), state, why)
                                 : ACCOUNT_FAILED;

    size->snapshot = buf_size(&text);
    buf_clear(&text);
    return read;
}

static enum account_read replay_journal(struct account_dir *d, void *state,
                                        struct account_size *size, struct failure *why)
{
    struct journal_replay done = {.generation = d->generation};
    struct failure wrong = {.kind = FAILURE_NONE};
    struct buf text = BUF_INIT;
    enum account_read read = ACCOUNT_READ;

    if (!read_text(d, d->journal_name, &text, why))
        read = ACCOUNT_FAILED;
    else if (!journal_replay(d->kind, state, buf_slice(&text), &done, &wrong))
        read = refused(d, d->journal_name, done.newer, &wrong, why);
    size->records = done.records;
    size->journal = done.octets;
    size->torn = buf_size(&text) - done.octets;
    buf_clear(&text);
    return read;
}

static enum account_read read_new(struct account_dir *d, void **state, struct failure *why)
{
    *state = d->kind->make();
    if (*state)
        return ACCOUNT_READ;
    disk_failure(why, ENOMEM, "read", d->path);
    return ACCOUNT_FAILED;
}

static enum account_read read_counting(struct account_dir *d, void **state,
                                       struct account_size *size, struct failure *why)
{
    *state = NULL;
    *size = (struct account_size){0};
    if (d->journal_ahead)
        return damaged(d->path, "there is a journal whose snapshot is missing", why);
    enum account_read read =
        d->snapshot ? read_snapshot(d, state, size, why) : read_new(d, state, why);
    if (read == ACCOUNT_READ && d->journal)
        read = replay_journal(d, *state, size, why);
    if (read != ACCOUNT_READ) {
        d->kind->free(*state);
        *state = NULL;
    }
    return read;
}

enum account_read account_state_read(struct account_dir *d, void **state, struct failure *why)
{
    struct account_size ignored;

    return read_counting(d, state, &ignored, why);
}

/* Whether the files are no longer those that were looked at before. */
static bool has_moved_on(struct account_dir *d)
{
    const struct account_dir before = *d;
    struct failure ignored;

    return account_dir_look(d, &ignored) &&
           (d->generation != before.generation || d->snapshot != before.snapshot ||
            d->journal != before.journal || d->journal_ahead != before.journal_ahead);
}

enum account_read account_state_read_beside(struct account_dir *d, void **state,
                                            struct account_size *size, struct failure *why)
{
    enum { TRIES = 20 };
    enum account_read read = read_counting(d, state, size, why);

    for (int i = 1; i < TRIES && read != ACCOUNT_READ && has_moved_on(d); i++) {
        why->kind = FAILURE_NONE;
        read = read_counting(d, state, size, why);
    }
    return read;
}
