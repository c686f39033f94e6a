/*
 * See stream_state.h. Piece after piece is taken out of the layers and offered to the owner. When
 * it takes no more, each layer keeps what it has not used, and the socket is not read until all of
 * them are empty: so at most one buffer of ciphertext, one TLS record and one step of inflate are
 * held.
 */
#include <errno.h>
#include <sys/socket.h>

#include "proxy/net/stream_state.h"

enum { PIECES_PER_TURN = 16 /* then the other streams of the loop have theirs */ };

bool stream_holds_octets(const struct stream *s)
{
    return s->data.octets.n || (s->deflate && stream_deflate_holds(s->deflate)) ||
           (s->tls && stream_tls_holds(s->tls));
}

bool stream_wants_octets(const struct stream *s)
{
    if (s->state == STREAM_LINGER)
        return true;
    return s->state == STREAM_OPEN && !s->ended && !s->stopped && !s->starting &&
           !stream_holds_octets(s);
}

enum piece { PIECE_OFFERED, PIECE_NONE, PIECE_END };

/* Takes the next octets out of TLS; `*n` is 0 when there are none. */
static bool read_tls(struct stream *s, size_t *n, struct failure *why)
{
    *n = 0;
    switch (stream_tls_read(s->tls, s->loop->plain, LOOP_PLAIN_SIZE, n, why)) {
    case STREAM_TLS_END:
        why->kind = FAILURE_NONE;
        return false;
    case STREAM_TLS_FAILED:
        return false;
    default:
        return true;
    }
}

/* Takes the next octets out of DEFLATE, and into it out of TLS. */
static bool read_deflate(struct stream *s, size_t *n, struct failure *why)
{
    for (;;) {
        if (!stream_deflate_read(s->deflate, s->loop->data, LOOP_DATA_SIZE, n, why))
            return false;
        if (*n || !s->tls)
            return true;
        size_t plain;
        if (!read_tls(s, &plain, why))
            return false;
        if (plain == 0)
            return true;
        stream_deflate_give(s->deflate, slice_make(s->loop->plain, plain));
    }
}

/* Makes sure that `data` has octets, when there are any. False when the stream is at its end. */
static bool fill_data(struct stream *s, struct failure *why)
{
    size_t n = 0;

    if (s->data.octets.n || (!s->deflate && !s->tls))
        return true;
    if (!(s->deflate ? read_deflate(s, &n, why) : read_tls(s, &n, why)))
        return false;
    if (n)
        stream_input_give(&s->data, slice_make(s->deflate ? s->loop->data : s->loop->plain, n));
    return true;
}

static void offer_data(struct stream *s)
{
    struct slice in = s->data.octets;

    s->resumed = false;
    s->offering = true;
    s->handler->on_data(s->owner, s, &in);
    s->offering = false;
    s->octets_in += s->data.octets.n - in.n;
    s->data.octets = in;
    if (in.n && !s->resumed)
        s->stopped = true;
}

/* The next piece to the owner. */
static enum piece next_piece(struct stream *s, struct failure *why)
{
    if (!fill_data(s, why))
        return PIECE_END;
    if (s->data.octets.n == 0)
        return PIECE_NONE;
    offer_data(s);
    return PIECE_OFFERED;
}

bool stream_can_offer(const struct stream *s)
{
    return s->state == STREAM_OPEN && !s->ended && !s->stopped && !s->starting;
}

static void offer_pieces(struct stream *s)
{
    struct failure why = {.kind = FAILURE_NONE};

    for (int i = 0; i < PIECES_PER_TURN && stream_can_offer(s); i++) {
        enum piece piece = next_piece(s, &why);
        if (piece == PIECE_END)
            stream_end(s, &why);
        if (piece != PIECE_OFFERED || s->data.octets.n)
            return;
    }
}

/* False when the handshake is not over. */
static bool continue_handshake(struct stream *s)
{
    struct failure why;

    if (!s->tls || stream_tls_is_up(s->tls))
        return true;
    switch (stream_tls_handshake(s->tls, &why)) {
    case STREAM_TLS_DONE:
        s->handler->on_tls(s->owner, s);
        return true;
    case STREAM_TLS_MORE:
        return false;
    case STREAM_TLS_END:
        stream_tls_cut(s->tls, &why);
        break;
    case STREAM_TLS_FAILED:
        break;
    }
    stream_end(s, &why);
    return false;
}

static bool keep_octets(struct stream *s)
{
    return stream_input_keep(&s->data) && (!s->deflate || stream_deflate_keep(s->deflate)) &&
           (!s->tls || stream_tls_keep(s->tls));
}

/* Before the loop's buffers go to the next stream. */
static void settle(struct stream *s)
{
    if (s->state != STREAM_OPEN)
        return;
    if (!keep_octets(s))
        stream_break(s, ENOMEM);
    if (s->starting || (stream_can_offer(s) && stream_holds_octets(s)))
        stream_ask_turn(s);
    if (s->events & UV_WRITABLE)
        stream_watch(s);
    else
        stream_flush(s);
    stream_drained(s);
}

static void read_layers(struct stream *s)
{
    if (stream_can_offer(s) && continue_handshake(s))
        offer_pieces(s);
    settle(s);
}

static void give_raw(struct stream *s, struct slice octets)
{
    if (s->tls)
        stream_tls_give(s->tls, octets);
    else if (s->deflate)
        stream_deflate_give(s->deflate, octets);
    else
        stream_input_give(&s->data, octets);
}

static void end_of_file(struct stream *s)
{
    struct failure why = {.kind = FAILURE_NONE};

    s->eof = true;
    if (s->tls)
        stream_tls_cut(s->tls, &why); /* close_notify would have ended it before */
    if (s->broken)
        stream_end_broken(s);
    else
        stream_end(s, &why);
    settle(s);
}

void stream_read(struct stream *s)
{
    ssize_t n = recv(s->fd, s->loop->raw, LOOP_RAW_SIZE, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (s->state == STREAM_LINGER) {
        if (n <= 0)
            stream_finish(s);
    } else if (n > 0) {
        give_raw(s, slice_make(s->loop->raw, (size_t)n));
        read_layers(s);
    } else if (n == 0) {
        end_of_file(s);
    } else {
        stream_break(s, errno);
        stream_end_broken(s);
        settle(s);
    }
}

/* The peer's octets behind the last line in the clear: see stream_start_tls(). */
static void begin_tls(struct stream *s)
{
    struct failure why;
    bool injected = s->data.octets.n > 0;

    stream_input_clear(&s->data);
    if (!injected || !stream_tls_is_client(s->tls))
        return;
    failure_set(&why, FAILURE_PERMANENT,
                "the server sent data in the clear behind its answer to STARTTLS: someone in "
                "between may be tampering with the connection");
    stream_end(s, &why);
}

static void begin_deflate(struct stream *s)
{
    stream_deflate_give(s->deflate, s->data.octets);
    if (!stream_deflate_keep(s->deflate))
        stream_break(s, ENOMEM);
    stream_input_clear(&s->data);
}

static void begin_layer(struct stream *s)
{
    enum stream_start starting = s->starting;

    s->starting = START_NOTHING;
    if (starting == START_TLS)
        begin_tls(s);
    else if (starting == START_DEFLATE)
        begin_deflate(s);
}

/* Whether a broken stream has anything left to be read before its end is told. */
static bool may_have_last_words(const struct stream *s)
{
    return (s->broken == ECONNRESET || s->broken == EPIPE) && stream_can_offer(s);
}

void stream_turn(struct stream *s)
{
    if (s->broken && !may_have_last_words(s))
        stream_end_broken(s);
    if (s->state == STREAM_OPEN)
        begin_layer(s);
    read_layers(s);
}
