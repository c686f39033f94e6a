/*
 * Commands: which handler a verb has and what must be true before it is called, the messages of
 * APPEND on their way, and the tagged response at the end.
 *
 * Before that response the client is told what changed in the selected folder; expunged messages
 * only where RFC 9051 section 7.5.1 permits it: numbers must not shift while a FETCH, STORE or
 * SEARCH by number is being answered.
 */
#include <stdio.h>
#include <string.h>

#include "translate/mailbox/mailbox_internal.h"

enum {
    NEEDS_WRITE = 1,    /* the folder was not opened by EXAMINE */
    NEEDS_FOLDER = 2,   /* the selected folder was not deleted meanwhile */
    NAMES_MESSAGES = 4, /* its set must be in the folder when it is of numbers */
    BY_NUMBER = 8,      /* no EXPUNGE while it is answered, but for its UID form */
    KNOWS_NOTHING = 16, /* it may last for hours, and has no use for a struct work */
};

static const struct verb {
    void (*run)(struct mailbox *m);
    unsigned traits;
} verbs[IMAPD_VERBS] = {
    [IMAPD_AUTHENTICATE] = {mailbox_run_authenticate, 0},
    [IMAPD_CAPABILITY] = {mailbox_run_capability, 0},
    [IMAPD_CHECK] = {mailbox_run_check, 0},
    [IMAPD_CLOSE] = {mailbox_run_close, 0},
    [IMAPD_COPY] = {mailbox_run_copy, NEEDS_FOLDER | NAMES_MESSAGES},
    [IMAPD_CREATE] = {mailbox_run_create, 0},
    [IMAPD_DELETE] = {mailbox_run_delete, 0},
    [IMAPD_ENABLE] = {mailbox_run_enable, 0},
    [IMAPD_EXAMINE] = {mailbox_run_select, 0},
    [IMAPD_EXPUNGE] = {mailbox_run_expunge, NEEDS_FOLDER | NEEDS_WRITE},
    [IMAPD_FETCH] = {mailbox_run_fetch, NEEDS_FOLDER | NAMES_MESSAGES | BY_NUMBER},
    [IMAPD_ID] = {mailbox_run_id, 0},
    [IMAPD_IDLE] = {mailbox_run_idle, KNOWS_NOTHING},
    [IMAPD_LIST] = {mailbox_run_list, 0},
    [IMAPD_LOGIN] = {mailbox_run_login, 0},
    [IMAPD_LOGOUT] = {mailbox_run_logout, 0},
    [IMAPD_LSUB] = {mailbox_run_lsub, 0},
    [IMAPD_MOVE] = {mailbox_run_copy, NEEDS_FOLDER | NEEDS_WRITE | NAMES_MESSAGES},
    [IMAPD_NAMESPACE] = {mailbox_run_namespace, 0},
    [IMAPD_NOOP] = {mailbox_run_noop, 0},
    [IMAPD_RENAME] = {mailbox_run_rename, 0},
    [IMAPD_SEARCH] = {mailbox_run_search, NEEDS_FOLDER | BY_NUMBER},
    [IMAPD_SELECT] = {mailbox_run_select, 0},
    [IMAPD_STARTTLS] = {mailbox_run_starttls, 0},
    [IMAPD_STATUS] = {mailbox_run_status, 0},
    [IMAPD_STORE] = {mailbox_run_store, NEEDS_FOLDER | NEEDS_WRITE | NAMES_MESSAGES | BY_NUMBER},
    [IMAPD_SUBSCRIBE] = {mailbox_run_subscribe, 0},
    [IMAPD_UNSELECT] = {mailbox_run_unselect, 0},
    [IMAPD_UNSUBSCRIBE] = {mailbox_run_subscribe, 0},
};

/* ---- the end of a command --------------------------------------------------------------- */

void mailbox_catch_up(struct mailbox *m)
{
    bool by_number = m->commanded && !m->command.uid && (verbs[m->command.verb].traits & BY_NUMBER);
    struct mailbox_tell tell = {
        .expunge = m->commanded && !by_number,
        .uid = m->rev2 || (m->commanded && m->command.uid), /* RFC 9051 section 7.5.2 */
        .modseq = m->condstore,
    };

    if (m->phase != PHASE_AUTHENTICATED)
        return;
    if (!mailbox_view_sync(&m->view, mailbox_state(m), &tell, &m->client_out))
        m->failed = true;
    mailbox_tell_notice(m);
}

static void command_over(struct mailbox *m)
{
    mailbox_work_end(m); /* it borrows from the command */
    imapd_command_clear(&m->command);
    m->commanded = false;
    if (m->busy == BUSY_IDLE && !m->view.folder)
        account_watch(&m->account, false);
    m->busy = BUSY_NONE;
    if (m->phase == PHASE_AUTHENTICATED)
        m->client_since = m->now_ms;
    if (m->client_gone)
        mailbox_end(m, "client closed");
    else if (m->revoked)
        mailbox_bye_revoked(m);
    else if (m->draining)
        mailbox_bye(m, "UNAVAILABLE", "mailferry is being stopped", "shutdown");
}

void mailbox_finish(struct mailbox *m, enum imapd_status status, const char *code, const char *text)
{
    mailbox_catch_up(m);
    imapd_put_status(&m->client_out, m->command.tag, status, code, slice_of(text), mailbox_utf8(m));
    command_over(m);
}

void mailbox_ok(struct mailbox *m)
{
    char text[64];

    snprintf(text, sizeof text, "%s%s done", m->command.uid ? "UID " : "",
             imapd_verb_name(m->command.verb));
    mailbox_finish(m, IMAPD_OK, NULL, text);
}

void mailbox_no(struct mailbox *m, const char *code, const char *text)
{
    mailbox_finish(m, IMAPD_NO, code, text);
}

void mailbox_fail(struct mailbox *m, const struct failure *why)
{
    mailbox_finish(m, IMAPD_NO, imapd_failure_code(why->kind), why->text);
}

void mailbox_no_memory(struct mailbox *m)
{
    m->failed = true;
    mailbox_no(m, "UNAVAILABLE", "Out of memory");
}

static void count_mistake(struct mailbox *m)
{
    if (++m->errors < m->settings.errors || m->phase == PHASE_ENDED)
        return;
    mailbox_log(m, LEVEL_WARNING, "too-many-errors", "%u bad commands", m->errors);
    mailbox_bye(m, NULL, "Too many bad commands", "too many errors");
}

void mailbox_bad(struct mailbox *m, const char *text)
{
    mailbox_finish(m, IMAPD_BAD, NULL, text);
    count_mistake(m);
}

/* ---- its beginning ---------------------------------------------------------------------- */

static unsigned session_state(const struct mailbox *m)
{
    if (m->phase == PHASE_NOT_AUTHENTICATED)
        return IMAPD_STATE_NOT_AUTHENTICATED;
    return m->view.folder ? IMAPD_STATE_SELECTED : IMAPD_STATE_AUTHENTICATED;
}

/* Why the verb may not be used now. */
static const char *wrong_state(const struct mailbox *m)
{
    unsigned states = imapd_verb_states(m->command.verb);

    if (states & session_state(m))
        return NULL;
    if (m->phase == PHASE_NOT_AUTHENTICATED)
        return "Log in first";
    return states == IMAPD_STATE_SELECTED ? "No mailbox is selected" : "You are logged in already";
}

/* RFC 9051 section 9, seq-number: one beyond the mailbox is an error, and so is "*" in an empty
 * one. */
static bool names_too_much(const struct mailbox *m)
{
    const struct imapd_set *set = &m->command.set;

    if (m->command.uid || set->saved)
        return false;
    return imapd_set_highest(set) > m->view.count || (set->star && m->view.count == 0);
}

static void command_run(struct mailbox *m)
{
    const struct verb *verb = &verbs[m->command.verb];
    const char *wrong = wrong_state(m);
    const char *forbidden = mailbox_forbids(m);

    if (wrong)
        mailbox_bad(m, wrong);
    else if (forbidden)
        mailbox_no(m, "NOPERM", forbidden);
    else if ((verb->traits & NEEDS_WRITE) && m->view.read_only)
        mailbox_no(m, "READ-ONLY", "The mailbox was opened by EXAMINE");
    else if ((verb->traits & NEEDS_FOLDER) && !mailbox_view_folder(&m->view, mailbox_state(m)))
        mailbox_no(m, "NONEXISTENT", "The mailbox was deleted");
    else if ((verb->traits & NAMES_MESSAGES) && names_too_much(m))
        /* Not counted: an idle client may say "1:*" of an empty mailbox each minute. */
        mailbox_finish(m, IMAPD_BAD, NULL, "There is no message of that number");
    else if (!(verb->traits & KNOWS_NOTHING) && !mailbox_work_begin(m))
        mailbox_no_memory(m);
    else
        verb->run(m);
}

void mailbox_run_again(struct mailbox *m)
{
    m->busy = BUSY_NONE;
    verbs[m->command.verb].run(m);
}

static bool command_take(struct mailbox *m, struct slice text)
{
    struct failure why = {.kind = FAILURE_NONE};

    m->commanded = true;
    if (imapd_command_parse(&m->command, text, mailbox_utf8(m), &why))
        return true;
    imapd_put_bad(&m->client_out, m->command.tag, &why, mailbox_utf8(m));
    command_over(m);
    count_mistake(m);
    return false;
}

static void command_refused(struct mailbox *m, const struct imapd_read_event *ev)
{
    bool under_way = m->commanded;

    mailbox_sasl_abort(m);
    mailbox_append_abort(m);
    if (under_way)
        imapd_put_status(&m->client_out, m->command.tag, ev->status, ev->code,
                         slice_of(ev->sentence), false);
    else
        imapd_put_status(&m->client_out, ev->tag, ev->status, ev->code, slice_of(ev->sentence),
                         false);
    command_over(m);
    count_mistake(m);
}

/* An APPEND up to its message, of which nothing was sent yet if the client waits to be asked. */
static void command_append(struct mailbox *m, struct slice text)
{
    if (command_take(m, text)) {
        const char *wrong = wrong_state(m);
        const char *forbidden = mailbox_forbids(m);
        m->summary.commands++;
        if (wrong)
            mailbox_bad(m, wrong);
        else if (forbidden)
            mailbox_no(m, "NOPERM", forbidden);
        else if (!mailbox_work_begin(m))
            mailbox_no_memory(m);
        else
            mailbox_append_begin(m);
    }
    if (m->busy != BUSY_APPEND)
        imapd_reader_refuse(&m->reader, m->limits);
}

/* What is beyond a limit is not shown at all, and of a raw line only IDLE's DONE. */
static void command_show(struct mailbox *m, enum imapd_read got, const struct imapd_read_event *ev)
{
    struct slice shown = slice_of("(not understood)");

    if (got == IMAPD_READ_COMMAND || got == IMAPD_READ_APPEND)
        shown = imapd_command_shown(ev->text);
    else if (got == IMAPD_READ_LINE && m->in_sasl)
        shown = slice_of("(an answer to AUTHENTICATE)");
    else if (got == IMAPD_READ_LINE && slice_is_nocase(ev->text, "DONE"))
        shown = ev->text;
    else if (got != IMAPD_READ_LINE && got != IMAPD_READ_REFUSED)
        return;
    mailbox_log(m, LEVEL_DEBUG, "client-says", "%.*s", SLICE_ARG(shown));
}

void mailbox_command_event(struct mailbox *m, enum imapd_read got,
                           const struct imapd_read_event *ev)
{
    if (m->settings.debug)
        command_show(m, got, ev);
    switch (got) {
    case IMAPD_READ_MORE:
        break;
    case IMAPD_READ_COMMAND:
        if (command_take(m, ev->text)) {
            m->summary.commands++;
            command_run(m);
        }
        break;
    case IMAPD_READ_LINE:
        if (m->in_sasl)
            mailbox_sasl_line(m, ev->text);
        else
            mailbox_idle_line(m, ev->text);
        break;
    case IMAPD_READ_CONTINUE:
        buf_puts(&m->client_out, "+ OK\r\n");
        break;
    case IMAPD_READ_APPEND:
        command_append(m, ev->text);
        break;
    case IMAPD_READ_DATA:
        mailbox_append_data(m, ev->text);
        break;
    case IMAPD_READ_APPEND_END:
        mailbox_append_end(m);
        break;
    case IMAPD_READ_REFUSED:
        command_refused(m, ev);
        break;
    case IMAPD_READ_CLOSE:
        mailbox_bye(m, NULL, "Too much to pass over", "too many errors");
        break;
    }
}
