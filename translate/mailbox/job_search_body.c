/*
 * BODY and TEXT: the parts of a message against the keys, one after the other, until the message is
 * decided. Text parts, and parts that are messages of any kind, are decoded and converted to UTF-8
 * on their way; TEXT is looked for in the headers of all parts too.
 */
#include "translate/mailbox/job_internal.h"
#include "translate/mime/mime_type.h"

static struct job_body *body_of(struct job *j)
{
    return &j->search.body;
}

void job_body_clear(struct job_body *b)
{
    mime_decoder_free(b->decoder);
    buf_clear(&b->octets);
    buf_clear(&b->scratch);
    *b = (struct job_body){0};
}

static enum job_scope scope_of(uint32_t part)
{
    return part == 0 ? JOB_SCOPE_MESSAGE : JOB_SCOPE_PART;
}

static bool wants_header(struct job *j, const struct job_slot *slot, uint32_t part)
{
    if (scope_of(part) == JOB_SCOPE_MESSAGE && slot->header_done)
        return false;
    return job_keys_lack(&j->search.keys, IMAPD_SEARCH_TEXT);
}

/* Only what ends in a type other than TEXT and MESSAGE may be left out (RFC 9051 section 6.4.4).
 * A part that is no text for the parser may be one of those two all the same: a delivery status, a
 * message in UTF-8, or what lies too deep to be taken apart. */
static bool is_readable(const struct mime_message *message, uint32_t part)
{
    struct mime_type type;

    mime_type_parse(&type, mime_message_field(message, part, MIME_TYPE, 0));
    bool readable = type.valid && (slice_is_nocase(buf_slice(&type.type), "message") ||
                                   slice_is_nocase(buf_slice(&type.type), "multipart"));
    mime_type_clear(&type);
    return readable;
}

/* A multipart whose parts cannot be told apart is read as a text. */
static bool wants_text(const struct mime_message *message, uint32_t part)
{
    const struct mime_part *p = mime_message_part(message, part);

    switch (p->kind) {
    case MIME_KIND_TEXT:
        return true;
    case MIME_KIND_MULTIPART:
        return p->child == MIME_NONE;
    case MIME_KIND_MESSAGE:
        return false;
    case MIME_KIND_OTHER:
        break;
    }
    return is_readable(message, part);
}

static bool has_all(const struct job_slot *slot)
{
    return slot->all.progress == JOB_READY &&
           buf_size(&slot->octets) == mime_message_size(slot->message);
}

static void read_range(struct job *j, const struct job_slot *slot, uint64_t start, uint64_t end)
{
    if (has_all(slot)) {
        j->stream = (struct job_need){.length = end - start};
        body_of(j)->left = slice_make(buf_slice(&slot->octets).p + start, (size_t)(end - start));
        return;
    }
    j->stream = (struct job_need){.ask = JOB_ASK_STREAM,
                                  .content = slot->content,
                                  .part = ACCOUNT_WHOLE,
                                  .offset = start,
                                  .length = end - start};
    job_need_begin(j, &j->stream);
}

static void begin_header(struct job *j, const struct job_slot *slot)
{
    const struct mime_part *p = mime_message_part(slot->message, body_of(j)->part);
    uint64_t end = p->body_start;

    if (end - p->header_start > JOB_HEADER_MAX)
        end = p->header_start + JOB_HEADER_MAX;
    buf_clear(&body_of(j)->octets);
    read_range(j, slot, p->header_start, end);
}

static void reset_matches(struct job_keys *keys)
{
    for (uint32_t i = 0; i < keys->leaf_count; i++)
        if (keys->keys[keys->leaves[i]].match)
            mime_match_reset(keys->keys[keys->leaves[i]].match);
}

static void begin_text(struct job *j, const struct job_slot *slot)
{
    struct job_body *b = body_of(j);
    struct buf charset = BUF_INIT;

    mime_charset_of(slot->message, b->part, &charset);
    mime_decoder_free(b->decoder);
    b->decoder = mime_decoder_new(mime_transfer_of(slot->message, b->part), buf_slice(&charset));
    if (!b->decoder || buf_failed(&charset))
        job_no_memory(j);
    buf_clear(&charset);
    reset_matches(&j->search.keys);
    b->reading = true;
    b->at = mime_message_part(slot->message, b->part)->body_start;
}

/* In chunks: once the message is decided the rest of a large part is not read at all. */
static void read_text(struct job *j, const struct job_slot *slot)
{
    const struct job_body *b = body_of(j);
    uint64_t end = mime_message_part(slot->message, b->part)->body_end;

    read_range(j, slot, b->at, end - b->at > JOB_CHUNK ? b->at + JOB_CHUNK : end);
}

/* Begins to read what comes next. False when there is nothing more. */
static bool read_next(struct job *j, const struct job_slot *slot)
{
    struct job_body *b = body_of(j);

    for (; b->part < mime_message_parts(slot->message); b->part++, b->step = JOB_BODY_HEADER) {
        const struct mime_part *p = mime_message_part(slot->message, b->part);
        if (b->step == JOB_BODY_HEADER && p->body_start > p->header_start &&
            wants_header(j, slot, b->part)) {
            begin_header(j, slot);
            return true;
        }
        b->step = JOB_BODY_TEXT;
        if (p->body_end > p->body_start && wants_text(slot->message, b->part)) {
            if (!b->reading)
                begin_text(j, slot);
            read_text(j, slot);
            return true;
        }
    }
    return false;
}

static bool is_text_leaf(const struct job_key *k)
{
    return k->key->kind == IMAPD_SEARCH_BODY || k->key->kind == IMAPD_SEARCH_TEXT;
}

static uint32_t open_leaves(const struct job_keys *keys)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < keys->leaf_count; i++)
        count += keys->verdicts[i] == JOB_UNKNOWN && is_text_leaf(&keys->keys[keys->leaves[i]]);
    return count;
}

static void match_text(struct job *j, struct slice text)
{
    struct job_keys *keys = &j->search.keys;

    for (uint32_t i = 0; i < keys->leaf_count; i++) {
        const struct job_key *k = &keys->keys[keys->leaves[i]];
        if (keys->verdicts[i] == JOB_UNKNOWN && is_text_leaf(k) && mime_match_feed(k->match, text))
            keys->verdicts[i] = JOB_TRUE;
    }
}

static void match_made(struct job *j)
{
    struct job_body *b = body_of(j);

    if (buf_failed(&b->scratch))
        job_no_memory(j);
    match_text(j, buf_slice(&b->scratch));
    buf_truncate(&b->scratch, 0);
}

/* Pieces are small where there is much to be compared, so that a turn stays short. */
static size_t piece_size(const struct job *j)
{
    size_t leaves = open_leaves(&j->search.keys);
    size_t size = JOB_PIECE / (leaves + 1);

    return size < JOB_OCTETS_IN_UNIT ? JOB_OCTETS_IN_UNIT : size;
}

static void feed_text(struct job *j, struct slice *in)
{
    struct job_body *b = body_of(j);

    while (in->n) {
        uint64_t leaves = open_leaves(&j->search.keys);
        struct slice left = *in;
        struct slice piece = slice_take(&left, piece_size(j));
        if (!job_spend(j, 1 + piece.n * (leaves + 1) / JOB_OCTETS_IN_UNIT))
            return;
        *in = left;
        if (b->decoder)
            mime_decoder_feed(b->decoder, piece, &b->scratch);
        match_made(j);
    }
}

void job_search_data(struct job *j, struct slice *in)
{
    struct job_body *b = body_of(j);

    if (b->step == JOB_BODY_TEXT) {
        feed_text(j, in);
        return;
    }
    buf_put(&b->octets, *in);
    slice_take(in, in->n);
    if (buf_failed(&b->octets))
        job_no_memory(j);
}

void job_search_end(struct job *j)
{
    struct job_body *b = body_of(j);

    j->stream.progress = JOB_IDLE;
    if (b->step == JOB_BODY_HEADER) {
        b->matching = true;
        job_fields_begin(&j->search.fields, buf_slice(&b->octets), scope_of(b->part));
        return;
    }
    b->at += j->stream.length;
    if (b->at < mime_message_part(job_window_at(&j->window, 0)->message, b->part)->body_end)
        return;
    if (b->decoder)
        mime_decoder_end(b->decoder, &b->scratch);
    match_made(j);
    b->reading = false;
    b->part++;
    b->step = JOB_BODY_HEADER;
}

/* Goes on with octets that are at hand. False: out of work. */
static bool take_left(struct job *j)
{
    struct slice *left = &body_of(j)->left;

    if (left->n == 0)
        return true;
    job_search_data(j, left);
    if (left->n)
        return false;
    job_search_end(j);
    return true;
}

/* A part that cannot be read any more ends the search in this message. */
static bool go_on(struct job *j, struct job_slot *slot)
{
    struct job_body *b = body_of(j);

    if (b->matching && !job_fields_match(j, &j->search.fields))
        return true; /* and hungry */
    if (b->matching) {
        b->matching = false;
        b->step = JOB_BODY_TEXT;
    }
    if (job_need_is_pending(&j->stream))
        return true;
    if (b->left.n)
        return true;
    return j->stream.progress != JOB_FAILED && read_next(j, slot);
}

bool job_body_match(struct job *j, struct job_slot *slot)
{
    const struct box_message *m = job_message(j, slot->uid);
    bool decided;

    do {
        decided = !m || job_keys_verdict(j, slot->number, m) != JOB_UNKNOWN;
        if (decided || !go_on(j, slot))
            break;
        if (!take_left(j) || job_need_is_pending(&j->stream))
            return false;
        if (body_of(j)->matching && job_is_hungry(j))
            return false;
    } while (true);
    slot->unreadable = j->stream.progress == JOB_FAILED;
    j->stream.progress = JOB_IDLE; /* octets that still come are nobody's */
    j->search.fields.busy = false;
    job_body_clear(body_of(j));
    job_keys_close(&j->search.keys, IMAPD_SEARCH_BODY);
    job_keys_close(&j->search.keys, IMAPD_SEARCH_TEXT);
    return true;
}
