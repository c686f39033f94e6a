/*
 * Records: what is appended to the journal when something about an account becomes known, and what
 * each does to the state. `"record"` names the kind, the rest are its facts:
 *
 *     {"record":"messages","folder":"INBOX","uidvalidity":7,"uids":"1:2","sizes":[310,4711]}
 */
#include <stdlib.h>

#include "translate/state/drop_columns.h"
#include "translate/state/drop_folder.h"
#include "translate/state/drop_state.h"
#include "translate/state/json_at.h"

/* A record about a folder, without its facts. What could not be read back is not written: a journal
 * with such a line would be damaged. */
static json_t *folder_record(const char *kind, struct slice folder, uint32_t uidvalidity)
{
    if (uidvalidity == 0 || slice_has_nul(folder))
        return NULL;
    return json_pack("{s:s, s:s%, s:I}", "record", kind, "folder", folder.n ? folder.p : "",
                     folder.n, "uidvalidity", (json_int_t)uidvalidity);
}

static json_t *keep_if(json_t *record, bool complete)
{
    if (complete)
        return record;
    json_decref(record);
    return NULL;
}

static bool put_number(json_t *record, const char *key, uint64_t number)
{
    return number <= INT64_MAX &&
           json_object_set_new(record, key, json_integer((json_int_t)number)) == 0;
}

json_t *drop_record_begun(struct slice folder, uint32_t uidvalidity, uint32_t was)
{
    json_t *record = folder_record("begun", folder, uidvalidity);

    return keep_if(record, record && put_number(record, "was", was));
}

json_t *drop_record_messages(struct slice folder, uint32_t uidvalidity,
                             const struct drop_message *messages, size_t count)
{
    json_t *record = folder_record("messages", folder, uidvalidity);

    return keep_if(record, record && drop_columns_put(record, messages, count));
}

json_t *drop_record_gone(struct slice folder, uint32_t uidvalidity, const uint32_t *uids,
                         size_t count)
{
    json_t *record = folder_record("gone", folder, uidvalidity);

    return keep_if(record, record && drop_uids_put(record, uids, count));
}

json_t *drop_record_synced(struct slice folder, uint32_t uidvalidity, uint32_t uidnext,
                           uint64_t modseq)
{
    json_t *record = folder_record("synced", folder, uidvalidity);

    return keep_if(record, record && put_number(record, "uidnext", uidnext) &&
                               put_number(record, "modseq", modseq));
}

json_t *drop_record_hidden(struct slice folder, uint32_t uidvalidity, const uint32_t *uids,
                           size_t count, int64_t age)
{
    json_t *record = folder_record("hidden", folder, uidvalidity);

    return keep_if(record, record && age >= 0 && drop_uids_put(record, uids, count) &&
                               put_number(record, "age", (uint64_t)age));
}

json_t *drop_record_login(int64_t now, int64_t age)
{
    if (age < 0)
        return NULL;
    return json_pack("{s:s, s:I, s:I}", "record", "login", "at", (json_int_t)now, "age",
                     (json_int_t)age);
}

/* What every record about a folder says. */
struct subject {
    struct slice name;
    uint32_t uidvalidity;
    struct drop_folder *folder; /* NULL: not in the state */
};

static bool subject_get(const struct json_at *at, struct drop_state *s, struct subject *subject)
{
    int64_t uidvalidity = 0;

    if (!json_at_text(at, "folder", &subject->name) ||
        !json_at_integer(at, "uidvalidity", 1, UINT32_MAX, &uidvalidity))
        return false;
    subject->uidvalidity = (uint32_t)uidvalidity;
    subject->folder = drop_state_folder(s, subject->name);
    return true;
}

static bool subject_known(const struct subject *subject)
{
    return subject->folder && subject->folder->uidvalidity == subject->uidvalidity;
}

/* Adds the folder, with these messages; takes over the array unless memory is out. */
static bool folder_add(struct drop_state *s, const struct subject *subject,
                       struct drop_message *messages, size_t count)
{
    struct drop_folder *p = reallocarray(s->folders, s->folder_count + 1, sizeof *p);
    char *name = slice_dup(subject->name);

    if (p)
        s->folders = p;
    if (!p || !name) {
        free(name);
        return false;
    }
    p[s->folder_count] = (struct drop_folder){.name = name};
    drop_folder_begin(&p[s->folder_count++], subject->uidvalidity, messages, count);
    return true;
}

static bool apply_begun(const struct json_at *at, struct drop_state *s)
{
    struct subject subject = {.uidvalidity = 0};
    int64_t was = 0;

    if (!subject_get(at, s, &subject) || !json_at_integer(at, "was", 0, UINT32_MAX, &was))
        return false;
    if (!subject.folder)
        return folder_add(s, &subject, NULL, 0) || json_at_no_memory(at);
    if (subject.folder->uidvalidity == was && was != subject.uidvalidity)
        drop_folder_begin(subject.folder, subject.uidvalidity, NULL, 0);
    return true;
}

/* Takes over the array unless memory is out. */
static bool messages_add(struct drop_state *s, const struct subject *subject,
                         struct drop_message *messages, size_t count)
{
    if (!subject->folder)
        return folder_add(s, subject, messages, count);
    if (subject_known(subject))
        return drop_folder_merge(subject->folder, messages, count);
    if (subject->uidvalidity > subject->folder->uidvalidity)
        drop_folder_begin(subject->folder, subject->uidvalidity, messages, count);
    else
        drop_messages_free(messages, count);
    return true;
}

static bool apply_messages(const struct json_at *at, struct drop_state *s)
{
    struct subject subject = {.uidvalidity = 0};
    struct drop_message *messages = NULL;
    size_t count = 0;

    if (!subject_get(at, s, &subject) || !drop_columns_get(at, &messages, &count))
        return false;
    if (messages_add(s, &subject, messages, count))
        return true;
    drop_messages_free(messages, count);
    return json_at_no_memory(at);
}

static bool apply_gone(const struct json_at *at, struct drop_state *s)
{
    struct subject subject = {.uidvalidity = 0};
    struct slice uids = {NULL, 0};
    uint64_t count = 0;

    if (!subject_get(at, s, &subject) || !drop_uids_get(at, &uids, &count))
        return false;
    return !subject_known(&subject) || drop_folder_remove(subject.folder, uids) ||
           json_at_no_memory(at);
}

static bool apply_synced(const struct json_at *at, struct drop_state *s)
{
    struct subject subject = {.uidvalidity = 0};
    int64_t uidnext = 0;
    int64_t modseq = 0;

    if (!subject_get(at, s, &subject) || !json_at_integer(at, "uidnext", 0, UINT32_MAX, &uidnext) ||
        !json_at_integer(at, "modseq", 0, INT64_MAX, &modseq))
        return false;
    if (subject_known(&subject)) {
        subject.folder->uidnext = (uint32_t)uidnext;
        subject.folder->modseq = (uint64_t)modseq;
    }
    return true;
}

static bool apply_hidden(const struct json_at *at, struct drop_state *s)
{
    struct subject subject = {.uidvalidity = 0};
    struct slice uids = {NULL, 0};
    uint64_t count = 0;
    int64_t age = 0;

    if (!subject_get(at, s, &subject) || !drop_uids_get(at, &uids, &count) ||
        !json_at_integer(at, "age", 0, INT64_MAX, &age))
        return false;
    return !subject_known(&subject) || drop_folder_hide(subject.folder, uids, age) ||
           json_at_no_memory(at);
}

/* Two logins at once have both counted from the same last login. The one that found the account
 * older stands whole: taking its age with the other's time would count the seconds between twice.
 */
static bool apply_login(const struct json_at *at, struct drop_state *s)
{
    int64_t now = 0;
    int64_t age = 0;

    if (!json_at_integer(at, "at", INT64_MIN, INT64_MAX, &now) ||
        !json_at_integer(at, "age", 0, INT64_MAX, &age))
        return false;
    if (age >= s->age) {
        s->age = age;
        s->last_login = now;
    }
    return true;
}

bool drop_state_apply(struct drop_state *s, const json_t *record, struct failure *why)
{
    static const struct {
        const char *kind;
        bool (*apply)(const struct json_at *at, struct drop_state *s);
    } kinds[] = {
        {"begun", apply_begun},   {"messages", apply_messages}, {"gone", apply_gone},
        {"synced", apply_synced}, {"hidden", apply_hidden},     {"login", apply_login},
    };
    struct json_at at = {.object = record, .why = why};
    struct slice kind = {NULL, 0};

    if (!json_at_text(&at, "record", &kind))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_is(kind, kinds[i].kind))
            return kinds[i].apply(&at, s);
    return json_at_wrong(&at, "record", "not a kind of record that is known");
}
