#include "translate/state/drop_folder.h"

#include <stdlib.h>
#include <string.h>

#include "translate/state/uid_set.h"

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

void drop_folder_clear(struct drop_folder *f)
{
    drop_messages_free(f->messages, f->count);
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

bool drop_folder_copy(struct drop_folder *to, const struct drop_folder *f)
{
    *to = *f;
    to->count = 0;
    to->capacity = f->count;
    to->messages = f->count ? malloc(f->count * sizeof *to->messages) : NULL;
    bool copied = text_copy(&to->name, f->name) && (to->messages || !f->count);
    for (size_t i = 0; copied && i < f->count; i++) {
        copied = message_copy(&to->messages[i], &f->messages[i]);
        to->count++;
    }
    if (!copied)
        drop_folder_clear(to);
    return copied;
}

void drop_folder_begin(struct drop_folder *f, uint32_t uidvalidity, struct drop_message *messages,
                       size_t count)
{
    drop_messages_free(f->messages, f->count);
    f->uidvalidity = uidvalidity;
    f->uidnext = 0;
    f->modseq = 0;
    f->messages = messages;
    f->count = count;
    f->capacity = count;
}

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

struct drop_message *drop_folder_message(struct drop_folder *f, uint32_t uid)
{
    size_t i = position(f, uid);

    return i < f->count && f->messages[i].uid == uid ? &f->messages[i] : NULL;
}

static bool folder_reserve(struct drop_folder *f, size_t count)
{
    if (count <= f->capacity)
        return true;
    size_t capacity = count < f->capacity + f->capacity / 2 ? f->capacity + f->capacity / 2 : count;
    struct drop_message *p = reallocarray(f->messages, capacity, sizeof *p);
    if (!p)
        return false;
    f->messages = p;
    f->capacity = capacity;
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
static void message_update(struct drop_message *m, struct drop_message *fresh)
{
    m->size = fresh->size;
    if (fresh->received)
        m->received = fresh->received;
    if (fresh->hidden > m->hidden)
        m->hidden = fresh->hidden;
    text_replace(&m->id, &fresh->id);
    text_replace(&m->uidl, &fresh->uidl);
    message_clear(fresh);
}

/* Room was made. From the back, so that each message moves at most once, and none when all the new
 * ones belong at the end. */
static void folder_insert(struct drop_folder *f, const struct drop_message *fresh, size_t count)
{
    size_t from = f->count;
    size_t to = f->count + count;

    f->count = to;
    while (count)
        if (from && f->messages[from - 1].uid > fresh[count - 1].uid)
            f->messages[--to] = f->messages[--from];
        else
            f->messages[--to] = fresh[--count];
}

bool drop_folder_merge(struct drop_folder *f, struct drop_message *messages, size_t count)
{
    size_t unknown = 0;

    for (size_t i = 0; i < count; i++)
        unknown += drop_folder_message(f, messages[i].uid) == NULL;
    if (!folder_reserve(f, f->count + unknown))
        return false;
    unknown = 0;
    for (size_t i = 0; i < count; i++) {
        struct drop_message *m = drop_folder_message(f, messages[i].uid);
        if (m)
            message_update(m, &messages[i]);
        else
            messages[unknown++] = messages[i];
    }
    folder_insert(f, messages, unknown);
    free(messages);
    return true;
}

void drop_folder_remove(struct drop_folder *f, struct slice uids)
{
    struct uid_range range = {0, 0};
    bool more = uid_set_next(&uids, &range);
    size_t kept = more ? position(f, range.first) : f->count;

    for (size_t i = kept; i < f->count; i++) {
        while (more && f->messages[i].uid > range.last)
            more = uid_set_next(&uids, &range);
        if (more && f->messages[i].uid >= range.first)
            message_clear(&f->messages[i]);
        else
            f->messages[kept++] = f->messages[i];
    }
    f->count = kept;
}

void drop_folder_hide(struct drop_folder *f, struct slice uids, int64_t age)
{
    struct uid_range range = {0, 0};

    while (uid_set_next(&uids, &range))
        for (size_t i = position(f, range.first); i < f->count && f->messages[i].uid <= range.last;
             i++)
            if (f->messages[i].hidden < age)
                f->messages[i].hidden = age;
}
