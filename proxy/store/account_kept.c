#include "proxy/store/account_kept.h"

/* Whether the files are such as can be read, and what is kept belongs to them as they are. */
enum kept_account { KEPT_NEVER, KEPT_NOT_YET, KEPT };

static enum kept_account take(struct kept_states *all, const struct account_dir *d, void **state,
                              struct account_stamp *stamp)
{
    *state = NULL;
    if (d->journal_ahead || !account_stamp_take(stamp, d))
        return KEPT_NEVER;
    return kept_states_take(all, d->kind, d->name, stamp, state) ? KEPT : KEPT_NOT_YET;
}

/* What its receiver gets of a state, and what stays here of it. */
static void *hand_out(struct kept_states *all, const struct account_dir *d,
                      const struct account_stamp *stamp, void *state)
{
    void *copy = d->kind->copy ? d->kind->copy(state) : state;

    if (!copy)
        return state;
    kept_states_put(all, d->kind, d->name, stamp, copy == state ? NULL : state);
    return copy;
}

enum account_read account_kept_read(struct kept_states *all, struct account_dir *d, void **state,
                                    struct failure *why)
{
    struct account_stamp stamp;
    enum kept_account kept = take(all, d, state, &stamp);
    enum account_read read = *state ? ACCOUNT_READ : account_state_read(d, state, why);

    if (read == ACCOUNT_READ && kept != KEPT_NEVER)
        *state = hand_out(all, d, &stamp, *state);
    return read;
}

void account_kept_take(struct account_kept *kept, struct kept_states *all, struct account_dir *d)
{
    struct account_stamp ignored;

    kept->all = all;
    kept->known = take(all, d, &kept->state, &ignored) == KEPT;
}

void account_kept_drop(struct account_kept *kept, const struct account_dir *d)
{
    d->kind->free(kept->state);
    kept->state = NULL;
    kept->known = false;
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

    if (!kept->known)
        return;
    if (account_stamp_take(&stamp, d)) {
        kept_states_put(kept->all, d->kind, d->name, &stamp, kept->state);
        kept->state = NULL;
    }
    account_kept_drop(kept, d);
}
