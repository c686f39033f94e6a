/*
 * Any octets as a message: the first says how it is cut, the second how many lines TOP asks for
 * (255: RETR). What goes out must not depend on the cut, must be read back as so many octets as
 * were counted, and must end where a client takes it to end.
 */
#include "translate/pop3/pop3_body.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static uint64_t send_message(struct slice message, size_t piece, uint32_t lines, struct buf *out)
{
    struct pop3_body body;

    pop3_body_init(&body, lines);
    while (message.n)
        pop3_body_put(&body, out, slice_take(&message, piece));
    pop3_body_end(&body, out);
    return body.octets;
}

/* Reads as a client does: line by line, to the lone dot. Gives the octets without the stuffing. */
static uint64_t receive_message(struct slice wire)
{
    uint64_t octets = 0;

    while (wire.n) {
        const char *lf = memchr(wire.p, '\n', wire.n);
        check(lf != NULL);
        struct slice line = slice_take(&wire, (size_t)(lf - wire.p) + 1);
        check(line.n >= 2 && line.p[line.n - 2] == '\r' && !slice_has_nul(line));
        if (slice_is(line, ".\r\n"))
            break;
        octets += line.n - (line.p[0] == '.');
    }
    check(wire.n == 0);
    return octets;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT;
    struct buf cut = BUF_INIT;

    if (size < 2)
        return 0;
    uint32_t lines = data[1] == 255 ? UINT32_MAX : data[1];
    struct slice message = slice_make((const char *)data + 2, size - 2);
    uint64_t octets = send_message(message, SIZE_MAX, lines, &whole);
    check(send_message(message, 1 + data[0] % 16, lines, &cut) == octets);
    check(slice_equal(buf_slice(&whole), buf_slice(&cut)));
    check(receive_message(buf_slice(&whole)) == octets);
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
