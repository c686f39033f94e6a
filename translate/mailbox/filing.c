/* See filing.h. */
#include "translate/mailbox/filing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "translate/imap/imapd_flags.h"
#include "translate/mime/mime_fields.h"
#include "translate/mime/mime_match.h"
#include "translate/mime/mime_pattern.h"
#include "translate/mime/mime_words.h"
#include "translate/state/box_change.h"

/* ---- matching ---------------------------------------------------------------------------- */

static enum mime_verdict text_contains(struct slice text, struct slice wanted)
{
    struct mime_match *match = mime_match_new(wanted, MIME_MATCH_RUNS_OF_BLANKS);
    enum mime_verdict verdict = MIME_NO_MEMORY;

    if (match)
        verdict = mime_match_in(match, text) ? MIME_MATCHES : MIME_DIFFERS;
    mime_match_free(match);
    return verdict;
}

/* The blanks at which a field was folded are the sender's taste. */
static void put_value(struct buf *out, struct slice value)
{
    struct buf blank = BUF_INIT;

    for (size_t i = 0; i < value.n; i++)
        buf_putc(&blank, value.p[i] == '\t' ? ' ' : value.p[i]);
    mime_words_decode(out, buf_slice(&blank));
    out->failed = out->failed || buf_failed(&blank);
    buf_clear(&blank);
}

static enum mime_verdict field_fulfils(const struct filing_condition *c, struct slice value)
{
    struct buf text = BUF_INIT;
    enum mime_verdict verdict = MIME_NO_MEMORY;

    put_value(&text, value);
    if (buf_failed(&text))
        verdict = MIME_NO_MEMORY;
    else if (c->contains)
        verdict = text_contains(buf_slice(&text), slice_of(c->contains));
    else if (c->is)
        verdict = mime_text_is(buf_slice(&text), slice_of(c->is));
    else
        verdict = mime_text_matches(buf_slice(&text), slice_of(c->matches));
    buf_clear(&text);
    return verdict;
}

static enum mime_verdict header_fulfils(const struct filing_condition *c, struct slice header)
{
    enum mime_verdict verdict = MIME_DIFFERS;
    struct slice name;
    struct slice value;

    while (verdict == MIME_DIFFERS && mime_fields_next(&header, &name, &value))
        if (slice_is_nocase(name, c->header))
            verdict = field_fulfils(c, value);
    return verdict;
}

static enum mime_verdict rule_is_about(const struct filing_rule *rule, struct slice header)
{
    enum mime_verdict verdict = MIME_MATCHES;

    for (size_t i = 0; verdict == MIME_MATCHES && i < rule->condition_count; i++)
        verdict = header_fulfils(&rule->conditions[i], header);
    return verdict;
}

bool filing_match(const struct filing_rule *rules, size_t count, struct slice header,
                  const struct filing_rule **rule)
{
    *rule = NULL;
    for (size_t i = 0; i < count; i++) {
        enum mime_verdict verdict = rule_is_about(&rules[i], header);
        if (verdict == MIME_NO_MEMORY)
            return false;
        if (verdict == MIME_MATCHES) {
            *rule = &rules[i];
            return true;
        }
    }
    return true;
}

/* ---- making ------------------------------------------------------------------------------ */

static void condition_clear(struct filing_condition *c)
{
    free(c->header);
    free(c->contains);
    free(c->is);
    free(c->matches);
}

void filing_free(struct filing_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct filing_rule *rule = &rules[i];
        for (size_t k = 0; k < rule->condition_count; k++)
            condition_clear(&rule->conditions[k]);
        for (size_t k = 0; k < rule->flag_count; k++)
            free(rule->flags[k]);
        free(rule->conditions);
        free(rule->flags);
        free(rule->folder);
    }
    free(rules);
}

static bool refuse(struct failure *why, const char *sentence)
{
    failure_set(why, FAILURE_PERMANENT, "%s", sentence);
    return false;
}

/* RFC 5322 section 3.6.8: visible ASCII but the colon. */
bool filing_accepts_header(const char *text, struct failure *why)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == ':')
            return refuse(why, "is not the name of a header field; write it without colon and "
                               "blanks, as in List-Id");
    return *text || refuse(why, "is empty; write the name of a header field, as in List-Id");
}

bool filing_accepts_folder(const char *text, struct failure *why)
{
    size_t n = strlen(text);

    if (n == 0)
        return refuse(why, "is empty; leave it out for INBOX");
    if (n > BOX_NAME_MAX)
        return refuse(why, "is too long; a folder's name has at most 1000 octets");
    if (strncasecmp(text, "INBOX/", 6) == 0)
        return refuse(why, "stands below INBOX; write a name beside it, Lists and not INBOX/Lists");
    return (text[0] != '/' && box_name_is_valid(slice_make(text, n))) ||
           refuse(why, "has an empty level; write levels with one / between them, as in Lists/dev");
}

bool filing_accepts_flag(const char *text, struct failure *why)
{
    for (unsigned bit = IMAPD_FLAG_ANSWERED; bit <= IMAPD_FLAG_DRAFT; bit <<= 1)
        if (strcasecmp(text, imapd_flag_name(bit)) == 0)
            return true;
    if (*text == '\\')
        return refuse(why, "is not a flag; write \\\\Seen, \\\\Flagged, \\\\Answered, \\\\Draft or "
                           "\\\\Deleted, or a keyword without backslash");
    return box_keyword_is_valid(slice_of(text)) ||
           refuse(why, "is not a keyword; write one word of ASCII without ( ) { } % * \" \\ ]");
}
