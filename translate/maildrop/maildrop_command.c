/*
 * The verbs: what each needs, as data, and the handlers of those that need no room of their own.
 */
#include <stdlib.h>

#include "translate/maildrop/maildrop_internal.h"

enum need {
    IN_AUTHORIZATION = 1,
    IN_TRANSACTION = 2,
    ANYWHERE = IN_AUTHORIZATION | IN_TRANSACTION,
    WITH_LIST = 4,                 /* waits until it is known which messages there are */
    WITH_MESSAGES = WITH_LIST | 8, /* looks at them one by one, not only at how many they are */
};

struct verb {
    enum pop3_verb verb;
    unsigned needs;
    void (*run)(struct maildrop *m, const struct pop3_command *cmd);
};

static void run_capa(struct maildrop *m, const struct pop3_command *cmd)
{
    struct pop3_capabilities caps;

    (void)cmd;
    auth_capabilities(m, &caps);
    pop3_put_capabilities(&m->client_out, &caps);
}

static void run_noop(struct maildrop *m, const struct pop3_command *cmd)
{
    (void)cmd;
    pop3_ok(&m->client_out, "nothing done");
}

static void run_lang(struct maildrop *m, const struct pop3_command *cmd)
{
    pop3_put_lang(&m->client_out, cmd->text);
}

/* RFC 6856 section 2.1: native UTF-8 from the upstream is asked for at login. */
static void run_utf8(struct maildrop *m, const struct pop3_command *cmd)
{
    (void)cmd;
    m->utf8 = true;
    pop3_ok(&m->client_out, "UTF8 enabled");
}

static void run_quit(struct maildrop *m, const struct pop3_command *cmd)
{
    (void)cmd;
    if (m->phase == PHASE_TRANSACTION) {
        update_start(m);
        return;
    }
    pop3_ok(&m->client_out, "bye");
    maildrop_end(m, "quit");
}

static const struct verb verbs[] = {
    {POP3_APOP, IN_AUTHORIZATION, auth_apop},
    {POP3_AUTH, IN_AUTHORIZATION, auth_auth},
    {POP3_CAPA, ANYWHERE, run_capa},
    {POP3_DELE, IN_TRANSACTION | WITH_MESSAGES, list_dele},
    {POP3_LANG, ANYWHERE, run_lang},
    {POP3_LAST, IN_TRANSACTION | WITH_LIST, list_last},
    {POP3_LIST, IN_TRANSACTION | WITH_MESSAGES, list_list},
    {POP3_NOOP, IN_TRANSACTION, run_noop},
    {POP3_PASS, IN_AUTHORIZATION, auth_pass},
    {POP3_QUIT, ANYWHERE, run_quit},
    {POP3_RETR, IN_TRANSACTION | WITH_MESSAGES, retr_retr},
    {POP3_RSET, IN_TRANSACTION | WITH_MESSAGES, list_rset},
    {POP3_STAT, IN_TRANSACTION | WITH_LIST, list_stat},
    {POP3_STLS, IN_AUTHORIZATION, auth_stls},
    {POP3_TOP, IN_TRANSACTION | WITH_MESSAGES, retr_top},
    {POP3_UIDL, IN_TRANSACTION | WITH_MESSAGES, list_list},
    {POP3_USER, IN_AUTHORIZATION, auth_user},
    {POP3_UTF8, IN_AUTHORIZATION, run_utf8},
};

static const struct verb *verb_find(enum pop3_verb verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (verbs[i].verb == verb)
            return &verbs[i];
    return NULL;
}

void command_mistake(struct maildrop *m)
{
    if (++m->errors < m->settings.errors)
        return;
    pop3_err(&m->client_out, "too many errors, nothing was deleted");
    maildrop_log(m, MAILDROP_WARNING, "too-many-errors", "%u bad commands", m->errors);
    maildrop_end(m, "too many errors");
}

void command_fail(struct maildrop *m, const struct failure *why)
{
    pop3_err_failure(&m->client_out, why);
}

static void command_wait_for_list(struct maildrop *m, const struct pop3_command *cmd)
{
    m->busy = BUSY_LIST;
    m->pending = *cmd;
    m->pending.word = m->pending.text = m->pending.initial = slice_make("", 0);
}

void command_run(struct maildrop *m, const struct pop3_command *cmd)
{
    const struct verb *verb = verb_find(cmd->verb);
    unsigned here = m->phase == PHASE_AUTHORIZATION ? IN_AUTHORIZATION : IN_TRANSACTION;

    if (!verb) {
        /* Not repeated: it may be an answer to AUTH that was refused, and hold a password. */
        pop3_err(&m->client_out, "unknown command; CAPA tells what is known");
        command_mistake(m);
    } else if (!(verb->needs & here)) {
        pop3_err(&m->client_out,
                 here == IN_AUTHORIZATION ? "%s only after login" : "%s only before login",
                 pop3_verb_name(cmd->verb));
        command_mistake(m);
    } else if ((verb->needs & WITH_LIST) && !m->list.ready) {
        command_wait_for_list(m, cmd);
    } else {
        if ((verb->needs & WITH_MESSAGES) == WITH_MESSAGES)
            list_fill(m);
        verb->run(m, cmd);
    }
}

static void command_show(struct maildrop *m, struct slice line)
{
    struct slice shown = m->in_sasl ? slice_of("(an answer to AUTH)") : pop3_command_shown(line);

    maildrop_log(m, MAILDROP_DEBUG, "client-says", "%.*s", SLICE_ARG(shown));
}

void command_line(struct maildrop *m, struct slice line)
{
    struct pop3_command cmd;
    struct failure why;

    if (m->settings.debug)
        command_show(m, line);
    if (m->in_sasl) {
        auth_sasl_line(m, line);
    } else if (!pop3_command_parse(&cmd, line, &why)) {
        pop3_err(&m->client_out, "%s", why.text);
        command_mistake(m);
    } else {
        command_run(m, &cmd);
    }
}
