/*
 * A format is a list of parts, one for each literal character and each % item; writing a UIDL walks
 * it once into a buffer, and the buffer is then made legal as a whole. A part's text is added
 * unescaped, so that a Message-ID's digest or a long result's digest is of the true octets.
 */
#include "translate/maildrop/uidl_format.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "translate/text/buf.h"

enum {
    WIDTH_MAX = 20,     /* digits of the largest 64-bit number */
    DIGEST_OCTETS = 20, /* of a SHA-256, when the UIDL would be too long */
};

static bool is_legal(char c)
{
    return c >= 0x21 && c <= 0x7e;
}

static bool is_number_item(char item)
{
    return item == 'u' || item == 'v' || item == 'g';
}

/* Takes "08X" off the front of `*text`. */
static bool part_parse_modifiers(struct uidl_part *part, const char **text, struct failure *why)
{
    const char *p = *text;
    unsigned width = 0;

    if (*p >= '1' && *p <= '9') {
        failure_set(why, FAILURE_PERMANENT, "a width is written with a leading zero, as in %%08u");
        return false;
    }
    for (; *p >= '0' && *p <= '9' && width <= WIDTH_MAX; p++)
        width = width * 10 + (unsigned)(*p - '0');
    if (width > WIDTH_MAX) {
        failure_set(why, FAILURE_PERMANENT, "a width is at most %d", WIDTH_MAX);
        return false;
    }
    if (*p == 'x' || *p == 'X' || *p == 'd')
        part->radix = *p++;
    part->width = (unsigned char)width;
    *text = p;
    return true;
}

/* Takes the item behind a '%' off the front of `*text`. */
static bool part_parse_item(struct uidl_part *part, const char **text, struct failure *why)
{
    if (!part_parse_modifiers(part, text, why))
        return false;
    char item = **text;
    if (item == '\0') {
        failure_set(why, FAILURE_PERMANENT,
                    "it ends inside an item; write %%%% for a percent sign");
        return false;
    }
    (*text)++;
    if (!strchr("uvgfimF%", item)) {
        failure_set(why, FAILURE_PERMANENT,
                    "%%%c is not known; items are %%u %%v %%g %%f %%i %%m %%F %%%%", item);
        return false;
    }
    if ((part->width || part->radix) && !is_number_item(item)) {
        failure_set(why, FAILURE_PERMANENT,
                    "%%%c takes no width and no x, X or d: only %%u, %%v and %%g do", item);
        return false;
    }
    if (item == '%')
        part->literal = '%';
    else
        part->item = item;
    return true;
}

static bool part_parse(struct uidl_part *part, const char **text, struct failure *why)
{
    char c = *(*text)++;

    if (c == '%')
        return part_parse_item(part, text, why);
    if (!is_legal(c)) {
        failure_set(why, FAILURE_PERMANENT,
                    "only printable ASCII without spaces can stand in a UIDL");
        return false;
    }
    part->literal = c;
    return true;
}

static bool format_has(const struct uidl_format *f, const char *items)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->parts[i].item && strchr(items, f->parts[i].item))
            return true;
    return false;
}

static unsigned format_needs(const struct uidl_format *f)
{
    return (format_has(f, "gf") ? (unsigned)UIDL_NEEDS_GUID : 0) |
           (format_has(f, "i") ? (unsigned)UIDL_NEEDS_MESSAGE_ID : 0) |
           (format_has(f, "m") ? (unsigned)UIDL_NEEDS_HEADER_MD5 : 0) |
           (format_has(f, "F") ? (unsigned)UIDL_NEEDS_FOLDER : 0);
}

bool uidl_format_parse(struct uidl_format *f, const char *text, struct failure *why)
{
    *f = (struct uidl_format){.count = 0};
    while (*text) {
        if (f->count == UIDL_FORMAT_PARTS) {
            failure_set(why, FAILURE_PERMANENT, "a UIDL has at most %d characters", UIDL_MAX);
            return false;
        }
        if (!part_parse(&f->parts[f->count], &text, why))
            return false;
        f->count++;
    }
    if (!format_has(f, "ugfim")) {
        failure_set(why, FAILURE_PERMANENT,
                    "nothing in it tells messages apart; use one of %%u %%g %%f %%i %%m");
        return false;
    }
    f->needs = format_needs(f);
    return true;
}

unsigned uidl_format_needs(const struct uidl_format *f)
{
    return f->needs;
}

bool uidl_format_spans_folders(const struct uidl_format *f)
{
    return format_has(f, "vgfimF");
}

/* By hand: it is done twice for each message of a listing, and printf() would be most of it. */
static void put_number(struct buf *b, const struct uidl_part *part, uint64_t n)
{
    const char *set = part->radix == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = part->radix == 'x' || part->radix == 'X' ? 16 : 10;
    char digits[WIDTH_MAX];
    size_t start = sizeof digits;

    do {
        digits[--start] = set[n % base];
        n /= base;
    } while (n || sizeof digits - start < part->width);
    buf_put(b, slice_make(digits + start, sizeof digits - start));
}

/* Stands for what a message or its server lacks; unique as long as the folder keeps its UIDs. */
static void put_substitute(struct buf *b, const struct uidl_source *src)
{
    buf_printf(b, "%08" PRIx32 "%08" PRIx32, src->uidvalidity, src->uid);
}

static bool put_digest(struct buf *b, const EVP_MD *kind, struct slice text, size_t octets)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(text.p, text.n, digest, &n, kind, NULL) != 1 || n == 0)
        return false;
    for (size_t i = 0; i < n && i < octets; i++)
        buf_printf(b, "%02x", digest[i]);
    return true;
}

static void put_id(struct buf *b, const struct uidl_part *part, const struct uidl_source *src)
{
    uint64_t n = 0;

    if (src->id.n == 0)
        put_substitute(b, src);
    else if ((part->radix || part->width) && slice_number(src->id, UINT64_MAX, &n))
        put_number(b, part, n);
    else
        buf_put(b, src->id);
}

static void put_file_name(struct buf *b, const struct uidl_source *src)
{
    struct slice name = src->id;
    const char *slash = name.n ? memrchr(name.p, '/', name.n) : NULL;

    if (slash)
        slice_take(&name, (size_t)(slash - name.p) + 1);
    const char *info = name.n ? memmem(name.p, name.n, ":2,", 3) : NULL;
    if (info)
        name.n = (size_t)(info - name.p);
    if (name.n)
        buf_put(b, name);
    else
        put_substitute(b, src);
}

static bool is_legal_uidl(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_legal(s.p[i]))
            return false;
    return s.n >= 1 && s.n <= UIDL_MAX;
}

static bool put_message_id(struct buf *b, const struct uidl_source *src)
{
    struct slice id = slice_trim(src->message_id);

    if (id.n == 0)
        put_substitute(b, src);
    else if (is_legal_uidl(id))
        buf_put(b, id);
    else
        return put_digest(b, EVP_md5(), id, EVP_MAX_MD_SIZE);
    return true;
}

static bool put_part(struct buf *b, const struct uidl_part *part, const struct uidl_source *src)
{
    switch (part->item) {
    case 'u':
        put_number(b, part, src->uid);
        return true;
    case 'v':
        put_number(b, part, src->uidvalidity);
        return true;
    case 'g':
        put_id(b, part, src);
        return true;
    case 'f':
        put_file_name(b, src);
        return true;
    case 'i':
        return put_message_id(b, src);
    case 'm':
        if (src->header_md5)
            buf_puts(b, src->header_md5);
        else
            put_substitute(b, src);
        return true;
    case 'F':
        buf_put(b, src->folder);
        return true;
    default:
        buf_putc(b, part->literal);
        return true;
    }
}

/* Writes `raw` with illegal octets escaped. False when it does not fit. */
static bool write_escaped(struct slice raw, char out[UIDL_MAX + 1])
{
    size_t used = 0;

    for (size_t i = 0; i < raw.n; i++) {
        bool legal = is_legal(raw.p[i]);
        if (used + (legal ? 1 : 3) > UIDL_MAX)
            return false;
        if (legal)
            out[used++] = raw.p[i];
        else
            used += (size_t)snprintf(out + used, 4, "=%02X", (unsigned)(unsigned char)raw.p[i]);
    }
    out[used] = '\0';
    return used > 0;
}

static bool write_digest(struct slice raw, char out[UIDL_MAX + 1])
{
    struct buf hex = BUF_INIT;
    bool done = put_digest(&hex, EVP_sha256(), raw, DIGEST_OCTETS) && !buf_failed(&hex);

    if (done) {
        struct slice digits = buf_slice(&hex);
        memcpy(out, digits.p, digits.n);
        out[digits.n] = '\0';
    }
    buf_clear(&hex);
    return done;
}

bool uidl_format_print(const struct uidl_format *f, const struct uidl_source *src,
                       char out[UIDL_MAX + 1])
{
    struct buf raw = BUF_INIT;
    bool done = true;

    for (size_t i = 0; i < f->count && done; i++)
        done = put_part(&raw, &f->parts[i], src);
    done = done && !buf_failed(&raw) &&
           (write_escaped(buf_slice(&raw), out) || write_digest(buf_slice(&raw), out));
    buf_clear(&raw);
    if (!done)
        out[0] = '\0';
    return done;
}
