/*
 * Any octets as what a POP3 client sends: the first two say how the rest is cut and how long a line
 * may be. The lines must be the same however they are cut; each is taken as a command and as a SASL
 * response.
 */
#include "translate/pop3/pop3_command.h"
#include "translate/sasl/sasl_server.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_inside(struct slice part, struct slice line)
{
    check(part.n == 0 || (part.p >= line.p && part.p + part.n <= line.p + line.n));
}

static void try_command(struct slice line)
{
    struct pop3_command cmd;
    struct failure why = {0};

    bool fits = pop3_command_parse(&cmd, line, &why);
    check(fits == (why.kind == FAILURE_NONE));
    check_inside(cmd.word, line);
    check_inside(cmd.text, line);
    check_inside(cmd.initial, line);
    check(!fits || cmd.verb != POP3_DELE || cmd.number > 0);
    check(!fits || cmd.verb != POP3_PASS || cmd.text.n > 0);
}

static const struct sasl_server_options options = {.mechanisms = SASL_PLAIN | SASL_LOGIN,
                                                   .service = "pop"};

static void try_response(struct sasl_server *sasl, struct slice line)
{
    struct buf challenge = BUF_INIT;
    struct failure why = {0};
    enum sasl_server_result result =
        sasl->state == SASL_SERVER_IDLE
            ? sasl_server_start(sasl, &options, slice_of(line.n % 2 ? "PLAIN" : "LOGIN"),
                                line.n % 3 == 0, line, &challenge, &why)
            : sasl_server_step(sasl, line, &challenge, &why);

    if (result == SASL_SERVER_DONE)
        check(!slice_has_nul(buf_slice(&sasl->user)) && buf_size(&sasl->user) > 0 &&
              !slice_has_nul(buf_slice(&sasl->password)) && buf_size(&sasl->password) > 0);
    check((result == SASL_SERVER_FAILED) == (why.kind != FAILURE_NONE));
    buf_clear(&challenge);
}

/* Writes down all lines that come out of `text` cut into pieces of `piece` octets. */
static void read_lines(struct slice text, size_t piece, size_t max, struct buf *said)
{
    struct pop3_reader reader = {0};
    struct sasl_server sasl = {0};
    enum pop3_line_result result;
    struct slice line;

    while (text.n) {
        struct slice in = slice_take(&text, piece);
        while ((result = pop3_reader_next(&reader, &in, max, &line)) != POP3_LINE_MORE) {
            buf_putc(said, result == POP3_LINE ? 'L' : '!');
            if (result != POP3_LINE)
                continue;
            check(line.n <= max);
            buf_put(said, line);
            try_command(line);
            try_response(&sasl, line);
        }
        check(in.n == 0);
        check(buf_size(&reader.partial) <= max + 1);
    }
    buf_putc(said, pop3_reader_partial(&reader) ? '~' : '.');
    sasl_server_clear(&sasl);
    pop3_reader_clear(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT;
    struct buf cut = BUF_INIT;

    if (size < 2)
        return 0;
    struct slice text = slice_make((const char *)data + 2, size - 2);
    read_lines(text, SIZE_MAX, data[1], &whole);
    read_lines(text, 1 + data[0] % 16, data[1], &cut);
    check(slice_equal(buf_slice(&whole), buf_slice(&cut)));
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
