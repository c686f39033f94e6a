/*
 * LIST (RFC 3501 section 6.3.8; RFC 5258), LSUB and STATUS.
 */
#include "translate/imap/imapd_arguments.h"

struct option {
    const char *name;
    unsigned bit;
};

/* The bit of an option; 0 when it is none of the `count`. */
static unsigned find_option(const struct option *options, size_t count, struct slice word)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is_nocase(word, options[i].name))
            return options[i].bit;
    return 0;
}

static bool take_status_items(struct imapd_cursor *c, unsigned *items)
{
    static const struct option options[] = {
        {"MESSAGES", IMAPD_STATUS_MESSAGES},
        {"RECENT", IMAPD_STATUS_RECENT},
        {"UIDNEXT", IMAPD_STATUS_UIDNEXT},
        {"UIDVALIDITY", IMAPD_STATUS_UIDVALIDITY},
        {"UNSEEN", IMAPD_STATUS_UNSEEN},
        {"DELETED", IMAPD_STATUS_DELETED},
        {"SIZE", IMAPD_STATUS_SIZE},
        {"HIGHESTMODSEQ", IMAPD_STATUS_HIGHESTMODSEQ},
        {"APPENDLIMIT", IMAPD_STATUS_APPENDLIMIT},
    };
    struct slice word;

    if (!imapd_open(c, "status items"))
        return false;
    do {
        if (!imapd_atom(c, "a status item", &word))
            return false;
        unsigned bit = find_option(options, sizeof options / sizeof *options, word);
        if (!bit)
            return imapd_fail_unknown(c, "status item", word);
        *items |= bit;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "status items");
}

bool imapd_take_status(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_mailbox(c, &cmd->mailbox) && imapd_space(c) && take_status_items(c, &cmd->status);
}

static bool take_selection_option(struct imapd_cursor *c, struct imapd_list *list)
{
    static const struct option options[] = {
        {"SUBSCRIBED", IMAPD_LIST_SUBSCRIBED},
        {"REMOTE", IMAPD_LIST_REMOTE},
        {"RECURSIVEMATCH", IMAPD_LIST_RECURSIVEMATCH},
        {"SPECIAL-USE", IMAPD_LIST_SPECIAL_USE},
    };
    struct slice word;

    if (!imapd_atom(c, "a selection option", &word))
        return false;
    unsigned bit = find_option(options, sizeof options / sizeof *options, word);
    list->select |= bit;
    return bit || imapd_fail_unknown(c, "selection option", word);
}

/* The parenthesis is taken. */
static bool take_selection(struct imapd_cursor *c, struct imapd_list *list)
{
    const char *at = c->rest.p;

    list->extended = true;
    if (imapd_maybe(c, ')'))
        return imapd_space(c);
    do {
        if (!take_selection_option(c, list))
            return false;
    } while (imapd_maybe(c, ' '));
    if ((list->select & IMAPD_LIST_RECURSIVEMATCH) &&
        !(list->select & (IMAPD_LIST_SUBSCRIBED | IMAPD_LIST_SPECIAL_USE)))
        return imapd_fail_at(c, at, "RECURSIVEMATCH needs another selection beside it");
    return imapd_close(c, "selection options") && imapd_space(c);
}

static bool take_return_option(struct imapd_cursor *c, struct imapd_list *list)
{
    static const struct option options[] = {
        {"SUBSCRIBED", IMAPD_LIST_SUBSCRIBED},
        {"SPECIAL-USE", IMAPD_LIST_SPECIAL_USE},
        {"CHILDREN", IMAPD_LIST_CHILDREN},
        {"STATUS", IMAPD_LIST_STATUS},
    };
    struct slice word;

    if (!imapd_atom(c, "a return option", &word))
        return false;
    unsigned bit = find_option(options, sizeof options / sizeof *options, word);
    list->returns |= bit;
    if (bit == IMAPD_LIST_STATUS)
        return imapd_space(c) && take_status_items(c, &list->status);
    return bit || imapd_fail_unknown(c, "return option", word);
}

/* What follows " RETURN". */
static bool take_returns(struct imapd_cursor *c, struct imapd_list *list)
{
    list->extended = true;
    if (!imapd_space(c) || !imapd_open(c, "return options"))
        return false;
    if (imapd_maybe(c, ')'))
        return true;
    do {
        if (!take_return_option(c, list))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "return options");
}

static bool take_pattern(struct imapd_cursor *c, struct imapd_list *list)
{
    struct slice pattern;

    return imapd_pattern(c, &pattern) && imapd_words_add(c, &list->patterns, pattern);
}

static bool take_patterns(struct imapd_cursor *c, struct imapd_list *list)
{
    if (!imapd_maybe(c, '('))
        return take_pattern(c, list);
    list->extended = true;
    do {
        if (!take_pattern(c, list))
            return false;
    } while (imapd_maybe(c, ' '));
    return imapd_close(c, "patterns");
}

bool imapd_take_lsub(struct imapd_cursor *c, struct imapd_command *cmd)
{
    return imapd_reference(c, &cmd->list.reference) && imapd_space(c) &&
           take_pattern(c, &cmd->list);
}

bool imapd_take_list(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct imapd_list *list = &cmd->list;

    if (imapd_maybe(c, '(') && !take_selection(c, list))
        return false;
    if (!imapd_reference(c, &list->reference) || !imapd_space(c) || !take_patterns(c, list))
        return false;
    return !imapd_maybe_word(c, " RETURN") || take_returns(c, list);
}
