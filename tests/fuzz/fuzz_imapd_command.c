/*
 * Any octets as what an IMAP client sends: the first two say how the rest is cut and which of the
 * messages that are announced are refused. The commands must be the same however they are cut; each
 * is taken apart, and what comes out of it is used.
 */
#include "translate/imap/imapd_command.h"
#include "translate/imap/imapd_list.h"
#include "translate/imap/imapd_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void walk_set(const struct imapd_set *set)
{
    static const uint32_t most[] = {0, 1, 7, 1000, UINT32_MAX};

    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        struct imapd_set_walk walk = {0};
        struct imapd_range range;
        uint64_t before = 0;
        while (imapd_set_next(set, most[i], &walk, &range)) {
            check(range.first >= 1 && range.first <= range.last && range.last <= most[i]);
            check(before == 0 || range.first > before + 1);
            check(imapd_set_has(set, most[i], range.first));
            check(imapd_set_has(set, most[i], range.last));
            check(range.last == UINT32_MAX || !imapd_set_has(set, most[i], range.last + 1));
            before = range.last;
        }
    }
}

static void walk_search(const struct imapd_search_key *key, unsigned depth)
{
    check(depth <= 2 * IMAPD_SEARCH_DEPTH_MAX + 2);
    for (; key; key = key->next) {
        walk_set(&key->set);
        check(key->kind != IMAPD_SEARCH_OR || key->child->next);
        walk_search(key->child, depth + 1);
    }
}

/* What the response names an item must be an item too, and the same one. */
static void fetch_again(const struct imapd_fetch_item *item)
{
    struct buf text = BUF_INIT;
    struct buf name = BUF_INIT;
    struct buf again = BUF_INIT;
    struct imapd_command cmd;
    struct failure why;

    buf_puts(&text, "a FETCH 1 ");
    imapd_fetch_put_name(&name, item);
    struct slice shown = buf_slice(&name);
    if (item->partial) /* the response has no length */
        while (shown.p[--shown.n] != '<')
            ;
    buf_put(&text, shown);
    check(imapd_command_parse(&cmd, buf_slice(&text), false, &why) && cmd.fetch.count == 1);
    imapd_fetch_put_name(&again, &cmd.fetch.items[0]);
    check(slice_equal(shown, buf_slice(&again)));
    imapd_command_clear(&cmd);
    buf_clear(&text);
    buf_clear(&name);
    buf_clear(&again);
}

static void use(const struct imapd_command *cmd)
{
    struct buf out = BUF_INIT;

    walk_set(&cmd->set);
    if (cmd->verb == IMAPD_SEARCH)
        walk_search(cmd->search.key, 1);
    for (size_t i = 0; cmd->verb == IMAPD_FETCH && i < cmd->fetch.count; i++)
        fetch_again(&cmd->fetch.items[i]);
    if (cmd->verb == IMAPD_LIST || cmd->verb == IMAPD_LSUB)
        for (size_t i = 0; i < cmd->list.patterns.count; i++)
            if (imapd_list_pattern(&out, cmd->list.reference, cmd->list.patterns.words[i]))
                imapd_list_match(buf_slice(&out), slice_of("INBOX/a/b"));
    if (cmd->verb == IMAPD_STORE)
        imapd_put_flags(&out, &cmd->store.flags);
    if (cmd->verb == IMAPD_APPEND)
        imapd_put_date(&out, cmd->append.date);
    imapd_put_astring(&out, cmd->mailbox, true);
    buf_clear(&out);
}

static void take_apart(struct slice text, bool utf8, struct buf *said)
{
    struct imapd_command cmd;
    struct failure why = {0};
    struct slice rest = text;
    struct slice tag = slice_of("");

    bool valid = imapd_command_parse(&cmd, text, utf8, &why);
    check(valid == (why.kind == FAILURE_NONE));
    imapd_tag_take(&rest, &tag);
    check(slice_equal(tag, cmd.tag));
    if (valid)
        use(&cmd);
    else
        imapd_put_bad(said, cmd.tag, &why, utf8);
    imapd_command_clear(&cmd);
}

/* Writes down all that is read out of `text` cut into pieces of `piece` octets. */
static void read_all(struct slice text, size_t piece, uint8_t mode, struct buf *said)
{
    struct imapd_reader reader = {0};
    struct imapd_limits limits;
    struct imapd_read_event ev;
    enum imapd_read type = IMAPD_READ_MORE;

    limits = imapd_limits_behind_login;
    limits.line = 300;
    limits.command = 400;
    limits.literals = 4;
    limits.literal[IMAPD_UNKNOWN] = 100;
    limits.literal[IMAPD_APPEND] = 200;
    limits.nonsync = mode & 1 ? 50 : UINT64_MAX;
    limits.skip = 500;
    while (text.n && type != IMAPD_READ_CLOSE) {
        struct slice in = slice_take(&text, piece);
        while ((type = imapd_reader_next(&reader, &in, &limits, &ev)) != IMAPD_READ_MORE) {
            if (type != IMAPD_READ_DATA)
                buf_printf(said, "\n%d ", type);
            buf_put(said, ev.text);
            buf_put(said, ev.tag);
            if (type == IMAPD_READ_COMMAND || type == IMAPD_READ_APPEND)
                take_apart(ev.text, mode & 2, said);
            if (type == IMAPD_READ_APPEND && mode & 4)
                imapd_reader_refuse(&reader, &limits);
            if (type == IMAPD_READ_CLOSE)
                break;
        }
        check(in.n == 0);
        check(buf_size(&reader.held) <= limits.command + limits.line + 3);
    }
    buf_putc(said, imapd_reader_partial(&reader) ? '~' : '.');
    imapd_reader_clear(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT;
    struct buf cut = BUF_INIT;

    if (size < 2)
        return 0;
    struct slice text = slice_make((const char *)data + 2, size - 2);
    read_all(text, SIZE_MAX, data[1], &whole);
    read_all(text, 1 + data[0] % 16, data[1], &cut);
    check(slice_equal(buf_slice(&whole), buf_slice(&cut)));
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
