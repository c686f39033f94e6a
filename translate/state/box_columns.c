#include "translate/state/box_columns.h"

#include <stdio.h>
#include <stdlib.h>

#include "translate/state/box_content.h"
#include "translate/state/box_list.h"
#include "translate/state/uid_set.h"

/* Sets the member to the buffer's text, and clears the buffer. */
static bool put_text(json_t *object, const char *key, struct buf *text)
{
    struct slice s = buf_slice(text);
    bool put = !buf_failed(text) && json_object_set_new(object, key, json_stringn(s.p, s.n)) == 0;

    buf_clear(text);
    return put;
}

static bool put_list(json_t *object, const char *key, struct box_list_writer *w)
{
    box_list_end(w);
    return put_text(object, key, &w->text);
}

bool box_set_put(json_t *object, const char *key, const uint32_t *ids, size_t count)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < count; i++)
        if (ids[i] <= (i ? ids[i - 1] : 0))
            return false;
    uid_set_put(&text, ids, count);
    return put_text(object, key, &text);
}

bool box_set_get(const struct json_at *at, const char *key, struct slice *set, uint64_t *count)
{
    return json_at_text(at, key, set) &&
           (uid_set_count(*set, count) ||
            json_at_wrong(at, key, "not an ascending set such as \"1:3,7\""));
}

/* How many rows the set of all has; its largest number leaves room for a next one. */
static bool get_rows(const struct json_at *at, const char *key, struct slice *set, size_t *count)
{
    struct uid_range range = {0, 0};
    uint64_t named = 0;

    if (!box_set_get(at, key, set, &named))
        return false;
    for (struct slice rest = *set; uid_set_next(&rest, &range);)
        continue;
    *count = (size_t)named;
    return (named <= BOX_ROWS_MAX && range.last < UINT32_MAX) ||
           json_at_wrong(at, key, "more or larger numbers than there may be");
}

/* A list of as many numbers as there are rows; `put` gives row `i` its number. */
typedef void (*number_set)(void *rows, size_t i, int64_t number);

static bool get_numbers(const struct json_at *at, const char *key, int64_t min, int64_t max,
                        number_set set, void *rows, size_t count)
{
    struct box_list_reader list = {.left = 0};
    int64_t number = 0;
    char what[80];

    if (!json_at_text(at, key, &list.text))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!box_list_next(&list, &number) || number < min || number > max) {
            snprintf(what, sizeof what, "number %zu of %zu is missing or out of range", i + 1,
                     count);
            return json_at_wrong(at, key, what);
        }
        set(rows, i, number);
    }
    return box_list_is_read(&list) || json_at_wrong(at, key, "more numbers than there should be");
}

/* Contents. */

enum text_part { TEXT_UIDL, TEXT_DIGEST, TEXT_KEY, TEXT_PARTS };

static const char *const text_names[TEXT_PARTS] = {"uidls", "digests", "keys"};

static char **text_of(struct box_content *c, enum text_part part)
{
    return part == TEXT_UIDL ? &c->uidl : part == TEXT_DIGEST ? &c->digest : &c->key;
}

enum mark {
    MARK_LOCAL,
    MARK_UNDATED,
    MARK_UNLISTED,
    MARK_SUSPECT,
    MARK_INTENDED,
    MARK_SENT,
    MARKS
};

static const char *const mark_names[MARKS] = {"local",   "undated",  "unlisted",
                                              "suspect", "intended", "sent"};

static bool mark_is_set(const struct box_content *c, enum mark mark)
{
    switch (mark) {
    case MARK_LOCAL:
        return !c->upstream;
    case MARK_UNDATED:
        return c->undated;
    case MARK_UNLISTED:
        return c->unlisted;
    case MARK_SUSPECT:
        return c->suspect;
    case MARK_INTENDED:
        return c->deletion == BOX_INTENDED;
    default:
        return c->deletion == BOX_SENT;
    }
}

static void mark_set(struct box_content *c, enum mark mark)
{
    if (mark == MARK_LOCAL)
        c->upstream = false;
    else if (mark == MARK_UNDATED)
        c->undated = true;
    else if (mark == MARK_UNLISTED)
        c->unlisted = true;
    else if (mark == MARK_SUSPECT)
        c->suspect = true;
    else
        c->deletion = mark == MARK_INTENDED ? BOX_INTENDED : BOX_SENT;
}

/* The ids of those that have the mark, of all for MARKS; no member when there are none. */
static bool put_ids(json_t *object, enum mark mark, const struct box_content *contents,
                    size_t count)
{
    uint32_t *ids = calloc(count + 1, sizeof *ids);
    size_t n = 0;

    for (size_t i = 0; ids && i < count; i++)
        if (!contents[i].dead && (mark == MARKS || mark_is_set(&contents[i], mark)))
            ids[n++] = contents[i].id;
    bool put = ids && ((n == 0 && mark != MARKS) ||
                       box_set_put(object, mark == MARKS ? "contents" : mark_names[mark], ids, n));
    free(ids);
    return put;
}

static bool put_sizes(json_t *object, const struct box_content *contents, size_t count)
{
    struct box_list_writer listed = {.count = 0};
    struct box_list_writer sizes = {.count = 0};
    bool differ = false;

    for (size_t i = 0; i < count; i++) {
        const struct box_content *c = &contents[i];
        if (c->dead)
            continue;
        if (c->listed > INT64_MAX || c->size > INT64_MAX)
            listed.text.failed = true;
        box_list_add(&listed, (int64_t)c->listed);
        box_list_add(&sizes, (int64_t)c->size);
        differ = differ || c->size != c->listed;
    }
    bool put = put_list(object, "listed", &listed);
    if (put && differ)
        return put_list(object, "sizes", &sizes);
    buf_clear(&sizes.text);
    return put;
}

static bool put_texts(json_t *object, enum text_part part, const struct box_content *contents,
                      size_t count)
{
    struct buf list = BUF_INIT;
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        struct box_content c = contents[i];
        if (c.dead)
            continue;
        const char *text = *text_of(&c, part);
        box_words_add(&list, text);
        any = any || (text && *text);
    }
    if (any)
        return put_text(object, text_names[part], &list);
    bool put = !buf_failed(&list);
    buf_clear(&list);
    return put;
}

bool box_contents_put(json_t *object, const struct box_content *contents, size_t count)
{
    bool put = put_sizes(object, contents, count);

    for (enum mark mark = 0; put && mark <= MARKS; mark++)
        put = put_ids(object, mark, contents, count);
    for (enum text_part part = 0; put && part < TEXT_PARTS; part++)
        put = put_texts(object, part, contents, count);
    return put;
}

static void set_listed(void *rows, size_t i, int64_t number)
{
    struct box_content *c = (struct box_content *)rows + i;

    c->listed = c->size = (uint64_t)number;
}

static void set_size(void *rows, size_t i, int64_t number)
{
    ((struct box_content *)rows)[i].size = (uint64_t)number;
}

static bool get_sizes(const struct json_at *at, struct box_content *contents, size_t count)
{
    return get_numbers(at, "listed", 0, INT64_MAX, set_listed, contents, count) &&
           (!json_object_get(at->object, "sizes") ||
            get_numbers(at, "sizes", 0, INT64_MAX, set_size, contents, count));
}

static bool get_texts(const struct json_at *at, enum text_part part, struct box_content *contents,
                      size_t count)
{
    const char *key = text_names[part];
    struct slice list = {NULL, 0};
    bool no_memory = false;
    char what[80];

    if (!json_object_get(at->object, key))
        return true;
    if (!json_at_text(at, key, &list))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!box_words_next(&list, text_of(&contents[i], part), &no_memory)) {
            if (no_memory)
                return json_at_no_memory(at);
            snprintf(what, sizeof what, "text %zu of %zu is missing or wrong", i + 1, count);
            return json_at_wrong(at, key, what);
        }
    return list.n == 0 || json_at_wrong(at, key, "more texts than there should be");
}

static bool get_mark(const struct json_at *at, enum mark mark, struct box_content *contents,
                     size_t count)
{
    struct slice set = {NULL, 0};
    struct uid_range range = {0, 0};
    uint64_t named = 0;
    size_t i = 0;

    if (!json_object_get(at->object, mark_names[mark]))
        return true;
    if (!box_set_get(at, mark_names[mark], &set, &named))
        return false;
    while (uid_set_next(&set, &range))
        for (; i < count && contents[i].id <= range.last; i++)
            if (contents[i].id >= range.first) {
                mark_set(&contents[i], mark);
                named--;
            }
    return named == 0 || json_at_wrong(at, mark_names[mark], "there are no such contents");
}

static struct box_content *contents_of(struct slice set, size_t count)
{
    uint32_t *ids = uid_set_expand(set, count);
    struct box_content *contents = ids ? calloc(count, sizeof *contents) : NULL;

    for (size_t i = 0; contents && i < count; i++) {
        contents[i].id = ids[i];
        contents[i].upstream = true;
    }
    free(ids);
    return contents;
}

/* What a content must have for what it is. */
static bool contents_make_sense(const struct json_at *at, const struct box_content *contents,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct box_content *c = &contents[i];
        if (!c->upstream && !c->key)
            return json_at_wrong(at, "local", "a local content without a key");
        if (!c->upstream && (c->undated || c->unlisted || c->suspect || c->deletion != BOX_KEPT))
            return json_at_wrong(at, "local",
                                 "a local content cannot be undated, listed or deleted");
        if (c->upstream && !c->uidl && !c->digest)
            return json_at_wrong(at, "uidls", "an upstream content without UIDL and digest");
    }
    return true;
}

bool box_contents_get(const struct json_at *at, struct box_content **contents, size_t *count)
{
    struct slice set = {NULL, 0};

    *contents = NULL;
    *count = 0;
    if (!get_rows(at, "contents", &set, count))
        return false;
    *contents = *count ? contents_of(set, *count) : NULL;
    bool got =
        (*contents || *count == 0 || json_at_no_memory(at)) && get_sizes(at, *contents, *count);
    for (enum text_part part = 0; got && part < TEXT_PARTS; part++)
        got = get_texts(at, part, *contents, *count);
    for (enum mark mark = 0; got && mark < MARKS; mark++)
        got = get_mark(at, mark, *contents, *count);
    if (got && contents_make_sense(at, *contents, *count))
        return true;
    if (*contents)
        box_contents_free(*contents, *count);
    *contents = NULL;
    *count = 0;
    return false;
}

/* Messages. */

bool box_messages_put(json_t *object, const struct box_message *messages, size_t count,
                      bool modseqs)
{
    enum { CONTENTS, FLAGS, DATES, MODSEQS, COLUMNS };
    static const char *const names[COLUMNS] = {"contents", "flags", "dates", "modseqs"};
    struct box_list_writer lists[COLUMNS] = {{.count = 0}};
    uint32_t *uids = calloc(count + 1, sizeof *uids);
    bool put = uids != NULL;

    for (size_t i = 0; put && i < count; i++) {
        uids[i] = messages[i].uid;
        box_list_add(&lists[CONTENTS], messages[i].content);
        box_list_add(&lists[FLAGS], (int64_t)messages[i].flags);
        box_list_add(&lists[DATES], messages[i].date);
        box_list_add(&lists[MODSEQS], (int64_t)messages[i].modseq);
    }
    put = put && box_set_put(object, "uids", uids, count);
    for (int i = 0; i < (modseqs ? COLUMNS : MODSEQS); i++)
        put = put && put_list(object, names[i], &lists[i]);
    for (int i = 0; i < COLUMNS; i++)
        buf_clear(&lists[i].text);
    free(uids);
    return put;
}

static void set_content(void *rows, size_t i, int64_t number)
{
    ((struct box_message *)rows)[i].content = (uint32_t)number;
}

static void set_flags(void *rows, size_t i, int64_t number)
{
    ((struct box_message *)rows)[i].flags = (uint64_t)number & BOX_FLAGS;
}

static void set_date(void *rows, size_t i, int64_t number)
{
    ((struct box_message *)rows)[i].date = number;
}

static void set_modseq(void *rows, size_t i, int64_t number)
{
    ((struct box_message *)rows)[i].modseq = (uint64_t)number;
}

static struct box_message *messages_of(struct slice set, size_t count)
{
    uint32_t *uids = uid_set_expand(set, count);
    struct box_message *messages = uids ? calloc(count, sizeof *messages) : NULL;

    for (size_t i = 0; messages && i < count; i++)
        messages[i].uid = uids[i];
    free(uids);
    return messages;
}

bool box_messages_get(const struct json_at *at, struct box_message **messages, size_t *count,
                      bool modseqs)
{
    struct slice set = {NULL, 0};

    *messages = NULL;
    *count = 0;
    if (!get_rows(at, "uids", &set, count))
        return false;
    if (*count && !(*messages = messages_of(set, *count)))
        return json_at_no_memory(at);
    if (get_numbers(at, "contents", 1, UINT32_MAX - 1, set_content, *messages, *count) &&
        get_numbers(at, "flags", 0, INT64_MAX, set_flags, *messages, *count) &&
        get_numbers(at, "dates", INT64_MIN, INT64_MAX, set_date, *messages, *count) &&
        (!modseqs || get_numbers(at, "modseqs", 1, INT64_MAX, set_modseq, *messages, *count)))
        return true;
    free(*messages);
    *messages = NULL;
    *count = 0;
    return false;
}
