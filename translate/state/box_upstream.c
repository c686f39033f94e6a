#include "translate/state/box_upstream.h"

#include <stdio.h>
#include <stdlib.h>

#include "translate/state/box_columns.h"
#include "translate/state/box_content.h"
#include "translate/state/box_list.h"
#include "translate/state/uid_set.h"

/* The ids that the set `key` names, all of upstream contents that there are; free() it. NULL with
 * the reason. */
static uint32_t *ids_get(const struct json_at *at, const struct box_state *s, const char *key,
                         size_t *count)
{
    struct slice set = {NULL, 0};
    uint64_t named = 0;

    if (!box_set_get(at, key, &set, &named))
        return NULL;
    if (named > s->content_count) {
        json_at_wrong(at, key, "more contents than there are");
        return NULL;
    }
    *count = (size_t)named;
    uint32_t *ids = named ? uid_set_expand(set, *count) : calloc(1, sizeof *ids);
    if (!ids)
        json_at_no_memory(at);
    for (size_t i = 0; ids && i < *count; i++) {
        const struct box_content *c = box_state_content(s, ids[i]);
        if (c && c->upstream)
            continue;
        json_at_wrong(at, key, "not all of them are upstream contents");
        free(ids);
        return NULL;
    }
    return ids;
}

/* Does `act` to each content that the set names. */
static bool each_content(const struct json_at *at, struct box_reading *r, const char *key,
                         void (*act)(struct box_content *c))
{
    size_t count = 0;
    uint32_t *ids = ids_get(at, r->s, key, &count);

    for (size_t i = 0; ids && i < count; i++)
        act(box_state_content(r->s, ids[i]));
    bool done = ids != NULL;
    free(ids);
    return done;
}

bool box_apply_listed(const struct json_at *at, struct box_reading *r, const char *key)
{
    struct json_at inside = {.object = json_object_get(at->object, key), .why = at->why};
    struct box_list_reader sizes = {.left = 0};
    int64_t size = 0;
    size_t count = 0;

    snprintf(inside.pointer, sizeof inside.pointer, "/%s", key);
    if (!json_at_text(&inside, "sizes", &sizes.text))
        return false;
    uint32_t *ids = ids_get(&inside, r->s, "contents", &count);
    bool read = ids != NULL;
    for (size_t i = 0; read && i < count; i++) {
        struct box_content *c = box_state_content(r->s, ids[i]);
        if (!box_list_next(&sizes, &size) || size < 0)
            read = json_at_wrong(&inside, "sizes", "a number is missing or out of range");
        c->listed = (uint64_t)size;
        c->unlisted = false;
        c->suspect = false;
    }
    free(ids);
    return read && (box_list_is_read(&sizes) ||
                    json_at_wrong(&inside, "sizes", "more numbers than contents"));
}

/* Nobody can delete what is not listed: what waits for that leaves its folder, and waits on. */
bool box_apply_unlisted(const struct json_at *at, struct box_reading *r, const char *key)
{
    size_t count = 0;
    size_t doomed = 0;
    uint32_t *ids = ids_get(at, r->s, key, &count);

    for (size_t i = 0; ids && i < count; i++) {
        struct box_content *c = box_state_content(r->s, ids[i]);
        c->unlisted = true;
        c->suspect = false;
        if (c->deletion == BOX_KEPT)
            continue;
        c->deletion = BOX_INTENDED;
        ids[doomed++] = c->id;
    }
    bool done = ids && box_references_remove(at, r, ids, doomed);
    free(ids);
    return done;
}

static void suspect(struct box_content *c)
{
    c->suspect = true;
}

bool box_apply_suspected(const struct json_at *at, struct box_reading *r, const char *key)
{
    for (size_t i = 0; i < r->s->content_count; i++)
        r->s->contents[i].suspect = false;
    return each_content(at, r, key, suspect);
}

static void intend(struct box_content *c)
{
    if (c->deletion == BOX_SENT)
        c->deletion = BOX_INTENDED;
}

bool box_apply_intended(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_content(at, r, key, intend);
}

static void send(struct box_content *c)
{
    if (c->deletion == BOX_INTENDED)
        c->deletion = BOX_SENT;
}

bool box_apply_sent(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_content(at, r, key, send);
}

/* What no folder shows has nothing to come back to. */
static void spare(struct box_content *c)
{
    if (c->references)
        c->deletion = BOX_KEPT;
}

bool box_apply_spared(const struct json_at *at, struct box_reading *r, const char *key)
{
    return each_content(at, r, key, spare);
}

bool box_apply_gone(const struct json_at *at, struct box_reading *r, const char *key)
{
    size_t count = 0;
    uint32_t *ids = ids_get(at, r->s, key, &count);
    bool done = ids && box_references_remove(at, r, ids, count);

    for (size_t i = 0; done && i < count; i++)
        done = box_content_end(r->s, box_state_content(r->s, ids[i]), r->changes) ||
               json_at_no_memory(at);
    free(ids);
    return done;
}

/* Replaces a content's text by what the member says; an empty one is none. */
static bool text_known(const struct json_at *at, const char *key, char **text)
{
    struct slice value = {NULL, 0};

    if (!json_at_text(at, key, &value))
        return false;
    char *copy = value.n ? slice_dup(value) : NULL;
    if (value.n && !copy)
        return json_at_no_memory(at);
    free(*text);
    *text = copy;
    return true;
}

/* A body that is kept under another key, or no longer, is not needed under the old one. */
static bool key_known(const struct json_at *at, struct box_reading *r, struct box_content *c)
{
    char *before = c->key;

    c->key = NULL;
    if (!text_known(at, "key", &c->key)) {
        c->key = before;
        return false;
    }
    if (!c->upstream && !c->key) {
        c->key = before;
        return json_at_wrong(at, "key", "a local content needs one");
    }
    return box_changes_release(r->changes, before) || json_at_no_memory(at);
}

/* Never an empty one: it may be all by which a content is recognised. */
static bool digest_known(const struct json_at *at, struct box_content *c)
{
    struct slice value = {NULL, 0};

    return json_at_text(at, "digest", &value) &&
           (value.n ? text_known(at, "digest", &c->digest) : json_at_wrong(at, "digest", "empty"));
}

/* The word may hold any octets, and a name is never taken away. */
static bool uidl_known(const struct json_at *at, struct box_content *c)
{
    struct slice word = {NULL, 0};
    bool no_memory = false;
    char *uidl = NULL;

    if (!json_at_text(at, "uidl", &word))
        return false;
    if (!box_words_next(&word, &uidl, &no_memory) && no_memory)
        return json_at_no_memory(at);
    if (!c->upstream || !uidl || word.n) {
        free(uidl);
        return json_at_wrong(at, "uidl", "not the UIDL of an upstream content");
    }
    free(c->uidl);
    c->uidl = uidl;
    return true;
}

bool box_content_known(const struct json_at *at, struct box_reading *r)
{
    struct box_content *c = NULL;
    int64_t number = 0;

    if (!json_at_integer(at, "content", 1, UINT32_MAX, &number))
        return false;
    c = box_state_content(r->s, (uint32_t)number);
    if (!c)
        return json_at_wrong(at, "content", "there is no such content");
    if (json_object_get(at->object, "size") &&
        (!json_at_integer(at, "size", 0, INT64_MAX, &number) ||
         ((uint64_t)number != c->size && !box_content_resize(at, r, c, (uint64_t)number))))
        return false;
    if (json_object_get(at->object, "digest") && !digest_known(at, c))
        return false;
    if (json_object_get(at->object, "uidl") && !uidl_known(at, c))
        return false;
    if (json_object_get(at->object, "date") && !box_content_date(at, r, c))
        return false;
    return !json_object_get(at->object, "key") || key_known(at, r, c);
}

bool box_poll_read(const struct json_at *at, struct box_state *s)
{
    int64_t count = 0;

    if (!json_at_integer(at, "count", 0, INT64_MAX, &count) ||
        !json_at_integer(at, "login_delay", 0, INT64_MAX, &s->poll.login_delay) ||
        !json_at_integer(at, "at", INT64_MIN, INT64_MAX, &s->poll.at))
        return false;
    s->poll.count = (uint64_t)count;
    return true;
}
