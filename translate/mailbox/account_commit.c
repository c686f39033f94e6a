/*
 * Changes of the state, one after the other: whose turn it is, the record that is made durable, and
 * what follows when it is. Clients and the account itself stand in the same queue.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/mailbox/account_internal.h"

enum { FACTS_UNSAVED_MAX = 4096 };

/* ---- turns ------------------------------------------------------------------------------- */

static struct turn *turn_add(struct account *a)
{
    struct turn *t = calloc(1, sizeof *t);

    if (!t) {
        a->failed = true;
        return NULL;
    }
    *a->commits.last = t;
    a->commits.last = &t->next;
    return t;
}

uint32_t account_turn(struct account_client *client)
{
    struct account *a = client->account;
    struct asker asker = {.client = client, .request = client_request(client)};
    struct turn *t = turn_add(a);

    if (t)
        t->asker = asker;
    account_advance(a);
    return asker.request;
}

void commit_queue(struct account *a, const struct commit_op *op)
{
    struct turn *t = turn_add(a);

    if (t)
        t->op = op;
}

static void turn_end(struct account *a)
{
    free(a->commits.current);
    a->commits.current = NULL;
    a->commits.phase = COMMIT_FREE;
}

void commits_forget_client(struct account *a, const struct account_client *client)
{
    struct commits *c = &a->commits;
    struct turn **at = &c->first;

    while (*at) {
        struct turn *t = *at;
        if (t->asker.client == client) {
            *at = t->next;
            free(t);
        } else {
            at = &t->next;
        }
    }
    c->last = at;
    if (!c->current || c->current->asker.client != client)
        return;
    c->current->asker.client = NULL;
    if (c->phase == COMMIT_HELD)
        turn_end(a);
}

void commits_clear(struct account *a)
{
    while (a->commits.first) {
        struct turn *t = a->commits.first;
        a->commits.first = t->next;
        free(t);
    }
    turn_end(a);
    json_decref(a->commits.record);
}

bool commits_are_idle(const struct account *a)
{
    return a->commits.phase == COMMIT_FREE && !a->commits.first;
}

/* ---- saving ------------------------------------------------------------------------------ */

/* Takes the reference over. */
static void record_save(struct account *a, json_t *record)
{
    json_t *records = json_array();
    struct account_action *action = NULL;

    a->commits.phase = COMMIT_SAVING;
    a->commits.record = record;
    if (records && json_array_append(records, record) == 0)
        action = account_act(a, ACCOUNT_SAVE);
    if (action) {
        action->records = records;
    } else {
        json_decref(records);
        a->failed = true;
    }
}

/* Who drafted it is told the outcome, and the turn passes on. */
static void turn_done(struct account *a, const struct failure *why)
{
    struct turn *t = a->commits.current;
    const struct commit_op *op = t->op;

    client_tell_failure(a, &t->asker, ACCOUNT_EV_COMMITTED, why);
    turn_end(a);
    if (op)
        op->done(a, why);
}

void account_commit(struct account_client *client, json_t *record)
{
    struct account *a = client->account;
    struct failure none = {.kind = FAILURE_NONE};

    if (a->commits.phase != COMMIT_HELD || a->commits.current->asker.client != client) {
        json_decref(record);
        return;
    }
    if (record)
        record_save(a, record);
    else
        turn_done(a, &none);
    account_advance(a);
}

static void turn_begin_own(struct account *a, struct turn *t)
{
    struct failure none = {.kind = FAILURE_NONE};
    json_t *record = t->op->draft(a);

    if (record)
        record_save(a, record);
    else if (!a->failed)
        turn_done(a, &none);
}

bool commits_advance(struct account *a)
{
    struct commits *c = &a->commits;
    bool ended = false;

    while (c->phase == COMMIT_FREE && c->first && !a->failed) {
        struct turn *t = c->first;
        c->first = t->next;
        if (!c->first)
            c->last = &c->first;
        c->current = t;
        c->phase = COMMIT_HELD;
        if (t->op) {
            turn_begin_own(a, t);
            ended = ended || c->phase == COMMIT_FREE;
        } else {
            struct account_event ev = {.type = ACCOUNT_EV_TURN};
            client_tell(a, &t->asker, &ev);
        }
    }
    return ended;
}

/* ---- what was saved ---------------------------------------------------------------------- */

static void body_release(struct account *a, char *key)
{
    struct account_action *action = key ? account_act(a, ACCOUNT_RELEASE) : NULL;

    if (action)
        action->key = key;
    else
        free(key);
}

static void changes_tell(struct account *a, struct box_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        clients_changed(a, changes->list[i].folder);
    for (size_t i = 0; i < changes->released_count; i++) {
        body_release(a, changes->released[i]);
        changes->released[i] = NULL;
    }
}

/* Only these say something of deletions. */
static bool is_about_deletion(const json_t *record)
{
    static const char *const sections[] = {"delete", "remove",   "listed", "unlisted",
                                           "sent",   "intended", "spared", "gone"};

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (json_object_get(record, sections[i]))
            return true;
    return false;
}

/* What is on the disk and cannot be applied leaves no state to go on with. */
static void record_apply(struct account *a, const json_t *record)
{
    struct box_changes changes = {.list = NULL};
    struct failure why;

    if (!box_state_apply(a->state, record, &changes, &why)) {
        account_log(a, LEVEL_ERROR, "state-refused", "%s", why.text);
        a->failed = true;
    } else {
        changes_tell(a, &changes);
        if (is_about_deletion(record))
            delete_count(a, json_object_get(record, "remove") || json_object_get(record, "delete"));
    }
    box_changes_clear(&changes);
}

void account_saved(struct account *a, const struct failure *why)
{
    json_t *record = a->commits.record;

    if (a->commits.phase != COMMIT_SAVING)
        return;
    a->commits.record = NULL;
    if (why->kind == FAILURE_NONE)
        record_apply(a, record);
    else
        account_log(a, LEVEL_ERROR, "state-not-saved", "%s", why->text);
    json_decref(record);
    if (!a->failed)
        turn_done(a, why);
    if (why->kind == FAILURE_NONE)
        facts_try_again(a);
    account_advance(a);
}

/* ---- birth ------------------------------------------------------------------------------- */

static json_t *birth_draft(struct account *a)
{
    struct box_draft d;

    box_draft_born(&d, a->state, a->seed);
    json_t *record = box_draft_end(&d);
    a->failed = a->failed || !record;
    return record;
}

/* Nobody can be let in to nothing. */
static void birth_done(struct account *a, const struct failure *why)
{
    a->birth_queued = false;
    if (why->kind == FAILURE_NONE)
        return;
    logins_fail(a, why);
    logins_forget(a);
    link_lost(a, why);
}

static const struct commit_op birth = {birth_draft, birth_done};

void commit_birth(struct account *a)
{
    if (a->birth_queued)
        return;
    a->birth_queued = true;
    commit_queue(a, &birth);
}

/* ---- what became known of contents ------------------------------------------------------- */

void facts_clear(struct facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].key);
        askers_clear(&f->items[i].askers);
    }
    free(f->items);
    *f = (struct facts){.items = NULL};
}

bool facts_are_pending(const struct account *a)
{
    return a->facts_queued;
}

static void fact_draft(struct box_draft *d, const struct fact *fact)
{
    switch (fact->kind) {
    case FACT_BODY:
        box_draft_known(d, fact->content, fact->size, NULL, fact->key);
        break;
    case FACT_DATE:
        box_draft_dated(d, fact->content, fact->dated ? &fact->date : NULL);
        break;
    case FACT_DIGEST:
        box_draft_digest(d, fact->content, fact->digest);
        break;
    }
}

/* A content that went away meanwhile leaves its body to nobody. */
static json_t *facts_draft(struct account *a)
{
    struct facts *f = &a->facts_saving;
    struct box_draft d;
    size_t known = 0;

    *f = a->facts;
    a->facts = (struct facts){.items = NULL};
    box_draft_begin(&d, a->state, "known");
    for (size_t i = 0; i < f->count; i++) {
        if (!box_state_content(a->state, f->items[i].content))
            continue;
        fact_draft(&d, &f->items[i]);
        known++;
    }
    if (!known) {
        box_draft_drop(&d);
        return NULL;
    }
    json_t *record = box_draft_end(&d);
    a->failed = a->failed || !record;
    return record;
}

static void facts_queue(struct account *a);

/* A digest is of what clients may have seen meanwhile, and deleted for that alone (CASES D11), so
 * it waits for the next record that can be saved. */
static void digests_keep(struct account *a, const struct facts *f)
{
    for (size_t i = 0; i < f->count && a->facts.count < FACTS_UNSAVED_MAX; i++) {
        struct fact *fact = NULL;
        if (f->items[i].kind == FACT_DIGEST)
            fact = account_grow(a, (void **)&a->facts.items, &a->facts.count, &a->facts.cap,
                                sizeof *fact);
        if (fact)
            *fact = f->items[i];
    }
}

/* Keys that the state does not name in the end are given back. A body in the cache can be read all
 * the same. */
static void facts_done(struct account *a, const struct failure *why)
{
    struct failure none = {.kind = FAILURE_NONE};
    struct facts *f = &a->facts_saving;
    bool more = a->facts.count != 0;

    if (why->kind != FAILURE_NONE) {
        digests_keep(a, f);
        delete_put_off(a);
    }
    for (size_t i = 0; i < f->count; i++) {
        struct fact *fact = &f->items[i];
        if (fact->kind == FACT_DATE)
            date_answer_fact(a, fact, why);
        else if (fact->kind == FACT_BODY)
            body_known(a, fact->content, fact->key ? why : &none);
        if (why->kind == FAILURE_NONE && box_state_content(a->state, fact->content))
            continue;
        body_release(a, fact->key);
        fact->key = NULL;
    }
    facts_clear(f);
    a->facts_queued = false;
    if (more)
        facts_queue(a);
}

static const struct commit_op facts_commit = {facts_draft, facts_done};

static void facts_queue(struct account *a)
{
    if (a->facts_queued)
        return;
    a->facts_queued = true;
    commit_queue(a, &facts_commit);
}

bool facts_try_again(struct account *a)
{
    if (a->facts.count)
        facts_queue(a);
    return a->facts.count != 0;
}

static const char *facts_key(const struct facts *f, uint32_t content)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].content == content && f->items[i].key)
            return f->items[i].key;
    return NULL;
}

const char *account_body_key(const struct account *a, uint32_t content)
{
    const struct box_content *c = box_state_content(a->state, content);
    const char *key = c ? c->key : NULL;

    if (!key)
        key = facts_key(&a->facts, content);
    return key ? key : facts_key(&a->facts_saving, content);
}

static void fact_add(struct account *a, const struct fact *known)
{
    struct fact *fact =
        account_grow(a, (void **)&a->facts.items, &a->facts.count, &a->facts.cap, sizeof *fact);

    if (!fact) {
        free(known->key);
        return;
    }
    *fact = *known;
    facts_queue(a);
}

void facts_add(struct account *a, uint32_t content, uint64_t size, char *key)
{
    fact_add(a, &(struct fact){.content = content, .size = size, .key = key});
}

void facts_add_date(struct account *a, uint32_t content, const int64_t *date)
{
    fact_add(a, &(struct fact){.content = content,
                               .kind = FACT_DATE,
                               .dated = date != NULL,
                               .date = date ? *date : 0});
}

void facts_add_digest(struct account *a, uint32_t content, const char digest[LISTED_DIGEST + 1])
{
    struct fact fact = {.content = content, .kind = FACT_DIGEST};

    memcpy(fact.digest, digest, sizeof fact.digest);
    fact_add(a, &fact);
}

static struct fact *fact_among(const struct facts *f, enum fact_kind kind, uint32_t content)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind == kind && f->items[i].content == content)
            return &f->items[i];
    return NULL;
}

struct fact *facts_find(struct account *a, enum fact_kind kind, uint32_t content)
{
    struct fact *saving = fact_among(&a->facts_saving, kind, content);

    return saving ? saving : fact_among(&a->facts, kind, content);
}

void facts_forget_client(struct account *a, const struct account_client *client)
{
    for (size_t i = 0; i < a->facts.count; i++)
        askers_forget(&a->facts.items[i].askers, client);
    for (size_t i = 0; i < a->facts_saving.count; i++)
        askers_forget(&a->facts_saving.items[i].askers, client);
}
