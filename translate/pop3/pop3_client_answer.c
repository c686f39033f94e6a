/*
 * What the server says, as events: status lines go to the login or to the oldest command that was
 * sent; lists and messages behind them are handed out as they come, nothing is gathered.
 */
#include "translate/pop3/pop3_client_state.h"

/* A server that sends nothing but line ends is none. */
enum { EMPTY_LINES_MAX = 64 };

/* The oldest command is answered: it is out of the queue, the next may leave, and DONE is the next
 * event. The caller of this says what the answer was. */
static struct pop3_client_event *finish(struct pop3_client *c)
{
    const struct pop3_client_command *command = pop3_client_queue_first(&c->queue);

    c->reading = POP3_READING_STATUS;
    c->done = (struct pop3_client_event){
        .type = POP3_CLIENT_DONE, .command = command->number, .verb = command->verb};
    pop3_client_queue_drop(&c->queue);
    pop3_client_send_waiting(c);
    return &c->done;
}

static void succeed(struct pop3_client *c)
{
    finish(c)->ok = true;
}

static void misunderstand(struct pop3_client *c, struct failure *why, struct slice line)
{
    enum { SHOWN_MAX = 80 };
    const struct pop3_client_command *command = pop3_client_queue_first(&c->queue);

    failure_set(why, FAILURE_TEMPORARY, "the server's answer to %s is not understood: %.*s",
                pop3_verb_name(command->verb), (int)(line.n < SHOWN_MAX ? line.n : SHOWN_MAX),
                line.p);
}

/* An event of the command under way. */
static void begin_event(struct pop3_client *c, struct pop3_client_event *ev,
                        enum pop3_client_event_type type)
{
    const struct pop3_client_command *command = pop3_client_queue_first(&c->queue);

    *ev = (struct pop3_client_event){.type = type,
                                     .command = command->number,
                                     .verb = command->verb,
                                     .number = command->message};
}

/* ---- lists */

/* "1 200" or "1 whqtswO00WBw418f9t5JxYwZ". False when it is not that, or not the message asked
 * for. */
static bool take_entry(struct pop3_client *c, struct slice text, struct pop3_client_event *ev)
{
    uint32_t asked = pop3_client_queue_first(&c->queue)->message;

    begin_event(c, ev, POP3_CLIENT_LISTING);
    bool understood = ev->verb == POP3_UIDL
                          ? pop3_response_uidl(text, &ev->number, &ev->text)
                          : pop3_response_sizes(text, &ev->number, &ev->size) && ev->number > 0;
    return understood && (asked == 0 || asked == ev->number);
}

/* The list is complete. One of which a line was not understood is worth nothing: a message would
 * seem to be gone (CASES D12). */
static void end_list(struct pop3_client *c)
{
    struct pop3_client_event *done = finish(c);

    done->ok = c->bad_list.kind == FAILURE_NONE;
    done->failure = c->bad_list;
    c->bad_list = (struct failure){.kind = FAILURE_NONE};
}

static enum pop3_client_took take_list_line(struct pop3_client *c, struct slice line,
                                            struct pop3_client_event *ev)
{
    struct slice text = slice_trim(line);

    if (slice_is(text, ".")) {
        end_list(c);
        return POP3_CLIENT_TOOK;
    }
    if (text.n == 0)
        return POP3_CLIENT_TOOK;
    if (take_entry(c, text, ev))
        return POP3_CLIENT_EVENT;
    misunderstand(c, &c->bad_list, text);
    return POP3_CLIENT_TOOK;
}

/* LIST and UIDL of one message: the entry stands in the status line. */
static enum pop3_client_took take_single_entry(struct pop3_client *c, struct slice text,
                                               struct pop3_client_event *ev)
{
    if (!take_entry(c, text, ev)) {
        struct failure why;
        misunderstand(c, &why, text);
        finish(c)->failure = why;
        return POP3_CLIENT_TOOK;
    }
    succeed(c);
    return POP3_CLIENT_EVENT;
}

static void take_stat(struct pop3_client *c, struct slice text)
{
    struct failure why;
    uint32_t number;
    uint64_t size;

    if (!pop3_response_sizes(text, &number, &size)) {
        misunderstand(c, &why, text);
        finish(c)->failure = why;
        return;
    }
    struct pop3_client_event *done = finish(c);
    done->ok = true;
    done->number = number;
    done->size = size;
}

/* ---- +OK and -ERR */

static enum pop3_support *support_of(struct pop3_client *c, enum pop3_verb verb)
{
    if (verb == POP3_TOP)
        return &c->capabilities.top;
    return verb == POP3_UIDL ? &c->capabilities.uidl : NULL;
}

/* A TOP or UIDL that works is there, announced or not. */
static void learn_support(struct pop3_client *c, enum pop3_verb verb)
{
    enum pop3_support *support = support_of(c, verb);

    if (support)
        *support = POP3_SUPPORT_YES;
}

/*
 * True when the -ERR means that the server has no such command. Where the words do not say it, a
 * command that was neither announced nor ever worked is not there, unless the words are about the
 * message or the code about something else; and so is a UIDL of all that is refused without a word.
 * That of one message may be missing where that of all is there.
 */
static bool learn_refusal(struct pop3_client *c, const struct pop3_client_command *command,
                          const struct pop3_response *r)
{
    enum pop3_support *support = support_of(c, command->verb);
    struct failure meaning;

    if (!support)
        return pop3_response_is_unsupported(r);
    pop3_response_failure(&meaning, r, FAILURE_NONE);
    bool silent = command->message == 0 && r->text.n == 0;
    bool unsupported = pop3_response_is_unsupported(r) ||
                       (meaning.kind == FAILURE_NONE &&
                        (silent || (*support != POP3_SUPPORT_YES &&
                                    !(command->message && pop3_response_is_about_message(r)))));
    if (unsupported && !(command->verb == POP3_UIDL && command->message))
        *support = POP3_SUPPORT_NO;
    return unsupported;
}

static void take_refusal(struct pop3_client *c, const struct pop3_response *r)
{
    bool unsupported = learn_refusal(c, pop3_client_queue_first(&c->queue), r);
    struct pop3_client_event *done = finish(c);

    done->unsupported = unsupported;
    pop3_response_failure(&done->failure, r, FAILURE_NONE);
    done->unexplained = done->failure.kind == FAILURE_NONE;
    if (done->unexplained)
        done->failure.kind = FAILURE_TEMPORARY;
    if (done->verb == POP3_QUIT)
        c->quit = POP3_QUIT_REFUSED;
}

static enum pop3_client_took take_success(struct pop3_client *c, const struct pop3_response *r,
                                          struct pop3_client_event *ev)
{
    const struct pop3_client_command *command = pop3_client_queue_first(&c->queue);

    learn_support(c, command->verb);
    switch (command->verb) {
    case POP3_RETR:
    case POP3_TOP:
        pop3_unstuff_init(&c->unstuff, c->reader.bare_lf);
        c->reading = POP3_READING_BODY;
        return POP3_CLIENT_TOOK;
    case POP3_LIST:
    case POP3_UIDL:
        if (command->message)
            return take_single_entry(c, r->text, ev);
        c->reading = POP3_READING_LIST;
        return POP3_CLIENT_TOOK;
    case POP3_STAT:
        take_stat(c, r->text);
        return POP3_CLIENT_TOOK;
    case POP3_QUIT:
        c->quit = POP3_QUIT_CONFIRMED;
        break;
    default:
        break;
    }
    succeed(c);
    return POP3_CLIENT_TOOK;
}

/* Nothing was asked: an -ERR is how some servers say that they will close, anything else is none of
 * ours (CASES I4). */
static void take_unasked(struct pop3_client *c, const struct pop3_response *r)
{
    struct failure why;

    if (r->status == POP3_STATUS_ERR) {
        pop3_response_failure(&why, r, FAILURE_TEMPORARY);
        pop3_client_fail(c, &why);
    } else {
        pop3_client_fail_text(c, FAILURE_TEMPORARY,
                              "the server answered a command that was not sent");
    }
}

static enum pop3_client_took take_status(struct pop3_client *c, const struct pop3_response *r,
                                         struct pop3_client_event *ev)
{
    if (c->step != POP3_STEP_READY)
        pop3_client_login_take(c, r);
    else if (!pop3_client_queue_first(&c->queue) || r->status == POP3_STATUS_CONTINUE)
        take_unasked(c, r);
    else if (r->status == POP3_STATUS_ERR)
        take_refusal(c, r);
    else
        return take_success(c, r, ev);
    return POP3_CLIENT_TOOK;
}

/* ---- lines */

/* Only the greeting's words are shown: later ones may be a piece of a message. */
static void not_pop3(struct pop3_client *c, struct slice line)
{
    enum { SHOWN_MAX = 80 };
    struct failure why;

    if (c->step == POP3_STEP_GREETING)
        failure_set(&why, FAILURE_PERMANENT,
                    "this is not the greeting of a POP3 server, check host and port: %.*s",
                    (int)(line.n < SHOWN_MAX ? line.n : SHOWN_MAX), line.p);
    else
        failure_set(&why, FAILURE_TEMPORARY,
                    "the server sent a line where +OK or -ERR has to stand, perhaps the rest of a "
                    "message whose lines it does not mark as POP3 demands");
    pop3_client_fail(c, &why);
}

static enum pop3_client_took take_status_line(struct pop3_client *c, struct slice line,
                                              struct pop3_client_event *ev)
{
    struct pop3_response response;

    if (slice_trim(line).n == 0) {
        if (++c->empty_lines > EMPTY_LINES_MAX)
            pop3_client_fail_text(c, FAILURE_TEMPORARY, "the server sends nothing but empty lines");
        return POP3_CLIENT_TOOK;
    }
    c->empty_lines = 0;
    if (pop3_response_parse(&response, line))
        return take_status(c, &response, ev);
    not_pop3(c, line);
    return POP3_CLIENT_TOOK;
}

/* Nothing of a SASL challenge is shown. */
static void trace_line(const struct pop3_client *c, struct slice line)
{
    bool challenge = line.n > 1 && line.p[0] == '+' && line.p[1] == ' ';

    trace_says(&c->options.trace, challenge ? slice_make(line.p, 1) : line);
}

static enum pop3_client_took take_whole_line(struct pop3_client *c, struct slice line,
                                             struct pop3_client_event *ev)
{
    trace_line(c, line);
    if (c->reading == POP3_READING_LIST)
        return take_list_line(c, line, ev);
    if (c->reading == POP3_READING_STATUS)
        return take_status_line(c, line, ev);
    if (!slice_is(slice_trim(line), ".")) {
        pop3_client_capability_take(&c->listed, line);
        return POP3_CLIENT_TOOK;
    }
    c->reading = POP3_READING_STATUS;
    pop3_client_login_capabilities(c);
    return POP3_CLIENT_TOOK;
}

enum pop3_client_took pop3_client_take_line(struct pop3_client *c, struct slice *in,
                                            struct pop3_client_event *ev)
{
    struct failure why;
    struct slice line;

    switch (pop3_reader_next(&c->reader, in, POP3_CLIENT_LINE_MAX, &line)) {
    case POP3_LINE:
        return take_whole_line(c, line, ev);
    case POP3_LINE_TOO_LONG:
        failure_set(&why, FAILURE_TEMPORARY, "the server sent a line of more than %d octets",
                    POP3_CLIENT_LINE_MAX);
        pop3_client_fail(c, &why);
        return POP3_CLIENT_TOOK;
    case POP3_LINE_MORE:
        break;
    }
    /* Missing memory is noticed before more is read. */
    return pop3_reader_failed(&c->reader) ? POP3_CLIENT_TOOK : POP3_CLIENT_WANTS_MORE;
}

/* ---- messages */

enum pop3_client_took pop3_client_take_body(struct pop3_client *c, struct slice *in,
                                            struct pop3_client_event *ev)
{
    struct slice data;

    switch (pop3_unstuff_next(&c->unstuff, in, &data)) {
    case POP3_UNSTUFF_MORE:
        break;
    case POP3_UNSTUFF_DATA:
        begin_event(c, ev, POP3_CLIENT_BODY_DATA);
        ev->text = data;
        return POP3_CLIENT_EVENT;
    case POP3_UNSTUFF_END:
        begin_event(c, ev, POP3_CLIENT_BODY_END);
        succeed(c);
        return POP3_CLIENT_EVENT;
    }
    return POP3_CLIENT_WANTS_MORE;
}
