/*
 * Folders, their names, subscriptions and keywords, as records and snapshots say them.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/state/box_change.h"
#include "translate/text/utf8.h"

bool box_name_is_valid(struct slice name)
{
    char before = '/';

    if (name.n == 0 || name.n > BOX_NAME_MAX || name.p[name.n - 1] == '/')
        return false;
    while (name.n) {
        size_t n = utf8_length(name);
        if (n == 0 || (unsigned char)*name.p < ' ' || *name.p == 0x7f ||
            (before == '/' && *name.p == '/'))
            return false;
        before = *name.p;
        slice_take(&name, n);
    }
    return true;
}

bool box_keyword_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || strchr("(){%*\"\\]", name.p[i]))
            return false;
    return name.n > 0 && name.n <= 200;
}

struct box_folder *box_folder_named(const struct json_at *at, const struct box_state *s)
{
    struct box_folder *f = NULL;
    int64_t id = 0;

    if (!json_at_integer(at, "folder", 1, UINT32_MAX, &id))
        return NULL;
    f = box_state_folder_by_id(s, (uint32_t)id);
    if (!f)
        json_at_wrong(at, "folder", "there is no such folder");
    return f;
}

/* What a folder says of itself, but for its name. */
static bool traits_read(const struct json_at *at, struct box_folder *f)
{
    const json_t *noselect = json_object_get(at->object, "noselect");
    const json_t *use = json_object_get(at->object, "use");
    int64_t id = 0;
    int64_t uidvalidity = 0;

    if (!json_at_integer(at, "folder", 1, UINT32_MAX - 1, &id) ||
        !json_at_integer(at, "uidvalidity", 1, UINT32_MAX - 1, &uidvalidity))
        return false;
    f->id = (uint32_t)id;
    f->uidvalidity = (uint32_t)uidvalidity;
    f->uidnext = 1;
    f->noselect = json_is_true(noselect);
    f->use = use ? box_use_of(slice_of(json_string_value(use))) : BOX_NO_USE;
    if (use && f->use == BOX_NO_USE)
        return json_at_wrong(at, "use", "not a special use that is known");
    return !noselect || json_is_boolean(noselect) || json_at_wrong(at, "noselect", "not a boolean");
}

struct box_folder *box_folder_read(const struct json_at *at, struct box_state *s)
{
    struct box_folder fresh = {.name = NULL};
    struct slice name = {NULL, 0};

    if (!json_at_text(at, "name", &name) || !traits_read(at, &fresh))
        return NULL;
    if (!box_name_is_valid(name) || (slice_is_nocase(name, "INBOX") != (fresh.id == BOX_INBOX))) {
        json_at_wrong(at, "name", "not a name for this folder");
        return NULL;
    }
    if (box_state_folder(s, name) || box_state_folder_by_id(s, fresh.id)) {
        json_at_wrong(at, "name", "there is a folder of that name or id");
        return NULL;
    }
    struct box_folder *p = reallocarray(s->folders, s->folder_count + 1, sizeof *p);
    fresh.name = slice_dup(name);
    if (p)
        s->folders = p;
    if (!p || !fresh.name) {
        free(fresh.name);
        json_at_no_memory(at);
        return NULL;
    }
    p[s->folder_count] = fresh;
    return &p[s->folder_count++];
}

bool box_keyword_add(const struct json_at *at, const char *key, size_t i, struct box_state *s,
                     const json_t *name)
{
    struct slice text = slice_make(json_string_value(name), json_string_length(name));

    if (!box_keyword_is_valid(text) || box_state_keyword(s, text))
        return json_at_wrong_element(at, key, i, "not a keyword, or there already");
    if (s->keyword_count == BOX_KEYWORDS_MAX)
        return json_at_wrong_element(at, key, i, "more keywords than an account may have");
    char **p = reallocarray(s->keywords, s->keyword_count + 1, sizeof *p);
    if (!p)
        return json_at_no_memory(at);
    s->keywords = p;
    p[s->keyword_count] = slice_dup(text);
    if (!p[s->keyword_count])
        return json_at_no_memory(at);
    s->keyword_count++;
    return true;
}

bool box_subscription_add(const struct json_at *at, const char *key, size_t i, struct box_state *s,
                          const json_t *name)
{
    struct slice text = slice_make(json_string_value(name), json_string_length(name));

    if (!box_name_is_valid(text))
        return json_at_wrong_element(at, key, i, "not a folder's name");
    if (box_state_subscribed(s, text))
        return true;
    char *p = realloc(s->subscriptions, s->subscription_octets + text.n + 1);
    if (!p)
        return json_at_no_memory(at);
    s->subscriptions = p;
    memcpy(p + s->subscription_octets, text.p, text.n);
    p[s->subscription_octets + text.n] = '\0';
    s->subscription_octets += text.n + 1;
    return true;
}

void box_subscription_remove(struct box_state *s, struct slice name)
{
    const char *end = s->subscriptions + s->subscription_octets;
    const char *one = NULL;

    while ((one = box_state_subscription(s, one)) != NULL)
        if (slice_is(name, one)) {
            char *at = s->subscriptions + (one - s->subscriptions);
            memmove(at, at + name.n + 1, (size_t)(end - at) - name.n - 1);
            s->subscription_octets -= name.n + 1;
            return;
        }
}
