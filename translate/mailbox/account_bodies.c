/*
 * The octets of wanted contents as they come: into the store of bodies, the header's or the
 * whole's, announced or not, for the first time or once more; and what the state has to know of
 * them.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/mailbox/account_internal.h"

/* ---- octets ------------------------------------------------------------------------------ */

static struct account_action *keep(struct account *a, enum account_action_type type,
                                   const struct account_job *j)
{
    struct account_action *action = account_act(a, type);

    if (action) {
        action->content = j->content;
        action->part = j->part;
        action->durable = j->durable;
        action->announced = j->announced;
    }
    return action;
}

void body_abort(struct account *a, const struct account_job *j)
{
    keep(a, ACCOUNT_KEEP_ABORT, j);
}

/* As RFC822.SIZE says it too, which is the literal's size. */
static uint64_t announced_size(const struct account *a, const struct account_job *j)
{
    const struct box_content *c = box_state_content(a->state, j->content);
    bool believed = j->part == ACCOUNT_WHOLE && sizes_are_believed(a) && c && c->size == j->budget;

    return believed && j->budget > LARGE_BODY ? j->budget : 0;
}

static void body_begin(struct account *a, struct account_job *j)
{
    j->begun = true;
    j->durable = j->part == ACCOUNT_WHOLE && listing_keeps_durably(a);
    j->announced = announced_size(a, j);
    keep(a, ACCOUNT_KEEP_BEGIN, j);
    if (j->announced)
        jobs_tell_followers(a, j);
}

/* Its octets begin to come, perhaps for the second time. */
static void body_arrives(struct account *a, struct account_op *op, struct account_job *j)
{
    if (op->begun)
        return;
    op->begun = true;
    j->held = 0;
    octets_clear(&a->incoming->octets);
    header_begin(a);
    if (!j->begun)
        body_begin(a, j);
    else
        a->failed = a->failed || !prefix_repeat(&j->prefix);
}

static void body_differs(struct account *a, struct account_job *j)
{
    struct failure why;

    failure_set(&why, FAILURE_TEMPORARY,
                "the mail server sent other octets of the message than before, fetch it again");
    jobs_give_up(a, j, &why);
}

static void body_give(struct account *a, struct account_job *j, struct slice octets)
{
    if (octets.n == 0 || a->failed)
        return;
    if (j->announced && !prefix_give(&j->prefix, octets))
        a->failed = true;
    struct account_action *action = keep(a, ACCOUNT_KEEP_DATA, j);
    if (!action)
        return;
    action->octets = octets;
    j->octets += octets.n;
    j->line_over = octets.p[octets.n - 1] == '\n';
    a->jobs.gave = true;
}

/* ---- the line end that POP3 adds ---------------------------------------------------------- */

static const char line_end[] = {'\r', '\n'};

/* A message without a final line end gets one on its way, for the end mark stands on a line of its
 * own (RFC 1939 section 3), and servers that count what they store, as Dovecot, leave it out of
 * LIST. Where all that LIST said has come and ends no line, such a line end is held back: when
 * nothing follows it, it is not the message's. True when all of `octets` is held. */
static bool line_end_is_held(struct account_job *j, struct slice octets)
{
    if (j->octets != j->budget || j->line_over || j->held + octets.n > sizeof line_end ||
        memcmp(line_end + j->held, octets.p, octets.n) != 0)
        return false;
    j->held += (unsigned)octets.n;
    return true;
}

static void line_end_release(struct account *a, struct account_job *j)
{
    unsigned held = j->held;

    j->held = 0;
    body_give(a, j, slice_make(line_end, held));
}

/* Octets that are to come before what LIST said is there. */
static size_t body_missing(const struct account_job *j)
{
    if (j->part == ACCOUNT_HEADER)
        return SIZE_MAX;
    return j->octets < j->budget ? (size_t)(j->budget - j->octets) : 0;
}

static void body_give_lines(struct account *a, struct account_job *j, struct slice lines)
{
    body_give(a, j, slice_take(&lines, body_missing(j)));
    if (lines.n == 0 || line_end_is_held(j, lines))
        return;
    line_end_release(a, j);
    body_give(a, j, lines);
}

static void body_data(struct account *a, struct account_job *j, struct slice data)
{
    struct octets *o = &a->incoming->octets;
    struct slice lines = octets_lines(o, data);

    a->failed = a->failed || buf_failed(&o->out);
    size_t header = octets_of_header(o, lines);
    if (header_is_wanted(a, j->content))
        header_data(a, slice_make(lines.p, header));
    if (j->part == ACCOUNT_HEADER)
        lines.n = header;
    if (!prefix_compare(&j->prefix, &lines)) {
        body_differs(a, j);
        return;
    }
    body_give_lines(a, j, lines);
}

static void body_end(struct account *a, struct account_job *j)
{
    if (j->prefix.again) {
        body_differs(a, j);
        return;
    }
    if (j->held < sizeof line_end)
        line_end_release(a, j);
    j->held = 0;
    if (j->part == ACCOUNT_WHOLE)
        sizes_seen(a, j->octets == j->budget);
    keep(a, ACCOUNT_KEEP_END, j);
    header_learn(a, j->content);
    a->jobs.budget -= j->budget;
    j->budget = 0;
    jobs_move(a, j, JOB_ENDED);
}

static void body_refused(struct account *a, struct account_job *j,
                         const struct pop3_client_event *ev)
{
    j->refused = ev->unexplained || ev->failure.kind == FAILURE_PERMANENT;
    if (ev->verb == POP3_TOP && ev->unsupported)
        jobs_demote(a, j);
    else
        jobs_give_up(a, j, &ev->failure);
}

void body_event(struct account *a, struct account_op *op, const struct pop3_client_event *ev)
{
    struct account_job *j = op->job;

    if (!j)
        return;
    switch (ev->type) {
    case POP3_CLIENT_BODY_DATA:
        body_arrives(a, op, j);
        body_data(a, j, ev->text);
        break;
    case POP3_CLIENT_BODY_END:
        body_arrives(a, op, j);
        body_end(a, j);
        break;
    case POP3_CLIENT_DONE:
        op->job = NULL;
        j->op = NULL;
        if (!ev->ok)
            body_refused(a, j, ev);
        break;
    default:
        break;
    }
}

/* ---- kept -------------------------------------------------------------------------------- */

/* Bodies come in one after the other, so what was begun first is kept first. */
static struct account_job *body_begun(struct account *a, uint32_t content, enum account_part part)
{
    struct account_job *j = jobs_find(a, content, part);

    return j && (j->phase == JOB_ENDED || j->begun) ? j : NULL;
}

/* What the state must know of it before anybody is answered: RFC822.SIZE says what the literal
 * does. False when there is nothing. */
static bool body_teach(struct account *a, const struct account_job *j, char *key)
{
    const struct box_content *c = box_state_content(a->state, j->content);

    if (c && j->octets != c->size)
        account_log(a, LEVEL_INFO, "size-corrected",
                    "content %u has %llu octets, the mail server had said %llu", j->content,
                    (unsigned long long)j->octets, (unsigned long long)c->size);
    if (!key && (!c || j->octets == c->size))
        return false;
    facts_add(a, j->content, j->octets, key);
    return true;
}

void body_known(struct account *a, uint32_t content, const struct failure *why)
{
    struct account_job *j = jobs_find(a, content, ACCOUNT_WHOLE);

    if (j && j->kept)
        jobs_answer(a, j, why);
}

void account_kept(struct account *a, uint32_t content, enum account_part part, char *key,
                  const struct failure *why)
{
    struct account_job *j = body_begun(a, content, part);

    if (!j || why->kind != FAILURE_NONE || part != ACCOUNT_WHOLE)
        free(key);
    else
        j->kept = body_teach(a, j, key);
    if (j && !j->kept)
        jobs_answer(a, j, why);
    account_advance(a);
}
