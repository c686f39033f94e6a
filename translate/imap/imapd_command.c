/* See imapd_command.h. */
#include "translate/imap/imapd_command.h"

#include "translate/imap/imapd_arguments.h"

/* What stands behind a verb; nothing for those that have none here. */
static imapd_arguments *const arguments[IMAPD_VERBS] = {
    [IMAPD_APPEND] = imapd_take_append,
    [IMAPD_AUTHENTICATE] = imapd_take_authenticate,
    [IMAPD_COPY] = imapd_take_set_and_mailbox,
    [IMAPD_CREATE] = imapd_take_create,
    [IMAPD_DELETE] = imapd_take_name,
    [IMAPD_ENABLE] = imapd_take_enable,
    [IMAPD_EXAMINE] = imapd_take_select,
    [IMAPD_FETCH] = imapd_take_fetch,
    [IMAPD_ID] = imapd_take_id,
    [IMAPD_LIST] = imapd_take_list,
    [IMAPD_LOGIN] = imapd_take_login,
    [IMAPD_LSUB] = imapd_take_lsub,
    [IMAPD_MOVE] = imapd_take_set_and_mailbox,
    [IMAPD_RENAME] = imapd_take_rename,
    [IMAPD_SEARCH] = imapd_take_search,
    [IMAPD_SELECT] = imapd_take_select,
    [IMAPD_STATUS] = imapd_take_status,
    [IMAPD_STORE] = imapd_take_store,
    [IMAPD_SUBSCRIBE] = imapd_take_name,
    [IMAPD_UNSUBSCRIBE] = imapd_take_name,
};

void imapd_command_clear(struct imapd_command *cmd)
{
    imapd_arena_clear(&cmd->memory);
    *cmd = (struct imapd_command){0};
}

static bool take_tag(struct imapd_cursor *c, struct imapd_command *cmd)
{
    if (c->rest.n == 0)
        return imapd_fail(c, "an empty line is no command");
    if (!imapd_tag_take(&c->rest, &cmd->tag))
        return imapd_fail(c, "a tag was expected");
    return imapd_space(c);
}

/* An unknown verb is not shown: it may be a SASL response that came too late. */
static bool take_verb(struct imapd_cursor *c, struct imapd_command *cmd)
{
    struct slice word;

    if (!imapd_atom(c, "a command", &word))
        return false;
    cmd->uid = slice_is_nocase(word, "UID");
    if (cmd->uid && (!imapd_space(c) || !imapd_atom(c, "a command", &word)))
        return false;
    cmd->verb = imapd_verb_find(word);
    if (cmd->verb == IMAPD_UNKNOWN)
        return imapd_fail_unknown(c, "command", word);
    if (cmd->uid && !imapd_verb_has_uid(cmd->verb))
        return imapd_fail_at(c, word.p, "there is no UID %s", imapd_verb_name(cmd->verb));
    c->verb = imapd_verb_name(cmd->verb);
    c->quotes = !imapd_verb_is_secret(cmd->verb);
    return true;
}

static bool take_arguments(struct imapd_cursor *c, struct imapd_command *cmd)
{
    imapd_arguments *take = arguments[cmd->verb];

    /* RFC 4315 section 2.1: EXPUNGE has a set behind UID only. */
    if (cmd->verb == IMAPD_EXPUNGE && cmd->uid)
        take = imapd_take_expunge;
    return !take || (imapd_space(c) && take(c, cmd));
}

bool imapd_command_parse(struct imapd_command *cmd, struct slice text, bool utf8,
                         struct failure *why)
{
    struct imapd_cursor c = {.verb = "command", .utf8 = utf8, .memory = &cmd->memory, .why = why};

    *cmd = (struct imapd_command){0};
    c.rest = imapd_arena_copy(&cmd->memory, text);
    c.begin = c.rest.p;
    if (!c.rest.p)
        return imapd_fail_memory(&c);
    return take_tag(&c, cmd) && take_verb(&c, cmd) && take_arguments(&c, cmd) && imapd_end(&c);
}
