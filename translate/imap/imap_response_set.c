/*
 * Responses that are numbers: SEARCH (RFC 3501 section 7.2.5), ESEARCH (RFC 4731), VANISHED
 * (RFC 7162 section 3.2.10). Each number or range is reported as it comes, whatever the length of
 * the line; neighbours are joined first, since most answers are a few long runs.
 */
#include "translate/imap/imap_response_parser.h"

static imap_handler search_number;
static imap_handler esearch_key;
static imap_handler set_piece;
static imap_handler set_next;

static const char *set_name(const struct imap_response *r)
{
    return r->set == IMAP_SET_SEARCH    ? "a SEARCH response"
           : r->set == IMAP_SET_ESEARCH ? "an ESEARCH response"
                                        : "a VANISHED response";
}

static enum imap_step set_begin(struct imap_response *r, enum imap_set set)
{
    r->set = set;
    r->set_uid = set >= IMAP_SET_VANISHED;
    r->set_pending = false;
    r->tag.n = 0;
    return IMAP_STEP_ON;
}

static void set_event(struct imap_response *r, enum imap_event_type type, struct imap_event *ev)
{
    ev->type = type;
    ev->set = r->set;
    ev->set_tag = imap_note_slice(&r->tag);
    ev->set_uid = r->set_uid;
}

static enum imap_step numbers_event(struct imap_response *r, struct imap_event *ev)
{
    set_event(r, IMAP_EV_NUMBERS, ev);
    ev->first = r->first;
    ev->last = r->last;
    r->set_pending = false;
    return IMAP_STEP_EVENT;
}

static enum imap_step set_end(struct imap_response *r, const struct imap_token *token,
                              struct imap_event *ev)
{
    (void)token;
    set_event(r, IMAP_EV_NUMBERS_END, ev);
    imap_response_line_done(r);
    return IMAP_STEP_EVENT;
}

/* The line has ended: what is pending, then the end. */
static enum imap_step set_finish(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    if (!r->set_pending)
        return set_end(r, token, ev);
    imap_response_go(r, IMAP_WANT_NOTHING, set_end);
    return numbers_event(r, ev);
}

/* Joins a range to the pending one, or reports that one and keeps this. Nothing follows UINT32_MAX:
 * no range begins with the 0 to which it wraps. */
static enum imap_step set_add(struct imap_response *r, uint32_t first, uint32_t last,
                              struct imap_event *ev)
{
    enum imap_step step = IMAP_STEP_ON;

    if (r->set_pending && first == r->last + 1) {
        r->last = last;
        return IMAP_STEP_ON;
    }
    if (r->set_pending)
        step = numbers_event(r, ev);
    r->first = first;
    r->last = last;
    r->set_pending = true;
    return step;
}

static bool take_number(struct slice text, uint32_t *out)
{
    uint64_t number = UINT32_MAX;

    if (!slice_is(text, "*") && (!slice_number(text, UINT32_MAX, &number) || number == 0))
        return false;
    *out = (uint32_t)number;
    return true;
}

/* "7" or "3:5", in either order (RFC 3501 section 9, seq-range). */
static bool take_range(struct slice text, uint32_t *first, uint32_t *last)
{
    size_t n = 0;

    while (n < text.n && text.p[n] != ':')
        n++;
    struct slice head = slice_take(&text, n);
    bool range = slice_take(&text, 1).n == 1;
    if (!take_number(head, first) || !take_number(range ? text : head, last))
        return false;
    if (*first > *last) {
        uint32_t swap = *first;
        *first = *last;
        *last = swap;
    }
    return true;
}

static enum imap_step set_piece(struct imap_response *r, const struct imap_token *token,
                                struct imap_event *ev)
{
    uint32_t first;
    uint32_t last;

    if (token->type != IMAP_TOKEN_ATOM || !take_range(token->text, &first, &last))
        return imap_response_fail(r, "a bad number", set_name(r));
    imap_response_go(r, IMAP_WANT_SET, set_next);
    return set_add(r, first, last, ev);
}

/* Behind a piece: another one, or what else the response has. */
static enum imap_step set_next(struct imap_response *r, const struct imap_token *token,
                               struct imap_event *ev)
{
    if (token->type == IMAP_TOKEN_COMMA)
        return imap_response_go(r, IMAP_WANT_SET, set_piece);
    if (r->set == IMAP_SET_ESEARCH)
        return esearch_key(r, token, ev);
    if (token->type != IMAP_TOKEN_EOL)
        return imap_response_fail(r, "something behind the set", set_name(r));
    return set_finish(r, token, ev);
}

/* A number, or the (MODSEQ n) of RFC 7162 section 3.1.5. */
static enum imap_step search_number(struct imap_response *r, const struct imap_token *token,
                                    struct imap_event *ev)
{
    uint32_t number;

    if (token->type == IMAP_TOKEN_EOL)
        return set_finish(r, token, ev);
    if (token->type == IMAP_TOKEN_OPEN)
        return imap_response_skip_list(r, IMAP_WANT_TOKEN, search_number);
    if (token->type != IMAP_TOKEN_ATOM || slice_is(token->text, "*") ||
        !take_number(token->text, &number))
        return imap_response_fail(r, "a bad number", set_name(r));
    imap_response_go(r, IMAP_WANT_TOKEN, search_number);
    return set_add(r, number, number, ev);
}

enum imap_step imap_search_begin(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    set_begin(r, IMAP_SET_SEARCH);
    return search_number(r, token, ev);
}

static enum imap_step esearch_key(struct imap_response *r, const struct imap_token *token,
                                  struct imap_event *ev)
{
    if (token->type == IMAP_TOKEN_EOL)
        return set_finish(r, token, ev);
    if (token->type != IMAP_TOKEN_ATOM)
        return imap_response_fail(r, "no name of a result", set_name(r));
    if (slice_is_nocase(token->text, "UID")) {
        r->set_uid = true;
        return imap_response_go(r, IMAP_WANT_SET, esearch_key);
    }
    if (slice_is_nocase(token->text, "ALL"))
        return imap_response_go(r, IMAP_WANT_SET, set_piece);
    return imap_response_skip_value(r, IMAP_WANT_SET, esearch_key);
}

/* Inside (TAG "A282"). A tag too long to be ours is kept as none of ours. */
static enum imap_step esearch_correlator(struct imap_response *r, const struct imap_token *token,
                                         struct imap_event *ev)
{
    (void)ev;
    if (token->type == IMAP_TOKEN_CLOSE)
        return imap_response_go(r, IMAP_WANT_SET, esearch_key);
    if (!imap_token_is_word(token))
        return imap_response_fail(r, "a bad correlator", set_name(r));
    if (r->name_next && !imap_note_set(&r->tag, IMAP_TAG_MAX, token->text))
        imap_note_set(&r->tag, IMAP_TAG_MAX, slice_of("?"));
    r->name_next = !r->name_next && slice_is_nocase(token->text, "TAG");
    return IMAP_STEP_ON;
}

enum imap_step imap_esearch_begin(struct imap_response *r, const struct imap_token *token,
                                  struct imap_event *ev)
{
    set_begin(r, IMAP_SET_ESEARCH);
    r->name_next = false;
    if (token->type == IMAP_TOKEN_OPEN)
        return imap_response_go(r, IMAP_WANT_STRING, esearch_correlator);
    return esearch_key(r, token, ev);
}

/* Inside (EARLIER). */
static enum imap_step vanished_word(struct imap_response *r, const struct imap_token *token,
                                    struct imap_event *ev)
{
    (void)ev;
    if (token->type == IMAP_TOKEN_CLOSE)
        return imap_response_go(r, IMAP_WANT_SET, set_piece);
    if (token->type != IMAP_TOKEN_ATOM)
        return imap_response_fail(r, "no EARLIER", set_name(r));
    if (slice_is_nocase(token->text, "EARLIER"))
        r->set = IMAP_SET_VANISHED_EARLIER;
    return IMAP_STEP_ON;
}

enum imap_step imap_vanished_begin(struct imap_response *r, const struct imap_token *token,
                                   struct imap_event *ev)
{
    set_begin(r, IMAP_SET_VANISHED);
    if (token->type == IMAP_TOKEN_OPEN)
        return imap_response_go(r, IMAP_WANT_TOKEN, vanished_word);
    return set_piece(r, token, ev);
}
