#include "tests/bench/load_session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STEP_GREETING, STEP_USER, STEP_PASS, STEP_STAT, STEP_SCRIPT, PIECE_SIZE = 262144 };

/* What came at once; before it there is room for what came last of the piece before. */
struct piece {
    char *p;
    size_t n;
};

static const char multiline_end[] = "\r\n.\r\n";
enum { END_SIZE = sizeof multiline_end - 1 };

uint64_t load_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static enum load_result fail(const struct load_session *s, const char *what)
{
    fprintf(stderr, "load: session %u, step %u: %s\n", s->number, s->step, what);
    return LOAD_FAILED;
}

/* ---- octets ---- */

/* What waits in `out`. LOAD_WRITE: not all of it could be sent yet. */
static enum load_result flush(struct load_session *s)
{
    while (buf_size(&s->out)) {
        struct slice octets = buf_slice(&s->out);
        ssize_t n = send(s->fd, octets.p, octets.n, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? LOAD_WRITE : fail(s, strerror(errno));
        buf_drop(&s->out, (size_t)n);
    }
    return LOAD_READ;
}

/* A command always fits: the socket's buffer is empty when the one before is answered. */
static bool send_octets(struct load_session *s, struct slice octets)
{
    if (!s->tls)
        return send(s->fd, octets.p, octets.n, MSG_NOSIGNAL) == (ssize_t)octets.n;
    return load_tls_is_up(s->tls) && load_tls_seal(s->tls, octets, &s->out) &&
           flush(s) == LOAD_READ;
}

/* Opens the records that came. */
static enum load_result open_piece(struct load_session *s, struct piece *piece)
{
    static struct buf plain;

    buf_reuse(&plain);
    buf_put(&plain, slice_make(s->tail, END_SIZE));
    if (!load_tls_take(s->tls, slice_make(piece->p, piece->n), &plain, &s->out))
        return fail(s, "the connection was lost");
    struct slice opened = buf_slice(&plain);
    piece->p = plain.p + END_SIZE;
    piece->n = opened.n - END_SIZE;
    return flush(s) == LOAD_READ ? LOAD_DONE : fail(s, "could not send");
}

/* The next octets, of which there may be none in a record. A recv() that had room for more has had
 * all there was: no other one is made to hear so. */
static enum load_result receive(struct load_session *s, struct piece *piece)
{
    static char room[END_SIZE + PIECE_SIZE];

    if (s->drained)
        return LOAD_READ;
    ssize_t n = recv(s->fd, room + END_SIZE, PIECE_SIZE, 0);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR)
                   ? LOAD_READ
                   : fail(s, n < 0 ? strerror(errno) : "closed");
    s->drained = n < PIECE_SIZE;
    *piece = (struct piece){room + END_SIZE, (size_t)n};
    return s->tls ? open_piece(s, piece) : LOAD_DONE;
}

bool load_session_open(struct load_session *s, const struct load_plan *plan, unsigned number)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(plan->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    *s = (struct load_session){.plan = plan, .number = number, .began = load_now()};
    memset(s->tail, '\n', sizeof s->tail);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return false;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        return false;
    if (!plan->tls)
        return true;
    s->tls = load_tls_new(plan->tls, &s->out);
    return s->tls && flush(s) != LOAD_FAILED;
}

void load_session_close(struct load_session *s)
{
    load_tls_free(s->tls);
    buf_clear(&s->out);
    close(s->fd);
    s->tls = NULL;
    s->fd = -1;
}

/* ---- the script ---- */

static int login_command(const struct load_session *s, char *line, size_t cap)
{
    const struct load_plan *p = s->plan;

    if (s->step == STEP_PASS)
        return snprintf(line, cap, "PASS %s\r\n", p->password);
    if (s->step == STEP_STAT)
        return snprintf(line, cap, "STAT\r\n");
    return p->numbered ? snprintf(line, cap, "USER %s%u\r\n", p->user, s->number)
                       : snprintf(line, cap, "USER %s\r\n", p->user);
}

static unsigned retr_number(const struct load_session *s)
{
    bool within = s->plan->script == LOAD_RETR && s->step >= STEP_SCRIPT &&
                  s->step - STEP_SCRIPT < s->plan->messages;

    return within ? s->step - STEP_SCRIPT + 1 : 0;
}

static bool is_imap(const struct load_plan *p)
{
    return p->script == LOAD_SCAN || p->script == LOAD_SEARCH;
}

static unsigned steps_before_quit(const struct load_plan *p)
{
    if (is_imap(p))
        return p->repeats;
    return p->script == LOAD_LIST ? 2 * p->repeats : p->script == LOAD_RETR ? p->messages : 0;
}

static int imap_command(const struct load_session *s, char *line, size_t cap)
{
    const struct load_plan *p = s->plan;

    if (s->step == STEP_USER)
        return p->numbered
                   ? snprintf(line, cap, "x LOGIN %s%u %s\r\n", p->user, s->number, p->password)
                   : snprintf(line, cap, "x LOGIN %s %s\r\n", p->user, p->password);
    if (s->step == STEP_PASS)
        return snprintf(line, cap, "x SELECT INBOX\r\n");
    if (s->step == STEP_STAT)
        return snprintf(line, cap, "x NOOP\r\n");
    if (s->step == STEP_SCRIPT + p->repeats)
        return snprintf(line, cap, "x LOGOUT\r\n");
    if (s->step > STEP_SCRIPT + p->repeats)
        return 0;
    return snprintf(
        line, cap, p->script == LOAD_SCAN ? "x FETCH 1:* (UID FLAGS)\r\n" : "x SEARCH FLAGGED\r\n");
}

/* The command of the step; 0 when there is none any more. */
static int next_command(const struct load_session *s, char *line, size_t cap)
{
    if (is_imap(s->plan))
        return imap_command(s, line, cap);
    if (s->step < STEP_SCRIPT)
        return login_command(s, line, cap);
    unsigned step = s->step - STEP_SCRIPT;
    if (retr_number(s))
        return snprintf(line, cap, "RETR %u\r\n", retr_number(s));
    if (s->plan->script == LOAD_LIST && step < steps_before_quit(s->plan))
        return snprintf(line, cap, step % 2 ? "LIST\r\n" : "UIDL\r\n");
    if (s->plan->script == LOAD_HOLD || step > steps_before_quit(s->plan))
        return 0;
    return snprintf(line, cap, "QUIT\r\n");
}

static bool is_multiline(const struct load_session *s)
{
    bool listing = s->plan->script == LOAD_LIST && s->step >= STEP_SCRIPT &&
                   s->step - STEP_SCRIPT < steps_before_quit(s->plan);

    return listing || retr_number(s);
}

static void step_on(struct load_session *s)
{
    s->step++;
    if (s->step == STEP_SCRIPT)
        s->script_began = load_now();
    else if (s->step == STEP_SCRIPT + steps_before_quit(s->plan))
        s->script_took = load_now() - s->script_began;
}

/* ---- a command, and its answer ---- */

static bool is_pipelined(const struct load_session *s)
{
    return s->plan->pipeline > 1 && retr_number(s);
}

/* Says as many as may be under way, once half of them are whole: not each by itself. False when
 * they cannot be sent. */
static bool pipeline_fill(struct load_session *s)
{
    static struct buf lines;
    unsigned most = retr_number(s) - 1 + s->plan->pipeline;

    if (s->sent + s->plan->pipeline / 2 > most)
        return true;
    buf_reuse(&lines);
    while (s->sent < s->plan->messages && s->sent < most) {
        buf_puts(&lines, "RETR ");
        buf_put_number(&lines, ++s->sent);
        buf_puts(&lines, "\r\n");
    }
    return !buf_failed(&lines) && (buf_size(&lines) == 0 || send_octets(s, buf_slice(&lines)));
}

static bool send_line(struct load_session *s, const char *line, int n)
{
    s->multiline = is_multiline(s);
    s->status_seen = false;
    memset(s->tail, '\n', sizeof s->tail);
    s->asked = load_now();
    if (is_pipelined(s))
        return pipeline_fill(s);
    return send_octets(s, slice_make(line, (size_t)n));
}

static void keep_tail(struct load_session *s, const char *piece, size_t n)
{
    size_t keep = sizeof s->tail;

    if (n < keep)
        memmove(s->tail, s->tail + n, keep - n);
    memcpy(s->tail + (n < keep ? keep - n : 0), piece + (n < keep ? 0 : n - keep),
           n < keep ? n : keep);
}

/* Whether the last line is whole, and begins with `words`. */
static bool ends_with_line(const struct load_session *s, const char *words)
{
    const char *end = s->tail + sizeof s->tail - 1;
    const char *line = *end == '\n' ? memrchr(s->tail, '\n', sizeof s->tail - 1) : NULL;
    size_t n = strlen(words);

    return line && (size_t)(end - line) > n && memcmp(line + 1, words, n) == 0;
}

/* Takes a piece of the answer. True when it is whole. */
static bool take_piece(struct load_session *s, const char *piece, size_t n)
{
    const char *end = s->tail + sizeof s->tail;

    s->octets += n;
    keep_tail(s, piece, n);
    if (is_imap(s->plan))
        return ends_with_line(s, s->step == STEP_GREETING ? "* OK" : "x ");
    return s->multiline ? memcmp(end - END_SIZE, multiline_end, END_SIZE) == 0 : end[-1] == '\n';
}

/* ---- more than one RETR under way: their ends ---- */

/* Where the message that is being read is over; NULL when that is yet to come. Dots are few, and
 * memchr() is faster than memmem(). */
static char *behind_message(char *from, const char *end)
{
    for (char *dot = from; (dot = memchr(dot, '.', (size_t)(end - dot))); dot++)
        if (dot - from >= 2 && end - dot >= 3 && memcmp(dot - 2, multiline_end, END_SIZE) == 0)
            return dot + END_SIZE - 2;
    return NULL;
}

/* Takes what came, `n` octets at `piece`, before which there is room for what came last. True when
 * the last answer is whole. */
static bool take_pipelined(struct load_session *s, char *piece, size_t n)
{
    enum { BEFORE = END_SIZE - 1 };
    char *from = piece - BEFORE;
    const char *end = piece + n;

    s->octets += n;
    memcpy(from, s->tail + sizeof s->tail - BEFORE, BEFORE);
    while ((from = behind_message(from, end))) {
        if (retr_number(s) == s->plan->messages)
            return true;
        step_on(s);
    }
    keep_tail(s, piece, n);
    return false;
}

/* An IMAP server says it last. */
static bool is_refused(const struct load_session *s)
{
    return is_imap(s->plan) && s->step != STEP_GREETING && !ends_with_line(s, "x OK");
}

static enum load_result take_answer(struct load_session *s, struct piece piece)
{
    if (!s->status_seen && piece.p[0] != '+' && !is_imap(s->plan))
        return fail(s, "refused");
    if (!s->status_seen && retr_number(s))
        s->first_octet = load_now() - s->asked;
    s->status_seen = true;
    if (is_pipelined(s) ? take_pipelined(s, piece.p, piece.n) : take_piece(s, piece.p, piece.n))
        return is_refused(s) ? fail(s, "refused") : LOAD_DONE;
    return is_pipelined(s) && !pipeline_fill(s) ? fail(s, "could not send") : LOAD_READ;
}

static enum load_result read_answer(struct load_session *s)
{
    struct piece piece;
    enum load_result result;

    while ((result = receive(s, &piece)) == LOAD_DONE) {
        if (piece.n == 0)
            continue;
        result = take_answer(s, piece);
        if (result != LOAD_READ)
            return result;
    }
    return result;
}

bool load_session_wake(struct load_session *s)
{
    static const char noop[] = "NOOP\r\n";

    return send_line(s, noop, sizeof noop - 1) || fail(s, "could not send") != LOAD_FAILED;
}

enum load_result load_session_run(struct load_session *s)
{
    char line[300];
    enum load_result result = flush(s);

    if (result != LOAD_READ)
        return result;
    s->drained = false;
    for (;;) {
        result = read_answer(s);
        if (result != LOAD_DONE)
            return result;
        step_on(s);
        int n = next_command(s, line, sizeof line);
        if (n == 0)
            return LOAD_DONE;
        if (!send_line(s, line, n))
            return fail(s, "could not send");
    }
}
