#include "translate/state/box_draft.h"

#include <stdlib.h>
#include <string.h>

#include "translate/state/box_change.h"
#include "translate/state/box_columns.h"
#include "translate/state/box_list.h"
#include "translate/text/array.h"

struct box_place {
    uint32_t folder;
    uint32_t uidnext;
    struct box_message *messages;
    size_t count;
    size_t capacity;
};

void box_draft_begin(struct box_draft *d, const struct box_state *s, const char *what)
{
    *d = (struct box_draft){
        .s = s,
        .record = json_pack("{s:s, s:I}", "record", what, "modseq", (json_int_t)s->modseq + 1),
        .content_next = s->content_next,
        .folder_next = s->folder_next,
        .uidvalidity = s->uidvalidity,
    };
    d->failed = !d->record || s->modseq >= INT64_MAX;
}

static void put(struct box_draft *d, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        d->failed = true;
}

/* Appends to the section, which is an array. */
static void section_add(struct box_draft *d, const char *section, json_t *value)
{
    json_t *list = json_object_get(d->record, section);

    if (!list) {
        list = json_array();
        put(d, d->record, section, list);
    }
    if (d->failed)
        json_decref(value);
    else if (json_array_append_new(list, value) != 0)
        d->failed = true;
}

static json_t *text_json(struct slice text)
{
    return json_stringn(text.n ? text.p : "", text.n);
}

void box_draft_born(struct box_draft *d, const struct box_state *s, int64_t seconds)
{
    static const char *const names[BOX_USES] = {"INBOX", "Drafts", "Sent",
                                                "Trash", "Junk",   "Archive"};

    box_draft_begin(d, s, "born");
    d->failed = d->failed || s->modseq != 0;
    if (seconds < 1)
        seconds = 1;
    d->uidvalidity = seconds > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)seconds;
    put(d, d->record, "born", json_integer(d->uidvalidity));
    for (enum box_use use = BOX_NO_USE; use < BOX_USES; use++) {
        box_draft_folder(d, slice_of(names[use]), use);
        box_draft_subscribe(d, slice_of(names[use]), true);
    }
}

void box_draft_drop(struct box_draft *d)
{
    for (size_t i = 0; i < d->place_count; i++)
        free(d->places[i].messages);
    free(d->places);
    free(d->contents);
    json_decref(d->record);
    *d = (struct box_draft){.failed = true};
}

static void put_contents(struct box_draft *d)
{
    json_t *contents = json_object();

    if (!contents || !box_contents_put(contents, d->contents, d->content_count))
        d->failed = true;
    put(d, d->record, "contents", contents);
}

static void put_place(struct box_draft *d, const struct box_place *place)
{
    json_t *add = json_pack("{s:I}", "folder", (json_int_t)place->folder);

    if (!add || !box_messages_put(add, place->messages, place->count, false))
        d->failed = true;
    section_add(d, "add", add);
}

json_t *box_draft_end(struct box_draft *d)
{
    json_t *record = NULL;

    if (d->content_count && !d->failed)
        put_contents(d);
    for (size_t i = 0; i < d->place_count && !d->failed; i++)
        put_place(d, &d->places[i]);
    if (!d->failed)
        record = json_incref(d->record);
    box_draft_drop(d);
    return record;
}

uint64_t box_draft_keyword(struct box_draft *d, struct slice name)
{
    const json_t *fresh = json_object_get(d->record, "keywords");
    uint64_t flag = box_state_keyword(d->s, name);
    size_t i = 0;

    if (flag || d->failed || !box_keyword_is_valid(name))
        return flag;
    for (; i < json_array_size(fresh); i++)
        if (slice_is_nocase(name, json_string_value(json_array_get(fresh, i))))
            return BOX_KEYWORD << (d->s->keyword_count + i);
    if (d->s->keyword_count + i >= BOX_KEYWORDS_MAX)
        return 0;
    section_add(d, "keywords", text_json(name));
    return BOX_KEYWORD << (d->s->keyword_count + i);
}

/* Whether this draft makes or deletes such a folder. */
static bool drafted(const struct box_draft *d, const char *section, uint32_t folder)
{
    const json_t *list = json_object_get(d->record, section);

    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_integer_value(json_object_get(json_array_get(list, i), "folder")) == folder)
            return true;
    return false;
}

/* Whether this draft gives a folder that name. */
static bool name_is_drafted(const struct box_draft *d, const char *section, struct slice name)
{
    const json_t *list = json_object_get(d->record, section);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *text = json_object_get(json_array_get(list, i), "name");
        if (slice_is(name, json_string_value(text)))
            return true;
    }
    return false;
}

/* Whether a folder may get the name; one that is only a name makes room. */
static bool name_make_free(struct box_draft *d, struct slice name)
{
    const struct box_folder *f = box_state_folder(d->s, name);

    if (!box_name_is_valid(name) || name_is_drafted(d, "create", name) ||
        name_is_drafted(d, "rename", name))
        return false;
    if (f && f->noselect && !drafted(d, "delete", f->id))
        section_add(d, "delete", json_pack("{s:I}", "folder", (json_int_t)f->id));
    return !f || f->noselect || drafted(d, "delete", f->id);
}

uint32_t box_draft_folder(struct box_draft *d, struct slice name, enum box_use use)
{
    if (d->failed || !name_make_free(d, name) || d->folder_next >= UINT32_MAX - 1 ||
        d->uidvalidity >= UINT32_MAX - 1) {
        d->failed = true;
        return 0;
    }
    json_t *create = json_pack("{s:I, s:s%, s:I}", "folder", (json_int_t)d->folder_next, "name",
                               name.p, name.n, "uidvalidity", (json_int_t)d->uidvalidity++);
    if (use != BOX_NO_USE)
        put(d, create, "use", json_string(box_use_name(use)));
    section_add(d, "create", create);
    return d->folder_next++;
}

/* The folder to which this draft gives that name, 0: none. */
static uint32_t folder_drafted(const struct box_draft *d, struct slice name)
{
    const json_t *list = json_object_get(d->record, "create");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *create = json_array_get(list, i);
        if (slice_is(name, json_string_value(json_object_get(create, "name"))))
            return (uint32_t)json_integer_value(json_object_get(create, "folder"));
    }
    return 0;
}

static uint32_t folder_shown(struct box_draft *d, struct slice name)
{
    box_draft_subscribe(d, name, true);
    return box_draft_folder(d, name, BOX_NO_USE);
}

uint32_t box_draft_folder_named(struct box_draft *d, struct slice name)
{
    const struct box_folder *f = box_state_folder(d->s, name);
    uint32_t made = folder_drafted(d, name);

    if (f && !f->noselect)
        return f->id;
    if (made)
        return made;
    for (size_t i = 1; i < name.n; i++) {
        struct slice above = slice_make(name.p, i);
        if (name.p[i] == '/' && !box_state_folder(d->s, above) && !folder_drafted(d, above))
            folder_shown(d, above);
    }
    return folder_shown(d, name);
}

static void rename_one(struct box_draft *d, uint32_t folder, struct slice name)
{
    if (d->failed || !name_make_free(d, name)) {
        d->failed = true;
        return;
    }
    section_add(d, "rename",
                json_pack("{s:I, s:s%}", "folder", (json_int_t)folder, "name", name.p, name.n));
}

/* What stands below `f` gets the same new front. */
static void rename_below(struct box_draft *d, const struct box_folder *f, struct slice name)
{
    size_t n = strlen(f->name);

    for (size_t i = 0; i < d->s->folder_count; i++) {
        const struct box_folder *child = &d->s->folders[i];
        struct buf fresh = BUF_INIT;
        if (strncmp(child->name, f->name, n) != 0 || child->name[n] != '/')
            continue;
        buf_put(&fresh, name);
        buf_puts(&fresh, child->name + n);
        d->failed = d->failed || buf_failed(&fresh);
        rename_one(d, child->id, buf_slice(&fresh));
        buf_clear(&fresh);
    }
}

static void move_all(struct box_draft *d, const struct box_folder *f, uint32_t to)
{
    uint32_t *uids = calloc(f->count + 1, 2 * sizeof *uids);

    if (!uids)
        d->failed = true;
    for (size_t i = 0; uids && i < f->count; i++)
        uids[i] = f->messages[i].uid;
    if (uids)
        box_draft_move(d, f->id, uids, f->count, to, uids + f->count);
    free(uids);
}

void box_draft_rename(struct box_draft *d, uint32_t folder, struct slice name)
{
    const struct box_folder *f = box_state_folder_by_id(d->s, folder);

    if (!f || d->failed) {
        d->failed = true;
    } else if (folder == BOX_INBOX) {
        move_all(d, f, box_draft_folder(d, name, BOX_NO_USE));
    } else {
        size_t n = strlen(f->name);
        /* "a" cannot become "a/b" */
        if (name.n > n && memcmp(name.p, f->name, n) == 0 && name.p[n] == '/')
            d->failed = true;
        rename_one(d, folder, name);
        rename_below(d, f, name);
    }
}

void box_draft_delete(struct box_draft *d, uint32_t folder)
{
    const struct box_folder *f = box_state_folder_by_id(d->s, folder);

    if (!f || folder == BOX_INBOX || drafted(d, "delete", folder)) {
        d->failed = true;
        return;
    }
    json_t *json = json_pack("{s:I}", "folder", (json_int_t)folder);
    if (box_state_has_children(d->s, f))
        put(d, json, "noselect", json_true());
    section_add(d, "delete", json);
}

void box_draft_subscribe(struct box_draft *d, struct slice name, bool subscribe)
{
    if (!box_name_is_valid(name))
        d->failed = true;
    section_add(d, subscribe ? "subscribe" : "unsubscribe", text_json(name));
}

/* Room for one more; the array itself on failure. */
static void *grow(struct box_draft *d, void *array, size_t count, size_t *capacity, size_t size)
{
    void *p = array_grow(array, capacity, count, size);

    d->failed = d->failed || !p;
    return p ? p : array;
}

uint32_t box_draft_content(struct box_draft *d, const struct box_content *content)
{
    d->contents = grow(d, d->contents, d->content_count, &d->content_capacity, sizeof *d->contents);
    if (d->failed || d->content_next >= UINT32_MAX - 1) {
        d->failed = true;
        return 0;
    }
    struct box_content *c = &d->contents[d->content_count++];
    *c = *content;
    c->id = d->content_next++;
    c->deletion = BOX_KEPT;
    c->unlisted = c->suspect = c->dead = false;
    return c->id;
}

/* The new messages of a folder; NULL on failure. */
static struct box_place *place_of(struct box_draft *d, uint32_t folder)
{
    const struct box_folder *f = box_state_folder_by_id(d->s, folder);

    for (size_t i = 0; i < d->place_count; i++)
        if (d->places[i].folder == folder)
            return &d->places[i];
    struct box_place *p = reallocarray(d->places, d->place_count + 1, sizeof *p);
    if (p)
        d->places = p;
    if (!p || (f ? f->noselect || drafted(d, "delete", folder) : !drafted(d, "create", folder)))
        return NULL;
    p[d->place_count] = (struct box_place){.folder = folder, .uidnext = f ? f->uidnext : 1};
    return &p[d->place_count++];
}

uint32_t box_draft_message(struct box_draft *d, uint32_t folder, uint32_t content, uint64_t flags,
                           int64_t date)
{
    struct box_place *place = d->failed ? NULL : place_of(d, folder);

    if (!place || content == 0 || place->uidnext >= UINT32_MAX - 1) {
        d->failed = true;
        return 0;
    }
    place->messages =
        grow(d, place->messages, place->count, &place->capacity, sizeof *place->messages);
    if (d->failed)
        return 0;
    place->messages[place->count++] = (struct box_message){
        .uid = place->uidnext, .content = content, .flags = flags & BOX_FLAGS, .date = date};
    return place->uidnext++;
}

void box_draft_copy(struct box_draft *d, uint32_t from, const uint32_t *uids, size_t count,
                    uint32_t to, uint32_t *fresh)
{
    const struct box_folder *f = box_state_folder_by_id(d->s, from);

    if (!f)
        d->failed = true;
    for (size_t i = 0; i < count; i++) {
        const struct box_message *m = d->failed ? NULL : box_folder_message(f, uids[i]);
        fresh[i] = m && !box_message_is_doomed(d->s, m)
                       ? box_draft_message(d, to, m->content, m->flags, m->date)
                       : 0;
    }
}

void box_draft_move(struct box_draft *d, uint32_t from, const uint32_t *uids, size_t count,
                    uint32_t to, uint32_t *fresh)
{
    uint32_t *moved = calloc(count + 1, sizeof *moved);
    size_t n = 0;

    if (!moved)
        d->failed = true;
    box_draft_copy(d, from, uids, count, to, fresh);
    for (size_t i = 0; moved && i < count; i++)
        if (fresh[i])
            moved[n++] = uids[i];
    if (n)
        box_draft_remove(d, from, moved, n);
    free(moved);
}

/* A section's object about messages of a folder, with their "uids". */
static json_t *about(struct box_draft *d, uint32_t folder, const uint32_t *uids, size_t count)
{
    json_t *json = json_pack("{s:I}", "folder", (json_int_t)folder);

    if (!json || !box_state_folder_by_id(d->s, folder) || !box_set_put(json, "uids", uids, count))
        d->failed = true;
    return json;
}

void box_draft_flags(struct box_draft *d, uint32_t folder, const uint32_t *uids, size_t count,
                     uint64_t set, uint64_t clear)
{
    json_t *json = about(d, folder, uids, count);

    put(d, json, "set", json_integer((json_int_t)(set & BOX_FLAGS)));
    put(d, json, "clear", json_integer((json_int_t)(clear & BOX_FLAGS)));
    section_add(d, "flags", json);
}

void box_draft_remove(struct box_draft *d, uint32_t folder, const uint32_t *uids, size_t count)
{
    section_add(d, "remove", about(d, folder, uids, count));
}

void box_draft_known(struct box_draft *d, uint32_t content, uint64_t size, const char *digest,
                     const char *key)
{
    json_t *json =
        json_pack("{s:I, s:I}", "content", (json_int_t)content, "size", (json_int_t)size);

    if (size > INT64_MAX || !box_state_content(d->s, content))
        d->failed = true;
    if (digest)
        put(d, json, "digest", json_string(digest));
    if (key)
        put(d, json, "key", json_string(key));
    section_add(d, "known", json);
}

/* One more thing that is known of the content. */
static void known_text(struct box_draft *d, uint32_t content, const char *what, struct slice text)
{
    json_t *json = json_pack("{s:I}", "content", (json_int_t)content);

    if (!box_state_content(d->s, content))
        d->failed = true;
    put(d, json, what, text_json(text));
    section_add(d, "known", json);
}

void box_draft_digest(struct box_draft *d, uint32_t content, const char *digest)
{
    known_text(d, content, "digest", slice_of(digest));
}

void box_draft_renamed(struct box_draft *d, uint32_t content, const char *uidl)
{
    struct buf word = BUF_INIT;

    box_words_add(&word, uidl);
    d->failed = d->failed || buf_failed(&word);
    known_text(d, content, "uidl", buf_slice(&word));
    buf_clear(&word);
}

void box_draft_dated(struct box_draft *d, uint32_t content, const int64_t *date)
{
    json_t *json = json_pack("{s:I}", "content", (json_int_t)content);

    if (!box_state_content(d->s, content))
        d->failed = true;
    put(d, json, "date", date ? json_integer(*date) : json_null());
    section_add(d, "known", json);
}

void box_draft_set(struct box_draft *d, const char *name, const uint32_t *contents, size_t count)
{
    if (d->record && !box_set_put(d->record, name, contents, count))
        d->failed = true;
}

void box_draft_listed(struct box_draft *d, const uint32_t *contents, const uint64_t *sizes,
                      size_t count)
{
    struct box_list_writer list = {.count = 0};
    json_t *json = json_object();

    for (size_t i = 0; i < count; i++) {
        d->failed = d->failed || sizes[i] > INT64_MAX;
        box_list_add(&list, (int64_t)sizes[i]);
    }
    box_list_end(&list);
    d->failed = d->failed || buf_failed(&list.text) || !json ||
                !box_set_put(json, "contents", contents, count);
    put(d, json, "sizes", text_json(buf_slice(&list.text)));
    put(d, d->record, "listed", json);
    buf_clear(&list.text);
}

void box_draft_poll(struct box_draft *d, const struct box_poll *poll)
{
    put(d, d->record, "poll",
        json_pack("{s:I, s:I, s:I}", "count", (json_int_t)poll->count, "login_delay",
                  (json_int_t)poll->login_delay, "at", (json_int_t)poll->at));
}
