/*
 * One small function for each state. Lines are gathered by one function, whatever they belong to;
 * what their end means depends on the state and on the literal they announce.
 */
#include "translate/imap/imapd_reader.h"

#include <assert.h>
#include <string.h>

/* Between the states: go on with the state now set. Never seen outside. */
enum { AGAIN = IMAPD_READ_CLOSE + 1 };

enum gathered { GATHERED_MORE, GATHERED_LINE, GATHERED_TOO_LONG };

const struct imapd_limits imapd_limits_before_login = {
    .line = 16384,
    .command = 32768,
    .literals = 10,
    .literal[IMAPD_UNKNOWN] = 8192,
    .nonsync = UINT64_MAX,
    .skip = 1048576,
};

const struct imapd_limits imapd_limits_behind_login = {
    .line = 65536,
    .command = 131072,
    .literals = 1000,
    .literal[IMAPD_UNKNOWN] = 65536,
    .literal[IMAPD_APPEND] = UINT64_MAX,
    .nonsync = UINT64_MAX,
    .skip = 1073741824,
};

void imapd_reader_clear(struct imapd_reader *r)
{
    buf_wipe(&r->held);
    buf_clear(&r->tag);
    *r = (struct imapd_reader){0};
}

bool imapd_reader_failed(const struct imapd_reader *r)
{
    return buf_failed(&r->held) || buf_failed(&r->tag);
}

bool imapd_reader_partial(const struct imapd_reader *r)
{
    return r->state != IMAPD_READER_LINE || (!r->handed_out && buf_size(&r->held) > 0);
}

/* Wipes what is held; the next line begins. */
static void drop_held(struct imapd_reader *r)
{
    buf_wipe(&r->held);
    r->handed_out = false;
    r->line_start = 0;
}

static int go(struct imapd_reader *r, enum imapd_reader_state state)
{
    r->state = state;
    return AGAIN;
}

static void hold(struct imapd_reader *r, struct slice piece)
{
    r->held.secret = true;
    buf_put(&r->held, piece);
}

/* What is there of a line that has grown too long is held as far as the limit goes, so that its tag
 * is found wherever the input was cut. */
static enum gathered too_long(struct imapd_reader *r, struct slice piece, size_t max, bool ended)
{
    size_t held = buf_size(&r->held) - r->line_start;
    size_t room = held > max ? 0 : max + 1 - held;

    hold(r, slice_make(piece.p, room < piece.n ? room : piece.n));
    r->state = ended ? IMAPD_READER_LINE : IMAPD_READER_SKIP_LINE;
    return GATHERED_TOO_LONG;
}

/* Gathers the line that begins at `line_start` and is at most `max` octets long, the CR at its end
 * not counted. `*text` is everything held, with the line, which is not copied when it is all. */
static enum gathered gather_line(struct imapd_reader *r, struct slice *in, size_t max,
                                 struct slice *text)
{
    bool ended;
    struct slice piece = slice_take_piece(in, &ended);
    size_t held = buf_size(&r->held);
    size_t n = held - r->line_start + piece.n;
    bool cr = piece.n                ? piece.p[piece.n - 1] == '\r'
              : held > r->line_start ? buf_slice(&r->held).p[held - 1] == '\r'
                                     : false;

    imapd_announce_see(&r->announce, piece);
    if (n - cr > max)
        return too_long(r, piece, max, ended);
    if (ended && held == 0) {
        *text = slice_make(piece.p, n - cr);
        return GATHERED_LINE;
    }
    hold(r, piece);
    if (!ended || buf_failed(&r->held))
        return GATHERED_MORE;
    buf_truncate(&r->held, buf_size(&r->held) - cr);
    *text = buf_slice(&r->held);
    return GATHERED_LINE;
}

static void remember_tag(struct imapd_reader *r, struct slice text)
{
    struct slice tag = slice_of("");

    imapd_tag_take(&text, &tag);
    buf_keep(&r->tag, tag);
}

static void begin_command(struct imapd_reader *r)
{
    r->state = IMAPD_READER_LINE;
    r->literals = 0;
    r->announce = (struct imapd_announce){0};
}

/* A command that was refused goes on with a literal that the client sends without being asked. */
static void skip_announced(struct imapd_reader *r, const struct imapd_limits *limits)
{
    bool comes = imapd_announce_made(&r->announce) && r->announce.nonsync;

    if (comes && r->announce.size > limits->skip) {
        r->state = IMAPD_READER_CLOSED;
    } else if (comes) {
        r->left = r->announce.size;
        r->state = IMAPD_READER_SKIP_LITERAL;
    } else {
        begin_command(r);
    }
}

static int refuse(struct imapd_reader *r, struct imapd_read_event *ev, enum imapd_status status,
                  const char *code, const char *sentence)
{
    drop_held(r);
    ev->tag = buf_slice(&r->tag);
    ev->status = status;
    ev->code = code;
    ev->sentence = sentence;
    return IMAPD_READ_REFUSED;
}

/* The command is refused at the end of a line. */
static int refuse_line(struct imapd_reader *r, const struct imapd_limits *limits,
                       struct imapd_read_event *ev, enum imapd_status status, const char *code,
                       const char *sentence)
{
    skip_announced(r, limits);
    return refuse(r, ev, status, code, sentence);
}

static int refuse_long_line(struct imapd_reader *r, const struct imapd_limits *limits,
                            struct imapd_read_event *ev)
{
    /* The message of an APPEND stood before this line: its tag is known. */
    if (buf_size(&r->tag) == 0)
        remember_tag(r, buf_slice(&r->held));
    if (r->state != IMAPD_READER_SKIP_LINE)
        skip_announced(r, limits);
    return refuse(r, ev, IMAPD_BAD, NULL, "The line is too long");
}

/* The announcement at the end of `text` has no brace but its own. */
static size_t announce_at(struct slice text)
{
    size_t n = text.n;

    while (n > 0 && text.p[n - 1] != '{')
        n--;
    return n > 1 && text.p[n - 2] == '~' ? n - 2 : n - 1;
}

/* APPEND's first literal is the mailbox when it stands at its place, else it is the message. */
static bool announces_message(const struct imapd_reader *r, struct slice text)
{
    struct slice rest;

    if (imapd_verb_of(text, &rest) != IMAPD_APPEND)
        return false;
    return r->literals > 0 || announce_at(rest) > 1;
}

static int begin_message(struct imapd_reader *r, struct slice text,
                         const struct imapd_limits *limits, struct imapd_read_event *ev)
{
    size_t at = announce_at(text);

    if (r->announce.size > limits->literal[IMAPD_APPEND])
        return refuse_line(r, limits, ev, IMAPD_NO, "TOOBIG", "The message is too large");
    r->enclosed = at > 0 && text.p[at - 1] == '(';
    r->left = r->announce.size;
    r->state = IMAPD_READER_ASKED;
    r->handed_out = true;
    ev->text = text;
    return IMAPD_READ_APPEND;
}

static uint64_t literal_limit(const struct imapd_limits *limits, struct slice text)
{
    struct slice rest;
    enum imapd_verb verb = imapd_verb_of(text, &rest);

    if (verb == IMAPD_APPEND || limits->literal[verb] == 0)
        verb = IMAPD_UNKNOWN;
    return limits->literal[verb];
}

/* The literal goes into its place behind the line, which then ends with CRLF in any case. */
static int begin_literal(struct imapd_reader *r, struct slice text,
                         const struct imapd_limits *limits, struct imapd_read_event *ev)
{
    uint64_t size = r->announce.size;

    if (r->literals == limits->literals)
        return refuse_line(r, limits, ev, IMAPD_BAD, NULL, "Too many literals in a command");
    if (size > literal_limit(limits, text) || size > limits->command - text.n)
        return refuse_line(r, limits, ev, IMAPD_BAD, "TOOBIG", "The literal is too large");
    r->literals++;
    if (buf_size(&r->held) == 0)
        hold(r, text);
    hold(r, slice_of("\r\n"));
    r->left = size;
    r->state = IMAPD_READER_LITERAL;
    return r->announce.nonsync ? AGAIN : IMAPD_READ_CONTINUE;
}

static int announced(struct imapd_reader *r, struct slice text, const struct imapd_limits *limits,
                     struct imapd_read_event *ev)
{
    if (r->announce.nonsync && r->announce.size > limits->nonsync)
        return refuse_line(r, limits, ev, IMAPD_BAD, "TOOBIG",
                           "The literal is too large to be sent without being asked for");
    if (announces_message(r, text))
        return begin_message(r, text, limits, ev);
    return begin_literal(r, text, limits, ev);
}

static int read_line(struct imapd_reader *r, struct slice *in, const struct imapd_limits *limits,
                     struct imapd_read_event *ev)
{
    struct slice text;
    enum gathered gathered = gather_line(r, in, limits->line, &text);

    if (gathered == GATHERED_MORE)
        return IMAPD_READ_MORE;
    buf_clear(&r->tag);
    if (gathered == GATHERED_TOO_LONG)
        return refuse_long_line(r, limits, ev);
    if (text.n > limits->command || imapd_announce_made(&r->announce))
        remember_tag(r, text);
    if (text.n > limits->command)
        return refuse_line(r, limits, ev, IMAPD_BAD, NULL, "The command is too long");
    if (imapd_announce_made(&r->announce))
        return announced(r, text, limits, ev);
    begin_command(r);
    r->handed_out = true;
    ev->text = text;
    return IMAPD_READ_COMMAND;
}

static struct slice take_octets(struct imapd_reader *r, struct slice *in)
{
    struct slice octets = slice_take(in, in->n < r->left ? in->n : (size_t)r->left);

    r->left -= octets.n;
    return octets;
}

static int read_literal(struct imapd_reader *r, struct slice *in)
{
    hold(r, take_octets(r, in));
    if (r->left || buf_failed(&r->held))
        return IMAPD_READ_MORE;
    r->line_start = buf_size(&r->held);
    r->announce = (struct imapd_announce){0};
    return go(r, IMAPD_READER_LINE);
}

static int read_asked(struct imapd_reader *r)
{
    bool waits = !r->announce.nonsync;

    r->announce = (struct imapd_announce){0};
    go(r, r->left ? IMAPD_READER_MESSAGE : IMAPD_READER_TAIL);
    return waits ? IMAPD_READ_CONTINUE : AGAIN;
}

static int read_message(struct imapd_reader *r, struct slice *in, struct imapd_read_event *ev)
{
    if (in->n == 0)
        return IMAPD_READ_MORE;
    ev->text = take_octets(r, in);
    if (r->left == 0)
        r->state = IMAPD_READER_TAIL;
    return IMAPD_READ_DATA;
}

static int read_tail(struct imapd_reader *r, struct slice *in, const struct imapd_limits *limits,
                     struct imapd_read_event *ev)
{
    struct slice text;
    enum gathered gathered = gather_line(r, in, limits->line, &text);

    if (gathered == GATHERED_MORE)
        return IMAPD_READ_MORE;
    if (gathered == GATHERED_TOO_LONG)
        return refuse_long_line(r, limits, ev);
    /* Another message (MULTIAPPEND, RFC 3502) would begin here. */
    if (!slice_is(text, r->enclosed ? ")" : ""))
        return refuse_line(r, limits, ev, IMAPD_BAD, NULL,
                           "APPEND: nothing more was expected behind the message");
    drop_held(r);
    begin_command(r);
    return IMAPD_READ_APPEND_END;
}

static int skip_literal(struct imapd_reader *r, struct slice *in)
{
    take_octets(r, in);
    if (r->left)
        return IMAPD_READ_MORE;
    r->announce = (struct imapd_announce){0};
    return go(r, IMAPD_READER_SKIP_LINE);
}

static int skip_line(struct imapd_reader *r, struct slice *in, const struct imapd_limits *limits)
{
    bool ended;
    struct slice piece = slice_take_piece(in, &ended);

    imapd_announce_see(&r->announce, piece);
    if (!ended)
        return IMAPD_READ_MORE;
    skip_announced(r, limits);
    return AGAIN;
}

static int step(struct imapd_reader *r, struct slice *in, const struct imapd_limits *limits,
                struct imapd_read_event *ev)
{
    switch (r->state) {
    case IMAPD_READER_LINE:
        return read_line(r, in, limits, ev);
    case IMAPD_READER_LITERAL:
        return read_literal(r, in);
    case IMAPD_READER_ASKED:
        return read_asked(r);
    case IMAPD_READER_MESSAGE:
        return read_message(r, in, ev);
    case IMAPD_READER_TAIL:
        return read_tail(r, in, limits, ev);
    case IMAPD_READER_SKIP_LITERAL:
        return skip_literal(r, in);
    case IMAPD_READER_SKIP_LINE:
        return skip_line(r, in, limits);
    case IMAPD_READER_CLOSED:
        break;
    }
    slice_take(in, in->n);
    return IMAPD_READ_CLOSE;
}

enum imapd_read imapd_reader_next(struct imapd_reader *r, struct slice *in,
                                  const struct imapd_limits *limits, struct imapd_read_event *ev)
{
    int result = AGAIN;

    if (r->handed_out)
        drop_held(r);
    *ev = (struct imapd_read_event){.text = slice_of(""), .tag = slice_of("")};
    while (result == AGAIN)
        result = step(r, in, limits, ev);
    return (enum imapd_read)result;
}

/* A line that was refused is skipped to its end, and whatever it announces is none. */
static bool skip_raw(struct imapd_reader *r, struct slice *in)
{
    bool ended = true;

    if (r->state == IMAPD_READER_SKIP_LINE)
        slice_take_piece(in, &ended);
    if (ended)
        begin_command(r);
    return ended;
}

enum imapd_read imapd_reader_raw(struct imapd_reader *r, struct slice *in, size_t max,
                                 struct imapd_read_event *ev)
{
    assert(r->state == IMAPD_READER_LINE || r->state == IMAPD_READER_SKIP_LINE);
    if (r->handed_out)
        drop_held(r);
    *ev = (struct imapd_read_event){.text = slice_of(""), .tag = slice_of("")};
    if (!skip_raw(r, in))
        return IMAPD_READ_MORE;
    switch (gather_line(r, in, max, &ev->text)) {
    case GATHERED_MORE:
        ev->text = slice_of("");
        return IMAPD_READ_MORE;
    case GATHERED_TOO_LONG:
        buf_clear(&r->tag);
        return (enum imapd_read)refuse(r, ev, IMAPD_BAD, NULL, "The line is too long");
    case GATHERED_LINE:
        break;
    }
    begin_command(r);
    r->handed_out = true;
    return IMAPD_READ_LINE;
}

void imapd_reader_refuse(struct imapd_reader *r, const struct imapd_limits *limits)
{
    if (r->state == IMAPD_READER_ASKED)
        skip_announced(r, limits);
}
