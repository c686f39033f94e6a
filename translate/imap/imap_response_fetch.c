/*
 * FETCH responses (RFC 3501 section 7.4.2): items in any order, known ones by a table, others
 * skipped whole. A known item's value is taken with or without parentheses around it, so one
 * handler serves UID 5, MODSEQ (5), EMAILID (M5) and FLAGS (\Seen \Deleted).
 *
 * What cannot be understood in a value that is only advice (a date, a size) is as if it had not
 * come. A UID is more than advice: by it a message is known.
 */
#include <string.h>

#include "translate/imap/imap_date.h"
#include "translate/imap/imap_response_parser.h"

static imap_handler item_begin;

/* An item whose value is small. `take` sets the value; false: it is none. */
struct imap_fetch_name {
    const char *name;
    unsigned has;
    bool (*take)(struct imap_response *r, struct slice value);
};

static bool take_uid(struct imap_response *r, struct slice value)
{
    uint64_t number;

    if (!slice_number(value, UINT32_MAX, &number) || number == 0)
        return false;
    r->fetch.uid = (uint32_t)number;
    return true;
}

static bool take_size(struct imap_response *r, struct slice value)
{
    return slice_number(value, INT64_MAX, &r->fetch.size);
}

static bool take_modseq(struct imap_response *r, struct slice value)
{
    return slice_number(value, INT64_MAX, &r->fetch.modseq);
}

static bool take_date(struct imap_response *r, struct slice value)
{
    return imap_date_parse(value, &r->fetch.internaldate);
}

static bool take_flag(struct imap_response *r, struct slice value)
{
    if (slice_is_nocase(value, "\\Seen"))
        r->fetch.flags |= IMAP_FLAG_SEEN;
    else if (slice_is_nocase(value, "\\Deleted"))
        r->fetch.flags |= IMAP_FLAG_DELETED;
    return true;
}

static bool take_id(struct imap_response *r, struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < 0x21 || value.p[i] > 0x7e)
            return false;
    return value.n && imap_note_set(&r->id, IMAP_ID_MAX, value);
}

static const struct imap_fetch_name names[] = {
    {"UID", IMAP_HAS_UID, take_uid},          {"RFC822.SIZE", IMAP_HAS_SIZE, take_size},
    {"FLAGS", IMAP_HAS_FLAGS, take_flag},     {"INTERNALDATE", IMAP_HAS_INTERNALDATE, take_date},
    {"MODSEQ", IMAP_HAS_MODSEQ, take_modseq}, {"EMAILID", IMAP_HAS_ID, take_id},
    {"X-GM-MSGID", IMAP_HAS_ID, take_id},     {"X-GUID", IMAP_HAS_ID, take_id},
};

/* The older names of sections (RFC 3501 section 6.4.5). */
static const struct {
    const char *name;
    const char *section;
} old_names[] = {{"RFC822", ""}, {"RFC822.HEADER", "HEADER"}, {"RFC822.TEXT", "TEXT"}};

static enum imap_step item_next(struct imap_response *r)
{
    return imap_response_go(r, IMAP_WANT_ITEM, item_begin);
}

static enum imap_step fetch_fail(struct imap_response *r, const char *what)
{
    return imap_response_fail(r, what, "a FETCH response");
}

/* One token of a known item's value. */
static enum imap_step value_take(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    (void)ev;
    if (token->type == IMAP_TOKEN_OPEN && r->depth == 0) {
        r->depth = 1;
        return IMAP_STEP_ON;
    }
    if (token->type == IMAP_TOKEN_CLOSE && r->depth == 1) {
        /* Even an empty list of flags says which flags there are. */
        if (r->item->has == IMAP_HAS_FLAGS)
            r->fetch.has |= IMAP_HAS_FLAGS;
        return item_next(r);
    }
    if (!imap_token_is_word(token))
        return fetch_fail(r, "a bad value");
    if (!imap_token_is_nil(token)) {
        bool taken = r->item->take(r, token->text);
        if (!taken && r->item->has == IMAP_HAS_UID)
            return fetch_fail(r, "a bad UID");
        r->fetch.has |= taken ? r->item->has : 0;
    }
    return r->depth ? IMAP_STEP_ON : item_next(r);
}

static enum imap_step body_end(struct imap_response *r, const struct imap_token *token,
                               struct imap_event *ev)
{
    (void)token;
    ev->type = IMAP_EV_BODY_END;
    item_next(r);
    return IMAP_STEP_EVENT;
}

static enum imap_step body_octets(struct imap_response *r, const struct imap_token *token,
                                  struct imap_event *ev)
{
    if (token->type == IMAP_TOKEN_OCTETS_END)
        return body_end(r, token, ev);
    ev->type = IMAP_EV_BODY_DATA;
    ev->text = token->text;
    return IMAP_STEP_EVENT;
}

/* The octets of a body that came as a quoted string. */
static enum imap_step body_kept(struct imap_response *r, const struct imap_token *token,
                                struct imap_event *ev)
{
    (void)token;
    ev->type = IMAP_EV_BODY_DATA;
    ev->text = buf_slice(&r->kept);
    imap_response_go(r, IMAP_WANT_NOTHING, body_end);
    return IMAP_STEP_EVENT;
}

static enum imap_step body_quoted(struct imap_response *r, struct slice text, struct imap_event *ev)
{
    ev->length = text.n;
    buf_truncate(&r->kept, 0);
    buf_put(&r->kept, text);
    if (buf_failed(&r->kept))
        return fetch_fail(r, "no memory is left");
    imap_response_go(r, IMAP_WANT_NOTHING, text.n ? body_kept : body_end);
    return IMAP_STEP_EVENT;
}

static enum imap_step body_begin(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    r->fetch.has |= IMAP_HAS_BODY;
    ev->type = IMAP_EV_BODY_BEGIN;
    ev->fetch = r->fetch;
    ev->fetch.id = imap_note_slice(&r->id);
    ev->section = slice_make(r->section.p, r->section.n);
    ev->origin = r->origin;
    if (token->type == IMAP_TOKEN_LITERAL) {
        ev->length = token->length;
        imap_response_go(r, IMAP_WANT_OCTETS, body_octets);
        return IMAP_STEP_EVENT;
    }
    if (token->type == IMAP_TOKEN_STRING)
        return body_quoted(r, token->text, ev);
    if (!imap_token_is_nil(token))
        return fetch_fail(r, "a bad body");
    ev->nil = true;
    imap_response_go(r, IMAP_WANT_NOTHING, body_end);
    return IMAP_STEP_EVENT;
}

static bool starts_with(struct slice *s, const char *prefix)
{
    size_t n = strlen(prefix);

    if (s->n < n || !slice_is_nocase(slice_make(s->p, n), prefix))
        return false;
    slice_take(s, n);
    return true;
}

static bool keep_section(struct imap_response *r, struct slice section)
{
    r->section.n = section.n <= sizeof r->section.p ? section.n : 0;
    for (size_t i = 0; i < r->section.n; i++) {
        char c = section.p[i];
        r->section.p[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return r->section.n == section.n;
}

/* "BODY[TEXT]<0>" as section and origin. Some servers echo the PEEK of the command. */
static bool take_section(struct imap_response *r, struct slice name)
{
    r->origin = 0;
    for (size_t i = 0; i < sizeof old_names / sizeof *old_names; i++)
        if (slice_is_nocase(name, old_names[i].name))
            return keep_section(r, slice_of(old_names[i].section));
    if (!starts_with(&name, "BODY[") && !starts_with(&name, "BODY.PEEK["))
        return false;
    const char *end = memrchr(name.p, ']', name.n);
    if (!end)
        return false;
    struct slice section = slice_take(&name, (size_t)(end - name.p));
    slice_take(&name, 1);
    if (name.n > 2 && name.p[0] == '<' && name.p[name.n - 1] == '>') {
        if (!slice_number(slice_make(name.p + 1, name.n - 2), INT64_MAX, &r->origin))
            return false;
    } else if (name.n) {
        return false;
    }
    return keep_section(r, section);
}

static enum imap_step fetch_end(struct imap_response *r, const struct imap_token *token,
                                struct imap_event *ev)
{
    if (token->type != IMAP_TOKEN_EOL)
        return fetch_fail(r, "something behind the last parenthesis");
    ev->type = IMAP_EV_FETCH;
    ev->fetch = r->fetch;
    ev->fetch.id = imap_note_slice(&r->id);
    imap_response_line_done(r);
    return IMAP_STEP_EVENT;
}

static enum imap_step known_item(struct imap_response *r, const struct imap_fetch_name *item)
{
    r->item = item;
    r->depth = 0;
    if (item->has == IMAP_HAS_FLAGS)
        r->fetch.flags = 0;
    return imap_response_go(r, IMAP_WANT_STRING, value_take);
}

/* An item's name, or the end. */
static enum imap_step item_begin(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    (void)ev;
    if (token->type == IMAP_TOKEN_CLOSE)
        return imap_response_go(r, IMAP_WANT_TOKEN, fetch_end);
    if (token->type != IMAP_TOKEN_ATOM)
        return fetch_fail(r, "no item name where one should be");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is_nocase(token->text, names[i].name))
            return known_item(r, &names[i]);
    if (take_section(r, token->text))
        return imap_response_go(r, IMAP_WANT_TOKEN, body_begin);
    return imap_response_skip_value(r, IMAP_WANT_ITEM, item_begin);
}

enum imap_step imap_fetch_begin(struct imap_response *r, const struct imap_token *token,
                                struct imap_event *ev)
{
    (void)ev;
    if (r->number == 0)
        return fetch_fail(r, "message number 0");
    if (token->type != IMAP_TOKEN_OPEN)
        return fetch_fail(r, "no parenthesis at the beginning");
    r->fetch = (struct imap_fetch){.seq = r->number};
    r->id.n = 0;
    return item_next(r);
}
