/* See imap_write.h. */
#include "translate/imap/imap_write.h"

#include <assert.h>

#include "translate/text/utf7.h"
#include "translate/text/utf8.h"

enum { MAILBOX_NAME_MAX = 1000 };

static bool fits_quoted(struct slice text, bool utf8)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\r' || c == '\n' || c == '\0' || (c >= 0x80 && !utf8))
            return false;
    }
    return true;
}

bool imap_put_quoted(struct buf *out, struct slice text, bool utf8)
{
    if (!fits_quoted(text, utf8))
        return false;
    buf_putc(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_putc(out, '\\');
        buf_putc(out, text.p[i]);
    }
    buf_putc(out, '"');
    return true;
}

static bool is_mailbox_name(struct slice name)
{
    if (name.n == 0 || name.n > MAILBOX_NAME_MAX)
        return false;
    while (name.n) {
        unsigned char c = (unsigned char)name.p[0];
        size_t n = utf8_length(name);
        if (n == 0 || c < 0x20 || c == 0x7f)
            return false;
        slice_take(&name, n);
    }
    return true;
}

bool imap_put_mailbox(struct buf *out, struct slice name, bool utf8)
{
    struct buf encoded = BUF_INIT;

    if (!is_mailbox_name(name))
        return false;
    if (slice_is_nocase(name, "INBOX"))
        name = slice_of("INBOX");
    if (utf8)
        return imap_put_quoted(out, name, true);
    bool written = utf7_encode(&encoded, name) && imap_put_quoted(out, buf_slice(&encoded), false);
    out->failed = out->failed || buf_failed(&encoded);
    buf_clear(&encoded);
    return written;
}

/* How many of the UIDs from the front follow each other without a gap. */
static size_t run_length(const uint32_t *uids, size_t count)
{
    size_t n = 1;

    while (n < count && uids[n] == uids[n - 1] + 1)
        n++;
    return n;
}

size_t imap_put_set(struct buf *out, const uint32_t *uids, size_t count, size_t max)
{
    enum { RANGE_MAX = 22 }; /* ",4294967294:4294967295" */
    size_t start = buf_size(out);
    size_t done = 0;

    assert(count > 0);
    while (done < count) {
        if (done && buf_size(out) - start + RANGE_MAX > max)
            break;
        size_t n = run_length(uids + done, count - done);
        if (done)
            buf_putc(out, ',');
        buf_put_number(out, uids[done]);
        if (n > 1) {
            buf_putc(out, ':');
            buf_put_number(out, uids[done + n - 1]);
        }
        done += n;
    }
    return done;
}
