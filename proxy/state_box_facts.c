/*
 * What is remembered for IMAP clients, as facts.
 */
#include "proxy/state_parts.h"

static bool put_flag(json_t *list, uint64_t flags, uint64_t flag, const char *name)
{
    return !(flags & flag) || json_array_append_new(list, json_string(name)) == 0;
}

static json_t *flags_facts(const struct box_state *s, uint64_t flags)
{
    json_t *list = json_array();
    bool put = list && put_flag(list, flags, BOX_ANSWERED, "\\Answered") &&
               put_flag(list, flags, BOX_FLAGGED, "\\Flagged") &&
               put_flag(list, flags, BOX_DELETED, "\\Deleted") &&
               put_flag(list, flags, BOX_SEEN, "\\Seen") &&
               put_flag(list, flags, BOX_DRAFT, "\\Draft");

    for (size_t i = 0; put && i < s->keyword_count; i++)
        put = put_flag(list, flags, BOX_KEYWORD << i, s->keywords[i]);
    if (put)
        return list;
    json_decref(list);
    return NULL;
}

static const char *place_word(const struct box_content *c)
{
    return !c->upstream ? "local" : c->unlisted ? "unlisted" : c->suspect ? "missing" : "upstream";
}

static const char *deletion_word(const struct box_content *c)
{
    return c->deletion == BOX_SENT ? "sent" : c->deletion == BOX_INTENDED ? "intended" : NULL;
}

static bool put_content(json_t *json, const struct box_content *c)
{
    return state_put_number(json, "content", c->id) && state_put_number(json, "octets", c->size) &&
           state_put_text(json, "place", place_word(c)) && state_put_text(json, "uidl", c->uidl) &&
           state_put_text(json, "body", c->key) &&
           state_put_text(json, "deletion", deletion_word(c));
}

static json_t *message_facts(const struct box_state *s, const struct box_message *m)
{
    const struct box_content *c = box_state_content(s, m->content);
    json_t *json = json_object();

    if (json && state_put_number(json, "uid", m->uid) && (!c || put_content(json, c)) &&
        state_put(json, "flags", flags_facts(s, m->flags)) &&
        state_put_time(json, "date", m->date) && state_put_number(json, "modseq", m->modseq))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *messages_facts(const struct box_state *s, const struct box_folder *f)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < f->count; i++)
        if (json_array_append_new(list, message_facts(s, &f->messages[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *folder_facts(const struct box_state *s, const struct box_folder *f, bool messages)
{
    json_t *json = json_object();

    if (json && state_put_text(json, "name", f->name) &&
        state_put_text(json, "use", box_use_name(f->use)) &&
        state_put(json, "noselect", json_boolean(f->noselect)) &&
        state_put(json, "subscribed", json_boolean(box_state_subscribed(s, slice_of(f->name)))) &&
        state_put_number(json, "messages", f->count) &&
        state_put_number(json, "unseen", f->unseen) &&
        state_put_number(json, "deleted", f->deleted) &&
        state_put_number(json, "octets", f->size) &&
        state_put_number(json, "uidvalidity", f->uidvalidity) &&
        state_put_number(json, "uidnext", f->uidnext) &&
        state_put_number(json, "modseq", f->modseq) &&
        (!messages || state_put(json, "list", messages_facts(s, f))))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *folders_facts(const struct box_state *s, bool messages, const char *folder)
{
    const struct box_folder *only = folder ? box_state_folder(s, slice_of(folder)) : NULL;
    json_t *folders = json_array();

    for (size_t i = 0; folders && i < s->folder_count; i++) {
        const struct box_folder *f = &s->folders[i];
        if (folder && f != only)
            continue;
        if (json_array_append_new(folders, folder_facts(s, f, messages)) != 0) {
            json_decref(folders);
            return NULL;
        }
    }
    return folders;
}

struct box_counts {
    size_t upstream, unlisted, missing, local, durable, intended, sent;
};

static struct box_counts count(const struct box_state *s)
{
    struct box_counts n = {0};

    for (size_t i = 0; i < s->content_count; i++) {
        const struct box_content *c = &s->contents[i];
        if (c->dead)
            continue;
        n.upstream += c->upstream;
        n.local += !c->upstream;
        n.unlisted += c->upstream && c->unlisted;
        n.missing += c->upstream && c->suspect;
        n.durable += c->key != NULL;
        n.intended += c->deletion == BOX_INTENDED;
        n.sent += c->deletion == BOX_SENT;
    }
    return n;
}

static bool put_counts(json_t *json, const struct box_state *s)
{
    struct box_counts n = count(s);

    return state_put_number(json, "upstream_messages", n.upstream) &&
           state_put_number(json, "unlisted", n.unlisted) &&
           state_put_number(json, "missing", n.missing) &&
           state_put_number(json, "local_messages", n.local) &&
           state_put_number(json, "durable_bodies", n.durable) &&
           state_put_number(json, "deletions_intended", n.intended) &&
           state_put_number(json, "deletions_sent", n.sent);
}

static json_t *keywords_facts(const struct box_state *s)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < s->keyword_count; i++)
        if (json_array_append_new(list, json_string(s->keywords[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *state_box_facts(const struct box_state *s, bool messages, const char *folder)
{
    json_t *json = json_object();

    if (json && state_put_time(json, "last_look", s->poll.at) &&
        state_put_number(json, "listed", s->poll.count) &&
        state_put_number(json, "login_delay", (uint64_t)s->poll.login_delay) &&
        state_put_number(json, "modseq", s->modseq) && put_counts(json, s) &&
        state_put(json, "keywords", keywords_facts(s)) &&
        state_put(json, "folders", folders_facts(s, messages, folder)))
        return json;
    json_decref(json);
    return NULL;
}
