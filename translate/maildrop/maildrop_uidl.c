/*
 * What identifies a message to a POP3 client: the route's format, what must be fetched for it, and
 * the exceptions that keep a UIDL the same where the format alone would change it.
 */
#include <stdlib.h>
#include <string.h>

#include "translate/maildrop/maildrop_internal.h"
#include "translate/text/utf8.h"

/* One Message-ID field, folded or not; longer ones are cut, and told apart like doubles. */
enum { MESSAGE_ID_MAX = 2000 };

bool uidl_is_computed(const struct maildrop *m)
{
    unsigned ids = UIDL_NEEDS_GUID | UIDL_NEEDS_MESSAGE_ID | UIDL_NEEDS_HEADER_MD5;

    return !(uidl_format_needs(&m->options->uidl_format) & ids);
}

const char *uidl_fetch_items(const struct maildrop *m)
{
    unsigned needs = uidl_format_needs(&m->options->uidl_format);

    if (needs & UIDL_NEEDS_HEADER_MD5)
        return " BODY.PEEK[HEADER]";
    if (needs & UIDL_NEEDS_MESSAGE_ID)
        return " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]";
    if (!(needs & UIDL_NEEDS_GUID))
        return "";
    if (upstream_can(m, IMAP_CAP_OBJECTID))
        return " EMAILID";
    if (upstream_can(m, IMAP_CAP_GMAIL))
        return " X-GM-MSGID";
    return strcmp(imap_client_server_name(m->upstream.client), "dovecot") == 0 ? " X-GUID" : "";
}

/* ---- taken from the header -------------------------------------------------------------- */

/* Owned; NULL when memory is out. */
static char *hex_of(const unsigned char *octets, unsigned count)
{
    struct buf hex = BUF_INIT;

    for (unsigned i = 0; i < count; i++)
        buf_printf(&hex, "%02x", octets[i]);
    char *text = buf_failed(&hex) ? NULL : slice_dup(buf_slice(&hex));
    buf_clear(&hex);
    return text;
}

static bool is_text(struct slice s)
{
    while (s.n && *s.p && utf8_length(s))
        slice_take(&s, utf8_length(s));
    return s.n == 0;
}

/* JSON holds UTF-8 only, and mail has Message-IDs of any octets: of those the MD5 is remembered,
 * which is also what stands for them in a UIDL. */
char *uidl_id(struct maildrop *m, struct slice id)
{
    unsigned char md5[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char *text = NULL;

    if (id.n == 0)
        return NULL;
    if (is_text(id))
        text = slice_dup(id);
    else if (EVP_Digest(id.p, id.n, md5, &length, EVP_md5(), NULL) == 1)
        text = hex_of(md5, length);
    if (!text)
        m->failed = true;
    return text;
}

static void digest_end(struct maildrop *m)
{
    struct sync *s = &m->sync;
    unsigned char md5[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    free(s->id);
    s->id = NULL;
    if (s->digest && EVP_DigestFinal_ex(s->digest, md5, &length) == 1)
        s->id = hex_of(md5, length);
    EVP_MD_CTX_free(s->digest);
    s->digest = NULL;
    if (!s->id)
        m->failed = true;
}

/* "Message-ID:\r\n <x@y>\r\n\r\n" -> "<x@y>" (RFC 5322 section 3.6.4). */
static void message_id_end(struct maildrop *m)
{
    struct sync *s = &m->sync;
    struct slice field = buf_slice(&s->header);
    const char *open = field.n ? memchr(field.p, '<', field.n) : NULL;
    const char *close = open ? memchr(open, '>', field.n - (size_t)(open - field.p)) : NULL;

    free(s->id);
    s->id = close ? uidl_id(m, slice_make(open, (size_t)(close - open) + 1)) : NULL;
    buf_clear(&s->header);
}

void uidl_header(struct maildrop *m, const struct imap_event *ev)
{
    struct sync *s = &m->sync;
    bool whole = uidl_format_needs(&m->options->uidl_format) & UIDL_NEEDS_HEADER_MD5;

    if (ev->type == IMAP_EV_BODY_BEGIN && whole) {
        EVP_MD_CTX_free(s->digest);
        s->digest = EVP_MD_CTX_new();
        if (!s->digest || EVP_DigestInit_ex(s->digest, EVP_md5(), NULL) != 1)
            m->failed = true;
    } else if (ev->type == IMAP_EV_BODY_DATA && whole) {
        if (s->digest)
            EVP_DigestUpdate(s->digest, ev->text.p, ev->text.n);
    } else if (ev->type == IMAP_EV_BODY_DATA) {
        struct slice text = ev->text;
        buf_put(&s->header, slice_take(&text, MESSAGE_ID_MAX - MIN(buf_size(&s->header),
                                                                   (size_t)MESSAGE_ID_MAX)));
    } else if (ev->type == IMAP_EV_BODY_END && whole) {
        digest_end(m);
    } else if (ev->type == IMAP_EV_BODY_END) {
        message_id_end(m);
    }
}

/* ---- writing ---------------------------------------------------------------------------- */

static void uidl_write(struct maildrop *m, uint16_t folder, uint32_t uidvalidity, uint32_t uid,
                       const char *id, char out[UIDL_MAX + 1])
{
    unsigned needs = uidl_format_needs(&m->options->uidl_format);
    struct slice known = slice_of(id ? id : "");
    struct uidl_source source = {
        .uid = uid,
        .uidvalidity = uidvalidity,
        .folder = slice_of(m->folders[folder].name),
        .header_md5 = id && needs & UIDL_NEEDS_HEADER_MD5 ? id : NULL,
    };

    if (needs & UIDL_NEEDS_GUID)
        source.id = known;
    if (needs & UIDL_NEEDS_MESSAGE_ID)
        source.message_id = known;
    if (!uidl_format_print(&m->options->uidl_format, &source, out))
        m->failed = true;
}

char *uidl_of(struct maildrop *m, uint32_t uidvalidity, const struct drop_message *message)
{
    char text[UIDL_MAX + 1];

    if (message->uidl)
        return strdup(message->uidl);
    uidl_write(m, m->sync.folder, uidvalidity, message->uid, message->id, text);
    return strdup(text);
}

/* Folders may have the same UIDVALIDITY and the same UIDs: then the later one's are marked, always
 * in the same way. */
static bool folder_is_ambiguous(const struct maildrop *m, uint16_t folder)
{
    for (uint16_t i = 0; i < folder; i++)
        if (m->folders[i].uidvalidity == m->folders[folder].uidvalidity ||
            !uidl_format_spans_folders(&m->options->uidl_format))
            return !(uidl_format_needs(&m->options->uidl_format) & UIDL_NEEDS_FOLDER);
    return false;
}

void uidl_print(struct maildrop *m, const struct maildrop_message *message, char out[UIDL_MAX + 1])
{
    const struct maildrop_folder *folder = &m->folders[message->folder];
    unsigned hash = 5381;

    if (message->uidl) {
        snprintf(out, UIDL_MAX + 1, "%s", message->uidl);
        return;
    }
    uidl_write(m, message->folder, folder->uidvalidity, message->uid, NULL, out);
    if (!folder_is_ambiguous(m, message->folder))
        return;
    for (const char *p = folder->name; *p; p++)
        hash = hash * 33 + (unsigned char)*p;
    size_t used = MIN(strlen(out), (size_t)UIDL_MAX - 9);
    snprintf(out + used, UIDL_MAX + 1 - used, ".%08x", hash);
}

/* ---- exceptions ------------------------------------------------------------------------- */

/* A message seen under another UIDVALIDITY is the same beyond doubt when its date of arrival and
 * its size occur once there and once here (CASES D7). */
struct candidate {
    int64_t received;
    uint64_t size;
    struct drop_message *message;
    bool is_new;
};

static int by_identity(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->received != y->received)
        return x->received < y->received ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return x->is_new - y->is_new;
}

static bool same_identity(const struct candidate *a, const struct candidate *b)
{
    return a->received == b->received && a->size == b->size;
}

static void recognise_pair(struct maildrop *m, uint32_t uidvalidity, struct candidate *old,
                           struct candidate *new)
{
    new->message->uidl = uidl_of(m, uidvalidity, old->message);
    new->message->hidden = old->message->hidden;
    if (!new->message->uidl)
        m->failed = true;
}

void uidl_recognise(struct maildrop *m, const struct drop_folder *before,
                    struct drop_message *found, size_t count)
{
    size_t total = before->count + count, recognised = 0;
    struct candidate *all = calloc(total + 1, sizeof *all);

    if (!all) {
        m->failed = true;
        return;
    }
    for (size_t i = 0; i < total; i++) {
        bool is_new = i >= before->count;
        struct drop_message *message = is_new ? &found[i - before->count] : &before->messages[i];
        all[i] = (struct candidate){message->received, message->size, message, is_new};
    }
    qsort(all, total, sizeof *all, by_identity);
    for (size_t i = 0, end; i < total; i = end) {
        for (end = i + 1; end < total && same_identity(&all[i], &all[end]);)
            end++;
        if (end - i == 2 && !all[i].is_new && all[i + 1].is_new && all[i].received) {
            recognise_pair(m, before->uidvalidity, &all[i], &all[i + 1]);
            recognised++;
        }
    }
    free(all);
    maildrop_log(m, MAILDROP_WARNING, "uidvalidity-changed",
                 "the mail server renumbered \"%s\": %zu of %zu messages were recognised and keep "
                 "their UIDL",
                 m->folders[m->sync.folder].name, recognised, count);
}

/* True when it was not there yet. */
static bool taken_add(struct maildrop *m, json_t *taken, const char *uidl)
{
    if (json_object_get(taken, uidl))
        return false;
    if (json_object_set_new(taken, uidl, json_true()) != 0)
        m->failed = true;
    return true;
}

static bool is_renumbered(const struct maildrop *m)
{
    const struct drop_folder *before = m->sync.before;

    return before && before->uidvalidity != m->folders[m->sync.folder].uidvalidity;
}

static bool has_exceptions(const struct drop_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (messages[i].uidl)
            return true;
    return false;
}

/* UIDLs that come out of UID and UIDVALIDITY differ by themselves; but not from those that were
 * kept from another UIDVALIDITY when the format leaves that out. */
static bool may_meet(const struct maildrop *m)
{
    const struct sync *s = &m->sync;

    return !uidl_is_computed(m) || is_renumbered(m) || has_exceptions(s->found, s->found_count) ||
           (s->known && s->known->sum.uidls);
}

static void take_folder(struct maildrop *m, json_t *taken, const struct drop_folder *folder)
{
    for (size_t i = 0; i < folder->count && !m->failed; i++) {
        char *uidl = uidl_of(m, folder->uidvalidity, &folder->messages[i]);
        if (uidl)
            taken_add(m, taken, uidl);
        else
            m->failed = true;
        free(uidl);
    }
}

/* What no new message may get: a client that has once seen it would take that message for read. An
 * id says of itself that it is the same message under another UIDVALIDITY; a number does not. */
static void take_all(struct maildrop *m, json_t *taken)
{
    const struct sync *s = &m->sync;

    for (uint32_t i = 0; i < m->list.count; i++)
        if (m->list.items[i].uidl)
            taken_add(m, taken, m->list.items[i].uidl);
    if (s->known)
        take_folder(m, taken, s->known);
    if (is_renumbered(m) && uidl_is_computed(m))
        take_folder(m, taken, s->before);
    for (size_t i = 0; i < s->found_count; i++)
        if (s->found[i].uidl)
            taken_add(m, taken, s->found[i].uidl);
}

static void keep_apart(struct maildrop *m, json_t *taken, struct drop_message *message)
{
    uint32_t uidvalidity = m->folders[m->sync.folder].uidvalidity;
    char *uidl = uidl_of(m, uidvalidity, message);

    if (!uidl) {
        m->failed = true;
        return;
    }
    if (!taken_add(m, taken, uidl)) {
        char other[UIDL_MAX + 1];
        snprintf(other, sizeof other, "%.48s.%u.%u", uidl, uidvalidity, message->uid);
        taken_add(m, taken, other);
        message->uidl = strdup(other);
        m->failed |= !message->uidl;
    }
    free(uidl);
}

void uidl_keep_apart(struct maildrop *m)
{
    struct sync *s = &m->sync;

    if (s->found_count == 0 || !may_meet(m))
        return;
    json_t *taken = json_object();
    take_all(m, taken);
    for (size_t i = 0; i < s->found_count && !m->failed; i++)
        if (!s->found[i].uidl)
            keep_apart(m, taken, &s->found[i]);
    json_decref(taken);
}
