/*
 * Any octets as a POP3 server. Whatever it says: no password leaves in the clear unless the options
 * allow it, a connection that failed stays failed, each command is done at most once and in its
 * order, a message ends before its command does, and the same octets in other pieces give the same
 * events. The first octet of the input chooses options, the second the pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/credentials.h"
#include "translate/pop3/pop3_client.h"

static const char password[] = "sEcReT";
static const char password_base64[] = "c0VjUmVU";        /* the password alone: AUTH LOGIN */
static const char message_base64[] = "AGpvZQBzRWNSZVQ="; /* NUL, "joe", NUL, the password */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
    struct pop3_client *client;
    bool clear; /* no TLS yet */
    bool allowed;
    bool failed;
    bool in_body;
    uint32_t done;
    uint64_t sum; /* of the events, whatever pieces the octets came in */
};

static bool contains(struct slice text, const char *part)
{
    return text.n && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void send_out(struct session *s)
{
    struct buf *out = pop3_client_out(s->client);
    struct slice text = buf_slice(out);

    if (s->clear && !s->allowed &&
        (contains(text, password) || contains(text, password_base64) ||
         contains(text, message_base64)))
        abort();
    buf_drop(out, text.n);
}

static void add(struct session *s, uint64_t n)
{
    s->sum = s->sum * 1099511628211u + n;
}

static void add_text(struct session *s, struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        add(s, (unsigned char)text.p[i]);
}

static void issue_all(struct pop3_client *c)
{
    pop3_client_stat(c);
    pop3_client_list(c, 0);
    pop3_client_uidl(c, 0);
    pop3_client_uidl(c, 2);
    pop3_client_top(c, 1, 0);
    for (uint32_t i = 1; i < 5; i++)
        pop3_client_retr(c, i);
    pop3_client_dele(c, 1);
    pop3_client_quit(c);
}

static void check_order(struct session *s, const struct pop3_client_event *ev)
{
    if (s->failed && ev->type != POP3_CLIENT_FAILED)
        abort();
    if (ev->command && ev->command != s->done + 1)
        abort();
    if (s->in_body && ev->type != POP3_CLIENT_MORE && ev->type != POP3_CLIENT_BODY_DATA &&
        ev->type != POP3_CLIENT_BODY_END)
        abort();
}

static void act(struct session *s, const struct pop3_client_event *ev)
{
    check_order(s, ev);
    if (ev->type == POP3_CLIENT_BODY_DATA || ev->type == POP3_CLIENT_BODY_END)
        s->in_body = ev->type == POP3_CLIENT_BODY_DATA;
    if (ev->type != POP3_CLIENT_MORE && ev->type != POP3_CLIENT_BODY_DATA &&
        !(s->failed && ev->type == POP3_CLIENT_FAILED))
        add(s, 256 + ev->type);
    add_text(s, ev->text);
    if (ev->type == POP3_CLIENT_TLS) {
        s->clear = false;
        pop3_client_tls_started(s->client);
    } else if (ev->type == POP3_CLIENT_READY) {
        issue_all(s->client);
    } else if (ev->type == POP3_CLIENT_DONE) {
        s->done++;
    }
    s->failed = ev->type == POP3_CLIENT_FAILED;
}

static void feed(struct session *s, struct slice piece)
{
    struct pop3_client_event ev;

    do {
        pop3_client_next(s->client, &piece, &ev);
        send_out(s);
        act(s, &ev);
    } while (ev.type != POP3_CLIENT_MORE && ev.type != POP3_CLIENT_FAILED);
}

static struct pop3_client_options options_of(uint8_t bits)
{
    return (struct pop3_client_options){.tls_now = bits & 1,
                                        .stls = bits & 2,
                                        .require_tls = bits & 4,
                                        .allow_cleartext = bits & 8,
                                        .allow_apop = bits & 16,
                                        .utf8 = bits & 32,
                                        .window = bits >> 6};
}

static uint64_t run(struct pop3_client_options options, struct slice text, size_t piece)
{
    struct failure why;
    struct session s = {.client = pop3_client_new(&options),
                        .clear = !options.tls_now,
                        .allowed = options.allow_cleartext && !options.require_tls};

    if (!s.client || !pop3_password_login(s.client, slice_of("joe"), slice_of(password), &why))
        abort();
    while (text.n)
        feed(&s, slice_take(&text, piece));
    pop3_client_closed(s.client, &why);
    pop3_client_free(s.client);
    return s.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);

    if (size < 2)
        return 0;
    struct pop3_client_options options = options_of(data[0]);
    size_t piece = data[1] % 64 + 1;
    slice_take(&text, 2);
    uint64_t sum = run(options, text, piece);
    /* What follows the answer to STLS is an attack in one piece and TLS in two. */
    if (!options.stls && sum != run(options, text, 1))
        abort();
    return 0;
}
