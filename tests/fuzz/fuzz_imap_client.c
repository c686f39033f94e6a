/*
 * Any octets as an IMAP server to log in to. Whatever it says: no password leaves in the clear
 * unless the options allow it, and a connection
 * that failed stays failed. The first octet of the input chooses options, the second the pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/credentials.h"
#include "translate/imap/imap_client.h"

static const char password[] = "sEcReT";
static const char password_base64[] = "am9lAHNFY1JlVA=="; /* "joe", NUL, the password */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
    struct imap_client *client;
    bool clear; /* no TLS yet */
    bool allowed;
    bool failed;
};

static bool contains(struct slice text, const char *part)
{
    return text.n && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void send_out(struct session *s)
{
    struct buf *out = imap_client_out(s->client);
    struct slice text = buf_slice(out);

    if (s->clear && !s->allowed && (contains(text, password) || contains(text, password_base64)))
        abort();
    buf_drop(out, text.n);
}

static void act(struct session *s, const struct imap_client_event *ev)
{
    if (s->failed && ev->type != IMAP_CLIENT_FAILED)
        abort();
    if (ev->type == IMAP_CLIENT_TLS) {
        s->clear = false;
        imap_client_tls_started(s->client);
    } else if (ev->type == IMAP_CLIENT_DEFLATE) {
        imap_client_deflate_started(s->client);
    } else if (ev->type == IMAP_CLIENT_READY) {
        for (int i = 0; i < 10; i++)
            imap_client_command(s->client, "NOOP");
    }
    s->failed = ev->type == IMAP_CLIENT_FAILED;
}

static void feed(struct session *s, struct slice piece)
{
    struct imap_client_event ev;

    do {
        imap_client_next(s->client, &piece, &ev);
        send_out(s);
        act(s, &ev);
    } while (ev.type != IMAP_CLIENT_MORE && ev.type != IMAP_CLIENT_FAILED);
}

static struct imap_client_options options_of(uint8_t bits)
{
    return (struct imap_client_options){.tls_now = bits & 1,
                                        .starttls = bits & 2,
                                        .require_tls = bits & 4,
                                        .allow_cleartext = bits & 8,
                                        .allow_preauth = bits & 16,
                                        .compress = bits & 32,
                                        .utf8 = bits & 64};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct failure why;

    if (size < 2)
        return 0;
    struct imap_client_options options = options_of(data[0]);
    size_t piece = data[1] % 64 + 1;
    slice_take(&text, 2);
    struct session s = {.client = imap_client_new(&options),
                        .clear = !options.tls_now,
                        .allowed = options.allow_cleartext && !options.require_tls};
    if (!s.client || !imap_password_login(s.client, slice_of("joe"), slice_of(password), &why))
        abort();
    while (text.n)
        feed(&s, slice_take(&text, piece));
    imap_client_closed(s.client, &why);
    imap_client_free(s.client);
    return 0;
}
