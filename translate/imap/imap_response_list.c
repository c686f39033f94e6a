/*
 * Responses about names: LIST (RFC 3501 section 7.2.2, RFC 5258), NAMESPACE (RFC 2342) and the
 * server's ID (RFC 2971). Each is short and comes once a session or once a folder.
 */
#include "translate/imap/imap_response_parser.h"

static enum imap_step list_fail(struct imap_response *r, const char *what)
{
    return imap_response_fail(r, what, "a LIST, NAMESPACE or ID response");
}

static enum imap_step list_name(struct imap_response *r, const struct imap_token *token,
                                struct imap_event *ev)
{
    if (!imap_token_is_word(token))
        return list_fail(r, "no mailbox name");
    ev->type = IMAP_EV_LIST;
    ev->list = r->list;
    ev->list.name = token->text;
    ev->list.special_use = imap_note_slice(&r->special_use);
    /* RFC 5258 has extended data behind the name. */
    imap_response_skip_rest(r);
    return IMAP_STEP_EVENT;
}

/* NIL or one character between quotes; an octet above 0x7F or a longer text is none. */
static bool take_delimiter(struct imap_response *r, const struct imap_token *token)
{
    r->list.delimiter = 0;
    if (imap_token_is_nil(token) || (token->type == IMAP_TOKEN_STRING && token->text.n == 0))
        return true;
    if (!imap_token_is_word(token) || token->text.n != 1)
        return false;
    r->list.delimiter = token->text.p[0];
    return true;
}

static enum imap_step list_delimiter(struct imap_response *r, const struct imap_token *token,
                                     struct imap_event *ev)
{
    (void)ev;
    if (!take_delimiter(r, token))
        return list_fail(r, "a bad delimiter");
    return imap_response_go(r, IMAP_WANT_STRING, list_name);
}

static bool is_special_use(struct slice flag)
{
    static const char *const names[] = {"\\All",  "\\Archive", "\\Drafts", "\\Flagged",
                                        "\\Junk", "\\Sent",    "\\Trash",  "\\Important"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is_nocase(flag, names[i]))
            return true;
    return false;
}

static void take_attribute(struct imap_response *r, struct slice flag)
{
    if (slice_is_nocase(flag, "\\Noselect") || slice_is_nocase(flag, "\\NonExistent"))
        r->list.noselect = true;
    else if (r->special_use.n == 0 && is_special_use(flag))
        imap_note_set(&r->special_use, IMAP_ID_MAX, flag);
}

static enum imap_step list_attribute(struct imap_response *r, const struct imap_token *token,
                                     struct imap_event *ev)
{
    (void)ev;
    if (token->type == IMAP_TOKEN_CLOSE)
        return imap_response_go(r, IMAP_WANT_TOKEN, list_delimiter);
    if (token->type != IMAP_TOKEN_ATOM)
        return list_fail(r, "a bad attribute");
    take_attribute(r, token->text);
    return IMAP_STEP_ON;
}

enum imap_step imap_list_begin(struct imap_response *r, const struct imap_token *token,
                               struct imap_event *ev)
{
    (void)ev;
    r->list = (struct imap_list){0};
    r->special_use.n = 0;
    if (token->type != IMAP_TOKEN_OPEN)
        return list_fail(r, "no attributes");
    return imap_response_go(r, IMAP_WANT_TOKEN, list_attribute);
}

static enum imap_step namespace_event(struct imap_response *r, struct imap_event *ev)
{
    ev->type = IMAP_EV_NAMESPACE;
    ev->list.name = buf_slice(&r->kept);
    ev->list.delimiter = r->list.delimiter;
    imap_response_skip_rest(r);
    return IMAP_STEP_EVENT;
}

static enum imap_step namespace_delimiter(struct imap_response *r, const struct imap_token *token,
                                          struct imap_event *ev)
{
    if (!take_delimiter(r, token))
        return list_fail(r, "a bad delimiter");
    return namespace_event(r, ev);
}

static enum imap_step namespace_prefix(struct imap_response *r, const struct imap_token *token,
                                       struct imap_event *ev)
{
    (void)ev;
    if (!imap_token_is_word(token))
        return list_fail(r, "no prefix");
    buf_put(&r->kept, token->text);
    if (buf_failed(&r->kept))
        return list_fail(r, "no memory is left");
    return imap_response_go(r, IMAP_WANT_TOKEN, namespace_delimiter);
}

static enum imap_step namespace_inner(struct imap_response *r, const struct imap_token *token,
                                      struct imap_event *ev)
{
    (void)ev;
    if (token->type != IMAP_TOKEN_OPEN)
        return list_fail(r, "no namespace");
    return imap_response_go(r, IMAP_WANT_STRING, namespace_prefix);
}

/* The personal namespaces: NIL, or a list of which the first one counts. */
enum imap_step imap_namespace_begin(struct imap_response *r, const struct imap_token *token,
                                    struct imap_event *ev)
{
    buf_truncate(&r->kept, 0);
    r->list = (struct imap_list){0};
    if (imap_token_is_nil(token))
        return namespace_event(r, ev);
    if (token->type != IMAP_TOKEN_OPEN)
        return list_fail(r, "no namespace");
    return imap_response_go(r, IMAP_WANT_TOKEN, namespace_inner);
}

static enum imap_step id_end(struct imap_response *r, const struct imap_token *token,
                             struct imap_event *ev)
{
    (void)token;
    ev->type = IMAP_EV_ID;
    ev->text = imap_note_slice(&r->name);
    imap_response_line_done(r);
    return IMAP_STEP_EVENT;
}

/* Keys and values in turns; r->depth is 1 where a value is due. */
static enum imap_step id_string(struct imap_response *r, const struct imap_token *token,
                                struct imap_event *ev)
{
    (void)ev;
    if (token->type == IMAP_TOKEN_CLOSE)
        return imap_response_go(r, IMAP_WANT_LINE, id_end);
    if (!imap_token_is_word(token))
        return list_fail(r, "a bad string");
    if (r->depth && r->name_next && !imap_token_is_nil(token))
        imap_note_set(&r->name, IMAP_ID_MAX, token->text);
    r->name_next = !r->depth && slice_is_nocase(token->text, "name");
    r->depth = !r->depth;
    return IMAP_STEP_ON;
}

enum imap_step imap_id_begin(struct imap_response *r, const struct imap_token *token,
                             struct imap_event *ev)
{
    r->name.n = 0;
    r->name_next = false;
    r->depth = 0;
    if (token->type == IMAP_TOKEN_EOL)
        return id_end(r, token, ev);
    if (token->type != IMAP_TOKEN_OPEN)
        return imap_response_go(r, IMAP_WANT_LINE, id_end);
    return imap_response_go(r, IMAP_WANT_STRING, id_string);
}
