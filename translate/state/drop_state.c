#include "translate/state/drop_state.h"

#include <stdlib.h>

#include "translate/state/drop_folder.h"

enum { DAY = 86400 };

struct drop_state *drop_state_new(void)
{
    return calloc(1, sizeof(struct drop_state));
}

void drop_state_free(struct drop_state *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->folder_count; i++)
        drop_folder_clear(&s->folders[i]);
    free(s->folders);
    free(s);
}

struct drop_state *drop_state_copy(struct drop_state *s)
{
    struct drop_state *copy = drop_state_new();

    if (!copy)
        return NULL;
    copy->last_login = s->last_login;
    copy->age = s->age;
    copy->folders = s->folder_count ? calloc(s->folder_count, sizeof *s->folders) : NULL;
    for (size_t i = 0; copy->folders && i < s->folder_count; i++) {
        if (!drop_folder_copy(&copy->folders[i], &s->folders[i]))
            break;
        copy->folder_count++;
    }
    if (copy->folder_count == s->folder_count)
        return copy;
    drop_state_free(copy);
    return NULL;
}

size_t drop_state_octets(const struct drop_state *s)
{
    size_t octets = sizeof *s + s->folder_count * sizeof *s->folders;

    for (size_t i = 0; i < s->folder_count; i++) {
        const struct drop_folder *f = &s->folders[i];
        octets += f->capacity * sizeof *f->messages + f->sum.texts;
    }
    return octets;
}

struct drop_folder *drop_state_folder(struct drop_state *s, struct slice name)
{
    for (size_t i = 0; i < s->folder_count; i++)
        if (slice_is(name, s->folders[i].name))
            return &s->folders[i];
    return NULL;
}

int64_t drop_state_age_at(const struct drop_state *s, int64_t now)
{
    int64_t passed = 0;

    if (s->last_login == 0 || now <= s->last_login)
        return s->age;
    if (__builtin_sub_overflow(now, s->last_login, &passed) || passed > DAY)
        passed = DAY;
    return s->age > INT64_MAX - passed ? INT64_MAX : s->age + passed;
}
