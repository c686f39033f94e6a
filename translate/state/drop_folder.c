#include "translate/state/drop_folder.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "translate/state/uid_set.h"
#include "translate/text/array.h"

/* Texts take what malloc() adds, too. */
enum { TEXT_OVERHEAD = 16 };

struct drop_share {
    atomic_size_t holders;
    atomic_size_t used; /* messages in the array, as far as any holder has filled it */
};

static void message_clear(struct drop_message *m)
{
    free(m->id);
    free(m->uidl);
}

void drop_messages_free(struct drop_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        message_clear(&messages[i]);
    free(messages);
}

/* ---- the sum ---------------------------------------------------------------------------- */

static uint64_t text_octets(const char *text)
{
    return text ? strlen(text) + TEXT_OVERHEAD : 0;
}

/* Modulo 2^64, as sizes of a lying server may be. */
static void sum_add(struct drop_folder *f, const struct drop_message *m)
{
    f->sum.octets += m->hidden < 0 ? m->size : 0;
    f->sum.texts += text_octets(m->id) + text_octets(m->uidl);
    f->sum.hidden += m->hidden >= 0;
    f->sum.ids += m->id != NULL;
    f->sum.uidls += m->uidl != NULL;
}

static void sum_remove(struct drop_folder *f, const struct drop_message *m)
{
    f->sum.octets -= m->hidden < 0 ? m->size : 0;
    f->sum.texts -= text_octets(m->id) + text_octets(m->uidl);
    f->sum.hidden -= m->hidden >= 0;
    f->sum.ids -= m->id != NULL;
    f->sum.uidls -= m->uidl != NULL;
}

/* ---- sharing ---------------------------------------------------------------------------- */

/* Gives the array up: it is freed with its last holder. */
static void messages_release(struct drop_folder *f)
{
    struct drop_share *share = f->share;

    if (!share || atomic_fetch_sub(&share->holders, 1) == 1) {
        drop_messages_free(f->messages, share ? atomic_load(&share->used) : f->count);
        free(share);
    }
    f->messages = NULL;
    f->share = NULL;
}

void drop_folder_clear(struct drop_folder *f)
{
    messages_release(f);
    free(f->name);
    *f = (struct drop_folder){.name = NULL};
}

static bool text_copy(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return *to || !text;
}

static bool message_copy(struct drop_message *to, const struct drop_message *m)
{
    *to = *m;
    to->uidl = NULL;
    return text_copy(&to->id, m->id) && text_copy(&to->uidl, m->uidl);
}

/* The only holder takes the array back as it was before it was shared. */
static void share_end(struct drop_folder *f)
{
    size_t used = atomic_load(&f->share->used);

    for (size_t i = f->count; i < used; i++)
        message_clear(&f->messages[i]);
    free(f->share);
    f->share = NULL;
}

static bool messages_split(struct drop_folder *f)
{
    size_t capacity = f->count + f->count / 2 + 1;
    struct drop_message *own = calloc(capacity, sizeof *own);
    bool copied = own != NULL;
    size_t count = 0;

    while (copied && count < f->count) {
        copied = message_copy(&own[count], &f->messages[count]);
        count++;
    }
    if (!copied) {
        drop_messages_free(own, count);
        return false;
    }
    messages_release(f);
    f->messages = own;
    f->capacity = capacity;
    return true;
}

/* Before any change but one behind the last message. */
static bool messages_own(struct drop_folder *f)
{
    if (!f->share)
        return true;
    if (atomic_load(&f->share->holders) > 1)
        return messages_split(f);
    share_end(f);
    return true;
}

static bool share_begin(struct drop_folder *f)
{
    if (f->share)
        return true;
    f->share = malloc(sizeof *f->share);
    if (!f->share)
        return false;
    atomic_init(&f->share->holders, 1);
    atomic_init(&f->share->used, f->count);
    return true;
}

bool drop_folder_copy(struct drop_folder *to, struct drop_folder *f)
{
    char *name = strdup(f->name);

    *to = (struct drop_folder){.name = NULL};
    if (!name || !share_begin(f)) {
        free(name);
        return false;
    }
    atomic_fetch_add(&f->share->holders, 1);
    *to = *f;
    to->name = name;
    return true;
}

void drop_folder_begin(struct drop_folder *f, uint32_t uidvalidity, struct drop_message *messages,
                       size_t count)
{
    messages_release(f);
    *f = (struct drop_folder){
        .name = f->name,
        .uidvalidity = uidvalidity,
        .messages = messages,
        .count = count,
        .capacity = count,
    };
    for (size_t i = 0; i < count; i++)
        sum_add(f, &messages[i]);
}

/* ---- finding ---------------------------------------------------------------------------- */

/* Where the first message stands whose UID is `uid` or above. */
static size_t position(const struct drop_folder *f, uint32_t uid)
{
    size_t low = 0;
    size_t high = f->count;

    if (high && f->messages[high - 1].uid < uid)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->messages[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct drop_message *find(const struct drop_folder *f, uint32_t uid)
{
    size_t i = position(f, uid);

    return i < f->count && f->messages[i].uid == uid ? &f->messages[i] : NULL;
}

const struct drop_message *drop_folder_message(const struct drop_folder *f, uint32_t uid)
{
    return find(f, uid);
}

/* ---- changes ---------------------------------------------------------------------------- */

static bool folder_reserve(struct drop_folder *f, size_t count)
{
    if (count <= f->capacity)
        return true;
    struct drop_message *p = array_reserve(f->messages, &f->capacity, count, sizeof *p);
    if (!p)
        return false;
    f->messages = p;
    return true;
}

static void text_replace(char **text, char **fresh)
{
    if (!*fresh)
        return;
    free(*text);
    *text = *fresh;
    *fresh = NULL;
}

/* What the record does not say stays as it was, so that a corrected size loses nothing else. */
static void message_update(struct drop_folder *f, struct drop_message *m,
                           struct drop_message *fresh)
{
    sum_remove(f, m);
    m->size = fresh->size;
    if (fresh->received)
        m->received = fresh->received;
    if (fresh->hidden > m->hidden)
        m->hidden = fresh->hidden;
    text_replace(&m->id, &fresh->id);
    text_replace(&m->uidl, &fresh->uidl);
    message_clear(fresh);
    sum_add(f, m);
}

/* Room was made. From the back, so that each message moves at most once, and none when all the new
 * ones belong at the end. */
static void folder_insert(struct drop_folder *f, const struct drop_message *fresh, size_t count)
{
    size_t from = f->count;
    size_t to = f->count + count;

    for (size_t i = 0; i < count; i++)
        sum_add(f, &fresh[i]);
    f->count = to;
    while (count)
        if (from && f->messages[from - 1].uid > fresh[count - 1].uid)
            f->messages[--to] = f->messages[--from];
        else
            f->messages[--to] = fresh[--count];
}

/* Whether they can go behind a shared array's last message, and the place is ours from now on. */
static bool take_end(struct drop_folder *f, const struct drop_message *messages, size_t count)
{
    size_t used = f->count;

    return f->share && count && f->capacity - f->count >= count &&
           (!f->count || messages[0].uid > f->messages[f->count - 1].uid) &&
           atomic_compare_exchange_strong(&f->share->used, &used, f->count + count);
}

static bool merge_own(struct drop_folder *f, struct drop_message *messages, size_t count)
{
    size_t unknown = 0;

    for (size_t i = 0; i < count; i++)
        unknown += find(f, messages[i].uid) == NULL;
    if (!messages_own(f) || !folder_reserve(f, f->count + unknown))
        return false;
    unknown = 0;
    for (size_t i = 0; i < count; i++) {
        struct drop_message *m = find(f, messages[i].uid);
        if (m)
            message_update(f, m, &messages[i]);
        else
            messages[unknown++] = messages[i];
    }
    folder_insert(f, messages, unknown);
    return true;
}

bool drop_folder_merge(struct drop_folder *f, struct drop_message *messages, size_t count)
{
    if (take_end(f, messages, count))
        folder_insert(f, messages, count);
    else if (count && !merge_own(f, messages, count))
        return false;
    free(messages);
    return true;
}

bool drop_folder_remove(struct drop_folder *f, struct slice uids)
{
    struct uid_range range = {0, 0};
    bool more = uid_set_next(&uids, &range);
    size_t kept = more ? position(f, range.first) : f->count;

    if (kept == f->count)
        return true;
    if (!messages_own(f))
        return false;
    for (size_t i = kept; i < f->count; i++) {
        while (more && f->messages[i].uid > range.last)
            more = uid_set_next(&uids, &range);
        if (more && f->messages[i].uid >= range.first) {
            sum_remove(f, &f->messages[i]);
            message_clear(&f->messages[i]);
        } else {
            f->messages[kept++] = f->messages[i];
        }
    }
    f->count = kept;
    return true;
}

static void hide(struct drop_folder *f, struct drop_message *m, int64_t age)
{
    if (m->hidden >= age)
        return;
    sum_remove(f, m);
    m->hidden = age;
    sum_add(f, m);
}

bool drop_folder_hide(struct drop_folder *f, struct slice uids, int64_t age)
{
    struct uid_range range = {0, 0};

    if (!messages_own(f))
        return false;
    while (uid_set_next(&uids, &range))
        for (size_t i = position(f, range.first); i < f->count && f->messages[i].uid <= range.last;
             i++)
            hide(f, &f->messages[i], age);
    return true;
}
