/*
 * The keys of a SEARCH (RFC 9051 section 6.4.4): what they say of a message by the state, and by
 * what was found of those that need octets, the leaves. As long as leaves are unknown, the whole
 * often is not: that is what spares reading.
 */
#include "translate/mailbox/job_internal.h"

#include <stdlib.h>

#include "translate/imap/imapd_flags.h"
#include "translate/mime/mime_charset.h"

_Static_assert(BOX_ANSWERED == (uint64_t)IMAPD_FLAG_ANSWERED &&
                   BOX_FLAGGED == (uint64_t)IMAPD_FLAG_FLAGGED &&
                   BOX_DELETED == (uint64_t)IMAPD_FLAG_DELETED &&
                   BOX_SEEN == (uint64_t)IMAPD_FLAG_SEEN && BOX_DRAFT == (uint64_t)IMAPD_FLAG_DRAFT,
               "system flags are the same bits in the state and in the grammar");

/* ---- building ----------------------------------------------------------------------------- */

static uint32_t count_keys(const struct imapd_search_key *key)
{
    uint32_t count = 0;

    for (; key; key = key->next)
        count += 1 + count_keys(key->child);
    return count;
}

static bool needs_octets(const struct imapd_search_key *key)
{
    switch (key->kind) {
    case IMAPD_SEARCH_SENT:
    case IMAPD_SEARCH_HEADER:
        return true;
    case IMAPD_SEARCH_BODY:
    case IMAPD_SEARCH_TEXT: /* an empty text is in every message */
        return key->text.n > 0;
    default:
        return false;
    }
}

static bool has_charset(struct slice name)
{
    return name.n && !slice_is_nocase(name, "UTF-8") && !slice_is_nocase(name, "US-ASCII");
}

/* The text in UTF-8, to be compared. How a SUBJECT was folded is nothing that a user sees; HEADER
 * is for programs, and exact. */
static struct mime_match *match_of(const struct imapd_search_key *key, struct slice charset)
{
    enum mime_match_blanks blanks =
        key->envelope ? MIME_MATCH_RUNS_OF_BLANKS : MIME_MATCH_EACH_BLANK;
    struct mime_match *match = NULL;
    struct buf utf8 = BUF_INIT;

    if (!has_charset(charset))
        return mime_match_new(key->text, blanks);
    struct mime_charset *conversion = mime_charset_new(charset);
    if (conversion)
        mime_charset_convert(conversion, key->text, true, &utf8);
    if (conversion && !buf_failed(&utf8))
        match = mime_match_new(buf_slice(&utf8), blanks);
    mime_charset_free(conversion);
    buf_clear(&utf8);
    return match;
}

static bool add_leaf(struct job_keys *keys, uint32_t at, struct slice charset)
{
    struct job_key *k = &keys->keys[at];
    enum imapd_search_kind kind = k->key->kind;

    keys->dates |= kind == IMAPD_SEARCH_DATE;
    if (!needs_octets(k->key))
        return true;
    k->leaf = keys->leaf_count;
    keys->leaves[keys->leaf_count++] = at;
    keys->header |= kind == IMAPD_SEARCH_HEADER || kind == IMAPD_SEARCH_SENT;
    if (kind == IMAPD_SEARCH_SENT || k->key->text.n == 0)
        return true;
    k->match = match_of(k->key, charset);
    return k->match != NULL;
}

/* Adds a key with what is beside and below it; its index. The depth is the grammar's. */
static uint32_t add_keys(struct job_keys *keys, const struct imapd_search_key *key,
                         struct slice charset, bool *no_memory)
{
    uint32_t first = JOB_NO_KEY;
    uint32_t *link = &first;

    for (; key; key = key->next) {
        uint32_t at = keys->count++;
        *link = at;
        keys->keys[at] = (struct job_key){
            .key = key, .child = JOB_NO_KEY, .next = JOB_NO_KEY, .leaf = JOB_NO_KEY};
        if (!add_leaf(keys, at, charset))
            *no_memory = true;
        keys->keys[at].child = add_keys(keys, key->child, charset, no_memory);
        link = &keys->keys[at].next;
    }
    return first;
}

static bool check_charset(struct slice charset, struct failure *why)
{
    if (!has_charset(charset))
        return true;
    struct mime_charset *conversion = mime_charset_new(charset);
    if (!conversion)
        failure_set(why, FAILURE_PERMANENT, "The charset is not known");
    mime_charset_free(conversion);
    return conversion != NULL;
}

bool job_keys_build(struct job_keys *keys, const struct imapd_search *search, struct failure *why)
{
    uint32_t count = count_keys(search->key) + 1; /* never nothing */
    bool no_memory = false;

    if (!check_charset(search->charset, why))
        return false;
    keys->keys = calloc(count, sizeof *keys->keys);
    keys->leaves = calloc(count, sizeof *keys->leaves);
    keys->verdicts = calloc(count, sizeof *keys->verdicts);
    if (keys->keys && keys->leaves && keys->verdicts)
        add_keys(keys, search->key, search->charset, &no_memory);
    else
        no_memory = true;
    if (no_memory)
        failure_set(why, FAILURE_TEMPORARY, "memory is out");
    return !no_memory;
}

void job_keys_clear(struct job_keys *keys)
{
    for (uint32_t i = 0; i < keys->count; i++)
        mime_match_free(keys->keys[i].match);
    free(keys->keys);
    free(keys->leaves);
    free(keys->verdicts);
    *keys = (struct job_keys){0};
}

/* ---- leaves ------------------------------------------------------------------------------- */

void job_keys_reset(struct job_keys *keys)
{
    for (uint32_t i = 0; i < keys->leaf_count; i++)
        keys->verdicts[i] = JOB_UNKNOWN;
}

static bool is_open(const struct job_keys *keys, uint32_t leaf, enum imapd_search_kind kind)
{
    return keys->verdicts[leaf] == JOB_UNKNOWN && keys->keys[keys->leaves[leaf]].key->kind == kind;
}

bool job_keys_lack(const struct job_keys *keys, enum imapd_search_kind kind)
{
    for (uint32_t i = 0; i < keys->leaf_count; i++)
        if (is_open(keys, i, kind))
            return true;
    return false;
}

void job_keys_close(struct job_keys *keys, enum imapd_search_kind kind)
{
    for (uint32_t i = 0; i < keys->leaf_count; i++)
        if (is_open(keys, i, kind))
            keys->verdicts[i] = JOB_FALSE;
}

/* ---- verdicts ----------------------------------------------------------------------------- */

/* One message as the keys see it. */
struct seen {
    const struct job *j;
    const struct box_state *state;
    const struct box_message *message;
    uint32_t number;
    uint64_t cost;
};

static bool in_set(const struct seen *m, const struct imapd_search_key *key)
{
    const struct mailbox_view *v = m->j->host->view;

    if (key->set.saved)
        return mailbox_view_has_saved(v, m->message->uid);
    if (key->kind == IMAPD_SEARCH_NUMBERS)
        return imapd_set_has(&key->set, (uint32_t)v->count, m->number);
    return imapd_set_has(&key->set, v->count ? v->uids[v->count - 1] : 0, m->message->uid);
}

static bool has_size(const struct seen *m, const struct imapd_search_key *key)
{
    const struct box_content *c = box_state_content(m->state, m->message->content);
    uint64_t size = c ? c->size : 0;

    return size >= key->least && size <= key->most;
}

static bool has_day(const struct seen *m, const struct imapd_search_key *key)
{
    int64_t seconds = m->message->date;
    int64_t day = seconds / 86400 - (seconds % 86400 < 0);

    return day >= key->first && day <= key->last;
}

static bool is_undated(const struct seen *m, const struct job_key *k)
{
    return k->key->kind == IMAPD_SEARCH_DATE && job_date_is_unknown(m->j, m->message->content);
}

/* \Recent is nowhere kept (RFC 9051 has it no more): no message has it. */
static bool has_flag(const struct seen *m, const struct imapd_search_key *key)
{
    return key->flag != IMAPD_FLAG_RECENT && (m->message->flags & key->flag);
}

static bool state_says(const struct seen *m, const struct imapd_search_key *key)
{
    switch (key->kind) {
    case IMAPD_SEARCH_NUMBERS:
    case IMAPD_SEARCH_UIDS:
        return in_set(m, key);
    case IMAPD_SEARCH_FLAG:
        return has_flag(m, key);
    case IMAPD_SEARCH_KEYWORD:
        return m->message->flags & box_state_keyword(m->state, key->text);
    case IMAPD_SEARCH_DATE:
        return has_day(m, key);
    case IMAPD_SEARCH_SIZE:
        return has_size(m, key);
    case IMAPD_SEARCH_MODSEQ:
        return m->message->modseq >= key->least;
    default: /* ALL, and texts that are empty */
        return true;
    }
}

static enum job_verdict says(struct seen *m, uint32_t at);

/* AND ends with the first that is false, OR with the first that is true. */
static enum job_verdict children_say(struct seen *m, const struct job_key *k)
{
    enum job_verdict end = k->key->kind == IMAPD_SEARCH_AND ? JOB_FALSE : JOB_TRUE;
    enum job_verdict verdict = end == JOB_FALSE ? JOB_TRUE : JOB_FALSE;

    for (uint32_t at = k->child; at != JOB_NO_KEY; at = m->j->search.keys.keys[at].next) {
        enum job_verdict one = says(m, at);
        if (one == end)
            return end;
        if (one == JOB_UNKNOWN)
            verdict = JOB_UNKNOWN;
    }
    return verdict;
}

static enum job_verdict says(struct seen *m, uint32_t at)
{
    const struct job_keys *keys = &m->j->search.keys;
    const struct job_key *k = &keys->keys[at];
    enum job_verdict verdict;

    m->cost++;
    if (k->key->kind == IMAPD_SEARCH_AND || k->key->kind == IMAPD_SEARCH_OR)
        verdict = children_say(m, k);
    else if (k->leaf != JOB_NO_KEY)
        verdict = (enum job_verdict)keys->verdicts[k->leaf];
    else if (is_undated(m, k))
        verdict = JOB_UNKNOWN;
    else
        verdict = state_says(m, k->key) ? JOB_TRUE : JOB_FALSE;
    if (!k->key->negated || verdict == JOB_UNKNOWN)
        return verdict;
    return verdict == JOB_TRUE ? JOB_FALSE : JOB_TRUE;
}

enum job_verdict job_keys_verdict(struct job *j, uint32_t number, const struct box_message *m)
{
    struct seen seen = {
        .j = j, .state = j->host->state(j->host->owner), .message = m, .number = number};
    enum job_verdict verdict = says(&seen, 0);

    job_spend(j, seen.cost / 16);
    return verdict;
}
