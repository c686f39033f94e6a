/*
 * What is remembered for POP3 clients, as facts.
 */
#include "proxy/state_parts.h"

static json_t *message_facts(const struct drop_state *s, const struct drop_message *m)
{
    json_t *json = json_object();
    bool put = json && state_put_number(json, "uid", m->uid) &&
               state_put_number(json, "octets", m->size) &&
               state_put_time(json, "received", m->received) && state_put_text(json, "id", m->id) &&
               state_put_text(json, "uidl", m->uidl);

    if (put && m->hidden >= 0)
        put = state_put_number(json, "hidden_seconds",
                               s->age > m->hidden ? (uint64_t)(s->age - m->hidden) : 0);
    if (put)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *messages_facts(const struct drop_state *s, const struct drop_folder *f)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < f->count; i++)
        if (json_array_append_new(list, message_facts(s, &f->messages[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

struct drop_counts {
    uint64_t octets;
    size_t hidden;
    size_t exceptions;
};

static struct drop_counts count(const struct drop_folder *f)
{
    struct drop_counts counts = {0};

    for (size_t i = 0; i < f->count; i++) {
        counts.octets += f->messages[i].size;
        counts.hidden += f->messages[i].hidden >= 0;
        counts.exceptions += f->messages[i].uidl != NULL;
    }
    return counts;
}

static json_t *folder_facts(const struct drop_state *s, const struct drop_folder *f, bool messages)
{
    struct drop_counts counts = count(f);
    json_t *json = json_object();

    if (json && state_put_text(json, "name", f->name) &&
        state_put_number(json, "messages", f->count) &&
        state_put_number(json, "hidden", counts.hidden) &&
        state_put_number(json, "exceptions", counts.exceptions) &&
        state_put_number(json, "octets", counts.octets) &&
        state_put_number(json, "uidvalidity", f->uidvalidity) &&
        state_put_number(json, "uidnext", f->uidnext) &&
        state_put_number(json, "modseq", f->modseq) &&
        (!messages || state_put(json, "list", messages_facts(s, f))))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *folders_facts(const struct drop_state *s, bool messages, const char *folder)
{
    json_t *folders = json_array();

    for (size_t i = 0; folders && i < s->folder_count; i++) {
        const struct drop_folder *f = &s->folders[i];
        if (folder && !slice_is(slice_of(folder), f->name))
            continue;
        if (json_array_append_new(folders, folder_facts(s, f, messages)) != 0) {
            json_decref(folders);
            return NULL;
        }
    }
    return folders;
}

json_t *state_drop_facts(const struct drop_state *s, bool messages, const char *folder)
{
    json_t *json = json_object();

    if (json && state_put_time(json, "last_look", s->last_login) &&
        state_put_number(json, "age_seconds", (uint64_t)s->age) &&
        state_put(json, "folders", folders_facts(s, messages, folder)))
        return json;
    json_decref(json);
    return NULL;
}
