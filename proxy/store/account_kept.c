#include "proxy/store/account_kept.h"

/* The state in memory, or NULL; `*stamp` says what the files are. False when that cannot be told,
 * or they are not such as can be read: then nothing is to be kept either. */
static bool take(struct kept_states *all, const struct account_dir *d, void **state,
                 struct account_stamp *stamp)
{
    *state = NULL;
    if (!d->kind->copy || d->journal_ahead || !account_stamp_take(stamp, d))
        return false;
    *state = kept_states_take(all, d->kind, d->name, stamp);
    return true;
}

enum account_read account_kept_read(struct kept_states *all, struct account_dir *d, void **state,
                                    struct failure *why)
{
    struct account_stamp stamp;
    void *kept = NULL;
    bool keeps = take(all, d, &kept, &stamp);

    if (!kept) {
        enum account_read read = account_state_read(d, &kept, why);
        if (read != ACCOUNT_READ || !keeps) {
            *state = kept;
            return read;
        }
    }
    *state = d->kind->copy(kept);
    if (*state) {
        kept_states_put(all, d->kind, d->name, &stamp, kept);
    } else {
        *state = kept;
    }
    return ACCOUNT_READ;
}

void account_kept_take(struct account_kept *kept, struct kept_states *all, struct account_dir *d)
{
    struct account_stamp ignored;

    kept->all = all;
    take(all, d, &kept->state, &ignored);
}

void account_kept_drop(struct account_kept *kept, const struct account_dir *d)
{
    if (kept->state)
        d->kind->free(kept->state);
    kept->state = NULL;
}

void account_kept_apply(struct account_kept *kept, const struct account_dir *d,
                        const json_t *records)
{
    struct failure ignored = {.kind = FAILURE_NONE};

    for (size_t i = 0; kept->state && i < json_array_size(records); i++)
        if (!d->kind->apply(kept->state, json_array_get(records, i), &ignored))
            account_kept_drop(kept, d);
}

void account_kept_put(struct account_kept *kept, const struct account_dir *d)
{
    struct account_stamp stamp;

    if (kept->state && account_stamp_take(&stamp, d))
        kept_states_put(kept->all, d->kind, d->name, &stamp, kept->state);
    else
        account_kept_drop(kept, d);
    kept->state = NULL;
}
