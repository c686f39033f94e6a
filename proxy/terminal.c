#include "proxy/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <qrencode.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 4096, MARGIN = 2 /* modules of light around a QR code */ };

/* ---- asking ------------------------------------------------------------------------------ */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

/* One octet at a time: what is behind the line belongs to whoever reads next. */
static ssize_t read_octet(char *octet)
{
    ssize_t n;

    do
        n = read(STDIN_FILENO, octet, 1);
    while (n < 0 && errno == EINTR && !interrupted);
    return n;
}

bool terminal_read_line(struct buf *out, const char *what, struct failure *why)
{
    size_t before = buf_size(out);
    char octet = '\0';
    bool nul = false;
    ssize_t n;

    while ((n = read_octet(&octet)) == 1 && octet != '\n' &&
           buf_size(out) - before <= LINE_MAX_OCTETS) {
        nul = nul || octet == '\0';
        if (octet != '\r')
            buf_putc(out, octet);
    }
    size_t length = buf_size(out) - before;
    if (interrupted)
        failure_set(why, FAILURE_TEMPORARY, "interrupted");
    else if (n < 0)
        failure_set(why, FAILURE_TEMPORARY, "cannot read %s: %s", what, strerror(errno));
    else if (!length)
        failure_set(why, FAILURE_PERMANENT, "%s is missing: a line of standard input is to have it",
                    what);
    else if (nul || length > LINE_MAX_OCTETS || buf_failed(out))
        failure_set(why, FAILURE_PERMANENT, "%s is too long, or has a NUL in it", what);
    else
        return true;
    return false;
}

/* With the echo off until the line was read, or we were told to end. */
static bool read_hidden(struct buf *out, const char *what, const struct termios *shown,
                        struct failure *why)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_interrupt};
    struct sigaction before[3];
    struct termios hidden = *shown;

    interrupted = 0;
    for (size_t i = 0; i < 3; i++)
        sigaction(ends[i], &action, &before[i]); /* without SA_RESTART: read() returns */
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool good = terminal_read_line(out, what, why);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, shown);
    for (size_t i = 0; i < 3; i++)
        sigaction(ends[i], &before[i], NULL);
    fputc('\n', stderr);
    return good;
}

bool terminal_ask_secret(struct buf *out, const char *question, const char *what,
                         struct failure *why)
{
    struct termios shown;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown) != 0)
        return terminal_read_line(out, what, why);
    fprintf(stderr, "%s: ", question);
    fflush(stderr);
    return read_hidden(out, what, &shown, why);
}

/* ---- showing ----------------------------------------------------------------------------- */

bool terminal_shows_utf8(FILE *out)
{
    setlocale(LC_CTYPE, "");
    return isatty(fileno(out)) && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool is_dark(const QRcode *code, int x, int y)
{
    bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;

    return inside && (code->data[y * code->width + x] & 1);
}

/* Black on white by name, since a terminal may have it the other way round. */
static void show_line(const QRcode *code, int y, FILE *out)
{
    static const char *const halves[2][2] = {{" ", "\u2584"}, {"\u2580", "\u2588"}};

    fputs("    \033[30;107m", out);
    for (int x = -MARGIN; x < code->width + MARGIN; x++)
        fputs(halves[is_dark(code, x, y)][is_dark(code, x, y + 1)], out);
    fputs("\033[0m\n", out);
}

void terminal_show_qr(const char *text, FILE *out)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (!code)
        return;
    for (int y = -MARGIN; y < code->width + MARGIN; y += 2)
        show_line(code, y, out);
    QRcode_free(code);
}
