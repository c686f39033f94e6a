/*
 * The beginning of each response: whose it is and what it is. Status responses and lists of words
 * are whole here; FETCH, sets of numbers, and the responses about mailboxes have their own files.
 */
#include "translate/imap/imap_response.h"

#include <stdlib.h>
#include <string.h>

#include "translate/imap/imap_response_parser.h"

static imap_handler line_begin;

struct imap_response *imap_response_new(void)
{
    struct imap_response *r = calloc(1, sizeof *r);

    if (r)
        imap_response_line_done(r);
    return r;
}

void imap_response_free(struct imap_response *r)
{
    if (!r)
        return;
    imap_lexer_clear(&r->lexer);
    free(r->shown);
    buf_clear(&r->kept);
    free(r);
}

bool imap_response_trace(struct imap_response *r, const struct trace *trace)
{
    if (!r->shown)
        r->shown = calloc(1, sizeof *r->shown);
    r->trace = trace;
    return r->shown != NULL;
}

bool imap_response_at_line_start(const struct imap_response *r)
{
    return r->handler == line_begin && imap_lexer_between(&r->lexer);
}

enum imap_step imap_response_go(struct imap_response *r, enum imap_want want, imap_handler *handler)
{
    r->want = want;
    r->handler = handler;
    return IMAP_STEP_ON;
}

enum imap_step imap_response_fail(struct imap_response *r, const char *what, const char *where)
{
    r->wrong = what;
    r->where = where;
    return IMAP_STEP_ERROR;
}

enum imap_step imap_response_line_done(struct imap_response *r)
{
    return imap_response_go(r, IMAP_WANT_TOKEN, line_begin);
}

static enum imap_step rest_skipped(struct imap_response *r, const struct imap_token *token,
                                   struct imap_event *ev)
{
    (void)token;
    (void)ev;
    return imap_response_line_done(r);
}

enum imap_step imap_response_skip_rest(struct imap_response *r)
{
    return imap_response_go(r, IMAP_WANT_LINE, rest_skipped);
}

/* One token of a value that is being skipped. */
static enum imap_step value_skip(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    (void)ev;
    if (token->type == IMAP_TOKEN_OPEN && ++r->depth > IMAP_NESTING_MAX)
        return imap_response_fail(r, "too many parentheses", "a value");
    if (token->type == IMAP_TOKEN_EOL)
        return imap_response_fail(r, "the line ends", "a value");
    if (token->type == IMAP_TOKEN_CLOSE && r->depth-- == 0)
        return imap_response_fail(r, "a closing parenthesis", "place of a value");
    return r->depth ? IMAP_STEP_ON : imap_response_go(r, r->resume_want, r->resume);
}

enum imap_step imap_response_skip_value(struct imap_response *r, enum imap_want want,
                                        imap_handler *handler)
{
    r->depth = 0;
    r->resume_want = want;
    r->resume = handler;
    return imap_response_go(r, IMAP_WANT_TOKEN, value_skip);
}

enum imap_step imap_response_skip_list(struct imap_response *r, enum imap_want want,
                                       imap_handler *handler)
{
    imap_response_skip_value(r, want, handler);
    r->depth = 1;
    return IMAP_STEP_ON;
}

bool imap_note_set(struct imap_note *note, size_t max, struct slice text)
{
    note->n = text.n <= max && text.n <= sizeof note->p ? text.n : 0;
    if (note->n)
        memcpy(note->p, text.p, note->n);
    return note->n == text.n;
}

struct slice imap_note_slice(const struct imap_note *note)
{
    return slice_make(note->p, note->n);
}

bool imap_token_is_word(const struct imap_token *token)
{
    return token->type == IMAP_TOKEN_ATOM || token->type == IMAP_TOKEN_STRING;
}

bool imap_token_is_nil(const struct imap_token *token)
{
    return token->type == IMAP_TOKEN_ATOM && slice_is_nocase(token->text, "NIL");
}

/* Splits resp-text (RFC 3501 section 9) into its code and what a person may read. A bracket that is
 * never closed is text. */
static void split_code(struct slice text, struct imap_event *ev)
{
    const char *end = text.n && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;

    ev->text = text;
    if (!end)
        return;
    ev->code = slice_trim(slice_make(text.p + 1, (size_t)(end - text.p) - 1));
    slice_take(&text, (size_t)(end - text.p) + 1);
    ev->text = slice_trim(text);
}

static enum imap_step status_event(struct imap_response *r, struct slice text,
                                   struct imap_event *ev)
{
    ev->type = IMAP_EV_STATUS;
    ev->tag = imap_note_slice(&r->tag);
    ev->status = r->status;
    split_code(text, ev);
    imap_response_line_done(r);
    return IMAP_STEP_EVENT;
}

/* The STATUS behind the CAPABILITY that was its code. */
static enum imap_step status_again(struct imap_response *r, const struct imap_token *token,
                                   struct imap_event *ev)
{
    (void)token;
    return status_event(r, buf_slice(&r->kept), ev);
}

static enum imap_step status_text(struct imap_response *r, const struct imap_token *token,
                                  struct imap_event *ev)
{
    status_event(r, token->text, ev);
    struct slice list = ev->code;
    if (!slice_is_nocase(slice_word(&list), "CAPABILITY"))
        return IMAP_STEP_EVENT;
    /* The text is needed again in the next call, when the input may be gone. */
    buf_truncate(&r->kept, 0);
    buf_put(&r->kept, token->text);
    if (buf_failed(&r->kept))
        return imap_response_fail(r, "no memory is left", "a CAPABILITY code");
    *ev = (struct imap_event){.type = IMAP_EV_CAPABILITY, .text = slice_trim(list)};
    imap_response_go(r, IMAP_WANT_NOTHING, status_again);
    return IMAP_STEP_EVENT;
}

static bool status_by_name(struct slice name, enum imap_status *status)
{
    static const char *const names[] = {[IMAP_OK] = "OK",
                                        [IMAP_NO] = "NO",
                                        [IMAP_BAD] = "BAD",
                                        [IMAP_BYE] = "BYE",
                                        [IMAP_PREAUTH] = "PREAUTH"};

    for (int i = IMAP_OK; i <= IMAP_PREAUTH; i++) {
        if (slice_is_nocase(name, names[i])) {
            *status = (enum imap_status)i;
            return true;
        }
    }
    return false;
}

/* Behind a tag. */
static enum imap_step tagged(struct imap_response *r, const struct imap_token *token,
                             struct imap_event *ev)
{
    (void)ev;
    if (token->type != IMAP_TOKEN_ATOM || !status_by_name(token->text, &r->status) ||
        r->status > IMAP_BAD)
        return imap_response_fail(r, "no OK, NO or BAD", "a tagged response");
    return imap_response_go(r, IMAP_WANT_TEXT, status_text);
}

static enum imap_step word_list(enum imap_event_type type, struct imap_response *r,
                                const struct imap_token *token, struct imap_event *ev)
{
    ev->type = type;
    ev->text = slice_trim(token->text);
    imap_response_line_done(r);
    return IMAP_STEP_EVENT;
}

static enum imap_step capability_list(struct imap_response *r, const struct imap_token *token,
                                      struct imap_event *ev)
{
    return word_list(IMAP_EV_CAPABILITY, r, token, ev);
}

static enum imap_step enabled_list(struct imap_response *r, const struct imap_token *token,
                                   struct imap_event *ev)
{
    return word_list(IMAP_EV_ENABLED, r, token, ev);
}

static enum imap_step continue_text(struct imap_response *r, const struct imap_token *token,
                                    struct imap_event *ev)
{
    return word_list(IMAP_EV_CONTINUE, r, token, ev);
}

/* A response whose word has been read and whose rest is skipped: ends as an event of its own. */
static enum imap_step line_event(enum imap_event_type type, struct imap_response *r,
                                 struct imap_event *ev)
{
    ev->type = type;
    ev->number = r->number;
    imap_response_line_done(r);
    return IMAP_STEP_EVENT;
}

static enum imap_step exists_end(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    (void)token;
    return line_event(IMAP_EV_EXISTS, r, ev);
}

static enum imap_step expunge_end(struct imap_response *r, const struct imap_token *token,
                                  struct imap_event *ev)
{
    (void)token;
    if (r->number == 0)
        return imap_response_fail(r, "message number 0", "an EXPUNGE response");
    return line_event(IMAP_EV_EXPUNGE, r, ev);
}

static enum imap_step other_end(struct imap_response *r, const struct imap_token *token,
                                struct imap_event *ev)
{
    (void)token;
    return line_event(IMAP_EV_OTHER, r, ev);
}

struct word {
    const char *name;
    enum imap_want want;
    imap_handler *handler;
};

/* "* WORD ..." */
static const struct word words[] = {
    {"CAPABILITY", IMAP_WANT_TEXT, capability_list},
    {"ENABLED", IMAP_WANT_TEXT, enabled_list},
    {"SEARCH", IMAP_WANT_TOKEN, imap_search_begin},
    {"ESEARCH", IMAP_WANT_STRING, imap_esearch_begin},
    {"VANISHED", IMAP_WANT_SET, imap_vanished_begin},
    {"LIST", IMAP_WANT_TOKEN, imap_list_begin},
    {"NAMESPACE", IMAP_WANT_STRING, imap_namespace_begin},
    {"ID", IMAP_WANT_STRING, imap_id_begin},
};

/* "* 23 WORD ..." */
static const struct word numbered_words[] = {
    {"FETCH", IMAP_WANT_TOKEN, imap_fetch_begin},
    {"EXISTS", IMAP_WANT_LINE, exists_end},
    {"EXPUNGE", IMAP_WANT_LINE, expunge_end},
};

static enum imap_step go_by_word(struct imap_response *r, const struct word *table, size_t count,
                                 struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is_nocase(name, table[i].name))
            return imap_response_go(r, table[i].want, table[i].handler);
    return imap_response_go(r, IMAP_WANT_LINE, other_end);
}

/* Behind "* 23". */
static enum imap_step numbered(struct imap_response *r, const struct imap_token *token,
                               struct imap_event *ev)
{
    (void)ev;
    if (token->type != IMAP_TOKEN_ATOM)
        return imap_response_fail(r, "no word behind the number", "an untagged response");
    return go_by_word(r, numbered_words, sizeof numbered_words / sizeof *numbered_words,
                      token->text);
}

/* Behind "*". */
static enum imap_step untagged(struct imap_response *r, const struct imap_token *token,
                               struct imap_event *ev)
{
    uint64_t number;

    (void)ev;
    r->number = 0;
    if (token->type != IMAP_TOKEN_ATOM)
        return imap_response_fail(r, "no word", "an untagged response");
    if (status_by_name(token->text, &r->status))
        return imap_response_go(r, IMAP_WANT_TEXT, status_text);
    if (token->text.p[0] < '0' || token->text.p[0] > '9')
        return go_by_word(r, words, sizeof words / sizeof *words, token->text);
    if (!slice_number(token->text, UINT32_MAX, &number))
        return imap_response_fail(r, "a bad message number", "an untagged response");
    r->number = (uint32_t)number;
    return imap_response_go(r, IMAP_WANT_TOKEN, numbered);
}

/* RFC 3501 section 9: a tag has no "+" and no list wildcards; "\" is in no atom. */
static bool is_tag(struct slice tag)
{
    for (size_t i = 0; i < tag.n; i++)
        if (strchr("+*%\\", tag.p[i]) || (unsigned char)tag.p[i] < 0x21 ||
            (unsigned char)tag.p[i] > 0x7e)
            return false;
    return tag.n <= IMAP_TAG_MAX;
}

/* The first token of a line. Empty lines, which some servers send, mean nothing. */
static enum imap_step line_begin(struct imap_response *r, const struct imap_token *token,
                                 struct imap_event *ev)
{
    (void)ev;
    r->tag.n = 0;
    if (token->type == IMAP_TOKEN_EOL)
        return IMAP_STEP_ON;
    if (token->type != IMAP_TOKEN_ATOM)
        return imap_response_fail(r, "neither *, + nor a tag", "the beginning of a line");
    if (slice_is(token->text, "*"))
        return imap_response_go(r, IMAP_WANT_TOKEN, untagged);
    if (slice_is(token->text, "+"))
        return imap_response_go(r, IMAP_WANT_TEXT, continue_text);
    if (!is_tag(token->text) || !imap_note_set(&r->tag, IMAP_TAG_MAX, token->text))
        return imap_response_fail(r, "neither *, + nor a tag", "the beginning of a line");
    return imap_response_go(r, IMAP_WANT_TOKEN, tagged);
}

static void event_clear(struct imap_event *ev)
{
    struct slice none = slice_make("", 0);

    *ev = (struct imap_event){.tag = none,
                              .code = none,
                              .text = none,
                              .set_tag = none,
                              .section = none,
                              .list = {.name = none, .special_use = none},
                              .fetch = {.id = none}};
}

static enum imap_parse fail_event(const struct imap_response *r, struct failure *why)
{
    failure_set(why, FAILURE_TEMPORARY, "the server does not speak IMAP as it should: %s in %s",
                r->wrong, r->where);
    return IMAP_PARSE_ERROR;
}

enum imap_parse imap_response_next(struct imap_response *r, struct slice *in, struct imap_event *ev,
                                   struct failure *why)
{
    struct imap_token token = {0};

    event_clear(ev);
    if (r->handler == line_begin)
        buf_truncate(&r->kept, 0); /* the last event's: an idle connection keeps nothing */
    while (!r->wrong) {
        if (r->want != IMAP_WANT_NOTHING) {
            enum imap_lex lex = imap_lexer_next(&r->lexer, in, r->want, &token);
            if (lex == IMAP_LEX_MORE)
                return IMAP_PARSE_MORE;
            if (lex == IMAP_LEX_ERROR)
                imap_response_fail(r, r->lexer.error, "a response");
            else if (r->shown && imap_shown_token(r->shown, &token))
                trace_says(r->trace, imap_shown_line(r->shown));
        }
        if (!r->wrong && r->handler(r, &token, ev) == IMAP_STEP_EVENT)
            return IMAP_PARSE_EVENT;
    }
    return fail_event(r, why);
}
