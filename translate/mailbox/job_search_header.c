/*
 * Header fields against the keys of a SEARCH: HEADER (FROM, SUBJECT ...), SENTBEFORE and its like,
 * and TEXT, which is looked for in the headers of parts too. Fields are decoded to UTF-8 one after
 * the other, or were when their digest was made (translate/mime/mime_search.h). Between any two
 * comparisons the work may stop and go on in the next turn.
 */
#include "translate/mailbox/job_internal.h"

#include <stdio.h>
#include <string.h>

#include "translate/imap/imap_date.h"
#include "translate/mime/mime_search.h"
#include "translate/mime/mime_words.h"

/* ---- Date --------------------------------------------------------------------------------- */

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == '-';
}

static void skip_comment(struct slice *s)
{
    int depth = 0;

    do {
        char c = slice_take(s, 1).p[0];
        if (c == '\\')
            slice_take(s, 1);
        depth += (c == '(') - (c == ')');
    } while (depth > 0 && s->n);
}

/* The next word of a date; empty at the end. */
static struct slice date_word(struct slice *s)
{
    size_t n = 0;

    while (s->n && (is_separator(s->p[0]) || s->p[0] == '(')) {
        if (s->p[0] == '(')
            skip_comment(s);
        else
            slice_take(s, 1);
    }
    while (n < s->n && !is_separator(s->p[n]) && s->p[n] != '(')
        n++;
    return slice_take(s, n);
}

/* Years of two or three digits are read as RFC 5322 section 4.3 says. */
static bool day_of(struct slice day, struct slice month, struct slice year, int32_t *out)
{
    uint64_t d;
    uint64_t y;
    int64_t seconds;
    char text[40];

    if (month.n < 3 || !slice_number(day, 31, &d) || !slice_number(year, 9999, &y))
        return false;
    if (year.n < 4)
        y += y < 50 && year.n == 2 ? 2000 : 1900;
    int n = snprintf(text, sizeof text, "%02u-%.3s-%04u 00:00:00 +0000", (unsigned)d, month.p,
                     (unsigned)y);
    if (n < 0 || !imap_date_parse(slice_make(text, (size_t)n), &seconds))
        return false;
    *out = (int32_t)(seconds / 86400 - (seconds % 86400 < 0));
    return true;
}

bool job_sent_day(struct slice value, int32_t *day)
{
    struct slice words[3] = {date_word(&value), date_word(&value), date_word(&value)};

    while (words[2].n) {
        if (day_of(words[0], words[1], words[2], day))
            return true;
        words[0] = words[1];
        words[1] = words[2];
        words[2] = date_word(&value);
    }
    return false;
}

/* ---- fields ------------------------------------------------------------------------------- */

/* Whether the field says something of the leaf. */
static bool concerns(const struct job_key *k, const struct job_fields *f)
{
    switch (k->key->kind) {
    case IMAPD_SEARCH_SENT:
        return f->scope == JOB_SCOPE_MESSAGE && f->is_field;
    case IMAPD_SEARCH_HEADER:
        return f->scope == JOB_SCOPE_MESSAGE && f->is_field &&
               slice_equal_nocase(f->name, k->key->name);
    case IMAPD_SEARCH_BODY: /* "doesn't match any header fields" */
        return false;
    default: /* TEXT */
        return true;
    }
}

/* Whether it says something of any leaf that is undecided. */
static bool concerns_any(const struct job_keys *keys, const struct job_fields *f)
{
    for (uint32_t i = 0; i < keys->leaf_count; i++)
        if (keys->verdicts[i] == JOB_UNKNOWN && concerns(&keys->keys[keys->leaves[i]], f))
            return true;
    return false;
}

static void take_decoded(struct job_fields *f)
{
    f->is_field = mime_search_known(&f->rest, &f->name, &f->value);
    f->raw = f->text = f->value;
    if (!f->is_field)
        f->rest.n = 0;
}

/* Whether it says anything of an undecided leaf. A line that is no field is a text without a name.
 */
static bool take_field(struct job *j, struct job_fields *f)
{
    struct mime_search_field field;

    if (f->digest) {
        take_decoded(f);
        return f->is_field && concerns_any(&j->search.keys, f);
    }
    if (!mime_search_next(&f->rest, &field))
        return false;
    f->is_field = field.named;
    f->name = field.name;
    f->raw = field.value;
    if (!concerns_any(&j->search.keys, f))
        return false;
    buf_truncate(&f->decoded, 0);
    if (f->is_field) {
        buf_put(&f->decoded, f->name);
        buf_puts(&f->decoded, ": ");
    }
    mime_words_decode(&f->decoded, field.value);
    f->text = f->value = buf_slice(&f->decoded);
    if (f->is_field)
        slice_take(&f->value, f->name.n + 2);
    return true;
}

/* Opens the next field that matters. False at the end of the header, or out of work. */
static bool open_field(struct job *j, struct job_fields *f)
{
    while (f->rest.n && job_spend(j, 1 + j->search.keys.leaf_count / JOB_OCTETS_IN_UNIT)) {
        if (!take_field(j, f))
            continue;
        f->open = true;
        f->leaf = 0;
        return true;
    }
    return false;
}

static enum job_verdict date_says(const struct imapd_search_key *key, const struct job_fields *f)
{
    int32_t day;

    if (!slice_is_nocase(f->name, "Date"))
        return JOB_UNKNOWN;
    if (!job_sent_day(f->raw, &day))
        return JOB_FALSE;
    return day >= key->first && day <= key->last ? JOB_TRUE : JOB_FALSE;
}

static enum job_verdict field_says(const struct job_key *k, const struct job_fields *f)
{
    bool found;

    if (k->key->kind == IMAPD_SEARCH_SENT)
        return date_says(k->key, f);
    if (k->key->kind == IMAPD_SEARCH_HEADER)
        found = !k->match || mime_match_in(k->match, f->value);
    else
        found = mime_match_in(k->match, f->text);
    return found ? JOB_TRUE : JOB_UNKNOWN;
}

/* False: out of work. */
static bool match_field(struct job *j, struct job_fields *f)
{
    struct job_keys *keys = &j->search.keys;
    uint64_t cost = 1 + f->text.n / JOB_OCTETS_IN_UNIT;

    for (; f->leaf < keys->leaf_count; f->leaf++) {
        const struct job_key *k = &keys->keys[keys->leaves[f->leaf]];
        if (keys->verdicts[f->leaf] != JOB_UNKNOWN || !concerns(k, f))
            continue;
        if (!job_spend(j, cost))
            return false;
        keys->verdicts[f->leaf] = (uint8_t)field_says(k, f);
    }
    f->open = false;
    return true;
}

void job_fields_begin(struct job_fields *f, struct slice header, enum job_scope scope)
{
    f->rest = header;
    f->scope = scope;
    f->digest = false;
    f->open = false;
    f->busy = true;
}

void job_fields_begin_digest(struct job_fields *f, struct slice digest)
{
    job_fields_begin(f, digest, JOB_SCOPE_MESSAGE);
    f->digest = true;
}

bool job_fields_match(struct job *j, struct job_fields *f)
{
    while (f->open || open_field(j, f)) {
        if (buf_failed(&f->decoded))
            job_no_memory(j);
        if (!match_field(j, f))
            return false;
    }
    f->busy = f->rest.n > 0;
    return !f->busy;
}

void job_fields_clear(struct job_fields *f)
{
    buf_clear(&f->decoded);
    *f = (struct job_fields){0};
}
